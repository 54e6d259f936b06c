# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of mcp_probe: their specification, and probes made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import SEVERITIES, Subject
from ansible_collections.ridgetop.aidis.plugins.module_utils.latency import MEASURES
from ansible_collections.ridgetop.aidis.plugins.module_utils.mcp import Settings
from ansible_collections.ridgetop.aidis.plugins.module_utils.net import (
    Endpoint,
    NetError,
    tls_context,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.probes import (
    Cleanup,
    Probe,
    Step,
    unknown_placeholders,
)

# Options that a probe may set for itself and otherwise takes from the module.
SHARED = ("host", "port", "tls", "validate_certs", "ca_path", "token")
LIST_TOOLS_ID = "list_tools"


class OptionError(Exception):
    """A probe that cannot be run as it is written; names its id."""


def argument_spec() -> dict[str, Any]:
    """The module's argument specification."""
    return {
        "probes": {"type": "list", "elements": "dict", "default": [], "options": _probe_spec()},
        "probes_file": {"type": "path"},
        "probes_file_use": {"type": "str", "choices": ["read", "write"], "default": "read"},
        "host": {"type": "str", "default": "127.0.0.1"},
        "port": {"type": "int"},
        "tls": {"type": "bool", "default": False},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "token": {"type": "str", "no_log": True},
        "connect_timeout": {"type": "float", "default": 5.0},
        "answer_timeout": {"type": "float", "default": 10.0},
        "timeout": {"type": "float", "default": 60.0},
        "wait": {"type": "float", "default": 0.0},
        "wait_interval": {"type": "float", "default": 1.0},
        "max_answer_bytes": {"type": "int", "default": 4194304},
        "list_tools": {"type": "bool", "default": False},
        "fail_on_error": {"type": "bool", "default": True},
    }


def _probe_spec() -> dict[str, Any]:
    return {
        "id": {"type": "str", "required": True},
        "title": {"type": "str"},
        "category": {"type": "str", "default": "health"},
        "severity": {"type": "str", "choices": list(SEVERITIES), "default": "critical"},
        "hint": {"type": "str", "default": ""},
        "kind": {"type": "str", "required": True, "choices": ["tcp", "http", "tool", "list_tools"]},
        "host": {"type": "str"},
        "port": {"type": "int"},
        "tls": {"type": "bool"},
        "validate_certs": {"type": "bool"},
        "ca_path": {"type": "path"},
        "token": {"type": "str", "no_log": True},
        "path": {"type": "str"},
        "headers": {"type": "dict", "default": {}},
        "method": {"type": "str", "default": "GET"},
        "body": {"type": "raw"},
        "status": {"type": "list", "elements": "int", "default": [200]},
        "json": {"type": "dict", "default": {}},
        "transport": {"type": "str", "choices": ["tcp", "http", "post"], "default": "tcp"},
        "initialize": {"type": "bool", "default": True},
        "envelope": {
            "type": "str",
            "choices": ["tools_call", "method", "bare"],
            "default": "tools_call",
        },
        "tool": {"type": "str"},
        "tools": {"type": "list", "elements": "str", "default": []},
        "arguments": {"type": "dict", "default": {}},
        "expect": {"type": "dict", "default": {}},
        "expect_match": {"type": "dict", "default": {}},
        "capture": {"type": "dict", "default": {}},
        "cleanup": _cleanup_spec(),
        "first": _steps_spec(),
        "then": _steps_spec(),
        "count": {"type": "int", "default": 1},
        "warmup": {"type": "int", "default": 0},
        "max_errors": {"type": "int", "default": 0},
        "limits": {"type": "dict", "options": {name: {"type": "float"} for name in MEASURES}},
        "read_only": {"type": "bool", "default": False},
    }


def _cleanup_spec() -> dict[str, Any]:
    return {
        "type": "dict",
        "options": {
            "tool": {"type": "str", "required": True},
            "arguments": {"type": "dict", "default": {}},
            "required": {"type": "bool", "default": True},
        },
    }


def _steps_spec() -> dict[str, Any]:
    return {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "tool": {"type": "str", "required": True},
            **{name: {"type": "dict", "default": {}} for name in ("arguments", "expect", "expect_match", "capture")},
            "cleanup": _cleanup_spec(),
        },
    }


def build(params: Mapping[str, Any]) -> list[Probe]:
    """Make the probes of the module's parameters. Raises OptionError."""
    for name in ("connect_timeout", "answer_timeout", "timeout", "wait_interval"):
        if params[name] <= 0:
            raise OptionError(f"{name} must be above 0 seconds")
    if params["wait"] < 0 or params["max_answer_bytes"] < 1:
        raise OptionError("wait must be at least 0 seconds and max_answer_bytes at least 1")
    probes = [_probe(given, params) for given in _wanted(params)]
    if not probes:
        raise OptionError("there is nothing to probe: probes is empty and list_tools is false")
    ids = [probe.subject.id for probe in probes]
    doubled = sorted({name for name in ids if ids.count(name) > 1})
    if doubled:
        raise OptionError(f"probe ids must be unique, used twice: {', '.join(doubled)}")
    return probes


