# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``backup``: one snapshot, dumped, described, proved, and only then recorded."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    backup_catalog,
    backup_environment,
    backup_ledger,
    backup_manifest,
    backup_names,
    backup_programs,
    backup_properties,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import (
    BackupError,
    Document,
    now,
    save,
    say,
    written,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import rows, snapshot
from ansible_collections.ridgetop.aidis.plugins.module_utils.whole_file import sync_directory

GLOBALS = "globals.sql"
PART = ".part"


def make(config: Config, ledger: Document, given: Document) -> Document:
    """Make a backup and record it; ``given`` has its reason, release and author. Returns its manifest.

    Raises BackupError and OSError; then there is no backup, and those before are as they were.
    """
    begun, at = time.monotonic(), now()
    taken = {one["id"] for one in ledger["backups"]} | set(os.listdir(config.directory))
    backup_id = backup_names.backup_id(at, given["reason"], taken)
    part, home = part_of(config, backup_id), os.path.join(config.directory, backup_id)
    os.mkdir(part, 0o700)
    try:
        found = _content(config, part)
        found["environment"] = backup_environment.add(config, part)
        found |= {"schema": backup_manifest.SCHEMA, "id": backup_id, "at": written(at), **given}
        found["files"] = backup_manifest.settle(part)
        found["bytes"] = sum(one["bytes"] for one in found["files"].values())
        say(f"{backup_id}: {found['bytes']} bytes written, now reading them again")
        backup_manifest.prove(config, found["server_version"], part, found)
        found["seconds"] = round(time.monotonic() - begun, 2)
        save(os.path.join(part, backup_manifest.FILE_NAME), found)
        os.rename(part, home)
        sync_directory(config.directory)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    digest = backup_manifest.digest(os.path.join(home, backup_manifest.FILE_NAME))
    ledger["backups"].append(backup_ledger.entry(found, digest, written(now())))
    backup_ledger.write(config.directory, ledger)
    return found


def part_of(config: Config, backup_id: str) -> str:
    """Where a backup is while it is not one yet."""
    return os.path.join(config.directory, f".{backup_id}{PART}")


def remove_parts(config: Config, kept: Collection[str] = ()) -> list[str]:
    """Remove what runs that were killed left in the directory; return the names."""
    removed = []
    for name in os.listdir(config.directory):
        whole = name.removeprefix(".").removesuffix(PART)
        if name.endswith(PART) and backup_names.is_id(whole) and name not in kept:
            shutil.rmtree(os.path.join(config.directory, name))
            removed.append(name)
    return removed


def _content(config: Config, part: str) -> Document:
    """Write dump and roles; what the database is at the moment of the dump."""
    with snapshot(config, config.database) as connection, connection.cursor() as cursor:
        version = connection.server_version
        names = backup_catalog.schemas(cursor, config)
        # Before the dump reads them, for sequences know no snapshot: its values are these or later ones.
        found: Document = {"database": config.database, "server_version": version, "schemas": names}
        found |= {"format": config.format, "sequences": backup_catalog.sequences(cursor, names)}
        ((exported,),) = rows(cursor, "SELECT pg_export_snapshot()")
        dump = backup_programs.Program(_dump(config, version, exported, part))
        try:
            found["properties"] = backup_properties.read(cursor, version, config.database)
            found |= backup_catalog.schema_of(config, config.database, names, exported)
            found["tables"] = _counts(cursor, names, dump)
            dump.wait()
        except BackupError:
            if dump.ended():
                # What broke the dump is told, rather than what broke because of it.
                dump.wait()
            raise
        finally:
            dump.stop()
    if config.globals:
        words = [*backup_programs.command(config, version, "pg_dumpall"), *backup_programs.connection(config)]
        target = f"--file={os.path.join(part, GLOBALS)}"
        backup_programs.run([*words, "--globals-only", "--no-role-passwords", target])
    return found


def _counts(cursor: Any, names: list[str], dump: backup_programs.Program) -> dict[str, int]:
    """Rows of the tables while the dump runs; not to the end when it has failed."""
    found = {}
    for table in backup_catalog.tables(cursor, names):
        found[table.title] = backup_catalog.count(cursor, table)
        if dump.ended():
            dump.wait()
    return found


def _dump(config: Config, version: int, exported: str, part: str) -> list[str]:
    words = [*backup_programs.command(config, version, "pg_dump")]
    words += backup_programs.connection(config, config.database)
    words += [f"--format={config.format}", f"--snapshot={exported}", "--no-sync"]
    words += [f"--lock-wait-timeout={max(1, config.wait)}s"]
    words += [f"--jobs={config.jobs}"] if config.format == "directory" else []
    words += [f"--compress={config.compress}"] if config.compress else []
    return [*words, f"--file={os.path.join(part, backup_manifest.DUMPS[config.format])}"]
