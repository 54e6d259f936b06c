# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the application fared at its login to the database, for the signatures of server and database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import Seen

# SQLSTATE of what a server says at a login.
PASSWORD, NO_DATABASE, TOO_MANY, STARTING = "28P01", "3D000", "53300", "57P03"
SUPERUSER = "sudo -u postgres psql"


def login_failed(seen: Seen) -> Mapping[str, Any]:
    """The login of the application where it failed, empty else."""
    found = seen.part("application")
    return found if found and not found["in"] else {}


def address(login: Mapping[str, Any]) -> str:
    """Where it was tried."""
    return f"{login['host']}:{login['port']}"


def answer(login: Mapping[str, Any]) -> tuple[str, ...]:
    """What the server answered, as a line."""
    code = f" (SQLSTATE {login['code']})" if login["code"] else ""
    return (f"login as {login['user']} to {login['name']} at {address(login)}: {login['error']}{code}",)
