# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows of PostgreSQL's catalog as a document of the same shape as a contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import schema_text
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_forms import sparse
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_kinds import (
    CHECK,
    EXCLUSION,
    FOREIGN_KEY,
    INDEX,
    MATERIALIZED_VIEW,
    PRIMARY_KEY,
    SCHEMA,
    TABLE,
    UNIQUE,
    VIEW,
    Document,
)

Row = Sequence[Any]

_IDENTITY = {"a": "always", "d": "by default"}
_ACTIONS = {"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}
_MATCH = {"s": "simple", "f": "full", "p": "partial"}
_KEYS = {"p": PRIMARY_KEY, "u": UNIQUE}
_FEW = {kind.section: kind for kind in (*SCHEMA.sections, *TABLE.sections)}
_DEFAULT_COLLATION = 100
_DESCENDING, _NULLS_FIRST = 1, 2


class TornError(Exception):
    """Something was dropped while it was being read: read again."""


class Assembly:
    """Puts rows together, in the order relations, columns, all else."""

    def __init__(self, schemas: Iterable[Row]) -> None:
        self.schemas: Document = {}
        for name, rights in schemas:
            self.schemas[name] = {} if rights is None else {"access": access(rights)}
        # By the relation's oid: its document, its schema, the names of its columns, and its columns' collations.
        self._relations: dict[int, Document] = {}
        self._homes: dict[int, str] = {}
        self._columns: dict[int, dict[int, str]] = {}
        self._collations: dict[tuple[int, int], int] = {}

    def relations(self, rows: Iterable[Row]) -> None:
        """Tables of all sorts, views, materialized views."""
        for row in rows:
            oid, schema, name, sort = row[:4]
            section, thing = _relation(sort, row)
            if row[14] is not None:
                thing["access"] = access(row[14])
            self._relations[oid] = thing
            self._homes[oid] = schema
            self.schemas[schema].setdefault(section, {})[name] = thing

    def columns(self, rows: Iterable[Row]) -> None:
        """Columns of tables; of materialized views only their names, for their indexes."""
        for row in rows:
            oid, number, name = row[:3]
            self._columns.setdefault(oid, {})[number] = name
            if row[8] is not None:
                self._collations[oid, number] = row[8]
            thing = self._relations.get(oid)
            if thing is not None and "definition" not in thing:
                thing.setdefault("columns", {})[name] = _column(row)

    def constraints(self, rows: Iterable[Row]) -> None:
        """Keys, checks, foreign keys, exclusion constraints."""
        for row in rows:
            thing = self._relations.get(row[0])
            if thing is not None:
                kind, found = self._constraint(row)
                thing.setdefault(kind.section, {})[row[1]] = sparse(kind, found)

    def _constraint(self, row: Row) -> tuple[Any, Document]:
        oid, _name, sort, numbers, validated, enforced, deferrable, deferred, no_inherit, period = row[:10]
        expression, valid, index, key_columns, nulls = row[10:15]
        late = {"deferrable": deferrable, "initially_deferred": deferred}
        if sort == "c":
            if expression is None:
                raise TornError
            return CHECK, {
                "expression": expression,
                "no_inherit": no_inherit,
                "validated": validated or not enforced,
                "enforced": enforced,
            }
        if sort == "x":
            return EXCLUSION, {"definition": expression, "valid": valid}
        columns = self._named(oid, numbers)
        if sort == "f":
            return FOREIGN_KEY, {"columns": columns, **late, **self._reference(row)}
        found = {"columns": columns, "include": self._named(oid, index[key_columns:]), "without_overlaps": period}
        if sort == "u":
            found["nulls_not_distinct"] = nulls
        return _KEYS[sort], {**found, **late, "valid": valid}

    def _reference(self, row: Row) -> Document:
        schema, table, oid, numbers, updated, deleted, match, emptied, outside = row[15:24]
        return {
            "references": table,
            "references_schema": None if schema == self._homes[row[0]] else schema,
            "references_columns": outside or self._named(oid, numbers),
            "on_update": _ACTIONS[updated],
            "on_delete": _ACTIONS[deleted],
            "set_columns": self._named(row[0], emptied or []),
            "match": _MATCH[match],
            "period": row[9],
            "validated": row[4] or not row[5],
            "enforced": row[5],
        }

    def indexes(self, rows: Iterable[Row], operator_classes: dict[int, str]) -> None:
        """Indexes that are no key's."""
        for row in rows:
            thing = self._relations.get(row[0])
            if thing is None:
                continue
            oid, name, method, unique, nulls, valid, key_columns, numbers = row[:8]
            index: Document = {
                "columns": [self._element(row, place, operator_classes) for place in range(key_columns)],
                "method": method,
                "unique": unique,
                "nulls_not_distinct": nulls,
                "include": self._named(oid, numbers[key_columns:]),
                "where": row[13],
                "options": sorted(row[14] or []),
                "valid": valid,
            }
            columns = index.pop("columns")
            thing.setdefault("indexes", {})[name] = {"columns": columns, **sparse(INDEX, index)}

    def _element(self, row: Row, place: int, operator_classes: dict[int, str]) -> str:
        oid, number, option = row[0], row[7][place], row[8][place]
        if number:
            text = schema_text.identifier(self._named(oid, [number])[0])
        else:
            text = row[12][place]
            if text is None:
                raise TornError
            text = schema_text.key(text)
        if row[10] is not None and row[10][place]:
            own = self._collations.get((oid, number), _DEFAULT_COLLATION)
            if row[10][place] != own:
                text += f" COLLATE {schema_text.name(row[11][place])}"
        parameters = {part.split(" ", 1)[0]: part.split(" ", 1)[1] for part in row[15] or ()}.get(str(place + 1))
        named = operator_classes.get(row[9][place])
        if named or parameters:
            text += f" {schema_text.name(named or 'DEFAULT')}" + (f"({parameters})" if parameters else "")
        return schema_text.element_of(text, bool(option & _DESCENDING), bool(option & _NULLS_FIRST))

    def few(self, rows: Iterable[Row]) -> None:
        """Kinds of which there are few."""
        for section, schema, oid, name, attributes in rows:
            kind = _FEW[section]
            home = self.schemas[schema] if oid is None else self._relations.get(oid)
            if home is None:
                continue
            rights = attributes.pop("access", None)
            checks = attributes.pop("checks", None)
            thing = sparse(kind, attributes)
            if rights is not None:
                thing["access"] = access(rights)
            if checks:
                thing["checks"] = {one: sparse(CHECK, check) for one, check in checks.items()}
            home.setdefault(section, {})[schema_text.name(name) if section == "functions" else name] = thing

    def _named(self, oid: int, numbers: Iterable[int]) -> list[str]:
        """The columns' names. Raises TornError where one is gone."""
        known = self._columns.get(oid, {})
        try:
            return [known[number] for number in numbers]
        except KeyError:
            raise TornError from None


def access(rights: Sequence[str]) -> str | list[str]:
    """What the application's role may do."""
    return "owner" if list(rights) == ["owner"] else sorted(rights)


def _column(row: Row) -> Document:
    """A column. By hand and not by ``sparse``, for there are many."""
    type_, not_null, identity, generated, default, _collation, collation, validated = row[3:11]
    column: Document = {"type": schema_text.type_name(type_)}
    if not_null:
        column["nullable"] = False
    if not validated:
        column["validated"] = False
    if default is not None:
        column["generated" if generated else "default"] = schema_text.expression(default)
    if generated == "v":
        column["virtual"] = True
    if identity:
        column["identity"] = _IDENTITY[identity]
    if collation is not None:
        column["collation"] = schema_text.name(collation)
    return column


def _relation(sort: str, row: Row) -> tuple[str, Document]:
    if sort in ("v", "m"):
        if row[12] is None:
            raise TornError
        if sort == "m":
            return MATERIALIZED_VIEW.section, sparse(MATERIALIZED_VIEW, {"definition": row[12], "populated": row[7]})
        return VIEW.section, sparse(VIEW, {"definition": row[12], "options": sorted(row[13] or [])})
    unlogged, secured, forced, partition_by, bound, parents, server = (*row[4:7], *row[8:12])
    attributes = {
        "partition_by": partition_by,
        "partition_of": parents[0] if bound and parents else None,
        "bound": bound,
        "inherits": [] if bound else [schema_text.name(parent) for parent in parents or []],
        "server": server,
        "unlogged": unlogged,
        "row_security": secured,
        "force_row_security": forced,
    }
    return TABLE.section, sparse(TABLE, attributes)
