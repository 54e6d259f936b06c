# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is particular to several hosts: one build, one database host_ofed over TLS, equal releases everywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.fleet.tests.conftest import ADDRESSES, APPLICATIONS, DATABASE

CLIENTS = {ADDRESSES[name] for name in APPLICATIONS}


def ledger_of(host: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(host.file("/var/lib/aidis/releases.json").content_string)
    return loaded


def sql(host: Any, query: str) -> list[str]:
    answered = host.run("cd / && sudo -u postgres psql -XAt -v ON_ERROR_STOP=1 -d aidis_production -c %s", query)
    assert answered.rc == 0, answered.stderr
    lines: list[str] = answered.stdout.split()
    return lines


@pytest.mark.parametrize("name", APPLICATIONS)
def test_each_host_answers_with_the_one_database(host_of: Any, name: str) -> None:
    script = (
        "import socket; s = socket.create_connection(('127.0.0.1', 3001), 10); s.settimeout(10);"
        f's.sendall(b\'{{"method":"session_new","params":{{"agent_type":"{name}"}}}}\\n\');'
        "print(s.makefile().readline())"
    )
    answer = json.loads(host_of(name).check_output("python3 -c %s", script))
    assert "error" not in answer
    assert sql(host_of(DATABASE), f"SELECT count(*) > 0 FROM sessions WHERE agent_type = '{name}'") == ["t"]


def test_the_application_was_built_once(host_of: Any) -> None:
    first, second = (host_of(name) for name in APPLICATIONS)
    assert ledger_of(first)["running"]["id"] == ledger_of(second)["running"]["id"]
    assert not second.file("/var/cache/aidis/source").exists, "the second host fetched the source"
    assert not second.file("/var/cache/aidis/npm").exists, "the second host ran npm"
    tree = "cd /opt/aidis/current && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum"
    assert first.check_output(tree) == second.check_output(tree)


def test_the_copy_is_recorded_with_its_checksum(host_of: Any) -> None:
    entry = ledger_of(host_of(APPLICATIONS[1]))["releases"][-1]
    path = f"/var/cache/aidis/artifacts/{entry['id']}.tar.gz"
    assert host_of(APPLICATIONS[0]).check_output(f"sha256sum {path}").split()[0] == entry["checksum"]


def test_the_hosts_are_of_two_releases_of_debian(host_of: Any) -> None:
    assert {host_of(name).system_info.codename for name in APPLICATIONS} == {"trixie", "bookworm"}


def test_the_database_is_host_ofed_over_tls_from_the_hosts_alone(host_of: Any) -> None:
    rules = host_of(DATABASE).check_output(
        "cd / && sudo -u postgres psql -XAtF ' ' -c %s",
        "SELECT type, address, auth_method FROM pg_hba_file_rules WHERE user_name = '{ridgetop}' AND type <> 'local'",
    )
    remote = [rule.split() for rule in rules.splitlines() if "127.0.0.1" not in rule and "::1" not in rule]
    assert {(kind, address) for kind, address, _method in remote} == {("hostssl", one) for one in CLIENTS}
    used = sql(
        host_of(DATABASE),
        "SELECT DISTINCT client_addr || '=' || ssl || '=' || version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
        " WHERE usename = 'ridgetop'",
    )
    assert {row.split("/32")[0].split("=")[0] for row in used} == CLIENTS
    assert all("=true=TLSv1." in row for row in used), used


@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_application_verifies_whom_it_speaks_to(host_of: Any, name: str) -> None:
    environment = host_of(name).file("/etc/aidis/production.env").content_string
    assert "sslmode=verify-full" in environment and "DATABASE_SSL=true" in environment
    certificate = host_of(name).file("/etc/aidis/database-ca.crt").content_string
    assert certificate == host_of(DATABASE).file("/etc/postgresql/tls/ca.crt").content_string
    assert "PRIVATE" not in certificate


def test_the_key_stays_with_the_database(host_of: Any) -> None:
    for name, owner in (("server", "postgres"), ("ca", "root")):
        key = host_of(DATABASE).file(f"/etc/postgresql/tls/{name}.key")
        assert (key.user, key.mode) == (owner, 0o600)


def test_one_project_for_all(host_of: Any) -> None:
    rows = sql(host_of(DATABASE), "SELECT id FROM projects WHERE name = 'System Default'")
    assert len(rows) == 1
    for name in APPLICATIONS:
        assert f"DEFAULT_PROJECT_ID={rows[0]}" in host_of(name).file("/etc/aidis/production.env").content_string


@pytest.mark.parametrize("name", APPLICATIONS)
def test_no_server_of_postgresql_is_waited_for(host_of: Any, name: str) -> None:
    assert "postgresql" not in host_of(name).check_output("systemctl show -P After -P Wants aidis-production")
