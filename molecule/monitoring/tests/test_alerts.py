# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine that breaks: each alert arrives in its time, by the way of its severity, and so does its end."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.conftest import UNIT, WATCHED, WATCHER

CLUSTER = "postgresql@17-main.service"
# A disk of its own: a little more room than the limit, until it is filled; gigabytes that are free cost no memory.
DISK = "/srv/disk"
MOUNT = f"mkdir -p {DISK} && mount -t tmpfs -o size=1100m tmpfs {DISK}"
FILL = f"fallocate -l 200M {DISK}/full"
UNMOUNT = f"umount {DISK} && rmdir {DISK}"
EXPORTER = "prometheus-node-exporter.service"


@pytest.fixture
def disk(on: Any, prometheus: Any) -> Any:
    """A disk that has room, and is watched."""
    on(WATCHED, MOUNT)
    prometheus.until(f'aidis:disk_free:bytes{{instance="{WATCHED}",mountpoint="{DISK}"}} > 1024^3')
    yield DISK
    on(WATCHED, UNMOUNT)


def test_the_service_is_stopped(broken: Any, receiver: Any) -> None:
    mark = receiver.mark()
    with broken("AidisDown", "critical", f"systemctl stop {UNIT}", f"systemctl start {UNIT}", instance=WATCHED) as told:
        assert told.annotations["runbook_url"].lower().endswith("#aidisdown") and told.annotations["description"]
        others = {one.name for one in receiver.since(mark) if one.labels["severity"] != "critical"}
    assert not others & {"ErrorRateHigh", "ResponseSlow"}, "what follows from it is not told"


def test_the_database_is_stopped(broken: Any, receiver: Any, in_time: Any) -> None:
    mark = receiver.mark()
    stops, starts = f"systemctl stop {CLUSTER}", f"systemctl start {CLUSTER}; systemctl restart {UNIT}"
    with broken("DatabaseDown", "critical", stops, starts, instance=WATCHED):
        told = receiver.wait(mark, "DatabaseConnectionFailing", "firing", severity="critical", instance=WATCHED)
        in_time("DatabaseConnectionFailing", told.starts, f'aidis:database_up{{instance="{WATCHED}"}} == 0')
        mark = receiver.mark()
    receiver.wait(mark, "DatabaseConnectionFailing", "resolved", instance=WATCHED)


def test_a_disk_is_full(broken: Any, disk: str) -> None:
    empties = f"rm {disk}/full"
    with broken("DiskCritical", "critical", FILL, empties, instance=WATCHED, mountpoint=disk) as told:
        assert disk in told.annotations["summary"] and "943" in told.annotations["description"]


def test_an_exporter_is_stopped(broken: Any) -> None:
    stops, starts = f"systemctl stop {EXPORTER}", f"systemctl start {EXPORTER}"
    with broken("TargetDown", "warning", stops, starts, WATCHED, instance=WATCHED, job="node"):
        pass


def test_a_unit_of_the_watcher_failed(broken: Any) -> None:
    """It watches itself, too."""
    breaks = "systemd-run --quiet --unit=breaks --property=Restart=no false; sleep 0.5"
    with broken(
        "UnitFailed", "info", breaks, "systemctl reset-failed breaks", WATCHER, instance=WATCHER, name="breaks.service"
    ):
        pass
