# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which run a task belongs to, and when the run that holds the lock is known to be dead."""

from __future__ import annotations

import getpass
import json
import os
import platform
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible_collections.ridgetop.aidis.plugins.action import deploy_lock as action

ROOT = Path(__file__).resolve().parents[4]
Answer = dict[str, Any]
Ask = Callable[..., tuple[Answer, list[dict[str, Any]]]]

FREE: Answer = {"changed": True, "held_by": None, "token": "mine"}
NOWHERE = 2**22 + 1  # Beyond the largest pid that Linux gives.


def held(pid: int = NOWHERE, started: str = "10", machine: str | None = None) -> Answer:
    """Return the module's answer while another run holds the lock."""
    controller = {"machine": machine or action.machine(), "host": "ctl", "pid": pid, "started": started}
    return {"failed": True, "msg": "held", "held_by": {"token": "theirs", "controller": controller}}


@pytest.fixture
def ask() -> Ask:
    """Run the action against a module that gives these answers; return the last one and what the module was given."""

    def call(*answers: Answer, check: bool = False, **options: Any) -> tuple[Answer, list[dict[str, Any]]]:
        task = mock.MagicMock(args={"path": "/x/deploy.lock", **options}, async_val=0, check_mode=check)
        plugin = action.ActionModule(task, mock.MagicMock(), mock.MagicMock(), None, None, None)
        with mock.patch.object(plugin, "_execute_module", side_effect=list(answers)) as module:
            result: Answer = plugin.run(task_vars={})
        assert all(asked.kwargs["module_name"] == "ridgetop.aidis.deploy_lock" for asked in module.call_args_list)
        given = [asked.kwargs["module_args"] for asked in module.call_args_list]
        assert len(given) == len(answers), "each answer is asked for"
        return result, given

    return call


@pytest.fixture
def living() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is there until the test ends."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_a_free_lock_takes_one_round_trip(ask: Ask) -> None:
    result, (given,) = ask(FREE, reason="deploy")
    assert result["changed"] and given["reason"] == "deploy" and "ended" not in given
    assert given["owner"] == f"{os.environ.get('SUDO_USER') or getpass.getuser()}@{platform.node()}"
    assert given["run"]["pid"] == os.getpid() and given["run"]["host"] == platform.node()


@pytest.mark.parametrize(("owner", "kept"), [("zoe", True), ("", False), (None, False)])
def test_an_owner_that_is_given_stays(ask: Ask, owner: str | None, kept: bool) -> None:
    _result, (given,) = ask(FREE, owner=owner)
    assert (given["owner"] == owner) == kept and given["owner"]


def test_the_account_is_told_the_user_whoever_owns_the_lock(ask: Ask) -> None:
    _result, (given,) = ask(FREE, owner="the pipeline", account={"path": "/log", "action": "deploy", "user": "forged"})
    assert given["owner"] == "the pipeline"
    assert given["account"] == {"path": "/log", "action": "deploy", "user": action.user()}
    _result, (given,) = ask(FREE, state="released", account={"path": "/log", "action": "deploy", "result": "ok"})
    assert given["account"]["user"] == action.user() and given["account"]["result"] == "ok"


@pytest.mark.parametrize("nothing", [None, {}])
def test_without_an_account_none_is_asked_for(ask: Ask, nothing: Any) -> None:
    _result, (given,) = ask(FREE, account=nothing)
    assert "account" not in given, "an empty one would lack what the module requires"


@pytest.mark.parametrize("option", ["run", "ended", "typo"])
def test_a_task_cannot_say_which_run_it_is(ask: Ask, option: str) -> None:
    with pytest.raises(AnsibleActionFail, match=option):
        ask(**{option: "x"})


def test_a_dead_run_of_this_controller_is_named(ask: Ask) -> None:
    result, (first, second) = ask(held(), FREE)
    assert not result.get("failed") and "ended" not in first and second["ended"] == "theirs"


def test_the_second_answer_is_the_last_one(ask: Ask) -> None:
    result, _given = ask(held(), held(os.getpid()))
    assert result["failed"]


