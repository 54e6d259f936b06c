# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to do about a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_kinds import Kind

Path = Sequence[str]

_CONSTRAINTS = ("primary_key", "unique", "check", "foreign_key", "exclusion")
_GRANT_ON = {"schema": "SCHEMA ", "database": "DATABASE ", "sequence": "SEQUENCE "}
_TYPES = {"materialized_view": "MATERIALIZED VIEW", "composite_type": "TYPE", "enum": "TYPE"}


def quoted(*path: str) -> str:
    """A name for use in a statement: always in quotes, for it may be a keyword."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in path)


def missing(kind: Kind, path: Path) -> str:
    """An object is not there."""
    if kind.name == "extension":
        return f"as a superuser: CREATE EXTENSION {quoted(path[-1])}"
    if kind.by_definition:
        return "run the migrations; one of another name would do"
    return "run the migrations"


def unexpected(kind: Kind, found: Mapping[str, Any], path: Path) -> str:
    """An object is there that the contract does not name."""
    if kind.name == "index" and found.get("valid") is False:
        return f"left by a CREATE INDEX or REINDEX that failed: DROP INDEX CONCURRENTLY {_of_schema(path)}"
    return "made by hand, or the contract is old"


def renamed(kind: Kind, path: Path, other: Path) -> str:
    """An object has another name, and is what was wanted otherwise."""
    name = quoted(path[-1])
    if kind.name == "index":
        return f"does as well; ALTER INDEX {_of_schema(other)} RENAME TO {name} gives it its name"
    table = quoted(*other[:-1])
    return f"does as well; ALTER TABLE {table} RENAME CONSTRAINT {quoted(other[-1])} TO {name} gives it its name"


def different(kind: Kind, attribute: str, path: Path, within: Mapping[str, Any]) -> str:
    """An attribute of an object is another one; ``within`` is the live object that it belongs to."""
    if attribute == "valid":
        return _works_again(kind, path, within)
    if attribute == "enforced" and kind.name == "foreign_key":
        return f"{_enabled(path)}, and so for the table that it references"
    if attribute == "validated" and kind.name in _CONSTRAINTS:
        # Of the objects with checks only a domain has a type of its own.
        holder = "DOMAIN" if "type" in within else "TABLE"
        return f"ALTER {holder} {quoted(*path[:-1])} VALIDATE CONSTRAINT {quoted(path[-1])}"
    if attribute == "populated":
        return f"REFRESH MATERIALIZED VIEW {quoted(*path)}"
    if attribute == "min_version":
        return f"as a superuser: ALTER EXTENSION {quoted(path[-1])} UPDATE"
    if kind.attributes[attribute].form in ("expression", "view"):
        return "contracts hold SQL as PostgreSQL prints it: an export of a right database shows it"
    return "run the migrations; changed by hand, or the contract is old"


def _works_again(kind: Kind, path: Path, within: Mapping[str, Any]) -> str:
    """What makes an index work, or a key or exclusion constraint."""
    again = "or drop it and run the migrations"
    if "partition_by" in within:
        return f"partitions lack it: make it in each, ALTER INDEX {_of_schema(path)} ATTACH PARTITION of each, {again}"
    if kind.name == "index":
        return f"REINDEX INDEX CONCURRENTLY {_of_schema(path)}, {again}"
    return f"{_enabled(path)}, {again}"


def _enabled(path: Path) -> str:
    """What sets the triggers of a table on again that see to its constraints."""
    return f"its triggers are disabled: as a superuser: ALTER TABLE {quoted(*path[:-1])} ENABLE TRIGGER ALL"


def owner(kind: str, path: Path) -> str:
    """The application's role does not own an object."""
    return f"ALTER {_TYPES.get(kind, kind.upper())} {quoted(*path)} OWNER TO the role"


def grant(kind: str, path: Path, privileges: Sequence[str]) -> str:
    """The application's role lacks privileges."""
    return f"GRANT {', '.join(privileges).upper()} ON {_GRANT_ON.get(kind, '')}{quoted(*path)} TO the role"


def _of_schema(path: Path) -> str:
    """The name of an index: it belongs to the schema, not to its table."""
    return quoted(path[0], path[-1])
