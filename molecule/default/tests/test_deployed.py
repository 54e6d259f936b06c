# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps 1 to 6 of the guide, looked at on the host. Run after the first version and again after the second."""

from __future__ import annotations

import json
from typing import Any

import pytest

testinfra_hosts = ["ansible://aidis-default?sudo=true"]

SERVICE = "aidis-production"
ENVIRONMENT_KEYS = """
    DATABASE_URL DATABASE_MAX_CONNECTIONS DATABASE_SSL SESSION_TIMEOUT MAX_CONCURRENT_SESSIONS
    SESSION_PERSISTENCE_INTERVAL DEFAULT_PROJECT_ID MAX_PROJECTS_PER_USER AUTO_CREATE_PROJECTS ENABLE_ANALYTICS
    METRICS_COLLECTION_INTERVAL PATTERN_DETECTION_ENABLED LOG_LEVEL LOG_FILE ENABLE_CORS ALLOWED_ORIGINS JWT_SECRET
""".split()
TABLES = """
    contexts projects sessions pattern_discovery_sessions metrics_collection_sessions code_analysis_sessions
    complexity_analysis_sessions event_log migrations
""".split()
INDEXES = {
    "idx_projects_name": "projects (name)",
    "idx_projects_status": "projects (status)",
    "idx_projects_created_at": "projects (created_at)",
    "idx_sessions_project_id": "sessions (project_id)",
    "idx_sessions_agent_type": "sessions (agent_type)",
    "idx_sessions_started_at": "sessions (started_at)",
    "idx_contexts_project_id": "contexts (project_id)",
    "idx_contexts_session_id": "contexts (session_id)",
    "idx_contexts_type": "contexts (context_type)",
}


@pytest.fixture
def sql(host: Any) -> Any:
    """Ask the database as its superuser; rows as lists of texts."""

    def ask(query: str) -> list[list[str]]:
        command = "cd / && sudo -u postgres psql -XAtF '|' -v ON_ERROR_STOP=1 -d aidis_production -c %s"
        answered = host.run(command, query)
        assert answered.rc == 0, answered.stderr
        return [line.split("|") for line in answered.stdout.splitlines()]

    return ask


@pytest.fixture
def call(host: Any) -> Any:
    """Send one line to port 3001 on the host and return the line that it answers."""
    script = (
        "import socket, sys; s = socket.create_connection(('127.0.0.1', 3001), 10); s.settimeout(10);"
        "s.sendall(sys.argv[1].encode() + b'\\n'); print(s.makefile().readline())"
    )

    def send(message: dict[str, Any]) -> dict[str, Any]:
        answered = host.run("python3 -c %s %s", script, json.dumps(message))
        assert answered.rc == 0, answered.stderr
        answer: dict[str, Any] = json.loads(answered.stdout)
        return answer

    return send


@pytest.fixture
def ledger(host: Any) -> dict[str, Any]:
    """The ledger of releases."""
    loaded: dict[str, Any] = json.loads(host.file("/var/lib/aidis/releases.json").content_string)
    return loaded


# Step 1: the database


@pytest.mark.parametrize("extension", ["uuid-ossp", "vector", "pg_trgm"])
def test_extension_is_there(sql: Any, extension: str) -> None:
    assert sql(f"SELECT extname FROM pg_extension WHERE extname = '{extension}'")


def test_the_application_owns_its_database_and_nothing_else(sql: Any) -> None:
    row = sql(
        "SELECT pg_get_userbyid(datdba), r.rolsuper, r.rolcreatedb, r.rolcreaterole, r.rolreplication, r.rolbypassrls"
        " FROM pg_database, pg_roles r WHERE datname = 'aidis_production' AND rolname = 'ridgetop'",
    )
    assert row == [["ridgetop", "f", "f", "f", "f", "f"]]
    everybody = sql("SELECT has_database_privilege('public', 'aidis_production', 'CONNECT')")
    assert everybody == [["f"]]


def test_passwords_are_scram(host: Any, sql: Any) -> None:
    assert sql("SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'ridgetop'") == [["t"]]
    rules = sql("SELECT DISTINCT auth_method FROM pg_hba_file_rules ORDER BY 1")
    assert {rule for [rule] in rules} == {"peer", "reject", "scram-sha-256"}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("log_connections", "on"),
        ("log_disconnections", "on"),
        ("log_statement", "ddl"),
        ("listen_addresses", "localhost"),
    ],
)
def test_the_guides_settings_are_in_force(sql: Any, setting: str, value: str) -> None:
    assert sql(f"SHOW {setting}") == [[value]]


# Steps 2 and 3: the schema and its data


