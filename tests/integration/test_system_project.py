# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""system_project against real PostgreSQL servers."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.tests.integration.conftest import (
    PASSWORD,
    Database,
    RunModule,
    Start,
    result_of,
)
from psycopg2 import sql

TABLE = """
CREATE TABLE projects (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(63) NOT NULL,
    description text,
    status varchar(20) NOT NULL DEFAULT 'active',
    created_at timestamptz NOT NULL DEFAULT now()
)
"""
NAME = "System Default"


def rows(database: Database) -> list[tuple[Any, ...]]:
    return database.query("SELECT id::text, name, description, status FROM projects ORDER BY 1")


def test_check_run_check_again_run_again(database: Database, run_module: RunModule) -> None:
    database.query(TABLE)
    login = database.login()
    predicted = run_module("system_project", login, check=True)
    assert predicted["changed"] and predicted["created"]
    assert predicted["project"] is None
    assert rows(database) == []
    made = run_module("system_project", login)
    assert made["changed"] and made["created"]
    ((key, name, description, status),) = rows(database)
    assert made["project"] == {"id": key, "name": NAME, "status": "active"}
    assert (name, description, status) == (NAME, "Default system project for new sessions", "active")
    assert made["diff"]["before"] == predicted["diff"]["before"] == {}
    assert made["diff"]["after"] == {**predicted["diff"]["after"], "id": key}
    for check in (True, False):
        again = run_module("system_project", login, check=check)
        assert not again["changed"] and not again["created"]
        assert again["project"] == made["project"]
        assert again["diff"]["before"] == again["diff"]["after"]
    assert len(rows(database)) == 1


def test_archived_row_is_revived(database: Database, run_module: RunModule) -> None:
    database.query(TABLE)
    database.query("INSERT INTO projects (name, description, status) VALUES (%s, 'own', 'archived')", (NAME,))
    predicted = run_module("system_project", database.login(), check=True)
    assert predicted["changed"] and not predicted["created"]
    assert rows(database)[0][3] == "archived"
    done = run_module("system_project", database.login())
    assert done["diff"] == predicted["diff"]
    assert done["diff"]["before"]["status"] == "archived"
    assert done["diff"]["after"]["status"] == done["project"]["status"] == "active"
    ((key, _name, description, status),) = rows(database)
    assert (key, description, status) == (done["project"]["id"], "own", "active")
    assert not run_module("system_project", database.login())["changed"]


def test_duplicates_are_named_and_left(database: Database, run_module: RunModule) -> None:
    database.query(TABLE)
    for status in ("active", "archived"):
        database.query("INSERT INTO projects (name, status) VALUES (%s, %s)", (NAME, status))
    before = rows(database)
    for check in (True, False):
        result = run_module("system_project", database.login(), check=check)
        assert result["failed"]
        assert "2 rows of public.projects are named 'System Default'" in result["msg"]
        assert all(row[0] in result["msg"] for row in before)
    assert rows(database) == before


def test_more_duplicates_than_can_be_named(database: Database, run_module: RunModule) -> None:
    database.query("CREATE TABLE projects (id serial, name text, description text, status text)")
    database.query("INSERT INTO projects (name, status) SELECT %s, 'active' FROM generate_series(1, 101)", (NAME,))
    message = run_module("system_project", database.login())["msg"]
    assert "more than 100 rows of public.projects are named 'System Default' with the id 1, 10, 100, 11," in message
    assert message.endswith(" 99 and others")


# What the table is like and who runs -> statements that make it so.
TWENTY = {
    "no constraint": "",
    "unique name": "ALTER TABLE projects ADD UNIQUE (name)",
    "archived row": f"INSERT INTO projects (name, status) VALUES ('{NAME}', 'archived')",
    "may only insert": "GRANT SELECT, INSERT ON projects TO app",
}


