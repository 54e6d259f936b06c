# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the schema of a live database in one read-only transaction."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import postgres, schema_queries
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_contract import Migrations
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_kinds import Document, Observed
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_queries_few import FEW
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_rows import Assembly, TornError, access

if postgres.PSYCOPG2_ERROR is None:
    import psycopg2
    from psycopg2 import sql

OLDEST = 140000
# Seconds to wait for a lock. Less than PostgreSQL's deadlock_timeout of 1 s: whoever waits for what is
# held here meanwhile goes on before the server would cancel one of the two.
_LOCK_WAIT = 0.5
_PAUSE = 0.05
# The transaction's begin and end, its settings, and a savepoint.
_FRAME = 4
# What is dropped meanwhile makes functions of the catalog fail so: internal error, undefined object
# of several sorts, serialization failure. And: lock not available, deadlock.
_TORN_CODES = ("XX000", "42P01", "42703", "42704", "42883", "40001", "55P03", "40P01")


def read(
    params: Mapping[str, Any],
    schemas: Sequence[str],
    migrations: Migrations | None,
    role: str | None,
    snapshot: str | None = None,
) -> Observed:
    """Read the schemas, for ``timeout`` seconds at most. Raises DatabaseError.

    It starts again where something was dropped while it was read, and where a lock is held by others.
    ``snapshot`` is one that another session exported and keeps: the database is read as that one sees it.
    """
    queries = 0
    end = time.monotonic() + params["timeout"]
    pause = 0.0
    while True:
        reader = None
        try:
            with _snapshot(params, snapshot) as (cursor, version):
                reader = _Reader(cursor, version, schemas, role)
                return reader.observed(migrations, queries + _FRAME + bool(params["session_role"]))
        except UnicodeError:
            raise postgres.DatabaseError("the database holds names or texts that are not UTF-8") from None
        except TornError:
            error = postgres.DatabaseError("the schema changes while it is read")
        except psycopg2.Error as failure:
            error = postgres.explained(failure)
            if error.code not in _TORN_CODES:
                raise error from None
        queries += _FRAME + reader.queries if reader else 0
        if time.monotonic() + pause > end:
            raise error
        time.sleep(pause)
        pause = min(pause + _PAUSE, _LOCK_WAIT)


@contextmanager
def _snapshot(params: Mapping[str, Any], snapshot: str | None) -> Iterator[tuple[Any, int]]:
    """A cursor that sees the database as it is now, or was, until the end, and the version of the server."""
    connection = psycopg2.connect(**postgres.libpq_parameters(params), client_encoding="utf8")
    try:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection, connection.cursor() as cursor:
            if snapshot is not None:
                # The first statement of a transaction, or none.
                cursor.execute("SET TRANSACTION SNAPSHOT %s", (snapshot,))
            if params["session_role"]:
                cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(params["session_role"])))
            limits = {"statement_timeout": params["timeout"], "lock_timeout": min(params["timeout"], _LOCK_WAIT)}
            settings = {name: str(max(1, int(seconds * 1000))) for name, seconds in limits.items()}
            settings.update(schema_queries.SETTINGS)
            call = sql.SQL(", ").join([sql.SQL("pg_catalog.set_config(%s, %s, true)")] * len(settings))
            cursor.execute(sql.SQL("SELECT {}").format(call), [part for pair in settings.items() for part in pair])
            cursor.execute("SAVEPOINT unlocked")
            yield cursor, connection.server_version
    finally:
        connection.close()


class _Reader:
    def __init__(self, cursor: Any, version: int, schemas: Sequence[str], role: str | None) -> None:
        self._cursor = cursor
        self._version = version
        self._role = role
        self._parameters: dict[str, Any] = {"schemas": list(schemas), "role": None}
        self.queries = 0

    def _rows(self, query: Any, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        self.queries += 1
        if isinstance(query, str):
            query = schema_queries.for_version(query, self._version)
        self._cursor.execute(query, {**self._parameters, **(parameters or {})})
        rows: list[tuple[Any, ...]] = self._cursor.fetchall()
        return rows

    def observed(self, migrations: Migrations | None, queries: int) -> Observed:
        """Read everything; ``queries`` were sent before."""
        if self._version < OLDEST:
            raise postgres.DatabaseError(f"PostgreSQL {self._version // 10000} is older than {OLDEST // 10000}")
        if self._role is not None:
            for (oid,) in self._rows(schema_queries.ROLE, {"name": self._role}):
                self._parameters["role"] = oid
        ((name, rights),) = self._rows(schema_queries.DATABASE)
        schemas = self._schemas()
        recorded, reason = None, ""
        if migrations is not None:
            recorded, reason = self._migrations(migrations)
        return Observed(
            name=name,
            schemas=schemas,
            extensions=self._extensions(),
            access={} if rights is None else {"access": access(rights)},
            role=self._role,
            role_exists=self._parameters["role"] is not None,
            recorded=recorded,
            unrecorded=reason,
            queries=queries + self.queries,
            server_version=self._version,
        )

    def _schemas(self) -> Document:
        assembly = Assembly(self._rows(schema_queries.SCHEMAS))
        assembly.relations(self._rows(schema_queries.RELATIONS))
        # Gives back what printing views has locked; nothing else is undone, for nothing was done.
        self._cursor.execute("ROLLBACK TO SAVEPOINT unlocked")
        self.queries += 1
        assembly.columns(self._rows(schema_queries.COLUMNS))
        assembly.constraints(self._rows(schema_queries.CONSTRAINTS))
        classes = dict(self._rows(schema_queries.OPERATOR_CLASSES))
        assembly.indexes(self._rows(schema_queries.INDEXES), classes)
        assembly.few(self._rows(FEW))
        return assembly.schemas

    def _extensions(self) -> Document:
        rows = self._rows(schema_queries.EXTENSIONS)
        # A version without a number cannot be compared with a minimum.
        return {
            name: {"schema": schema, **({"min_version": version} if re.search(r"\d", version) else {})}
            for name, version, schema in rows
        }

    def _migrations(self, wanted: Migrations) -> tuple[list[str] | None, str]:
        """The migrations recorded, in order of their text; None and why where they cannot be read."""
        place = {"schema": wanted.schema, "table": wanted.table, "column": wanted.column}
        rows = self._rows(schema_queries.MIGRATIONS, place)
        table, column, allowed = rows[0] if rows else (False, False, False)
        if not table:
            return None, "there is no such table"
        if not column:
            return None, "there is no such column"
        if not allowed:
            return None, "permission denied"
        name, home = sql.Identifier(wanted.column), sql.Identifier(wanted.schema, wanted.table)
        query = sql.SQL("SELECT DISTINCT {}::text FROM {} WHERE {} IS NOT NULL ORDER BY 1").format(name, home, name)
        return [text for (text,) in self._rows(query)], ""
