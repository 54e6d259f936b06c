# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One short text for a whole schema: equal for equal schemas, on every version of PostgreSQL."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import schema_text
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_kinds import (
    MATERIALIZED_VIEW,
    SCHEMA,
    SEQUENCE,
    TABLE,
    VIEW,
    Document,
    Kind,
)

# Changes when the same schema gets another fingerprint than before.
VERSION = 1
_NAME_BYTES = 63
# What PostgreSQL puts behind the names that it makes.
_LABELS = {
    "primary_key": "pkey",
    "unique": "key",
    "check": "check",
    "foreign_key": "fkey",
    "exclusion": "excl",
    "index": "idx",
    "sequence": "seq",
}
_SECTIONS = {kind.section: kind for kind in (*SCHEMA.sections, *TABLE.sections)}
_CALL = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\(")


def fingerprint(schemas: Document, extensions: Document) -> str:
    """The fingerprint of a live database; owners, privileges and versions of extensions do not count.

    Neither do the order of columns and the names that PostgreSQL made by itself, for they depend on
    the order in which things were created.
    """
    digest = hashlib.sha256()
    homes = {name: thing.get("schema") for name, thing in extensions.items() if name != "plpgsql"}
    for part in _parts(schemas, homes):
        digest.update(json.dumps(part, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    return f"{VERSION}-{digest.hexdigest()}"


def migrations_digest(recorded: Iterable[str]) -> str:
    """The SHA-256, in hexadecimal, of the names of migrations in order, one a line: equal where the same ran."""
    return hashlib.sha256("\n".join(sorted(recorded)).encode()).hexdigest()


def _parts(schemas: Document, extensions: Mapping[str, Any]) -> Iterable[Any]:
    yield extensions
    for schema in sorted(schemas):
        own = _own_sequences(schemas[schema])
        yield schema
        for kind in SCHEMA.sections:
            things = schemas[schema].get(kind.section, {})
            for name in sorted(things):
                if kind is not SEQUENCE or name not in own:
                    yield [kind.name, name, _thing(kind, name, things[name], own)]
        yield sorted(json.dumps(part, sort_keys=True) for part in own.values())


def _own_sequences(things: Document) -> dict[str, Any]:
    """The sequences that PostgreSQL made for columns and named itself: name -> what counts of it."""
    own = {}
    for name, thing in things.get(SEQUENCE.section, {}).items():
        if "owned_by" in thing:
            table, column = thing["owned_by"]
            if _automatic(SEQUENCE, name, table, [column]):
                own[name] = {part: value for part, value in thing.items() if part != "access"}
    return own


def _thing(kind: Kind, name: str, thing: Document, own: Mapping[str, Any]) -> Document:
    found: Document = {}
    for part, value in thing.items():
        section = _SECTIONS.get(part)
        if part == "access":
            continue
        if section is None:
            found[part] = (
                schema_text.squeezed(value) if kind in (VIEW, MATERIALIZED_VIEW) and part == "definition" else value
            )
        elif section.by_definition:
            found[part] = sorted(_nameless(section, name, one, value[one], thing) for one in value)
        else:
            found[part] = {one: _default(value[one], own) if part == "columns" else value[one] for one in value}
    return found


def _nameless(kind: Kind, table: str, name: str, thing: Document, within: Document) -> str:
    """An object as JSON, with its name where somebody gave it that."""
    kept = None if _is_automatic(kind, table, name, thing, within) else name
    return json.dumps([kept, thing], sort_keys=True)


def _is_automatic(kind: Kind, table: str, name: str, thing: Document, within: Document) -> bool:
    if kind.name == "primary_key":
        return _automatic(kind, name, table, [])
    if kind.name == "check":
        # Named after its column where it is about one; which one is not asked.
        return any(_automatic(kind, name, table, [one] if one else []) for one in ("", *within.get("columns", {})))
    columns: list[str] = []
    for element in thing.get("columns", []):
        made = _column_of(element) if kind.name == "index" else element
        same = sum(1 for column in columns if re.fullmatch(re.escape(made) + r"\d*", column))
        columns.append(f"{made}{same or ''}")
    columns += thing.get("include", [])
    return _automatic(kind, name, table, columns)


def _column_of(element: str) -> str:
    """What PostgreSQL calls an element of an index when it makes a name of it."""
    call = _CALL.match(element)
    if call:
        return call.group(1).lower()
    if element.startswith("("):
        return "expr"
    return element[1:-1].replace('""', '"') if element.startswith('"') else element.split(" ")[0]


def _automatic(kind: Kind, name: str, table: str, columns: Sequence[str]) -> bool:
    """Whether PostgreSQL would have made this name, with whatever number."""
    label = _LABELS[kind.name]
    match = re.search(rf"_({label}\d*)$", name)
    return match is not None and _made(table, "_".join(columns), match.group(1)) == name


def _made(table: str, columns: str, label: str) -> str:
    """A name as PostgreSQL makes it: the longer part is cut until all of it fits."""
    left, right = table.encode(), columns.encode()
    room = _NAME_BYTES - len(label) - 1 - bool(right)
    short, other = len(left), len(right)
    while short + other > room:
        if short > other:
            short -= 1
        else:
            other -= 1
    parts = [part.decode("utf-8", "ignore") for part in (left[:short], right[:other]) if part]
    return "_".join([*parts, label])


def _default(column: Document, own: Mapping[str, Any]) -> Document:
    """A column whose default is its own sequence, without that sequence's name."""
    default = column.get("default")
    if isinstance(default, str) and default.startswith("nextval('"):
        text = default.removeprefix("nextval('").removesuffix("'::regclass)")
        if schema_text.tokens(text) and _last(text) in own:
            return {**column, "default": "nextval"}
    return column


def _last(name: str) -> str:
    """The last part of a name that may be qualified and quoted."""
    last = schema_text.tokens(name.replace("''", "'"))[-1].text
    return last[1:-1].replace('""', '"') if last.startswith('"') else last
