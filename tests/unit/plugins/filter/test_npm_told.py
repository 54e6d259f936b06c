# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What npm's audits come to, for the run's output and for its end."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.ridgetop.aidis.plugins.filter.npm_told import FilterModule
from ansible_collections.ridgetop.aidis.tests.unit.plugins.module_utils.npm_samples import RECORDED

npm_told = FilterModule().filters()["npm_told"]


def results(vulnerabilities: str, signatures: str = "signed") -> list[dict[str, Any]]:
    """What a loop registers."""
    return [
        {"item": {"about": "vulnerabilities"}, "rc": 0, "stdout": RECORDED[vulnerabilities], "stderr": ""},
        {"item": {"about": "signatures"}, "rc": 0, "stdout": RECORDED[signatures], "stderr": ""},
    ]


def test_a_line_each_and_no_limit_of_its_own() -> None:
    assert npm_told(results("vulnerable", "wrong_npm11")) == {
        "lines": [
            "Vulnerabilities: 2 critical, 1 moderate: leaf (critical), middle (critical), good (moderate)",
            "Signatures: 1 wrong: middle@2.0.0; 1 missing: leaf@1.0.0",
        ],
        "problems": [],
    }


def test_all_is_well() -> None:
    told = npm_told(results("none"), threshold="info", signatures="missing", required=True)
    assert told == {"lines": ["Vulnerabilities: no known vulnerabilities", "Signatures: all right"], "problems": []}


def test_a_threshold_names_what_reached_it() -> None:
    (problem,) = npm_told(results("vulnerable"), threshold="high")["problems"]
    assert problem.startswith("Vulnerabilities: 2 critical")
    assert problem.endswith("high or worse is not accepted (app_audit_threshold)")


@pytest.mark.parametrize(
    ("found", "limit", "refused"),
    [
        ("wrong_npm9", "invalid", True),
        ("wrong_npm9", "missing", True),
        ("unsigned", "invalid", False),
        ("unsigned", "missing", True),
        ("wrong_npm9", "none", False),
    ],
)
def test_signatures_by_their_limit(found: str, limit: str, refused: bool) -> None:
    assert bool(npm_told(results("none", found), signatures=limit)["problems"]) is refused


def test_what_is_not_known_is_told_and_a_problem_only_where_it_is_required() -> None:
    given = results("no_endpoint_npm9", "no_keys")
    told = npm_told(given, threshold="low", signatures="missing")
    assert told["problems"] == []
    assert [line.partition(",")[0] for line in told["lines"]] == ["Vulnerabilities: not known", "Signatures: not known"]
    assert len(npm_told(given, required=True)["problems"]) == 2


def test_without_a_lockfile_there_is_nothing_to_know() -> None:
    told = npm_told(results("no_lock", "no_lock"), threshold="low", required=True)
    assert told["problems"] == []
    assert told["lines"][0] == "Vulnerabilities: not asked, the release has no lockfile of npm"


def test_a_command_that_could_not_be_started_is_not_known() -> None:
    one = {"item": {"about": "signatures"}, "msg": "Unable to change directory", "failed": False}
    assert npm_told([one])["lines"] == ["Signatures: not known, Unable to change directory"]


@pytest.mark.parametrize("limits", [{"threshold": "hihg"}, {"signatures": "all"}])
def test_a_limit_that_does_not_exist_is_an_error(limits: dict[str, str]) -> None:
    with pytest.raises(AnsibleFilterError, match="must be one of none"):
        npm_told([], **limits)


def test_results_of_something_else_are_an_error() -> None:
    with pytest.raises(AnsibleFilterError, match="npm_told"):
        npm_told([{"rc": 0}])
