# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The comparison of a live database with a contract: two documents in, findings out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import schema_hints, schema_text, versions
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_contract import NAMELESS, Contract, Migrations
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_findings import (
    FAILURES,
    Finding,
    described,
    object_name,
    value_text,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_kinds import (
    EXTENSION,
    INDEX,
    OWNER,
    SCHEMA,
    Document,
    Kind,
    Observed,
)

# Extra objects: what becomes of them.
EXTRA = ("warn", "fail", "ignore")
_SQL_FORMS = ("expression", "view", "name", "type", "elements", "fields")
_SERIAL = re.compile(r"(\d+)")
Path = tuple[str, ...]


def compare(contract: Contract, observed: Observed, extra: str = "warn") -> list[Finding]:
    """Compare; findings in the order of the contract's names."""
    comparison = _Comparison(contract.partial)
    comparison.section(EXTENSION, contract.extensions, observed.extensions, ())
    comparison.section(SCHEMA, contract.schemas, observed.schemas, ())
    if observed.role is None:
        if contract.speaks_of_access():
            comparison.add((), "privilege", "unseen", "", "the application's role", "no role was named", "set role")
    elif not observed.role_exists:
        comparison.add((observed.role,), "privilege", "missing", "", "a role", "none", "create the role")
    else:
        comparison.access((observed.name,), "database", contract.database, observed.access)
    if contract.migrations is not None:
        comparison.migrations(contract.migrations, observed.recorded, observed.unrecorded)
    found = [_with_status(finding, extra) for finding in comparison.findings]
    return [finding for finding in found if finding.severity != "extra" or extra != "ignore"]


def _with_status(finding: Finding, extra: str) -> Finding:
    fails = finding.severity in FAILURES or (finding.severity == "extra" and extra == "fail")
    return replace(finding, status="fail" if fails else "warn")


class _Comparison:
    def __init__(self, partial: bool) -> None:
        self.findings: list[Finding] = []
        self._partial = partial

    def add(self, path: Path, kind: str, severity: str, attribute: str, *told: str) -> None:
        """Note a finding; told are what was expected, what was observed, and a hint."""
        expected, observed, hint = told
        self.findings.append(Finding(object_name(path, kind), kind, severity, attribute, expected, observed, hint))

    def section(
        self, kind: Kind, wanted: Document, found: Document, path: Path, within: Document | None = None
    ) -> None:
        """Compare all objects of a kind; ``within`` is the live object they belong to."""
        # Equal documents say the same: most of a big schema is done with here.
        if wanted == found:
            return
        if kind.by_definition:
            pairs = _matched(kind, wanted, found, within or {}, self._partial)
        else:
            pairs = {name: name if name in found else None for name in wanted}
        for name, other in pairs.items():
            if other is None:
                self._missing(kind, wanted[name], (*path, name))
            elif other in found:
                self._thing(kind, wanted[name], found[other], ((*path, name), (*path, other)), within or {})
            else:
                self._renamed(kind, (*path, name), (*path, other))
        if not self._partial:
            taken = set(pairs.values())
            for name in found:
                if name not in taken and not _goes_without_saying(kind, name):
                    self._extra(kind, found[name], (*path, name))

    def _missing(self, kind: Kind, wanted: Document, path: Path) -> None:
        self.add(path, kind.name, "missing", "", described(wanted, kind), "none", schema_hints.missing(kind, path))

    def _extra(self, kind: Kind, found: Document, path: Path) -> None:
        hint = schema_hints.unexpected(kind, found, path)
        self.add(path, kind.name, "extra", "", "none", described(found, kind), hint)

    def _renamed(self, kind: Kind, path: Path, other: Path) -> None:
        if path == other or path[-1].startswith(NAMELESS):
            return
        hint = schema_hints.renamed(kind, path, other)
        self.add(path, kind.name, "renamed", "", path[-1], other[-1], hint)

    def _thing(self, kind: Kind, wanted: Document, found: Document, paths: tuple[Path, Path], within: Document) -> None:
        """Compare an object with the live one that is meant by it; ``paths`` are those of both."""
        _path, other = paths
        self._renamed(kind, *paths)
        if wanted == found:
            return
        for name, attribute in kind.attributes.items():
            if name not in wanted and (self._partial or attribute.optional or name not in found):
                continue
            if attribute.form == "access":
                self.access(other, kind.name, wanted, found)
                continue
            expected, observed = (thing.get(name, attribute.default) for thing in (wanted, found))
            if not same(attribute.form, expected, observed) and (expected is not None or not attribute.optional):
                invalid = attribute.state and expected is True
                hint = schema_hints.different(kind, name, other, within)
                told = (value_text(expected), value_text(observed), hint)
                self.add(other, kind.name, "invalid" if invalid else "different", name, *told)
        for section in kind.sections:
            self.section(section, wanted.get(section.section, {}), found.get(section.section, {}), other, found)

    def access(self, path: Path, kind: str, wanted: Document, found: Document) -> None:
        """What the application's role may do. A partial contract names what it needs at least."""
        needed, held = wanted.get("access"), found.get("access")
        if needed is None or held is None or needed == held:
            return
        told = (value_text(needed), value_text(held))
        if needed == OWNER:
            self.add(path, "privilege", "different", "access", *told, schema_hints.owner(kind, path))
            return
        if held == OWNER:
            lacking, surplus = [], [OWNER]
        else:
            lacking, surplus = sorted(set(needed) - set(held)), sorted(set(held) - set(needed))
        if lacking:
            self.add(path, "privilege", "missing", "access", *told, schema_hints.grant(kind, path, lacking))
        if surplus and not self._partial:
            self.add(path, "privilege", "extra", "access", *told, f"not in the contract: {', '.join(surplus)}")

    def migrations(self, wanted: Migrations, recorded: list[str] | None, reason: str) -> None:
        """Which migrations are recorded."""
        path = (wanted.schema, wanted.table, wanted.column)
        if recorded is None:
            needed = "migrations recorded"
            severity = "unseen" if "permission" in reason else "missing"
            self.add(path, "migration", severity, "", needed, reason, "run the migrations, or correct migrations")
            return
        for name in wanted.expected or ():
            if name not in recorded:
                self.add(path, "migration", "missing", "", name, "not recorded", "run the migrations")
        if wanted.expected is not None and not self._partial:
            for name in sorted(set(recorded) - set(wanted.expected), key=in_order):
                self.add(path, "migration", "extra", "", "none", name, "the database is ahead of the contract")
        last = max(recorded, key=in_order, default=None)
        if wanted.minimum is not None:
            if last is None or in_order(last) < in_order(wanted.minimum):
                needed = f"{wanted.minimum} or later"
                self.add(path, "migration", "missing", "", needed, last or "none", "run the migrations")
        elif last is None and wanted.expected is None:
            self.add(path, "migration", "missing", "", "any", "none", "run the migrations")


def in_order(text: str) -> list[tuple[int, str]]:
    """A key by which 9 comes before 10 and 009 is 9."""
    parts = _SERIAL.split(text)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts if part]


