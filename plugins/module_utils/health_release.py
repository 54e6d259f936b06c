# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``aidis-health`` tells of releases: which one runs, what became of the others, and who deploys."""

from __future__ import annotations

from ansible_collections.ridgetop.aidis.plugins.module_utils import ledger, lock_file
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_base import (
    CannotTellError,
    Document,
    Sample,
    moment,
)

# Moments of the ledger that are told, the newest ones.
MOST_MARKS = 20
KINDS = {"good_at": "deploy", "rolled_back_at": "rollback", "failed_at": "failed"}


def load(path: str) -> ledger.Ledger:
    """The ledger of this host. Raises CannotTellError."""
    try:
        found = ledger.load(path)
    except (ledger.LedgerError, RecursionError) as error:
        raise CannotTellError(str(error)) from None
    entries = found["releases"]
    if not all(isinstance(one, dict) and isinstance(one.get("id"), str) for one in entries):
        raise CannotTellError(f"{path}: there are releases without an id")
    running = found["running"]
    if running is not None and not (isinstance(running, dict) and isinstance(running.get("id"), str)):
        raise CannotTellError(f"{path}: what runs has no id")
    return found


def running(book: ledger.Ledger) -> Document:
    """The release that runs, for people and JSON; empty before the first was accepted."""
    if book["running"] is None:
        return {}
    entry = ledger.find(book, book["running"]["id"]) or {}
    told = {name: str(entry.get(name) or "") for name in ("version", "commit", "result")}
    return {"id": book["running"]["id"], "since": str(book["running"].get("at") or ""), **told}


def samples(book: ledger.Ledger) -> tuple[list[Sample], list[str]]:
    """The numbers of the ledger, and why some are left out."""
    left_out: list[str] = []
    marks = sorted(_marks(book, left_out), reverse=True)
    found = [
        Sample("aidis_release_mark_timestamp_seconds", at, {"release": name, "kind": kind})
        for at, kind, name in marks[:MOST_MARKS]
    ]
    found.append(Sample("aidis_release_failed", _newest_failed(book)))
    active = running(book)
    if active:
        name = active["id"]
        about = {"release": name, **{part: active[part] for part in ("version", "commit", "result")}}
        found.append(Sample("aidis_release_info", 1, about))
        try:
            found.append(Sample("aidis_release_active_timestamp_seconds", moment(active["since"]), {"release": name}))
        except ValueError:
            left_out.append("aidis_release_active_timestamp_seconds: the ledger does not say since when")
        found += _latency(ledger.find(book, name) or {}, left_out)
    return found, left_out


def _latency(entry: Document, left_out: list[str]) -> list[Sample]:
    """What was measured when the release was accepted."""
    name = "aidis_release_acceptance_latency_seconds"
    try:
        return [Sample(name, float(entry[f"latency_{stat}_ms"]) / 1000, {"stat": stat}) for stat in ("p50", "p95")]
    except (TypeError, ValueError, KeyError):
        left_out.append(f"{name}: the ledger does not say it of {entry.get('id', 'the release that runs')}")
        return []


def _marks(book: ledger.Ledger, left_out: list[str]) -> list[tuple[float, str, str]]:
    found = []
    for entry in book["releases"]:
        for key, kind in KINDS.items():
            if not entry.get(key):
                continue
            try:
                found.append((moment(entry[key]), kind, entry["id"]))
            except ValueError:
                left_out.append(f"aidis_release_mark_timestamp_seconds: {key} of {entry['id']} is no moment")
    return found


def _newest_failed(book: ledger.Ledger) -> int:
    """Whether what happened last failed; a build that has just ended has not."""
    keys = ("built_at", *KINDS)
    last = max(((str(entry.get(key) or ""), key) for entry in book["releases"] for key in keys), default=("", ""))
    return int(last[1] == "failed_at")


def lock_held(path: str, now: float) -> Sample:
    """For how long a run has held the lock, in seconds. Raises CannotTellError."""
    try:
        # The lease matters to a garbled lock's end alone, which nobody asks for here.
        held = lock_file.read(path, 1)
    except (lock_file.LockError, OSError) as error:
        raise CannotTellError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    seconds = 0.0 if held is None else max(1.0, now - held.since.timestamp())
    return Sample("aidis_deploy_lock_held_seconds", round(seconds))
