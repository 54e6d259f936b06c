# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""mcp_probe as a whole, against real servers that behave well and badly."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.modules import mcp_probe
from ansible_collections.ridgetop.aidis.tests.unit.plugins.modules.mcp_servers import (
    HttpServer,
    Mcp,
    Serve,
    lines,
)

Probe = Callable[..., dict[str, Any]]

SESSION = {
    "id": "session",
    "kind": "tool",
    "tool": "session_new",
    "arguments": {"title": "t-{n}-{uuid}", "number": "{n}"},
    "capture": {"session": "session.id"},
    "cleanup": {"tool": "session_end", "arguments": {"session_id": "{session}"}},
}
PING = {"id": "ping", "kind": "tool", "tool": "ping"}


@pytest.fixture
def probe(run_module: Any) -> Probe:
    """Run mcp_probe with probes and options; short time limits unless told otherwise."""

    def run(*probes: dict[str, Any], check_mode: bool = False, **options: Any) -> dict[str, Any]:
        args = {"answer_timeout": 5, "connect_timeout": 5, **options, "probes": list(probes)}
        result: dict[str, Any] = run_module(mcp_probe, args, check_mode=check_mode)
        return result

    return run


def only(result: dict[str, Any]) -> dict[str, Any]:
    (check,) = result["checks"]
    assert isinstance(check, dict)
    return check


def wait_for_ever(connection: socket.socket) -> None:
    connection.settimeout(20)
    while connection.recv(65536):
        continue


# --- good answers


def test_tcp_connects(probe: Probe, serve: Serve) -> None:
    result = probe({"id": "port", "kind": "tcp", "count": 3}, port=serve(wait_for_ever).port)
    assert only(result)["status"] == "pass"
    assert result["latency_ms"]["port"]["count"] == 3
    assert result["changed"] is False


def test_tool_over_lines_with_handshake_and_cleanup(probe: Probe, serve: Serve, mcp: Mcp) -> None:
    server = serve(lines(mcp))
    result = probe({**SESSION, "count": 4, "warmup": 2}, port=server.port, list_tools=True)
    assert [check["status"] for check in result["checks"]] == ["pass", "pass"]
    assert result["tools"] == ["ping", "session_new", "session_end"]
    assert result["server"] == {"name": "reference", "version": "1.2.3", "protocol": "2025-03-26"}
    assert result["latency_ms"]["session"]["count"] == 4
    assert mcp.live == set()
    created = mcp.calls("session_new")
    assert [call["number"] for call in created] == [1, 2, 3, 4, 5, 6]
    assert len({call["title"] for call in created}) == 6
    methods = [message["method"] for message in mcp.asked]
    assert methods[:2] == ["initialize", "notifications/initialized"]
    assert server.connections == 2


@pytest.mark.parametrize("events", [False, True])
def test_tool_over_streamable_http(probe: Probe, web: HttpServer, mcp: Mcp, events: bool) -> None:
    web.events = events
    tool = {**SESSION, "transport": "http", "count": 3, "token": "very-secret"}
    result = probe(tool, port=web.port)
    assert only(result)["status"] == "pass"
    assert mcp.live == set()
    assert web.deleted == ["abc"]
    assert web.headers_seen[0]["Authorization"] == "Bearer very-secret"
    assert "Mcp-Session-Id" not in web.headers_seen[0]
    assert web.headers_seen[-1]["Mcp-Session-Id"] == "abc"
    assert web.headers_seen[-1]["MCP-Protocol-Version"] == "2025-03-26"
    assert web.connections == 1


def test_stream_that_stays_open_after_the_answer(probe: Probe, web: HttpServer) -> None:
    web.events = True
    web.keep_open.set()
    result = probe({**PING, "transport": "http", "count": 2}, port=web.port)
    assert only(result)["status"] == "pass"


def test_plain_post_by_template(probe: Probe, web: HttpServer) -> None:
    tool = {
        "id": "post",
        "kind": "tool",
        "transport": "post",
        "tool": "project_list",
        "path": "/tools/{tool}",
        "arguments": {"limit": 5},
        "body": {"name": "{tool}", "args": "{arguments}"},
        "expect": {"got.name": "project_list", "got.args": {"limit": 5}},
    }
    assert only(probe(tool, port=web.port))["status"] == "pass"


