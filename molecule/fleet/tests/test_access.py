# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the database lets in over the network: one user into one database from named hosts, by TLS and SCRAM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.fleet.tests.conftest import ADDRESSES, APPLICATIONS, DATABASE
from ansible_collections.ridgetop.aidis.molecule.shared import secrets

CLIENT = APPLICATIONS[0]
# An address on the same network that is no host of the inventory.
ELSEWHERE = "10.201.47.99"
GIVEN = {
    "host": ADDRESSES[DATABASE],
    "dbname": "aidis_production",
    "user": "ridgetop",
    "sslmode": "verify-full",
    "sslrootcert": "/etc/aidis/database-ca.crt",
    "connect_timeout": "10",
}

Connect = Callable[..., str]


@pytest.fixture(scope="module")
def connect(host_of: Any, inventory: Path) -> Connect:
    """Log in from an application's host, with options over the right ones; what the server said."""
    password = secrets.of(inventory)["vault_aidis_database_password"]

    def call(**options: str) -> str:
        words = " ".join(f"{name}={value}" for name, value in {**GIVEN, **options}.items())
        query = "SELECT 'in by ' || version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        done = host_of(CLIENT).run("PGPASSWORD=%s psql -XAtc %s %s", password, query, words)
        return str(done.stdout + done.stderr)

    return call


@pytest.fixture
def moved(on: Any) -> Iterator[None]:
    """Let the application's host speak to the database from another address."""
    device = on(CLIENT, f"ip -o route get {ADDRESSES[DATABASE]} | sed 's/.* dev \\([^ ]*\\).*/\\1/'")
    on(CLIENT, f"ip address add {ELSEWHERE}/24 dev {device}")
    on(CLIENT, f"ip route add {ADDRESSES[DATABASE]}/32 dev {device} src {ELSEWHERE}")
    yield
    on(CLIENT, f"ip route del {ADDRESSES[DATABASE]}/32; ip address del {ELSEWHERE}/24 dev {device}")


def test_the_application_gets_in_by_tls(connect: Connect) -> None:
    assert connect() in ("in by TLSv1.3\n", "in by TLSv1.2\n")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sslmode": "disable"}, "no encryption"),
        ({"dbname": "postgres"}, "pg_hba.conf"),
        ({"dbname": "template1"}, "pg_hba.conf"),
        ({"user": "postgres"}, "pg_hba.conf"),
        ({"user": "nobody"}, "pg_hba.conf"),
        ({"password": "another"}, "password authentication failed"),
        ({"require_auth": "md5"}, "authentication method requirement"),
        ({"ssl_max_protocol_version": "TLSv1.1", "ssl_min_protocol_version": "TLSv1.1"}, "SSL"),
    ],
)
def test_nothing_else_does(connect: Connect, options: dict[str, str], says: str) -> None:
    said = connect(**options)
    assert "in by" not in said and says in said


@pytest.mark.usefixtures("moved")
def test_nobody_does_from_elsewhere(connect: Connect, on: Any) -> None:
    """The firewall drops it; and with that out of the way the server refuses it."""
    said = connect(connect_timeout="3")
    assert "in by" not in said and "timeout expired" in said
    rule = f"proto tcp from {ELSEWHERE} to any port 5432"
    on(DATABASE, f"ufw allow {rule}")
    try:
        said = connect()
    finally:
        on(DATABASE, f"ufw delete allow {rule}")
    assert "in by" not in said and f'pg_hba.conf rejects connection for host "{ELSEWHERE}"' in said


def test_the_role_owns_what_is_its_own_and_is_nobody_else(host_of: Any) -> None:
    query = (
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolconnlimit,"
        " EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid) FROM pg_roles r WHERE rolname = 'ridgetop'"
    )
    said = host_of(DATABASE).check_output("cd / && sudo -u postgres psql -XAtd postgres -c %s", query)
    assert said == "f|f|f|f|f|50|f", "20 for the pool of each host, and 10"
