# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts sent, read: each wrong value is told with its host and its key, and nothing else happens."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import report_input

CHECK = {"id": "a.b", "title": "A", "category": "a", "severity": "critical", "status": "pass"}
CALLS = {"id": "new", "title": "New", "limits": {"p95": 50.0}, "measured": {"p95": 61.2}, "samples_ms": [1, 61.2]}


def test_all_parts_can_be_left_out() -> None:
    (host,) = report_input.read({"db1": {}})
    assert host == report_input.Host("db1", [], [], [], {}, [], [])
    assert report_input.read({"db1": dict.fromkeys(report_input.HOST)}) == [host]


def test_what_is_given_is_kept() -> None:
    given = {
        "groups": ["aidis_db"],
        "checks": [{**CHECK, "observed": 5, "expected": True, "extra": object()}],
        "latency": [CALLS],
        "release": {"id": "1.0.0-abc", "commit": None, "active": True, "size": 7},
        "ledger": [{"id": "x\ny"}],
        "timings": [{"stage": "host", "seconds": 1.5}],
    }
    (host,) = report_input.read({"db1": given})
    assert (host.checks[0].observed, host.checks[0].expected, host.checks[0].hint) == ("5", "True", "")
    assert host.latency[0].exceeded == ["p95 61.2 ms > 50 ms"]
    assert host.release == {"id": "1.0.0-abc", "active": True, "size": 7}
    assert host.ledger == [{"id": "x y"}] and host.timings[0].seconds == 1.5


@pytest.mark.parametrize("hosts", [None, [], "x", 5])
def test_hosts_are_a_mapping(hosts: Any) -> None:
    with pytest.raises(ValueError, match="hosts: a mapping is expected"):
        report_input.read(hosts)


def test_of_no_host_there_is_no_report() -> None:
    with pytest.raises(ValueError, match="nothing was verified"):
        report_input.read({})


@pytest.mark.parametrize("names", [["", "b"], ["a\n", "a"], ["a b", "a\tb"]])
def test_each_host_has_a_name_of_its_own(names: list[str]) -> None:
    with pytest.raises(ValueError, match="no name of one host"):
        report_input.read({name: {} for name in names})


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("text", "db1: a mapping is expected, not 'text'"),
        ({"cheks": []}, "db1: there is no key cheks; there are checks, groups"),
        ({"groups": "a"}, "db1.groups: a list is expected, not 'a'"),
        ({"groups": [1]}, r"db1.groups\[0\]: a text is expected, not a value of type int"),
        ({"checks": {}}, "db1.checks: a list is expected, not a value of type dict"),
        ({"checks": [CHECK, "x"]}, r"db1.checks\[1\]: a mapping is expected, not 'x'"),
        ({"checks": [{**CHECK, "id": None}]}, r"db1.checks\[0\].id: a text is expected, not nothing"),
        (
            {"checks": [{**CHECK, "title": ["x"]}]},
            r"db1.checks\[0\].title: a text is expected, not a value of type list",
        ),
        ({"checks": [{**CHECK, "status": "broken"}]}, r"checks\[0\].status: one of pass, fail, warn, skip is expected"),
        ({"checks": [{**CHECK, "severity": "\x1b[2J"}]}, r"severity: one of .* is expected, not '\\x1b\[2J'"),
        ({"checks": [{**CHECK, "observed": 10**400}]}, r"observed: a text is expected, not a value of type int"),
        ({"latency": [{**CALLS, "limits": {"p95": "50"}}]}, r"latency\[0\].limits.p95: a number .* not '50'"),
        ({"latency": [{**CALLS, "limits": {"p95": True}}]}, r"limits.p95: a number .* not a value of type bool"),
        ({"latency": [{**CALLS, "measured": {"p50": -1}}]}, r"measured.p50: a number that is not negative"),
        ({"latency": [{**CALLS, "samples_ms": [1, float("nan")]}]}, r"samples_ms\[1\]: a number .* not nan"),
        ({"latency": [{**CALLS, "samples_ms": [float("inf")]}]}, r"samples_ms\[0\]: a number .* not inf"),
        ({"latency": [{**CALLS, "samples_ms": [10**400]}]}, r"samples_ms\[0\]: a number"),
        ({"release": []}, "db1.release: a mapping is expected, not a value of type list"),
        ({"release": {"id": {}}}, "db1.release.id: a text is expected, not a value of type dict"),
        ({"ledger": {}}, "db1.ledger: a list is expected"),
        (
            {"timings": [{"stage": "x"}]},
            r"timings\[0\].seconds: a number that is not negative is expected, not nothing",
        ),
    ],
)
def test_a_wrong_value_is_named(value: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        report_input.read({"db1": value})
