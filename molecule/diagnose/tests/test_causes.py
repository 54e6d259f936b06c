# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Causes in the service and what it runs from: each is named, and the command that is named with it mends it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.diagnose.tests.conftest import UNIT

testinfra_hosts = ["ansible://aidis-diagnose?sudo=true"]
pytestmark = pytest.mark.usefixtures("well")

ENVIRONMENT = "/etc/aidis/production.env"
SMALL = "mount -t tmpfs -o {options},mode=0700,uid=$(id -u postgres),gid=$(id -g postgres) tmpfs /var/backups/aidis"


def drop_in(host: Any, text: str) -> None:
    """Change the unit as somebody does by hand, and start the service with it."""
    directory = f"/etc/systemd/system/{UNIT}.d"
    host.run_expect([0], "mkdir -p %s && printf '%%b' %s > %s/hand.conf", directory, f"[Service]\n{text}\n", directory)
    host.run_expect([0], f"systemctl daemon-reload; systemctl restart {UNIT}; sleep 1")


@pytest.mark.parametrize(
    ("cause", "text", "says"),
    [
        ("unit.chdir", "WorkingDirectory=/nowhere", ["200/CHDIR", "/nowhere is no directory"]),
        ("unit.exec", "ExecStart=\\nExecStart=/usr/bin/nowhere", ["203/EXEC", "/usr/bin/nowhere is missing"]),
        ("unit.user", "User=nobody-here", ["217/USER", "nobody-here"]),
    ],
)
def test_a_unit_that_was_changed(host: Any, diagnose: Any, mend: Any, cause: str, text: str, says: list[str]) -> None:
    drop_in(host, text)
    found = diagnose()
    assert found.status == 0 and found.order[0] == cause, found.output
    assert all(one in found.causes[cause]["cause"] for one in [*says, "hand.conf"]), found.causes
    assert f"sudo systemctl revert {UNIT}" in found.output
    mend(found.causes[cause]["mend"])


def test_a_path_of_the_sandbox_is_gone(host: Any, diagnose: Any, mend: Any) -> None:
    host.run_expect([0], f"mv /var/log/aidis /var/log/aidis.aside; systemctl restart {UNIT}; sleep 1")
    found = diagnose()
    assert found.order[:2] == ["file.missing", "unit.namespace"], found.output
    assert "/var/log/aidis does not exist" in found.causes["unit.namespace"]["cause"]
    assert found.causes["unit.namespace"]["follows"] == "file.missing"
    mend(found.causes["file.missing"]["mend"])
    host.run_expect([0], "rm -r /var/log/aidis.aside")


def test_the_port_is_taken(host: Any, diagnose: Any, mend: Any) -> None:
    host.run_expect([0], f"systemctl stop {UNIT}; systemd-run --unit=squatter python3 -m http.server 3001; sleep 2")
    host.run_expect([0], f"systemctl start {UNIT}; sleep 3")
    found = diagnose()
    assert found.order[0] == "port.taken", found.output
    assert (
        "Port 3001" in found.causes["port.taken"]["cause"] and "squatter.service" in found.causes["port.taken"]["cause"]
    )
    assert any("EADDRINUSE" in line or "already in use" in line for line in found.causes["port.taken"]["lines"])
    mend(found.causes["port.taken"]["mend"])


def test_the_unit_is_masked(host: Any, diagnose: Any, mend: Any) -> None:
    host.run_expect([0], f"systemctl stop {UNIT}; ln -sf /dev/null /etc/systemd/system/{UNIT}; systemctl daemon-reload")
    found = diagnose()
    assert found.order[0] == "unit.masked" and "is masked" in found.causes["unit.masked"]["cause"], found.output
    mend(found.causes["unit.masked"]["mend"])


def test_the_service_was_stopped_by_hand_and_disabled(host: Any, diagnose: Any, mend: Any) -> None:
    host.run_expect([0], f"systemctl disable --now {UNIT}")
    found = diagnose()
    assert set(found.order) - {"clock.unsynchronised"} == {"unit.stopped", "unit.disabled"}, found.output
    assert "it did not fail" in found.causes["unit.stopped"]["cause"]
    mend(found.causes["unit.disabled"]["mend"])
    mend(found.causes["unit.stopped"]["mend"])


def test_the_service_was_started_too_often(host: Any, diagnose: Any, mend: Any) -> None:
    drop_in(host, "ExecStart=\\nExecStart=/bin/false\\nRestartSec=50ms")
    host.run_expect([0], f"sleep 3; rm -r /etc/systemd/system/{UNIT}.d; systemctl daemon-reload")
    assert host.run(f"systemctl is-failed {UNIT}").stdout.strip() == "failed"
    found = diagnose()
    assert "unit.start_limit" in found.order, found.output
    assert "so often" in found.causes["unit.start_limit"]["cause"]
    mend(found.causes["unit.start_limit"]["mend"])


def test_the_environment_file_is_missing(host: Any, diagnose: Any, mend: Any) -> None:
    host.run_expect([0], f"rm {ENVIRONMENT}; systemctl restart {UNIT} || true")
    found = diagnose()
    assert found.order[0] == "unit.environment" and ENVIRONMENT in found.causes["unit.environment"]["cause"], (
        found.output
    )
    mend(found.causes["unit.environment"]["mend"])


def test_the_application_refuses_its_configuration(host: Any, diagnose: Any, mend: Any) -> None:
    host.run_expect([0], f"sed -i s/^LOG_LEVEL=.*/LOG_LEVEL=loud/ {ENVIRONMENT}; systemctl restart {UNIT}; sleep 3")
    found = diagnose()
    assert found.order[0] == "app.configuration", found.output
    assert any("LOG_LEVEL" in line for line in found.causes["app.configuration"]["lines"]), found.output
    mend(found.causes["app.configuration"]["mend"])