def same(form: str, expected: Any, observed: Any) -> bool:
    """Whether two values of an attribute say the same."""
    if expected == observed:
        return True
    if form == "version" and expected is not None and observed is not None:
        return versions.at_least(versions.parse(observed), versions.parse(expected))
    if form not in _SQL_FORMS or expected is None or observed is None:
        return False
    left, right = ([side] if isinstance(side, str) else side for side in (expected, observed))
    return list(map(schema_text.squeezed, left)) == list(map(schema_text.squeezed, right))


def _goes_without_saying(kind: Kind, name: str) -> bool:
    """Whether an object is in every database, and not made for the application."""
    return kind is EXTENSION and name == "plpgsql"


def _matched(kind: Kind, wanted: Document, found: Document, within: Document, partial: bool) -> dict[str, str | None]:
    """Find for each object wanted the live one that is meant by it, by its name or by what it is.

    The better a pair agrees the earlier it is made: all of it, then all but whether it works, then
    the name alone.
    """
    spare = {**found, **(_backing(within) if kind is INDEX else {})}
    pairs: dict[str, str] = {}
    free = dict.fromkeys(spare)
    # Who asks for more chooses first.
    names = sorted(wanted, key=lambda name: (-len(wanted[name]), name))

    def pair(rule: Callable[[str], Iterable[str]]) -> None:
        for name in names:
            other = None if name in pairs else next(iter(rule(name)), None)
            if other is not None:
                pairs[name] = other
                del free[other]

    def agreeing(name: str, others: Iterable[str], states: bool) -> Iterable[str]:
        thing = wanted[name]
        return (other for other in others if _satisfied(kind, thing, spare[other], states, partial))

    defined = {name for name in names if _is_defined(kind, wanted[name])}

    def rounds(states: bool) -> None:
        pair(lambda name: agreeing(name, [name] if name in free else [], states))
        pair(lambda name: agreeing(name, list(free) if name in defined else [], states))

    rounds(True)
    rounds(False)
    pair(lambda name: [name] if name in free and name in found else [])
    return {name: pairs.get(name) for name in wanted}


def _is_defined(kind: Kind, wanted: Document) -> bool:
    return all(name in wanted for name, attribute in kind.attributes.items() if attribute.required)


def _satisfied(kind: Kind, wanted: Document, found: Document, states: bool, partial: bool) -> bool:
    """Whether a live object is what is wanted; without ``states`` whether or not it works."""
    for name, attribute in kind.attributes.items():
        if attribute.optional or (attribute.state and not states) or (partial and name not in wanted):
            continue
        if (name in wanted or name in found) and not same(
            attribute.form, wanted.get(name, attribute.default), found.get(name, attribute.default)
        ):
            return False
    return True


def _backing(table: Document) -> Document:
    """The indexes behind the keys of a table, as if they had been made by CREATE UNIQUE INDEX."""
    found = {}
    for section in ("primary_key", "unique"):
        for name, key in table.get(section, {}).items():
            if not key.get("deferrable") and not key.get("without_overlaps"):
                index = {part: key[part] for part in ("include", "nulls_not_distinct", "valid") if part in key}
                columns = [schema_text.identifier(column) for column in key["columns"]]
                found[name] = {"columns": columns, "unique": True, **index}
    return found
