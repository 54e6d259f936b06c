# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every series that rules, pages and documentation name is really there, on a machine that is used."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.molecule.shared import playbook

LIST: dict[str, Any] = yaml.safe_load((playbook.PROJECT / "molecule/shared/series.yml").read_text(encoding="utf-8"))
# They compare with earlier days, of which there are none.
NEED_DAYS = {"aidis:traffic:days", "aidis:traffic:usual", "aidis:traffic:deviation", "aidis:traffic:trend"}
# Made by Prometheus itself, once something is wrong.
OF_ALERTS = "ALERTS"


@pytest.fixture(scope="module")
def found(used: None, prometheus: Any) -> set[tuple[str, str]]:
    """All that is there, as pairs of job and name; recorded series have no job."""
    del used
    told = prometheus.query('count by (job, __name__) ({__name__=~".+"})')
    return {(labels.get("job", ""), labels["__name__"]) for labels, _value in told}


def test_what_is_listed_is_scraped(found: set[tuple[str, str]]) -> None:
    wanted = {(job, name) for job, names in LIST.items() for name in names if name != OF_ALERTS}
    assert wanted - found == set()


def test_what_is_recorded_has_a_value(found: set[tuple[str, str]], prometheus: Any) -> None:
    groups = prometheus.get("rules", type="record")["groups"]
    wanted = {rule["name"] for group in groups for rule in group["rules"]}
    assert len(wanted) > 30
    assert wanted - {name for _job, name in found} - NEED_DAYS == set()


def test_no_rule_fails(prometheus: Any) -> None:
    groups = prometheus.get("rules")["groups"]
    assert {
        rule["name"]: rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")
    } == {}


def test_what_cannot_be_is_not_recorded(prometheus: Any) -> None:
    """A share above one, a negative number."""
    assert prometheus.query('{__name__=~"aidis:.*:ratio.*"} > 1') == []
    assert prometheus.query('{__name__=~"aidis:.*"} < 0') == []
