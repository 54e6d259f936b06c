# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The actions of the diagnosis: what is said of hosts that gave no evidence, of locks, and which secrets are known."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.action import deploy_lock, diagnosis, host_evidence


def test_a_host_that_gave_no_evidence() -> None:
    assert diagnosis.why_not({"unreachable": True, "msg": "timed out"}) == "cannot be reached: timed out"
    assert diagnosis.why_not({"msg": "MODULE FAILURE", "module_stderr": "python3: not found"}).endswith(
        "python3: not found"
    )
    assert diagnosis.why_not({"evidence": {}}) == ""


def lock(pid: int, started: str, machine: str) -> dict[str, Any]:
    return {"lock": {"held": True, "controller": {"machine": machine, "host": "h", "pid": pid, "started": started}}}


def test_a_lock_of_a_run_that_is_gone_from_this_controller() -> None:
    here, own = deploy_lock.machine(), deploy_lock.started(os.getpid())
    evidence = lock(os.getpid(), "another start", here)
    diagnosis.judge_lock(evidence)
    assert evidence["lock"]["gone"] is True
    evidence = lock(os.getpid(), own, here)
    diagnosis.judge_lock(evidence)
    assert evidence["lock"]["gone"] is False
    for evidence in (lock(1, "x", "another machine"), {"lock": {}}, {"lock": None}, {}):
        diagnosis.judge_lock(evidence)
        assert "gone" not in (evidence.get("lock") or {})


def test_texts_in_a_value() -> None:
    value = {"a": "x", "b": ["y", {"c": 5}], "d": None, "e": True}
    assert list(host_evidence.texts(value)) == ["x", "y", "5"]


def test_what_is_sealed() -> None:
    sealed = host_evidence.sealed("a", {"B": "c"}, ["d"])
    assert json.loads(base64.b64decode(sealed)) == {"password": "a", "environment": {"B": "c"}, "others": ["d"]}
