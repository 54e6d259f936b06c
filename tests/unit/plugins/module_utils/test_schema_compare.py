# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The comparison, transition by transition."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.module_utils import schema_findings
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_compare import compare, in_order
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_contract import read
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_kinds import Observed

LIVE = yaml.safe_load("""
extensions: {vector: {min_version: 0.8.0, schema: public}, plpgsql: {min_version: '1.0', schema: pg_catalog}}
schemas:
  public:
    tables:
      projects:
        columns:
          id: {type: uuid, nullable: false, default: gen_random_uuid()}
          name: {type: text, nullable: false}
          status: {type: text}
        primary_key: {projects_pkey: {columns: [id]}}
        unique: {projects_name_key: {columns: [name]}}
        checks: {projects_name_check: {expression: "name <> ''::text"}}
        foreign_keys:
          projects_id_fkey: {columns: [id], references: others, references_columns: [id], on_delete: cascade}
        indexes:
          idx_projects_status: {columns: [status]}
          idx_projects_both: {columns: [status, lower(name) DESC], where: status IS NOT NULL}
    enums: {mood: {values: [sad, happy]}}
""")


def compared(contract: Any, live: Any = LIVE, extra: str = "warn", **more: Any) -> list[tuple[str, str, str, str, str]]:
    """What was found: object, kind, severity, attribute, status."""
    observed = Observed("d", schemas=live["schemas"], extensions=live["extensions"], **more)
    findings = compare(read(contract), observed, extra)
    return [(f.object, f.kind, f.severity, f.attribute, f.status) for f in findings]


@pytest.fixture
def contract() -> Any:
    return copy.deepcopy(LIVE)


@pytest.fixture
def live() -> Any:
    return copy.deepcopy(LIVE)


@pytest.fixture
def table(live: Any) -> Any:
    return live["schemas"]["public"]["tables"]["projects"]


def test_equal_is_clean(contract: Any) -> None:
    assert compared(contract) == []


def test_missing_things_are_one_finding_each(contract: Any, live: Any, table: Any) -> None:
    del live["extensions"]["vector"]
    del live["schemas"]["public"]["enums"]
    del table["columns"]["status"]
    del table["indexes"]["idx_projects_both"]
    assert compared(contract, live) == [
        ("vector", "extension", "missing", "", "fail"),
        ("public.projects.status", "column", "missing", "", "fail"),
        ("public.projects.idx_projects_both", "index", "missing", "", "fail"),
        ("public.mood", "enum", "missing", "", "fail"),
    ]
    assert compared(contract, {"schemas": {"public": {}}, "extensions": live["extensions"]})[1:] == [
        ("public.projects", "table", "missing", "", "fail"),
        ("public.mood", "enum", "missing", "", "fail"),
    ]
    assert compared(contract, {"schemas": {}, "extensions": LIVE["extensions"]}) == [
        ("public", "schema", "missing", "", "fail")
    ]


def test_different_attributes(contract: Any, live: Any, table: Any) -> None:
    table["columns"]["name"] = {"type": "character varying(20)", "default": "'x'::text"}
    table["foreign_keys"]["projects_id_fkey"]["on_delete"] = "set null"
    live["schemas"]["public"]["enums"]["mood"]["values"].reverse()
    assert compared(contract, live) == [
        ("public.projects.name", "column", "different", "type", "fail"),
        ("public.projects.name", "column", "different", "nullable", "fail"),
        ("public.projects.name", "column", "different", "default", "fail"),
        ("public.projects.projects_id_fkey", "foreign_key", "different", "on_delete", "fail"),
        ("public.mood", "enum", "different", "values", "fail"),
    ]


def test_invalid_is_what_does_not_work(contract: Any, live: Any, table: Any) -> None:
    table["indexes"]["idx_projects_status"]["valid"] = False
    table["checks"]["projects_name_check"]["validated"] = False
    assert compared(contract, live) == [
        ("public.projects.projects_name_check", "check", "invalid", "validated", "fail"),
        ("public.projects.idx_projects_status", "index", "invalid", "valid", "fail"),
    ]
    # Whoever wrote that down is told when it is no longer so.
    assert [found[2] for found in compared(live)] == ["different", "different"]