def test_http_status_and_values(probe: Probe, web: HttpServer) -> None:
    ready = {"id": "ready", "kind": "http", "path": "/readyz"}
    wanted = {"status": "ready", "checks.db.main.up": True}
    assert only(probe({**ready, "json": wanted}, port=web.port))["status"] == "pass"
    other = {"id": "busy", "kind": "http", "path": "/busy", "status": 503}
    assert only(probe(other, port=web.port))["status"] == "pass"


def test_the_guides_bare_line(probe: Probe, serve: Serve) -> None:
    tool = {"id": "bare", "kind": "tool", "tool": "project_list", "envelope": "bare"}

    def answer(connection: socket.socket) -> None:
        connection.makefile("rb").readline()
        connection.sendall(b'{"result": {"projects": []}}\n')

    port = serve(answer).port
    assert only(probe({**tool, "expect": {"projects": []}}, port=port))["status"] == "pass"


def certified(directory: Path, names: str) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS with a certificate for the names, and the authority that it is by."""
    key, cert = directory / "key.pem", directory / "cert.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    made = [*command.split(), "-addext", f"subjectAltName={names}"]
    subprocess.run([*made, "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


def test_tls_with_its_own_ca(probe: Probe, serve: Serve, mcp: Mcp, tmp_path: Path) -> None:
    context, cert = certified(tmp_path, "DNS:localhost,IP:127.0.0.1")

    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            lines(mcp)(wrapped)

    port = serve(behave).port
    assert only(probe(PING, port=port, tls=True, ca_path=str(cert)))["status"] == "pass"
    assert only(probe(PING, port=port, tls=True, validate_certs=False))["status"] == "pass"
    refused = probe(PING, port=port, tls=True)
    assert refused["failed"] and "TLS with 127.0.0.1" in only(refused)["observed"]
    missing = probe(PING, port=port, tls=True, ca_path=str(tmp_path / "none.pem"))
    assert missing["failed"] and "cannot read the CA" in missing["msg"] and "ping" in missing["msg"]


def test_streamable_http_over_tls(probe: Probe, web: HttpServer, mcp: Mcp, tmp_path: Path) -> None:
    context, cert = certified(tmp_path, "IP:127.0.0.1")
    web.socket = context.wrap_socket(web.socket, server_side=True)
    tool = {**SESSION, "transport": "http", "count": 3, "tls": True, "ca_path": str(cert), "token": "very-secret"}
    assert only(probe(tool, port=web.port))["status"] == "pass"
    assert web.headers_seen[-1]["Authorization"] == "Bearer very-secret"
    assert (mcp.live, web.deleted, web.connections) == (set(), ["abc"], 1)


def test_a_certificate_of_another_name(probe: Probe, serve: Serve, mcp: Mcp, tmp_path: Path) -> None:
    context, cert = certified(tmp_path, "DNS:other.example.org")

    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            lines(mcp)(wrapped)

    refused = probe(PING, port=serve(behave).port, tls=True, ca_path=str(cert))
    assert refused["failed"] and "IP address mismatch" in only(refused)["observed"]


# --- bad answers


def test_failure_names_every_failing_probe(probe: Probe, serve: Serve, mcp: Mcp) -> None:
    port = serve(lines(mcp)).port
    broken = {"id": "broken", "kind": "tool", "tool": "no_such", "hint": "Look at the journal."}
    result = probe(PING, broken, {"id": "closed", "kind": "tcp", "port": 1}, port=port)
    assert result["failed"]
    assert re.match(r"2 of 3 probes failed in \d+\.\d s and 1 round:\n", result["msg"])
    assert "broken (Tool no_such answers)" in result["msg"]
    assert "isError: tool no_such is broken. Look at the journal." in result["msg"]
    assert "closed" in result["msg"] and "Connection refused" in result["msg"]
    assert "ping" not in result["msg"]
    assert [check["status"] for check in result["checks"]] == ["pass", "fail", "fail"]
    assert set(result["latency_ms"]) == {"ping", "broken", "closed"}


def test_fail_on_error_false_returns_the_same(probe: Probe) -> None:
    result = probe({"id": "closed", "kind": "tcp"}, port=1, fail_on_error=False)
    assert not result["failed"] and only(result)["status"] == "fail"


def test_lower_severity_warns(probe: Probe) -> None:
    result = probe({"id": "closed", "kind": "tcp", "severity": "warning"}, port=1, wait=30)
    assert not result["failed"] and only(result)["status"] == "warn"
    assert result["rounds"] == 1


def send(data: bytes, then: Callable[[socket.socket], None] | None = None) -> Any:
    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(data)
        if then is not None:
            then(connection)

    return behave


def flood(connection: socket.socket) -> None:
    connection.recv(65536)
    for _ in range(50):
        connection.sendall(b"x" * 1024 * 1024)


def flood_http(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n")
    for _ in range(50):
        connection.sendall(b"x" * 1024 * 1024)


def drip(connection: socket.socket) -> None:
    connection.recv(65536)
    for _ in range(100):
        connection.sendall(b"x")
        time.sleep(0.1)


RESULT = b'{"jsonrpc":"2.0","id":1,"result":'
BAD_LINES = {
    "silent": (wait_for_ever, "no answer within 1 s"),
    "drip": (drip, "no answer within 1 s"),
    "garbage": (send(b"\x00\xff garbage\n"), "not JSON"),
    "http": (send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not JSON: HTTP/1.1 400 Bad Request"),
    "closes": (send(b""), "closed the connection without an answer"),
    "half": (send(RESULT), "closed the connection half way"),
    "flood": (flood, "larger than 4194304 bytes"),
    "not_rpc": (send(b'{"hello": 1}\n'), "not JSON-RPC"),
    "string": (send(b'"hello"\n'), "not JSON-RPC"),
    "neither": (send(b'{"jsonrpc":"2.0","id":1}\n'), "neither result nor error"),
    "error": (
        send(b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no"}}\n'),
        "-32000 no",
    ),
    "parse": (
        send(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse"}}\n'),
        "-32700 parse",
    ),
    "no_object": (send(RESULT + b"7}\n"), "not an object"),
    "is_error": (send(RESULT + b'{"isError":true,"content":[{"text":"db down"}]}}\n'), "db down"),
    "deep": (send(b"[" * 100000 + b"\n"), "not JSON"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_bad_lines_end_in_a_clear_error(probe: Probe, serve: Serve, name: str) -> None:
    behave, expected = BAD_LINES[name]
    started = time.monotonic()
    tool = {**PING, "initialize": False}
    result = probe(tool, port=serve(behave).port, answer_timeout=1)
    assert result["failed"] and expected in only(result)["observed"]
    assert time.monotonic() - started < 15


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
BAD_HTTP = {
    "silent": (wait_for_ever, "no answer within 1 s"),
    "drip": (drip, "no answer within 1 s"),
    "garbage": (send(b"\x00\xff garbage\r\n\r\n"), "not HTTP"),
    "closes": (send(b""), "closed the connection without an answer"),
    "half": (send(OK + b"Content-Length: 90\r\n\r\n{"), "half way"),
    "half_chunk": (send(OK + b"Transfer-Encoding: chunked\r\n\r\n50\r\n{"), "half way"),
    "flood": (flood_http, "larger than 4194304 bytes"),
    "not_json": (send(OK + b"Content-Length: 4\r\n\r\nabcd"), "not JSON: abcd"),
    "empty": (send(OK + b"Content-Length: 0\r\n\r\n"), "not JSON: empty"),
    "no_event": (send(EVENTS + b": hi\n\n"), "without the result"),
    "open_stream": (send(EVENTS + b": hi\n\n", wait_for_ever), "no answer within 1 s"),
    "bad_event": (send(EVENTS + b"data: {\n\n"), "not JSON"),
    "busy": (send(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nlate"), "HTTP 503 late"),
}


@pytest.mark.parametrize("name", BAD_HTTP)
def test_bad_http_ends_in_a_clear_error(probe: Probe, serve: Serve, name: str) -> None:
    behave, expected = BAD_HTTP[name]
    tool = {**PING, "transport": "http", "initialize": False}
    result = probe(tool, port=serve(behave).port, answer_timeout=1)
    assert result["failed"] and expected in only(result)["observed"]


DEEP = b"[" * 100_000


def test_answers_that_are_nested_without_end(probe: Probe, serve: Serve) -> None:
    text = b'{"content":[{"type":"text","text":"' + DEEP + b'"}]}}\n'
    tool = {**PING, "initialize": False, "expect": {"a": 1}}
    result = probe(tool, port=serve(send(RESULT + text)).port)
    assert result["failed"] and "nothing at 'a'" in only(result)["observed"]
    refusal = b"HTTP/1.1 500 X\r\nContent-Length: %d\r\n\r\n" % len(DEEP) + DEEP
    result = probe({**PING, "transport": "http", "initialize": False}, port=serve(send(refusal)).port)
    assert result["failed"] and "HTTP 500 [[[" in only(result)["observed"]


@pytest.mark.parametrize("depth", [300, 400, 600, 900, 950, 970, 980, 990])
def test_answers_that_can_just_be_read(probe: Probe, serve: Serve, depth: int) -> None:
    nested = b'{"a":' * depth + b"1" + b"}" * depth
    tool = {**PING, "initialize": False, "expect": {"b": 1}}
    result = probe(tool, port=serve(send(RESULT + nested + b"}\n")).port)
    seen = only(result)["observed"]
    assert any(text in seen for text in ("nothing at 'b'", "nested too deeply", "not JSON")), seen


def test_tls_that_is_never_spoken(probe: Probe, serve: Serve) -> None:
    result = probe(PING, port=serve(wait_for_ever).port, tls=True, connect_timeout=0.5)
    assert result["failed"] and "no connection to 127.0.0.1" in only(result)["observed"]
    assert "within 0.5 s" in only(result)["observed"]


def test_a_connection_that_is_never_accepted(probe: Probe) -> None:
    """The kernel answers none where as many wait as it lets wait."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        result = probe({"id": "port", "kind": "tcp"}, port=port, connect_timeout=0.5)
    assert result["failed"] and "within 0.5 s" in only(result)["observed"]


