# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""schema_verify as a whole, each transition against a database by script."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.module_utils import postgres, schema_contract
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_kinds import Observed
from ansible_collections.ridgetop.aidis.plugins.modules import schema_verify

TABLES: dict[str, Any] = {
    "t": {"columns": {"id": {"type": "uuid", "nullable": False}}, "indexes": {"t_id": {"columns": ["id"]}}}
}
LIVE = Observed(
    "d",
    schemas={"public": {"tables": TABLES}},
    extensions={"plpgsql": {"min_version": "1.0", "schema": "pg_catalog"}},
    queries=12,
    server_version=170000,
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the database was asked for."""
    calls: list[Any] = []

    def read(_params: Any, schemas: Any, migrations: Any, role: Any) -> Observed:
        calls.append((schemas, migrations, role))
        return LIVE

    monkeypatch.setattr(schema_verify, "read", read)
    return calls


@pytest.fixture
def run(run_module: Any, asked: list[Any]) -> Any:
    def call(check_mode: bool = False, **args: Any) -> dict[str, Any]:
        result: dict[str, Any] = run_module(schema_verify, {"login_db": "d", **args}, check_mode=check_mode)
        assert not result.get("changed", False)
        return result

    return call


CONTRACT: dict[str, Any] = {"schemas": {"public": {"tables": TABLES}}}


@pytest.mark.parametrize("check_mode", [False, True])
def test_verifies(run: Any, asked: list[Any], check_mode: bool) -> None:
    result = run(check_mode, contract=CONTRACT)
    assert not result["failed"]
    assert result["msg"] == "the schema of d is as its contract says"
    assert result["findings"] == []
    assert result["summary"] == {"total": 12, "pass": 3, "fail": 0, "warn": 0, "skip": 9}
    assert result["statistics"] == {
        "queries": 12,
        "server_version": 170000,
        "objects": {"schema": 1, "table": 1, "column": 1, "index": 1},
    }
    assert asked == [(["public"], None, None)]
    assert "contract" not in result


def lost() -> Any:
    contract = copy.deepcopy(CONTRACT)
    contract["schemas"]["public"]["tables"]["t"]["indexes"]["idx_lost"] = {"columns": ["id DESC"]}
    return contract


def test_fails_and_returns_everything(run: Any) -> None:
    result = run(contract=lost())
    assert result["failed"]
    assert "index public.t.idx_lost missing" in result["msg"]
    assert [finding["object"] for finding in result["findings"]] == ["public.t.idx_lost"]
    assert {"checks", "summary", "fingerprint", "statistics"} <= set(result)
    assert result["summary"]["fail"] == 1


def test_reports_without_failing(run: Any) -> None:
    result = run(contract=lost(), fail_on_findings=False)
    assert not result["failed"]
    assert result["findings"][0]["status"] == "fail"


def test_extra_fails_where_asked_for(run: Any) -> None:
    nothing: dict[str, Any] = {"schemas": {"public": {}}}
    assert [finding["status"] for finding in run(contract=nothing)["findings"]] == ["warn"]
    assert run(contract=nothing, extra="fail")["failed"]
    assert run(contract=nothing, extra="ignore")["findings"] == []
    assert run(contract=nothing, partial=True, extra="fail")["findings"] == []


def test_exports_what_verifies(run: Any) -> None:
    exported = run(state="exported")
    assert list(exported["contract"]) == ["extensions", "format", "schemas"]
    assert exported["contract"]["extensions"] == {}
    again = run(contract=yaml.safe_load(yaml.safe_dump(exported["contract"])))
    assert again["findings"] == []
    assert again["fingerprint"] == exported["fingerprint"]


def test_fingerprint_alone(run: Any, asked: list[Any]) -> None:
    result = run(state="fingerprinted", schemas=["desk", "public"])
    assert set(result) - {"invocation", "failed", "changed"} == {
        "elapsed",
        "fingerprint",
        "recorded",
        "recorded_digest",
        "statistics",
    }
    assert asked == [(["desk", "public"], None, None)]


def test_schemas_are_those_of_the_contract_and_more(run: Any, asked: list[Any]) -> None:
    migrations = {"table": "m", "column": "c"}
    run(
        contract={"schemas": {"desk": {}}}, schemas=["audit"], migrations=migrations, role="app", fail_on_findings=False
    )
    assert asked == [(["audit", "desk"], schema_contract.Migrations("m", "c"), "app")]


def test_a_bad_contract_is_one_error_before_anything_is_read(run: Any, asked: list[Any]) -> None:
    result = run(contract={"format": 2, "tables": {}})
    assert result["failed"]
    assert result["msg"].startswith("schema of d: the contract has 2 faults:\n- ")
    assert asked == []


def test_a_contract_is_required_to_verify(run: Any) -> None:
    assert "state is verified but all of the following are missing: contract" in run()["msg"]


def test_a_contract_does_not_travel_back(run: Any) -> None:
    assert run(contract=CONTRACT)["invocation"]["module_args"]["contract"] == "not shown"


def test_options_out_of_range(run: Any) -> None:
    assert "timeout above 0" in run(contract=CONTRACT, timeout=0)["msg"]


def test_errors_of_the_database(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_args: Any) -> Observed:
        raise postgres.DatabaseError("permission denied", "42501")

    monkeypatch.setattr(schema_verify, "read", read)
    assert run(contract=CONTRACT)["msg"] == "schema of d: permission denied"


def test_a_server_that_never_answers(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_verify, "read", lambda *_args: time.sleep(60))
    result = run(contract=CONTRACT, connect_timeout=1, timeout=0.1)
    assert "did not answer within 1.1 s" in result["msg"]


def examples() -> list[dict[str, Any]]:
    tasks = yaml.safe_load(schema_verify.EXAMPLES)
    return [task["ridgetop.aidis.schema_verify"] for task in tasks if "ridgetop.aidis.schema_verify" in task]


@pytest.mark.parametrize("args", examples())
def test_examples(run: Any, args: dict[str, Any]) -> None:
    if isinstance(args.get("contract"), str):
        args = {**args, "contract": CONTRACT}
    result = run(**args, fail_on_findings=False)
    assert not result["failed"]
