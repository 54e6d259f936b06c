# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The system project: exactly one row of its name, and that one active."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# Duplicates whose ids are told, at most.
SHOWN = 100


class ProjectError(Exception):
    """The table does not allow what is wanted, or holds what must not be."""


@dataclass(frozen=True)
class Wanted:
    """The row that must exist. A column that is None is not written."""

    schema: str
    table: str
    key: str | None
    name_column: str
    description_column: str | None
    status_column: str | None
    name: str
    description: str | None
    active_value: Any
    values: Mapping[str, Any]

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Wanted:
        """Make it of the module's parameters. Raises ProjectError."""
        columns = {name: column or None for name, column in params["columns"].items()}
        if columns["name"] is None or not params["name"]:
            raise ProjectError("name and columns.name must not be empty")
        if params["active_value"] is None:
            raise ProjectError("active_value must not be null")
        used = [columns[name] for name in ("name", "description", "status")]
        named = [column for column in [columns["id"], *used] if column is not None]
        doubled = {name for name in named if named.count(name) > 1}
        doubled |= set(params["values"]) & set(used)
        if doubled:
            raise ProjectError(f"columns used twice: {', '.join(sorted(map(str, doubled)))}")
        return cls(
            schema=params["schema"],
            table=params["table"],
            key=columns["id"],
            name_column=columns["name"],
            description_column=columns["description"],
            status_column=columns["status"],
            name=params["name"],
            description=params["description"],
            active_value=params["active_value"],
            values=params["values"],
        )

    def columns(self) -> list[str]:
        """All columns that are read or written."""
        named = [self.key, self.name_column, self.description_column, self.status_column]
        return [column for column in [*named, *self.values] if column is not None]

    def where(self) -> str:
        """The table, for people."""
        return f"{self.schema}.{self.table}"

    def lock_number(self) -> int:
        """A signed 64-bit number for the advisory lock of this table and name."""
        text = json.dumps(["ridgetop.aidis.system_project", self.schema, self.table, self.name])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


@dataclass(frozen=True)
class Column:
    """A column of the table; ``filled`` when the database makes its value by itself."""

    name: str
    type: str
    filled: bool


@dataclass(frozen=True)
class Row:
    """A project as it stands; key and status as text, None where there is no such column."""

    key: str | None
    status: str | None
    active: bool


class Store(Protocol):
    """The table, in one transaction."""

    def columns(self) -> list[Column] | None:
        """The columns of the table; None when there is no such table."""

    def rows(self) -> list[Row]:
        """The rows of the project's name."""

    def lock(self) -> None:
        """Keep others from writing until the transaction ends."""

    def insert(self, values: Mapping[str, Any], random_key: bool) -> None:
        """Insert a row; by ``random_key`` with a random UUID as key."""

    def activate(self) -> None:
        """Set the status of the rows of the project's name."""


@dataclass(frozen=True)
class Result:
    """What was done, or would be."""

    row: Row | None
    created: bool
    changed: bool
    before: dict[str, Any]
    after: dict[str, Any]

    def returned(self, wanted: Wanted) -> dict[str, Any]:
        """The module's return values."""
        project = None
        if self.row is not None:
            project = {"id": self.row.key, "name": wanted.name, "status": self.row.status}
        return {
            "changed": self.changed,
            "project": project,
            "created": self.created,
            "diff": {"before": self.before, "after": self.after},
        }


def ensure(store: Store, wanted: Wanted, check_mode: bool) -> Result:
    """Make sure of the project. Raises ProjectError.

    It is read first without any lock, so that a run that changes nothing holds nobody up; what is
    to be changed is read again under the lock.
    """
    columns = store.columns()
    if columns is None:
        if check_mode:
            return Result(None, True, True, {}, _created(wanted))
        raise ProjectError(f"there is no table {wanted.where()}")
    _check_columns(columns, wanted)
    row = _only(store.rows(), wanted)
    if row is not None and row.active:
        return _result(wanted, row, row)
    random_key = row is None and _needs_random_key(columns, wanted)
    if check_mode:
        return _result(wanted, row, None)
    store.lock()
    row = _only(store.rows(), wanted)
    if row is None:
        store.insert(_values(wanted), random_key)
    elif not row.active:
        store.activate()
    final = _only(store.rows(), wanted)
    if final is None or not final.active:
        raise ProjectError(f"{wanted.where()} does not hold what was written: a trigger or policy?")
    return _result(wanted, row, final)


def _only(rows: Sequence[Row], wanted: Wanted) -> Row | None:
    if len(rows) > 1:
        keys = ", ".join(sorted(str(row.key) for row in rows[:SHOWN]))
        named = f" with the {wanted.key} {keys}" if wanted.key else ""
        more = len(rows) > SHOWN
        number = f"more than {SHOWN}" if more else str(len(rows))
        named += " and others" if more and named else ""
        raise ProjectError(f"{number} rows of {wanted.where()} are named '{wanted.name}'{named}")
    return rows[0] if rows else None


def _check_columns(columns: Sequence[Column], wanted: Wanted) -> None:
    known = [column.name for column in columns]
    unknown = [name for name in wanted.columns() if name not in known]
    if unknown:
        message = f"{wanted.where()} has no column {', '.join(unknown)} (it has {', '.join(known)})"
        raise ProjectError(message)


def _needs_random_key(columns: Sequence[Column], wanted: Wanted) -> bool:
    """Whether the row needs a random UUID. Raises ProjectError when its key can come from nowhere."""
    key = next((column for column in columns if column.name == wanted.key), None)
    if key is None or key.filled or key.name in wanted.values:
        return False
    if key.type == "uuid":
        return True
    raise ProjectError(
        f"the column {key.name} of {wanted.where()} has the type {key.type} and no default: give its value in values"
    )


def _values(wanted: Wanted) -> dict[str, Any]:
    """What is written to a new row; structures as JSON, all else as text."""
    values: dict[str, Any] = {wanted.name_column: wanted.name}
    if wanted.description_column is not None:
        values[wanted.description_column] = wanted.description
    if wanted.status_column is not None:
        values[wanted.status_column] = wanted.active_value
    return {name: literal(value) for name, value in {**values, **wanted.values}.items()}


def literal(value: Any) -> str | None:
    """A value as text that PostgreSQL reads as the type of its column."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _created(wanted: Wanted) -> dict[str, Any]:
    return {name: value for name, value in _values(wanted).items() if value is not None}


def _result(wanted: Wanted, before: Row | None, after: Row | None) -> Result:
    """The result of a change, predicted where ``after`` is None."""
    old = {} if before is None else _shown(wanted, before)
    if before is None:
        new = _created(wanted)
        if after is not None and wanted.key:
            new[wanted.key] = after.key
    elif after is None:
        new = {**old, str(wanted.status_column): literal(wanted.active_value)}
    else:
        new = _shown(wanted, after)
    return Result(after or before, before is None, old != new, old, new)


def _shown(wanted: Wanted, row: Row) -> dict[str, Any]:
    shown: dict[str, Any] = {wanted.name_column: wanted.name}
    if wanted.key:
        shown[wanted.key] = row.key
    if wanted.status_column:
        shown[wanted.status_column] = row.status
    return shown