def test_server_without_handshake_says_so(probe: Probe, serve: Serve) -> None:
    unknown = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}\n'
    result = probe(PING, port=serve(send(unknown, wait_for_ever)).port)
    assert "initialize: the server answered an error: -32601" in only(result)["observed"]


def test_http_session_is_required(probe: Probe, web: HttpServer) -> None:
    result = probe({**PING, "transport": "http", "initialize": False}, port=web.port)
    assert "HTTP 400 the server answered an error: -32000 no session" in only(result)["observed"]


@pytest.mark.parametrize(("tool", "seen"), [("broken", "isError"), ("refused", "success: false")])
def test_plain_post_that_says_no_with_200(probe: Probe, web: HttpServer, tool: str, seen: str) -> None:
    call = {"id": "x", "kind": "tool", "transport": "post", "tool": tool, "path": "/tools/{tool}"}
    result = probe(call, port=web.port)
    assert result["failed"] and seen in only(result)["observed"]


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        ({"path": "/busy"}, "HTTP 503"),
        ({"path": "/readyz", "json": {"status": "other"}}, "'status' is \"ready\", expected"),
        ({"path": "/readyz", "json": {"checks.cache": 1}}, "nothing at 'checks.cache'"),
        ({"path": "/readyz", "json": {"checks.db.main.up": 1}}, "is true, expected 1"),
        ({"path": "/readyz", "status": [204, 503]}, "HTTP 200"),
        ({"path": "/a b"}, "bad character"),
        ({"path": "/readyz", "headers": {"X": "a\r\nb"}}, "bad character"),
    ],
)
def test_http_that_is_not_as_expected(probe: Probe, web: HttpServer, more: dict[str, Any], seen: str) -> None:
    result = probe({"id": "http", "kind": "http", **more}, port=web.port)
    assert result["failed"] and seen in only(result)["observed"]


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        ({"expect": {"session.id": "other"}}, 'expected "other"'),
        ({"expect": {"session.none": 1}}, "nothing at 'session.none'"),
        ({"expect_match": {"session.title": "^x"}}, "expected to match ^x"),
    ],
)
def test_values_that_differ_fail_and_are_still_cleaned_up(
    probe: Probe, serve: Serve, mcp: Mcp, more: dict[str, Any], seen: str
) -> None:
    result = probe({**SESSION, **more}, port=serve(lines(mcp)).port)
    assert result["failed"] and seen in only(result)["observed"]
    assert mcp.live == set()


