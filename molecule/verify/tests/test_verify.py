# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""verify.yml finds what is wrong under its own name, says what mends it, and finds nothing else; it changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from .breakages import BREAKAGES, BY_HINT, Breakage
from .conftest import NOT_MET, Verification, Verify

testinfra_hosts = ["ansible://aidis-verify?sudo=true"]

# What a verification may leave: sessions of people who log in, and what the server tells of its own work.
TASKS = 15


def run(host: Any, command: str) -> str:
    """Run a command as root; it must succeed."""
    done = host.run("sh -ec %s", command)
    assert done.rc == 0, f"{command}\n{done.stdout}{done.stderr}"
    return str(done.stdout)
