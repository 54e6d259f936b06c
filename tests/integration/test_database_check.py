# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""database_check against real servers: answers of every type, errors of every kind, and no server at all."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.modules import database_check
from ansible_collections.ridgetop.aidis.tests.integration.conftest import (
    PASSWORD,
    Database,
    RunModule,
    Start,
    result_of,
)

Ask = Callable[..., list[dict[str, Any]]]
NO_CONNECTION = "no connection to the database"


@pytest.fixture
def ask(database: Database, run_module: RunModule) -> Ask:
    """Make queries as superuser, or as told, and return their checks without that of the connection."""

    def asked(*wanted: dict[str, Any], **login: Any) -> list[dict[str, Any]]:
        numbered = [{"id": f"n{number}", **one} for number, one in enumerate(wanted)]
        result = run_module("database_check", {**database.login(), **login, "checks": numbered})
        assert not result["failed"], result["msg"]
        assert result["checks"][0]["status"] == "pass", result["checks"][0]
        checks: list[dict[str, Any]] = result["checks"][1:]
        return checks

    return asked


@pytest.fixture
def over_tcp(database: Database) -> dict[str, Any]:
    """Connection options of the role app, by password over TCP."""
    return database.login(login_host="127.0.0.1", login_user="app", login_password=PASSWORD)


def told(check: dict[str, Any]) -> tuple[str, str]:
    return check["status"], check["reason" if check["status"] == "skip" else "observed"]


def test_report(database: Database, run_module: RunModule) -> None:
    checks = [
        {"id": "good", "title": "Good", "query": "SELECT 1", "expected": 1},
        {"id": "bad", "query": "SELECT 1, 'of two'", "expected": 2, "hint": "Add one."},
        {"id": "poor", "query": "SELECT 1", "operator": "gt", "expected": 1, "severity": "warning"},
        {"id": "nothing", "query": "SELECT NULL", "operator": "set", "skip_when_null": "nothing to judge"},
    ]
    result = run_module("database_check", {**database.login(), "checks": checks})
    assert not result["failed"] and not result["changed"]
    assert [check["status"] for check in result["checks"]] == ["pass", "pass", "fail", "warn", "skip"]
    assert result["failed_ids"] == ["bad"]
    assert result["summary"] == {"total": 5, "pass": 2, "fail": 1, "warn": 1, "skip": 1}
    connection = result["checks"][0]
    assert connection["id"] == "database.connection" and connection["category"] == "database"
    assert connection["observed"].startswith(f"PostgreSQL {database.cluster.version}.")
    assert connection["expected"] == f"a connection to {database.name} as postgres"
    assert result["checks"][2] == {
        "id": "bad",
        "title": "bad",
        "category": "database",
        "severity": "critical",
        "status": "fail",
        "expected": "2",
        "observed": "1 (of two)",
        "hint": "Add one.",
    }
    failing = run_module("database_check", {**database.login(), "checks": checks, "fail": True})
    assert failing["failed"] and failing["checks"] == result["checks"]
    assert failing["msg"] == (
        "1 of 5 checks of the database failed:\n- bad (bad): expected 2; observed 1 (of two). Add one."
    )
    predicted = run_module("database_check", {**database.login(), "checks": checks}, check=True)
    assert predicted["checks"] == result["checks"]


TYPES: list[tuple[str, str, Any, bool]] = [
    ("true", "eq", True, True),
    ("true", "eq", 1, False),
    ("1", "eq", True, False),
    ("false", "eq", "no", True),
    ("3::bigint", "ge", 3, True),
    ("3::smallint", "lt", "3.5", True),
    ("0.95::numeric", "eq", 0.95, True),
    ("0.95::numeric", "le", 0.95, True),
    ("3.00::numeric", "eq", 3, True),
    ("1e40::numeric", "gt", 1, True),
    ("'NaN'::numeric", "ge", 1, False),
    ("0.5::real", "eq", "0.50", True),
    ("12345678901234567890::numeric", "eq", 12345678901234567890, True),
    ("'12'", "ge", 3, False),
    ("'b'", "gt", "a", True),
    ("'ab%c'", "match", "^ab", True),
    ("'off'::text", "in", ["off", "on"], True),
    ("5", "in", ["5", "6"], True),
    ("5", "not_in", [6], True),
    ("ARRAY[1, 2]", "contains", 2, True),
    ("ARRAY[1, 2]", "contains", "2", True),
    ("ARRAY['a', NULL]", "eq", ["a", None], True),
    ("ARRAY[1.5, 2.0]", "eq", [1.5, 2], True),
    ("'{}'::int[]", "unset", None, True),
    ("'{\"a\": [1]}'::jsonb", "eq", {"a": [1]}, True),
    ("'\\x00ff'::bytea", "eq", "\\x00ff", True),
    ("'2026-05-01 10:00+02'::timestamptz", "eq", "2026-05-01T08:00:00Z", True),
    ("'2026-05-01 10:00+02'::timestamptz", "lt", "2026-05-01 08:00", False),
    ("'2026-05-01 10:00'::timestamp", "ge", "2026-05-01", True),
    ("'2026-05-01'::date", "in", ["2026-05-01"], True),
    ("'2026-05-01'::date", "match", "^2026-05-01 ", True),
    ("'infinity'::timestamptz", "gt", "2026-05-01", True),
    ("now()", "gt", "not a moment", False),
    ("'1 hour 30 s'::interval", "le", 3630, True),
    ("'10:30'::time", "eq", "10:30:00", True),
    ("'5f4c0e0a-7a3e-4b7e-9d55-0a5b6a1f2c11'::uuid", "match", "^5f4c", True),
    ("'10.0.0.1'::inet", "eq", "10.0.0.1", True),
    ("'[1,5)'::int4range", "set", None, True),
]


