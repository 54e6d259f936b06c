# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Causes in what a deployment keeps: its ledger, its lock, its unit, its configuration; and in the machine below it."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.diagnose.tests.conftest import HOST, UNIT
from ansible_collections.ridgetop.aidis.molecule.shared import clocks

testinfra_hosts = ["ansible://aidis-diagnose?sudo=true"]
pytestmark = pytest.mark.usefixtures("well")

ENVIRONMENT = "/etc/aidis/production.env"
LEDGER = "/var/lib/aidis/releases.json"


@pytest.fixture
def release(inventories: list[str]) -> Callable[..., None]:
    """Record something of a release as a deployment does: with the module, on the host."""

    def call(**options: Any) -> None:
        arguments = json.dumps({"root": "/opt/aidis", "state_dir": "/var/lib/aidis", **options})
        command = ["ansible", HOST, *inventories, "--become", "-m", "ridgetop.aidis.release", "-a", arguments]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr

    return call


@pytest.fixture
def ledger(host: Any, well: None) -> Iterator[None]:
    """The ledger is after the test what it was before it."""
    host.run_expect([0], f"cp --preserve {LEDGER} {LEDGER}.kept")
    yield
    host.run_expect([0], f"mv {LEDGER}.kept {LEDGER}")


def test_another_run_has_the_lock(host: Any, diagnose: Any) -> None:
    controller = {"host": "elsewhere", "machine": "0" * 32, "pid": 4711, "started": "1"}
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    lock = {"token": "t", "owner": "anna@elsewhere", "reason": "deployment of v9", "since": at, "renewed": at}
    text = json.dumps({**lock, "lease": 600, "controller": controller})
    host.run_expect([0], "printf '%%s' %s > /var/lib/aidis/deploy.lock", text)
    found = diagnose()
    host.run_expect([0], "rm /var/lib/aidis/deploy.lock")
    assert "anna@elsewhere (deployment of v9)" in found.causes["lock.held"]["lines"][0], found.output
    assert "lock_wait_seconds=" in found.mends("lock.held")[0]


@pytest.mark.usefixtures("ledger")
def test_a_deployment_failed(host: Any, diagnose: Any, release: Any) -> None:
    host.run_expect([0], "mkdir /opt/aidis/releases/v9-abcdef0")
    release(id="v9-abcdef0", version="v9", state="staged")
    release(id="v9-abcdef0", state="failed", reason="the gate was not passed")
    found = diagnose()
    host.run_expect([0], "rmdir /opt/aidis/releases/v9-abcdef0")
    said = found.causes["deploy.failed"]["cause"]
    assert "v9-abcdef0" in said and "the gate was not passed" in said and "v1.1.0" in said, found.output


def test_migrations_were_begun_and_left(diagnose: Any, mend: Any, release: Any, host: Any) -> None:
    running = json.loads(host.check_output(f"cat {LEDGER}"))["running"]["id"]
    release(id=running, state="migrating")
    found = diagnose()
    assert f"The migrations of {running} began" in found.causes["deploy.underway"]["cause"], found.output
    mend(found.causes["deploy.underway"]["mend"])


@pytest.mark.usefixtures("ledger")
def test_the_ledger_is_damaged(host: Any, diagnose: Any) -> None:
    """It is put back from a copy: without one everything would be built anew, which other tests do."""
    host.run_expect([0], f"printf '{{' > {LEDGER}")
    found = diagnose()
    assert f"{LEDGER} cannot be read" in found.causes["ledger.broken"]["cause"], found.output
    assert found.mends("ledger.broken")[0] == f"sudo mv {LEDGER} {LEDGER}.broken"


def test_the_release_is_not_whole(diagnose: Any) -> None:
    found = diagnose(app_subdirectory="packages/elsewhere")
    assert "current/packages/elsewhere does not exist" in found.causes["release.incomplete"]["cause"], found.output


def test_the_unit_is_gone_and_a_secret_is_another(host: Any, diagnose: Any, mend: Any) -> None:
    host.run_expect([0], f"rm /etc/systemd/system/{UNIT}; systemctl stop {UNIT}; systemctl daemon-reload")
    host.run_expect([0], f"sed -i 's/^JWT_SECRET=.*/JWT_SECRET={'x' * 64}/' {ENVIRONMENT}")
    found = diagnose()
    assert "file.missing" not in found.order, found.output
    assert found.order[0] == "unit.missing" and f"no unit {UNIT}" in found.causes["unit.missing"]["cause"], found.output
    assert "JWT_SECRET" in found.causes["environment.changed"]["cause"], found.output
    assert "x" * 64 not in found.output
    mend(found.causes["unit.missing"]["mend"])


def test_the_service_runs_and_listens_nowhere(host: Any, diagnose: Any, mend: Any) -> None:
    directory = f"/etc/systemd/system/{UNIT}.d"
    host.run_expect(
        [0], f"mkdir -p {directory} && printf '[Service]\\nExecStart=\\nExecStart=sleep 900\\n' > {directory}/hand.conf"
    )
    host.run_expect([0], f"systemctl daemon-reload; systemctl restart {UNIT}; sleep 1")
    found = diagnose()
    assert "nothing listens on 3001, 8080" in found.causes["port.closed"]["cause"], found.output
    mend(found.causes["unit.changed"]["mend"])


def test_a_disk_is_read_only(host: Any, diagnose: Any, mend: Any) -> None:
    host.run_expect([0], "mount -t tmpfs -o ro,mode=0700,uid=$(id -u postgres) tmpfs /var/backups/aidis")
    try:
        found = diagnose()
        assert "/var/backups/aidis is mounted read-only" in found.causes["disk.read_only"]["cause"], found.output
        mend(found.causes["disk.read_only"]["mend"])
        assert "disk.read_only" not in diagnose().order
    finally:
        host.run_expect([0], "umount /var/backups/aidis")


def test_the_clock_is_off(host: Any, diagnose: Any) -> None:
    with clocks.python(host, clocks.LATE) as late:
        found = diagnose(**late)
    told = re.search(r"The clock is (\d+) s behind that of the controller", found.causes["clock.off"]["cause"])
    # A machine that is busy takes its time between the two clocks, and the diagnosis says how much.
    within = re.search(r"measured to within ([\d.]+) s", found.output)
    assert told and within and float(within[1]) < 30, found.output
    assert abs(int(told[1]) - 120) <= float(within[1]) + 0.5, found.output
    assert found.mends("clock.off")[-1] == "sudo timedatectl set-ntp true"
