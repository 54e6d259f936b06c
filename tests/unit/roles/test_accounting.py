# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs of Ansible leave in the account: plays of the shape that the playbooks have, on two hosts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.module_utils import host_checks

ROOT = Path(__file__).resolve().parents[3]
Lines = list[dict[str, Any]]
Play = Callable[..., tuple[int, Lines]]

ACCOUNTING = "ridgetop.aidis.accounting"


def role(name: str, tasks: str = "main") -> dict[str, Any]:
    return {"name": f"Use {name}", "ansible.builtin.import_role": {"name": name, "tasks_from": tasks}}


def under_the_lock(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    """The tasks of deploy.yml and rollback.yml."""
    return [
        {
            "name": "Work, alone",
            "block": [*steps[:1], role("ridgetop.aidis.lock"), *steps[1:]],
            "rescue": [role(ACCOUNTING, "failed")],
            "always": [role("ridgetop.aidis.lock", "release")],
        }
    ]


def without_it(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    """The tasks of backup.yml and restore_drill.yml."""
    return [
        {
            "name": "Work",
            "block": [role(ACCOUNTING), *steps],
            "rescue": [role(ACCOUNTING, "failed")],
            "always": [role(ACCOUNTING, "end")],
        }
    ]


def fails(name: str, when: str = "true") -> dict[str, Any]:
    return {"name": name, "ansible.builtin.fail": {"msg": "It failed."}, "when": when}


NOTHING = {"name": "Do nothing", "ansible.builtin.debug": {"msg": "Nothing."}}


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run tasks on the hosts `one` and `two`; return how it ended, and the lines that it added."""
    log = tmp_path / "accounting.log"
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "aidis_state_dir": str(tmp_path / "state"),
        "accounting_file": str(log),
        "accounting_append_only": False,
        "accounting_action": "deploy",
        "accounting_what": "work",
        "accounting_role_step": "{{ app_failed | default('') }}",
        "accounting_role_details": {"release": "v1", "backup": ""},
        "lock_reason": "deployment of v1",
        "lock_role_account": "{{ accounting_run }}",
    }
    groups = {"aidis_app": {"hosts": {"two": None}}, "aidis_db": {"hosts": {"one": None}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": groups, "vars": variables}}))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")} | {
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
        "ANSIBLE_NOCOLOR": "1",
    }

    def call(tasks: list[dict[str, Any]], *arguments: str) -> tuple[int, Lines]:
        known = len(log.read_text().splitlines()) if log.exists() else 0
        # As in rollback.yml the host of the lock is not the first.
        plays = [{"hosts": "aidis_app:aidis_db", "gather_facts": False, "any_errors_fatal": True, "tasks": tasks}]
        (tmp_path / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
        command = ["ansible-playbook", "-i", "hosts.yml", "play.yml", *arguments]
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        print(ran.stdout, ran.stderr)
        added = log.read_text().splitlines()[known:] if log.exists() else []
        return ran.returncode, [json.loads(line) for line in added]

    return call


def told(lines: Lines) -> list[tuple[str, str | None]]:
    return [(line["event"], line.get("result")) for line in lines]


def test_a_run_that_goes_through_and_its_dry_run(play: Play, tmp_path: Path) -> None:
    # A failure that is mended is none; Ansible counts `two` as lost from then on.
    mended = {
        "name": "Start",
        "block": [fails("Start it", "inventory_hostname == 'one'")],
        "rescue": [{"name": "Start it again", "ansible.builtin.debug": {"msg": "Started."}}],
    }
    tasks = under_the_lock(mended, mended)
    assert play(tasks, "--check") == (0, [])
    status, lines = play(tasks)
    assert status == 0 and told(lines) == [("begin", None), ("end", "ok")]
    assert lines[0]["run"] == lines[1]["run"] and lines[1]["details"] == {"release": "v1"}
    assert {line["what"] for line in lines} == {"deployment of v1"} and "failed" not in lines[1]
    assert not (tmp_path / "state" / "deploy.lock").exists()


def test_a_run_that_fails_says_what_and_where(play: Play) -> None:
    status, lines = play(under_the_lock(NOTHING, fails("Build it", "inventory_hostname == 'one'")))
    assert status == 2 and told(lines) == [("begin", None), ("end", "failed")]
    assert lines[1]["failed"] == ["one: Build it"]


def test_a_run_names_the_step_and_not_who_said_that_it_failed(play: Play) -> None:
    returned = {
        "name": "Change what runs",
        "block": [fails("Wait until it answers", "inventory_hostname == 'two'")],
        "rescue": [
            {
                "name": "Keep what failed",
                "ansible.builtin.set_fact": {"app_failed": "{{ ansible_failed_task.name }}"},
                "when": "ansible_failed_task is defined",
            },
            fails("Say what failed"),
        ],
    }
    status, lines = play(under_the_lock(NOTHING, returned))
    assert status == 2 and lines[1]["failed"] == ["two: Wait until it answers"]


def test_a_run_that_does_not_come_to_the_lock_or_does_not_get_it(play: Play, tmp_path: Path) -> None:
    unfit = {**fails("Stop where a host is not fit"), "run_once": True}
    status, lines = play(under_the_lock(unfit, NOTHING))
    assert status == 2 and told(lines) == [("end", "failed")]
    assert lines[0]["failed"] == ["two: Stop where a host is not fit"]

    # Of another controller, so that nobody here can tell whether it lives.
    held = {"token": "x", "owner": "bob", "reason": "index", "lease": 3600, "since": "2026-01-01T00:00:00Z"}
    controller = {"host": "elsewhere", "machine": "m", "started": "1", "pid": 1}
    text = json.dumps({**held, "renewed": "2999-01-01T00:00:00Z", "controller": controller})
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "deploy.lock").write_text(text)
    status, lines = play(under_the_lock(NOTHING, NOTHING))
    assert status == 2 and told(lines) == [("end", "failed")]
    assert lines[0]["failed"] == ["two: Take the lock of the deployment"] and lines[0]["held_by"]["by"] == "bob"
    assert (tmp_path / "state" / "deploy.lock").read_text() == text


def test_a_run_that_was_killed_has_no_end_and_the_next_one_names_it(play: Play, tmp_path: Path) -> None:
    pid = f"{{{{ (lookup('file', '{tmp_path}/state/deploy.lock') | from_json).controller.pid }}}}"
    kill = {"name": "Kill the run", "ansible.builtin.command": f"kill -9 {pid}", "run_once": True}
    status, killed = play(under_the_lock(NOTHING, kill))
    assert status == -signal.SIGKILL and told(killed) == [("begin", None)]
    status, lines = play(under_the_lock(NOTHING, NOTHING))
    assert status == 0 and told(lines) == [("takeover", None), ("begin", None), ("end", "ok")]
    assert lines[0]["taken_from"]["run"] == killed[0]["run"] != lines[1]["run"]


def test_a_host_that_is_no_longer_reached(play: Play) -> None:
    unreachable = {
        "name": "Go there",
        "ansible.builtin.ping": None,
        "vars": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_retries": 0},
        "when": "inventory_hostname == 'two'",
    }
    status, lines = play(under_the_lock(NOTHING, unreachable))
    assert status != 0 and told(lines) == [("begin", None), ("end", "failed")]
    assert lines[1]["failed"] == ["two: not reached"]


def test_what_verify_looks_at_is_a_check() -> None:
    text = (ROOT / "roles" / "accounting" / "vars" / "main.yml").read_text()
    told = yaml.safe_load(text)["accounting_checks"]
    given = json.loads(json.dumps(told).replace("{{ accounting_append_only or none }}", "true"))
    (requirement,) = host_checks.read([{**one, "path": "/log"} for one in given], 10)
    assert requirement.kind.expected() == "file, mode at most 0640, owner root, append-only where that can be"


def test_a_run_that_takes_no_lock(play: Play) -> None:
    assert play(without_it(NOTHING), "--check") == (0, [])
    status, lines = play(without_it(NOTHING))
    assert status == 0 and told(lines) == [("begin", None), ("end", "ok")]
    status, lines = play(without_it(fails("Take one", "inventory_hostname == 'one'")))
    assert status == 2 and told(lines) == [("begin", None), ("end", "failed")]
    assert lines[1]["failed"] == ["one: Take one"] and lines[1]["what"] == "work"
