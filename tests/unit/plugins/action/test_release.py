# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock that comes with a change of the release: one round trip where it is free, and none the less respected."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.ridgetop.aidis.plugins.action import deploy_lock
from ansible_collections.ridgetop.aidis.plugins.action import release as action

Answer = dict[str, Any]
Ask = Callable[..., tuple[Answer, list[dict[str, Any]]]]

LOCK = "ridgetop.aidis.deploy_lock"
RELEASE = "ridgetop.aidis.release"
RETURNED: Answer = {"changed": True, "id": "v1"}
REFUSED: Answer = {"failed": True, "msg": "held", "lock_refused": True}
TAKEN: Answer = {"changed": True, "held_by": None, "warnings": ["Took over the lock"]}
NOWHERE = 2**22 + 1  # Beyond the largest pid that Linux gives.


def held(pid: int) -> Answer:
    """Return the answer of deploy_lock while a run of this controller has the lock."""
    controller = {
        "machine": deploy_lock.machine(),
        "host": "ctl",
        "pid": pid,
        "started": deploy_lock.started(pid) or "10",
    }
    return {"failed": True, "msg": "held by zoe", "held_by": {"token": "theirs", "controller": controller}}


@pytest.fixture
def ask() -> Ask:
    """Run the action against modules that give these answers; return the last one, and what was asked of which."""

    def call(*answers: Answer, check: bool = False, **options: Any) -> tuple[Answer, list[dict[str, Any]]]:
        task = mock.MagicMock(args={"root": "/x", **options}, async_val=0, check_mode=check)
        plugin = action.ActionModule(task, mock.MagicMock(), mock.MagicMock(), None, None, None)
        with mock.patch.object(plugin, "_execute_module", side_effect=[dict(answer) for answer in answers]) as module:
            result: Answer = plugin.run(task_vars={})
        assert module.call_count == len(answers), "each answer is asked for"
        asked = [one.kwargs for one in module.call_args_list]
        return result, [{"name": one["module_name"], **one["module_args"]} for one in asked]

    return call


@pytest.mark.parametrize("lock", [{}, {"lock": None}, {"lock": {}}])
def test_without_a_lock_the_module_is_asked_as_it_stands(ask: Ask, lock: dict[str, Any]) -> None:
    result, asked = ask(RETURNED, **lock)
    assert result["id"] == "v1" and asked == [{"name": RELEASE, "root": "/x"}]


def test_a_free_lock_takes_one_round_trip(ask: Ask) -> None:
    result, (asked,) = ask(RETURNED, lock={"path": "/l", "owner": None, "wait": 60})
    assert result["id"] == "v1" and asked["name"] == RELEASE
    assert asked["lock"]["path"] == "/l" and asked["lock"]["run"]["pid"] == os.getpid() and asked["lock"]["owner"]


def test_the_account_goes_with_the_lock(ask: Ask) -> None:
    account = {"path": "/log", "action": "rollback"}
    _result, asked = ask(REFUSED, held(NOWHERE), TAKEN, RETURNED, lock={"path": "/l", "account": account})
    assert [one.get("lock", one).get("account") for one in asked] == [{**account, "user": deploy_lock.user()}] * 3 + [
        None
    ]


def test_another_failure_is_the_result(ask: Ask) -> None:
    result, _asked = ask({"failed": True, "msg": "no such release"}, lock={"path": "/l"})
    assert result["msg"] == "no such release"


def test_a_living_run_is_respected(ask: Ask) -> None:
    result, asked = ask(REFUSED, held(os.getpid()), lock={"path": "/l"})
    assert result["failed"] and result["msg"] == "held by zoe" and [one["name"] for one in asked] == [RELEASE, LOCK]


def test_a_living_run_is_waited_for(ask: Ask) -> None:
    result, asked = ask(REFUSED, held(os.getpid()), TAKEN, RETURNED, lock={"path": "/l", "wait": 5})
    assert result["id"] == "v1" and [one.get("wait") for one in asked[1:3]] == [0, 5]
    assert asked[3] == {"name": RELEASE, "root": "/x"}


def test_a_dead_run_loses_it_and_that_is_said(ask: Ask) -> None:
    result, asked = ask(REFUSED, held(NOWHERE), TAKEN, {**RETURNED, "warnings": ["besides"]}, lock={"path": "/l"})
    assert asked[2]["ended"] == "theirs" and result["warnings"] == ["Took over the lock", "besides"]


def test_a_dry_run_is_told_that_the_run_is_dead(ask: Ask) -> None:
    result, asked = ask(held(NOWHERE), TAKEN, RETURNED, lock={"path": "/l"}, check=True)
    assert [one["name"] for one in asked] == [LOCK, LOCK, RELEASE] and asked[1]["ended"] == "theirs"
    assert result["warnings"] == ["Took over the lock"]


def test_a_lock_that_is_no_mapping_is_refused(ask: Ask) -> None:
    with pytest.raises(AnsibleActionFail, match="no mapping"):
        ask(lock="/var/lib/aidis/deploy.lock")
