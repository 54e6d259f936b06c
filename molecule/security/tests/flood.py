# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on a machine: flood.py HOST PORT TRANSPORT WAY SECONDS treats a port badly and prints what came of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

MEGABYTE = 1024 * 1024
CALL = b'{"method":"project_list"}\n'
GET = b"GET %s HTTP/1.1\r\nHost: flood\r\n\r\n"
CHUNK = b"100000\r\n" + b"x" * MEGABYTE + b"\r\n"
POST = b"POST /mcp HTTP/1.1\r\nHost: flood\r\nContent-Type: application/json\r\n"
# The beginning of TLS; what is in it does not matter.
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Work = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

done: Counter[str] = Counter()


async def stay() -> None:
    """Stay until the end, which cancels it."""
    await asyncio.Event().wait()


async def connected(host: str, port: int, work: Work) -> None:
    """One connection that does something and then stays."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        done["refused"] += 1
        return
    done["opened"] += 1
    try:
        await work(reader, writer)
        await stay()
    except OSError:
        done["cut"] += 1
    finally:
        writer.transport.abort()


async def send(writer: asyncio.StreamWriter, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        done["sent"] += len(piece)


def sends(*pieces: bytes, times: int = 1) -> Work:
    """Send something, and read what is answered, if anything is."""

    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            await send(writer, pieces)
        if await reader.read(1):
            done["answered"] += 1

    return work


def half_closes(request: bytes) -> Work:
    """Ask, close this side, and read nothing."""

    async def work(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await send(writer, [request])
        writer.write_eof()

    return work


def never_reads(request: bytes) -> Work:
    """Ask on and on, and read nothing."""

    async def work(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        while True:
            await send(writer, [request * 100])

    return work


def drips(text: bytes) -> Work:
    """Send a byte a second."""

    async def work(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            for byte in text:
                await send(writer, [bytes([byte])])
                await asyncio.sleep(1)

    return work


def noise(count: int) -> list[Work]:
    """Bytes as if by chance, the same in every run."""
    return [sends(hashlib.shake_256(b"%d" % number).digest(1 + 20 * number) + b"\n") for number in range(count)]


MALFORMED = [
    b"",
    b"\n" * 5000,
    b"\x00" * 5000 + b"\n",
    b"\xff\xfe\xfd\n",
    b"{\n",
    b"null\n",
    b"[]\n",
    b"[" * 400_000 + b"\n",
    b'{"a":' * 100_000 + b"\n",
    b'{"method":"project_list","params":' + b"9" * 100_000 + b"}\n",
    b'{"jsonrpc":"2.0","id":{},"method":[]}\n',
    b'{"method":"__proto__"}\n{"method":"constructor","params":{"__proto__":{"x":1}}}\n',
    b"[" + b",".join([b'{"method":"project_list"}'] * 5000) + b"]\n",
    HELLO,
]
WAYS: dict[str, dict[str, list[Work]]] = {
    "lines": {
        "many": [sends(CALL)] * 400 + [half_closes(CALL * 10)] * 100 + [never_reads(CALL)] * 50,
        "large": [sends(b"x" * MEGABYTE, times=50)] * 16 + [sends(b"x" * 1_000_000)] * 200,
        "slow": [drips(CALL)] * 50,
        "malformed": [*map(sends, MALFORMED), sends(GET % b"/"), sends(POST + b"\r\n"), *noise(200)],
    },
    "http": {
        "many": [sends(GET % b"/healthz")] * 400
        + [half_closes(GET % b"/readyz")] * 100
        + [never_reads(GET % b"/healthz")] * 50,
        "large": [
            *[sends(b"GET / HTTP/1.1\r\nX: ", b"x" * MEGABYTE, times=50)] * 16,
            *[sends(b"GET /" + b"x" * MEGABYTE)] * 16,
            *[sends(POST + b"Content-Length: 52428800\r\n\r\n", *[b"x" * MEGABYTE] * 50)] * 16,
            *[sends(POST + b"Transfer-Encoding: chunked\r\n\r\n", *[b"100000\r\n" + b"x" * MEGABYTE + b"\r\n"] * 50)]
            * 16,
            *[sends(POST + b"Content-Length: 1000001\r\n\r\n", b"x" * 1_000_000)] * 100,
        ],
        "slow": [drips(GET % b"/")] * 50 + [drips(POST + b"Content-Length: 100\r\n\r\n" + b"x" * 90)] * 50,
        "malformed": [
            *map(sends, MALFORMED),
            *[sends(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body) for body in MALFORMED],
            sends(POST + b"Content-Length: -1\r\nContent-Length: 7\r\n\r\n"),
            sends(POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nZZ\r\n"),
            sends(b"GET / HTTP/9.9\r\n\r\n"),
            sends(b"G\x00T /\r\n\r\n"),
            *noise(200),
        ],
    },
}


async def flood(host: str, port: int, works: list[Work], seconds: float) -> None:
    """Do it all at once, and end it some seconds after the last connection."""
    tasks = [asyncio.create_task(connected(host, port, work)) for work in works]
    for _ in range(300):
        if done["opened"] + done["refused"] == len(works):
            break
        await asyncio.sleep(0.1)
    _, left = await asyncio.wait(tasks, timeout=seconds)
    done["stayed"] = len(left)
    for task in left:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def main() -> None:
    """Read the command line, and do it."""
    host, port, transport, way, seconds = sys.argv[1:]
    works = WAYS[transport][way]
    # More at once than the listener of any server keeps waiting.
    assert len(works) < socket.SOMAXCONN
    asyncio.run(flood(host, int(port), works, float(seconds)))
    print(json.dumps({"asked": len(works), **done}))


main()
