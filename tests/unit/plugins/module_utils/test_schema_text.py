# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SQL text in its one form."""

from __future__ import annotations

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import schema_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(a > 0)", "a > 0"),
        ("((a > 0))", "a > 0"),
        ("(a > 0) AND (b > 0)", "(a > 0) AND (b > 0)"),
        ("  now( )\n", "now( )"),
        ("public.uuid_generate_v4()", "uuid_generate_v4()"),
        ("desk.f(public.g(x))", "desk.f(g(x))"),
        ("'public.x'::text", "'public.x'::text"),
        ("nextval('public.t_id_seq'::regclass)", "nextval('t_id_seq'::regclass)"),
        ("nextval('desk.t_id_seq'::regclass)", "nextval('desk.t_id_seq'::regclass)"),
        ('"public".x', '"public".x'),
        ("'it''s  (two)   spaces'::text", "'it''s  (two)   spaces'::text"),
        ('"a  ""b""  "  >  0', '"a  ""b""  " > 0'),
        ('"json" IS NULL', "json IS NULL"),
        ('"user" IS NULL', '"user" IS NULL'),
        ("'\\'::text", "'\\'::text"),
        (r"E'\'(' || x", r"E'\'(' || x"),
        ("CASE\n    WHEN a THEN 1\nEND", "CASE WHEN a THEN 1 END"),
        ("-1", "-1"),
        ("('x')", "'x'"),
        ("(unbalanced", "(unbalanced"),
        ("größe > 0", "größe > 0"),
    ],
)
def test_expression(text: str, expected: str) -> None:
    assert schema_text.expression(text) == expected
    assert schema_text.expression(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text", "text"),
        ("timestamptz", "timestamp with time zone"),
        ("TIMESTAMPTZ(3)[]", "timestamp(3) with time zone[]"),
        ("timestamp(3) without time zone", "timestamp(3) without time zone"),
        ("time", "time without time zone"),
        ("varchar(20)", "character varying(20)"),
        ("int8", "bigint"),
        ("int[3][]", "integer[]"),
        ("bool", "boolean"),
        ("decimal(10)", "numeric(10,0)"),
        ("numeric(10, 2)", "numeric(10,2)"),
        ("char", "character(1)"),
        ("char(3)", "character(3)"),
        ("public.vector(384)", "vector(384)"),
        ("extensions.vector(384)", "extensions.vector(384)"),
        ('public."Mood"[]', '"Mood"[]'),
        ("double precision", "double precision"),
    ],
)
def test_type_name(text: str, expected: str) -> None:
    assert schema_text.type_name(text) == expected
    assert schema_text.type_name(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name", "name"),
        ("name asc", "name"),
        ("name ASC NULLS LAST", "name"),
        ("name desc", "name DESC"),
        ("name DESC NULLS FIRST", "name DESC"),
        ("name DESC NULLS LAST", "name DESC NULLS LAST"),
        ("name NULLS FIRST", "name NULLS FIRST"),
        ('"name"', "name"),
        ('"Na""me" DESC', '"Na""me" DESC'),
        ("lower(name) public.text_pattern_ops", "lower(name) text_pattern_ops"),
        ("(a + b)", "(a + b)"),
        ("((a + b)) DESC", "(a + b) DESC"),
        ("(a) + (b)", "(a) + (b)"),
        ('name COLLATE "C"', 'name COLLATE "C"'),
        ("desc", "desc"),
    ],
)
def test_element(text: str, expected: str) -> None:
    assert schema_text.element(text) == expected
    assert schema_text.element(expected) == expected


# As PostgreSQL 15 prints them, and as 17 does.
VIEWS = [
    (
        " SELECT projects.id,\n    count(*) AS n\n   FROM public.projects\n  WHERE projects.status = 'a.b'::text\n"
        "  GROUP BY projects.id;",
        " SELECT id,\n    count(*) AS n\n   FROM public.projects\n  WHERE status = 'a.b'::text\n  GROUP BY id;",
    ),
    (
        " SELECT p.id,\n    ( SELECT count(s.id) AS count\n           FROM public.sessions s\n"
        "          WHERE s.project_id = p.id) AS n\n   FROM public.projects p;",
        " SELECT id,\n    ( SELECT count(s.id) AS count\n           FROM public.sessions s\n"
        "          WHERE s.project_id = p.id) AS n\n   FROM public.projects p;",
    ),
    (
        " SELECT EXTRACT(year FROM t.made) AS y,\n    (t.made IS DISTINCT FROM t.ended) AS d\n   FROM public.t;",
        " SELECT EXTRACT(year FROM made) AS y,\n    (made IS DISTINCT FROM ended) AS d\n   FROM public.t;",
    ),
    (
        " SELECT public.f(t.x) AS f,\n    t.y::desk.mood AS y,\n    desk.g(t.x) AS g\n   FROM public.t;",
        " SELECT public.f(x) AS f,\n    y::desk.mood AS y,\n    desk.g(x) AS g\n   FROM public.t;",
    ),
]


@pytest.mark.parametrize(("older", "newer"), VIEWS)
def test_views_of_one_relation_are_alike(older: str, newer: str) -> None:
    assert schema_text.view(older) == schema_text.view(newer)
    assert schema_text.view(schema_text.view(older)) == schema_text.view(older)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a.x, b.x FROM a JOIN b ON a.x = b.y",
        "SELECT a.x FROM a, b",
        "SELECT a.x FROM a UNION ALL SELECT b.x FROM b",
    ],
)
def test_qualifiers_of_views_of_several_relations_stay(text: str) -> None:
    assert schema_text.view(text) == text


def test_squeezed_ignores_whitespace_and_case_of_what_is_not_quoted() -> None:
    assert schema_text.squeezed("A  >0 and \"B\" = 'C'") == schema_text.squeezed("a > 0\nAND \"B\"='C'")
    assert schema_text.squeezed('"B"') != schema_text.squeezed('"b"')
    assert schema_text.squeezed("'C'") != schema_text.squeezed("'c'")