def test_capture_by_regex_and_content_path(probe: Probe, serve: Serve, mcp: Mcp) -> None:
    taken = {"session": {"path": "content.0.text", "regex": '"id": "([^"]+)"'}}
    matched = {"session.title": "^t-1-[0-9a-f-]{36}$"}
    tool = {**SESSION, "capture": taken, "expect_match": matched}
    assert only(probe(tool, port=serve(lines(mcp)).port))["status"] == "pass"
    assert mcp.live == set()


def test_cleanup_that_goes_wrong(probe: Probe, serve: Serve, mcp: Mcp) -> None:
    port = serve(lines(mcp)).port
    cleanup = {"tool": "session_end", "arguments": {"session_id": "none"}}
    result = probe({**SESSION, "cleanup": cleanup}, port=port)
    assert result["failed"]
    assert "clean-ups failed, first: session_end: the tool answered isError" in result["msg"]
    result = probe({**SESSION, "cleanup": {**cleanup, "required": False}}, port=port)
    assert not result["failed"] and only(result)["status"] == "warn"


# A session, another one by what it was called with, and a look at the first.
STEPS = [
    {
        "tool": "session_new",
        "arguments": {"title": "of {session}"},
        "expect_match": {"session.title": "^of "},
        "capture": {"second": "session.id"},
        "cleanup": {"tool": "session_end", "arguments": {"session_id": "{second}"}},
    },
    {"tool": "ping", "arguments": {"about": "{second}"}},
]


