# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who the module is told that the run is, and that a task cannot say it is another."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.ridgetop.aidis.plugins.action import account as action
from ansible_collections.ridgetop.aidis.plugins.action import deploy_lock

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask() -> Ask:
    """Run the action; return what the module was given."""

    def call(**options: Any) -> dict[str, Any]:
        task = mock.MagicMock(args={"path": "/x", "event": "begin", "action": "backup", **options}, async_val=0)
        plugin = action.ActionModule(task, mock.MagicMock(), mock.MagicMock(), None, None, None)
        with mock.patch.object(plugin, "_execute_module", return_value={"changed": True}) as module:
            assert plugin.run(task_vars={})["changed"]
        assert module.call_args.kwargs["module_name"] == "ridgetop.aidis.account"
        given: dict[str, Any] = module.call_args.kwargs["module_args"]
        return given

    return call


def test_the_module_is_told_the_run_and_its_user(ask: Ask) -> None:
    given = ask(what="nightly", result=None)
    assert given["run"] == deploy_lock.this_run() and given["run"]["pid"] == os.getpid()
    assert given["user"] == deploy_lock.user() and given["by"] == f"{deploy_lock.user()}@{platform.node()}"
    assert given["what"] == "nightly" and "result" not in given


@pytest.mark.parametrize(("by", "kept"), [("the pipeline", True), ("", False), (None, False)])
def test_a_person_that_is_named_stays_and_the_user_is_told_beside(ask: Ask, by: str | None, kept: bool) -> None:
    given = ask(by=by)
    assert (given["by"] == by) == kept and given["by"] and given["user"] == deploy_lock.user()


@pytest.mark.parametrize("option", ["run", "user", "typo"])
def test_a_task_cannot_say_which_run_it_is(ask: Ask, option: str) -> None:
    with pytest.raises(AnsibleActionFail, match=option):
        ask(**{option: "x"})