def test_modes_and_owners_are_wrong(host: Any, diagnose: Any, mend: Any) -> None:
    host.run_expect([0], f"chmod 0644 {ENVIRONMENT}; chown root:root /var/log/aidis; chmod 0777 /var/lib/aidis")
    found = diagnose()
    lines = found.causes["file.wrong"]["lines"]
    assert f"{ENVIRONMENT}: mode 0644, and not mode 0640" in lines, found.output
    assert "/var/log/aidis: owner root, group root, and not owner ridgetop, group ridgetop" in lines
    assert "/var/lib/aidis: mode 0777, and not mode 0755" in lines
    mend(found.causes["file.wrong"]["mend"])


def test_the_link_leads_nowhere(host: Any, diagnose: Any, mend: Any) -> None:
    host.run_expect([0], f"ln -sfn releases/nowhere /opt/aidis/current; systemctl restart {UNIT}; sleep 1")
    found = diagnose()
    assert found.order[:2] == ["release.dangling", "unit.chdir"], found.output
    assert "leads to releases/nowhere, which does not exist" in found.causes["release.dangling"]["cause"]
    mend(found.causes["release.dangling"]["mend"])


def test_the_program_is_gone(host: Any, diagnose: Any) -> None:
    """Its package is not fetched here: the sources of packages may be out of reach."""
    host.run_expect([0], f"mv /usr/bin/node /usr/bin/node.aside; systemctl restart {UNIT}; sleep 1")
    found = diagnose()
    host.run_expect([0], f"mv /usr/bin/node.aside /usr/bin/node; systemctl restart {UNIT}; sleep 3")
    assert found.order[:2] == ["node.missing", "unit.exec"], found.output
    assert "/usr/bin/node, which runs the application, does not exist" in found.causes["node.missing"]["cause"]
    assert found.mends("node.missing")[0] == "sudo apt-get install --reinstall --yes nodejs"


def test_another_program_comes_first(host: Any, diagnose: Any, mend: Any) -> None:
    host.run_expect([0], "printf '#!/bin/sh\\necho v16.1.0\\n' > /usr/local/bin/node; chmod 0755 /usr/local/bin/node")
    found = diagnose()
    assert "/usr/local/bin/node (16.1.0) comes before /usr/bin/node" in found.causes["node.shadowed"]["cause"], (
        found.output
    )
    mend(found.causes["node.shadowed"]["mend"])
    host.run_expect([0], "rm /usr/local/bin/node.aside")


def test_the_program_is_too_old(diagnose: Any) -> None:
    found = diagnose(app_node_minimum="99")
    assert "the application needs at least 99" in found.causes["node.old"]["cause"], found.output


@pytest.mark.parametrize(
    ("cause", "options", "fill", "says"),
    [
        ("disk.full", "size=2m", "fallocate -l 2m /var/backups/aidis/large || true", "0 MiB of 2 MiB are free"),
        ("disk.inodes", "size=9m,nr_inodes=3", "touch /var/backups/aidis/large /var/backups/aidis/b", "inodes left"),
    ],
)
def test_a_full_disk(host: Any, diagnose: Any, cause: str, options: str, fill: str, says: str) -> None:
    host.run_expect([0], f"{SMALL.format(options=options)} && {fill}")
    try:
        found = diagnose()
        assert found.order[0] == cause, found.output
        assert "/var/backups/aidis" in found.causes[cause]["cause"] and says in found.causes[cause]["cause"]
        (command,) = found.mends(cause)
        shown = host.check_output(command)
        assert "/var/backups/aidis" in shown and (cause != "disk.full" or "large" in shown)
        host.run_expect([0], "rm /var/backups/aidis/*")
        assert cause not in diagnose().order
    finally:
        host.run_expect([0], "umount /var/backups/aidis")


def test_a_lock_was_left(host: Any, diagnose: Any, mend: Any) -> None:
    controller = {"host": "elsewhere", "machine": "0" * 32, "pid": 4711, "started": "1"}
    at = "2026-01-01T00:00:00Z"
    lock = {"token": "t", "owner": "anna@elsewhere", "reason": "deployment of v9", "since": at, "renewed": at}
    text = json.dumps({**lock, "lease": 60, "controller": controller})
    host.run_expect([0], "printf '%%s' %s > /var/lib/aidis/deploy.lock", text)
    found = diagnose()
    assert "whose lease has ended" in found.causes["lock.left"]["cause"], found.output
    assert "anna@elsewhere (deployment of v9)" in found.causes["lock.left"]["lines"][0]
    mend(found.causes["lock.left"]["mend"])


def test_a_backup_failed(host: Any, diagnose: Any, mend: Any) -> None:
    host.run_expect([0], "mv /etc/aidis/database.json /etc/aidis/aside; systemctl start aidis-backup.service || true")
    found = diagnose()
    assert "aidis-backup.service, which a timer starts, failed" in found.causes["timer.failed"]["cause"], found.output
    assert any("database.json" in line for line in found.causes["timer.failed"]["lines"])
    host.run_expect([0], "mv /etc/aidis/aside /etc/aidis/database.json")
    mend(found.causes["timer.failed"]["mend"])


def test_what_is_not_known_is_said(host: Any, diagnose: Any, mend: Any) -> None:
    drop_in(host, "ExecStart=\\nExecStart=/bin/sh -c 'echo the flux is inverted; exit 3'")
    found = diagnose()
    assert "its cause is not known" in found.output and "the flux is inverted" in found.output
    assert "unit.changed" in found.order
    host.run_expect(
        [0], f"rm -r /etc/systemd/system/{UNIT}.d; systemctl daemon-reload; systemctl restart {UNIT}; sleep 3"
    )
