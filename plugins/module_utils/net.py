# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TCP, TLS and HTTP where every step ends at a deadline and every answer is bounded in size.

The standard library's time-outs start again with each byte received, so a peer that sends one byte
a second holds a client for ever; here a deadline is a point in time.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


class NetError(Exception):
    """The connection cannot be used (any more): refused, late, closed, too much, not the protocol."""


class Deadline:
    """A point in time, ``seconds`` from now, that no later deadline made from it can exceed."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    def __str__(self) -> str:
        return f"{round(self.seconds, 2):g} s"

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._end - self._clock())

    def passed(self) -> bool:
        """Whether there is no time left."""
        return self.remaining() <= 0

    def within(self, seconds: float) -> Deadline:
        """A deadline ``seconds`` from now, or this one's end where that is earlier."""
        return Deadline(min(seconds, self.remaining()), self._clock)


@dataclass(frozen=True)
class Endpoint:
    """Where to connect: a host and port, with TLS unless ``tls`` is None."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def tls_context(validate_certs: bool = True, ca_path: str | None = None) -> ssl.SSLContext:
    """Make a client's TLS context. Raises NetError when ``ca_path`` cannot be read."""
    try:
        context = ssl.create_default_context(cafile=ca_path)
    except (OSError, ssl.SSLError) as error:
        raise NetError(f"cannot read the CA certificates in {ca_path}: {error}") from None
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Stream:
    """A connected socket; ``begin`` sets the deadline and the size limit of the next answer."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._deadline = Deadline(0)
        self._budget = 0
        self._limit = 0
        self.reader = io.BufferedReader(_Raw(self))

    def begin(self, deadline: Deadline, max_bytes: int) -> None:
        """Start an exchange that ends at ``deadline`` and whose answer has at most ``max_bytes``."""
        self._deadline = deadline
        self._budget = self._limit = max_bytes

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``. Raises NetError."""
        try:
            self._sock.settimeout(self._time_left())
            self._sock.sendall(data)
        except OSError as error:
            raise self._explained(error) from None

    def read_into(self, buffer: memoryview) -> int:
        """Receive into ``buffer``; 0 at the end of the stream. Raises NetError."""
        if self._budget <= 0:
            raise NetError(f"the answer is larger than {self._limit} bytes (max_answer_bytes)")
        try:
            self._sock.settimeout(self._time_left())
            count = self._sock.recv_into(buffer[: self._budget])
        except OSError as error:
            raise self._explained(error) from None
        self._budget -= count
        return count

    def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Go on in TLS with the server ``name``. Raises ssl.SSLError, OSError."""
        self._sock.settimeout(max(self._deadline.remaining(), 0.001))
        self._sock = context.wrap_socket(self._sock, server_hostname=name)

    def close(self) -> None:
        """Close the connection; never fails."""
        try:
            self._sock.close()
        except OSError:
            return

    def _time_left(self) -> float:
        left = self._deadline.remaining()
        if left <= 0:
            raise NetError(f"no answer within {self._deadline}")
        return left

    def _explained(self, error: OSError) -> NetError:
        if isinstance(error, TimeoutError):
            return NetError(f"no answer within {self._deadline}")
        return NetError(f"the connection broke: {error.strerror or error}")


class _Raw(io.RawIOBase):
    """A Stream as a raw file, for the buffering and parsing of the standard library."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._stream.read_into(memoryview(buffer))


def connect(endpoint: Endpoint, deadline: Deadline) -> Stream:
    """Connect, with the TLS handshake where wanted. Raises NetError naming the endpoint."""
    try:
        return Stream(_connected(endpoint, deadline))
    except ssl.SSLError as error:
        raise tls_error(endpoint, error) from None
    except TimeoutError:
        message = f"no connection to {endpoint} within {deadline}"
        raise NetError(message) from None
    except OSError as error:
        message = f"cannot connect to {endpoint}: {error.strerror or error}"
        raise NetError(message) from None


def tls_error(endpoint: Endpoint, error: ssl.SSLError) -> NetError:
    """Say why a TLS handshake failed."""
    detail = getattr(error, "verify_message", "") or error.reason or error
    return NetError(f"TLS with {endpoint} failed: {detail}")


