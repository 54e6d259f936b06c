# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases that are bad, one after the other: each is told of, and each test goes on where the one before ended."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.conftest import WATCHED, WATCHER
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.traffic import traffic

SLOW, FAILING = "v1.2.0-slow", "v1.2.0-tool-errors"
# Nothing is asked of a release that is known to be bad: who lets one in is told of it by what watches.
LET_IN: dict[str, Any] = {"app_acceptance_gate": False, "app_health_probes": []}
HERE = {"instance": WATCHED}


@pytest.fixture(scope="module")
def deploy(play: Any) -> Any:
    """Deploy a version; what watches it is as it was, and is left alone."""
    return lambda version, **variables: play(
        "deploy", f"--limit={WATCHED}", "--skip-tags=monitoring", app_version=version, **variables
    )


@pytest.fixture(scope="module")
def checked(on: Any) -> Any:
    """Let the check of every five minutes run now."""
    return lambda: on(WATCHED, "systemctl start aidis-health.service")


def marks(kind: str, version: str) -> str:
    """An expression for the marks of one kind that a version has."""
    return f'aidis_release_mark_timestamp_seconds{{instance="{WATCHED}",kind="{kind}",release=~"{version}-.*"}}'


def test_a_deployment_that_fails_is_told(
    deploy: Any, receiver: Any, prometheus: Any, checked: Any, in_time: Any
) -> None:
    mark = receiver.mark()
    done = deploy(SLOW, app_install_command="false")
    assert done.failed, done.output[-6000:]
    checked()
    told = receiver.wait(mark, "ReleaseFailed", "firing", severity="info", **HERE)
    assert told.path == "/info"
    in_time("ReleaseFailed", told.starts, f'aidis_release_failed{{instance="{WATCHED}"}} == 1')
    prometheus.until(marks("failed", SLOW))


def test_the_next_one_ends_it(deploy: Any, receiver: Any, prometheus: Any, checked: Any) -> None:
    mark = receiver.mark()
    done = deploy(SLOW, **LET_IN)
    assert done.status == 0, done.output[-6000:]
    checked()
    receiver.wait(mark, "ReleaseFailed", "resolved", **HERE)
    prometheus.until(marks("deploy", SLOW))
    prometheus.until(f'aidis_release_info{{instance="{WATCHED}",version="{SLOW}"}} == 1')


def test_a_slow_release_is_told(on: Any, receiver: Any, in_time: Any) -> None:
    mark = receiver.mark()
    with traffic(on, WATCHED):
        told = receiver.wait(mark, "ResponseSlow", "firing", severity="warning", **HERE)
    assert told.path == "/warning"
    in_time("ResponseSlow", told.starts, f'aidis:latency_seconds:mean5m{{instance="{WATCHED}"}} > 0.1')


def test_a_rollback_ends_it(play: Any, on: Any, receiver: Any, prometheus: Any, checked: Any) -> None:
    mark = receiver.mark()
    done = play("rollback")
    assert done.status == 0, done.output[-6000:]
    with traffic(on, WATCHED):
        receiver.wait(mark, "ResponseSlow", "resolved", **HERE)
    checked()
    prometheus.until(marks("rollback", SLOW))


def test_a_failing_release_is_told_as_being_down(
    deploy: Any, on: Any, receiver: Any, prometheus: Any, in_time: Any
) -> None:
    """That its errors are many follows from it, and is not told besides."""
    mark = receiver.mark()
    fires = f'ALERTS{{alertname="ErrorRateHigh",alertstate="firing",instance="{WATCHED}"}}'
    done = deploy(FAILING, **LET_IN)
    assert done.status == 0, done.output[-6000:]
    with traffic(on, WATCHED):
        told = receiver.wait(mark, "AidisDown", "firing", severity="critical", **HERE)
        prometheus.until(fires)
        # It may have begun within this very second.
        starts = prometheus.since(fires, float(on(WATCHER, "date +%s")) + 1)
    in_time("AidisDown", told.starts, f'aidis:up{{instance="{WATCHED}"}} == 0')
    in_time("ErrorRateHigh", starts, f'aidis:errors:ratio5m{{instance="{WATCHED}"}} > 0.05')
    assert "ErrorRateHigh" not in {one.name for one in receiver.since(mark)}


def test_a_good_release_ends_that(play: Any, receiver: Any, prometheus: Any, checked: Any) -> None:
    mark = receiver.mark()
    done = play("rollback")
    assert done.status == 0, done.output[-6000:]
    receiver.wait(mark, "AidisDown", "resolved", **HERE)
    # The timer may have run the check while the release was there that nothing was measured of.
    checked()
    prometheus.until(f'aidis_release_acceptance_latency_seconds{{instance="{WATCHED}"}}')
