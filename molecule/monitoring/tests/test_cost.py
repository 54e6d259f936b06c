# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What it costs to be watched: memory and processor time of each unit, measured and printed."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.conftest import WATCHED, WATCHER
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.test_access import UNITS

SECONDS = 10
# Of the unit's main process: not every machine counts by unit. Ticks are hundredths of a second.
LOOK = r"""
for unit in "$@"; do
  pid=$(systemctl show -P MainPID "$unit")
  echo "$unit $(awk '{print $14 + $15}' /proc/$pid/stat) $(awk '/^VmRSS/ {print $2}' /proc/$pid/status)"
done
"""


def measure(on: Any, host: str) -> dict[str, tuple[int, int]]:
    """Ticks and kibibytes of each unit on a host."""
    units = " ".join(unit for there, unit in UNITS if there == host)
    rows = (line.split() for line in on(host, f"bash -c %s look {units}", LOOK).splitlines())
    return {unit: (int(ticks), int(kibibytes)) for unit, ticks, kibibytes in rows}


def test_it_is_told(on: Any, prometheus: Any, capsys: pytest.CaptureFixture[str]) -> None:
    hosts = (WATCHED, WATCHER)
    before = {host: measure(on, host) for host in hosts}
    begun = time.monotonic()
    time.sleep(SECONDS)
    after = {host: measure(on, host) for host in hosts}
    passed = time.monotonic() - begun
    ((_labels, series),) = prometheus.query("prometheus_tsdb_head_series")
    with capsys.disabled():
        print(f"\nCost of what watches, with {series:.0f} series, scraped more often than by default:")
        for host in hosts:
            for unit, (ticks, kibibytes) in after[host].items():
                share = (ticks - before[host][unit][0]) / passed
                print(f"  {host:18} {unit:40} {kibibytes / 1024:6.1f} MiB  {share:5.1f} % of one processor")
    assert all(kibibytes > 0 for host in hosts for _ticks, kibibytes in after[host].values())
