# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client that keeps creating sessions and contexts, and knows what was acknowledged and when nothing was answered."""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

# Seconds for a connection and for an answer.
CONNECT, ANSWER = 2.0, 5.0


@dataclass(frozen=True)
class Row:
    """A row that the server said it has: its table and id, when it said so, and the version that did."""

    table: str
    id: str
    at: float
    version: str


@dataclass
class Silence:
    """An interval without an answer: from the request that failed first to the next answer."""

    begun: float
    ended: float | None = None

    def seconds(self) -> float:
        """How long it was, or has been."""
        return (self.ended or time.monotonic()) - self.begun


class NoAnswerError(Exception):
    """A request that was not answered, or with an error."""


@dataclass
class Writer:
    """It runs in a thread of its own from ``start`` to ``stop``."""

    port: int
    # Seconds between two rounds; each is a session and a context.
    pause: float = 0.1
    rows: list[Row] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    version: str = ""

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._ending = threading.Event()
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._work, name="writer")
        self._thread.start()

    def stop(self) -> None:
        """End; what was begun is waited for."""
        self._ending.set()
        self._thread.join()

    def answered_since(self, moment: float) -> float | None:
        """When the first row after a moment was acknowledged."""
        return next((row.at for row in list(self.rows) if row.at > moment), None)

    def _work(self) -> None:
        while not self._ending.is_set():
            begun = time.monotonic()
            try:
                self._round()
            except (OSError, ValueError, NoAnswerError):
                self._hang_up()
                if not self.silences or self.silences[-1].ended is not None:
                    self.silences.append(Silence(begun))
            self._ending.wait(self.pause)
        self._hang_up()

    def _round(self) -> None:
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self.port), timeout=CONNECT)
            self._connection.settimeout(ANSWER)
            self._lines = self._connection.makefile("r", encoding="utf-8")
            self.version = self._initialize()
        user = f"drill-{uuid.uuid4().hex}"
        session = self._call("session_new", user=user)["session"]["id"]
        self._acknowledged("sessions", session)
        content = f"what {user} said"
        context = self._call("context_store", user=user, session_id=session, content=content)["context"]["id"]
        self._acknowledged("contexts", context)

    def _acknowledged(self, table: str, row: str) -> None:
        now = time.monotonic()
        self.rows.append(Row(table, row, now, self.version))
        if self.silences and self.silences[-1].ended is None:
            self.silences[-1].ended = now

    def _initialize(self) -> str:
        client = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "drill", "version": "1"}}
        answer = self._ask({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client})
        return str(answer["result"]["serverInfo"]["version"])

    def _call(self, tool: str, **arguments: str) -> Any:
        answer = self._ask({"method": tool, "params": arguments})
        if "result" not in answer:
            raise NoAnswerError(str(answer))
        return answer["result"]

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self._connection is not None
        self._connection.sendall(json.dumps(message).encode() + b"\n")
        line = self._lines.readline()
        if not line.endswith("\n"):
            raise NoAnswerError("cut")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._lines.close()
            self._connection.close()
            self._connection = None