def test_types(ask: Ask) -> None:
    wanted = [
        {"query": f"SELECT {value}", "operator": operator, **({} if expected is None else {"expected": expected})}
        for value, operator, expected, _met in TYPES
    ]
    for check, (value, operator, expected, met) in zip(ask(*wanted), TYPES, strict=True):
        assert check["status"] == ("pass" if met else "fail"), (value, operator, expected, check["observed"])


def test_the_settings_of_the_role_do_not_matter(
    database: Database, run_module: RunModule, over_tcp: dict[str, Any]
) -> None:
    settings = {"timezone": "Asia/Tokyo", "datestyle": "German", "intervalstyle": "iso_8601", "statement_timeout": "1"}
    for name, value in settings.items():
        database.query(f"ALTER ROLE app IN DATABASE \"{database.name}\" SET {name} = '{value}'")
    checks = [
        {"id": "moment", "query": "SELECT '2026-05-01 10:00'::timestamptz", "expected": "2026-05-01 10:00"},
        {"id": "interval", "query": "SELECT '2 days 1 second'::interval", "expected": 172801},
        {"id": "slow", "query": "SELECT pg_sleep(0.3)::text", "expected": ""},
    ]
    result = run_module("database_check", {**over_tcp, "checks": checks})
    assert [check["status"] for check in result["checks"]] == ["pass"] * 4, result["checks"]


def test_a_percent_sign(ask: Ask) -> None:
    plain = {"query": "SELECT 'a%b' LIKE 'a%', 7 % 4 || '%s %(x)s'", "expected": True}
    empty = {**plain, "parameters": {}}
    filled = {
        "query": "SELECT %(text)s LIKE 'a%%' AND 3 = ANY(%(list)s)",
        "parameters": {"text": "a'; x", "list": [3, 4]},
        "expected": True,
    }
    assert [told(check) for check in ask(plain, empty, filled)] == [
        ("pass", "true (3%s %(x)s)"),
        ("pass", "true (3%s %(x)s)"),
        ("pass", "true"),
    ]


def test_null_and_no_row(ask: Ask) -> None:
    null, none = {"query": "SELECT NULL::int, 'why'"}, {"query": "SELECT 1 WHERE false"}
    wanted = [
        {**null, "operator": "ne", "expected": 3},
        {**null, "operator": "no_match", "expected": "x"},
        {**null, "operator": "unset"},
        {**null, "operator": "eq", "expected": 3, "skip_when_null": "there is nothing yet"},
        {**none, "operator": "set"},
        {**none, "operator": "not_in", "expected": [1]},
        {**none, "operator": "unset"},
        {**none, "operator": "set", "skip_when_null": "no such row"},
    ]
    assert [told(check) for check in ask(*wanted)] == [
        ("fail", "null (why)"),
        ("fail", "null (why)"),
        ("pass", "null (why)"),
        ("skip", "there is nothing yet"),
        ("fail", "no row"),
        ("fail", "no row"),
        ("pass", "no row"),
        ("skip", "no such row"),
    ]


