# Copyright (c) Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger of releases: the only truth about what was staged, activated, failed and removed.

A ledger is one JSON file, replaced as a whole, so that a reader sees the old one or the new one. The functions
that change it take the ledger as a value and return another; only ``load`` and ``save`` touch the disk.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
import typing as t

from ansible_collections.ridgetop.aidis.plugins.module_utils import whole_file

SCHEMA = 1
FILE_NAME = "releases.json"
RESULTS = ("staged", "good", "failed", "rolled_back")
ID_PATTERN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")

Release = dict[str, t.Any]
Ledger = dict[str, t.Any]


class LedgerError(Exception):
    """The ledger, or what is asked of it, is not usable; the text is meant for the person at the controller."""


def check_id(release_id: str) -> str:
    """Return the id. Raises LedgerError where it could not be the name of one directory."""
    if not ID_PATTERN.match(release_id):
        raise LedgerError(f"'{release_id}' cannot name a release: letters, digits, '.', '_' and '-' only, 128 at most")
    return release_id


def empty() -> Ledger:
    """Return the ledger of a host without releases."""
    return {"schema": SCHEMA, "running": None, "underway": None, "releases": []}


def load(path: str) -> Ledger:
    """Read the ledger; a missing file is an empty one.

    Raises LedgerError where the file is not a ledger of this schema: guessing would risk the releases it names.
    """
    try:
        with open(path, encoding="utf-8") as handle:
            ledger = json.load(handle)
    except FileNotFoundError:
        return empty()
    except (OSError, ValueError) as error:
        raise LedgerError(f"{path} cannot be read as a ledger: {error}") from error
    if not isinstance(ledger, dict) or ledger.get("schema") != SCHEMA or not isinstance(ledger.get("releases"), list):
        raise LedgerError(f"{path} is not a ledger of schema {SCHEMA}")
    return {**empty(), **ledger}