@pytest.mark.parametrize("state", TWENTY)
def test_twenty_at_once_leave_one_row(
    database: Database, start_module: Start, over_tcp: dict[str, Any], state: str
) -> None:
    database.query(TABLE)
    if TWENTY[state]:
        database.query(TWENTY[state])
    login = over_tcp if state == "may only insert" else database.login()
    started = [start_module("system_project", {**login, "timeout": 100}) for _ in range(20)]
    results = [result_of(process) for process in started]
    assert [result["msg"] for result in results if result["failed"]] == []
    assert sum(result["changed"] for result in results) == 1
    assert sum(result["created"] for result in results) == int(state != "archived row")
    ((key, _name, _description, status),) = rows(database)
    assert status == "active"
    assert {result["project"]["id"] for result in results} == {key}


def test_a_writer_that_is_no_module_is_waited_for(database: Database, start_module: Start) -> None:
    database.query(TABLE)
    other = database.cluster.connect(database.name)
    other.autocommit = False
    with other.cursor() as cursor:
        cursor.execute("INSERT INTO projects (name) VALUES (%s) RETURNING id::text", (NAME,))
        (key,) = cursor.fetchone()
        process = start_module("system_project", database.login())
        waiting = "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
        waiting += "WHERE NOT l.granted AND c.relname = 'projects'"
        until(lambda: database.query(waiting) == [(1,)])
        other.commit()
    other.close()
    result = result_of(process)
    assert not result["failed"] and not result["changed"]
    assert result["project"]["id"] == key


def until(condition: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.05)


def test_a_run_without_changes_waits_for_nobody(database: Database, run_module: RunModule) -> None:
    database.query(TABLE)
    run_module("system_project", database.login())
    other = database.cluster.connect(database.name)
    other.autocommit = False
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE projects IN EXCLUSIVE MODE")
        result = run_module("system_project", database.login(timeout=3))
    other.close()
    assert not result["failed"] and not result["changed"]


def test_a_lock_that_is_held_too_long(database: Database, run_module: RunModule) -> None:
    database.query(TABLE)
    other = database.cluster.connect(database.name)
    other.autocommit = False
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE projects IN SHARE ROW EXCLUSIVE MODE")
        result = run_module("system_project", database.login(timeout=1))
    other.close()
    assert result["failed"]
    assert "timeout" in result["msg"]
    assert rows(database) == []


