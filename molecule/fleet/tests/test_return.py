# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several hosts are of one version, whatever fails on one of them. Each test goes on where the one before ended."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import testinfra
from ansible_collections.ridgetop.aidis.molecule.shared import playbook

DATABASE = "aidis-fleet-db"
APPLICATIONS = ["aidis-fleet-app1", "aidis-fleet-app2"]
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
def inventory(request: pytest.FixtureRequest) -> Path:
    return Path(request.config.getoption("--ansible-inventory"))


@pytest.fixture(scope="module")
def play(inventory: Path) -> Any:
    """Run a playbook as a user does; the status and what it printed."""

    def run(name: str, **variables: Any) -> tuple[int, str]:
        done = playbook.run(name, playbook.inventories(inventory), **variables)
        return done.status, " ".join(done.output.split())

    return run


@pytest.fixture
def look(inventory: Path) -> Any:
    """What each host runs, by its link, its ledger and its answer."""

    def seen() -> set[tuple[str, str, str]]:
        found = set()
        for name in APPLICATIONS:
            host = testinfra.get_host(f"ansible://{name}?sudo=true", ansible_inventory=str(inventory))
            ledger = json.loads(host.file("/var/lib/aidis/releases.json").content_string)
            health = json.loads(host.check_output("python3 -c %s", HEALTH))
            link = host.check_output("basename $(readlink /opt/aidis/current)")
            found.add((link, str(ledger["running"]["id"]), str(health.get("version"))))
        return found

    return seen


@pytest.fixture
def result_of(inventory: Path) -> Any:
    """The result of a version in the ledger of each host."""

    def results(version: str) -> list[str]:
        found = []
        for name in APPLICATIONS:
            host = testinfra.get_host(f"ansible://{name}?sudo=true", ansible_inventory=str(inventory))
            ledger = json.loads(host.file("/var/lib/aidis/releases.json").content_string)
            found.append(next(str(one["result"]) for one in ledger["releases"] if one["version"] == version))
        return found

    return results


def columns(inventory: Path) -> str:
    """Whether the database has what the later version's migration brings."""
    host = testinfra.get_host(f"ansible://{DATABASE}?sudo=true", ansible_inventory=str(inventory))
    query = (
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'contexts' AND column_name = 'importance'"
    )
    counted: str = host.check_output("cd / && sudo -u postgres psql -XAtd aidis_production -c %s", query)
    return counted


def test_one_host_that_fails_its_gate_takes_all_back(play: Any, look: Any, result_of: Any, inventory: Path) -> None:
    before = look()
    assert len(before) == 1, "the hosts are of one version"
    status, output = play("deploy", app_version="v1.1.0", app_health_probes=PROBES, app_health_timeout=4)
    assert status == 2, output[-4000:]
    assert "aidis-fleet-app2: v1.1.0-" in output and "Returned to v1.0.0-" in output, output[-4000:]
    assert look() == before
    assert columns(inventory) == "0", "the database returned"
    assert result_of("v1.1.0") == ["failed", "failed"]


def test_the_lock_is_free_and_the_next_deployment_works(play: Any, look: Any, inventory: Path) -> None:
    status, output = play("deploy", app_version="v1.1.0")
    assert status == 0, output[-4000:]
    ((link, running, version),) = look()
    assert link == running and link.startswith("v1.1.0-") and version == "1.1.0"
    assert columns(inventory) == "1"


def test_a_rollback_takes_all_back_with_the_database(play: Any, look: Any, result_of: Any, inventory: Path) -> None:
    status, output = play("rollback", rollback_confirm="yes")
    assert status == 0, output[-4000:]
    ((link, running, version),) = look()
    assert link == running and link.startswith("v1.0.0-") and version == "1.0.0"
    assert columns(inventory) == "0"
    assert result_of("v1.1.0") == ["rolled_back", "rolled_back"]


def test_a_backup_is_restored_on_another_host(play: Any, inventory: Path) -> None:
    """As one that was copied there: nothing but its directory is known of it."""
    status, output = play("restore_drill", restore_drill_host=APPLICATIONS[0])
    assert status == 2 and "/var/backups/aidis holds no backup" in output, output[-4000:]
    podman = str(inventory.parents[1] / "shared" / "bin" / "podman")
    source = testinfra.get_host(f"ansible://{DATABASE}?sudo=true", ansible_inventory=str(inventory))
    newest = source.check_output("ls -d /var/backups/aidis/*-*/ | sort | tail -n 1 | xargs basename")
    pack = [podman, "exec", DATABASE, "tar", "-C", "/var/backups/aidis", "-c", newest]
    packed = subprocess.run(pack, capture_output=True, check=True).stdout
    unpack = "cd /var/backups/aidis && tar -x && chown -R postgres ."
    subprocess.run([podman, "exec", "-i", APPLICATIONS[0], "sh", "-c", unpack], input=packed, check=True)
    status, output = play("restore_drill", restore_drill_host=APPLICATIONS[0])
    assert status == 0, output[-4000:]
    assert f"Backup {newest} was restored and proved" in output