def test_one_error_after_another_disturbs_nothing(database: Database, ask: Ask) -> None:
    database.query("CREATE TABLE t (i int); CREATE SEQUENCE s")
    database.query("CREATE FUNCTION two() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE 'first\nsecond'; END$$")
    errors = [
        ("SELECT", "the query gives no column"),
        ("SELECT 1 FROM missing", 'relation "missing" does not exist'),
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("", "can't execute an empty query"),
        ("SELECT 1/0", "division by zero"),
        ("SELECT two()", "first"),
        ("SELECT generate_series(1, 3)", "the query gives 3 rows, not one at most"),
        ("SET search_path = nowhere", "the query gives no column"),
        (
            "SELECT '20000-01-01'::date",
            "the query cannot be sent or its answer not be read: year 20000 is out of range",
        ),
        ("COMMIT; SELECT 1", "the query ends its own transaction"),
        ("INSERT INTO t VALUES (1) RETURNING i", "cannot execute INSERT in a read-only transaction"),
        ("WITH x AS (DELETE FROM t RETURNING i) SELECT count(*) FROM x", "cannot execute SELECT in a read-only"),
        ("CREATE TABLE u (i int)", "cannot execute CREATE TABLE in a read-only transaction"),
        ("SET TRANSACTION READ WRITE", "transaction read-write mode must be set before any query"),
        ("COMMIT; INSERT INTO t VALUES (1) RETURNING 1", "cannot execute INSERT in a read-only transaction"),
        ("SELECT nextval('s')", "cannot execute nextval() in a read-only transaction"),
        ("COMMIT; SET default_transaction_read_only = off; SELECT 1", "the query ends its own transaction"),
        ("INSERT INTO t VALUES (1) RETURNING i", "cannot execute INSERT in a read-only transaction"),
    ]
    good = {"query": "SELECT count(*) FROM t", "expected": 0}
    checks = ask(*[one for query, _seen in errors for one in ({"query": query, "operator": "set"}, good)])
    for (query, seen), check in zip(errors, checks[::2], strict=True):
        assert check["status"] == "fail" and check["observed"].startswith(seen), (query, check)
    assert {check["status"] for check in checks[1::2]} == {"pass"}
    assert database.query("SELECT count(*) FROM t") == [(0,)]


def test_parameters_that_do_not_fit(ask: Ask) -> None:
    wanted = [
        {"query": "SELECT %(other)s", "parameters": {"x": 1}},
        {"query": "SELECT %s", "parameters": {"x": 1}},
        {"query": "SELECT 5 % 2", "parameters": {"x": 1}},
        {"query": "SELECT %(x)s", "parameters": {"x": {"a": 1}}},
        {"query": "SELECT 1", "parameters": {"x": 1}},
    ]
    checks = ask(*[{**one, "operator": "set"} for one in wanted])
    assert [check["status"] for check in checks] == ["fail", "fail", "fail", "fail", "pass"], checks
    assert checks[0]["observed"] == "the parameters do not fit the query: 'other'"


def test_a_role_without_privilege_skips(database: Database, run_module: RunModule, over_tcp: dict[str, Any]) -> None:
    database.query("CREATE TABLE secrets (i int)")
    checks: list[dict[str, Any]] = [
        {"id": "table", "query": "SELECT count(*) FROM secrets", "expected": 0},
        {"id": "function", "query": "SELECT pg_read_file('PG_VERSION')", "operator": "set"},
        {"id": "write", "query": "INSERT INTO secrets VALUES (1) RETURNING i", "expected": 1},
        {"id": "after", "query": "SELECT session_user || ' ' || current_user", "expected": "app app"},
    ]
    result = run_module("database_check", {**over_tcp, "checks": checks})
    assert [told(check) for check in result["checks"][1:]] == [
        ("skip", "permission denied for table secrets"),
        ("skip", "permission denied for function pg_read_file"),
        ("fail", "cannot execute INSERT in a read-only transaction"),
        ("pass", '"app app"'),
    ]
    checks[3]["expected"] = "postgres app"
    result = run_module("database_check", {**database.login(session_role="app"), "checks": checks})
    assert [check["status"] for check in result["checks"]] == ["pass", "skip", "skip", "fail", "pass"]
    assert result["checks"][0]["expected"].endswith(" as app")


def test_time_limits(database: Database, ask: Ask) -> None:
    database.query("CREATE TABLE t (i int)")
    other = database.cluster.connect(database.name)
    other.autocommit = False
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        start = time.monotonic()
        checks = ask(
            {"query": "SELECT pg_sleep(60)", "expected": "", "timeout": 0.3},
            {"query": "SELECT count(*) FROM t", "expected": 0},
            {"query": "SELECT pg_sleep(0.1)::text", "expected": ""},
            timeout=0.5,
        )
        spent = time.monotonic() - start
    other.close()
    assert [told(check) for check in checks] == [
        ("fail", "the query did not end within 0.3 s"),
        ("fail", "the query did not end within 0.5 s"),
        ("pass", "not set"),
    ]
    assert spent < 20