HOSTILE = [
    'quote"d',
    "apo'strophe; DROP TABLE projects --",
    "Ünïcödé 数据",
    "UPPER Case",
    "select",
    "per%cent %s {brace}",
    "back\\slash",
    "x" * 63,
    "é" * 31 + "x",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names(database: Database, run_module: RunModule, name: str) -> None:
    columns = ["id", "name", "description", "status", "extra"]
    hostile = {column: shortened(name, str(i)) for i, column in enumerate(columns)}
    quoted = {column: sql.Identifier(text) for column, text in hostile.items()}
    table = sql.Identifier(name, name)
    database.query(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    create = "CREATE TABLE {table} ({id} uuid, {name} text, {description} text, {status} text, {extra} jsonb)"
    database.query(sql.SQL(create).format(table=table, **quoted))
    project = f"{name} \t\n {name}"
    args = {
        **database.login(),
        "schema": name,
        "table": name,
        "columns": {column: hostile[column] for column in columns[:4]},
        "name": project,
        "description": name,
        "active_value": name,
        "values": {hostile["extra"]: {name: [name, None, 1]}},
    }
    assert run_module("system_project", args, check=True)["changed"]
    made = run_module("system_project", args)
    assert made["created"]
    assert not run_module("system_project", args, check=True)["changed"]
    assert not run_module("system_project", args)["changed"]
    order = ("id", "name", "description", "status", "extra")
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(quoted[c] for c in order), table)
    (row,) = database.query(query)
    assert row[1:] == (project, name, name, {name: [name, None, 1]})
    assert row[0] == made["project"]["id"]


def shortened(name: str, suffix: str) -> str:
    """A name of at most 63 bytes, as PostgreSQL keeps them, with a suffix."""
    return name.encode()[: 63 - len(suffix)].decode("utf-8", "ignore") + suffix


@pytest.mark.parametrize(
    ("key", "made"),
    [
        ("uuid DEFAULT gen_random_uuid()", None),
        ("uuid", None),
        ("bigint GENERATED ALWAYS AS IDENTITY", "1"),
        ("serial", "1"),
        ("text DEFAULT 'fixed'", "fixed"),
    ],
)
def test_ids(database: Database, run_module: RunModule, key: str, made: str | None) -> None:
    database.query(f"CREATE TABLE projects (id {key}, name text, description text, status text)")
    result = run_module("system_project", database.login())
    assert rows(database)[0][0] == result["project"]["id"]
    assert made in (None, result["project"]["id"])
    assert not run_module("system_project", database.login())["changed"]


def test_id_that_can_come_from_nowhere(database: Database, run_module: RunModule) -> None:
    database.query("CREATE TABLE projects (id text PRIMARY KEY, name text, description text, status text)")
    for check in (True, False):
        result = run_module("system_project", database.login(), check=check)
        assert "the column id of public.projects has the type text and no default" in result["msg"]
    given = run_module("system_project", {**database.login(), "values": {"id": "system"}})
    assert given["project"]["id"] == "system"


def test_other_types_of_status(database: Database, run_module: RunModule) -> None:
    database.query("CREATE TYPE state AS ENUM ('on', 'off')")
    database.query("CREATE TABLE projects (id serial, name text, enabled boolean, state state, tags text[])")
    columns = {"description": "", "status": "enabled"}
    values = {"state": "off", "tags": "{a,b}"}
    args = {**database.login(), "columns": columns, "active_value": True, "values": values}
    assert run_module("system_project", args)["project"]["status"] == "true"
    assert database.query("SELECT enabled, state::text, tags FROM projects") == [(True, "off", ["a", "b"])]
    args = {**args, "columns": {"description": "", "status": "state"}, "active_value": "on", "values": {}}
    assert run_module("system_project", args)["changed"]
    wrong = run_module("system_project", {**args, "active_value": "maybe"})
    assert 'invalid input value for enum state: "maybe"' in wrong["msg"]
    without = {**args, "columns": {"id": "", "description": "", "status": ""}}
    assert run_module("system_project", without)["project"] == {"id": None, "name": NAME, "status": None}


def test_missing_table_and_columns(database: Database, run_module: RunModule) -> None:
    predicted = run_module("system_project", database.login(), check=True)
    assert predicted["changed"] and predicted["created"] and predicted["project"] is None
    assert "there is no table public.projects" in run_module("system_project", database.login())["msg"]
    database.query("CREATE TABLE projects (id uuid, name text)")
    for check in (True, False):
        message = run_module("system_project", database.login(), check=check)["msg"]
        assert "public.projects has no column description, status (it has id, name)" in message
    database.query("CREATE VIEW looks AS SELECT * FROM projects")
    message = run_module("system_project", {**database.login(), "table": "looks"})["msg"]
    assert "public.looks is not a table" in message


def test_name_that_does_not_fit(database: Database, run_module: RunModule) -> None:
    database.query(TABLE)
    result = run_module("system_project", {**database.login(), "name": "x" * 64})
    assert "value too long" in result["msg"]
    assert rows(database) == []


def test_trigger_that_takes_the_row_away(database: Database, run_module: RunModule) -> None:
    database.query(TABLE)
    database.query("CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    database.query("CREATE TRIGGER t BEFORE INSERT ON projects FOR EACH ROW EXECUTE FUNCTION nothing()")
    assert "does not hold what was written" in run_module("system_project", database.login())["msg"]


@pytest.fixture
def over_tcp(database: Database) -> dict[str, Any]:
    """Connection options of the role app, by password over TCP."""
    return database.login(login_host="127.0.0.1", login_user="app", login_password=PASSWORD)


def test_least_privilege(database: Database, run_module: RunModule, over_tcp: dict[str, Any]) -> None:
    database.query(TABLE)
    denied = run_module("system_project", over_tcp)
    assert "permission denied for table projects" in denied["msg"]
    database.query("GRANT SELECT ON projects TO app")
    assert run_module("system_project", over_tcp, check=True)["created"]
    assert "permission denied" in run_module("system_project", over_tcp)["msg"]
    database.query("GRANT INSERT ON projects TO app")
    assert run_module("system_project", over_tcp)["created"]
    assert not run_module("system_project", over_tcp)["changed"]
    database.query("UPDATE projects SET status = 'archived'")
    assert "permission denied" in run_module("system_project", over_tcp)["msg"]
    database.query("GRANT UPDATE ON projects TO app")
    assert run_module("system_project", over_tcp)["changed"]


def test_session_role(database: Database, run_module: RunModule) -> None:
    database.query(TABLE)
    denied = run_module("system_project", database.login(session_role="app"))
    assert "permission denied for table projects" in denied["msg"]
    unknown = run_module("system_project", database.login(session_role='no "such" role'))
    assert 'role "no "such" role" does not exist' in unknown["msg"]
    database.query("ALTER TABLE projects OWNER TO app")
    assert run_module("system_project", database.login(session_role="app"))["created"]


def test_settings_of_the_role_do_not_matter(
    database: Database, run_module: RunModule, over_tcp: dict[str, Any]
) -> None:
    database.query(TABLE)
    database.query("ALTER TABLE projects OWNER TO app")
    alter = "ALTER ROLE app IN DATABASE {} SET {} = {}"
    for setting, value in (
        ("default_transaction_isolation", "serializable"),
        ("default_transaction_read_only", "on"),
        ("search_path", "nowhere"),
        ("standard_conforming_strings", "off"),
    ):
        parts = (sql.Identifier(database.name), sql.Identifier(setting), sql.Literal(value))
        database.query(sql.SQL(alter).format(*parts))
    assert run_module("system_project", {**over_tcp, "name": "back\\slash 'x'"})["created"]
    assert not run_module("system_project", {**over_tcp, "name": "back\\slash 'x'"})["changed"]
    assert rows(database)[0][1] == "back\\slash 'x'"


def test_password_is_never_shown(run_module: RunModule, over_tcp: dict[str, Any]) -> None:
    wrong = run_module("system_project", {**over_tcp, "login_password": "wrong-secret"})
    assert wrong["failed"] and "password authentication failed" in wrong["msg"]
    assert "wrong-secret" not in str(wrong)


def test_unreachable_servers(run_module: RunModule, over_tcp: dict[str, Any]) -> None:
    refused = run_module("system_project", {**over_tcp, "login_port": 1})
    assert refused["failed"] and "refused" in refused["msg"]
    missing = run_module("system_project", {**over_tcp, "login_db": "none"})
    assert missing["failed"] and "none" in missing["msg"]
    wrong = run_module("system_project", {**over_tcp, "login_port": 0})
    assert "login_port must be between" in wrong["msg"]


def test_server_that_accepts_and_never_answers(run_module: RunModule, over_tcp: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        args = {**over_tcp, "login_port": server.getsockname()[1], "connect_timeout": 2, "timeout": 1}
        result = run_module("system_project", args)
    assert result["failed"]
    assert "timeout expired" in result["msg"] or "did not answer within" in result["msg"]


def test_server_that_stops_answering(database: Database, start_module: Start, over_tcp: dict[str, Any]) -> None:
    """Its process is stopped while the module waits for a lock, so it keeps no time limit itself."""
    database.query(TABLE)
    database.query("ALTER TABLE projects OWNER TO app")
    other = database.cluster.connect(database.name)
    other.autocommit = False
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE projects IN SHARE ROW EXCLUSIVE MODE")
        process = start_module("system_project", {**over_tcp, "timeout": 8, "connect_timeout": 2})
        waiting = "SELECT pid FROM pg_stat_activity WHERE usename = 'app' AND wait_event_type = 'Lock'"
        until(lambda: database.query(waiting))
        pid = database.query(waiting)[0][0]
        database.cluster.signal(pid, "STOP")
        try:
            result = result_of(process)
        finally:
            database.cluster.signal(pid, "CONT")
    other.close()
    assert result["failed"] and "did not answer within 10 s" in result["msg"]
    assert rows(database) == []
