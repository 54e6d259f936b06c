# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``plan``: must the database come back, from where, and what would be lost; changes nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    backup_catalog,
    backup_ledger,
    backup_manifest,
    backup_source,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, Document
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import connected, databases
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_source import BACKUP, Source

NONE, AUTO = "none", "auto"


@dataclass(frozen=True)
class Wanted:
    """The schema to come back to; an empty digest of migrations counts for every one."""

    fingerprint: str
    digest: str = ""

    def fits(self, found: Document) -> bool:
        """Whether a database or a backup has that schema."""
        digest = found["migrations_digest"]
        return found["fingerprint"] == self.fingerprint and (not self.digest or digest == self.digest)


def plan(config: Config, ledger: Document, wanted: Wanted, wish: str) -> Document:
    """What a rollback would do. ``lost`` is an estimate by the numbers of rows. Raises BackupError."""
    with connected(config) as cursor:
        existing = list(databases(cursor))
    live = backup_catalog.state(config, config.database, counted=True) if config.database in existing else None
    shown = {name: live[name] for name in ("fingerprint", "migrations_digest")} if live else None
    nothing: Document = {"needed": False, "source": None, "lost": {}, "live": shown}
    if wish == NONE:
        return {**nothing, "why": "no source was asked for"}
    if wish == AUTO and not wanted.fingerprint:
        raise BackupError(
            "the ledger does not say which schema that release had, so no backup can be chosen for it; name one with"
            " --source (rollback_database), or keep the database with none"
        )
    # A source may be named with the schema before something failed: then it is for the case that this was changed.
    if wanted.fingerprint and live and wanted.fits(live):
        return {**nothing, "why": "the database has the schema already"}
    source = (
        _chosen(config, ledger, wanted, existing)
        if wish == AUTO
        else backup_source.named(config, ledger, existing, wish)
    )
    if wish != AUTO:
        why = "the source was named"
    else:
        why = "the database has another schema" if live else "there is no database"
    lost = _fewer(live["tables"] if live else {}, _rows(config, source), config)
    return {**nothing, "needed": True, "why": why, "source": source.as_dict(), "lost": lost}


def _chosen(config: Config, ledger: Document, wanted: Wanted, existing: list[str]) -> Source:
    """The newest source with the schema. Raises BackupError that lists what there is."""
    backups = [Source(BACKUP, one["id"], one["at"]) for one in backup_ledger.proved(ledger, config.directory)]
    candidates = [*backups, *backup_source.replaced(config, ledger, existing)]
    for source in sorted(candidates, key=lambda one: one.at, reverse=True):
        if source.kind == BACKUP:
            found = backup_ledger.backup(ledger, source.id) or {}
        else:
            found = backup_catalog.state(config, source.id, counted=False)
        if wanted.fits(found):
            return source
    text = f"nothing to come back from has the schema {wanted.fingerprint}"
    raise BackupError(f"{text}; {backup_source.there_is(config, ledger, existing)}")


def _rows(config: Config, source: Source) -> dict[str, int]:
    if source.kind == BACKUP:
        found: dict[str, int] = backup_manifest.read(os.path.join(config.directory, source.id))["tables"]
        return found
    tables: dict[str, int] = backup_catalog.state(config, source.id, counted=True)["tables"]
    return tables


def _fewer(live: dict[str, int], theirs: dict[str, int], config: Config) -> dict[str, int]:
    """Rows that one has more than the other, by table; those of migrations do not count."""
    place = config.recorded_in
    left_out = backup_catalog.title(place.schema, place.table) if place else ""
    more = {title: number - theirs.get(title, 0) for title, number in live.items() if title != left_out}
    return {title: number for title, number in more.items() if number > 0}
