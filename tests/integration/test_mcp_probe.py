# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""mcp_probe against the real reference application on a real database, by both of its transports."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.modules import mcp_probe
from ansible_collections.ridgetop.aidis.tests.integration import application
from ansible_collections.ridgetop.aidis.tests.integration.application import Served, token
from ansible_collections.ridgetop.aidis.tests.integration.clusters import Cluster
from ansible_collections.ridgetop.aidis.tests.integration.conftest import PASSWORD, Database, RunModule
from ansible_collections.ridgetop.aidis.tests.integration.test_schema_verify import STAND_IN
from psycopg2 import sql

TOOLS = ["ping", "project_list", "session_new", "session_status", "session_end", "context_store"]
# A limit that every machine keeps, and one that none can.
GENEROUS, ABSURD = 600_000.0, 0.0001
Probe = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Live:
    """A running server and its database."""

    served: Served
    database: Database

    def sessions(self) -> int:
        """How many sessions there are in the database."""
        return int(self.database.query("SELECT count(*) FROM sessions")[0][0])

    def titles(self) -> list[str]:
        """The titles of all sessions in the database."""
        return [title for (title,) in self.database.query("SELECT title FROM sessions")]

    def port(self, transport: str) -> int:
        """The port of a transport."""
        return self.served.mcp_port if transport == "tcp" else self.served.http_port


@pytest.fixture(scope="session")
def app() -> Iterator[Path]:
    with application.built() as built:
        yield built