@pytest.mark.parametrize(("extra", "statuses"), [("warn", ["warn"]), ("fail", ["fail"]), ("ignore", [])])
def test_extra(contract: Any, live: Any, extra: str, statuses: list[str]) -> None:
    live["schemas"]["public"]["tables"]["new"] = {"columns": {"a": {"type": "text"}}}
    found = compared(contract, live, extra)
    assert found == [("public.new", "table", "extra", "", status) for status in statuses]


def test_plpgsql_goes_without_saying(contract: Any) -> None:
    del contract["extensions"]["plpgsql"]
    assert compared(contract) == []
    del contract["extensions"]["vector"]
    assert compared(contract) == [("vector", "extension", "extra", "", "warn")]


@pytest.mark.parametrize(
    ("minimum", "found"), [("0.5", []), ("0.8", []), ("0.8.1", ["different"]), ("0.10", ["different"])]
)
def test_minimum_version(contract: Any, minimum: str, found: list[str]) -> None:
    contract["extensions"]["vector"]["min_version"] = minimum
    assert [severity for _, _, severity, _, _ in compared(contract)] == found


def test_another_name_will_do(contract: Any, live: Any, table: Any) -> None:
    table["indexes"]["renamed"] = table["indexes"].pop("idx_projects_status")
    table["checks"]["projects_name_check1"] = table["checks"].pop("projects_name_check")
    assert compared(contract, live) == [
        ("public.projects.projects_name_check", "check", "renamed", "", "warn"),
        ("public.projects.idx_projects_status", "index", "renamed", "", "warn"),
    ]


def test_swapped_names_are_two_renamed(contract: Any, live: Any, table: Any) -> None:
    indexes = table["indexes"]
    indexes["idx_projects_status"], indexes["idx_projects_both"] = (
        indexes["idx_projects_both"],
        indexes["idx_projects_status"],
    )
    assert [found[2] for found in compared(contract, live)] == ["renamed", "renamed"]


def test_an_invalid_index_is_none_but_a_valid_one_beside_it_is(contract: Any, live: Any, table: Any) -> None:
    table["indexes"]["idx_projects_status"]["valid"] = False
    table["indexes"]["idx_again"] = {"columns": ["status"]}
    assert compared(contract, live) == [
        ("public.projects.idx_projects_status", "index", "renamed", "", "warn"),
        ("public.projects.idx_projects_status", "index", "extra", "", "warn"),
    ]
    table["indexes"]["idx_again"]["valid"] = False
    del table["indexes"]["idx_projects_status"]
    assert [found[2:4] for found in compared(contract, live)] == [("renamed", ""), ("invalid", "valid")]


def test_the_index_of_a_key_is_an_index(contract: Any) -> None:
    indexes = contract["schemas"]["public"]["tables"]["projects"]["indexes"]
    indexes["projects_name_key"] = {"columns": ["name"], "unique": True}
    assert compared(contract) == []
    indexes["projects_name_idx"] = indexes.pop("projects_name_key")
    assert [found[2] for found in compared(contract)] == ["renamed"]
    indexes["projects_name_idx"]["unique"] = False
    assert [found[2] for found in compared(contract)] == ["missing"]


def test_nameless_things_are_found_by_what_they_are(contract: Any) -> None:
    table = contract["schemas"]["public"]["tables"]["projects"]
    table["primary_key"] = ["id"]
    table["indexes"] = [
        {"columns": ["status"]},
        {"columns": ["status", "LOWER( name ) desc"], "where": "status is not null"},
    ]
    assert compared(contract) == []
    table["indexes"][0]["columns"] = ["id"]
    assert [found[:3] for found in compared(contract)] == [
        ("public.projects", "index", "missing"),
        ("public.projects.idx_projects_status", "index", "extra"),
    ]


