# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What follows from what, and what an inventory says about checks."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.ridgetop.aidis.plugins.filter.settled import FilterModule

settled = FilterModule().filters()["settled"]
NEEDS = {"app.*": ["service"], "service": ["database"], "*": ["reachable"]}


def check(name: str, status: str = "fail", severity: str = "critical") -> dict[str, Any]:
    category = name.split(".")[0]
    told = {"expected": "e", "observed": "o", "hint": "h"}
    return {"id": name, "title": name.upper(), "category": category, "severity": severity, "status": status, **told}


def statuses(result: dict[str, list[dict[str, Any]]], host: str = "a") -> dict[str, str]:
    return {one["id"]: one["status"] for one in result[host]}


def test_what_stands_for_itself_stays() -> None:
    given = {"a": [check("app.x"), check("service", "pass"), check("app.y", "pass"), check("app.z", "skip")]}
    assert settled(given, NEEDS) == given


def test_a_consequence_is_skipped_and_names_the_root() -> None:
    given = {"a": [check("app.x"), check("app.ok", "pass"), check("service"), check("database")]}
    result = settled(given, NEEDS)
    assert statuses(result) == {"app.x": "skip", "app.ok": "pass", "service": "skip", "database": "fail"}
    assert result["a"][0]["reason"] == "follows from database (DATABASE), which is not met"


def test_a_warning_is_a_reason_too() -> None:
    result = settled({"a": [check("app.x"), check("service", "warn", "warning")]}, NEEDS)
    assert statuses(result) == {"app.x": "skip", "service": "warn"}


def test_what_is_needed_is_that_of_the_same_host() -> None:
    result = settled({"a": [check("app.x"), check("service", "pass")], "b": [check("service")]}, NEEDS)
    assert statuses(result)["app.x"] == "fail"


def test_what_is_needed_may_be_on_another_host() -> None:
    result = settled({"a": [check("service")], "b": [check("database")]}, NEEDS)
    assert statuses(result) == {"service": "skip"}
    assert statuses(result, "b") == {"database": "fail"}


def test_a_pattern_that_fits_the_needed_check_itself() -> None:
    result = settled({"a": [check("reachable"), check("other")]}, NEEDS)
    assert statuses(result) == {"reachable": "fail", "other": "skip"}


def test_severities() -> None:
    given = {"a": [check("app.x"), check("app.y", "warn", "warning"), check("app.z", "pass")]}
    result = settled(given, {}, {"app.x": "info", "app.*": "critical"})
    assert [(one["severity"], one["status"]) for one in result["a"]] == [
        ("info", "warn"),
        ("critical", "fail"),
        ("critical", "pass"),
    ]


def test_waivers_are_of_what_is_not_met() -> None:
    result = settled({"a": [check("app.x"), check("app.y", "pass")]}, {}, {}, {"app.*": "no firewall here"})
    assert statuses(result) == {"app.x": "skip", "app.y": "pass"}
    assert result["a"][0]["reason"] == "waived: no firewall here"


def test_categories_are_chosen_after_what_follows_from_what() -> None:
    result = settled({"a": [check("app.x"), check("service")]}, NEEDS, categories=["app"])
    assert statuses(result) == {"app.x": "skip"}


def test_what_could_not_be_looked_at_is_told_whatever_the_categories() -> None:
    result = settled({"a": [check("host.reachable"), check("verify.host"), check("app.x")]}, {}, categories=["service"])
    assert statuses(result) == {"host.reachable": "fail", "verify.host": "fail"}


@pytest.mark.parametrize(
    ("hosts", "options", "said"),
    [
        ({"a": [check("x"), check("x")]}, {}, "a has more than one check x"),
        ({"a": [check("x"), check("y")]}, {"needs": {"x": ["y"], "y": ["x"]}}, "need each other: x -> y -> x"),
        ({"a": [check("x")]}, {"severities": {"x": "high"}}, "high is no severity"),
        ({"a": [{"id": "x"}]}, {}, "settled:"),
        ({"a": None}, {}, "settled:"),
    ],
)
def test_what_makes_no_sense_is_an_error(hosts: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=said):
        settled(hosts, **options)
