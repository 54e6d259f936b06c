# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Databases of many tables, all of one kind: 8 columns, 3 indexes, a primary and a foreign key each."""

from __future__ import annotations

from ansible_collections.ridgetop.aidis.tests.integration.clusters import Cluster
from psycopg2 import sql

_TABLE = """
CREATE TABLE t{n} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent bigint REFERENCES t{parent} (id) ON DELETE CASCADE,
    name varchar(63) NOT NULL,
    status text NOT NULL DEFAULT 'active',
    amount numeric(12, 2) NOT NULL DEFAULT 0,
    tags text[] NOT NULL DEFAULT '{{}}',
    payload jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX t{n}_parent ON t{n} (parent);
CREATE INDEX t{n}_name ON t{n} (lower(name), created_at DESC);
CREATE UNIQUE INDEX t{n}_active ON t{n} (name) WHERE status = 'active';
"""
# One transaction holds a lock on each of its tables.
_BATCH = 200


def create(cluster: Cluster, database: str, tables: int) -> None:
    """Make a database with so many tables."""
    connection = cluster.connect()
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    connection.close()
    connection = cluster.connect(database)
    with connection.cursor() as cursor:
        for start in range(0, tables, _BATCH):
            numbers = range(start, min(start + _BATCH, tables))
            cursor.execute("".join(_TABLE.format(n=n, parent=max(n - 1, 0)) for n in numbers))
        cursor.execute("ANALYZE")
    connection.close()