def test_further_calls_use_what_was_made(probe: Probe, serve: Serve, mcp: Mcp) -> None:
    result = probe({**SESSION, "then": STEPS, "count": 2}, port=serve(lines(mcp)).port)
    assert only(result)["status"] == "pass"
    assert only(result)["expected"].startswith("tool session_new and then session_new and then ping on ")
    assert result["latency_ms"]["session"]["count"] == 2
    first, second = (call["session_id"] for call in reversed(mcp.calls("session_end")[:2]))
    assert mcp.calls("session_new")[1]["title"] == f"of {first}"
    assert mcp.calls("ping")[0]["about"] == second
    assert mcp.live == set()


def test_calls_that_come_first_are_made_once(probe: Probe, serve: Serve, mcp: Mcp) -> None:
    first = {**SESSION, "capture": {"made": "session.id"}}
    first["cleanup"] = {"tool": "session_end", "arguments": {"session_id": "{made}"}}
    del first["id"], first["kind"]
    asked = {**PING, "arguments": {"about": "{made}", "number": "{n}"}, "first": [first], "count": 3, "warmup": 1}
    result = probe(asked, port=serve(lines(mcp)).port)
    assert only(result)["status"] == "pass"
    assert len(mcp.calls("session_new")) == 1 and mcp.live == set()
    assert [call["number"] for call in mcp.calls("ping")] == [1, 2, 3, 4]
    assert len({call["about"] for call in mcp.calls("ping")}) == 1
    assert result["latency_ms"]["ping"]["count"] == 3


def test_a_call_that_comes_first_and_fails(probe: Probe, serve: Serve, mcp: Mcp) -> None:
    first = {"tool": "session_new", "arguments": {"title": "x"}, "expect": {"session.title": "another"}}
    result = probe({**PING, "first": [first]}, port=serve(lines(mcp)).port)
    assert only(result)["observed"].startswith("before the calls: session_new: ")
    assert mcp.calls("ping") == []


def test_a_further_call_that_fails_is_named_and_cleaned_up(probe: Probe, serve: Serve, mcp: Mcp) -> None:
    steps = [{**STEPS[0], "expect": {"session.title": "another"}}, STEPS[1]]
    result = probe({**SESSION, "then": steps}, port=serve(lines(mcp)).port)
    assert result["failed"]
    assert only(result)["observed"].startswith("session_new: ") and "another" in only(result)["observed"]
    assert len(mcp.calls("session_end")) == 2 and mcp.live == set()
    assert mcp.calls("ping") == []
    assert result["latency_ms"]["session"]["errors"] == 1


