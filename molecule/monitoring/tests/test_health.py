# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check of every five minutes: for people on a terminal, for programs, and for what watches."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.conftest import UNIT, WATCHED

SECTIONS = {"service", "database", "memory", "disk", "journal"}
# Somebody who may log in and nothing else, on a terminal of the usual width.
AS_ANYBODY = "cd / && id guest >/dev/null 2>&1 || useradd guest; runuser -u guest --"
ON_A_TERMINAL = f"{AS_ANYBODY} script -qec aidis-health /dev/null"


@pytest.fixture
def stopped(on: Any) -> Any:
    """The service is down."""
    on(WATCHED, f"systemctl stop {UNIT}")
    yield
    on(WATCHED, f"systemctl start {UNIT}")


@pytest.fixture(scope="module", autouse=True)
def quiet(on: Any) -> None:
    """Nothing is wrong, and the journal of before is forgotten: other tests broke the service."""
    on(WATCHED, "journalctl --rotate --vacuum-time=1s; systemctl start aidis-health.service")


def test_anybody_can_read_it_on_a_terminal(host_of: Any) -> None:
    done = host_of(WATCHED).run(ON_A_TERMINAL)
    assert done.rc == 0, done.stdout
    assert all(title in done.stdout for title in ("Service Status", "Database Connectivity", "Memory", "Disk", "Error"))


def test_programs_read_it_as_json(host_of: Any) -> None:
    done = host_of(WATCHED).run("aidis-health --json")
    found = json.loads(done.stdout)
    assert done.rc == found["status"] == 0, done.stdout
    assert set(found["sections"]) == SECTIONS


@pytest.mark.usefixtures("stopped")
def test_its_exit_status_tells_that_the_service_is_down(host_of: Any) -> None:
    done = host_of(WATCHED).run("aidis-health --json")
    assert done.rc == json.loads(done.stdout)["status"] == 1
    assert json.loads(done.stdout)["sections"]["service"]["status"] == "failed"


def test_the_timer_waits_for_its_next_time(on: Any) -> None:
    assert on(WATCHED, "systemctl is-active aidis-health.timer").strip() == "active"
    assert on(WATCHED, "systemctl is-enabled aidis-health.timer").strip() == "enabled"


def test_what_it_finds_is_scraped(on: Any, prometheus: Any) -> None:
    on(WATCHED, "systemctl start aidis-health.service")
    for section in SECTIONS:
        prometheus.until(f'aidis_health_ok{{instance="{WATCHED}",section="{section}"}} == 1')
    prometheus.until(f'time() - aidis_health_run_timestamp_seconds{{instance="{WATCHED}"}} < 300')


def test_it_writes_the_log_that_the_guide_names(on: Any) -> None:
    before = int(on(WATCHED, "cat /var/log/aidis/health-check.log | wc -l"))
    on(WATCHED, "systemctl start aidis-health.service")
    assert int(on(WATCHED, "cat /var/log/aidis/health-check.log | wc -l")) == before + 1
