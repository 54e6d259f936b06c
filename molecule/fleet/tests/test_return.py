# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several hosts are of one version, whatever fails on one of them. Each test goes on where the one before ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.fleet.tests.conftest import ADDRESSES, APPLICATIONS, DATABASE
from ansible_collections.ridgetop.aidis.molecule.shared import playbook

HEALTH = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8080/healthz').read().decode())"
# The second host asks at a port where nobody answers.
PROBES = [
    {
        "id": "mcp.tool",
        "kind": "tool",
        "port": "{{ 1 if inventory_hostname == 'aidis-fleet-app2' else aidis_mcp_port }}",
        "tool": "project_list",
        "envelope": "bare",
    }
]


@pytest.fixture(scope="module")
def play(inventory: Path) -> Any:
    """Run a playbook as a user does; the status and what it printed."""

    def run(name: str, **variables: Any) -> tuple[int, str]:
        done = playbook.run(name, playbook.inventories(inventory), **variables)
        return done.status, " ".join(done.output.split())

    return run


@pytest.fixture
def look(host_of: Any) -> Any:
    """What each host runs, by its link, its ledger and its answer."""

    def seen() -> set[tuple[str, str, str]]:
        found = set()
        for name in APPLICATIONS:
            host = host_of(name)
            ledger = json.loads(host.file("/var/lib/aidis/releases.json").content_string)
            health = json.loads(host.check_output("python3 -c %s", HEALTH))
            link = host.check_output("basename $(readlink /opt/aidis/current)")
            found.add((link, str(ledger["running"]["id"]), str(health.get("version"))))
        return found

    return seen


@pytest.fixture
def result_of(host_of: Any) -> Any:
    """The result of a version in the ledger of each host."""

    def results(version: str) -> list[str]:
        found = []
        for name in APPLICATIONS:
            host = host_of(name)
            ledger = json.loads(host.file("/var/lib/aidis/releases.json").content_string)
            found.append(next(str(one["result"]) for one in ledger["releases"] if one["version"] == version))
        return found

    return results


def columns(host_of: Any) -> str:
    """Whether the database has what the later version's migration brings."""
    query = (
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'contexts' AND column_name = 'importance'"
    )
    counted: str = host_of(DATABASE).check_output("cd / && sudo -u postgres psql -XAtd aidis_production -c %s", query)
    return counted


def test_one_host_that_fails_its_gate_takes_all_back(play: Any, look: Any, result_of: Any, host_of: Any) -> None:
    before = look()
    assert len(before) == 1, "the hosts are of one version"
    status, output = play("deploy", app_version="v1.1.0", app_health_probes=PROBES, app_health_timeout=4)
    assert status == 2, output[-4000:]
    assert "aidis-fleet-app2: v1.1.0-" in output and "Returned to v1.0.0-" in output, output[-4000:]
    assert look() == before
    assert columns(host_of) == "0", "the database returned"
    assert result_of("v1.1.0") == ["failed", "failed"]


def test_the_lock_is_free_and_the_next_deployment_works(play: Any, look: Any, host_of: Any) -> None:
    status, output = play("deploy", app_version="v1.1.0")
    assert status == 0, output[-4000:]
    ((link, running, version),) = look()
    assert link == running and link.startswith("v1.1.0-") and version == "1.1.0"
    assert columns(host_of) == "1"


def test_a_rollback_takes_all_back_with_the_database(play: Any, look: Any, result_of: Any, host_of: Any) -> None:
    status, output = play("rollback", rollback_confirm="yes")
    assert status == 0, output[-4000:]
    ((link, running, version),) = look()
    assert link == running and link.startswith("v1.0.0-") and version == "1.0.0"
    assert columns(host_of) == "0"
    assert result_of("v1.1.0") == ["rolled_back", "rolled_back"]


def test_a_backup_is_copied_to_another_host_and_restored_there(play: Any, on: Any) -> None:
    """By rsync over ssh, as PostgreSQL's user. The drill knows nothing of the backup but the directory it is in."""
    there = APPLICATIONS[0]
    status, output = play("restore_drill", restore_drill_host=there)
    assert status == 2 and "/var/backups/aidis holds no backup" in output, output[-4000:]
    keys = "/var/lib/postgresql/.ssh"
    made = f"install -d -m 0700 -o postgres {keys} && cd / && sudo -u postgres"
    key = on(DATABASE, f"{made} ssh-keygen -q -t ed25519 -N '' -f {keys}/id_ed25519 && cat {keys}/id_ed25519.pub")
    on(there, f"apt-get -q install -y rsync && {made} sh -c \"echo '{key}' > {keys}/authorized_keys\"")
    known = on(there, "cat /etc/ssh/ssh_host_ed25519_key.pub")
    on(DATABASE, f"{made} sh -c \"echo '{ADDRESSES[there]} {known}' > {keys}/known_hosts\"")
    status, output = play("backup", backup_copy_to=f"postgres@{ADDRESSES[there]}:/var/backups/aidis")
    assert status == 0, output[-4000:]
    newest = on(DATABASE, "ls /var/backups/aidis | grep manual | tail -n 1")
    assert on(there, "find /var/backups/aidis -mindepth 1 -type d -name '*-*' -printf '%f\\n'").split() == [newest]
    assert tree(on, DATABASE, newest) == tree(on, there, newest)
    status, output = play("restore_drill", restore_drill_host=there)
    assert status == 0 and f"Backup {newest} was restored and proved" in output, output[-4000:]


def tree(on: Any, host: str, backup: str) -> str:
    """What is in a backup, with modes, owners and contents."""
    look = "find . -printf '%p %m %u\\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum"
    return str(on(host, f"cd /var/backups/aidis/{backup} && {look}"))
