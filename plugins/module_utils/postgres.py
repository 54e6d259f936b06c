# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to PostgreSQL with the option names of community.postgresql, in bounded time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

PSYCOPG2_ERROR: ImportError | None = None
try:
    import psycopg2
    import psycopg2.sql
except ImportError as _error:
    PSYCOPG2_ERROR = _error

Result = TypeVar("Result")

APPLICATION_NAME = "ridgetop.aidis"
# A role's own limit is meant for an application. From the first statement on: one that lifts it would be under it.
SESSION = "-c statement_timeout=0"
SSL_MODES = ("allow", "disable", "prefer", "require", "verify-ca", "verify-full")

# Option -> parameter of libpq; an empty or absent option is left to libpq's own default.
_LIBPQ = {
    "login_host": "host",
    "login_port": "port",
    "login_user": "user",
    "login_password": "password",
    "login_db": "dbname",
    "ssl_mode": "sslmode",
    "ca_cert": "sslrootcert",
    "ssl_cert": "sslcert",
    "ssl_key": "sslkey",
    "connect_timeout": "connect_timeout",
}


class DatabaseError(Exception):
    """The database cannot be reached or refuses; ``code`` is the SQLSTATE, empty without one."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class LateError(DatabaseError):
    """The server no longer answers; what was asked may still be waited for in another thread."""


def argument_spec() -> dict[str, Any]:
    """The connection options, as in the doc fragment ``postgres``."""
    return {
        "login_host": {"type": "str", "default": "", "aliases": ["host"]},
        "login_port": {"type": "int", "default": 5432, "aliases": ["port"]},
        "login_unix_socket": {"type": "path", "default": "", "aliases": ["unix_socket"]},
        "login_user": {"type": "str", "default": "postgres", "aliases": ["login"]},
        "login_password": {"type": "str", "default": "", "no_log": True},
        "login_db": {"type": "str", "required": True, "aliases": ["db"]},
        "session_role": {"type": "str"},
        "ssl_mode": {"type": "str", "default": "prefer", "choices": list(SSL_MODES)},
        "ca_cert": {"type": "path", "aliases": ["ssl_rootcert"]},
        "ssl_cert": {"type": "path"},
        "ssl_key": {"type": "path"},
        "connect_timeout": {"type": "int", "default": 10},
        "timeout": {"type": "float", "default": 30.0},
    }


def libpq_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """Translate connection options for libpq. A socket counts where the host is empty or local."""
    found = {name: params[option] for option, name in _LIBPQ.items() if params[option] not in ("", None)}
    if params["login_unix_socket"] and params["login_host"] in ("", "localhost"):
        found["host"] = params["login_unix_socket"]
    return {**found, "application_name": APPLICATION_NAME, "options": SESSION}


def problem(params: Mapping[str, Any]) -> str:
    """What is wrong with the connection options, empty when nothing is."""
    if not 0 < params["login_port"] < 65536:
        return "login_port must be between 1 and 65535"
    if params["connect_timeout"] < 1 or params["timeout"] <= 0:
        return "connect_timeout must be at least 1 second and timeout above 0"
    return ""


@contextmanager
def transaction(params: Mapping[str, Any], read_only: bool) -> Iterator[Any]:
    """Connect and give a cursor in one read-committed transaction, committed at the end.

    Statements and waits for locks end after ``timeout`` seconds. Raises DatabaseError.
    """
    connection = None
    try:
        connection = psycopg2.connect(**libpq_parameters(params))
        connection.set_session(isolation_level="READ COMMITTED", readonly=read_only)
        with connection, connection.cursor() as cursor:
            milliseconds = str(max(1, int(params["timeout"] * 1000)))
            for setting in ("statement_timeout", "lock_timeout"):
                cursor.execute("SELECT pg_catalog.set_config(%s, %s, true)", (setting, milliseconds))
            if params["session_role"]:
                role = psycopg2.sql.Identifier(params["session_role"])
                cursor.execute(psycopg2.sql.SQL("SET LOCAL ROLE {}").format(role))
            yield cursor
    except psycopg2.Error as error:
        raise explained(error) from None
    finally:
        if connection is not None:
            connection.close()


def explained(error: Any) -> DatabaseError:
    """The primary message of an error: details are left out, for they quote rows."""
    text = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
    return DatabaseError(" ".join(text.split()) or type(error).__name__, error.pgcode or "")


def bounded(seconds: float, action: Callable[[], Result]) -> Result:
    """Run an action that may wait for a server for ever, for ``seconds`` at most.

    libpq and PostgreSQL have time limits of their own; this one is for a server that no longer
    keeps them. The abandoned action ends with the process. Raises LateError when late.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(action())
        except BaseException as error:  # noqa: BLE001 - carried to the caller, whatever it is
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise LateError(f"the server did not answer within {seconds:g} s")
    return results[0]
