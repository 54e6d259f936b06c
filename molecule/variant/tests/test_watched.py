# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server without metrics of its own is watched all the same: probes, SQL and the journal tell of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.shared.prometheus import Prometheus

testinfra_hosts = ["ansible://aidis-variant?sudo=true"]

PROBES = {"aidis_mcp", "aidis_metrics", "aidis_ready", "aidis_tcp"}
ANSWER = {"alertmanager", "blackbox", "node", "postgres", "prometheus"} | PROBES
# What the guide wants to be known of any release, and the two queries of this inventory.
KNOWN = [
    "aidis:up == 1",
    "aidis:uptime_seconds > 0",
    "aidis:database_up == 1",
    "aidis:memory_used:ratio",
    "aidis:cpu_used:ratio5m",
    "aidis:disk_free:bytes",
    "aidis:requests:rate5m",
    "aidis:errors:ratio5m == 0",
    "aidis:latency_seconds:mean5m > 0",
    "aidis:latency_seconds:p50_5m > 0",
    "aidis:latency_seconds:p95_5m > 0",
    "aidis:db_connections:used > 0",
    "aidis:db_transactions:rate5m >= 0",
    'workspaces_by_state{state="open"} == 1',
    "threads",
    "aidis_release_info",
]


@pytest.fixture(scope="module", autouse=True)
def checked(host: Any) -> None:
    """Cron starts the check every five minutes, and there is nothing of before: other tests broke the service."""
    host.check_output("journalctl --rotate --vacuum-time=1s; systemctl start aidis-health.service")


@pytest.fixture(scope="module")
def prometheus(host: Any) -> Prometheus:
    return Prometheus(host.check_output, "127.0.0.1:9090")


def test_all_but_the_metrics_that_it_does_not_have_answers(prometheus: Prometheus) -> None:
    prometheus.until(f"count(up == 1) == {len(ANSWER)}")
    assert {labels["job"] for labels, _value in prometheus.query("up == 1")} == ANSWER
    prometheus.until('up{job="aidis"} == 0 and on (instance) aidis:metrics_absent{} == 1')


def test_that_it_has_none_is_not_told(prometheus: Prometheus) -> None:
    prometheus.until("aidis:metrics_absent{} == 1")
    assert prometheus.query('ALERTS{alertname="TargetDown"}') == []


@pytest.mark.parametrize("expression", KNOWN)
def test_it_is_known_by_what_else_there_is(prometheus: Prometheus, expression: str) -> None:
    prometheus.until(expression)
