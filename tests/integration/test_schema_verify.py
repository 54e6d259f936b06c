# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""schema_verify against real PostgreSQL servers: the reference application, odd names, faults, rights, time limits."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml
from ansible_collections.ridgetop.aidis.tests.integration.conftest import (
    PASSWORD,
    Database,
    RunModule,
    Start,
    result_of,
)
from psycopg2 import sql

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "roles" / "app" / "files" / "contracts" / "guide.yml"
REFERENCE = ROOT / "tests" / "reference_app" / "contract.yml"
MIGRATIONS = ROOT / "tests" / "reference_app" / "app" / "mcp-server" / "migrations"

# As the application's runner makes it.
TRACKING = """
CREATE TABLE migrations (
    id serial PRIMARY KEY,
    filename text NOT NULL UNIQUE,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
# Debian 12 packages no pgvector: a type of the same name and with dimensions, in an extension of the same name.
STAND_IN = """
CREATE TYPE vector;
CREATE FUNCTION vector_in(cstring, oid, integer) RETURNS vector LANGUAGE internal IMMUTABLE STRICT AS 'varcharin';
CREATE FUNCTION vector_out(vector) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'varcharout';
CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'bittypmodin';
CREATE FUNCTION vector_typmod_out(integer) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'bittypmodout';
CREATE TYPE vector (INPUT = vector_in, OUTPUT = vector_out, TYPMOD_IN = vector_typmod_in,
                    TYPMOD_OUT = vector_typmod_out, LIKE = pg_catalog.varchar);
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
VALUES (99999, 'vector', 10, 'public'::regnamespace, true, '0.8.0');
ALTER EXTENSION vector ADD TYPE vector;
ALTER EXTENSION vector ADD FUNCTION vector_in(cstring, oid, integer);
ALTER EXTENSION vector ADD FUNCTION vector_out(vector);
ALTER EXTENSION vector ADD FUNCTION vector_typmod_in(cstring[]);
ALTER EXTENSION vector ADD FUNCTION vector_typmod_out(integer);
"""
FINGERPRINTS: dict[str, str] = {}


def deploy(database: Database) -> None:
    """The schema of the reference application."""
    database.query('CREATE EXTENSION "uuid-ossp"; CREATE EXTENSION pg_trgm')
    packaged = database.query("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")
    database.query("CREATE EXTENSION vector" if packaged else STAND_IN)
    database.query(TRACKING)
    for path in sorted(MIGRATIONS.glob("*.sql")):
        database.query(path.read_text(encoding="utf-8"))
        database.query("INSERT INTO migrations (filename, checksum) VALUES (%s, '')", (path.name,))


def contract_of(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def marks(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["object"], one["severity"], one["attribute"]) for one in result["findings"]]


class Indented(yaml.SafeDumper):
    """As the filter to_nice_yaml writes, with indented lists."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def test_the_contract_of_the_reference_application_is_its_export(database: Database, run_module: RunModule) -> None:
    """With AIDIS_WRITE_CONTRACT=1 it is written anew."""
    deploy(database)
    tracking = {"table": "migrations", "column": "filename"}
    exported = run_module("schema_verify", {**database.login(), "state": "exported", "migrations": tracking})
    contract = exported["contract"]
    # The least that the migrations need is not what happens to be installed here.
    for extension in contract["extensions"].values():
        del extension["min_version"]
    if os.environ.get("AIDIS_WRITE_CONTRACT"):
        text = yaml.dump(contract, Dumper=Indented, width=110, allow_unicode=True)
        lines = (
            "---\n# Export of schema_verify after all migrations; tests/integration/test_schema_verify.py writes it.\n"
        )
        REFERENCE.write_text(lines + text, encoding="utf-8")
    assert contract == contract_of(REFERENCE)
    verified = run_module("schema_verify", {**database.login(), "contract": contract_of(REFERENCE), "extra": "fail"})
    assert not verified["failed"] and verified["findings"] == [], verified["msg"]
    assert FINGERPRINTS.setdefault("reference", exported["fingerprint"]) == verified["fingerprint"]


