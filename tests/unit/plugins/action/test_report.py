# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action: what it returns, when it writes, and what it refuses."""

from __future__ import annotations

import os
import re
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible_collections.ridgetop.aidis.plugins.action import report as action
from ansible_collections.ridgetop.aidis.plugins.modules import report as documented
from ansible_collections.ridgetop.aidis.tests.unit.plugins.action.conftest import NOW, Call
from ansible_collections.ridgetop.aidis.tests.unit.plugins.action.report_samples import check


def test_the_options_are_those_that_are_documented() -> None:
    options = yaml.safe_load(documented.DOCUMENTATION)["options"]
    specified = {
        name: {key: option[key] for key in ("type", "required", "default") if key in option}
        for name, option in options.items()
    }
    assert specified == action.ARGUMENTS


def test_what_is_returned_is_documented(call: Call) -> None:
    assert call().keys() - {"changed"} == yaml.safe_load(documented.RETURN).keys()


def test_the_example_makes_a_report(call: Call) -> None:
    (task, _assertion) = yaml.safe_load(documented.EXAMPLES)
    given = task["ridgetop.aidis.report"]
    result = call(given["hosts"], command=given["command"])
    assert result["verdict"] == "fail" and "service.unit" in result["msg"]


def test_a_report_is_three_files_and_a_link(call: Call, tmp_path: Path) -> None:
    result = call()
    path = tmp_path / "reports" / "20261126T013000Z"
    assert result["changed"] and result["path"] == str(path)
    assert result["files"] == [str(path / name) for name in ("junit.xml", "report.html", "report.json")]
    assert os.readlink(path.parent / "latest") == path.name


def test_the_verdict_and_every_failed_critical_check(call: Call) -> None:
    result = call()
    assert result["verdict"] == "fail"
    assert [(one["host"], one["id"], one["observed"]) for one in result["failed_checks"]] == [
        ("db1", "service.a", "failed"),
        ("app1", "service.a", "dead"),
    ]
    message = result["msg"]
    assert message.startswith("2 critical checks failed on 2 hosts:\n- db1: Title of service.a (service.a): expected")
    assert "- app1: " in message and "dead" in message and "Run `systemctl restart x`." in message
    assert message.endswith(f"The report: {result['path']}/report.html")
    assert {name: count for name, count in result["summary"].items() if name != "hosts"} == {
        "total": 6, "pass": 1, "fail": 3, "warn": 1, "skip": 1,
    }  # fmt: skip
    assert result["summary"]["hosts"]["db1"]["service"] == {"pass": 0, "fail": 2, "warn": 0, "skip": 0}


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ([check("a")], "pass"),
        ([check("a"), check("b", "skip", reason="x")], "pass"),
        ([check("a", "warn")], "warn"),
        ([check("a", "fail", "warning")], "warn"),
        ([check("a", "fail", "info"), check("b", "fail")], "fail"),
        ([check("a", "skip", reason="x")], "warn"),
        ([], "warn"),
    ],
)
def test_a_verdict(call: Call, checks: list[dict[str, str]], verdict: str) -> None:
    result = call({"db1": {"checks": checks}})
    assert result["verdict"] == verdict
    assert result["failed_checks"] == [] or verdict == "fail"


def test_the_terminal_tells_failures_first(call: Call) -> None:
    result = call()
    text = result["text"]
    parts = ["AIDIS verification: FAIL", "Failed (3)", "Warnings (1)", "Skipped (1)", "Latency (ms)", "Checks (6)",
             "Time by stage", f"Report: {result['path']}/report.html"]  # fmt: skip
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "  FAIL  db1  Title of service.a (service.a)\n        expected  active\n        observed  failed" in text
    assert text.index("app1  Title of service.a") < text.index("FAIL (warning)  db1  Title of service.b")
    assert "      1  There is none here." in text
    rows = [line for line in text.splitlines() if line.startswith(("  host  ", "  db1   ", "        system"))]
    assert len({row.rindex("  ") for row in rows[1:]}) <= len(rows), "aligned columns"
    assert re.search(r"(?m)^  host  category  pass  fail  warn  skip$", text)
    assert re.search(r"(?m)^  db1   service      -     2     -     -$", text)


@pytest.mark.parametrize("options", [{"write": False}, {"check_mode": True}])
def test_nothing_is_written_where_nothing_may_be(call: Call, tmp_path: Path, options: dict[str, bool]) -> None:
    result = call(**options)
    assert not result["changed"] and result["path"] == "" and result["files"] == []
    assert result["verdict"] == "fail" and "report.html" not in result["text"] + result["msg"]
    assert list(tmp_path.iterdir()) == []


def test_only_so_many_reports_are_kept(call: Call, tmp_path: Path) -> None:
    for day in range(4):
        call(when=NOW + timedelta(days=day), keep=2)
    assert sorted(os.listdir(tmp_path / "reports")) == ["20261128T013000Z", "20261129T013000Z", "latest"]


def test_two_runs_in_one_second(call: Call) -> None:
    assert [Path(call()["path"]).name for _number in range(2)] == ["20261126T013000Z", "20261126T013000Z-2"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"hosts": {}}, "nothing was verified"),
        ({"hosts": {"db1": {"checks": 5}}}, "db1.checks: a list is expected"),
        ({"hosts": None}, "hosts"),
        ({"keep": 0}, "keep must be at least 1"),
        ({"trend": -1}, "trend must be at least 0"),
        ({"keep": "many"}, "keep"),
        ({"typo": 1}, "typo"),
    ],
)
def test_bad_input_is_told(call: Call, tmp_path: Path, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(AnsibleActionFail, match=problem):
        call(**options)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_told(call: Call, tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(AnsibleActionFail, match=f"{tmp_path}/reports"):
        call()


def test_a_directory_that_may_only_be_read_is_told(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reports").mkdir()
    # Root may write everywhere, so the system says no in its stead.
    refused = PermissionError(13, "Permission denied", f"{tmp_path}/reports/.report-x")
    monkeypatch.setattr(tempfile, "mkdtemp", mock.Mock(side_effect=refused))
    with pytest.raises(AnsibleActionFail, match=r"cannot be written below .*/reports: .*Permission denied"):
        call()
