# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evidence and causes as text: a short one for the terminal, and one for each topic of the bundle."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import (
    POSSIBLE,
    REMARK,
    WORDS,
    Cause,
    journal,
    megabytes,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.causes import telling, troubled

WIDTH = 116
# Lines of evidence that the terminal shows of each cause.
SHOWN = 4


def report(host: str, evidence: Mapping[str, Any], causes: Sequence[Cause]) -> str:
    """What the terminal shows of a host: the causes with what mends them, then what was looked at."""
    known = [one for one in causes if one.certainty > REMARK]
    roots = sum(not one.follows for one in known)
    lines = [f"{host}: {_verdict(roots, troubled(evidence))}"]
    for number, cause in enumerate(known, 1):
        lines += ["", *_cause(f"  {number}. ", cause)]
    if not any(one.certainty >= POSSIBLE for one in known) and troubled(evidence):
        lines += ["", "  The lines that tell most:", *(f"    | {line}" for line in telling(evidence))]
    remarks = [one for one in causes if one.certainty <= REMARK]
    for cause in remarks:
        lines += ["", *_cause("  Remark: ", cause)]
    looked = [f"{name}: {text}" for name, text in looked_at(evidence)]
    lines += ["", "  Looked at", *(_wrapped("    ", one) for one in looked)]
    missing = evidence.get("missing") or {}
    if missing:
        lines += [
            "",
            "  Could not be looked at",
            *(_wrapped("    ", f"{name}: {why}") for name, why in missing.items()),
        ]
    return "\n".join(lines)


def _verdict(roots: int, trouble: bool) -> str:
    if roots:
        return "1 cause was found." if roots == 1 else f"{roots} causes were found."
    return "something is wrong, and its cause is not known here." if trouble else "nothing wrong was found."


def _cause(head: str, cause: Cause) -> list[str]:
    how = f"follows from {cause.follows}" if cause.follows else WORDS[cause.certainty]
    blank = " " * len(head)
    lines = [f"{head}{cause.id} ({how})", _wrapped(blank, cause.sentence)]
    lines += [f"{blank}| {line}" for line in cause.lines[:SHOWN]]
    where = ""
    for mend in cause.mends:
        if mend.where != where:
            where = mend.where
            lines.append(f"{blank}Mend it {where}:")
        lines.append(f"{blank}  {mend.command}")
    return lines


def _wrapped(blank: str, text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=blank, subsequent_indent=blank, break_on_hyphens=False)


def looked_at(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was looked at, each part that could be had in one line."""
    found = []
    for name, told in _LOOKED.items():
        try:
            text = told(evidence)
        except (KeyError, TypeError, IndexError, AttributeError):
            continue
        if text:
            found.append((name, text))
    return found


def _unit(evidence: Mapping[str, Any]) -> str:
    told = [f"{one['Id']} {one['ActiveState']} ({one['SubState']})" for one in evidence["units"]]
    return ", ".join(told)


def _database(evidence: Mapping[str, Any]) -> str:
    found = evidence["application"]
    if not found:
        return ""
    how = (
        f"the application gets in as {found['as']}"
        if found["in"]
        else f"the application does not get in: {found['error']}"
    )
    return f"{found['host']}:{found['port']}, {how}"


def _disks(evidence: Mapping[str, Any]) -> str:
    disks = sorted((one for one in evidence["disks"] if one["bytes"]), key=lambda one: one["bytes_free"] / one["bytes"])
    return ", ".join(f"{one['mount']} {megabytes(one['bytes_free'])} free" for one in disks[:4])


def _memory(evidence: Mapping[str, Any]) -> str:
    return f"{evidence['memory']['available']} of {evidence['memory']['total']} MiB available"


def _clock(evidence: Mapping[str, Any]) -> str:
    state = "synchronised" if evidence["clock"]["synchronised"] else "not synchronised"
    offset = evidence["system"].get("clock_offset")
    return state if offset is None else f"{state}, {abs(offset):.1f} s from the controller's"


def _files(evidence: Mapping[str, Any]) -> str:
    wrong = sum(bool(one["wrong"]) for one in evidence["files"])
    return f"{len(evidence['files'])}, {wrong} of them not as the roles make them"


def _ports(evidence: Mapping[str, Any]) -> str:
    wanted = evidence["about"]["ports"]
    found = {
        one["port"]: [*(by["command"] for by in one["processes"]), f"of {one['user']}"] for one in evidence["sockets"]
    }
    return ", ".join(f"{port} {found[port][0] if port in found else 'nothing listens'}" for port in wanted)


def _release(evidence: Mapping[str, Any]) -> str:
    found = evidence["releases"]
    if not found:
        return ""
    return (
        f"{found['running'] or 'none'} runs, {len(found['entries'])} in the ledger, the link leads to {found['target']}"
    )


def _backups(evidence: Mapping[str, Any]) -> str:
    found = evidence["backups"]
    if not found:
        return ""
    return f"the newest is {found['newest'][0]['id']}" if found["newest"] else "none"


def _lock(evidence: Mapping[str, Any]) -> str:
    found = evidence["lock"]
    return "" if not found else found["described"] if found["held"] else "free"


_LOOKED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "units": _unit,
    "ports": _ports,
    "database": _database,
    "disks": _disks,
    "memory": _memory,
    "clock": _clock,
    "files": _files,
    "release": _release,
    "backups": _backups,
    "lock": _lock,
}


def topics(host: str, evidence: Mapping[str, Any], causes: Sequence[Cause]) -> dict[str, str]:
    """The texts of a host by their topics; each part of the evidence is in one of them."""
    found = {"summary": report(host, evidence, causes) + "\n"}
    for topic, parts in _TOPICS.items():
        found[topic] = "\n".join(_section(evidence, part) for part in parts)
    return found


_TOPICS = {
    "system": ("system", "memory", "clock", "runtime"),
    "disks": ("disks",),
    "units": ("units", "unit_file"),
    "journal-service": ("journal_service", "logs"),
    "journal-postgres": ("journal_postgres", "clusters"),
    "journal-kernel": ("journal_kernel", "journal_errors"),
    "sockets": ("sockets",),
    "database": ("application", "superuser"),
    "files": ("files",),
    "environment": ("environment",),
    "releases": ("releases", "backups", "lock"),
    "inventory": ("about",),
}


def _section(evidence: Mapping[str, Any], part: str) -> str:
    """A part of the evidence under its name, or why it could not be had."""
    value = evidence.get(part)
    why = (evidence.get("missing") or {}).get(part)
    body = [f"could not be had: {why or 'not looked at'}"] if value is None else _body(part, value)
    return "\n".join([f"== {part}", *(body or ["nothing"]), ""])


def _body(part: str, value: Any) -> Iterable[str]:
    if part.startswith("journal_"):
        return journal(value, len(value) * 1000)
    if part == "environment" and value.get("lines"):
        more = {name: value[name] for name in value if name != "lines"}
        return [*value["lines"], "", _json(more)]
    if isinstance(value, list):
        return [one if isinstance(one, str) else _json(one) for one in value]
    return [_json(value)]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