@pytest.fixture(scope="module")
def live(app: Path, cluster: Cluster) -> Iterator[Live]:
    """A server on a database of its own, migrated by the role that owns it, as a deployment does."""
    database = Database(cluster, f"application_{uuid.uuid4().hex}")
    role = sql.Identifier(database.name)
    admin = Database(cluster, "postgres")
    admin.query(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(PASSWORD)))
    admin.query(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
    try:
        database.query('CREATE EXTENSION "uuid-ossp"; CREATE EXTENSION pg_trgm')
        packaged = database.query("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")
        database.query("CREATE EXTENSION vector" if packaged else STAND_IN)
        url = application.database_url(cluster.port, database.name, database.name, PASSWORD)
        application.migrate(app, url)
        database.query("INSERT INTO projects (name) VALUES ('System Default')")
        with application.serving(app, url) as served:
            yield Live(served, database)
    finally:
        admin.query(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(role))
        admin.query(sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
def probe(run_module: RunModule, live: Live) -> Probe:
    """Run mcp_probe at the server; the first to ask waits until it is there."""

    def run(*probes: dict[str, Any], check: bool = False, transport: str = "tcp", **options: Any) -> dict[str, Any]:
        ready = {"id": "ready", "kind": "http", "path": "/readyz", "port": live.served.http_port}
        gate = run_module("mcp_probe", {"probes": [ready], "wait": 60, "wait_interval": 0.1})
        assert not gate["failed"], f"{gate['msg']}\n{live.served.log()}"
        args = {"port": live.port(transport), **options}
        args["probes"] = [{"transport": transport, **one} for one in probes]
        return run_module("mcp_probe", args, check=check)

    return run


def session(**more: Any) -> dict[str, Any]:
    """A probe that makes sessions with titles of their own and takes them away again."""
    end = {"tool": "session_end", "arguments": {"session_id": "{session}", "purge": True}}
    return {
        "id": "session",
        "kind": "tool",
        "tool": "session_new",
        "arguments": {"user": "u-{uuid}", "title": "call {n} {uuid}"},
        "expect": {"session.status": "active", "resolved_by": "system_default"},
        "expect_match": {"session.title": r"^call \d+ [0-9a-f-]{36}$"},
        "capture": {"session": "session.id"},
        "cleanup": end,
        **more,
    }


@pytest.mark.parametrize("transport", ["tcp", "http"])
def test_many_calls_are_measured_and_leave_nothing(live: Live, probe: Probe, transport: str) -> None:
    before = live.sessions()
    limits = dict.fromkeys(("p50", "p95", "p99", "max", "mean"), GENEROUS)
    tools = {"id": "tools", "kind": "list_tools", "tools": TOOLS}
    result = probe(tools, session(count=12, warmup=3, limits=limits), transport=transport)
    assert not result["failed"], result["msg"]
    assert set(TOOLS) < set(result["tools"])
    assert result["server"]["name"] and result["server"]["version"] == "1.1.0"
    latency = result["latency_ms"]["session"]
    assert (latency["count"], latency["errors"]) == (12, 0)
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"]
    assert latency["rate"] > 0
    assert len(result["samples_ms"]["session"]) == 12 and max(result["samples_ms"]["session"]) == latency["max"]
    assert result["limits"] == {"tools": {}, "session": limits}
    assert live.sessions() == before


def test_names_are_unique_and_what_is_not_cleaned_up_stays(live: Live, probe: Probe) -> None:
    before = live.titles()
    result = probe(session(count=3, warmup=2, cleanup=None))
    assert not result["failed"], result["msg"]
    made = sorted(set(live.titles()) - set(before))
    assert [title.split()[:2] for title in made] == [["call", str(number)] for number in range(1, 6)]
    assert len({title.split()[2] for title in made}) == 5


@pytest.mark.parametrize("transport", ["tcp", "http"])
def test_a_tool_that_fails_is_a_failure_whatever_http_says(probe: Probe, transport: str) -> None:
    missing = {"session_id": str(uuid.UUID(int=1))}
    call = {"id": "end", "kind": "tool", "tool": "session_end", "arguments": missing, "count": 2}
    result = probe(call, transport=transport)
    assert result["failed"]
    assert "2 of 2 calls failed; first: the tool answered isError: " in result["checks"][0]["observed"]
    assert result["latency_ms"]["end"]["errors"] == 2 and result["latency_ms"]["end"]["p50"] is None


def test_the_other_envelopes(probe: Probe) -> None:
    known = {"kind": "tool", "tool": "project_list", "expect": {"projects.0.name": "System Default"}}
    failing = {"kind": "tool", "tool": "session_end", "arguments": {"session_id": str(uuid.UUID(int=1))}}
    envelopes = ("method", "bare")
    good = [{**known, "id": f"good_{envelope}", "envelope": envelope} for envelope in envelopes]
    bad = [{**failing, "id": f"bad_{envelope}", "envelope": envelope} for envelope in envelopes]
    result = probe(*good, *bad)
    assert [check["status"] for check in result["checks"]] == ["pass", "pass", "fail", "fail"], result["checks"]
    assert all("answered an error" in check["observed"] for check in result["checks"][2:])


@pytest.mark.parametrize("transport", ["tcp", "http"])
def test_a_limit_that_is_broken_fails_and_is_cleaned_up(live: Live, probe: Probe, transport: str) -> None:
    before = live.sessions()
    result = probe(session(count=3, limits={"p95": ABSURD, "max": GENEROUS}), transport=transport)
    assert result["failed"]
    assert " > 0.0001 ms" in result["msg"] and "p95" in result["msg"]
    assert result["latency_ms"]["session"]["errors"] == 0
    assert live.sessions() == before


def test_a_value_that_differs_fails_and_is_cleaned_up(live: Live, probe: Probe) -> None:
    before = live.sessions()
    result = probe(session(expect={"session.status": "closed"}))
    assert '\'session.status\' is "active", expected "closed"' in result["msg"]
    assert live.sessions() == before


def test_cleanup_that_the_server_refuses(live: Live, probe: Probe) -> None:
    refused = {"tool": "session_end", "arguments": {"session_id": "{session}", "purge": "perhaps"}}
    result = probe(session(cleanup=refused))
    assert result["failed"] and "clean-ups failed, first: session_end: " in result["msg"]
    noted = probe(session(cleanup={**refused, "required": False}))
    assert not noted["failed"] and noted["checks"][0]["status"] == "warn"


def test_bearer_token(live: Live, probe: Probe) -> None:
    who = {"id": "who", "kind": "tool", "tool": "session_new", "expect": {"session.user": "bearer"}}
    cleanup = {key: session()[key] for key in ("capture", "cleanup")}
    right = probe({**who, **cleanup}, transport="http", token=token("bearer"))
    assert not right["failed"], right["msg"]
    wrong = token("bearer", "another secret of 16 characters or more")
    refused = probe(who, transport="http", token=wrong)
    assert refused["failed"] and "HTTP 401" in refused["msg"]
    assert wrong not in json.dumps(refused)


def test_check_mode_makes_nothing(live: Live, probe: Probe) -> None:
    before = live.sessions()
    ping = {"id": "ping", "kind": "tool", "tool": "ping", "read_only": True}
    result = probe(session(), ping, check=True)
    assert [check["status"] for check in result["checks"]] == ["skip", "pass"]
    assert live.sessions() == before


def test_a_plain_post_by_template(probe: Probe) -> None:
    """MCP's first message is one that the application takes without a session."""
    call = {
        "id": "post",
        "kind": "tool",
        "tool": "initialize",
        "path": "/mcp",
        "headers": {"Accept": "application/json, text/event-stream"},
        "body": {"jsonrpc": "2.0", "id": 1, "method": "{tool}", "params": "{arguments}"},
        "arguments": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "call {n}", "version": "1"},
        },
        "expect": {"protocolVersion": "2025-06-18"},
    }
    answered = probe(call, transport="post")
    assert not answered["failed"], answered["msg"]
    refused = probe({**call, "path": "/no/{tool}"}, transport="post")
    assert refused["failed"] and "HTTP 404" in refused["msg"]


def examples() -> list[dict[str, Any]]:
    tasks = yaml.safe_load(mcp_probe.EXAMPLES)
    return [task["ridgetop.aidis.mcp_probe"] for task in tasks]


@pytest.mark.parametrize("args", examples(), ids=range(len(examples())))
def test_examples(live: Live, probe: Probe, run_module: RunModule, args: dict[str, Any]) -> None:
    """As they are documented, but for the ports, the token, and a limit that depends on the machine."""
    before = live.sessions()
    assert not probe({"id": "ping", "kind": "tool", "tool": "ping"})["failed"]
    ports = {3001: live.served.mcp_port, 8080: live.served.http_port}
    probes = [{**one, **({"port": ports[one["port"]]} if "port" in one else {})} for one in args["probes"]]
    for one in probes:
        if "limits" in one:
            one["limits"] = dict.fromkeys(one["limits"], GENEROUS)
    known = {"token": token("examples")} if "token" in args else {}
    result = run_module("mcp_probe", {**args, **known, "port": ports[args["port"]], "probes": probes})
    assert not result["failed"], result["msg"]
    assert {check["status"] for check in result["checks"]} == {"pass"}
    assert live.sessions() == before
