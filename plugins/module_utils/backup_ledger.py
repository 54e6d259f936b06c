# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger of backups: which were proved, drilled and removed, which databases a restore made, what was swapped.

One JSON file in the directory of the backups. Names that this program gives to databases are written here before
they are given, so that what a killed run leaves is known, and nothing else is ever taken for its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, Document, load, save

SCHEMA = 1
FILE_NAME = "backups.json"
# States of a database that a restore makes, and of a swap.
MAKING, READY = "making", "ready"
PLANNED, DONE = "planned", "done"


def path(directory: str) -> str:
    """Where the ledger of a directory is."""
    return os.path.join(directory, FILE_NAME)


def empty() -> Document:
    """The ledger before the first backup."""
    return {"schema": SCHEMA, "backups": [], "scratches": [], "swaps": [], "drill": None}


def read(directory: str) -> Document:
    """Read the ledger; a missing file is an empty one. Raises BackupError where it is none of this schema."""
    try:
        found = load(path(directory))
    except FileNotFoundError:
        return empty()
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise BackupError(f"{path(directory)} is no ledger of schema {SCHEMA}")
    return {**empty(), **found}


def write(directory: str, ledger: Document) -> None:
    """Replace the ledger. Raises OSError."""
    save(path(directory), ledger)


def backup(ledger: Document, backup_id: str) -> Document | None:
    """The entry of a backup."""
    return next((one for one in ledger["backups"] if one["id"] == backup_id), None)


def present(ledger: Document) -> list[Document]:
    """The backups that were not removed, newest first."""
    return _newest_first(one for one in ledger["backups"] if not one["removed_at"])


def proved(ledger: Document, directory: str) -> list[Document]:
    """The backups that were proved and are there, newest first."""
    return [one for one in present(ledger) if one["proved_at"] and os.path.isdir(os.path.join(directory, one["id"]))]


def newest(ledger: Document, directory: str) -> Document:
    """The newest backup that was proved and is there. Raises BackupError."""
    found = proved(ledger, directory)
    if not found:
        raise BackupError(f"{directory} holds no backup that was proved")
    return found[0]


def newest_there(ledger: Document, directory: str) -> Document:
    """The newest backup that is there, proved or not, unless it is known to be damaged. Raises BackupError."""
    for one in present(ledger):
        if not one["damage"] and os.path.isdir(os.path.join(directory, one["id"])):
            return one
    raise BackupError(f"{directory} holds no backup")


def entry(manifest: Document, digest: str, proved_at: str | None) -> Document:
    """The entry of a backup, from its manifest and the SHA-256 of that."""
    kept = ("id", "at", "reason", "release", "by", "bytes", "seconds", "fingerprint", "migrations_digest")
    more = {"server_version": manifest["server_version"], "proved_at": proved_at, "manifest_sha256": digest}
    absent: dict[str, Any] = dict.fromkeys(("drilled_at", "drill", "copied_at", "damage", "removed_at"))
    return {**{name: manifest[name] for name in kept}, **more, **absent}


def scratch(ledger: Document, name: str) -> Document | None:
    """What is known of a database that a restore made."""
    return next((one for one in ledger["scratches"] if one["name"] == name), None)


def without_scratch(ledger: Document, name: str) -> None:
    """Forget a database that a restore made."""
    ledger["scratches"] = [one for one in ledger["scratches"] if one["name"] != name]


def replaced(ledger: Document) -> list[Document]:
    """The swaps whose replaced database was not dropped or put back since, newest first."""
    return _newest_first(one for one in ledger["swaps"] if one["state"] == DONE and not one["gone_at"])


def _newest_first(entries: Iterable[Document]) -> list[Document]:
    """Of the same second, the one that was written later is newer."""
    return sorted(entries, key=lambda one: str(one["at"]))[::-1]
