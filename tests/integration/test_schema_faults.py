# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""schema_verify on schemas that look right and do not work: each is found, named, and mended by its hint."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import psycopg2
import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import schema_contract
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_compare import compare
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_fingerprint import fingerprint
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_kinds import Observed
from ansible_collections.ridgetop.aidis.tests.integration.conftest import PASSWORD, Database, RunModule
from ansible_collections.ridgetop.aidis.tests.integration.test_schema_objects import read_now

PARTITIONED = """
CREATE TABLE p (a int, b int) PARTITION BY RANGE (a);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
"""
KEYS = "CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a int REFERENCES u);"
NOTHING = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"


class Fault(NamedTuple):
    """Statements that make a schema and spoil it; the finding; what mends it, with the hint's own statement first."""

    made: str
    spoilt: str
    found: tuple[str, str, str, str]
    mended: str = ""


FAULTS = {
    "an index that partitions lack": Fault(
        PARTITIONED + "CREATE INDEX i ON p (b)",
        "DROP INDEX i; CREATE INDEX i ON ONLY p (b)",
        ("index", "public.p.i", "invalid", "valid"),
        "CREATE INDEX j ON p1 (b); ALTER INDEX i ATTACH PARTITION j",
    ),
    "a key that partitions lack": Fault(
        PARTITIONED + "ALTER TABLE p ADD PRIMARY KEY (a)",
        "ALTER TABLE p DROP CONSTRAINT p_pkey; ALTER TABLE ONLY p ADD PRIMARY KEY (a)",
        ("primary_key", "public.p.p_pkey", "invalid", "valid"),
        "ALTER TABLE p1 ADD PRIMARY KEY (a); ALTER INDEX p_pkey ATTACH PARTITION p1_pkey",
    ),
    "a foreign key whose table has its triggers disabled": Fault(
        KEYS,
        "ALTER TABLE t DISABLE TRIGGER ALL",
        ("foreign_key", "public.t.t_a_fkey", "invalid", "enforced"),
        "ALTER TABLE t ENABLE TRIGGER ALL",
    ),
    "a foreign key whose target has its triggers disabled": Fault(
        KEYS,
        "ALTER TABLE u DISABLE TRIGGER ALL",
        ("foreign_key", "public.t.t_a_fkey", "invalid", "enforced"),
        "ALTER TABLE u ENABLE TRIGGER ALL",
    ),
    "a foreign key that one partition does not keep": Fault(
        "CREATE TABLE u (a int PRIMARY KEY);" + PARTITIONED + "ALTER TABLE p ADD FOREIGN KEY (a) REFERENCES u",
        "ALTER TABLE p1 DISABLE TRIGGER ALL",
        ("foreign_key", "public.p.p_a_fkey", "invalid", "enforced"),
        "ALTER TABLE p1 ENABLE TRIGGER ALL",
    ),
    "a deferred key that nothing looks at in the end": Fault(
        "CREATE TABLE u (a int, UNIQUE (a) DEFERRABLE INITIALLY DEFERRED)",
        "ALTER TABLE u DISABLE TRIGGER ALL",
        ("unique", "public.u.u_a_key", "invalid", "valid"),
        "ALTER TABLE u ENABLE TRIGGER ALL",
    ),
    "a trigger that one partition does not run": Fault(
        NOTHING + PARTITIONED + "CREATE TRIGGER g AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION f()",
        "ALTER TABLE p1 DISABLE TRIGGER g",
        ("trigger", "public.p1.g", "extra", ""),
        "ALTER TABLE p1 ENABLE TRIGGER g",
    ),
    "a check that is inherited and not validated": Fault(
        "CREATE TABLE b (a int, CONSTRAINT k CHECK (a > 0)); CREATE TABLE c () INHERITS (b)",
        "ALTER TABLE b DROP CONSTRAINT k; ALTER TABLE b ADD CONSTRAINT k CHECK (a > 0) NOT VALID",
        ("check", "public.b.k", "invalid", "validated"),
    ),
    "a check of a domain that is not validated": Fault(
        "CREATE DOMAIN d AS int CONSTRAINT k CHECK (VALUE > 0)",
        "ALTER DOMAIN d DROP CONSTRAINT k; ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE > 0) NOT VALID",
        ("check", "public.d.k", "invalid", "validated"),
    ),
    "a partition that is a table of its own": Fault(
        PARTITIONED + "CREATE TABLE p2 (a int, b int)",
        "ALTER TABLE p ATTACH PARTITION p2 DEFAULT; ALTER TABLE p DETACH PARTITION p2; DROP TABLE p2",
        ("table", "public.p2", "missing", ""),
        "CREATE TABLE p2 (a int, b int)",
    ),
    "a sequence that belongs to another column": Fault(
        "CREATE TABLE t (a serial, b int)",
        "ALTER SEQUENCE t_a_seq OWNED BY t.b",
        ("sequence", "public.t_a_seq", "different", "owned_by"),
        "ALTER SEQUENCE t_a_seq OWNED BY t.a",
    ),
    "a column that is generated no more": Fault(
        "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED)",
        "ALTER TABLE t ALTER b DROP EXPRESSION",
        ("column", "public.t.b", "different", "generated"),
        "ALTER TABLE t DROP b; ALTER TABLE t ADD b int GENERATED ALWAYS AS (a + 1) STORED",
    ),
    "an identity that is one no more": Fault(
        "CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY)",
        "ALTER TABLE t ALTER a DROP IDENTITY",
        ("column", "public.t.a", "different", "identity"),
        "ALTER TABLE t ALTER a ADD GENERATED ALWAYS AS IDENTITY",
    ),
    "an enum in another order": Fault(
        "CREATE TYPE e AS ENUM ('a', 'b')",
        "DROP TYPE e; CREATE TYPE e AS ENUM ('b', 'a')",
        ("enum", "public.e", "different", "values"),
        "DROP TYPE e; CREATE TYPE e AS ENUM ('a', 'b')",
    ),
    "an index of the column that differs by case alone": Fault(
        'CREATE TABLE "T" ("A" int, a int); CREATE INDEX i ON "T" ("A")',
        'DROP INDEX i; CREATE INDEX i ON "T" (a)',
        ("index", 'public."T".i', "different", "columns"),
        'DROP INDEX i; CREATE INDEX i ON "T" ("A")',
    ),
}


