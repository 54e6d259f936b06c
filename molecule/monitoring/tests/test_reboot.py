# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After a reboot of both machines it is as before: all is up, by itself, and the alerts of the time between end."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.conftest import WATCHED, WATCHER
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.test_targets import PAIRS
from ansible_collections.ridgetop.aidis.molecule.shared import playbook


@pytest.fixture(scope="module", autouse=True)
def rebooted() -> None:
    """Reboot both, and wait until they have booted."""
    podman = str(playbook.PROJECT / "molecule/shared/bin/podman")
    subprocess.run([podman, "restart", "--time", "30", WATCHED, WATCHER], check=True, capture_output=True)
    waited = "until [ -S /run/systemd/private ]; do sleep 0.1; done; systemctl is-system-running --wait"
    for host in (WATCHED, WATCHER):
        subprocess.run([podman, "exec", host, "timeout", "90", "sh", "-c", waited], check=True, capture_output=True)


def test_all_targets_are_up(prometheus: Any) -> None:
    prometheus.until(f"count(up == 1) == {len(PAIRS)}")


def test_the_application_is_up(prometheus: Any) -> None:
    prometheus.until(f'aidis:up{{instance="{WATCHED}"}} == 1')


@pytest.mark.parametrize("host", [WATCHED, WATCHER])
def test_no_unit_failed(on: Any, host: str) -> None:
    assert on(host, "systemctl list-units --failed --plain --no-legend") == ""


def test_what_was_told_before_is_kept(prometheus: Any) -> None:
    """The series of the time before are on disk."""
    assert prometheus.query(f'count_over_time(aidis:up{{instance="{WATCHED}"}}[1h]) > 20')
