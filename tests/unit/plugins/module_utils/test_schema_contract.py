# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Contracts: how they may be written, and their faults."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_contract import (
    NAMELESS,
    ContractError,
    Migrations,
    read,
)


def of(text: str, **options: Any) -> Any:
    return read(yaml.safe_load(text), **options)


def test_defaults_are_left_out_of_a_full_contract_and_kept_in_a_partial_one() -> None:
    text = "schemas: {public: {tables: {t: {columns: {a: {type: int, nullable: true, default: null}}}}}}"
    column = {"type": "integer"}
    assert of(text).schemas["public"]["tables"]["t"]["columns"]["a"] == column
    kept = of(text, partial=True).schemas["public"]["tables"]["t"]["columns"]["a"]
    assert kept == {**column, "nullable": True, "default": None}


def test_partial_is_the_contracts_own_unless_told_otherwise() -> None:
    assert not of("{}").partial
    assert of("partial: true").partial
    assert not of("partial: true", partial=False).partial


def test_numbers_and_booleans_are_sql_too() -> None:
    text = "partial: true\nschemas: {s: {tables: {t: {columns: {a: {default: 0}, b: {default: false}}}}}}"
    columns = of(text).schemas["s"]["tables"]["t"]["columns"]
    assert columns == {"a": {"default": "0"}, "b": {"default": "false"}}


def test_lists_have_no_names() -> None:
    table = of("""
        schemas:
          public:
            tables:
              t:
                primary_key: [id]
                foreign_keys: [{columns: [a], references: u, references_schema: public}]
                indexes: [{columns: [b desc]}]
        """).schemas["public"]["tables"]["t"]
    assert table == {
        "primary_key": {f"{NAMELESS}0": {"columns": ["id"]}},
        "foreign_keys": {f"{NAMELESS}0": {"columns": ["a"], "references": "u"}},
        "indexes": {f"{NAMELESS}0": {"columns": ["b DESC"]}},
    }


def test_empty_keys_are_empty() -> None:
    contract = of("schemas: {public: {tables: {t: , u: {columns: }}, views: }}\nextensions:\n")
    assert contract.schemas == {"public": {"tables": {"t": {}, "u": {}}}}


def test_access_is_handed_down() -> None:
    contract = of("""
        access: {database: owner, tables: [SELECT, insert], schemas: [usage]}
        schemas:
          public:
            tables: {t: , u: {access: owner}}
            sequences: {s: }
        """)
    assert contract.database == {"access": "owner"}
    assert contract.schemas["public"]["access"] == ["usage"]
    assert contract.schemas["public"]["tables"] == {"t": {"access": ["insert", "select"]}, "u": {"access": "owner"}}
    assert contract.schemas["public"]["sequences"] == {"s": {}}
    assert contract.speaks_of_access()
    assert not of("schemas: {public: {tables: {t: }}}").speaks_of_access()


def test_migrations_are_overruled_value_by_value() -> None:
    text = "migrations: {table: m, column: id, minimum: '7'}"
    assert of(text).migrations == Migrations("m", "id", minimum="7")
    overruled = of(text, migrations={"table": None, "column": "name", "expected": ["a"]}).migrations
    assert overruled == Migrations("m", "name", expected=["a"], minimum="7")
    assert of("{}", migrations={"table": None}).migrations is None


def test_json_text() -> None:
    assert read(json.dumps({"partial": True})).partial
    with pytest.raises(ContractError, match="the contract is no JSON"):
        read("partial: true")


FAULTS = [
    ("[]", "contract: must be a mapping, not []"),
    ("format: 2", "format: must be 1"),
    ("tables: {}", "tables: is not known here; there are format, partial, schemas"),
    ("partial: sometimes", 'partial: must be true or false, not "sometimes"'),
    ("schemas: [public]", 'schemas: must be a mapping, not ["public"]'),
    ("schemas: {public: {table: {}}}", "schemas.public.table: is not known here; there are access, tables"),
    ("schemas: {s: {tables: {t: {columns: {a: }}}}}", "schemas.s.tables.t.columns.a: type is required"),
    ("schemas: {s: {tables: {t: {columns: {a: {type: 1}}}}}}", "a.type: must be text, not 1: put it in quotes"),
    (
        "schemas: {s: {tables: {t: {columns: {a: {type: t, nullable: 'no'}}}}}}",
        'a.nullable: must be true or false, not "no"',
    ),
    (
        "schemas: {s: {tables: {'Odd one': {columns: {'': {type: t}}}}}}",
        'schemas.s.tables["Odd one"].columns[""]: is no name',
    ),
    (f"schemas: {{s: {{views: {{{'x' * 64}: {{definition: x}}}}}}}}", "has more than the 63 bytes"),
    ("schemas: {s: {enums: {e: {values: [yes, no]}}}}", "e.values: must be text, not true: put it in quotes"),
    ("schemas: {s: {enums: {e: }}}", "schemas.s.enums.e: values is required"),
    (
        "extensions: {vector: {min_version: 0.5}}",
        "extensions.vector.min_version: must be text, not 0.5: put it in quotes",
    ),
    ("extensions: {vector: {min_version: new}}", "extensions.vector.min_version: no version in 'new'"),
    (
        "extensions: {vector: {version: '1'}}",
        "extensions.vector.version: is not known here; there are min_version, schema",
    ),
    ("access: {tables: all}", 'access.tables: must be owner or a list of privileges, not "all"'),
    ("access: {tables: [read]}", "access.tables: must be one of delete, insert, references, select, trigger"),
    ("access: {functions: owner}", "access.functions: is not known here; there are database, schemas"),
    ("migrations: {table: m}", "migrations: column is required"),
    ("migrations: {table: m, column: c, expected: 3}", "migrations.expected: must be a list of texts, not 3"),
    (
        "schemas: {s: {tables: {t: {foreign_keys: {f: {columns: [a], references: t, on_delete: drop}}}}}}",
        'foreign_keys.f.on_delete: must be one of no action, restrict, cascade, set null, set default, not "drop"',
    ),
    (
        "partial: true\nschemas: {s: {tables: {t: {indexes: [{unique: true}]}}}}",
        'schemas.s.tables.t.indexes["0"]: columns is required, for it has no name',
    ),
    ("schemas: {s: {sequences: {q: {start: '1'}}}}", 'q.start: must be a whole number, not "1"'),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS)
def test_a_fault_is_told_with_its_path(text: str, fault: str) -> None:
    with pytest.raises(ContractError) as error:
        of(text)
    assert str(error.value).startswith("the contract has 1 fault:\n- ")
    assert fault in str(error.value)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ContractError) as error:
        of("format: 0\nextras: 1\nschemas: {s: {tables: {t: {columns: {a: 1}, indexes: {i: {columns: x}}}}}}")
    lines = str(error.value).splitlines()
    assert lines[0] == "the contract has 5 faults:"
    assert len(lines) == 6
