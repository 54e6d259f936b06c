# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients of an MCP server: newline-delimited JSON-RPC, streamable HTTP, and a plain POST per tool.

Source: the MCP specification, revisions 2024-11-05 to 2025-11-25, "Transports" and "Lifecycle".
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.ridgetop.aidis.plugins.module_utils.answers import (
    AnswerError,
    fill,
    plain_result,
    rpc_result,
    shown,
    tool_result,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.net import (
    Deadline,
    Endpoint,
    HttpConnection,
    NetError,
    Stream,
    connect,
    excerpt,
)

PROTOCOL_VERSION = "2025-06-18"
MAX_PAGES = 100


@dataclass(frozen=True)
class Settings:
    """How to talk to a server; times in seconds, sizes in bytes."""

    endpoint: Endpoint
    connect_timeout: float = 5.0
    answer_timeout: float = 10.0
    max_answer_bytes: int = 4 * 1024 * 1024
    path: str = "/mcp"
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None
    initialize: bool = True
    envelope: str = "tools_call"
    body: Any = None

    def http_headers(self) -> dict[str, str]:
        """The headers of every HTTP request."""
        headers = {"Accept": "application/json", "User-Agent": "ridgetop.aidis"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return {**headers, **self.headers}


@dataclass
class Server:
    """What a server says of itself."""

    name: str = ""
    version: str = ""
    protocol: str = ""


class Session(Protocol):
    """A conversation with one server."""

    server: Server | None

    def prepare(self, deadline: Deadline) -> None:
        """Connect and shake hands where that is still to do. Raises NetError, AnswerError."""

    def call(self, tool: str, arguments: dict[str, Any], deadline: Deadline) -> Any:
        """Call a tool and return its result. Raises NetError, AnswerError."""

    def tools(self, deadline: Deadline) -> list[str]:
        """Names of the tools that the server offers. Raises NetError, AnswerError."""

    def close(self) -> None:
        """End the session; never fails."""


class RpcSession:
    """What the two JSON-RPC transports share: the handshake, calls, the list of tools."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.server: Server | None = None
        self._id = 0

    def exchange(self, message: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Send a request and return the answer with its id."""
        raise NotImplementedError

    def notify(self, message: dict[str, Any], deadline: Deadline) -> None:
        """Send a message that has no answer."""
        raise NotImplementedError

    def request(self, method: str, params: dict[str, Any] | None, deadline: Deadline) -> Any:
        """Call a method and return its result. Raises NetError, AnswerError."""
        self._id += 1
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": self._id, "method": method}
        if params is not None:
            message["params"] = params
        limited = deadline.within(self.settings.answer_timeout)
        return rpc_result(self.exchange(message, limited))

    def handshake(self, deadline: Deadline) -> None:
        """Initialize the session. Raises AnswerError when the server does not know how."""
        offer = {
            "protocolVersion": PROTOCOL_VERSION,
            "capabilities": {},
            "clientInfo": {"name": "ridgetop.aidis.mcp_probe", "version": "0.1.0"},
        }
        try:
            result = self.request("initialize", offer, deadline)
        except AnswerError as error:
            raise AnswerError(f"initialize: {error}") from None
        if not isinstance(result, Mapping) or "protocolVersion" not in result:
            raise AnswerError(f"initialize: no protocolVersion in {shown(result)}")
        info = result.get("serverInfo")
        info = info if isinstance(info, Mapping) else {}
        self.server = Server(
            excerpt(str(info.get("name", ""))),
            excerpt(str(info.get("version", ""))),
            excerpt(str(result["protocolVersion"])),
        )
        self.notify({"jsonrpc": "2.0", "method": "notifications/initialized"}, deadline)

    def call(self, tool: str, arguments: dict[str, Any], deadline: Deadline) -> Any:
        """Call a tool by ``tools/call`` or, by setting, by a method of its name."""
        if self.settings.envelope == "method":
            return tool_result(self.request(tool, arguments, deadline))
        params = {"name": tool, "arguments": arguments}
        result = tool_result(self.request("tools/call", params, deadline))
        if not isinstance(result, Mapping):
            raise AnswerError(f"the result of a tool is not an object: {shown(result)}")
        return result

    def tools(self, deadline: Deadline) -> list[str]:
        """List the tools, page by page."""
        names: list[str] = []
        cursor: Any = None
        for _page in range(MAX_PAGES):
            params = {} if cursor is None else {"cursor": cursor}
            result = self.request("tools/list", params, deadline)
            if not isinstance(result, Mapping) or not isinstance(result.get("tools"), list):
                raise AnswerError(f"tools/list: no list of tools in {shown(result)}")
            names += [str(tool["name"]) for tool in result["tools"] if isinstance(tool, Mapping) and "name" in tool]
            cursor = result.get("nextCursor")
            if cursor is None:
                return names
        raise AnswerError(f"tools/list: more than {MAX_PAGES} pages")


class LineSession(RpcSession):
    """JSON-RPC over TCP, one message a line."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._stream: Stream | None = None

    def prepare(self, deadline: Deadline) -> None:
        """Connect and, by setting, initialize."""
        if self._stream is None:
            limited = deadline.within(self.settings.connect_timeout)
            self._stream = connect(self.settings.endpoint, limited)
            if self.settings.initialize and self.settings.envelope != "bare":
                with self._broken_closed():
                    self.handshake(deadline)

    def call(self, tool: str, arguments: dict[str, Any], deadline: Deadline) -> Any:
        """Call a tool; ``bare`` is a line with only a method, whose answer is any one line."""
        if self.settings.envelope != "bare":
            return super().call(tool, arguments, deadline)
        message: dict[str, Any] = {"method": tool}
        if arguments:
            message["params"] = arguments
        limited = deadline.within(self.settings.answer_timeout)
        self.notify(message, limited)
        return plain_result(self._received())

    def notify(self, message: dict[str, Any], deadline: Deadline) -> None:
        """Send one line."""
        if self._stream is None:
            raise NetError("not connected")
        self._stream.begin(deadline, self.settings.max_answer_bytes)
        with self._broken_closed():
            self._stream.sendall(json.dumps(message).encode() + b"\n")

    def exchange(self, message: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Send a request; pass over notifications and the server's own requests until its answer."""
        self.notify(message, deadline)
        while True:
            received = self._received()
            for answer in _answers(received, message["id"]):
                return answer

    def close(self) -> None:
        """Close the connection."""
        if self._stream is not None:
            self._stream.close()
        self._stream = None

    def _received(self) -> Any:
        if self._stream is None:
            raise NetError("not connected")
        with self._broken_closed():
            line = b"\n"
            while line in (b"\n", b"\r\n"):
                line = self._stream.reader.readline()
            if not line:
                raise NetError("the server closed the connection without an answer")
            if not line.endswith(b"\n"):
                raise NetError("the server closed the connection half way through its answer")
            return _parsed(line)

    def _broken_closed(self) -> _CloseOnError:
        return _CloseOnError(self)


class HttpSession(RpcSession):
    """MCP's streamable HTTP: each message a POST, answered by JSON or by a stream of events."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._connection = HttpConnection(settings.endpoint, settings.connect_timeout, settings.max_answer_bytes)
        self._session_id = ""
        self._shaken = False

    def prepare(self, deadline: Deadline) -> None:
        """Connect and, by setting, initialize once."""
        self._connection.prepare(deadline)
        if self.settings.initialize and not self._shaken:
            self.handshake(deadline)
            self._shaken = True
            self._connection.prepare(deadline)

    def exchange(self, message: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
        """POST a request; a new session's id is kept."""
        response = self._posted(message, deadline)
        self._session_id = response.getheader("Mcp-Session-Id") or self._session_id
        if _media_type(response) == "text/event-stream":
            messages = self._events(response)
        else:
            messages = iter([_parsed(self._connection.read(response))])
        for received in messages:
            for answer in _answers(received, message["id"]):
                return answer
        raise NetError("the answer ended without the result of the call")

    def notify(self, message: dict[str, Any], deadline: Deadline) -> None:
        """POST a notification."""
        limited = deadline.within(self.settings.answer_timeout)
        self._connection.read(self._posted(message, limited))

    def close(self) -> None:
        """Give the session back, where there is one, and close the connection."""
        if self._session_id:
            try:
                deadline = Deadline(min(2.0, self.settings.answer_timeout))
                response = self._connection.request("DELETE", self.settings.path, self._headers(), None, deadline)
                self._connection.read(response)
            except NetError:
                self._session_id = ""
        self._connection.close()
        self._session_id = ""
        self._shaken = False

    def _headers(self) -> dict[str, str]:
        headers = {
            **self.settings.http_headers(),
            "Accept": "application/json, text/event-stream",
        }
        if self._session_id:
            headers["Mcp-Session-Id"] = self._session_id
        if self.server is not None and self.server.protocol:
            headers["MCP-Protocol-Version"] = self.server.protocol
        return headers

    def _posted(self, message: dict[str, Any], deadline: Deadline) -> http.client.HTTPResponse:
        headers = {**self._headers(), "Content-Type": "application/json"}
        body = json.dumps(message).encode()
        response = self._connection.request("POST", self.settings.path, headers, body, deadline)
        if not 200 <= response.status < 300:
            refused = self._connection.read(response)
            raise AnswerError(f"HTTP {response.status} {_reason(response.reason, refused)}")
        return response

    def _events(self, response: http.client.HTTPResponse) -> Iterator[Any]:
        """The messages of a stream of server-sent events (data lines, ended by an empty one)."""
        data: list[str] = []
        while True:
            raw = self._connection.read_line(response)
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            if line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            elif not line and data:
                text, data = "\n".join(data), []
                if text.strip():
                    yield _parsed(text.encode())
            if not raw:
                return


class PostSession:
    """One plain POST per tool, path and body by template; the answer is JSON."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.server: Server | None = None
        self._connection = HttpConnection(settings.endpoint, settings.connect_timeout, settings.max_answer_bytes)

    def prepare(self, deadline: Deadline) -> None:
        """Connect."""
        self._connection.prepare(deadline)

    def call(self, tool: str, arguments: dict[str, Any], deadline: Deadline) -> Any:
        """POST the call. A status outside 2xx is an AnswerError."""
        values = {"tool": tool, "arguments": arguments}
        template = {"arguments": "{arguments}"} if self.settings.body is None else self.settings.body
        body = json.dumps(fill(template, values)).encode()
        headers = {**self.settings.http_headers(), "Content-Type": "application/json"}
        limited = deadline.within(self.settings.answer_timeout)
        path = str(fill(self.settings.path, values))
        response = self._connection.request("POST", path, headers, body, limited)
        answer = self._connection.read(response)
        if not 200 <= response.status < 300:
            raise AnswerError(f"HTTP {response.status} {_reason(response.reason, answer)}")
        return plain_result(_parsed(answer))

    def tools(self, deadline: Deadline) -> list[str]:
        """There is no list of tools on this transport."""
        raise AnswerError("the transport 'post' cannot list tools")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class _CloseOnError:
    """Close a session whose connection or framing can no longer be trusted."""

    def __init__(self, session: LineSession) -> None:
        self._session = session

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is not None:
            self._session.close()


def open_session(transport: str, settings: Settings) -> Session:
    """Make the session of a transport: ``tcp``, ``http`` or ``post``; connects later."""
    if transport == "tcp":
        return LineSession(settings)
    if transport == "http":
        return HttpSession(settings)
    return PostSession(settings)


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise NetError(f"the answer is not JSON: {excerpt(raw) or 'empty'}") from None


def _answers(received: Any, wanted: int) -> Iterator[dict[str, Any]]:
    """The answer to the request ``wanted``, or to one whose id the server could not read."""
    for message in received if isinstance(received, list) else [received]:
        if not isinstance(message, dict):
            raise NetError(f"the answer is not JSON-RPC: {shown(message)}")
        if "method" in message:
            continue
        if message.get("id") == wanted or (message.get("id") is None and "error" in message):
            yield message
        elif "jsonrpc" not in message:
            raise NetError(f"the answer is not JSON-RPC: {shown(message)}")


def _media_type(response: http.client.HTTPResponse) -> str:
    return (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()


def _reason(phrase: str, body: bytes) -> str:
    """The reason of a refusal: a JSON error where the body has one, else the body's beginning."""
    try:
        rpc_result(json.loads(body))
    except AnswerError as error:
        return str(error)
    except (ValueError, AttributeError, RecursionError):
        return excerpt(body) or excerpt(phrase)
    return excerpt(phrase)
