# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results of modules as one story of a host."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.ridgetop.aidis.plugins.filter.collected import FilterModule

collected = FilterModule().filters()["collected"]
CHECK = {"id": "a.b", "title": "A", "status": "pass"}


def test_checks_of_all_stages_after_those_that_were_made() -> None:
    results = {"host": {"checks": [CHECK], "elapsed": 0.5}, "suite": {"skipped": True}, "login": {}}
    found = collected(results, [{**CHECK, "id": "made"}])
    assert [check["id"] for check in found["checks"]] == ["made", "a.b"]
    assert found["timings"] == [{"stage": "host", "seconds": 0.5}]


def test_a_stage_that_broke_is_a_check_that_is_not_met() -> None:
    # As it is registered with failed_when: false.
    (check,) = collected({"host": {"msg": "check x: no kind", "failed": False, "failed_when_result": False}})["checks"]
    assert (check["id"], check["status"], check["observed"]) == ("verify.host", "fail", "check x: no kind")


def test_what_cannot_be_made_is_skipped_with_its_reason() -> None:
    one = {"id": "c.d", "title": "C", "category": "c", "reason": "nobody knows"}
    (check,) = collected({}, [], [one])["checks"]
    assert (check["status"], check["reason"], check["severity"]) == ("skip", "nobody knows", "info")
    assert collected({"host": {"checks": [{**CHECK, "id": "c.d"}]}}, [], [one])["checks"][0]["status"] == "pass"


def test_latency_is_of_what_was_repeated() -> None:
    probes = {
        "checks": [{**CHECK, "id": "fast"}, {**CHECK, "id": "once"}],
        "latency_ms": {"fast": {"p95": 2.0}, "once": {"p95": 1.0}},
        "samples_ms": {"fast": [1.0, 2.0]},
        "limits": {"fast": {"p95": 50.0}, "once": {}},
    }
    (measured,) = collected({"probes": probes})["latency"]
    assert measured == {
        "id": "fast",
        "title": "A",
        "limits": {"p95": 50.0},
        "measured": {"p95": 2.0},
        "samples_ms": [1.0, 2.0],
    }


def test_a_host_that_was_not_reached() -> None:
    (check,) = collected(None)["checks"]
    assert (check["id"], check["status"]) == ("host.reachable", "fail")


@pytest.mark.parametrize("results", [[], {"host": {"checks": 1}}, {"host": {"checks": [{}]}}])
def test_what_makes_no_sense_is_an_error(results: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="collected:"):
        collected(results)
