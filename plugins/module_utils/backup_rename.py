# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The renames of a swap, and the sessions that are in their way."""

from __future__ import annotations

import threading
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import postgres
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, Document, say
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import MAINTENANCE, opened

if postgres.PSYCOPG2_ERROR is None:
    import psycopg2
    from psycopg2 import sql

# A rename waits 5 s for sessions to end (CountOtherDBBackends); then it is tried again, this often.
_TRIES = 4
_PAUSE = 0.05
# Seconds for the statement that ends sessions, on a server that does not answer any more.
_PATIENCE = 10
# Object in use, lock not available, deadlock.
_AGAIN = ("55006", "55P03", "40P01")
_DRAIN = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datid::int8 = ANY(%s) AND pid <> pg_backend_pid()
"""


def rename(config: Config, entry: Document) -> None:
    """Carry out a planned swap, in one transaction, while sessions are ended. Raises BackupError."""
    for attempt in range(1, _TRIES + 1):
        try:
            _try(config, entry)
            return
        except psycopg2.Error as error:
            if error.pgcode not in _AGAIN or attempt == _TRIES:
                raise BackupError(f"{config.database} cannot be renamed: {postgres.explained(error)}") from None
            say(f"sessions do not end, trying again: {postgres.explained(error)}")


def _try(config: Config, entry: Document) -> None:
    drain, connection = opened(config, MAINTENANCE), opened(config, MAINTENANCE)
    done = threading.Event()
    thread = threading.Thread(target=_drain, args=(drain, [oid for oid in entry["oids"] if oid], done), daemon=True)
    try:
        connection.autocommit = False
        thread.start()
        with connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '10s'")
            for statement in _statements(config.database, entry):
                cursor.execute(statement)
    finally:
        done.set()
        thread.join(_PATIENCE)
        connection.close()
        drain.close()


def _statements(database: str, entry: Document) -> list[sql.Composable]:
    rename, limit = sql.SQL("ALTER DATABASE {} RENAME TO {}"), sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
    live, source = sql.Identifier(database), sql.Identifier(entry["source"])
    aside = []
    if entry["replaced"] is not None:
        replaced = sql.Identifier(entry["replaced"])
        aside = [rename.format(live, replaced), limit.format(replaced, sql.Literal(0))]
    return [*aside, rename.format(source, live), limit.format(live, sql.Literal(entry["new_limit"]))]


def _drain(connection: Any, oids: list[int], done: threading.Event) -> None:
    """End the sessions of databases until told that it is enough; new ones wait for the rename, and then fail."""
    try:
        with connection.cursor() as cursor:
            while not done.is_set():
                cursor.execute(_DRAIN, (oids,))
                done.wait(_PAUSE)
    except psycopg2.Error as error:
        say(f"sessions are not ended any more: {postgres.explained(error)}")