def test_limits_and_errors_are_counted(probe: Probe, serve: Serve, mcp: Mcp) -> None:
    port = serve(lines(mcp)).port
    result = probe({**PING, "count": 5, "limits": {"p95": 0.0001, "max": 60000}}, port=port)
    assert result["failed"] and "p95" in only(result)["observed"]
    assert "max" not in only(result)["observed"].replace("max_", "")
    mcp.failures_left = 2
    result = probe({**PING, "count": 5, "max_errors": 2}, port=port)
    assert only(result)["status"] == "pass"
    assert result["latency_ms"]["ping"]["errors"] == 2
    mcp.failures_left = 2
    result = probe({**PING, "count": 5, "max_errors": 1}, port=port)
    assert "2 of 5 calls failed; first: the server answered an error: -32000 starting" in (only(result)["observed"])


def test_samples_and_limits_are_told(probe: Probe, serve: Serve, mcp: Mcp) -> None:
    port = serve(lines(mcp)).port
    mcp.failures_left = 1
    many = {**PING, "count": 5, "warmup": 2, "max_errors": 1, "limits": {"p95": 60000, "max": 60000.5}}
    closed = {"id": "closed", "kind": "tcp", "port": 1, "count": 2}
    single = {**SESSION, "limits": {"mean": 60000}}
    result = probe(many, closed, single, port=port, fail_on_error=False)
    assert result["limits"] == {"ping": {"p95": 60000, "max": 60000.5}, "closed": {}, "session": {"mean": 60000}}
    assert set(result["samples_ms"]) == {"ping", "closed"}
    assert result["samples_ms"]["closed"] == []
    samples, latency = result["samples_ms"]["ping"], result["latency_ms"]["ping"]
    assert len(samples) == latency["count"] - latency["errors"] == 5
    assert (max(samples), sorted(samples)[2]) == (latency["max"], latency["p50"])
    predicted = probe(single, port=port, check_mode=True)
    assert (predicted["samples_ms"], predicted["limits"]) == ({}, {"session": {"mean": 60000}})


def test_whole_time_limit_stops_and_marks_the_rest(probe: Probe, serve: Serve) -> None:
    port = serve(wait_for_ever).port
    result = probe(PING, {**PING, "id": "later"}, port=port, timeout=1, answer_timeout=30)
    first, later = result["checks"]
    assert "no answer within" in first["observed"]
    assert "not reached within 1 s" in later["observed"]


# --- the gate


def test_waits_until_the_server_is_there(probe: Probe, serve: Serve, mcp: Mcp) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    other = serve(wait_for_ever)

    def start_late() -> None:
        with socket.create_server(("127.0.0.1", port)) as late:
            connection, _peer = late.accept()
            lines(mcp)(connection)

    timer = threading.Timer(0.5, start_late)
    timer.start()
    up = {"id": "up", "kind": "tcp", "port": other.port}
    result = probe(PING, up, port=port, wait=30, wait_interval=0.1)
    assert not result["failed"] and result["rounds"] > 1
    assert [check["id"] for check in result["checks"]] == ["ping", "up"]
    assert other.connections == 1
    timer.join()


def test_waits_for_a_tool_that_answers_errors_at_first(probe: Probe, serve: Serve, mcp: Mcp) -> None:
    mcp.failures_left = 3
    result = probe(PING, port=serve(lines(mcp)).port, wait=30, wait_interval=0.01)
    assert not result["failed"] and result["rounds"] == 4


def test_waiting_ends(probe: Probe) -> None:
    result = probe({"id": "closed", "kind": "tcp"}, port=1, wait=0.3, wait_interval=0.1)
    assert result["failed"] and result["rounds"] > 1


# --- check mode


def test_check_mode_makes_only_calls_that_change_nothing(probe: Probe, serve: Serve, web: HttpServer, mcp: Mcp) -> None:
    port = serve(lines(mcp)).port
    result = probe(
        SESSION,
        {**PING, "read_only": True},
        {"id": "port", "kind": "tcp"},
        {"id": "ready", "kind": "http", "path": "/readyz", "port": web.port},
        {"id": "posted", "kind": "http", "method": "post", "port": web.port},
        port=port,
        check_mode=True,
    )
    assert [c["status"] for c in result["checks"]] == ["skip", "pass", "pass", "pass", "skip"]
    assert "check mode" in result["checks"][0]["reason"]
    assert "reason" not in result["checks"][1]
    assert mcp.calls("session_new") == []