def test_a_living_run_is_not(ask: Ask, living: subprocess.Popen[bytes]) -> None:
    result, _given = ask(held(living.pid, action.started(living.pid)))
    assert result["failed"] and result["msg"] == "held"


def test_a_run_is_dead_where_another_process_has_its_pid(ask: Ask, living: subprocess.Popen[bytes]) -> None:
    _result, given = ask(held(living.pid, "1"), FREE)
    assert given[1]["ended"] == "theirs"


@pytest.mark.parametrize("unknown", ["then", "now"])
def test_a_start_that_is_not_known_proves_nothing(
    ask: Ask, living: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, unknown: str
) -> None:
    if unknown == "now":
        monkeypatch.setattr(action, "started", lambda _pid: "")
    result, _given = ask(held(living.pid, "" if unknown == "then" else "1"))
    assert result["failed"]


def test_a_killed_run_that_nobody_asks_for_is_dead(ask: Ask, living: subprocess.Popen[bytes]) -> None:
    started = action.started(living.pid)
    living.kill()
    os.waitid(os.P_PID, living.pid, os.WEXITED | os.WNOWAIT)
    assert action.process(living.pid)[action.STATE] == "Z"
    _result, given = ask(held(living.pid, started), FREE)
    assert given[1]["ended"] == "theirs"


def test_a_process_of_somebody_else_is_there(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "kill", mock.Mock(side_effect=PermissionError))
    monkeypatch.setattr(action, "_content", lambda _path: "")  # What hidepid leaves of /proc.
    result, _given = ask(held(1))
    assert result["failed"]


def test_of_another_controller_nothing_is_known(ask: Ask) -> None:
    result, _given = ask(held(machine="another"))
    assert result["failed"]


@pytest.mark.parametrize("pid", [0, -1, -NOWHERE, None, "1", 10**30])
def test_a_pid_that_is_none_proves_nothing(ask: Ask, pid: Any) -> None:
    result, _given = ask(held(pid))
    assert result["failed"]


@pytest.mark.parametrize("holder", [{}, {"controller": {}}, {"controller": None}, "text", None])
def test_a_failure_of_another_kind_is_handed_on(ask: Ask, holder: Any) -> None:
    result, _given = ask({"failed": True, "msg": "broken", "held_by": holder})
    assert result["failed"] and result["msg"] == "broken"


@pytest.mark.parametrize("state", ["renewed", "released", "query"])
def test_only_taking_asks_twice(ask: Ask, state: str) -> None:
    _result, (given,) = ask(held(), state=state, wait=9)
    assert given["state"] == state and given["run"]["pid"] == os.getpid()


def test_a_dead_run_is_not_waited_for(ask: Ask) -> None:
    _result, (first, second) = ask(held(), FREE, wait="30")
    assert first["wait"] == 0 and second["ended"] == "theirs"


def test_a_living_run_is_waited_for(ask: Ask, living: subprocess.Popen[bytes]) -> None:
    there = held(living.pid, action.started(living.pid))
    result, (_first, second) = ask(there, FREE, wait=30)
    assert not result.get("failed") and second["wait"] == 30
    _result, given = ask(there, held(), FREE, wait=30)
    assert given[2]["ended"] == "theirs", "it died while it was waited for"


def test_check_mode_predicts_the_takeover_and_does_not_wait(ask: Ask, living: subprocess.Popen[bytes]) -> None:
    _result, given = ask({**held(), "failed": False}, FREE, check=True, wait=30)
    assert given[1]["ended"] == "theirs"
    ask({**held(living.pid, action.started(living.pid)), "failed": False}, check=True, wait=30)


def test_a_time_to_wait_is_a_number(ask: Ask) -> None:
    with pytest.raises(AnsibleActionFail, match="wait"):
        ask(wait="long")


