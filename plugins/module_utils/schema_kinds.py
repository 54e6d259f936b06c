# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of objects that a contract speaks of, and their attributes.

A schema, of a contract or of a live database, is a document of mappings:

    schemas: <schema>: tables: <table>: columns: <column>: {type: text, nullable: false}

Attributes with their default are left out, so that two documents say the same when they are equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Attribute:
    """An attribute: how its value is written, and what it is where nothing is written.

    ``state`` is whether the object works, and no part of what it is; ``optional`` is compared only
    where the contract writes it, however full the contract is.
    """

    form: str
    default: Any = None
    choices: tuple[str, ...] = ()
    required: bool = False
    state: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of object. ``by_definition``: what an object is counts, and its name little."""

    name: str
    section: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    sections: tuple[Kind, ...] = ()
    by_definition: bool = False

    def default(self, attribute: str) -> Any:
        """The value of an attribute that is not written."""
        return self.attributes[attribute].default

    def definition(self, thing: Mapping[str, Any]) -> Document:
        """What an object is, without whether it works."""
        return {
            name: value
            for name, value in thing.items()
            if name in self.attributes and not self.attributes[name].state and not self.attributes[name].optional
        }


_SQL = Attribute("expression")
_FLAG = Attribute("flag", False)
_NAMES = Attribute("names", [])
_VALID = Attribute("flag", True, state=True)
_ACCESS = Attribute("access", optional=True)
_COLUMNS = Attribute("names", required=True)
_ACTIONS = ("no action", "restrict", "cascade", "set null", "set default")
_DEFERRABLE = {"deferrable": _FLAG, "initially_deferred": _FLAG}
_KEY = {
    "columns": _COLUMNS,
    "include": _NAMES,
    "without_overlaps": _FLAG,
    **_DEFERRABLE,
    "valid": _VALID,
}

COLUMN = Kind(
    "column",
    "columns",
    {
        "type": Attribute("type", required=True),
        "nullable": Attribute("flag", True),
        "default": _SQL,
        "identity": Attribute("choice", choices=("always", "by default")),
        "generated": _SQL,
        "virtual": _FLAG,
        "collation": Attribute("name"),
        # The NOT NULL of PostgreSQL 18 may be there without having been proved.
        "validated": _VALID,
    },
)
PRIMARY_KEY = Kind("primary_key", "primary_key", _KEY, by_definition=True)
UNIQUE = Kind("unique", "unique", {**_KEY, "nulls_not_distinct": _FLAG}, by_definition=True)
CHECK = Kind(
    "check",
    "checks",
    {
        "expression": Attribute("expression", required=True),
        "no_inherit": _FLAG,
        "validated": _VALID,
        "enforced": _VALID,
    },
    by_definition=True,
)
FOREIGN_KEY = Kind(
    "foreign_key",
    "foreign_keys",
    {
        "columns": _COLUMNS,
        "references": Attribute("text", required=True),
        "references_schema": Attribute("text"),
        "references_columns": _NAMES,
        "on_delete": Attribute("choice", "no action", _ACTIONS),
        "on_update": Attribute("choice", "no action", _ACTIONS),
        "set_columns": _NAMES,
        "match": Attribute("choice", "simple", ("simple", "full", "partial")),
        "period": _FLAG,
        **_DEFERRABLE,
        "validated": _VALID,
        "enforced": _VALID,
    },
    by_definition=True,
)
EXCLUSION = Kind(
    "exclusion",
    "exclusions",
    {"definition": Attribute("expression", required=True), "valid": _VALID},
    by_definition=True,
)
INDEX = Kind(
    "index",
    "indexes",
    {
        "columns": Attribute("elements", required=True),
        "method": Attribute("text", "btree"),
        "unique": _FLAG,
        "nulls_not_distinct": _FLAG,
        "include": _NAMES,
        "where": _SQL,
        "options": _NAMES,
        "valid": _VALID,
    },
    by_definition=True,
)
TRIGGER = Kind(
    "trigger",
    "triggers",
    {
        "definition": Attribute("expression", required=True),
        "enabled": Attribute("choice", "origin", ("origin", "always", "replica", "disabled")),
    },
)
POLICY = Kind(
    "policy",
    "policies",
    {
        "command": Attribute("choice", "all", ("all", "select", "insert", "update", "delete")),
        "permissive": Attribute("flag", True),
        "roles": Attribute("names", ["public"]),
        "using": _SQL,
        "check": _SQL,
    },
)
TABLE = Kind(
    "table",
    "tables",
    {
        "partition_by": Attribute("name"),
        "partition_of": Attribute("name"),
        "bound": Attribute("name"),
        "inherits": _NAMES,
        "server": Attribute("text"),
        "unlogged": _FLAG,
        "row_security": _FLAG,
        "force_row_security": _FLAG,
        "access": _ACCESS,
    },
    (COLUMN, PRIMARY_KEY, UNIQUE, CHECK, FOREIGN_KEY, EXCLUSION, INDEX, TRIGGER, POLICY),
)
VIEW = Kind(
    "view",
    "views",
    {"definition": Attribute("view", required=True), "options": _NAMES, "access": _ACCESS},
    (TRIGGER,),
)
MATERIALIZED_VIEW = Kind(
    "materialized_view",
    "materialized_views",
    {"definition": Attribute("view", required=True), "populated": _VALID, "access": _ACCESS},
    (INDEX,),
)
ENUM = Kind("enum", "enums", {"values": Attribute("names", required=True)})
DOMAIN = Kind(
    "domain",
    "domains",
    {
        "type": Attribute("type", required=True),
        "nullable": Attribute("flag", True),
        "default": _SQL,
        "collation": Attribute("name"),
    },
    (CHECK,),
)
COMPOSITE_TYPE = Kind("composite_type", "composite_types", {"fields": Attribute("fields", required=True)})
SEQUENCE = Kind(
    "sequence",
    "sequences",
    {
        "type": Attribute("type", "bigint"),
        "start": Attribute("integer", 1),
        "increment": Attribute("integer", 1),
        "minimum": Attribute("integer"),
        "maximum": Attribute("integer"),
        "cache": Attribute("integer", 1),
        "cycle": _FLAG,
        "owned_by": Attribute("pair"),
        "access": _ACCESS,
    },
)
FUNCTION = Kind(
    "function",
    "functions",
    {
        "kind": Attribute("choice", "function", ("function", "procedure", "aggregate", "window")),
        "arguments": Attribute("name"),
        "returns": Attribute("name"),
        "language": Attribute("text", required=True),
        "volatility": Attribute("choice", "volatile", ("volatile", "stable", "immutable")),
        "strict": _FLAG,
        "security_definer": _FLAG,
        "leakproof": _FLAG,
        "parallel": Attribute("choice", "unsafe", ("unsafe", "restricted", "safe")),
        "settings": _NAMES,
        "source": Attribute("source"),
    },
)
SCHEMA = Kind(
    "schema",
    "schemas",
    {"access": _ACCESS},
    (TABLE, VIEW, MATERIALIZED_VIEW, ENUM, DOMAIN, COMPOSITE_TYPE, SEQUENCE, FUNCTION),
)
EXTENSION = Kind(
    "extension",
    "extensions",
    {"min_version": Attribute("version", optional=True), "schema": Attribute("text", optional=True)},
)

# Kind's name -> privileges that the contract may speak of.
PRIVILEGES = {
    "database": ("connect", "create", "temporary"),
    "schema": ("create", "usage"),
    "table": ("delete", "insert", "references", "select", "trigger", "truncate", "update"),
    "view": ("delete", "insert", "references", "select", "trigger", "truncate", "update"),
    "materialized_view": ("select",),
    "sequence": ("select", "update", "usage"),
}
OWNER = "owner"


@dataclass(frozen=True)
class Observed:
    """What a live database holds.

    ``role`` is the one asked about, None when none was. ``recorded`` are the migrations, None where
    they were not asked for or cannot be read; ``unrecorded`` says why.
    """

    name: str
    schemas: Document = field(default_factory=dict)
    extensions: Document = field(default_factory=dict)
    access: Document = field(default_factory=dict)
    role: str | None = None
    role_exists: bool = False
    recorded: list[str] | None = None
    unrecorded: str = ""
    queries: int = 0
    server_version: int = 0