def test_the_guides_contract(database: Database, run_module: RunModule) -> None:
    args = {**database.login(), "contract": contract_of(GUIDE)}
    empty = run_module("schema_verify", args)
    assert empty["failed"]
    assert sum(one["kind"] == "table" for one in empty["findings"]) == 9
    deploy(database)
    verified = run_module("schema_verify", args)
    assert not verified["failed"] and verified["findings"] == [], verified["msg"]
    database.query("DROP INDEX idx_sessions_agent_type")
    lost = run_module("schema_verify", args)
    assert lost["failed"]
    assert marks(lost) == [("public.sessions.idx_sessions_agent_type", "missing", "")]
    assert "index public.sessions.idx_sessions_agent_type missing" in lost["msg"]
    database.query("CREATE INDEX other_name ON sessions (agent_type)")
    renamed = run_module("schema_verify", args)
    assert not renamed["failed"]
    assert marks(renamed) == [("public.sessions.idx_sessions_agent_type", "renamed", "")]
    database.query(
        "DROP INDEX other_name; CREATE INDEX idx_sessions_agent_type ON sessions (agent_type) WHERE id <> id"
    )
    assert marks(run_module("schema_verify", args)) == [
        ("public.sessions.idx_sessions_agent_type", "different", "where")
    ]


def test_dimensions_of_a_vector(database: Database, run_module: RunModule) -> None:
    deploy(database)
    column = {"type": "vector(384)"}
    tables = {"contexts": {"columns": {"embedding": column}}}
    args = {**database.login(), "contract": {"partial": True, "schemas": {"public": {"tables": tables}}}}
    assert not run_module("schema_verify", args)["failed"]
    column["type"] = "vector(1536)"
    (finding,) = run_module("schema_verify", args)["findings"]
    assert (finding["expected"], finding["observed"]) == ("vector(1536)", "vector(384)")


def test_data_does_not_matter(database: Database, run_module: RunModule) -> None:
    deploy(database)
    args = {**database.login(), "state": "fingerprinted"}
    before = run_module("schema_verify", args)["fingerprint"]
    database.query("INSERT INTO projects (name) SELECT 'p' || n FROM generate_series(1, 1000) n")
    database.query("ANALYZE; REINDEX TABLE projects; CLUSTER projects USING idx_projects_name; DELETE FROM projects")
    assert run_module("schema_verify", args)["fingerprint"] == before
    assert FINGERPRINTS.setdefault("reference", before) == before


def test_as_many_queries_for_a_big_schema(database: Database, run_module: RunModule) -> None:
    args = {**database.login(), "state": "exported"}
    few = run_module("schema_verify", args)["statistics"]["queries"]
    for number in range(200):
        database.query(f"CREATE TABLE t{number} (id int PRIMARY KEY, a text CHECK (a <> ''))")
    exported = run_module("schema_verify", args)
    assert exported["statistics"]["queries"] == few < 17
    verified = run_module("schema_verify", {**database.login(), "contract": exported["contract"]})
    assert verified["findings"] == [] and verified["statistics"]["queries"] == few


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
    "public.dot",
    "json",
    "on",
    "(paren",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names(database: Database, run_module: RunModule, name: str) -> None:
    def cut(suffix: str) -> str:
        return name.encode()[: 63 - len(suffix)].decode("utf-8", "ignore") + suffix

    index, check, second = cut("i"), cut("c"), cut("2")
    names = {"n": name, "i": index, "c": check, "s": second}
    statement = """
        CREATE SCHEMA {n};
        CREATE TYPE {n}.{n} AS ENUM ({v}, 'x');
        CREATE TABLE {n}.{s} ({n} serial PRIMARY KEY, {s} {n}.{n} DEFAULT {v}, {c} text,
                              CONSTRAINT {c} CHECK ({c} <> {v}));
        ALTER TABLE {n}.{s} ADD FOREIGN KEY ({n}) REFERENCES {n}.{s};
        CREATE INDEX {i} ON {n}.{s} ({c} DESC, (lower({c}) || {v})) WHERE {c} > {v};
        CREATE VIEW {n}.{c} AS SELECT {n}, {c} FROM {n}.{s} WHERE {c} = {v};
        CREATE FUNCTION {n}.{n}({n} text) RETURNS text LANGUAGE sql AS 'SELECT 1';
    """
    parts: dict[str, sql.Composable] = {key: sql.Identifier(value) for key, value in names.items()}
    database.query(sql.SQL(statement).format(v=sql.Literal(name), **parts))
    exported = run_module("schema_verify", {**database.login(), "state": "exported", "schemas": [name], "role": "app"})
    assert FINGERPRINTS.setdefault(name, exported["fingerprint"]) == exported["fingerprint"]
    contract = yaml.safe_load(yaml.safe_dump(exported["contract"], allow_unicode=True))
    args = {**database.login(), "contract": contract, "role": "app", "extra": "fail", "fail_on_findings": False}
    verified = run_module("schema_verify", args)
    assert verified["findings"] == [], verified["msg"]
    database.query(sql.SQL("ALTER INDEX {n}.{i} RENAME TO other").format(**parts))
    (finding,) = run_module("schema_verify", args)["findings"]
    assert (finding["severity"], finding["expected"], finding["observed"]) == ("renamed", index, "other")
    # The hint is a statement that does it.
    database.query(finding["hint"].split("; ", 1)[1].rsplit(" gives", 1)[0])
    assert run_module("schema_verify", args)["findings"] == []
    database.query(sql.SQL("DROP INDEX {n}.{i}").format(**parts))
    (finding,) = run_module("schema_verify", args)["findings"]
    assert (finding["kind"], finding["severity"]) == ("index", "missing")
    assert index.replace('"', '""') in finding["object"]


