# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine that watches itself: all of it on loopback. Alerts are looked at in the scenario `monitoring`."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.shared.prometheus import Prometheus

testinfra_hosts = ["ansible://aidis-default?sudo=true"]

PROBES = {"aidis_mcp", "aidis_metrics", "aidis_ready", "aidis_tcp"}
JOBS = {"aidis", "alertmanager", "blackbox", "node", "postgres", "prometheus"} | PROBES
PORTS = {9090, 9093, 9100, 9115, 9187}


@pytest.fixture(scope="module")
def prometheus(host: Any) -> Prometheus:
    return Prometheus(host.check_output, "127.0.0.1:9090")


def test_everything_that_is_to_be_asked_answers(prometheus: Prometheus) -> None:
    prometheus.until(f"count(up == 1) == {len(JOBS)}")
    assert {labels["job"] for labels, _value in prometheus.query("up")} == JOBS
    prometheus.until("aidis:up{} == 1")


def test_the_console_page_is_served(prometheus: Prometheus) -> None:
    assert "<title>" in prometheus.page("/consoles/aidis.html")
    assert 'id="aidisdown"' in prometheus.page("/consoles/runbooks.html")


def test_it_is_reached_from_nowhere_else(host: Any) -> None:
    listening = {line.split()[3] for line in host.check_output("ss -Hltn").splitlines()}
    ours = {name for name in listening if int(name.rpartition(":")[2]) in PORTS}
    assert ours == {f"127.0.0.1:{port}" for port in PORTS}