CHECKS = [
    {"id": "a", "query": "SELECT 1", "expected": 1, "severity": "warning"},
    {"id": "b", "query": "SELECT 1", "operator": "set", "skip_when_null": "nothing"},
]


@pytest.mark.parametrize(
    ("login", "seen"),
    [
        ({"login_password": "wrong-secret"}, "password authentication failed for user"),
        ({"login_db": "no_such_database"}, 'database "no_such_database" does not exist'),
        ({"login_port": 1}, "Connection refused"),
        ({"login_host": "no-such-host.invalid"}, "could not translate host name"),
        ({"session_role": "postgres"}, 'permission denied to set role "postgres"'),
        ({"session_role": "no role"}, 'role "no role" does not exist'),
    ],
)
def test_no_connection(run_module: RunModule, over_tcp: dict[str, Any], login: dict[str, Any], seen: str) -> None:
    args = {**over_tcp, **login, "checks": CHECKS}
    result = run_module("database_check", args)
    assert not result["failed"]
    connection, *others = result["checks"]
    assert connection["status"] == "fail" and seen in connection["observed"]
    assert [told(check) for check in others] == [("skip", NO_CONNECTION)] * 2
    assert [check["expected"] for check in others] == ["1", "set"]
    assert result["failed_ids"] == ["database.connection"]
    assert args["login_password"] not in str(result)
    given = {"id": "db", "title": "Database", "category": "c", "severity": "info", "hint": "Start it."}
    warned = run_module("database_check", {**args, "connection": given, "fail": True})
    assert not warned["failed"] and given.items() <= warned["checks"][0].items()
    assert warned["checks"][0]["status"] == "warn"


def test_a_server_that_accepts_and_never_answers(run_module: RunModule, over_tcp: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        args = {**over_tcp, "login_port": server.getsockname()[1], "connect_timeout": 2, "timeout": 1}
        result = run_module("database_check", {**args, "checks": CHECKS})
    observed = result["checks"][0]["observed"]
    assert "timeout expired" in observed or "did not answer within" in observed
    assert result["summary"] == {"total": 3, "pass": 0, "fail": 1, "warn": 0, "skip": 2}


def test_a_connection_that_is_lost(database: Database, run_module: RunModule) -> None:
    lost = {"id": "lost", "query": "SELECT pg_terminate_backend(pg_backend_pid())", "expected": True}
    result = run_module("database_check", {**database.login(), "checks": [CHECKS[0], lost, CHECKS[1]]})
    assert [told(check) for check in result["checks"]] == [
        ("fail", "the connection was lost at lost"),
        ("pass", "1"),
        ("fail", "server closed the connection unexpectedly"),
        ("skip", NO_CONNECTION),
    ]


def test_a_server_that_stops_answering(database: Database, start_module: Start, over_tcp: dict[str, Any]) -> None:
    """Its process is stopped in a query, so it keeps no time limit itself."""
    slow = {"id": "slow", "query": "SELECT pg_sleep(3)", "expected": ""}
    process = start_module("database_check", {**over_tcp, "timeout": 4, "checks": [CHECKS[0], slow, CHECKS[1]]})
    end = time.monotonic() + 60
    sleeping = "SELECT pid FROM pg_stat_activity WHERE usename = 'app' AND query LIKE '%pg_sleep%'"
    while not (found := database.query(sleeping)):
        assert time.monotonic() < end
        time.sleep(0.05)
    database.cluster.signal(found[0][0], "STOP")
    try:
        result = result_of(process)
    finally:
        database.cluster.signal(found[0][0], "CONT")
    assert [told(check) for check in result["checks"]] == [
        ("fail", "the connection was given up at slow"),
        ("pass", "1"),
        ("fail", "the server did not answer within 9 s"),
        ("skip", NO_CONNECTION),
    ]


def test_the_documented_examples(database: Database, run_module: RunModule, over_tcp: dict[str, Any]) -> None:
    database.query("CREATE TABLE projects (name text, status text)")
    database.query("INSERT INTO projects VALUES ('System Default', 'active')")
    database.query("GRANT SELECT ON projects TO app")
    for task in yaml.safe_load(database_check.EXAMPLES):
        args = task["ridgetop.aidis.database_check"]
        result = run_module("database_check", {**args, **(over_tcp if "login_host" in args else database.login())})
        statuses = [check["status"] for check in result["checks"]]
        assert len(statuses) == len(args["checks"]) + 1
        wanted = {"database.tables"} if "login_host" in args else set()
        assert set(result["failed_ids"]) == wanted, result
        assert set(statuses) <= {"pass", "fail", "warn", "skip"}
