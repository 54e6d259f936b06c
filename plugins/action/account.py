# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action of ridgetop.aidis.account: tells the module which run it works for, and who started that."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.ridgetop.aidis.plugins.action import deploy_lock

MODULE = "ridgetop.aidis.account"


class ActionModule(ActionBase):
    """Run the module for this run."""

    _VALID_ARGS = frozenset(("path", "event", "action", "what", "by", "result", "failed", "details", "append_only"))

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return what the module returns."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        run, user = deploy_lock.this_run(), deploy_lock.user()
        given = {name: value for name, value in self._task.args.items() if value is not None}
        told = {**given, "by": given.get("by") or f"{user}@{run['host']}", "user": user, "run": run}
        result.update(self._execute_module(module_name=MODULE, module_args=told, task_vars=task_vars))
        return result