PARTIAL = """
partial: true
schemas:
  public:
    tables:
      projects:
        columns: {id: , name: {type: text}}
        foreign_keys: [{columns: [id], references: others}]
        indexes: {by_status: {columns: [status]}, idx_projects_both: }
"""


def test_partial_compares_what_is_written(contract: Any) -> None:
    contract = yaml.safe_load(PARTIAL)
    assert [found[:3] for found in compared(contract)] == [("public.projects.by_status", "index", "renamed")]
    table = contract["schemas"]["public"]["tables"]["projects"]
    table["columns"]["name"]["default"] = None
    table["foreign_keys"][0]["on_delete"] = "no action"
    table["indexes"]["idx_projects_both"] = {"columns": ["status"]}
    assert [found[:3] for found in compared(contract)] == [
        ("public.projects", "foreign_key", "missing"),
        ("public.projects.by_status", "index", "renamed"),
        ("public.projects.idx_projects_both", "index", "different"),
    ]


def test_in_a_partial_contract_null_stands_for_the_default() -> None:
    table = {"indexes": {"i": {"columns": ["status", "lower(name) DESC"], "where": None}}}
    contract = {"partial": True, "schemas": {"public": {"tables": {"projects": table}}}}
    assert [found[2] for found in compared(contract)] == ["missing"]
    del table["indexes"]["i"]["where"]
    assert [found[2] for found in compared(contract)] == ["renamed"]


def test_in_a_partial_contract_who_asks_for_more_chooses_first(live: Any, table: Any) -> None:
    table["indexes"] = {"one": {"columns": ["status"], "unique": True}, "two": {"columns": ["status"]}}
    wanted = {"a": {"columns": ["status"]}, "b": {"columns": ["status"], "unique": True}}
    contract = {"partial": True, "schemas": {"public": {"tables": {"projects": {"indexes": wanted}}}}}
    assert [found[2] for found in compared(contract, live)] == ["renamed", "renamed"]


def test_sql_is_compared_without_whitespace_and_case(contract: Any) -> None:
    table = contract["schemas"]["public"]["tables"]["projects"]
    table["checks"]["projects_name_check"]["expression"] = "( NAME<>''::TEXT )"
    table["columns"]["id"]["default"] = "public.GEN_RANDOM_UUID()"
    assert compared(contract) == []
    table["checks"]["projects_name_check"]["expression"] = "name <> ' '::text"
    assert [found[3] for found in compared(contract)] == ["expression"]


class TestAccess:
    def of(self, needed: Any, held: Any, partial: bool = False) -> list[str]:
        contract = {"partial": partial, "schemas": {"public": {"tables": {"t": {"access": needed}}}}}
        live = {"extensions": {}, "schemas": {"public": {"tables": {"t": {"access": held}}}}}
        found = compared(contract, live, role="app", role_exists=True)
        assert all(one[:2] == ("public.t", "privilege") and one[3] == "access" for one in found)
        return [one[2] for one in found]

    def test_equal(self) -> None:
        assert self.of("owner", "owner") == self.of(["select"], ["select"]) == []

    def test_no_owner(self) -> None:
        assert self.of("owner", ["select"]) == ["different"]

    def test_lacking_and_surplus(self) -> None:
        assert self.of(["insert", "select"], ["delete", "select"]) == ["missing", "extra"]
        assert self.of(["select"], "owner") == ["extra"]

    def test_a_partial_contract_names_the_least(self) -> None:
        assert self.of(["select"], ["delete", "select"], partial=True) == []
        assert self.of(["select"], "owner", partial=True) == []
        assert self.of(["select"], [], partial=True) == ["missing"]


