# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a database can come back from: a backup, or a database that a swap put aside."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.ridgetop.aidis.plugins.module_utils import backup_ledger, backup_manifest, backup_names
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, Document, now, written
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config

BACKUP, DATABASE = "backup", "database"
NEWEST = "newest"


@dataclass(frozen=True)
class Source:
    """A backup by its id, or a database by its name, and the moment it is of."""

    kind: str
    id: str
    at: str

    def as_dict(self) -> Document:
        """As it is returned."""
        return {"kind": self.kind, "id": self.id, "at": self.at}


def backup(config: Config, ledger: Document, wanted: str) -> Source:
    """The backup of an id, or the newest one that was proved. Raises BackupError."""
    if wanted == NEWEST:
        entry = backup_ledger.newest(ledger, config.directory)
        return Source(BACKUP, entry["id"], entry["at"])
    if not backup_names.is_id(wanted):
        raise BackupError(f"'{wanted}' is no id of a backup")
    found = backup_ledger.backup(ledger, wanted)
    if found is None or not os.path.isdir(os.path.join(config.directory, wanted)):
        raise BackupError(f"there is no backup {wanted} in {config.directory}")
    return Source(BACKUP, wanted, found["at"])


def prove(config: Config, ledger: Document, version: int, backup_id: str) -> Document:
    """Prove a backup and return its manifest. Raises BackupError; the ledger says of a damaged one that it is."""
    home = os.path.join(config.directory, backup_id)
    entry = backup_ledger.backup(ledger, backup_id) or {}
    try:
        manifest = backup_manifest.read_as(home, entry["manifest_sha256"])
        backup_manifest.prove(config, version, home, manifest)
    except backup_manifest.DamagedError as error:
        entry["proved_at"], entry["damage"] = None, str(error)
        backup_ledger.write(config.directory, ledger)
        raise
    entry["proved_at"], entry["damage"] = written(now()), None
    backup_ledger.write(config.directory, ledger)
    return manifest


def named(config: Config, ledger: Document, existing: Iterable[str], wanted: str) -> Source:
    """The source that a person names. Raises BackupError where there is none of the name."""
    if wanted == NEWEST or backup_names.is_id(wanted):
        return backup(config, ledger, wanted)
    for source in replaced(config, ledger, existing):
        if source.id == wanted:
            return source
    there = there_is(config, ledger, existing)
    raise BackupError(f"'{wanted}' is neither a backup nor a database that was replaced; {there}")


def replaced(config: Config, ledger: Document, existing: Iterable[str]) -> list[Source]:
    """The databases that a swap put aside, newest first; by their names, too, for a ledger may be lost."""
    known = {one["replaced"]: one["at"] for one in ledger["swaps"]}
    names = [name for name in existing if backup_names.is_beside(name, config.database, backup_names.REPLACED)]
    found = [Source(DATABASE, name, known.get(name) or backup_names.at(name)) for name in names]
    return sorted(found, key=lambda source: (source.at, source.id), reverse=True)


def there_is(config: Config, ledger: Document, existing: Iterable[str]) -> str:
    """What there is to come back from, for a message."""
    backups = [f"{one['id']} ({one['fingerprint'][:10]})" for one in backup_ledger.proved(ledger, config.directory)]
    names = [source.id for source in replaced(config, ledger, existing)]
    return f"there are the backups {', '.join(backups) or 'none'} and the databases {', '.join(names) or 'none'}"
