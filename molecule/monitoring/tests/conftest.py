# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine that is watched, the one that watches, and how an alert is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import testinfra
import yaml
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.watching import Receiver, Told
from ansible_collections.ridgetop.aidis.molecule.shared import playbook
from ansible_collections.ridgetop.aidis.molecule.shared.prometheus import Prometheus

WATCHED, WATCHER = "aidis-monitoring", "aidis-watcher"
ADDRESSES = {WATCHED: "10.201.50.10", WATCHER: "10.201.50.20"}
UNIT = "aidis-production.service"
RECEIVER = Path(__file__).with_name("receiver.py")
RECEIVER_PORT = 9999
# As a unit that is gone after a reboot; python3 is on every machine that Ansible manages.
START_RECEIVER = f"""
systemctl is-active --quiet receiver || systemd-run --quiet --unit=receiver python3 -c "$0" {RECEIVER_PORT}
timeout 20 bash -c 'until : < /dev/tcp/127.0.0.1/{RECEIVER_PORT}; do sleep 0.2; done' 2>/dev/null
"""

SESSIONS = """
import socket
with socket.create_connection(("127.0.0.1", 3001), 10) as connection:
    answers = connection.makefile()
    for _ in range(20):
        connection.sendall(b'{"method":"session_new","params":{"user":"somebody"}}\\n')
        print(answers.readline())
"""
# What a day brings: sessions, a backup, its drill, the looks at apt and at the health.
A_DAY = """
python3 -c "$0" >&2
systemctl start aidis-backup.service prometheus-node-exporter-apt.service
cd / && sudo -u postgres aidis-database drill >&2
systemctl start aidis-health.service
"""


@pytest.fixture(scope="session")
def inventory(request: pytest.FixtureRequest) -> Path:
    """The scenario's inventory."""
    return Path(request.config.getoption("--ansible-inventory"))


@pytest.fixture(scope="session")
def settings(inventory: Path) -> dict[str, Any]:
    """What the scenario sets."""
    found: dict[str, Any] = yaml.safe_load((inventory / "group_vars" / "containers.yml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="session")
def host_of(inventory: Path) -> Callable[[str], Any]:
    """A host by its name, as root."""
    return lambda name: testinfra.get_host(f"ansible://{name}?sudo=true", ansible_inventory=str(inventory))


@pytest.fixture(scope="session")
def on(host_of: Any) -> Callable[..., str]:
    """Run a command as root on a host; it must succeed."""
    return lambda name, command, *arguments: str(host_of(name).check_output(command, *arguments))


@pytest.fixture(scope="session")
def prometheus(on: Any) -> Prometheus:
    """The server on the watcher."""
    return Prometheus(lambda *words: on(WATCHER, *words), "127.0.0.1:9090")


@pytest.fixture(scope="module")
def receiver(on: Any) -> Receiver:
    """The receiver of notifications, started where it does not run yet."""
    on(WATCHER, "bash -ec %s %s", START_RECEIVER, RECEIVER.read_text(encoding="utf-8"))
    return Receiver(lambda *words: on(WATCHER, *words), RECEIVER_PORT)


@pytest.fixture(scope="session")
def used(on: Any, prometheus: Any) -> None:
    """A machine that is used: all that is only there once something of the kind has happened."""
    on(WATCHED, "bash -ec %s %s", A_DAY, SESSIONS)
    prometheus.until(f'aidis_sql_sessions{{instance="{WATCHED}",status="active"}} > 0 and on () aidis_backup_count > 0')
    prometheus.until("aidis_restore_drill_success and on () aidis:users_active:1d > 0 and on () apt_upgrades_pending")


@pytest.fixture(scope="session")
def play(inventory: Path) -> Callable[..., playbook.Ran]:
    """Run a playbook of the collection, with variables over the scenario's."""
    where = playbook.inventories(inventory)
    return lambda name, *arguments, **variables: playbook.run(name, where, *arguments, **variables)


@pytest.fixture(scope="session")
def late(prometheus: Prometheus, settings: dict[str, Any]) -> Callable[[str], float]:
    """Seconds after which an alert is late: its time, and two scrapes, each with the evaluation that follows it.

    Measured by Prometheus's own clock of evaluations, which a machine that is busy does not disturb much.
    """
    step = settings["monitoring_scrape_interval"] + settings["monitoring_evaluation_interval"]
    alerts = prometheus.alerts()
    return lambda name: float(alerts[name]["duration"] + 2 * step)


@pytest.fixture(scope="session")
def in_time(prometheus: Prometheus, late: Any) -> Callable[..., None]:
    """What comes on by and by: the alert fires in its time after Prometheus knew of it by an expression."""

    def judge(name: str, starts: float, known: str) -> None:
        first = prometheus.since(known, starts)
        assert starts - first <= late(name), f"{name} came {starts - first:.1f} s after it was known"

    return judge


Broken = Callable[..., Any]


@pytest.fixture
def broken(on: Any, receiver: Receiver, late: Any) -> Broken:
    """Break a host by a command: the alert arrives in time, by the path of its severity, and after the body its end."""

    @contextmanager
    def breaking(
        name: str, severity: str, breaks: str, mends: str, host: str = WATCHED, /, **labels: str
    ) -> Iterator[Told]:
        labels = {"severity": severity, "deployment": "aidis-production", **labels}
        mark = receiver.mark()
        begun, done = map(float, on(host, f"date +%s.%N; {breaks} >&2; date +%s.%N").split())
        try:
            told = receiver.wait(mark, name, "firing", **labels)
            assert begun <= told.starts <= done + late(name), f"{name} came {told.starts - done:.1f} s after the fault"
            assert told.path == f"/{severity}"
            yield told
        finally:
            mark = receiver.mark()
            on(host, mends)
        receiver.wait(mark, name, "resolved", **labels)

    return breaking
