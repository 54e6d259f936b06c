# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host of several watches all, each under its name, with the intervals and times that a production has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.fleet.tests.conftest import ADDRESSES, APPLICATIONS, DATABASE
from ansible_collections.ridgetop.aidis.molecule.shared.prometheus import Prometheus
from ansible_collections.ridgetop.aidis.molecule.shared.reach import TRY

FIRST, SECOND = APPLICATIONS
# What is asked, and of which hosts.
JOBS = [
    ({"aidis", "aidis_mcp", "aidis_metrics", "aidis_ready", "aidis_tcp"}, APPLICATIONS),
    ({"alertmanager", "blackbox", "postgres", "prometheus"}, [DATABASE]),
    ({"node"}, [DATABASE, *APPLICATIONS]),
]
PAIRS = {(job, host) for jobs, hosts in JOBS for job in jobs for host in hosts}
# Seconds between two looks at a target, and at the rules: the defaults.
SCRAPE, EVALUATION = 15, 15
ALERT = f'ALERTS{{alertname="AidisDown",alertstate="firing",instance="{SECOND}"}}'
ELSEWHERE = "10.201.47.98"


@pytest.fixture(scope="module")
def prometheus(host_of: Any) -> Prometheus:
    """The server on the database's host."""
    return Prometheus(host_of(DATABASE).check_output, "127.0.0.1:9090")


@pytest.fixture
def stopped(on: Any) -> Iterator[float]:
    """The second host's service is down, since this moment."""
    on(SECOND, "systemctl stop aidis-production")
    yield float(on(DATABASE, "date +%s"))
    on(SECOND, "systemctl start aidis-production")


def test_every_host_is_asked_for_what_runs_there(prometheus: Prometheus) -> None:
    prometheus.until(f"count(up == 1) == {len(PAIRS)}")
    assert {(labels["job"], labels["instance"]) for labels, _value in prometheus.query("up")} == PAIRS


@pytest.mark.parametrize("name", APPLICATIONS)
def test_each_application_is_up_and_has_its_database(prometheus: Prometheus, name: str) -> None:
    prometheus.until(f'aidis:up{{instance="{name}"}} == 1 and on () aidis:database_up{{instance="{name}"}} == 1')


def test_the_database_is_told_of_once(prometheus: Prometheus) -> None:
    found = prometheus.until("aidis:db_connections:used{} > 0")
    assert [labels["instance"] for labels, _value in found] == [DATABASE]
    # By the first of the hosts that may ask it as the application does.
    found = prometheus.until("aidis_sql_projects")
    assert {labels["instance"] for labels, _value in found} == {FIRST}


@pytest.mark.parametrize(("host", "port"), [(FIRST, 9100), (SECOND, 9100), (FIRST, 8080), (FIRST, 3001)])
def test_only_the_watcher_gets_in(on: Any, host_of: Any, host: str, port: int) -> None:
    there = host_of(DATABASE)
    ask = "python3 -c %s %s %s %s"
    assert there.check_output(ask, TRY, ADDRESSES[DATABASE], ADDRESSES[host], str(port)).strip() == "open"
    on(DATABASE, f"ip address add {ELSEWHERE}/32 dev eth0")
    try:
        said = there.check_output(ask, TRY, ELSEWHERE, ADDRESSES[host], str(port)).strip()
    finally:
        on(DATABASE, f"ip address del {ELSEWHERE}/32 dev eth0")
    assert said != "open"


def test_one_host_that_is_down_is_told_in_its_time_and_the_other_is_not(
    on: Any, prometheus: Prometheus, stopped: float
) -> None:
    prometheus.until(ALERT, 300)
    began = prometheus.since(ALERT, float(on(DATABASE, "date +%s")) + 1)
    # A minute, and two scrapes, each with the evaluation that follows it.
    minute = prometheus.alerts()["AidisDown"]["duration"]
    assert minute == 60
    assert minute - EVALUATION <= began - stopped <= minute + 2 * (SCRAPE + EVALUATION)
    assert {labels["instance"] for labels, _value in prometheus.query('ALERTS{alertname="AidisDown"}')} == {SECOND}


def test_when_it_is_up_again_that_ends(prometheus: Prometheus) -> None:
    prometheus.until(f"absent({ALERT})", 120)
