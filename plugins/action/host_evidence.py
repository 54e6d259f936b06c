# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action of ridgetop.aidis.host_evidence: finds out the secrets, and how far the host's clock is from this one's."""

from __future__ import annotations

import base64
import json
import time
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

MODULE = "ridgetop.aidis.host_evidence"


def texts(value: t.Any) -> t.Iterator[str]:
    """Yield the texts in a value, those of lists and mappings, too."""
    if isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from texts(part)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def sealed(password: str | None, environment: dict[str, str], others: list[str]) -> str:
    """Return the secrets in the form that the module takes."""
    told = {"password": password, "environment": environment, "others": others}
    return base64.b64encode(json.dumps(told).encode()).decode()


class ActionModule(ActionBase):
    """Template each secret by itself: an inventory that lacks one must not keep the others from being masked."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return what the module returns, with the secrets that are known here."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        given = dict(self._task.args)
        variables = dict(task_vars or {})
        password = next(iter(self._texts(variables.get(given.get("password_variable") or ""))), None)
        environment = self._mapping(variables.get(given.get("environment_variable") or ""))
        others = [text for name in given.get("secret_variables") or [] for text in self._texts(variables.get(name))]
        given["sealed"] = sealed(password, environment, others)
        before = time.time()
        result.update(self._execute_module(module_name=MODULE, module_args=given, task_vars=task_vars))
        after = time.time()
        system = (result.get("evidence") or {}).get("system") or {}
        if "time" in system:
            # The host looked at its clock at some moment between the two, so this is known to within half of that.
            system["clock_offset"] = system["time"] - (before + after) / 2
            system["clock_doubt"] = (after - before) / 2
        result["known"] = sorted({*environment.values(), *others, *([password] if password else [])})
        return result

    def _mapping(self, value: t.Any) -> dict[str, str]:
        """Return a mapping with the values that can be made."""
        made = value if isinstance(value, dict) else self._templated(value)
        found = {str(key): self._texts(made[key]) for key in made} if isinstance(made, dict) else {}
        return {key: parts[0] for key, parts in found.items() if parts}

    def _texts(self, value: t.Any) -> list[str]:
        """Return the texts in a value, without those that cannot be made."""
        if isinstance(value, dict):
            return [text for key in value for text in self._texts(value[key])]
        if isinstance(value, list):
            return [text for part in value for text in self._texts(part)]
        try:
            return list(texts(self._templated(value)))
        except AnsibleError:
            return []

    def _templated(self, value: t.Any) -> t.Any:
        try:
            return self._templar.template(value)
        except AnsibleError:
            return None
