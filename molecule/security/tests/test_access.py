# Copyright (c) Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the database is the application's neighbour, one user gets into one database by SCRAM, from this host alone.

Over the network it is the scenario `fleet` that tries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import testinfra
from ansible_collections.ridgetop.aidis.molecule.security.tests.conftest import ADDRESS, SERVER
from ansible_collections.ridgetop.aidis.molecule.shared import secrets

GIVEN = {"host": "127.0.0.1", "dbname": "aidis_production", "user": "ridgetop", "connect_timeout": "10"}
CLIENT = "10.201.49.20"
QUERY = "SELECT 'in as ' || current_user"

Connect = Callable[..., str]


@pytest.fixture(scope="module")
def connect(inventory: Path) -> Connect:
    """Log in on the server itself, with options over the right ones; what PostgreSQL said."""
    password = secrets.of(inventory)["vault_aidis_database_password"]
    host = testinfra.get_host(f"ansible://{SERVER}?sudo=true", ansible_inventory=str(inventory))

    def call(**options: str) -> str:
        words = " ".join(f"{name}={value}" for name, value in {**GIVEN, **options}.items())
        done = host.run("PGPASSWORD=%s psql -XAtc %s %s", password, QUERY, words)
        return str(done.stdout + done.stderr)

    return call


def test_the_application_gets_in(connect: Connect) -> None:
    assert connect() == "in as ridgetop\n"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"dbname": "postgres"}, "pg_hba.conf"),
        ({"dbname": "template1"}, "pg_hba.conf"),
        ({"user": "postgres"}, "pg_hba.conf"),
        ({"user": "nobody"}, "pg_hba.conf"),
        ({"password": "another"}, "password authentication failed"),
        ({"require_auth": "md5"}, "authentication method requirement"),
        ({"require_auth": "password"}, "authentication method requirement"),
        ({"host": ADDRESS}, "Connection refused"),
    ],
)
def test_nothing_else_does(connect: Connect, options: dict[str, str], says: str) -> None:
    said = connect(**options)
    assert "in as" not in said and says in said


def test_no_firewall_is_needed_for_it(seen: Any, on: Any) -> None:
    """The port is closed to others twice: with the firewall out of the way nothing listens there."""
    rule = f"proto tcp from {CLIENT} to any port 5432"
    on(SERVER, f"ufw allow {rule}")
    try:
        assert "refused" in seen(5432)
    finally:
        on(SERVER, f"ufw delete allow {rule}")
    assert seen(5432) == "silent"


def test_a_secret_of_md5_lets_nobody_in(connect: Connect, on: Any) -> None:
    """Whoever reads such a one can log in with it, so it counts for nothing, whatever its password."""
    ask = "cd / && sudo -u postgres psql -XAtd postgres -c 'SET log_statement = none' -c %s"
    role = "UPDATE pg_authid SET rolpassword = '%s' WHERE rolname = 'ridgetop'"
    kept = on(SERVER, ask, "SELECT rolpassword FROM pg_authid WHERE rolname = 'ridgetop'").splitlines()[-1]
    assert kept.startswith("SCRAM-SHA-256$")
    old = "md5" + hashlib.md5(b"known" + b"ridgetop").hexdigest()  # noqa: S324 - what is tried here
    try:
        assert on(SERVER, ask, role % old).endswith("UPDATE 1"), "it is not kept so, and nothing is tried"
        said = connect(password="known")
    finally:
        on(SERVER, ask, role % kept)
    assert "in as" not in said and "password authentication failed" in said
    assert connect() == "in as ridgetop\n"