def test_index_that_was_not_finished(database: Database, run_module: RunModule) -> None:
    database.query("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        database.query("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)")
    table: dict[str, Any] = {"columns": {"a": {"type": "int"}}, "indexes": {"i": {"columns": ["a"], "unique": True}}}
    args = {**database.login(), "contract": {"schemas": {"public": {"tables": {"t": table}}}}}
    invalid = run_module("schema_verify", args)
    assert invalid["failed"]
    assert marks(invalid) == [("public.t.i", "invalid", "valid")]
    database.query("DELETE FROM t")
    database.query(invalid["findings"][0]["hint"].split(", or")[0])
    assert run_module("schema_verify", args)["findings"] == []
    database.query("INSERT INTO t VALUES (1), (2)")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        database.query("CREATE UNIQUE INDEX CONCURRENTLY rest ON t ((a / 3))")
    (finding,) = run_module("schema_verify", args)["findings"]
    assert (finding["object"], finding["severity"], finding["status"]) == ("public.t.rest", "extra", "warn")
    database.query(finding["hint"].split(": ")[1])
    assert run_module("schema_verify", args)["findings"] == []


def test_constraint_that_is_not_validated(database: Database, run_module: RunModule) -> None:
    database.query("CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a int)")
    database.query("ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u NOT VALID")
    table = {"foreign_keys": [{"columns": ["a"], "references": "u", "validated": True}]}
    args = {**database.login(), "contract": {"partial": True, "schemas": {"public": {"tables": {"t": table}}}}}
    invalid = run_module("schema_verify", args)
    assert invalid["failed"]
    assert marks(invalid) == [("public.t.f", "invalid", "validated")]
    database.query(invalid["findings"][0]["hint"])
    assert run_module("schema_verify", args)["findings"] == []


@pytest.fixture
def over_tcp(database: Database) -> dict[str, Any]:
    """Connection options of the role app, by password over TCP."""
    return database.login(login_host="127.0.0.1", login_user="app", login_password=PASSWORD)


def test_least_privilege(database: Database, run_module: RunModule, over_tcp: dict[str, Any]) -> None:
    """Without any right on the tables all is seen but the migrations, and that is said."""
    deploy(database)
    contract = contract_of(REFERENCE)
    unseen = run_module("schema_verify", {**over_tcp, "contract": contract})
    assert unseen["failed"]
    assert marks(unseen) == [("public.migrations.filename", "unseen", "")]
    database.query("GRANT SELECT (filename) ON migrations TO app")
    assert run_module("schema_verify", {**over_tcp, "contract": contract})["findings"] == []
    by_role = run_module("schema_verify", {**database.login(session_role="app"), "contract": contract})
    assert by_role["findings"] == []
    denied = run_module("schema_verify", {**over_tcp, "session_role": "postgres", "contract": contract})
    assert "permission denied to set role" in denied["msg"]


