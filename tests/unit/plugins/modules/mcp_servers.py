# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small real servers for mcp_probe, good ones and bad ones, on free ports of the loopback."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Line = Callable[[socket.socket, Any], None]


class Mcp:
    """An MCP server's answers, and a record of what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.live: set[str] = set()
        self._ids = itertools.count(1)
        self.failures_left = 0

    def calls(self, tool: str) -> list[dict[str, Any]]:
        params = [m["params"] for m in self.asked if m.get("method") == "tools/call"]
        return [p["arguments"] for p in params if p["name"] == tool]

    def answer(self, message: dict[str, Any]) -> dict[str, Any] | None:
        self.asked.append(message)
        if "id" not in message:
            return None
        shape: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        method, params = message.get("method"), message.get("params", {})
        if method == "initialize":
            info = {"name": "reference", "version": "1.2.3"}
            return {**shape, "result": {"protocolVersion": "2025-03-26", "serverInfo": info}}
        if method == "tools/list":
            return {**shape, "result": self._page(params.get("cursor"))}
        if method == "tools/call":
            return {**shape, **self._called(params["name"], params["arguments"])}
        return {**shape, "error": {"code": -32601, "message": "Method not found"}}

    @staticmethod
    def _page(cursor: str | None) -> dict[str, Any]:
        if cursor is None:
            return {"tools": [{"name": "ping"}, {"name": "session_new"}], "nextCursor": "2"}
        return {"tools": [{"name": "session_end"}]}

    def _called(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if self.failures_left > 0:
            self.failures_left -= 1
            return {"error": {"code": -32000, "message": "starting"}}
        if tool == "session_new":
            name = f"s{next(self._ids)}"
            self.live.add(name)
            return _text(json.dumps({"session": {"id": name, "title": arguments.get("title")}}))
        if tool == "session_end":
            if arguments.get("session_id") not in self.live:
                return _text("no such session", is_error=True)
            self.live.remove(arguments["session_id"])
            return _text("ended")
        if tool == "ping":
            return _text("pong")
        return _text(f"tool {tool} is broken", is_error=True)


def _text(text: str, is_error: bool = False) -> dict[str, Any]:
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}]}
    return {"result": {**result, "isError": True} if is_error else result}


class LineServer(socketserver.ThreadingTCPServer):
    """Hands each connection to a function; everything is closed when the test ends."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self.connections = 0
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer.connections += 1
                with contextlib.suppress(OSError):
                    behave(self.request)

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


def lines(mcp: Mcp) -> Callable[[socket.socket], None]:
    """Answer JSON-RPC lines; a notification and an empty line precede each answer."""

    def behave(connection: socket.socket) -> None:
        note = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
        for line in connection.makefile("rb"):
            message = json.loads(line)
            if "jsonrpc" not in message:
                reply: Any = {"result": {"tools": [message["method"]]}}
            else:
                reply = mcp.answer(message)
            if reply is not None:
                connection.sendall(f"{note}\n\n{json.dumps(reply)}\n".encode())

    return behave


Serve = Callable[[Callable[[socket.socket], None]], LineServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that behave as told."""
    with contextlib.ExitStack() as stack:

        def start(behave: Callable[[socket.socket], None]) -> LineServer:
            server = LineServer(behave)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return server

        yield start


class HttpServer(ThreadingHTTPServer):
    """Serves /readyz, MCP on /mcp and one POST per tool on /tools/<name>."""

    daemon_threads = True

    def __init__(self, mcp: Mcp) -> None:
        super().__init__(("127.0.0.1", 0), _HttpHandler)
        self.mcp = mcp
        self.events = False
        self.keep_open = threading.Event()
        self.headers_seen: list[dict[str, str]] = []
        self.deleted: list[str] = []
        self.connections = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


class _HttpHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HttpServer

    def log_message(self, *_args: Any) -> None:
        return

    def _send(self, status: int, body: bytes, kind: str = "application/json", **more: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path == "/readyz":
            self._send(200, b'{"status": "ready", "checks": {"db.main": {"up": true}}}')
        else:
            self._send(503, b'{"error": "not ready"}')

    def do_DELETE(self) -> None:
        self.server.deleted.append(self.headers["Mcp-Session-Id"])
        self._send(200, b"")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.headers_seen.append(dict(self.headers.items()))
        if self.path.startswith("/tools/"):
            self._plain(self.path.rpartition("/")[2], body)
            return
        session = self.headers["Mcp-Session-Id"]
        if body["method"] != "initialize" and session != "abc":
            self._send(400, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no session"}}')
            return
        answer = self.server.mcp.answer(body)
        if answer is None:
            self._send(202, b"")
        elif self.server.events:
            self._stream(answer)
        else:
            self._send(200, json.dumps(answer).encode(), Mcp_Session_Id="abc")

    def _plain(self, tool: str, body: Any) -> None:
        if tool == "broken":
            self._send(200, b'{"success": true, "result": {"isError": true, "content": []}}')
        elif tool == "refused":
            self._send(200, b'{"success": false, "reason": "no project"}')
        else:
            self._send(200, json.dumps({"success": True, "result": {"tool": tool, "got": body}}).encode())

    def _stream(self, answer: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Mcp-Session-Id", "abc")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        note = {"jsonrpc": "2.0", "method": "notifications/progress"}
        text = json.dumps(answer, indent=1).replace("\n", "\ndata: ")
        for part in (": hello\n\n", f"event: message\ndata: {json.dumps(note)}\n\n", f"data: {text}\n\n"):
            self.wfile.write(f"{len(part):x}\r\n{part}\r\n".encode())
        self.wfile.flush()
        if self.server.keep_open.is_set():
            threading.Event().wait(20)
        self.wfile.write(b"0\r\n\r\n")


@pytest.fixture
def mcp() -> Mcp:
    return Mcp()


@pytest.fixture
def web(mcp: Mcp) -> Iterator[HttpServer]:
    """A good HTTP server."""
    server = HttpServer(mcp)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
