# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The texts of the bundle: one for each topic of a host."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import Cause, journal
from ansible_collections.ridgetop.aidis.plugins.module_utils.evidence_report import report


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
    "journal-service": ("journal_service", "journal_timers", "logs"),
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
