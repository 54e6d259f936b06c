# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action of ridgetop.aidis.diagnosis: the options are documented with the module of this name."""

from __future__ import annotations

import datetime
import os
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.ridgetop.aidis.plugins.action import deploy_lock
from ansible_collections.ridgetop.aidis.plugins.module_utils import causes, evidence_bundle, evidence_topics
from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import Cause, Commands
from ansible_collections.ridgetop.aidis.plugins.module_utils.masking import Mask

Result = dict[str, t.Any]
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "hosts": {"type": "dict", "required": True},
    "dest": {"type": "path", "required": True},
    "name": {"type": "str", "required": True},
    "options": {"type": "str", "default": ""},
    "clock_tolerance": {"type": "float", "default": 5.0},
}


def why_not(found: Result) -> str:
    """Return why there is no evidence of a host, nothing where there is."""
    if found.get("unreachable"):
        return f"cannot be reached: {found.get('msg', 'no reason given')}"
    if "evidence" not in found:
        said = " ".join(str(found.get(name) or "") for name in ("msg", "module_stderr")).strip()
        return f"could not be looked at: {said or 'no reason given'}"
    return ""


def judge_lock(evidence: dict[str, t.Any]) -> None:
    """Say of a lock whose run was one of this controller whether that is gone."""
    lock = evidence.get("lock") or {}
    controller = lock.get("controller") or {}
    if controller.get("machine") and controller["machine"] == deploy_lock.machine():
        lock["gone"] = deploy_lock.is_gone(controller.get("pid"), controller.get("started"))


class ActionModule(ActionBase):
    """Find the causes on every host, tell them, and write the bundle, all on the controller."""

    _requires_connection = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(ARGUMENTS)

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        """Return the causes by host and the bundle. Raises AnsibleActionFail."""
        super().run(tmp, task_vars)
        _result, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        options = given["options"]
        commands = Commands(
            deploy=f"ansible-playbook ridgetop.aidis.deploy {options}".strip(),
            rollback=f"ansible-playbook ridgetop.aidis.rollback {options}".strip(),
            clock_tolerance=given["clock_tolerance"],
        )
        hosts: dict[str, Result] = given["hosts"]
        mask = Mask(str(one) for found in hosts.values() for one in found.get("known") or [])
        told: dict[str, Result] = {}
        texts: dict[str, dict[str, str]] = {}
        for host, found in hosts.items():
            why = mask.text(why_not(found))
            seen = [] if why else self._causes(found["evidence"], commands)
            told[host] = {"missing": why, "causes": [mask.value(one.as_dict()) for one in seen]}
            texts[host] = (
                {"summary": f"{host}: {why}\n"} if why else evidence_topics.topics(host, found["evidence"], seen)
            )
            Display().display(f"\n{mask.text(texts[host]['summary'])}")
        if all(one["missing"] for one in told.values()):
            raise AnsibleActionFail(
                "No host could be looked at. " + " ".join(f"{host}: {one['missing']}." for host, one in told.items())
            )
        bundle = self._write(given, texts, mask)
        Display().display(f"The evidence, without secrets: {bundle}\n")
        return {"changed": False, "hosts": told, "bundle": bundle}

    def _causes(self, evidence: dict[str, t.Any], commands: Commands) -> list[Cause]:
        judge_lock(evidence)
        return causes.causes(evidence, commands)

    def _write(self, given: Result, texts: dict[str, dict[str, str]], mask: Mask) -> str:
        """Return the path of the bundle. Raises AnsibleActionFail."""
        now = datetime.datetime.now(datetime.UTC)
        name = f"{given['name']}-{now.strftime('%Y%m%dT%H%M%SZ')}"
        path = os.path.join(os.path.abspath(os.path.expanduser(given["dest"])), name + evidence_bundle.SUFFIX)
        try:
            evidence_bundle.write(path, name, texts, mask, int(now.timestamp()))
        except evidence_bundle.BundleError as error:
            raise AnsibleActionFail(str(error)) from error
        return path
