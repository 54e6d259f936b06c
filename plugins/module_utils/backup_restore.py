# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``restore``: a backup becomes a database beside the live one, which is proved to be what it was."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    backup_catalog,
    backup_ledger,
    backup_manifest,
    backup_names,
    backup_programs,
    backup_properties,
    backup_source,
    postgres,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, Document, now, say, written
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import (
    connected,
    databases,
    drop,
    rows,
    snapshot,
)

if postgres.PSYCOPG2_ERROR is None:
    from psycopg2 import sql

# How many differences a message tells.
_TOLD = 10


def restore(config: Config, ledger: Document, backup_id: str) -> str:
    """Restore a backup and return the name of the new database, which is in the ledger, too.

    Raises BackupError, also where the new database is not what the manifest says; then it is gone again.
    """
    home = os.path.join(config.directory, backup_id)
    with connected(config) as cursor:
        version = cursor.connection.server_version
        _fits(backup_ledger.backup(ledger, backup_id) or {}, version)
        manifest = backup_source.prove(config, ledger, version, backup_id)
        missing = backup_properties.missing(cursor, version, manifest["properties"])
        if missing:
            raise BackupError(f"backup {backup_id} needs what this cluster has not: {', '.join(missing)}")
        at = now()
        name = backup_names.beside(config.database, backup_names.RESTORE, at, databases(cursor))
        entry = {"name": name, "source": backup_id, "at": written(at), "state": backup_ledger.MAKING}
        entry["limit"] = manifest["properties"]["connection_limit"]
        ledger["scratches"].append(entry)
        backup_ledger.write(config.directory, ledger)
        try:
            backup_properties.create(cursor, version, name, manifest["properties"])
            say(f"{backup_id} is restored as {name}")
            _fill(config, version, name, home, manifest)
            backup_properties.give(cursor, name, manifest["properties"])
            _prove(config, name, manifest)
        except BaseException:
            _undo(config, ledger, name)
            raise
    entry["state"] = backup_ledger.READY
    backup_ledger.write(config.directory, ledger)
    return name


def _undo(config: Config, ledger: Document, name: str) -> None:
    """Drop what was made; the next run does where this one cannot."""
    try:
        with connected(config) as cursor:
            drop(cursor, name)
        backup_ledger.without_scratch(ledger, name)
        backup_ledger.write(config.directory, ledger)
    except (BackupError, OSError) as error:
        say(f"{name} stays until the next run: {error}")


def _fits(entry: Document, version: int) -> None:
    """Raise BackupError where this server is too old for the backup, whose format it may not even know."""
    major, own = entry["server_version"] // 10000, version // 10000
    if major > own:
        raise BackupError(f"backup {entry['id']} is of PostgreSQL {major} and cannot go into the older {own}")


def _fill(config: Config, version: int, name: str, home: str, manifest: Document) -> None:
    with connected(config, name) as cursor:
        _extensions(cursor, manifest["properties"]["extensions"])
        words = [*backup_programs.command(config, version, "pg_restore"), *backup_programs.connection(config, name)]
        dump = os.path.join(home, backup_manifest.DUMPS[manifest["format"]])
        backup_programs.run([*words, "--exit-on-error", f"--jobs={config.jobs}", dump])
        cursor.execute("ANALYZE")


def _extensions(cursor: Any, wanted: Document) -> None:
    """Make extensions in the version they had, where there still is that one and the schema is there already.

    The others are made by pg_restore, in the version that is new here.
    """
    versions = set(rows(cursor, "SELECT name, version FROM pg_available_extension_versions"))
    present = {name for (name,) in rows(cursor, "SELECT nspname FROM pg_namespace")}
    text = sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {} VERSION {} CASCADE")
    for name, one in wanted.items():
        if one["schema"] in present and (name, one["version"]) in versions:
            names = (sql.Identifier(name), sql.Identifier(one["schema"]), sql.Literal(one["version"]))
            cursor.execute(text.format(*names))


def _prove(config: Config, name: str, manifest: Document) -> None:
    """Raise BackupError with what is not as the manifest says."""
    found = backup_catalog.schema_of(config, name, manifest["schemas"])
    faults = []
    if found["fingerprint"] != manifest["fingerprint"]:
        faults.append(f"the schema's fingerprint is {found['fingerprint']} instead of {manifest['fingerprint']}")
    with snapshot(config, name) as connection, connection.cursor() as cursor:
        counted = backup_catalog.counts(cursor, manifest["schemas"])
        sequences = backup_catalog.sequences(cursor, manifest["schemas"])
    for title in sorted({*counted, *manifest["tables"]}):
        have, want = counted.get(title), manifest["tables"].get(title)
        if have != want:
            faults.append(f"{title} has {_rows(have)} instead of {_rows(want)}")
    faults += [fault for title, want in manifest["sequences"].items() for fault in _behind(title, sequences, want)]
    if faults:
        more = f" and {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
        raise BackupError(f"backup {manifest['id']} was not restored as it was: {'; '.join(faults[:_TOLD])}{more}")


def _rows(number: int | None) -> str:
    return "no table" if number is None else f"{number} rows"


def _behind(title: str, sequences: Document, want: Document) -> list[str]:
    """A sequence that would give values again; the manifest's is read before the dump's, so it may be ahead."""
    have = sequences.get(title)
    if have is None:
        return [f"sequence {title} is missing"]
    if want["last"] is None or want["cycle"]:
        return []
    forward = 1 if want["increment"] > 0 else -1
    if have["last"] is None or (have["last"] - want["last"]) * forward < 0:
        return [f"sequence {title} is at {have['last']} instead of {want['last']}"]
    return []
