# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL's protocol against a server of a few lines: logins, refusals, and what is no PostgreSQL at all."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils.pg_scram import Scram
from ansible_collections.ridgetop.aidis.plugins.module_utils.pg_wire import Login, RefusedError, query, session


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def error(severity: bytes, code: bytes, text: bytes) -> bytes:
    return message(b"E", b"S" + severity + b"\0V" + severity + b"\0C" + code + b"\0M" + text + b"\0Ddetail\0\0")


OK = message(b"R", struct.pack("!I", 0))
READY = message(b"K", b"\0" * 8) + message(b"S", b"server_version\x0017\0") + message(b"Z", b"I")
ROW = message(b"T", b"\0\0") + message(
    b"D", struct.pack("!Hi", 3, 2) + b"ab" + struct.pack("!i", -1) + struct.pack("!i", 0)
)
ROWS = ROW + message(b"C", b"SELECT 1\0") + message(b"Z", b"I")


@contextmanager
def server(*answers: bytes) -> Iterator[tuple[Login, list[bytes]]]:
    """Give one answer to each message of a client; what it sent is kept."""
    received: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _address = listener.accept()
        with connection:
            for answer in answers:
                received.append(connection.recv(4096))
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with listener:
        yield Login("127.0.0.1", listener.getsockname()[1], "user", "base", "pencil", seconds=5), received
    thread.join(5)


def test_an_answer() -> None:
    with server(OK + READY, ROWS) as (login, received):
        assert query(login, "SELECT 1") == [["ab", None, ""]]
    assert b"user\0user\0database\0base\0" in received[0] and b"SELECT 1\0" in received[1]


def test_a_session_outlives_a_refusal() -> None:
    refusal = error(b"ERROR", b"42P01", b'relation "x" does not exist') + message(b"Z", b"I")
    with server(OK + READY, refusal, ROWS) as (login, received), session(login) as asked:
        with pytest.raises(RefusedError, match="does not exist") as caught:
            asked.query("SELECT 1 FROM x")
        asked.renew()
        assert caught.value.code == "42P01" and asked.query("SELECT 2") == [["ab", None, ""]]
    assert b"SELECT 2\0" in received[2]


def test_a_password_in_the_clear_and_by_md5() -> None:
    with server(message(b"R", struct.pack("!I", 3)), OK + READY, ROWS) as (login, received):
        query(login, "SELECT 1")
    assert received[1].endswith(b"pencil\0")
    with server(message(b"R", struct.pack("!I", 5) + b"salt"), OK + READY, ROWS) as (login, received):
        query(login, "SELECT 1")
    assert received[1][5:8] == b"md5" and b"pencil" not in received[1]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (b"28P01", b'password authentication failed for user "user"'),
        (b"3D000", b'database "base" does not exist'),
        (b"53300", b"sorry, too many clients already"),
        (b"28000", b'no pg_hba.conf entry for host "10.0.0.7"'),
    ],
)
def test_a_refusal_at_the_login(code: bytes, text: bytes) -> None:
    with server(error(b"FATAL", code, text)) as (login, _received), pytest.raises(RefusedError) as refused:
        query(login, "SELECT 1")
    assert (refused.value.code, str(refused.value)) == (code.decode(), text.decode())
    assert "detail" not in str(refused.value)


def test_a_refusal_after_the_login() -> None:
    with (
        server(OK + error(b"FATAL", b"3D000", b"gone")) as (login, _received),
        pytest.raises(RefusedError, match="gone"),
    ):
        query(login, "SELECT 1")


def test_a_statement_that_fails() -> None:
    wrong = error(b"ERROR", b"42P01", b"no such table") + message(b"Z", b"I")
    with server(OK + READY, wrong) as (login, _received), pytest.raises(RefusedError, match="no such table"):
        query(login, "SELECT 1")


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"R\0\0\0\x01", b"R\xff\xff\xff\xff", b"\0" * 64, message(b"R", b"")],
)
def test_what_is_no_postgresql(answer: bytes) -> None:
    with server(answer) as (login, _received), pytest.raises(RefusedError):
        query(login, "SELECT 1")


def test_a_server_that_sends_a_byte_now_and_then() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _address = listener.accept()
        with connection, contextlib.suppress(OSError):
            for _byte in range(200):
                connection.sendall(b"R")
                time.sleep(0.02)

    threading.Thread(target=serve, daemon=True).start()
    login = Login("127.0.0.1", listener.getsockname()[1], "u", "d", "p", seconds=0.03)
    with listener, pytest.raises(RefusedError):
        query(login, "SELECT 1")


def test_nothing_listens() -> None:
    with pytest.raises(RefusedError, match="Connection refused"):
        query(Login("127.0.0.1", 1, "u", "d", "p", seconds=2), "SELECT 1")


def test_the_example_of_rfc_7677() -> None:
    scram = Scram("pencil", "rOprNGfwEbeRWgbNEkqO", "user")
    assert scram.first() == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    answer = scram.final(f"r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    assert answer == f"c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="


def test_the_password_is_not_shown() -> None:
    assert "pencil" not in repr(Login("h", 1, "u", "d", "pencil"))