# --- options


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        ({"tool": None}, "kind tool needs tool"),
        ({"arguments": {"a": ["x {sesion}"]}}, "nothing fills {sesion}"),
        ({"cleanup": {"tool": "t", "arguments": {"a": "{other}"}}}, "nothing fills {other}"),
        ({"then": [{"tool": "t", "arguments": {"a": "{other}"}}]}, "nothing fills {other}"),
        ({"then": [{"tool": "t", "arguments": {"a": "{b}"}, "capture": {"b": "b"}}]}, "nothing fills {b}"),
        ({"kind": "tcp", "then": [{"tool": "t"}]}, "first and then are for the kind tool"),
        ({"count": 0}, "count must be at least 1"),
        ({"capture": {"a": 1}}, "capture.a must be a path"),
        ({"port": 70000}, "between 1 and 65535"),
        ({"host": ""}, "host must not be empty"),
        ({"path": "mcp"}, "path must begin with /"),
        ({"transport": "http", "envelope": "bare"}, "bare is for the transport tcp"),
        ({"kind": "list_tools", "transport": "post"}, "cannot list tools"),
    ],
)
def test_wrong_probe_is_named(probe: Probe, more: dict[str, Any], seen: str) -> None:
    result = probe({**PING, **more}, port=3001)
    assert result["failed"] and result["msg"].startswith("probe ping: ") and seen in result["msg"]


def test_wrong_options(probe: Probe) -> None:
    assert "nothing to probe" in probe(port=1)["msg"]
    assert "used twice: ping" in probe(PING, PING, port=1)["msg"]
    assert "port must be given" in probe(PING)["msg"]
    assert "timeout must be above 0" in probe(PING, port=1, timeout=0)["msg"]
    assert "wait must be" in probe(PING, port=1, wait=-1)["msg"]
    assert "limits" in probe({**PING, "limits": {"p42": 1}}, port=1)["msg"]


@pytest.mark.parametrize("of_probe", [False, True])
def test_token_never_comes_back(probe: Probe, serve: Serve, of_probe: bool) -> None:
    def echo(connection: socket.socket) -> None:
        asked = connection.recv(65536)
        connection.sendall(b"HTTP/1.1 500 X\r\nContent-Length: %d\r\n\r\n" % len(asked) + asked)

    token = {"token": "very-secret-token"}
    tool = {**PING, "transport": "http", **(token if of_probe else {})}
    result = probe(tool, port=serve(echo).port, **({} if of_probe else token))
    assert result["failed"] and "very-secret-token" not in str(result)


def test_probes_are_kept_once_they_passed_and_asked_again(run_module: Any, tmp_path: Path) -> None:
    path = tmp_path / "probes" / "v1.json"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        probe = {"id": "line", "kind": "tcp", "port": port, "token": "t0ken"}
        kept = {"probes_file": str(path), "probes_file_use": "write"}
        assert run_module(mcp_probe, {"probes": [probe], **kept}, check_mode=True)["changed"]
        assert not path.exists()
        assert run_module(mcp_probe, {"probes": [probe], **kept})["changed"]
        assert not run_module(mcp_probe, {"probes": [probe], **kept})["changed"]
        assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
        closed = {"id": "closed", "kind": "tcp", "port": 1}
        assert run_module(mcp_probe, {"probes": [closed], **kept})["failed"]
        result = run_module(mcp_probe, {"probes": [closed], "probes_file": str(path)})
        assert not result["failed"] and [check["id"] for check in result["checks"]] == ["line"]
    path.unlink()
    assert run_module(mcp_probe, {"probes": [closed], "probes_file": str(path)})["failed"], (
        "those given, without a file"
    )


def test_a_file_without_probes_is_an_error(run_module: Any, tmp_path: Path) -> None:
    path = tmp_path / "probes.json"
    path.write_text('{"id": "line"}')
    result = run_module(mcp_probe, {"probes_file": str(path)})
    assert result["failed"] and "no list of probes" in result["msg"]
