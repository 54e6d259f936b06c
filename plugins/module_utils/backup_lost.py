# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rows the live database has and another has not: exact, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import backup_catalog, postgres
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_catalog import Table
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import connected, databases, snapshot

if postgres.PSYCOPG2_ERROR is None:
    from psycopg2 import sql

# From a table as it stands in FROM to a query on it.
Select = Callable[[Any], Any]

# Rows that travel at once.
_BATCH = 5000
# Types that the server orders as Python does, so that an index on a key serves.
_ORDERED = ("smallint", "integer", "bigint", "uuid")


def lost(config: Config, source: str) -> dict[str, int]:
    """Title of a table -> rows of the live database that are not in the database ``source``; only where there are.

    Rows are the same when their primary key is; without one, when all columns that both have are equal. The table
    of migrations does not count. Raises BackupError.
    """
    with connected(config) as cursor:
        if config.database not in databases(cursor):
            return {}
    with snapshot(config, config.database) as live, snapshot(config, source) as other:
        theirs = {(table.schema, table.name): table for table in _tables(config, other)}
        found = {}
        for table in _tables(config, live):
            if not _of_migrations(config, table):
                found[table.title] = _missing(live, other, table, theirs.get((table.schema, table.name)))
    return {title: number for title, number in found.items() if number}


def _tables(config: Config, connection: Any) -> list[Table]:
    with connection.cursor() as cursor:
        return list(backup_catalog.tables(cursor, backup_catalog.schemas(cursor, config)))


def _count(connection: Any, table: Table) -> int:
    with connection.cursor() as cursor:
        return backup_catalog.count(cursor, table)


def _of_migrations(config: Config, table: Table) -> bool:
    place = config.recorded_in
    return place is not None and (table.schema, table.name) == (place.schema, place.table)


def _missing(live: Any, other: Any, table: Table, twin: Table | None) -> int:
    """How many rows of a table the other database has not; an equal one counts as often as it is there."""
    if twin is None:
        return _count(live, table)
    keyed = bool(table.key) and set(table.key) <= set(twin.columns)
    columns = table.key if keyed else tuple(name for name in table.columns if name in twin.columns)
    if not columns:
        return max(0, _count(live, table) - _count(other, twin))
    select = _select(columns, keyed, [(table.columns[name], twin.columns[name]) for name in columns])
    number = 0
    with closing(_keys(other, twin, select)) as theirs, closing(_keys(live, table, select)) as ours:
        candidate = next(theirs, None)
        for key in ours:
            while candidate is not None and candidate < key:
                candidate = next(theirs, None)
            if candidate == key:
                candidate = next(theirs, None)
            else:
                number += 1
    return number


def _select(columns: tuple[str, ...], keyed: bool, types: list[tuple[str, str]]) -> Select:
    """A query for what tells a row from others, in an order that is Python's as well."""
    names = [sql.Identifier(name) for name in columns]
    if keyed and all(one == other and one in _ORDERED for one, other in types):
        plain = sql.SQL(", ").join(names)
        return lambda table: sql.SQL("SELECT {} FROM {} ORDER BY {}").format(plain, table, plain)
    text: sql.Composable = sql.SQL("{}::text").format(names[0])
    if not keyed or len(columns) > 1:
        parts = [sql.SQL("quote_nullable({}::text)").format(name) for name in names]
        text = sql.SQL("concat_ws(',', {})").format(sql.SQL(", ").join(parts))
    if not keyed:
        # A whole row may be long.
        text = sql.SQL("encode(sha256(convert_to({}, 'UTF8')), 'hex')").format(text)
    # Bytewise in UTF-8, which is the order of Python's text.
    query = sql.SQL("SELECT k FROM (SELECT {} AS k FROM {}) keys ORDER BY convert_to(k, 'UTF8')")
    return lambda table: query.format(text, table)


def _keys(connection: Any, table: Table, select: Select) -> Generator[Any, None, None]:
    """The rows of a query on a table, a batch at a time."""
    with connection.cursor(name="aidis_keys") as cursor:
        cursor.itersize = _BATCH
        cursor.execute(select(table.source))
        yield from cursor
