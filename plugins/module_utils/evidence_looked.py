# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was looked at on a host, each part of the evidence in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import megabytes


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