def test_tables_are_there(sql: Any) -> None:
    found = {name for [name] in sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert found >= set(TABLES)


@pytest.mark.parametrize(("index", "columns"), INDEXES.items())
def test_index_is_there_and_valid(sql: Any, index: str, columns: str) -> None:
    rows = sql(
        "SELECT pg_get_indexdef(indexrelid), indisvalid FROM pg_index JOIN pg_class c ON c.oid = indexrelid"
        f" WHERE relname = '{index}'",
    )
    assert len(rows) == 1 and rows[0][1] == "t"
    table, column = columns.split(" ", 1)
    assert f" ON public.{table} USING btree {column}" in rows[0][0]


@pytest.mark.parametrize(
    ("table", "target"),
    [("sessions", "projects"), ("contexts", "projects"), ("contexts", "sessions")],
)
def test_foreign_key_is_there_and_validated(sql: Any, table: str, target: str) -> None:
    rows = sql(
        "SELECT convalidated FROM pg_constraint WHERE contype = 'f'"
        f" AND conrelid = 'public.{table}'::regclass AND confrelid = 'public.{target}'::regclass",
    )
    assert rows and all(row == ["t"] for row in rows)


def test_one_system_project_and_its_id_in_the_configuration(host: Any, sql: Any) -> None:
    rows = sql("SELECT id, status FROM projects WHERE name = 'System Default'")
    assert len(rows) == 1 and rows[0][1] == "active"
    assert f"DEFAULT_PROJECT_ID={rows[0][0]}" in host.file("/etc/aidis/production.env").content_string


# Step 4: the configuration


def test_environment_file(host: Any) -> None:
    file = host.file("/etc/aidis/production.env")
    assert (file.user, file.group, file.mode) == ("root", "ridgetop", 0o640)
    names = [line.split("=", 1)[0] for line in file.content_string.splitlines() if line and not line.startswith("#")]
    assert set(ENVIRONMENT_KEYS) <= set(names) and len(names) == len(set(names))
    assert "your_" not in file.content_string


def test_the_service_has_the_environment_of_the_file(host: Any, sql: Any) -> None:
    """Systemd's reading of the file: the password must come through whatever characters it has."""
    pid = host.run(f"systemctl show -P MainPID {SERVICE}").stdout.strip()
    process = host.run(f"tr '\\0' '\\n' < /proc/{pid}/environ").stdout.splitlines()
    for line in host.file("/etc/aidis/production.env").content_string.splitlines():
        if line and not line.startswith("#") and line.split("=", 1)[1][:1] not in "'\"":
            assert line in process, line.split("=", 1)[0]


# Step 5: build, unit, logs


def test_release(host: Any, ledger: dict[str, Any]) -> None:
    running = ledger["running"]["id"]
    assert host.file("/opt/aidis/current").linked_to == f"/opt/aidis/releases/{running}"
    package = host.file(f"/opt/aidis/releases/{running}/mcp-server")
    assert package.user == "ridgetop-build" and package.mode == 0o755
    assert host.file(f"{package.path}/dist/server.js").exists
    assert not host.file(f"{package.path}/node_modules/.bin/tsc").exists, "the compiler must not be shipped"
    entry = next(one for one in ledger["releases"] if one["id"] == running)
    assert entry["result"] == "good" and entry["commit"].startswith(running.rsplit("-", 1)[1])


def test_the_service_cannot_write_its_release(host: Any) -> None:
    assert host.run("find /opt/aidis/releases -user ridgetop -o -perm /022 ! -type l").stdout == ""


def test_unit(host: Any) -> None:
    service = host.service(SERVICE)
    assert service.is_running and service.is_enabled
    verified = host.run(f"systemd-analyze verify --man=no --recursive-errors=no /etc/systemd/system/{SERVICE}.service")
    assert (verified.rc, verified.stderr) == (0, "")
    shown = host.run(f"systemctl show {SERVICE} -p NRestarts,User,NoNewPrivileges,PrivateTmp,ProtectSystem,ProtectHome")
    assert set(shown.stdout.split()) == {
        "NRestarts=0",
        "User=ridgetop",
        "NoNewPrivileges=yes",
        "PrivateTmp=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
    }


def test_users_are_locked(host: Any) -> None:
    for name in ("ridgetop", "ridgetop-build"):
        assert host.user(name).shell == "/usr/sbin/nologin"
        assert host.user(name).password.startswith("!")


def test_logs_go_on_after_a_rotation(host: Any, call: Any) -> None:
    log = "/var/log/aidis/production.log"
    assert (host.file(log).user, host.file(log).mode) == ("ridgetop", 0o640)
    rotated = host.run(f"logrotate --force /etc/logrotate.d/{SERVICE}")
    assert rotated.rc == 0, rotated.stderr
    call({"method": "ping"})
    created = call({"method": "session_new", "params": {"agent_type": "rotation-test"}})
    assert host.file(log).size > 0, "the service writes to the file that was moved away"
    assert host.file(f"{log}.1").exists or host.file(f"{log}.1.gz").exists
    assert "error" not in created


# Step 6: the service answers


def test_the_guides_bare_line_is_answered(call: Any) -> None:
    answer = call({"method": "project_list"})
    assert "error" not in answer and "System Default" in json.dumps(answer)


def test_a_real_session(call: Any, sql: Any) -> None:
    answer = call({"jsonrpc": "2.0", "id": 7, "method": "session_new", "params": {"agent_type": "molecule"}})
    assert answer["jsonrpc"] == "2.0" and answer["id"] == 7
    assert sql("SELECT count(*) > 0 FROM sessions WHERE agent_type = 'molecule'") == [["t"]]


@pytest.mark.parametrize("path", ["healthz", "readyz", "metrics"])
def test_http_pages(host: Any, path: str) -> None:
    script = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).status)"
    answered = host.run("python3 -c %s %s", script, f"http://127.0.0.1:8080/{path}")
    assert answered.stdout.strip() == "200", answered.stderr


def test_the_journal_is_clean(host: Any) -> None:
    errors = host.run(f"journalctl --no-pager --quiet --priority=err --unit={SERVICE}")
    assert errors.stdout == ""
