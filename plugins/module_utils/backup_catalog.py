# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a database holds: its tables and rows, sequences, schema and migrations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import postgres, schema_reader
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import Document
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import explained, login, rows, snapshot
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_fingerprint import fingerprint, migrations_digest
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_text import identifier

if postgres.PSYCOPG2_ERROR is None:
    from psycopg2 import sql

_SCHEMAS = """
SELECT nspname FROM pg_namespace
 WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY nspname COLLATE "C"
"""
# Partitions are counted with their root; what an extension brings along is its own affair.
_TABLES = """
SELECT n.nspname, c.relname, c.relkind = 'p',
       ARRAY(SELECT a.attname::text FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),
       ARRAY(SELECT a.atttypid::regtype::text FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),
       ARRAY(SELECT a.attname::text FROM pg_index i
               JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place) ON k.place <= i.indnkeyatts
               JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
              WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY k.place)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
                      AND e.objsubid = 0 AND e.deptype = 'e')
 ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""
_SEQUENCES = """
SELECT s.schemaname, s.sequencename, s.last_value, s.increment_by, s.cycle,
       CASE WHEN s.increment_by > 0 THEN s.max_value ELSE s.min_value END
  FROM pg_sequences s
 WHERE s.schemaname = ANY(%s)
   AND NOT EXISTS (SELECT FROM pg_depend e JOIN pg_class c ON c.oid = e.objid
                     JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE e.classid = 'pg_class'::regclass AND e.objsubid = 0 AND e.deptype = 'e'
                      AND n.nspname = s.schemaname AND c.relname = s.sequencename)
"""


@dataclass(frozen=True)
class Table:
    """A table, its columns with their types, and those of its primary key; ``key`` is empty where it has none."""

    schema: str
    name: str
    partitioned: bool
    columns: dict[str, str]
    key: tuple[str, ...]

    @property
    def title(self) -> str:
        """Schema and name as in SQL, quoted only where they must be."""
        return title(self.schema, self.name)

    @property
    def source(self) -> sql.Composable:
        """The table in a FROM: with its partitions, without the tables that inherit from it."""
        only = sql.SQL("" if self.partitioned else "ONLY ")
        return only + sql.Identifier(self.schema, self.name)


def title(schema: str, name: str) -> str:
    """A table or sequence as it stands in manifests and results."""
    return f"{identifier(schema)}.{identifier(name)}"


def schemas(cursor: Any, config: Config) -> list[str]:
    """The schemas that count: the configured ones, or all but the system's."""
    return list(config.schemas) or [name for (name,) in rows(cursor, _SCHEMAS)]


def tables(cursor: Any, names: Sequence[str]) -> Iterator[Table]:
    """The tables of schemas, in order of their names."""
    for schema, name, partitioned, columns, types, key in rows(cursor, _TABLES, (list(names),)):
        yield Table(schema, name, partitioned, dict(zip(columns, types, strict=True)), tuple(key))


def count(cursor: Any, table: Table) -> int:
    """How many rows a table has."""
    ((number,),) = rows(cursor, sql.SQL("SELECT count(*) FROM {}").format(table.source))
    return int(number)


def counts(cursor: Any, names: Sequence[str]) -> dict[str, int]:
    """Title -> rows of the tables of schemas."""
    return {table.title: count(cursor, table) for table in tables(cursor, names)}


def sequences(cursor: Any, names: Sequence[str]) -> Document:
    """Title -> last value (null: never used), increment, last possible value, whether it cycles; as of now."""
    return {
        title(schema, name): {"last": last, "increment": increment, "cycle": cycle, "limit": limit}
        for schema, name, last, increment, cycle, limit in rows(cursor, _SEQUENCES, (list(names),))
    }


def schema_of(config: Config, database: str, names: Sequence[str], exported: str | None = None) -> Document:
    """Fingerprint and migrations, in an exported snapshot or as of now. Raises BackupError.

    ``migrations_digest`` is empty where the configuration does not say where migrations are recorded.
    """
    with explained(database):
        place = config.recorded_in
        observed = schema_reader.read(login(config, database), list(names), place, None, exported)
    recorded = sorted(observed.recorded or [])
    return {
        "fingerprint": fingerprint(observed.schemas, observed.extensions),
        "migrations": recorded,
        "migrations_digest": "" if place is None else migrations_digest(recorded),
    }


def state(config: Config, database: str, counted: bool) -> Document:
    """What a database is now: fingerprint, migrations, and where asked for its rows. Raises BackupError."""
    with snapshot(config, database) as connection, connection.cursor() as cursor:
        names = schemas(cursor, config)
        ((exported,),) = rows(cursor, "SELECT pg_export_snapshot()")
        found = schema_of(config, database, names, exported)
        return {**found, "tables": counts(cursor, names) if counted else {}}
