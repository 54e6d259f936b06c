# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""As much of PostgreSQL's protocol 3.0 as a login and a few queries need, with Python's standard library alone.

An application host has neither psql nor psycopg2, and it is from there that the database has to be tried. The password
stays in memory: it is in no command line and in no environment.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ansible_collections.ridgetop.aidis.plugins.module_utils.pg_scram import Scram

# The longest message that is read, in bytes.
LONGEST = 1 << 20
# Login, and query: that many times the limit of a step is all that a session may take.
STEPS = 2
PROTOCOL, TLS_REQUEST = 196608, 80877103
OK, CLEARTEXT, MD5, SASL, SASL_CONTINUE, SASL_FINAL = 0, 3, 5, 10, 11, 12
SCRAM = "SCRAM-SHA-256"

Rows = list[list[str | None]]


class RefusedError(Exception):
    """There was no answer to the query; ``code`` is the SQLSTATE, empty where the server said nothing."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Login:
    """Where to log in, and as whom; ``tls`` is None for a connection without, ``seconds`` the limit of each step."""

    host: str
    port: int
    user: str
    database: str
    password: str = field(repr=False)
    tls: ssl.SSLContext | None = None
    seconds: float = 5.0


def query(login: Login, statement: str) -> Rows:
    """The rows of one statement. Raises RefusedError."""
    with session(login) as asked:
        return asked.query(statement)


@contextmanager
def session(login: Login) -> Iterator[Session]:
    """One login for several statements. Raises RefusedError, for what is done within, too."""
    try:
        with socket.create_connection((login.host, login.port), login.seconds) as plain:
            made = Session(_secured(plain, login), login)
            made.begin()
            yield made
            made.end()
    except ssl.SSLError as error:
        raise RefusedError(f"TLS: {error.reason or error}") from None
    except OSError as error:
        raise RefusedError(error.strerror or str(error) or type(error).__name__) from None
    except (ValueError, IndexError, struct.error) as error:
        raise RefusedError(f"what answers there is no PostgreSQL: {error}") from None


def _secured(plain: socket.socket, login: Login) -> socket.socket:
    if login.tls is None:
        return plain
    plain.sendall(struct.pack("!II", 8, TLS_REQUEST))
    if plain.recv(1) != b"S":
        raise RefusedError("the server offers no TLS")
    return login.tls.wrap_socket(plain, server_hostname=login.host)


class Session:
    """One connection."""

    def __init__(self, connection: socket.socket, login: Login) -> None:
        self._connection = connection
        self._login = login
        # The socket's own limit begins anew with each byte; this one does not.
        self._end = time.monotonic() + STEPS * login.seconds

    def begin(self) -> None:
        """Log in. Raises RefusedError, ValueError and OSError."""
        names = {"user": self._login.user, "database": self._login.database, "application_name": "ridgetop.aidis"}
        told = b"".join(f"{name}\0{value}\0".encode() for name, value in names.items()) + b"\0"
        self._connection.sendall(struct.pack("!II", len(told) + 8, PROTOCOL) + told)
        self._authenticate()
        self._until_ready()

    def query(self, statement: str) -> Rows:
        """The rows of one statement; the session outlives a refusal. Raises RefusedError, ValueError and OSError."""
        self._send(b"Q", statement.encode() + b"\0")
        return self._until_ready()

    def renew(self) -> None:
        """Give what follows as much time as a session has."""
        self._end = time.monotonic() + STEPS * self._login.seconds

    def end(self) -> None:
        """Take leave. Raises OSError."""
        self._send(b"X", b"")

    def _authenticate(self) -> None:
        """Answer what the server asks for. Raises RefusedError."""
        scram: Scram | None = None
        while True:
            kind, body = self._receive()
            if kind == b"E":
                raise _error(body)
            if kind != b"R":
                raise ValueError(f"message {kind!r} instead of an authentication")
            (asked,) = struct.unpack("!I", body[:4])
            if asked == OK:
                return
            if asked == CLEARTEXT:
                self._send(b"p", self._login.password.encode() + b"\0")
            elif asked == MD5:
                self._send(b"p", _md5(self._login, body[4:8]) + b"\0")
            elif asked == SASL and SCRAM.encode() in body[4:].split(b"\0"):
                scram = Scram(self._login.password)
                first = scram.first().encode()
                self._send(b"p", SCRAM.encode() + b"\0" + struct.pack("!I", len(first)) + first)
            elif asked == SASL_CONTINUE and scram:
                self._send(b"p", scram.final(body[4:].decode()).encode())
            elif asked != SASL_FINAL:
                raise RefusedError(f"the server asks for an authentication of another kind ({asked})")

    def _until_ready(self) -> Rows:
        """Read until the server waits for a query; the rows that come. Raises RefusedError."""
        rows: Rows = []
        errors: list[RefusedError] = []
        while True:
            kind, body = self._receive()
            if kind == b"E":
                errors.append(_error(body))
                if b"VFATAL" in body.split(b"\0"):
                    raise errors[-1]
            elif kind == b"D":
                rows.append(_row(body))
            elif kind == b"Z":
                if errors:
                    raise errors[0]
                return rows

    def _send(self, kind: bytes, body: bytes) -> None:
        self._connection.sendall(kind + struct.pack("!I", len(body) + 4) + body)

    def _receive(self) -> tuple[bytes, bytes]:
        head = self._exactly(5)
        (size,) = struct.unpack("!I", head[1:])
        if not 4 <= size <= LONGEST:
            raise ValueError(f"a message of {size} bytes")
        return head[:1], self._exactly(size - 4)

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            if time.monotonic() > self._end:
                raise RefusedError(f"no whole answer within {STEPS * self._login.seconds:g} s")
            part = self._connection.recv(size - len(found))
            if not part:
                raise RefusedError("the server closed the connection")
            found += part
        return found


def _error(body: bytes) -> RefusedError:
    """The error in a message: its primary text only, since details quote rows."""
    fields = {part[:1]: part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}
    return RefusedError(fields.get(b"M", "an error without a text"), fields.get(b"C", ""))


def _row(body: bytes) -> list[str | None]:
    (count,) = struct.unpack("!H", body[:2])
    row: list[str | None] = []
    at = 2
    for _column in range(count):
        (size,) = struct.unpack("!i", body[at : at + 4])
        at += 4
        row.append(None if size < 0 else body[at : at + size].decode("utf-8", "replace"))
        at += max(size, 0)
    return row


def _md5(login: Login, salt: bytes) -> bytes:
    """The answer that servers before scram-sha-256 ask for; MD5 is theirs to choose."""
    inner = hashlib.md5((login.password + login.user).encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()