def test_owner_and_privileges_of_the_role(database: Database, run_module: RunModule) -> None:
    database.query("CREATE TABLE t (id serial); CREATE TABLE u (a int); GRANT SELECT, INSERT ON t TO app")
    contract: dict[str, Any] = {
        "partial": True,
        "access": {"schemas": ["usage"], "tables": ["select", "insert"], "sequences": ["usage"]},
        "schemas": {"public": {"tables": {"t": {}, "u": {"access": "owner"}}, "sequences": {"t_id_seq": {}}}},
    }
    args = {**database.login(), "contract": contract}
    assert marks(run_module("schema_verify", args)) == [("", "unseen", "")]
    args["role"] = 'no "such"'
    assert [mark[1] for mark in marks(run_module("schema_verify", args))] == ["missing"]
    args["role"] = "app"
    found = run_module("schema_verify", args)["findings"]
    assert [(one["object"], one["severity"]) for one in found] == [
        ("public.u", "different"),
        ("public.t_id_seq", "missing"),
    ]
    for one in found:
        database.query(one["hint"].replace("the role", "app"))
    assert run_module("schema_verify", args)["findings"] == []
    contract["partial"] = False
    exported = run_module("schema_verify", {**database.login(), "role": "app", "state": "exported"})["contract"]
    public = exported["schemas"]["public"]
    assert (public["tables"]["t"]["access"], public["tables"]["u"]["access"]) == (["insert", "select"], "owner")
    assert public["sequences"]["t_id_seq"]["access"] == ["usage"]
    args["contract"] = exported
    assert run_module("schema_verify", args)["findings"] == []
    database.query("GRANT DELETE ON t TO PUBLIC; REVOKE INSERT ON t FROM app")
    assert [mark[:2] for mark in marks(run_module("schema_verify", args))] == [
        ("public.t", "missing"),
        ("public.t", "extra"),
    ]


def test_migrations(database: Database, run_module: RunModule) -> None:
    args = {**database.login(), "contract": {"partial": True}}
    args["migrations"] = {"table": "m", "column": "id", "minimum": "10"}
    assert "there is no such table" in run_module("schema_verify", args)["msg"]
    database.query("CREATE TABLE m (name text); INSERT INTO m VALUES ('x')")
    assert "there is no such column" in run_module("schema_verify", args)["msg"]
    database.query("ALTER TABLE m ADD id int; INSERT INTO m VALUES ('a', 9)")
    (finding,) = run_module("schema_verify", args)["findings"]
    assert (finding["expected"], finding["observed"]) == ("10 or later", "9")
    database.query("INSERT INTO m VALUES ('b', 10)")
    assert not run_module("schema_verify", args)["failed"]
    args["migrations"] = {"table": "m", "column": "id", "expected": ["9", "10", "11"]}
    assert [one["expected"] for one in run_module("schema_verify", args)["findings"]] == ["11"]


def test_settings_of_the_role_do_not_matter(
    database: Database, run_module: RunModule, over_tcp: dict[str, Any]
) -> None:
    database.query("""
        CREATE TABLE t (
            a timestamptz DEFAULT '2026-01-02 03:04+05', b interval DEFAULT '1 day 2 hours', c bytea DEFAULT '\\x00',
            d double precision DEFAULT 0.1, e text DEFAULT 'back\\slash', f date DEFAULT '2026-02-01'
        ) PARTITION BY RANGE (a);
        CREATE TABLE p PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
        CREATE VIEW v AS SELECT a FROM t WHERE a > '2026-01-01 00:00+00'
    """)
    plain = run_module("schema_verify", {**database.login(), "state": "exported"})
    for setting, value in {
        "default_transaction_isolation": "serializable",
        "default_transaction_deferrable": "on",
        "search_path": "public, nowhere",
        "quote_all_identifiers": "on",
        "standard_conforming_strings": "off",
        "DateStyle": "German, DMY",
        "IntervalStyle": "iso_8601",
        "TimeZone": "Asia/Tokyo",
        "bytea_output": "escape",
        "extra_float_digits": "-3",
        "client_encoding": "LATIN1",
        "statement_timeout": "1",
    }.items():
        alter = sql.SQL("ALTER ROLE app IN DATABASE {} SET {} = {}")
        value_ = sql.SQL(value) if setting == "search_path" else sql.Literal(value)
        database.query(alter.format(sql.Identifier(database.name), sql.Identifier(setting.lower()), value_))
    other = run_module("schema_verify", {**over_tcp, "state": "exported"})
    assert other["contract"] == plain["contract"]
    assert other["fingerprint"] == plain["fingerprint"]


