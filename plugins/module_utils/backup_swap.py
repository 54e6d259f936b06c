# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``swap``: another database takes the name of the live one, which stays beside it, in one transaction."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    backup_ledger,
    backup_names,
    backup_rename,
    backup_sequences,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, Document, now, say, written
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import connected, databases, rows

_PAUSE = 0.05
# Seconds for the transaction of a run that was killed to end on the server.
_SETTLE = 30
_LIMIT = "SELECT datconnlimit FROM pg_database WHERE datname = %s"
_BUSY = """
SELECT 1 FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass
   AND objid::int8 = ANY(%s) AND mode = 'AccessExclusiveLock'
"""


def swap(config: Config, ledger: Document, name: str, reason: str) -> Document:
    """Give a database the name of the live one; what was live keeps its rows, closed to all but superusers.

    What is written to the live database before is in the replaced one, and nothing is after. Raises BackupError; the
    database of the name is then the one before, or the new one, and the ledger says which.
    """
    begun = time.monotonic()
    with connected(config) as cursor:
        entry = _plan(cursor, config, ledger, name, reason)
    if entry["replaced"] is not None:
        backup_sequences.advance(config, name)
    ledger["swaps"].append(entry)
    backup_ledger.write(config.directory, ledger)
    failure: BaseException | None = None
    try:
        backup_rename.rename(config, entry)
    except BaseException as error:
        failure = error
        raise
    finally:
        _finish(config, ledger, failure)
    return {"database": config.database, "replaced": entry["replaced"], "seconds": round(time.monotonic() - begun, 2)}


def _finish(config: Config, ledger: Document, failure: BaseException | None) -> None:
    """Write what became of it, without hiding why it failed."""
    try:
        with connected(config) as cursor:
            complete(cursor, config, ledger)
        backup_ledger.write(config.directory, ledger)
    except (BackupError, OSError) as error:
        if failure is None:
            raise
        say(f"the next run completes the ledger: {error}")


def _plan(cursor: Any, config: Config, ledger: Document, name: str, reason: str) -> Document:
    """What is about to be done, by the databases' oids, so that a later run can tell whether it was."""
    there, at = databases(cursor), now()
    scratch = backup_ledger.scratch(ledger, name)
    former = next((one for one in ledger["swaps"] if one["replaced"] == name), None)
    if scratch is None and not backup_names.is_beside(name, config.database, backup_names.REPLACED):
        raise BackupError(f"{name} was neither restored nor replaced, so it does not become {config.database}")
    if name not in there or (scratch is not None and scratch["state"] != backup_ledger.READY):
        raise BackupError(f"there is no database {name} that is whole")
    live = config.database in there
    limit = rows(cursor, _LIMIT, (config.database,))[0][0] if live else -1
    newest = backup_ledger.proved(ledger, config.directory)[:1]
    return {
        "at": written(at),
        "state": backup_ledger.PLANNED,
        "source": name,
        "replaced": backup_names.beside(config.database, backup_names.REPLACED, at, there) if live else None,
        "oids": [there.get(config.database), there[name]],
        # Of the replaced one, for when it comes back.
        "limit": limit,
        "new_limit": scratch["limit"] if scratch else former["limit"] if former else limit,
        "reason": reason,
        "backups": sorted({one["id"] for one in newest} | ({scratch["source"]} if scratch else set())),
        "gone_at": None,
    }


def complete(cursor: Any, config: Config, ledger: Document) -> bool:
    """Find out what became of planned swaps; whether there were any. Raises BackupError."""
    planned = [one for one in ledger["swaps"] if one["state"] == backup_ledger.PLANNED]
    for entry in planned:
        _await(cursor, [oid for oid in entry["oids"] if oid])
        if databases(cursor).get(config.database) == entry["oids"][1]:
            entry["state"] = backup_ledger.DONE
            backup_ledger.without_scratch(ledger, entry["source"])
            for one in ledger["swaps"]:
                if one["replaced"] == entry["source"]:
                    one["gone_at"] = entry["at"]
        else:
            ledger["swaps"].remove(entry)
    return bool(planned)


def _await(cursor: Any, oids: list[int]) -> None:
    """Wait for the end of a rename whose client is gone: it may yet be committed."""
    end = time.monotonic() + _SETTLE
    while rows(cursor, _BUSY, (oids,)):
        if time.monotonic() > end:
            raise BackupError("another session still renames the database")
        time.sleep(_PAUSE)
