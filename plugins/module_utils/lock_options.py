# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a lock, for the modules that take one."""

from __future__ import annotations

import typing as t

from ansible_collections.ridgetop.aidis.plugins.module_utils import accounting, lock_file

# Seconds: half an hour.
LEASE = 1800
# The run that a module works for, which its action tells it.
RUN: dict[str, t.Any] = {
    "type": "dict",
    "options": {
        "machine": {"type": "str", "required": True},
        "host": {"type": "str", "required": True},
        "pid": {"type": "int", "required": True},
        "started": {"type": "str", "required": True},
    },
}
ARGUMENTS: dict[str, t.Any] = {
    "path": {"type": "path", "required": True},
    "reason": {"type": "str"},
    "owner": {"type": "str"},
    "lease": {"type": "int", "default": LEASE},
    "wait": {"type": "int", "default": 0},
    "takeover": {"type": "bool", "default": False},
    "account": {"type": "dict", "options": accounting.ARGUMENTS},
    "run": RUN,
}


def wish_of(params: dict[str, t.Any], state: str = "acquired", ended: str | None = None) -> lock_file.Wish:
    """Return what the options ask for; ``ended`` is the token of a dead run. Raises LockError: out of range."""
    if params["run"] is None:
        raise lock_file.LockError("the action of this module did not run, so there is no run to hold the lock")
    if not 1 <= params["lease"] <= lock_file.LEASE_MAX:
        raise lock_file.LockError(f"lease must be from 1 to {lock_file.LEASE_MAX} seconds: {params['lease']}")
    if params["wait"] < 0:
        raise lock_file.LockError(f"wait must not be negative: {params['wait']}")
    return lock_file.Wish(
        state=state,
        controller=params["run"],
        owner=params["owner"] or "unknown",
        reason=params["reason"] or "",
        lease=params["lease"],
        ended=ended or "",
        takeover=params["takeover"],
    )


def warnings(path: str, answer: lock_file.Answer, check_mode: bool) -> list[str]:
    """Return what to say aloud of a lock that was asked for: whose was taken over, and that a real run would fail."""
    told = answer.taken_over
    said = []
    if told:
        verb = "Would take" if check_mode else "Took"
        reason = told["reason"] or "no reason given"
        said.append(f"{verb} over the lock {path} of {told['owner']} ({reason}, since {told['since']}): {told['why']}.")
    if answer.refused and check_mode:
        said.append(answer.refused)
    return said