def _connected(endpoint: Endpoint, deadline: Deadline) -> socket.socket:
    problem: OSError = TimeoutError()
    for family, kind, protocol, _name, address in _addresses(endpoint, deadline):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(deadline.remaining(), 0.001))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if endpoint.tls is None:
                return sock
            return endpoint.tls.wrap_socket(sock, server_hostname=endpoint.host)
        except OSError as error:
            sock.close()
            problem = error
    raise problem


def _addresses(endpoint: Endpoint, deadline: Deadline) -> list[tuple[Any, ...]]:
    """Resolve in a thread, for the resolver knows no deadline."""
    found: list[tuple[Any, ...]] = []
    problems: list[OSError] = []

    def resolve() -> None:
        try:
            found.extend(socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            problems.append(error if isinstance(error, OSError) else OSError(str(error)))

    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(deadline.remaining())
    if problems:
        raise problems[0]
    if not found:
        raise TimeoutError
    return list(found)


class HttpConnection:
    """One connection that is kept for several requests where the server allows it."""

    def __init__(
        self,
        endpoint: Endpoint,
        connect_timeout: float,
        max_bytes: int,
        connector: Callable[[Endpoint, Deadline], Stream] = connect,
    ) -> None:
        self.endpoint = endpoint
        self._connect_timeout = connect_timeout
        self._max_bytes = max_bytes
        self._connector = connector
        self._stream: Stream | None = None
        self._unread: http.client.HTTPResponse | None = None

    def prepare(self, deadline: Deadline) -> Stream:
        """Have a connection that is ready for a request. Raises NetError."""
        if self._unread is not None and not self._drained(self._unread, deadline):
            self.close()
        self._unread = None
        if self._stream is None:
            self._stream = self._connector(self.endpoint, deadline.within(self._connect_timeout))
        return self._stream

    def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline: Deadline,
    ) -> http.client.HTTPResponse:
        """Send a request and read the answer's head. Raises NetError."""
        stream = self.prepare(deadline)
        stream.begin(deadline, self._max_bytes)
        connection = http.client.HTTPConnection(self.endpoint.host, self.endpoint.port)
        if self.endpoint.tls is not None:
            connection.default_port = 443
        connection.sock = _Lent(stream)
        try:
            connection.request(method, target, body=body, headers=dict(headers))
        except NetError:
            self.close()
            raise
        except (http.client.HTTPException, ValueError):
            # The reason would quote the header, and a header may be a secret.
            self.close()
            raise NetError("cannot be sent: a header or the path holds a bad character") from None
        response: http.client.HTTPResponse = self._guarded(connection.getresponse)
        self._unread = response
        return response

    def read(self, response: http.client.HTTPResponse) -> bytes:
        """Read the whole body of an answer. Raises NetError."""
        body: bytes = self._guarded(response.read)
        self._settled(response)
        return body

    def read_line(self, response: http.client.HTTPResponse) -> bytes:
        """Read one line of a body, empty at its end. Raises NetError."""
        line: bytes = self._guarded(response.readline)
        return line

    def close(self) -> None:
        """Close the connection; a later request opens a new one."""
        if self._stream is not None:
            self._stream.close()
        self._stream = None
        self._unread = None

    def _drained(self, response: http.client.HTTPResponse, deadline: Deadline) -> bool:
        """Whether the rest of an answer that was not read to its end could be read quickly."""
        if self._stream is None:
            return False
        self._stream.begin(deadline.within(0.25), self._max_bytes)
        try:
            self.read(response)
        except NetError:
            return False
        return self._stream is not None

    def _settled(self, response: http.client.HTTPResponse) -> None:
        self._unread = None
        if response.will_close:
            self.close()

    def _guarded(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except NetError:
            self.close()
            raise
        except http.client.RemoteDisconnected:
            self.close()
            raise NetError("the server closed the connection without an answer") from None
        except http.client.IncompleteRead:
            self.close()
            raise NetError("the server closed the connection half way through its answer") from None
        except (http.client.HTTPException, ValueError) as error:
            self.close()
            raise NetError(f"the answer is not HTTP: {excerpt(str(error))}") from None


class _Lent:
    """What http.client needs of a socket, without the right to close it."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def sendall(self, data: bytes) -> None:
        self._stream.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self._stream))

    def close(self) -> None:
        return


def excerpt(text: str | bytes, limit: int = 200) -> str:
    """At most ``limit`` characters of an answer, on one line, for a message."""
    if isinstance(text, bytes):
        text = text[: limit * 4].decode("utf-8", "replace")
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: limit * 4]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