def test_the_application_is_not_held_up_nor_does_it_hold_up(database: Database, run_module: RunModule) -> None:
    """A reader and every writer, even one that keeps other writers out, may go on."""
    deploy(database)
    other = database.cluster.connect(database.name)
    other.autocommit = False
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE projects, sessions, contexts, migrations IN EXCLUSIVE MODE")
        result = run_module("schema_verify", {**database.login(timeout=5), "contract": contract_of(REFERENCE)})
    other.close()
    assert result["findings"] == []


def until(condition: Any, seconds: float = 60) -> Any:
    """Wait for a condition, and return what it gave."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.05)


def locked(database: Database) -> Any:
    """A session that holds a table, whose view cannot be printed meanwhile."""
    database.query("CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t")
    other = database.cluster.connect(database.name)
    other.autocommit = False
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
    return other


def test_a_table_that_is_held_too_long(database: Database, run_module: RunModule) -> None:
    other = locked(database)
    result = run_module("schema_verify", {**database.login(timeout=1), "state": "fingerprinted"})
    other.close()
    assert result["failed"] and "timeout" in result["msg"]


def test_a_table_that_is_let_go_is_read(database: Database, start_module: Start) -> None:
    other = locked(database)
    process = start_module("schema_verify", {**database.login(timeout=30), "state": "exported"})
    time.sleep(2)
    assert process.poll() is None
    other.close()
    assert "v" in result_of(process)["contract"]["schemas"]["public"]["views"]


def test_server_that_stops_answering(database: Database, start_module: Start, over_tcp: dict[str, Any]) -> None:
    """Its process is stopped while it works for the module, so it keeps no time limit itself."""
    other = locked(database)
    # Time enough to stop it on a busy machine, where a command in a container takes seconds.
    process = start_module("schema_verify", {**over_tcp, "state": "exported", "timeout": 20, "connect_timeout": 2})
    waiting = "SELECT pid FROM pg_stat_activity WHERE usename = 'app' AND wait_event_type = 'Lock'"
    pid = until(lambda: database.query(waiting))[0][0]
    database.cluster.signal(pid, "STOP")
    try:
        result = result_of(process)
    finally:
        database.cluster.signal(pid, "CONT")
    other.close()
    assert result["failed"] and "did not answer within 22 s" in result["msg"]


def test_server_that_accepts_and_never_answers(run_module: RunModule, over_tcp: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        args = {**over_tcp, "login_port": server.getsockname()[1], "connect_timeout": 2, "timeout": 1}
        result = run_module("schema_verify", {**args, "state": "fingerprinted"})
    assert result["failed"]
    assert "timeout expired" in result["msg"] or "did not answer within" in result["msg"]


def test_unreachable_servers(run_module: RunModule, over_tcp: dict[str, Any]) -> None:
    refused = run_module("schema_verify", {**over_tcp, "login_port": 1, "state": "fingerprinted"})
    assert refused["failed"] and "refused" in refused["msg"]
    wrong = run_module("schema_verify", {**over_tcp, "login_password": "wrong-secret", "state": "fingerprinted"})
    assert "password authentication failed" in wrong["msg"] and "wrong-secret" not in str(wrong)


def test_a_schema_that_changes_while_it_is_read(database: Database, run_module: RunModule) -> None:
    """Tables, indexes and views come and go; what is read is whole, and never an error."""
    database.query("CREATE TABLE stays (a int PRIMARY KEY)")
    done = threading.Event()
    errors: list[Exception] = []

    def work() -> None:
        try:
            while not done.is_set():
                statement = "CREATE TABLE goes (a int DEFAULT 1 + 1 CHECK (a > 0)); CREATE INDEX ON goes ((a + 1)); "
                database.query(statement + "CREATE VIEW seen AS SELECT a FROM goes")
                database.query("DROP TABLE goes CASCADE")
                time.sleep(0.01)
        except Exception as error:  # noqa: BLE001 - told by the test
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        results = [run_module("schema_verify", {**database.login(), "state": "exported"}) for _ in range(10)]
    finally:
        done.set()
        thread.join()
    assert errors == []
    assert [result["msg"] for result in results if result["failed"]] == []
    for result in results:
        assert "stays" in result["contract"]["schemas"]["public"]["tables"]