def dump(ledger: Ledger) -> str:
    """Return the text of a ledger, the same for the same ledger."""
    return json.dumps(ledger, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def save(path: str, ledger: Ledger) -> None:
    """Replace the file. Raises OSError."""
    whole_file.replace(path, dump(ledger).encode(), 0o644)


def find(ledger: Ledger, release_id: str) -> Release | None:
    """Return the entry of a release, or None."""
    return next((entry for entry in ledger["releases"] if entry["id"] == release_id), None)


def is_built(entry: Release | None) -> bool:
    """Tell whether the entry's directory holds a whole build, by the ledger alone."""
    return entry is not None and bool(entry.get("built_at")) and not entry.get("pruned_at")


def record(ledger: Ledger, release_id: str, result: str, at: str, facts: t.Mapping[str, t.Any]) -> Ledger:
    """Return the ledger with the release's entry made or changed.

    ``facts`` are the fields to set; empty ones leave what was known. ``staged`` means a new build, so what was
    known of an earlier one (its failure, its removal) goes.
    """
    if result not in RESULTS:
        raise LedgerError(f"'{result}' is no result of a release: {', '.join(RESULTS)}")
    changed = copy.deepcopy(ledger)
    entry = find(changed, release_id)
    if entry is None:
        entry = {"id": release_id}
        changed["releases"].append(entry)
    entry.update({key: value for key, value in facts.items() if value not in (None, "")})
    entry["result"] = result
    if result == "staged":
        entry["built_at"] = at
        entry.pop("pruned_at", None)
    if result == "good":
        entry["good_at"] = at
    if result in ("failed", "rolled_back"):
        entry[f"{result}_at"] = at
    else:
        entry.pop("reason", None)
    return changed


def running_as(ledger: Ledger, release_id: str, digest: str, at: str) -> Ledger:
    """Return the ledger that says what the service was started from."""
    changed = copy.deepcopy(ledger)
    changed["running"] = {"id": release_id, "digest": digest, "at": at}
    changed["underway"] = None
    return changed


def migrating(ledger: Ledger, release_id: str, at: str, facts: t.Mapping[str, t.Any]) -> Ledger:
    """Return the ledger that says that this release's migrations begin, and what the database was before.

    What an earlier call for the same release said stays, be it of a run that was killed: the state before the first
    migration is the one to return to. Only the backup is added, which is taken after the beginning was recorded.
    """
    changed = copy.deepcopy(ledger)
    underway = changed["underway"]
    if underway is None or underway["release"] != release_id:
        running = (ledger["running"] or {}).get("id")
        underway = {"release": release_id, "from": running, "at": at, **facts}
        changed["underway"] = underway
    elif not underway["backup"]:
        underway["backup"] = facts["backup"]
    entry = find(changed, release_id)
    if entry is not None and underway["backup"]:
        entry["backup"] = underway["backup"]
    return changed


def target(ledger: Ledger, active: str | None, wanted: str) -> str:
    """Return the id of the release that a rollback goes to.

    ``wanted`` is an id, a version or a commit of seven characters or more. Empty: what ran before a deployment that did
    not end, else the last good release before the active one. Raises LedgerError where there is none, or none
    that was ever accepted.
    """
    if not wanted:
        return _before(ledger, active)
    entries = ledger["releases"]
    found = [entry for entry in entries if wanted in (entry["id"], entry.get("version"))] or [
        entry for entry in entries if len(wanted) >= 7 and str(entry.get("commit", "")).startswith(wanted)
    ]
    if not found:
        known = ", ".join(entry["id"] for entry in entries) or "none"
        raise LedgerError(f"no release '{wanted}' is in the ledger of this host; there are: {known}")
    accepted = [entry for entry in found if entry.get("good_at")]
    if not accepted:
        raise LedgerError(f"{found[-1]['id']} was never accepted, so it cannot be returned to; deploy it instead")
    return str(max(accepted, key=lambda entry: entry["good_at"])["id"])


def _before(ledger: Ledger, active: str | None) -> str:
    running = (ledger["running"] or {}).get("id")
    if running and (ledger["underway"] is not None or active != running):
        return str(running)
    found = last_good(ledger, active or "")
    if found is None:
        raise LedgerError("the ledger of this host holds no other good release to return to")
    return found


def last_good(ledger: Ledger, besides: str) -> str | None:
    """Return the id of the newest good and built release other than ``besides``: the one to return to."""
    good = [e for e in ledger["releases"] if e["id"] != besides and e["result"] == "good" and is_built(e)]
    return max(good, key=lambda entry: entry["good_at"])["id"] if good else None


def to_prune(ledger: Ledger, keep: int, active: str | None) -> list[str]:
    """Return the ids of built releases to remove so that ``keep`` stay, the oldest first.

    The active release, the one that the service was started from and the last good one before it always stay.
    """
    running = (ledger["running"] or {}).get("id")
    protected = {active, running, last_good(ledger, active or "")}
    built = sorted((e for e in ledger["releases"] if is_built(e)), key=lambda entry: entry["built_at"])
    removable = [entry["id"] for entry in built if entry["id"] not in protected]
    return removable[: max(0, len(built) - keep)]


def pruned(ledger: Ledger, release_ids: t.Iterable[str], at: str) -> Ledger:
    """Return the ledger that says that the directories of these releases are gone."""
    changed = copy.deepcopy(ledger)
    for entry in changed["releases"]:
        if entry["id"] in set(release_ids):
            entry["pruned_at"] = at
    return changed


def digest_of(release_id: str, paths: t.Iterable[str]) -> str:
    """Return the SHA-256 over the release's id and the content of files, a missing one told from an empty one.

    Raises OSError where a file is there and cannot be read.
    """
    total = hashlib.sha256(release_id.encode())
    for path in paths:
        try:
            with open(path, "rb") as handle:
                content = hashlib.sha256(handle.read()).hexdigest()
        except FileNotFoundError:
            content = "absent"
        total.update(f"\0{path}\0{content}".encode())
    return total.hexdigest()
