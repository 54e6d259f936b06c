# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server without metrics of its own that breaks: alerts begin and end by what probes and the journal tell.

`side_effect` runs this, and not `verify`: it breaks what others look at.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.shared import hooks
from ansible_collections.ridgetop.aidis.molecule.shared.prometheus import Prometheus

testinfra_hosts = ["ansible://aidis-variant?sudo=true"]

SERVICE, PORT = "mcp.workspaces", 4105
RESTART = f"systemctl restart {SERVICE}"
CLUSTER = "postgresql@17-main"
CHECK = "systemctl start aidis-health.service"
FORGET = f"journalctl --rotate --vacuum-time=1s; {CHECK}"
# As the server itself would: what is in its control group is told as its own.
LOG_AN_ERROR = (
    f"group=/sys/fs/cgroup$(systemctl show -P ControlGroup {SERVICE}); "
    'sh -c "echo \\$\\$ > $group/cgroup.procs; exec systemd-cat -p err sh -c \\"echo it broke; sleep 1\\""; '
    f"journalctl --sync; {CHECK}"
)


@pytest.fixture(scope="module")
def prometheus(host: Any) -> Prometheus:
    return Prometheus(host.check_output, "127.0.0.1:9090")


@contextmanager
def broken(host: Any, breaks: str, mends: str) -> Iterator[None]:
    """Break the host by a command, and mend it by another in any case."""
    try:
        host.check_output("bash -ec %s", breaks)
        yield
    finally:
        host.check_output("bash -ec %s", mends)


def firing(name: str) -> str:
    """An expression that has a value while an alert fires."""
    return f'ALERTS{{alertname="{name}",alertstate="firing"}}'


def ended(name: str) -> str:
    """An expression that has a value while it does not."""
    return f"absent({firing(name)})"


def test_it_is_stopped(host: Any, prometheus: Prometheus) -> None:
    with broken(host, f"systemctl stop {SERVICE}", f"systemctl start {SERVICE}"):
        prometheus.until(firing("AidisDown"))
        # Whether it has metrics is not known while it says nothing.
        prometheus.until(firing("TargetDown"))
    prometheus.until(ended("AidisDown"))
    prometheus.until(ended("TargetDown"))


def test_it_loses_its_database(host: Any, prometheus: Prometheus) -> None:
    stops, starts = f"systemctl stop {CLUSTER}; {CHECK}", f"systemctl start {CLUSTER}; {RESTART}; {CHECK}"
    with broken(host, stops, starts):
        prometheus.until(firing("DatabaseConnectionFailing"))
    prometheus.until(ended("DatabaseConnectionFailing"))


def test_it_writes_errors(host: Any, prometheus: Prometheus) -> None:
    with broken(host, f"{FORGET}; {LOG_AN_ERROR}", FORGET):
        prometheus.until(firing("ErrorRateHigh"))
    prometheus.until(ended("ErrorRateHigh"))


def test_it_is_slow(host: Any, prometheus: Prometheus) -> None:
    """A mean of five minutes takes five minutes to end; promtool's tests see that."""
    slow = hooks.hook(SERVICE, PORT, hooks.LATER.format(milliseconds=1500))
    with broken(host, f"{slow}; {RESTART}", f"{hooks.unhook(SERVICE)}; {RESTART}"):
        prometheus.until(firing("ResponseSlow"))
