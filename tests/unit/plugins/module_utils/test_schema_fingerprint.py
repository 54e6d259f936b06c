# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts in a fingerprint, and what does not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_fingerprint import fingerprint

TABLE = {
    "columns": {
        "id": {"type": "integer", "nullable": False, "default": "nextval('t_id_seq'::regclass)"},
        "a": {"type": "text"},
        "b": {"type": "text"},
    },
    "primary_key": {"t_pkey": {"columns": ["id"]}},
    "unique": {"t_a_b_key": {"columns": ["a", "b"]}},
    "checks": {"t_a_check": {"expression": "a <> ''::text"}, "t_check": {"expression": "a <> b"}},
    "foreign_keys": {"t_a_fkey": {"columns": ["a"], "references": "u", "references_columns": ["a"]}},
    "indexes": {
        "t_a_idx": {"columns": ["a"]},
        "t_lower_b_idx": {"columns": ["lower(a)", "b DESC"]},
        "t_expr_a_idx": {"columns": ["(a || b)"], "include": ["a"]},
    },
}
SCHEMAS: Any = {
    "public": {
        "tables": {"t": TABLE},
        "sequences": {"t_id_seq": {"type": "integer", "owned_by": ["t", "id"]}},
        "views": {"v": {"definition": "SELECT a\n   FROM t"}},
    }
}
EXTENSIONS: Any = {"vector": {"min_version": "0.8.0", "schema": "public"}, "plpgsql": {"schema": "pg_catalog"}}


@pytest.fixture
def schemas() -> Any:
    return copy.deepcopy(SCHEMAS)


def same(schemas: Any, extensions: Any = EXTENSIONS) -> bool:
    return fingerprint(schemas, extensions) == fingerprint(SCHEMAS, EXTENSIONS)


def test_is_short_and_says_how_it_was_made() -> None:
    version, digest = fingerprint(SCHEMAS, EXTENSIONS).split("-")
    assert version == "1" and len(digest) == 64
    assert fingerprint({}, {}) == fingerprint({}, {"plpgsql": {"schema": "pg_catalog"}})


@pytest.mark.parametrize(
    ("section", "old", "new"),
    [
        ("unique", "t_a_b_key", "t_a_b_key1"),
        ("checks", "t_a_check", "t_a_check2"),
        ("checks", "t_check", "t_check11"),
        ("foreign_keys", "t_a_fkey", "t_a_fkey1"),
        ("indexes", "t_a_idx", "t_a_idx1"),
        ("indexes", "t_lower_b_idx", "t_lower_b_idx3"),
        ("indexes", "t_expr_a_idx", "t_expr_a_idx1"),
    ],
)
def test_numbers_of_automatic_names_do_not_count(schemas: Any, section: str, old: str, new: str) -> None:
    things = schemas["public"]["tables"]["t"][section]
    things[new] = things.pop(old)
    assert same(schemas)
    things["chosen"] = things.pop(new)
    assert not same(schemas)


def test_serial_columns_are_alike_whatever_their_sequence_is_numbered(schemas: Any) -> None:
    public = schemas["public"]
    public["sequences"]["t_id_seq1"] = public["sequences"].pop("t_id_seq")
    public["tables"]["t"]["columns"]["id"]["default"] = "nextval('t_id_seq1'::regclass)"
    assert same(schemas)
    del public["sequences"]["t_id_seq1"]["owned_by"]
    assert not same(schemas)


def test_long_names_are_cut_as_postgresql_does() -> None:
    def of(name: str) -> str:
        table = {"columns": {"c" * 40: {"type": "text"}}, "indexes": {name: {"columns": ["c" * 40]}}}
        return fingerprint({"s": {"tables": {"ä" * 20: table}}}, {})

    # As PostgreSQL 15 and 17 named them.
    automatic = "ä" * 14 + "_" + "c" * 29 + "_idx"
    assert len(automatic.encode()) <= 63
    assert of(automatic) == of("ä" * 14 + "_" + "c" * 28 + "_idx1")
    assert of(automatic) != of("chosen")


def test_privileges_and_versions_do_not_count_and_validity_does(schemas: Any) -> None:
    schemas["public"]["access"] = "owner"
    schemas["public"]["tables"]["t"]["access"] = ["select"]
    schemas["public"]["sequences"]["t_id_seq"]["access"] = "owner"
    assert same(schemas, {"vector": {"min_version": "0.5.0", "schema": "public"}})
    assert not same(schemas, {"vector": {"schema": "extensions"}})
    assert not same(schemas, {})
    schemas["public"]["tables"]["t"]["indexes"]["t_a_idx"]["valid"] = False
    assert not same(schemas)


def test_whitespace_of_views_does_not_count(schemas: Any) -> None:
    schemas["public"]["views"]["v"]["definition"] = "SELECT a FROM t"
    assert same(schemas)
    schemas["public"]["views"]["v"]["definition"] = "SELECT b FROM t"
    assert not same(schemas)
