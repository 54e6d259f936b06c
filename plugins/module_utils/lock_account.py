# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of a run that has, or wanted, the lock: it begins where it takes it and ends where it gives it back.

A run that was refused the lock, or failed before it asked for it, has an end alone.
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.ridgetop.aidis.plugins.module_utils import accounting, lock_file


def begun(account: accounting.Values | None, wish: lock_file.Wish, answer: lock_file.Answer) -> list[str]:
    """Account for a run that has just taken the lock, and for whom it took it from; return what could not be written.

    A run that had it already has begun before.
    """
    if account is None or wish.state != "acquired" or not answer.changed:
        return []
    entries = []
    told = answer.taken_over
    if told and answer.before:
        whose = {"by": told["owner"], "what": told["reason"], "since": told["since"], "run": answer.before.token}
        entries.append(_entry("takeover", account, wish, taken_from=whose, why=told["why"]))
    return accounting.record(account, [*entries, _entry("begin", account, wish)])


def ended(account: accounting.Values | None, wish: lock_file.Wish, path: str) -> list[str]:
    """Account for a run that is about to give the lock back; return what could not be written.

    Before it does, so that no other run begins first in the file. Who it is, and what it did, is what it said when it
    took the lock.
    """
    if account is None or wish.state != "released":
        return []
    lock = None
    # What is wrong with the lock is told by the one who gives it back.
    with contextlib.suppress(lock_file.LockError, OSError):
        lock = lock_file.read(path, wish.lease)
    outcome = {"result": account["result"], "failed": account["failed"]}
    if lock is None:
        told = _entry("end", account, wish, **outcome)
    elif lock.token == wish.token:
        told = accounting.entry("end", account, wish.controller, lock.owner, lock.reason, **outcome)
    else:
        holder = {"by": lock.owner, "what": lock.reason, "since": lock_file.stamp(lock.since), "run": lock.token}
        told = _entry("end", account, wish, **outcome, held_by=holder)
    return accounting.record(account, [told])


def _entry(event: str, account: accounting.Values, wish: lock_file.Wish, **more: t.Any) -> accounting.Entry:
    """Return the line of the run that asks."""
    return accounting.entry(event, account, wish.controller, wish.owner, wish.reason, **more)
