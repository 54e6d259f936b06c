# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action of ridgetop.aidis.release: takes the lock in the same round trip where it is free."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.ridgetop.aidis.plugins.action import deploy_lock

MODULE = "ridgetop.aidis.release"


class ActionModule(ActionBase):
    """Run the module once where no lock is asked for or nobody has it; wait for the lock, or be refused it, else."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return what the module returns, or deploy_lock where the lock cannot be had. Raises AnsibleActionFail."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)

        def ask(name: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
            answer: dict[str, t.Any] = self._execute_module(
                module_name=name, module_args=arguments, task_vars=task_vars
            )
            return answer

        given = dict(self._task.args)
        lock = given.pop("lock", None)
        if not lock:
            return {**result, **ask(MODULE, given)}
        if not isinstance(lock, dict):
            raise AnsibleActionFail(f"lock is no mapping of options: {lock}")
        lock = deploy_lock.with_run(
            {name: value for name, value in lock.items() if value is not None}, deploy_lock.this_run()
        )
        # A dry run is told whether the run that has the lock is dead, so that it says what a real one would do.
        if not self._task.check_mode:
            answer = ask(MODULE, {**given, "lock": lock})
            if not answer.get("lock_refused"):
                return {**result, **answer}
        taken = deploy_lock.acquire(
            lambda arguments: ask(deploy_lock.MODULE, arguments), {**lock, "state": "acquired"}, self._task.check_mode
        )
        if taken.get("failed"):
            return {**result, **taken}
        answer = ask(MODULE, given)
        # Whose lock was taken over is said aloud, whichever way it was taken.
        answer["warnings"] = [*taken.get("warnings", []), *answer.get("warnings", [])]
        return {**result, **answer}
