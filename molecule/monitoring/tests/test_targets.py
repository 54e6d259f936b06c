# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is scraped: every target of the inventory answers, each under its host's name."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.conftest import WATCHED, WATCHER

# Job -> hosts.
JOBS = {
    "aidis": {WATCHED},
    "aidis_mcp": {WATCHED},
    "aidis_metrics": {WATCHED},
    "aidis_ready": {WATCHED},
    "aidis_tcp": {WATCHED},
    "alertmanager": {WATCHER},
    "blackbox": {WATCHER},
    "node": {WATCHED, WATCHER},
    "postgres": {WATCHED},
    "prometheus": {WATCHER},
}
PAIRS = {(job, host) for job, hosts in JOBS.items() for host in hosts}


def test_each_is_there_once_and_up(prometheus: Any) -> None:
    found = prometheus.query("up")
    assert sorted((labels["job"], labels["instance"]) for labels, _value in found) == sorted(PAIRS)
    prometheus.until(f"count(up == 1) == {len(PAIRS)}")


def test_each_bears_the_name_of_the_deployment(prometheus: Any) -> None:
    assert {labels.get("deployment") for labels, _value in prometheus.query("up")} == {"aidis-production"}


@pytest.mark.parametrize("job", ["aidis_tcp", "aidis_mcp", "aidis_ready"])
def test_what_the_application_is_asked_it_answers(prometheus: Any, job: str) -> None:
    prometheus.until(f'probe_success{{job="{job}",instance="{WATCHED}"}} == 1')


def test_no_target_is_refused_what_it_says(prometheus: Any) -> None:
    """A text file that the node exporter cannot read, a collector of PostgreSQL that fails."""
    assert prometheus.query("node_textfile_scrape_error == 1 or pg_exporter_last_scrape_error == 1") == []


def test_the_alertmanager_is_known(prometheus: Any) -> None:
    assert len(prometheus.get("alertmanagers")["activeAlertmanagers"]) == 1
