# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run that was killed left behind, put right by the next one, which holds the lock."""

from __future__ import annotations

import os

from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    backup_dump,
    backup_ledger,
    backup_manifest,
    backup_names,
    backup_swap,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, Document, now, say, written
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import connected, databases, drop


def settle(config: Config, ledger: Document) -> list[str]:
    """Finish or undo what was begun, write the ledger, and say what was done. Raises BackupError and OSError.

    Only databases that the ledger names are dropped.
    """
    done = [f"removed {name}, which never became a backup" for name in backup_dump.remove_parts(config)]
    done += _adopted(config, ledger)
    with connected(config) as cursor:
        planned = [one["replaced"] for one in ledger["swaps"] if one["state"] == backup_ledger.PLANNED]
        if backup_swap.complete(cursor, config, ledger):
            done.append(f"found out what became of the swap that was to make {planned[-1]}")
        there = databases(cursor)
        for one in list(ledger["scratches"]):
            if one["state"] == backup_ledger.MAKING and one["name"] != config.database:
                drop(cursor, one["name"])
                done.append(f"dropped {one['name']}, which a run that ended had not finished")
            elif one["name"] in there:
                continue
            backup_ledger.without_scratch(ledger, one["name"])
        for one in backup_ledger.replaced(ledger):
            if one["replaced"] is None or one["replaced"] not in there:
                one["gone_at"] = written(now())
    if done:
        backup_ledger.write(config.directory, ledger)
    for text in done:
        say(text)
    return done


def _adopted(config: Config, ledger: Document) -> list[str]:
    """Backups that are whole and not in the ledger; they were proved, but nobody wrote it down."""
    found = []
    for name in sorted(os.listdir(config.directory)):
        if not backup_names.is_id(name) or backup_ledger.backup(ledger, name) is not None:
            continue
        home = os.path.join(config.directory, name)
        try:
            manifest = backup_manifest.read(home)
            digest = backup_manifest.digest(os.path.join(home, backup_manifest.FILE_NAME))
            ledger["backups"].append(backup_ledger.entry({**manifest, "id": name}, digest, None))
        except (BackupError, KeyError) as error:
            say(f"{name} is no backup: {error}")
            continue
        found.append(f"wrote {name} into the ledger, as one that is to be verified")
    return found
