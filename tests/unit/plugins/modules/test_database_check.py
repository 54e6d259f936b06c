# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""database_check's options and judgements; tests/integration has the servers."""

from __future__ import annotations

import time
from typing import Any

import psycopg2
import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import postgres
from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import Subject
from ansible_collections.ridgetop.aidis.plugins.module_utils.comparison import Comparison
from ansible_collections.ridgetop.aidis.plugins.module_utils.database_checks import Answer, Question, judged
from ansible_collections.ridgetop.aidis.plugins.modules import database_check

CHECK = {"id": "a", "query": "SELECT 1", "expected": 1}


@pytest.fixture
def run(run_module: Any) -> Any:
    return lambda **args: run_module(database_check, {"login_db": "d", **args})


@pytest.mark.parametrize(
    ("args", "seen"),
    [
        ({"checks": [{"id": "a", "query": "SELECT 1"}]}, "check a: operator eq needs expected"),
        ({"checks": [{**CHECK, "operator": "in"}]}, "check a: operator in needs a list as expected"),
        ({"checks": [{**CHECK, "operator": "match", "expected": "("}]}, "check a: '(' is not a regular expression"),
        ({"checks": [{**CHECK, "timeout": 0}]}, "check a: timeout must be above 0 seconds"),
        ({"checks": [{**CHECK, "query": "SELECT 1\0"}]}, "check a: query must not hold a NUL"),
        ({"checks": [CHECK, CHECK]}, "check a: its id is used more than once"),
        ({"checks": [CHECK], "connection": {"id": "a"}}, "check a: its id is used more than once"),
        (
            {"checks": [CHECK, {"id": "b", "query": ""}, {**CHECK, "timeout": -1}]},
            "check b: operator eq needs expected",
        ),
        ({"login_port": 0}, "login_port must be between 1 and 65535"),
        ({"timeout": 0}, "timeout above 0"),
        ({"checks": [{**CHECK, "operator": "like"}]}, "value of operator must be one of"),
        ({"checks": [{"id": "a", "expected": 1}]}, "missing required arguments: query"),
    ],
)
def test_wrong_options(run: Any, monkeypatch: pytest.MonkeyPatch, args: dict[str, Any], seen: str) -> None:
    monkeypatch.setattr(psycopg2, "connect", None)
    result = run(**args)
    assert result["failed"] and seen in result["msg"]


def test_without_psycopg2(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "PSYCOPG2_ERROR", ImportError("No module named 'psycopg2'"))
    assert "Failed to import the required Python library (psycopg2)" in run()["msg"]


def test_a_refusal_is_told_without_the_password(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**parameters: Any) -> None:
        raise psycopg2.OperationalError(f"cannot log in with {parameters['password']}\n\n")

    monkeypatch.setattr(psycopg2, "connect", refuse)
    result = run(login_password="very-secret-word", checks=[CHECK])
    assert not result["failed"]
    assert [check["status"] for check in result["checks"]] == ["fail", "skip"]
    assert result["checks"][0]["observed"].startswith("cannot log in with ")
    assert "very-secret-word" not in str(result)


def test_a_server_that_never_answers(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psycopg2, "connect", lambda **_parameters: time.sleep(30))
    result = run(connect_timeout=1, timeout=0.2)
    assert result["checks"][0]["observed"] == "the server did not answer within 1.2 s"


def question(operator: str, expected: Any = None, null: str | None = None, severity: str = "critical") -> Question:
    return Question(Subject("a", "A", "c", severity), "", Comparison(operator, expected), 1.0, None, null)


@pytest.mark.parametrize(
    ("asked", "answer", "status", "seen"),
    [
        (question("eq", "5"), Answer(5), "pass", "5"),
        (question("eq", 6), Answer(5, "of five"), "fail", "5 (of five)"),
        (question("eq", 6, severity="info"), Answer(5), "warn", "5"),
        (question("match", r"^\d+$"), Answer(5), "pass", "5"),
        (question("no_match", "x", "no value"), Answer(None), "skip", "no value"),
        (question("no_match", "x"), Answer(None), "fail", "null"),
        (question("ne", "x"), Answer(None, row=False), "fail", "no row"),
        (question("unset"), Answer(None, row=False), "pass", "no row"),
        (question("unset"), Answer(""), "pass", "not set"),
        (question("ge", 5), Answer("text"), "fail", '"text", which cannot be compared'),
    ],
)
def test_judgement(asked: Question, answer: Answer, status: str, seen: str) -> None:
    check = judged(asked, answer).as_dict()
    assert (check["status"], check["reason" if status == "skip" else "observed"]) == (status, seen)
