# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of the system project in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.postgres import PSYCOPG2_ERROR
from ansible_collections.ridgetop.aidis.plugins.module_utils.project import (
    SHOWN,
    Column,
    ProjectError,
    Row,
    Wanted,
    literal,
)

if PSYCOPG2_ERROR is None:
    import psycopg2.errors
    from psycopg2 import sql

_TABLE = """
SELECT c.oid, c.relkind::pg_catalog.text
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %s AND c.relname = %s
"""

_COLUMNS = """
SELECT a.attname, pg_catalog.format_type(a.atttypid, NULL),
       a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> ''
  FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum
"""


class SqlStore:
    """A Store on a cursor; all errors of psycopg2 pass through."""

    def __init__(self, cursor: Any, wanted: Wanted) -> None:
        self._cursor = cursor
        self._wanted = wanted
        self._table = sql.Identifier(wanted.schema, wanted.table)
        self._name = sql.Identifier(wanted.name_column)

    def columns(self) -> list[Column] | None:
        """Read the catalog. Raises ProjectError for a view and the like."""
        self._cursor.execute(_TABLE, (self._wanted.schema, self._wanted.table))
        found = self._cursor.fetchone()
        if found is None:
            return None
        oid, kind = found
        if kind not in ("r", "p"):
            raise ProjectError(f"{self._wanted.where()} is not a table")
        self._cursor.execute(_COLUMNS, (oid,))
        return [Column(*row) for row in self._cursor.fetchall()]

    def rows(self) -> list[Row]:
        """Read the rows of the name, one more than ``SHOWN`` at most."""
        wanted = self._wanted
        query = sql.SQL("SELECT {}, {}, {} FROM {} WHERE {} = {} LIMIT {}").format(
            self._text(wanted.key),
            self._text(wanted.status_column),
            self._is_active(),
            self._table,
            self._name,
            sql.Literal(wanted.name),
            sql.Literal(SHOWN + 1),
        )
        self._cursor.execute(query)
        return [Row(*row) for row in self._cursor.fetchall()]

    def lock(self) -> None:
        """Wait for other runs of the module, then, where it is allowed, for all other writers."""
        self._cursor.execute("SELECT pg_catalog.pg_advisory_xact_lock(%s)", (self._wanted.lock_number(),))
        self._cursor.execute("SAVEPOINT before_lock")
        try:
            lock = sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(self._table)
            self._cursor.execute(lock)
        except psycopg2.errors.InsufficientPrivilege:
            # A role that may only insert; runs of the module still exclude each other.
            self._cursor.execute("ROLLBACK TO SAVEPOINT before_lock")

    def insert(self, values: Mapping[str, Any], random_key: bool) -> None:
        """Insert a row. Literals have no type of their own: each takes that of its column."""
        columns = [sql.Identifier(name) for name in values]
        literals: list[sql.Composable] = [sql.Literal(value) for value in values.values()]
        if random_key and self._wanted.key is not None:
            columns.append(sql.Identifier(self._wanted.key))
            literals.append(sql.SQL("pg_catalog.gen_random_uuid()"))
        query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            self._table, sql.SQL(", ").join(columns), sql.SQL(", ").join(literals)
        )
        self._cursor.execute(query)

    def activate(self) -> None:
        """Set the status."""
        if self._wanted.status_column is None:
            return
        query = sql.SQL("UPDATE {} SET {} = {} WHERE {} = {}").format(
            self._table,
            sql.Identifier(self._wanted.status_column),
            self._active_value(),
            self._name,
            sql.Literal(self._wanted.name),
        )
        self._cursor.execute(query)

    def _active_value(self) -> sql.Composable:
        return sql.Literal(literal(self._wanted.active_value))

    def _is_active(self) -> sql.Composable:
        if self._wanted.status_column is None:
            return sql.SQL("true")
        return sql.SQL("{} IS NOT DISTINCT FROM {}").format(
            sql.Identifier(self._wanted.status_column), self._active_value()
        )

    @staticmethod
    def _text(column: str | None) -> sql.Composable:
        if column is None:
            return sql.SQL("NULL")
        return sql.SQL("{}::pg_catalog.text").format(sql.Identifier(column))
