# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections of ``aidis-database`` to the server on this host."""

from __future__ import annotations

import select
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import postgres
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config

if postgres.PSYCOPG2_ERROR is None:
    import psycopg2
    import psycopg2.extensions
    from psycopg2 import sql

MAINTENANCE = "postgres"
OLDEST = 140000
# A server's or database's own limits are meant for applications.
_OPTIONS = (
    "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0"
    " -c default_transaction_read_only=off -c default_transaction_isolation=read\\ committed -c search_path=pg_catalog"
    " -c row_security=off -c DateStyle=ISO,YMD -c IntervalStyle=postgres -c TimeZone=UTC -c extra_float_digits=1"
    " -c bytea_output=hex -c lc_monetary=C -c xmloption=content"
)


def interruptible() -> None:
    """Let signals through while a server is waited for; libpq alone would go on waiting."""
    psycopg2.extensions.set_wait_callback(_wait)


def _wait(connection: Any) -> None:
    while True:
        state = connection.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        reads = [connection.fileno()] if state == psycopg2.extensions.POLL_READ else []
        writes = [connection.fileno()] if state == psycopg2.extensions.POLL_WRITE else []
        select.select(reads, writes, [])


def login(config: Config, database: str) -> dict[str, Any]:
    """Connection options as the schema's reader takes them."""
    return {
        "login_host": "",
        "login_unix_socket": config.socket,
        "login_port": config.port or "",
        "login_user": config.user,
        "login_password": "",
        "login_db": database,
        "session_role": None,
        "ssl_mode": "",
        "ca_cert": None,
        "ssl_cert": None,
        "ssl_key": None,
        "connect_timeout": 10,
        # For reading the schema, waits for locks included.
        "timeout": float(config.wait or 30),
    }


def opened(config: Config, database: str) -> Any:
    """A connection in autocommit. Raises BackupError."""
    parameters = postgres.libpq_parameters(login(config, database))
    try:
        connection = psycopg2.connect(**{**parameters, "options": _OPTIONS}, client_encoding="utf8")
    except psycopg2.Error as error:
        raise BackupError(f"database {database}: {postgres.explained(error)}") from None
    connection.autocommit = True
    if connection.server_version < OLDEST:
        connection.close()
        raise BackupError(f"PostgreSQL {connection.server_version // 10000} is older than {OLDEST // 10000}")
    return connection


@contextmanager
def connected(config: Config, database: str = MAINTENANCE) -> Iterator[Any]:
    """A cursor in autocommit. Raises BackupError, also for what the server refuses inside."""
    connection = opened(config, database)
    try:
        with explained(database), connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


@contextmanager
def snapshot(config: Config, database: str) -> Iterator[Any]:
    """A connection that sees the database as it is now until the end, and writes nothing. Raises BackupError."""
    connection = opened(config, database)
    try:
        with explained(database):
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True, autocommit=False)
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                if connection.server_version >= 170000:
                    cursor.execute("SET LOCAL transaction_timeout = 0")
            yield connection
    finally:
        connection.close()


@contextmanager
def explained(database: str) -> Iterator[None]:
    """Turn errors of the server into BackupError, without the rows that their details quote."""
    try:
        yield
    except (psycopg2.Error, postgres.DatabaseError) as error:
        raise BackupError(f"database {database}: {_cause(error)}") from None
    except UnicodeError:
        raise BackupError(f"database {database} holds names or texts that are not UTF-8") from None


def _cause(error: BaseException) -> str:
    """The text of the first error: where a connection breaks, its transaction cannot be ended, which is another."""
    while isinstance(error.__context__, psycopg2.Error):
        error = error.__context__
    return str(error if isinstance(error, postgres.DatabaseError) else postgres.explained(error))


def rows(cursor: Any, query: Any, parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> list[Any]:
    """The rows of a query."""
    cursor.execute(query, parameters)
    found: list[Any] = cursor.fetchall()
    return found


def databases(cursor: Any) -> dict[str, int]:
    """Name -> oid of every database of the cluster."""
    return dict(rows(cursor, "SELECT datname, oid::int8 FROM pg_database"))


def drop(cursor: Any, name: str) -> None:
    """Drop a database, whoever uses it; one that is not there is no error."""
    cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