@pytest.mark.parametrize("different", ["/etc/machine-id", "/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"])
def test_a_machine_is_its_id_its_boot_and_its_pids(monkeypatch: pytest.MonkeyPatch, different: str) -> None:
    told = {"/etc/machine-id": "id", "/proc/sys/kernel/random/boot_id": "boot", "/proc/self/ns/pid": "pid:[1]"}
    monkeypatch.setattr(action, "_content", lambda path: told[path])
    monkeypatch.setattr(os, "readlink", lambda path: told[path])
    before = action.machine()
    assert action.machine() == before and "id" not in before
    told[different] = "other"
    assert action.machine() != before


def test_a_machine_without_an_id_is_its_network_card_unless_that_is_drawn_by_lot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(action, "_content", lambda _path: "")
    seen = set()
    for node in (0x0242AC110002, 0x0242AC110003, 0x0100DEADBEEF, 0x0300DEADBEEF):
        monkeypatch.setattr(uuid, "getnode", lambda node=node: node)
        seen.add(action.machine())
    assert len(seen) == 3


def test_without_proc_the_start_is_what_ps_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "exists", lambda _path: False)
    asked = mock.Mock(return_value=mock.Mock(stdout="Thu Jan  1 00:00:00 2026\n"))
    monkeypatch.setattr(subprocess, "run", asked)
    assert action.started(1) == "Thu Jan  1 00:00:00 2026"
    assert asked.call_args.kwargs["env"]["TZ"] == "UTC", "a run must not change with the zone of its caller"
    asked.side_effect = FileNotFoundError
    assert action.started(1) == ""


def test_a_name_with_brackets_does_not_shift_the_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = " ".join(["R", *("0" for _number in range(18)), "777", "0"])
    monkeypatch.setattr(action, "_content", lambda _path: f"5 (a) b) ( c) {fields}")
    assert action.started(5) == "777"


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., tuple[int, list[Answer]]]:
    """Run tasks on two hosts that are this machine; return how it ended and what the tasks returned."""

    def call(*tasks: dict[str, Any]) -> tuple[int, list[Answer]]:
        results = tmp_path / "results"
        results.write_text("")
        line = {"path": str(results), "line": "{{ lock | to_json }}"}
        keep = {"name": "Keep what it returned", "ansible.builtin.lineinfile": line, "throttle": 1}
        steps = [step for task in tasks for step in ({**task, "register": "lock"}, keep)]
        hosts = [{"hosts": "all", "gather_facts": False, "tasks": steps}]
        (tmp_path / "play.yml").write_text(yaml.safe_dump(hosts, sort_keys=False))
        (tmp_path / "hosts").write_text("one\ntwo\n[all:vars]\nansible_connection=local\n")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")} | {
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "1",
        }
        command = ["ansible-playbook", "-i", "hosts", "play.yml"]
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        answers = [json.loads(line) for line in results.read_text().splitlines()]
        assert answers, ran.stdout + ran.stderr
        return ran.returncode, answers

    return call


def test_a_killed_run_heals_at_the_next_start(play: Callable[..., tuple[int, list[Answer]]], tmp_path: Path) -> None:
    path = tmp_path / "state" / "deploy.lock"
    name = "ridgetop.aidis.deploy_lock"
    take = {"name": "Take the lock", name: {"path": str(path), "lease": 86400, "reason": "deploy"}}
    pid = f"{{{{ (lookup('file', '{path}') | from_json).controller.pid }}}}"
    kill = {"name": "Kill the run", "ansible.builtin.command": f"kill -9 {pid}", "run_once": True}
    ended, taken = play(take, kill)
    assert ended == -signal.SIGKILL, "the pid in the lock is that of ansible-playbook"
    assert sorted(answer["changed"] for answer in taken) == [False, True], "two hosts, one run"
    assert len({answer["token"] for answer in taken}) == 1

    ended, healed = play(take, {"name": "Release", name: {"path": str(path), "state": "released"}, "run_once": True})
    (winner,) = [answer for answer in healed if answer["taken_over"]]
    assert ended == 0 and winner["changed"] and "process is gone" in winner["taken_over"]["why"]
    assert "Took over the lock" in str(winner["warnings"])
    assert winner["token"] != taken[0]["token"] and not path.exists()
