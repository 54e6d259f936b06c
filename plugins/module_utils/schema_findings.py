# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings of a comparison, and the checks that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import schema_forms
from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import Check, Subject
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_contract import NAMELESS, Contract
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_kinds import SCHEMA, Kind
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_text import identifier

# Severities that fail whatever was asked for; ``extra`` does where it is asked for, ``renamed`` never.
FAILURES = ("missing", "different", "invalid", "unseen")
_SHOWN = 20

# Category of checks -> its title, and the kinds in it.
CATEGORIES = {
    "extensions": ("Extensions", ("extension",)),
    "tables": ("Schemas and tables", ("schema", "table")),
    "columns": ("Columns", ("column",)),
    "constraints": ("Keys and check constraints", ("primary_key", "unique", "check", "exclusion")),
    "foreign_keys": ("Foreign keys", ("foreign_key",)),
    "indexes": ("Indexes", ("index",)),
    "views": ("Views", ("view", "materialized_view")),
    "types": ("Types", ("enum", "domain", "composite_type")),
    "sequences": ("Sequences", ("sequence",)),
    "functions": ("Functions, triggers and policies", ("function", "trigger", "policy")),
    "migrations": ("Migrations recorded", ("migration",)),
    "privileges": ("Privileges of the application's role", ("privilege",)),
}


@dataclass(frozen=True)
class Finding:
    """One difference. ``attribute`` is empty where the object as a whole is meant."""

    object: str
    kind: str
    severity: str
    attribute: str
    expected: str
    observed: str
    hint: str
    status: str = "fail"

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the module's result."""
        return asdict(self)

    def line(self) -> str:
        """For a message."""
        what = f"{self.kind} {self.object} {self.attribute}".rstrip()
        seen = f": expected {_short(self.expected)}; observed {_short(self.observed)}"
        return f"{what} {self.severity}{seen}{'. ' + self.hint if self.hint else ''}"


def object_name(path: Sequence[str], kind: str) -> str:
    """The name of an object in full, one without a name by what it belongs to."""
    parts = [identifier(part) for part in path if not part.startswith(NAMELESS)]
    # A signature has its quotes already.
    return ".".join([*parts[:-1], path[-1]] if kind == "function" else parts)


def described(thing: Mapping[str, Any], kind: Kind) -> str:
    """What an object is, in one line."""
    parts = [f"{name}: {value_text(thing[name])}" for name in kind.attributes if name in thing]
    return ", ".join(parts) or "present"


def value_text(value: Any) -> str:
    """A value of an attribute, for people."""
    if value is None:
        return "none"
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    return value if isinstance(value, str) else schema_forms.shown(value)


def _short(text: str) -> str:
    # Other whitespace may be the difference.
    line = " ".join(part.strip() for part in text.splitlines()) if "\n" in text else text
    return line if len(line) <= 160 else line[:157] + "..."


def failed(findings: Iterable[Finding]) -> list[Finding]:
    """Those that fail."""
    return [finding for finding in findings if finding.status == "fail"]


def message(findings: Sequence[Finding], database: str) -> str:
    """One message that names what failed, the first of them one by one."""
    bad = failed(findings)
    if not bad:
        noted = f", {len(findings)} noted" if findings else ""
        return f"the schema of {database} is as its contract says{noted}"
    lines = [f"the schema of {database} is not as its contract says, {len(bad)} finding{'s' * (len(bad) > 1)}:"]
    lines += [f"- {finding.line()}" for finding in bad[:_SHOWN]]
    if len(bad) > _SHOWN:
        lines.append(f"- and {len(bad) - _SHOWN} more")
    return "\n".join(lines)


def counts(schemas: Mapping[str, Any]) -> dict[str, int]:
    """How many objects of each kind a document holds."""
    found: dict[str, int] = {}
    _count(SCHEMA, schemas, found)
    return found


def _count(kind: Kind, things: Mapping[str, Any], found: dict[str, int]) -> None:
    found[kind.name] = found.get(kind.name, 0) + len(things)
    for section in kind.sections:
        for thing in things.values():
            if section.section in thing:
                _count(section, thing[section.section], found)


def checks(contract: Contract, findings: Sequence[Finding]) -> list[Check]:
    """One check of each category, in the shape that all checks of the collection have."""
    wanted = {
        **counts(contract.schemas),
        "extension": len(contract.extensions),
        "migration": int(contract.migrations is not None),
        "privilege": int(contract.speaks_of_access()),
    }
    found = []
    for category, (title, kinds) in CATEGORIES.items():
        named = sum(wanted.get(kind, 0) for kind in kinds)
        found.append(_check(category, title, named, [finding for finding in findings if finding.kind in kinds]))
    return found


def _check(category: str, title: str, named: int, findings: Sequence[Finding]) -> Check:
    # The title stands before both, so they need not repeat it.
    bad = failed(findings)
    first = [*bad, *findings][:1]
    subject = Subject(f"schema.{category}", title, "schema", hint=first[0].hint if first else "")
    expected = f"{named} as in the contract"
    if not findings:
        if not named:
            return subject.skipped("nothing", "the contract names none")
        return subject.result(True, expected, expected)
    lines = [f"{finding.object} {finding.attribute}".strip() + f" {finding.severity}" for finding in bad or findings]
    observed = ", ".join(lines[:_SHOWN]) + (f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else "")
    return subject.result(False, expected, observed) if bad else subject.warned(expected, observed)