def _wanted(params: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The given probes, after one that lists the tools in the way of the first tool probe."""
    given = list(params["probes"] or [])
    if not params["list_tools"]:
        return given
    tools = (probe for probe in given if probe["kind"] == "tool")
    like: Mapping[str, Any] = next(tools, {})
    listing = {name: option.get("default") for name, option in _probe_spec().items()}
    kept = (*SHARED, "path", "headers", "transport", "initialize", "severity", "category")
    listing.update({name: like[name] for name in kept if name in like})
    return [{**listing, "id": LIST_TOOLS_ID, "kind": "list_tools"}, *given]


def _probe(given: Mapping[str, Any], params: Mapping[str, Any]) -> Probe:
    name = given["id"]
    try:
        probe = _made(given, _settings(given, params))
    except NetError as error:
        raise OptionError(f"probe {name}: {error}") from None
    problem = _problem(probe, given)
    if problem:
        raise OptionError(f"probe {name}: {problem}")
    return probe


def _settings(given: Mapping[str, Any], params: Mapping[str, Any]) -> Settings:
    shared = {name: params[name] if given[name] is None else given[name] for name in SHARED}
    if shared["port"] is None or not 0 < shared["port"] < 65536:
        raise NetError("port must be given, for the probe or the module, between 1 and 65535")
    if not shared["host"]:
        raise NetError("host must not be empty")
    tls = tls_context(shared["validate_certs"], shared["ca_path"]) if shared["tls"] else None
    paths = {"http": "/", "tool": "/mcp", "list_tools": "/mcp"}
    path = given["path"] or paths.get(given["kind"], "/")
    if given["kind"] == "tool" and given["transport"] == "post" and not given["path"]:
        path = "/mcp/tools/{tool}"
    return Settings(
        endpoint=Endpoint(shared["host"], shared["port"], tls),
        connect_timeout=params["connect_timeout"],
        answer_timeout=params["answer_timeout"],
        max_answer_bytes=params["max_answer_bytes"],
        path=path,
        headers={str(header): str(value) for header, value in given["headers"].items()},
        token=shared["token"],
        initialize=given["initialize"],
        envelope=given["envelope"],
        body=given["body"],
    )


def _made(given: Mapping[str, Any], settings: Settings) -> Probe:
    kind = given["kind"]
    titles = {
        "tcp": f"Port {settings.endpoint.port} accepts connections",
        "http": f"{given['method'].upper()} {settings.path}",
        "tool": f"Tool {given['tool']} answers",
        "list_tools": "The server lists its tools",
    }
    return Probe(
        subject=Subject(
            given["id"],
            given["title"] or titles[kind],
            given["category"],
            given["severity"],
            given["hint"],
        ),
        kind=kind,
        settings=settings,
        transport=given["transport"],
        tool=given["tool"] or "",
        arguments=given["arguments"],
        tools=tuple(given["tools"]),
        method=given["method"].upper(),
        body=given["body"],
        status=tuple(given["status"]),
        json=given["json"],
        expect=given["expect"],
        expect_match=given["expect_match"],
        capture=given["capture"],
        cleanup=_cleanup(given),
        first=_steps(given, "first"),
        then=_steps(given, "then"),
        count=given["count"],
        warmup=given["warmup"],
        max_errors=given["max_errors"],
        limits=given["limits"] or {},
        read_only=given["read_only"],
    )


def _cleanup(given: Mapping[str, Any]) -> Cleanup | None:
    return Cleanup(**given["cleanup"]) if given["cleanup"] else None


def _steps(given: Mapping[str, Any], name: str) -> tuple[Step, ...]:
    # Probes that an older collection kept on the host have none.
    return tuple(Step(**{**step, "cleanup": _cleanup(step)}) for step in given.get(name) or [])


def _problem(probe: Probe, given: Mapping[str, Any]) -> str:
    """What is wrong with a probe, empty when nothing is."""
    if probe.kind == "tool" and not probe.tool:
        return "kind tool needs tool"
    if probe.kind != "tool" and (probe.first or probe.then):
        return "first and then are for the kind tool"
    if probe.kind == "list_tools" and probe.transport == "post":
        return "the transport post cannot list tools"
    if probe.transport != "tcp" and probe.settings.envelope == "bare":
        return "the envelope bare is for the transport tcp"
    if probe.count < 1 or probe.warmup < 0 or probe.max_errors < 0:
        return "count must be at least 1, warmup and max_errors at least 0"
    if probe.kind == "http" and not probe.status:
        return "status must name at least one HTTP status"
    return _values_problem(probe) or ("" if str(given["path"] or "/").startswith("/") else "path must begin with /")


def _values_problem(probe: Probe) -> str:
    for name, source in (item for step in probe.steps() for item in step.capture.items()):
        if not isinstance(source, str) and not (isinstance(source, Mapping) and "path" in source):
            return f"capture.{name} must be a path or a mapping with path and regex"
    unknown = unknown_placeholders(probe)
    if unknown:
        names = ", ".join("{" + name + "}" for name in sorted(unknown))
        return f"nothing fills {names} (known: n, uuid; and what the calls before capture)"
    return ""
