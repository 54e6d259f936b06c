# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Contracts: what a person or an export wrote, as a document to compare with; every fault with its path."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial as bind
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import schema_forms
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_kinds import (
    EXTENSION,
    FUNCTION,
    PRIVILEGES,
    SCHEMA,
    Document,
    Kind,
    Observed,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_text import identifier

FORMAT = 1
# Objects that a contract does not name; no name of PostgreSQL's begins so.
NAMELESS = "\0"

# Key of ``access`` -> the kind it is for.
_ACCESS_FOR = {
    "database": "database",
    "schemas": "schema",
    "tables": "table",
    "views": "view",
    "materialized_views": "materialized_view",
    "sequences": "sequence",
}
_MIGRATIONS: dict[str, Callable[[Any], Any]] = {
    "schema": schema_forms.text,
    "table": schema_forms.text,
    "column": schema_forms.text,
    "expected": schema_forms.names,
    "minimum": schema_forms.text,
}

Path = tuple[str, ...]


class ContractError(Exception):
    """A contract that cannot be used; the message lists all its faults."""


@dataclass(frozen=True)
class Migrations:
    """Where migrations are recorded, and which must be."""

    table: str
    column: str
    schema: str = "public"
    expected: list[str] | None = None
    minimum: str | None = None


@dataclass(frozen=True)
class Contract:
    """What must be. ``partial``: only what is written is compared."""

    partial: bool = False
    schemas: Document = field(default_factory=dict)
    extensions: Document = field(default_factory=dict)
    migrations: Migrations | None = None
    database: Document = field(default_factory=dict)

    def speaks_of_access(self) -> bool:
        """Whether it says anything about the application's role."""
        things = [self.database]
        for schema in self.schemas.values():
            things.append(schema)
            things += (thing for kind in SCHEMA.sections for thing in schema.get(kind.section, {}).values())
        return any("access" in thing for thing in things)


def read(raw: Any, partial: bool | None = None, migrations: Any = None) -> Contract:
    """Make a contract of a mapping or of JSON; ``partial`` and ``migrations`` overrule it. Raises ContractError."""
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except ValueError as error:
            raise ContractError(f"the contract is no JSON: {error}") from None
    reader = _Reader(raw, partial)
    contract = reader.contract(migrations)
    if reader.faults:
        count = len(reader.faults)
        raise ContractError(f"the contract has {count} fault{'s' * (count > 1)}:\n- " + "\n- ".join(reader.faults))
    return contract


def path_text(path: Path) -> str:
    """A path in the YAML, as one would write it."""
    parts = [name if identifier(name) == name else f"[{schema_forms.shown(name)}]" for name in path]
    return ".".join(parts).replace(".[", "[") or "contract"


class _Reader:
    def __init__(self, raw: Any, partial: bool | None) -> None:
        self.faults: list[str] = []
        self._raw = self._mapping(raw, ())
        written = self._form(self._raw.get("partial", False), ("partial",), schema_forms.flag, False)
        self._partial = bool(written if partial is None else partial)

    def contract(self, migrations: Any) -> Contract:
        known = ("format", "partial", "schemas", "extensions", "migrations", "access")
        self._no_others(self._raw, known, ())
        if self._raw.get("format", FORMAT) != FORMAT:
            self._fault(("format",), f"must be {FORMAT}")
        access = self._access(self._mapping(self._raw.get("access"), ("access",)))
        schemas = self._section(SCHEMA, self._raw.get("schemas"), ("schemas",))
        for schema in schemas.values():
            _give(schema, "schema", access)
            for kind in SCHEMA.sections:
                for thing in schema.get(kind.section, {}).values():
                    _give(thing, kind.name, access)
        return Contract(
            partial=self._partial,
            schemas=schemas,
            extensions=self._section(EXTENSION, self._raw.get("extensions"), ("extensions",)),
            migrations=self._migrations(self._raw.get("migrations"), migrations),
            database={"access": access["database"]} if "database" in access else {},
        )

    def _fault(self, path: Path, message: str) -> None:
        self.faults.append(f"{path_text(path)}: {message}")

    def _form(self, value: Any, path: Path, form: Callable[[Any], Any], default: Any = None) -> Any:
        try:
            return form(value)
        except ValueError as error:
            self._fault(path, str(error))
            return default

    def _mapping(self, raw: Any, path: Path) -> Mapping[str, Any]:
        if raw is None:
            return {}
        if not isinstance(raw, Mapping):
            self._fault(path, str(schema_forms.wrong("a mapping", raw)))
            return {}
        return raw

    def _no_others(self, raw: Mapping[str, Any], known: tuple[str, ...], path: Path) -> None:
        for name in raw:
            if name not in known:
                self._fault((*path, str(name)), f"is not known here; there are {', '.join(known)}")

    def _access(self, raw: Mapping[str, Any]) -> Document:
        """Kind's name -> what the application's role may do with each object of the kind."""
        self._no_others(raw, tuple(_ACCESS_FOR), ("access",))
        found = {}
        for name, kind in _ACCESS_FOR.items():
            if raw.get(name) is not None:
                form = bind(schema_forms.access, kind=kind)
                found[kind] = self._form(raw[name], ("access", name), form)
        return found

    def _migrations(self, raw: Any, overruling: Any) -> Migrations | None:
        path = ("migrations",)
        overruled = {name: value for name, value in self._mapping(overruling, path).items() if value is not None}
        written = {**self._mapping(raw, path), **overruled}
        self._no_others(written, tuple(_MIGRATIONS), path)
        written = {name: value for name, value in written.items() if value is not None and name in _MIGRATIONS}
        if not written:
            return None
        for name in ("table", "column"):
            if name not in written:
                self._fault(path, f"{name} is required")
        read_ = {name: self._form(value, (*path, name), _MIGRATIONS[name], "") for name, value in written.items()}
        return Migrations(**{"table": "", "column": "", **read_})

    def _section(self, kind: Kind, raw: Any, path: Path) -> Document:
        """Objects by name. Where names matter little a list will do, whose objects have none."""
        if kind.by_definition and isinstance(raw, list):
            if kind.name == "primary_key" and raw and all(isinstance(item, str) for item in raw):
                raw = [{"columns": raw}]
            raw = {f"{NAMELESS}{index}": thing for index, thing in enumerate(raw)}
        found = {}
        for name, thing in self._mapping(raw, path).items():
            nameless = isinstance(name, str) and name.startswith(NAMELESS)
            here = (*path, name[1:] if nameless else str(name))
            if not nameless:
                self._check_name(kind, name, here)
            found[name] = self._thing(kind, thing, here, nameless)
        return found

    def _check_name(self, kind: Kind, name: Any, path: Path) -> None:
        if not isinstance(name, str) or not name or NAMELESS in name:
            self._fault(path, "is no name")
        elif kind is not FUNCTION and len(name.encode()) > 63:
            self._fault(path, "has more than the 63 bytes that PostgreSQL keeps of a name")

    def _thing(self, kind: Kind, raw: Any, path: Path, nameless: bool) -> Document:
        written = self._mapping(raw, path)
        found: Document = {}
        sections = {section.section: section for section in kind.sections}
        for name, value in written.items():
            attribute = kind.attributes.get(name)
            if name in sections:
                things = self._section(sections[name], value, (*path, name))
                if things:
                    found[name] = things
            elif attribute is None:
                self._no_others({name: value}, (*kind.attributes, *sections), path)
            else:
                try:
                    one = schema_forms.canonical(attribute, kind.name, value)
                except ValueError as error:
                    self._fault((*path, name), str(error))
                    continue
                if one != attribute.default or (self._partial and not attribute.optional):
                    found[name] = one
        self._required(kind, written, path, nameless)
        if kind.name == "foreign_key":
            self._own_schema(found, path)
        return found

    def _required(self, kind: Kind, written: Mapping[str, Any], path: Path, nameless: bool) -> None:
        if self._partial and not nameless:
            return
        for name, attribute in kind.attributes.items():
            if attribute.required and written.get(name) is None:
                why = "" if not self._partial else ", for it has no name"
                self._fault(path, f"{name} is required{why}")

    def _own_schema(self, thing: Document, path: Path) -> None:
        """A reference into the schema of the table itself goes without saying."""
        if thing.get("references_schema") == path[1]:
            thing["references_schema"] = None
            if not self._partial:
                del thing["references_schema"]


def _give(thing: Document, kind: str, access: Mapping[str, Any]) -> None:
    """Give an object the access of all of its kind, where it says nothing itself."""
    if kind in access and kind in PRIVILEGES:
        thing.setdefault("access", access[kind])


def ordered(document: Any) -> Any:
    """A document with its names in order, so that two exports can be compared line by line."""
    if isinstance(document, dict):
        return {name: ordered(document[name]) for name in sorted(document)}
    return document


def exported(observed: Observed, migrations: Migrations | None) -> Document:
    """The contract of a live database; migrations where it was told where they are recorded."""
    # plpgsql is in every database, and not made for the application.
    extensions = {name: thing for name, thing in observed.extensions.items() if name != "plpgsql"}
    found: Document = {"format": FORMAT, "extensions": extensions, "schemas": observed.schemas}
    if observed.access:
        found["access"] = {"database": observed.access["access"]}
    if migrations is not None and observed.recorded is not None:
        place = {"schema": migrations.schema, "table": migrations.table, "column": migrations.column}
        found["migrations"] = {**place, "expected": observed.recorded}
    result: Document = ordered(found)
    return result
