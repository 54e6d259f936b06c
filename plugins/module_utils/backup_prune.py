# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``prune``: backups beyond what is kept, databases that were replaced long ago, forgotten scratches."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    backup_copy,
    backup_ledger,
    backup_names,
    backup_retention,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import (
    BackupError,
    Document,
    moment,
    now,
    say,
    written,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import connected, databases, drop
from ansible_collections.ridgetop.aidis.plugins.module_utils.whole_file import sync_directory

# A restored database that nobody swapped may be between a restore and its swap.
_SCRATCH_DAYS = 1


def backups(config: Config, ledger: Document, protected: Collection[str]) -> list[str]:
    """Remove backups beyond what is kept, and their copies; return their ids. Raises OSError."""
    removed = backup_retention.to_remove(config, ledger, protected, now())
    for backup_id in removed:
        # First aside: what is half removed does not look like a backup.
        part = os.path.join(config.directory, f".{backup_id}.part")
        try:
            os.rename(os.path.join(config.directory, backup_id), part)
        except FileNotFoundError:
            say(f"{backup_id} was gone already")
        else:
            sync_directory(config.directory)
            shutil.rmtree(part)
        entry = backup_ledger.backup(ledger, backup_id)
        if entry is not None:
            entry["removed_at"] = written(now())
            backup_ledger.write(config.directory, ledger)
            if entry["copied_at"]:
                _remove_copy(config, backup_id)
    return removed


def _remove_copy(config: Config, backup_id: str) -> None:
    try:
        backup_copy.remove(config, backup_id)
    except (BackupError, OSError) as error:
        say(f"the copy of {backup_id} in {config.copy_to} stays: {error}")


def prune(config: Config, ledger: Document, protected: Collection[str]) -> Document:
    """Remove all that is not kept; ``unknown`` are databases that look like ours and are not in the ledger."""
    with connected(config) as cursor:
        limit = now() - timedelta(days=_SCRATCH_DAYS)
        names = [swap["replaced"] for swap in backup_ledger.replaced(ledger)[config.replaced_keep :]]
        names += [one["name"] for one in ledger["scratches"] if moment(one["at"]) < limit]
        dropped = [name for name in names if discard(cursor, config, ledger, name)]
        known = {one["name"] for one in ledger["scratches"]}
        known |= {swap["replaced"] for swap in backup_ledger.replaced(ledger)}
        unknown = sorted(name for name in databases(cursor) if _ours(config, name) and name not in known)
    return {"removed": backups(config, ledger, protected), "databases": dropped, "unknown": unknown}


def discard(cursor: Any, config: Config, ledger: Document, name: str) -> bool:
    """Drop a database that a restore or a swap left beside the live one; whether it was there. Raises BackupError."""
    if not _ours(config, name):
        raise BackupError(f"{name} was neither restored nor replaced, so it is not dropped")
    there = name in databases(cursor)
    drop(cursor, name)
    backup_ledger.without_scratch(ledger, name)
    for swap in backup_ledger.replaced(ledger):
        if swap["replaced"] == name:
            swap["gone_at"] = written(now())
    backup_ledger.write(config.directory, ledger)
    return there


def _ours(config: Config, name: str) -> bool:
    kinds = (backup_names.RESTORE, backup_names.REPLACED)
    return name != config.database and any(backup_names.is_beside(name, config.database, kind) for kind in kinds)
