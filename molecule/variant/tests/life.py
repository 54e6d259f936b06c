# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes after a first deployment. Each test goes on from where the one before it ended.

`side_effect` runs them, and not `verify`: they deploy. All of them can be repeated.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.shared import playbook

testinfra_hosts = ["ansible://aidis-variant?sudo=true"]

SCENARIO = Path(__file__).resolve().parents[1]
PROJECT = SCENARIO.parent.parent
SOURCE = PROJECT / "tests/other_app"
SERVICE = "mcp.workspaces"
ROOT = "/home/mcp.svc-1/aidis"
# Written by the health check, whenever cron starts it.
HEALTH = "/srv/mcp/state/health"
STARTS = "/var/lib/mcp-workspaces/starts"
RECAP = re.compile(r"^aidis-variant\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """What a run of the playbook said at its end."""

    status: int
    changed: int
    output: str


@dataclass(frozen=True)
class Seen:
    """A host at one moment. What a deployment writes is here in full, so that two moments can be compared."""

    pid: str
    starts: int
    ledger: dict[str, Any]
    files: str

    @property
    def running(self) -> str:
        return str(self.ledger["running"]["id"])

    def release(self, name: str) -> dict[str, Any]:
        return next(dict(one) for one in self.ledger["releases"] if one["id"] == name)


def deploy(*arguments: str, **variables: Any) -> Run:
    """Run the playbook as a user does, with variables over those of the inventory."""
    done = playbook.run("deploy", playbook.inventories(SCENARIO / "inventory"), *arguments, **variables)
    recap = RECAP.search(done.output)
    assert recap is not None, done.output
    assert recap[3] == "0", done.output
    return Run(done.status, int(recap[2]), done.output)


def good(run: Run) -> Run:
    assert run.status == 0, run.output
    return run


@pytest.fixture(scope="module")
def look(host: Any) -> Any:
    """Look at the host. `files` is what the run owns on it: name, inode, time of change and, for links, the target."""

    def seen() -> Seen:
        text = host.run("systemctl show -P MainPID %s; cat %s", SERVICE, STARTS).stdout.split()
        places = f"/etc/opt/mcp /srv/mcp/state /etc/systemd/system /etc/logrotate.d /etc/postgresql {ROOT}"
        others = f"-path {ROOT}/logs -prune -o -path {HEALTH} -prune"
        listed = host.run(f"find {places} {others} -o -printf '%p %i %C@ %l\\n' | sort")
        assert listed.rc == 0, listed.stderr
        ledger = json.loads(host.file("/srv/mcp/state/releases.json").content_string)
        return Seen(text[0], int(text[1]), ledger, listed.stdout)

    return seen


def copy_of_the_application(directory: Path) -> Path:
    """Sources that no deployment has seen before, by one file of their own."""
    shutil.copytree(SOURCE, directory, ignore=shutil.ignore_patterns("node_modules", "build"))
    (directory / "release-notes").write_text(f"{uuid.uuid4()}\n", encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Three releases; the second one brings a migration."""
    directory = tmp_path_factory.mktemp("sources")
    made = {name: copy_of_the_application(directory / name) for name in ("first", "second", "third")}
    column = f"mark_{uuid.uuid4().hex[:8]}"
    migration = made["second"] / f"ops/schema/2.0.{int(time.time())}.sql"
    migration.write_text(f"ALTER TABLE desk.notes ADD COLUMN {column} text;\n", encoding="utf-8")
    return {name: str(path) for name, path in made.items()}


@pytest.fixture(scope="module", autouse=True)
def deployed(sources: dict[str, str]) -> None:
    """Begin with the first, over whatever is there."""
    good(deploy(app_source_path=sources["first"]))


def test_a_dry_run_on_the_deployed_host_finds_nothing_to_do(sources: dict[str, str], look: Any) -> None:
    before = look()
    run = good(deploy("--check", "--diff", app_source_path=sources["first"]))
    assert run.changed == 0, run.output
    assert look() == before


def test_a_dry_run_tells_a_change_and_leaves_it_to_the_real_run(sources: dict[str, str], look: Any) -> None:
    before = look()
    run = good(deploy("--check", "--diff", app_source_path=sources["first"], systemd_stop_timeout=31))
    assert run.changed > 0 and "+TimeoutStopSec=31" in run.output
    assert look() == before


def test_a_changed_variable_is_one_restart_of_the_same_release(sources: dict[str, str], look: Any, host: Any) -> None:
    before = look()
    good(deploy(app_source_path=sources["first"], app_environment_extra={"CHANNEL": "#other"}))
    after = look()
    assert after.pid != before.pid and after.starts == before.starts + 1
    assert b"\0CHANNEL=#other\0" in host.run("cat /proc/%s/environ", after.pid).stdout_bytes
    assert after.running == before.running
    assert after.release(after.running)["built_at"] == before.release(before.running)["built_at"]
    releases = f"{ROOT}/releases/"
    assert [line for line in after.files.splitlines() if releases in line] == [
        line for line in before.files.splitlines() if releases in line
    ]

    again = good(deploy(app_source_path=sources["first"], app_environment_extra={"CHANNEL": "#other"}))
    assert again.changed == 0, again.output
    assert look().pid == after.pid


def test_changed_sources_are_a_new_release_beside_the_old(sources: dict[str, str], look: Any, host: Any) -> None:
    before = look()
    good(deploy(app_source_path=sources["second"]))
    after = look()
    assert after.running != before.running and after.starts == before.starts + 1
    assert after.release(after.running)["migrations"] != before.release(before.running)["migrations"]
    for name in (before.running, after.running):
        assert host.file(f"{ROOT}/releases/{name}/build/main.js").exists
        assert after.release(name)["result"] == "good"


def test_a_release_that_does_not_start_is_told_and_recorded(sources: dict[str, str], look: Any) -> None:
    """It ends and is started until systemd gives up; then what ran before returns, with its unit and its database."""
    before = look()
    run = deploy(
        app_source_path=sources["third"],
        app_health_timeout=8,
        systemd_exec_start="/usr/bin/node build/absent.js",
        systemd_restart_seconds=0,
    )
    assert run.status != 0
    assert "build/absent.js" in run.output, "the journal's last lines"
    after = look()
    assert [one["result"] for one in after.ledger["releases"]][-1] == "failed"
    assert after.running == before.running and after.pid != before.pid
    again = good(deploy(app_source_path=sources["second"]))
    assert again.changed == 0, again.output


def test_what_failed_is_mended_by_the_next_deployment(sources: dict[str, str], look: Any, host: Any) -> None:
    """Systemd refuses further starts, and the development dependencies that the migrations need are gone already."""
    before = look()
    good(deploy(app_source_path=sources["third"]))
    after = look()
    newest = after.ledger["releases"][-1]
    assert newest["id"] == after.running and newest["result"] == "good"
    assert after.starts == before.starts + 1
    assert not host.file(f"{ROOT}/releases/{after.running}/node_modules/compare-versions").exists


def test_the_oldest_release_is_gone_and_the_last_good_one_stays(look: Any, host: Any) -> None:
    seen = look()
    kept = {one["id"] for one in seen.ledger["releases"] if one.get("built_at") and not one.get("pruned_at")}
    first, second, third = [one["id"] for one in seen.ledger["releases"]][-3:]
    assert kept == {second, third} and seen.running == third
    assert set(host.run("ls %s", f"{ROOT}/releases").stdout.split()) == kept
    assert seen.release(first)["pruned_at"]


def test_back_to_the_release_before(sources: dict[str, str], look: Any, host: Any) -> None:
    """It was migrated and stripped long ago; the database is ahead of nothing it knows."""
    before = look()
    good(deploy(app_source_path=sources["second"]))
    after = look()
    assert after.running == before.ledger["releases"][-2]["id"] and after.starts == before.starts + 1
    assert not host.file(f"{ROOT}/releases/{after.running}/node_modules/compare-versions").exists


def test_after_a_reboot_the_service_comes_back_by_itself(sources: dict[str, str], look: Any, host: Any) -> None:
    before = look()
    booted = host.run("systemctl show -P KernelTimestampMonotonic; cat /proc/1/stat | cut -d ' ' -f 22").stdout
    podman = str(PROJECT / "molecule/shared/bin/podman")
    subprocess.run([podman, "restart", "--time", "30", "aidis-variant"], check=True, capture_output=True)
    waited = "until [ -S /run/systemd/private ]; do sleep 0.1; done; systemctl is-system-running --wait"
    command = [podman, "exec", "aidis-variant", "timeout", "90", "sh", "-c", waited]
    state = subprocess.run(command, capture_output=True, text=True, check=False)
    assert state.stdout.strip() == "running", state
    assert host.run("cut -d ' ' -f 22 /proc/1/stat").stdout != booted.split()[-1], "it was not rebooted"
    # It is started without anybody waiting for it, and counts its starts when it is up.
    counted = f"until [ $(cat {STARTS}) -gt {before.starts} ]; do sleep 0.2; done"
    host.run_expect([0], "timeout 30 sh -c %s", counted)
    after = look()
    assert host.service(SERVICE).is_running
    assert after.starts == before.starts + 1 and after.ledger == before.ledger

    again = good(deploy(app_source_path=sources["second"]))
    assert again.changed == 0, again.output
    assert look().pid == after.pid
