# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action of ridgetop.aidis.host_program: the options are documented with the module of this name."""

from __future__ import annotations

import os
import tempfile
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.ridgetop.aidis.plugins.module_utils import program


class ActionModule(ActionBase):
    """Build the program on the controller, and let the action of ansible.builtin.copy bring it to the host."""

    _VALID_ARGS = frozenset(("entry", "dest"))
    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return what the copy returns."""
        super().run(tmp, task_vars)
        _result, arguments = self.validate_argument_spec(
            argument_spec={
                "entry": {"type": "str", "required": True},
                "dest": {"type": "path", "required": True},
            },
        )
        try:
            content = program.build(arguments["entry"])
        except (OSError, SyntaxError) as error:
            raise AnsibleActionFail(f"{arguments['entry']} cannot be made a program: {error}") from error
        handle, path = tempfile.mkstemp(prefix="aidis-program-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            return self._copied(path, arguments["dest"], task_vars)
        finally:
            os.unlink(path)

    def _copied(self, path: str, dest: str, task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        task = self._task.copy()
        task.args = {"src": path, "dest": dest, "owner": "root", "group": "root", "mode": "0755"}
        action = self._shared_loader_obj.action_loader.get(
            "ansible.builtin.copy",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        result: dict[str, t.Any] = action.run(task_vars=task_vars)
        return result