def test_access_without_a_role_is_unseen_and_fails() -> None:
    contract = {"access": {"database": "owner"}}
    live: dict[str, Any] = {"schemas": {}, "extensions": {}}
    assert compared(contract, live) == [("", "privilege", "unseen", "", "fail")]
    assert compared(contract, live, role="app") == [("app", "privilege", "missing", "", "fail")]
    known: dict[str, Any] = {"role": "app", "role_exists": True}
    assert compared(contract, live, **known, access={"access": "owner"}) == []
    assert compared(contract, live, **known, access={"access": ["connect"]}) == [
        ("d", "privilege", "different", "access", "fail")
    ]


class TestMigrations:
    def of(
        self, recorded: list[str] | None, partial: bool = False, reason: str = "", **wanted: Any
    ) -> list[tuple[str, str]]:
        contract = {"partial": partial, "migrations": {"table": "m", "column": "c", **wanted}}
        live: dict[str, Any] = {"schemas": {}, "extensions": {}}
        observed = Observed("d", **live, recorded=recorded, unrecorded=reason)
        findings = compare(read(contract), observed)
        assert all(finding.kind == "migration" and finding.object == "public.m.c" for finding in findings)
        return [(finding.severity, finding.expected) for finding in findings]

    def test_any(self) -> None:
        assert self.of(["1"]) == []
        assert self.of([]) == [("missing", "any")]

    def test_expected(self) -> None:
        assert self.of(["a", "b"], expected=["b", "a"]) == []
        assert self.of(["a", "c"], expected=["a", "b"]) == [("missing", "b"), ("extra", "none")]
        assert self.of(["a", "c"], partial=True, expected=["a"]) == []

    def test_minimum(self) -> None:
        assert self.of(["9", "10"], minimum="10") == []
        assert self.of(["006_b.sql", "007_a.sql"], minimum="007") == []
        assert self.of(["006_b.sql"], minimum="007") == [("missing", "007 or later")]
        assert self.of([], minimum="1") == [("missing", "1 or later")]

    def test_unreadable(self) -> None:
        assert self.of(None, reason="permission denied") == [("unseen", "migrations recorded")]
        assert self.of(None, reason="there is no such table") == [("missing", "migrations recorded")]


def test_numbers_of_migrations_count_as_numbers() -> None:
    assert in_order("1.9.0") < in_order("1.10.0")
    assert in_order("V2__b") < in_order("V10__a")
    assert in_order("002_x") < in_order("010_y") < in_order("20260102_z")
    assert in_order("a") < in_order("b")


def test_checks_cover_every_category(contract: Any, live: Any, table: Any) -> None:
    del table["indexes"]["idx_projects_status"]
    live["schemas"]["public"]["tables"]["new"] = {}
    given = read(contract)
    findings = compare(given, Observed("d", schemas=live["schemas"], extensions=live["extensions"]))
    checks = {check.id: check for check in schema_findings.checks(given, findings)}
    assert checks["schema.indexes"].status == "fail"
    assert checks["schema.indexes"].observed == "public.projects.idx_projects_status missing"
    assert checks["schema.tables"].status == "warn"
    assert checks["schema.columns"].status == "pass"
    assert checks["schema.columns"].expected == "3 as in the contract"
    assert checks["schema.views"].status == "skip" and checks["schema.views"].reason
    kinds = {kind for _, kinds in schema_findings.CATEGORIES.values() for kind in kinds}
    assert kinds >= set(schema_findings.counts(LIVE["schemas"]))


def test_the_message_names_what_failed_and_not_more_than_one_can_read(contract: Any) -> None:
    columns = contract["schemas"]["public"]["tables"]["projects"]["columns"]
    columns.update({f"c{number}": {"type": "text"} for number in range(50)})
    given = read(contract)
    findings = compare(given, Observed("d", schemas=LIVE["schemas"], extensions=LIVE["extensions"]))
    lines = schema_findings.message(findings, "d").splitlines()
    assert lines[0] == "the schema of d is not as its contract says, 50 findings:"
    assert lines[1].startswith("- column public.projects.c0 missing: expected type: text; observed none")
    assert len(lines) == 22 and lines[-1] == "- and 30 more"
