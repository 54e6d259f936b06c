# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of ``aidis-database``: from the words of the command line to the one object that is printed."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Callable

from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    backup_copy,
    backup_drill,
    backup_dump,
    backup_hold,
    backup_ledger,
    backup_lost,
    backup_metrics,
    backup_prune,
    backup_reading,
    backup_restore,
    backup_settle,
    backup_source,
    backup_swap,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, Document, now, written
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_lock import locked
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import connected, databases

# Of the manifest of a new backup. Not its settings, which may hold secrets.
_TOLD = """
id reason release by at fingerprint migrations migrations_digest tables bytes seconds server_version environment
""".split()

Command = Callable[[Config, Document, Namespace], Document]


def run(config: Config, words: Namespace) -> Document:
    """Run a command. Raises BackupError and OSError."""
    if words.command == "hold-lock":
        return backup_hold.hold(config)
    if words.command in backup_reading.READING:
        return backup_reading.READING[words.command](config, backup_ledger.read(config.directory), words)
    with locked(config.directory, config.wait, words.command):
        ledger = backup_ledger.read(config.directory)
        backup_settle.settle(config, ledger)
        return CHANGING[words.command](config, ledger, words)


def backup(config: Config, ledger: Document, words: Namespace) -> Document:
    """Make a backup, copy it, and remove what is beyond retention."""
    given = {"reason": words.reason, "release": words.release, "by": words.by}
    made = backup_dump.make(config, ledger, given)
    backup_metrics.write(config, ledger)
    if config.copy_to:
        entry = backup_ledger.backup(ledger, made["id"]) or {}
        try:
            backup_copy.copy(config, made["id"])
        except (BackupError, OSError) as error:
            text = f"backup {made['id']} is made and proved, but not copied to {config.copy_to}: {error}"
            raise BackupError(text) from None
        entry["copied_at"] = written(now())
        backup_ledger.write(config.directory, ledger)
    removed = backup_prune.backups(config, ledger, words.protect)
    backup_metrics.write(config, ledger)
    path = os.path.join(config.directory, made["id"])
    return {**{name: made[name] for name in _TOLD}, "path": path, "proved": True, "removed": removed}


def verify(config: Config, ledger: Document, words: Namespace) -> Document:
    """Prove a backup again; one that is damaged does not count as proved any more."""
    begun = time.monotonic()
    source = backup_source.backup(config, ledger, words.source)
    with connected(config) as cursor:
        version = cursor.connection.server_version
    manifest = backup_source.prove(config, ledger, version, source.id)
    return {"id": source.id, "proved": True, "bytes": manifest["bytes"], "seconds": _since(begun)}


def restore(config: Config, ledger: Document, words: Namespace) -> Document:
    """Make a proved database of a backup, and say what would be lost; one that was replaced is one already."""
    begun = time.monotonic()
    with connected(config) as cursor:
        existing = list(databases(cursor))
    source = backup_source.named(config, ledger, existing, words.source)
    name = source.id
    if source.kind == backup_source.BACKUP:
        name = backup_restore.restore(config, ledger, source.id)
    lost = backup_lost.lost(config, name)
    return {"scratch": name, "source": source.as_dict(), "lost": lost, "seconds": _since(begun)}


def lost(config: Config, _ledger: Document, words: Namespace) -> Document:
    """What would be lost, now."""
    return {"scratch": words.scratch, "lost": backup_lost.lost(config, words.scratch)}


def swap(config: Config, ledger: Document, words: Namespace) -> Document:
    """Put a database in the place of the live one."""
    if words.expect_lost == "none":
        found = backup_lost.lost(config, words.scratch)
        if found:
            rows = ", ".join(f"{number} of {title}" for title, number in found.items())
            raise BackupError(f"rows would be lost: {rows}")
    done = backup_swap.swap(config, ledger, words.scratch, words.reason)
    backup_metrics.write(config, ledger)
    return done


def discard(config: Config, ledger: Document, words: Namespace) -> Document:
    """Drop a database that is beside the live one."""
    with connected(config) as cursor:
        return {"scratch": words.scratch, "dropped": backup_prune.discard(cursor, config, ledger, words.scratch)}


def prune(config: Config, ledger: Document, words: Namespace) -> Document:
    """Remove what is not kept."""
    done = backup_prune.prune(config, ledger, words.protect)
    backup_metrics.write(config, ledger)
    return done


def drill(config: Config, ledger: Document, words: Namespace) -> Document:
    """Prove that a backup can be restored."""
    return backup_drill.drill(config, ledger, words.source)


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 2)


CHANGING: dict[str, Command] = {
    "backup": backup,
    "verify": verify,
    "restore": restore,
    "lost": lost,
    "swap": swap,
    "discard": discard,
    "prune": prune,
    "drill": drill,
}