def found(result: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """What was found, without the texts."""
    return [(one["kind"], one["object"], one["severity"], one["attribute"]) for one in result["findings"]]


@pytest.mark.parametrize("name", FAULTS)
def test_what_looks_right_and_does_not_work(database: Database, name: str) -> None:
    fault = FAULTS[name]
    database.query(fault.made)
    before = read_now(database)
    contract = schema_contract.read(json.loads(json.dumps(schema_contract.exported(before, None))))
    assert compare(contract, before) == []
    database.query(fault.spoilt)
    spoilt = read_now(database)
    (finding,) = compare(contract, spoilt)
    assert (finding.kind, finding.object, finding.severity, finding.attribute) == fault.found
    assert print_of(spoilt) != print_of(before)
    # A statement of its hint does, where the test brings none.
    database.query(fault.mended or finding.hint)
    mended = read_now(database)
    assert compare(contract, mended) == []
    assert print_of(mended) == print_of(before)


def print_of(observed: Observed) -> str:
    """The fingerprint of what was read."""
    return fingerprint(observed.schemas, observed.extensions)


def test_hints_of_disabled_triggers_name_the_statement(database: Database, run_module: RunModule) -> None:
    database.query(KEYS + "ALTER TABLE t DISABLE TRIGGER ALL")
    table = {"foreign_keys": [{"columns": ["a"], "references": "u", "enforced": True}]}
    args = {**database.login(), "contract": {"partial": True, "schemas": {"public": {"tables": {"t": table}}}}}
    (finding,) = run_module("schema_verify", args)["findings"]
    database.query(finding["hint"].split("superuser: ")[1].split(", and")[0])
    assert run_module("schema_verify", args)["findings"] == []


def test_a_partition_that_was_detached_half_way(database: Database, run_module: RunModule) -> None:
    """Its rows are seen by nobody who asks the partitioned table."""
    database.query(PARTITIONED)
    exported = run_module("schema_verify", {**database.login(), "state": "exported"})
    args = {**database.login(), "contract": exported["contract"], "fail_on_findings": False}
    reader = database.cluster.connect(database.name)
    reader.autocommit = False
    with reader.cursor() as cursor:
        cursor.execute("SELECT * FROM p")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            detach(database)
    reader.close()
    findings = run_module("schema_verify", args)["findings"]
    # PostgreSQL puts a check in the place of the bound; that is extra.
    (finding,) = [one for one in findings if one["status"] == "fail"]
    assert (finding["object"], finding["attribute"]) == ("public.p1", "bound")
    assert finding["observed"].endswith("(DETACH PENDING)")


def detach(database: Database) -> None:
    """Detach a partition concurrently, and give up when its readers do not go."""
    connection = database.cluster.connect(database.name)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '500ms'")
            cursor.execute("ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY")
    finally:
        connection.close()


def test_two_texts_that_differ_in_spaces_are_shown_so(database: Database, run_module: RunModule) -> None:
    database.query("CREATE TABLE t (a text DEFAULT 'x  y')")
    exported = run_module("schema_verify", {**database.login(), "state": "exported"})
    database.query("ALTER TABLE t ALTER a SET DEFAULT 'x y'")
    message = run_module("schema_verify", {**database.login(), "contract": exported["contract"]})["msg"]
    assert "expected 'x  y'::text; observed 'x y'::text" in message


@pytest.fixture
def over_tcp(database: Database) -> dict[str, Any]:
    """Connection options of the role app, by password over TCP."""
    return database.login(login_host="127.0.0.1", login_user="app", login_password=PASSWORD)


def test_tls_that_the_server_does_not_speak(run_module: RunModule, over_tcp: dict[str, Any]) -> None:
    refused = run_module("schema_verify", {**over_tcp, "state": "fingerprinted", "ssl_mode": "require"})
    assert refused["failed"] and "SSL" in refused["msg"]


def test_a_schema_that_the_role_may_not_even_enter(
    database: Database, run_module: RunModule, over_tcp: dict[str, Any]
) -> None:
    database.query("""
        CREATE SCHEMA s;
        CREATE TYPE s.e AS ENUM ('a'); CREATE DOMAIN s.d AS text COLLATE "C" CHECK (VALUE <> '');
        CREATE TABLE s.t (a serial PRIMARY KEY, b s.d DEFAULT 'x', c s.e, CHECK (b <> 'y'));
        CREATE INDEX ON s.t ((b || 'x')) WHERE c = 'a';
        CREATE VIEW s.v AS SELECT a, b FROM s.t;
        CREATE FUNCTION s.f(n s.e DEFAULT 'a') RETURNS int LANGUAGE sql RETURN 1;
    """)
    asked = {"state": "exported", "schemas": ["s"], "role": "app"}
    entitled = run_module("schema_verify", {**database.login(), **asked})
    other = run_module("schema_verify", {**over_tcp, **asked})
    assert other["contract"] == entitled["contract"]
    assert other["fingerprint"] == entitled["fingerprint"]
    assert other["contract"]["schemas"]["s"]["access"] == []


def test_migrations_that_row_security_hides_are_unseen_and_not_missing(
    database: Database, run_module: RunModule, over_tcp: dict[str, Any]
) -> None:
    database.query("CREATE TABLE m (id text); INSERT INTO m VALUES ('1'); GRANT SELECT ON m TO app")
    args = {"contract": {"partial": True}, "migrations": {"table": "m", "column": "id", "minimum": "1"}}
    assert run_module("schema_verify", {**over_tcp, **args})["findings"] == []
    database.query("ALTER TABLE m ENABLE ROW LEVEL SECURITY")
    assert found(run_module("schema_verify", {**over_tcp, **args})) == [("migration", "public.m.id", "unseen", "")]
    assert run_module("schema_verify", {**database.login(), **args})["findings"] == []
