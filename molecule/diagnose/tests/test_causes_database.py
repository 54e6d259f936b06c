# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Causes in PostgreSQL: its server, its database, and what it lets the application do."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.diagnose.tests.conftest import UNIT, sql

testinfra_hosts = ["ansible://aidis-diagnose?sudo=true"]
pytestmark = pytest.mark.usefixtures("well")

CLUSTER = "postgresql@17-main.service"


def test_postgresql_is_stopped(host: Any, diagnose: Any, mend: Any) -> None:
    host.run_expect([0], f"systemctl stop {CLUSTER}")
    found = diagnose()
    assert found.order[:2] == ["postgres.stopped", "postgres.refused"], found.output
    assert f"{CLUSTER} is inactive" in found.causes["postgres.stopped"]["cause"]
    mend(found.causes["postgres.stopped"]["mend"])


def test_there_is_no_cluster(host: Any, diagnose: Any) -> None:
    """It is put back: a deployment would make an empty one."""
    host.run_expect([0], f"systemctl stop {CLUSTER}; mv /etc/postgresql /etc/postgresql.aside")
    found = diagnose()
    host.run_expect([0], f"mv /etc/postgresql.aside /etc/postgresql; systemctl start {CLUSTER}; sleep 1")
    assert found.order[0] == "postgres.missing", found.output
    assert "no cluster of PostgreSQL" in found.causes["postgres.missing"]["cause"]
    others = [found.causes[name]["follows"] for name in ("file.missing", "postgres.stopped", "postgres.refused")]
    assert others == ["postgres.missing"] * 3, found.output


def test_postgresql_listens_elsewhere(diagnose: Any) -> None:
    found = diagnose(aidis_database_port=5433)
    assert found.order[:2] == ["postgres.port", "postgres.refused"], found.output
    assert "listens on 5432 and not on 5433" in found.causes["postgres.port"]["cause"]


def test_postgresql_lets_nobody_in_yet(host: Any, diagnose: Any) -> None:
    """It shuts down, and waits for the sessions that are there."""
    host.run_expect(
        [0], "systemd-run --uid=postgres --unit=session psql -d postgres -c 'SELECT pg_sleep(300)'; sleep 1"
    )
    stop = "cd / && sudo -u postgres /usr/lib/postgresql/17/bin/pg_ctl stop -D /var/lib/postgresql/17/main -m smart -W"
    host.run_expect([0], f"{stop}; sleep 1")
    found = diagnose()
    host.run_expect([0], f"systemctl stop session; systemctl restart {CLUSTER}; sleep 1")
    assert found.order[0] == "postgres.starting", found.output
    assert "the database system is shutting down" in found.causes["postgres.starting"]["cause"]


def test_all_connections_are_taken(host: Any, diagnose: Any) -> None:
    sql(host, "ALTER ROLE ridgetop CONNECTION LIMIT 0")
    found = diagnose()
    sql(host, "ALTER ROLE ridgetop CONNECTION LIMIT -1")
    assert found.order[0] == "postgres.connections", found.output
    assert "too many connections for role" in found.causes["postgres.connections"]["lines"][0]
    assert "pg_terminate_backend" in found.mends("postgres.connections")[0]


def test_the_password_of_the_role_has_expired(host: Any, diagnose: Any, mend: Any) -> None:
    sql(host, "ALTER ROLE ridgetop VALID UNTIL '2020-01-01'")
    found = diagnose()
    assert found.order[0] == "postgres.role" and "has expired" in found.causes["postgres.role"]["cause"], found.output
    assert found.causes["postgres.password"]["follows"] == "postgres.role"
    mend(found.causes["postgres.role"]["mend"])


def test_the_role_may_not_connect(host: Any, diagnose: Any, mend: Any) -> None:
    sql(host, "REVOKE CONNECT ON DATABASE aidis_production FROM PUBLIC, ridgetop")
    found = diagnose()
    assert found.order[0] == "postgres.rights" and "may not connect" in found.causes["postgres.rights"]["cause"], (
        found.output
    )
    mend(found.causes["postgres.rights"]["mend"])


def test_an_extension_is_missing(host: Any, diagnose: Any, mend: Any) -> None:
    sql(host, "DROP EXTENSION pg_trgm", "aidis_production")
    found = diagnose()
    assert "lacks the extension pg_trgm" in found.causes["postgres.extension"]["cause"], found.output
    mend(found.causes["postgres.extension"]["mend"])


def test_the_password_is_another_and_the_rules_let_nobody_in(host: Any, diagnose: Any, mend: Any) -> None:
    rules = "/etc/postgresql/17/main/pg_hba.conf"
    sql(host, "ALTER ROLE ridgetop PASSWORD 'not the password'")
    found = diagnose()
    assert found.order[0] == "postgres.password", found.output
    assert "password authentication failed" in found.causes["postgres.password"]["cause"]
    host.run_expect([0], f"sed -i '/^host/d' {rules}; systemctl reload {CLUSTER}; sleep 1")
    found = diagnose()
    assert found.order[0] == "postgres.hba" and "no pg_hba.conf entry" in found.causes["postgres.hba"]["cause"], (
        found.output
    )
    mend(found.causes["postgres.hba"]["mend"])


def test_the_database_is_gone(host: Any, diagnose: Any, mend: Any) -> None:
    host.run_expect([0], "systemctl start aidis-backup.service")
    host.run_expect([0], f"systemctl stop {UNIT}")
    sql(host, "ALTER DATABASE aidis_production RENAME TO aidis_production_aside")
    host.run_expect([0], f"systemctl start {UNIT}; sleep 3")
    found = diagnose()
    cause = found.causes["postgres.database"]
    assert found.order[0] == "postgres.database" and "does not exist" in cause["cause"], found.output
    assert "aidis_production_aside" in cause["lines"][0] and "rollback_database=" in cause["mend"][0]["command"]
    mend(cause["mend"])
    sql(host, "DROP DATABASE aidis_production_aside")
