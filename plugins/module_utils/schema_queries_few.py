# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queries for the kinds that a database has few of: section, schema, relation, name, attributes as JSON."""

from __future__ import annotations

from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_queries import access, own

_ENUMS = f"""
SELECT 'enums', n.nspname::text, NULL::oid, t.typname::text,
       json_build_object('values', (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder)
                                      FROM pg_enum e WHERE e.enumtypid = t.oid))
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE n.nspname = ANY(%(schemas)s) AND t.typtype = 'e' AND {own("pg_type", "t.oid")}
"""  # noqa: S608 - constants only

_DOMAINS = f"""
SELECT 'domains', n.nspname::text, NULL, t.typname::text,
       json_build_object('type', format_type(t.typbasetype, t.typtypmod), 'nullable', NOT t.typnotnull,
           'default', coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault),
           'collation', CASE WHEN t.typcollation <> b.typcollation THEN t.typcollation::regcollation::text END,
           'checks', (SELECT json_object_agg(o.conname, json_build_object('expression', pg_get_expr(o.conbin, 0),
                                             'validated', o.convalidated))
                        FROM pg_constraint o WHERE o.contypid = t.oid AND o.contype = 'c'))
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_type b ON b.oid = t.typbasetype
 WHERE n.nspname = ANY(%(schemas)s) AND t.typtype = 'd' AND {own("pg_type", "t.oid")}
"""  # noqa: S608 - constants only

_COMPOSITES = f"""
SELECT 'composite_types', n.nspname::text, NULL, c.relname::text,
       json_build_object('fields', (SELECT coalesce(json_agg(quote_ident(a.attname) || ' '
                                           || format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum), '[]')
                                      FROM pg_attribute a
                                     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%(schemas)s) AND c.relkind = 'c' AND {own("pg_type", "c.reltype")}
"""  # noqa: S608 - constants only

# Sequences of identity columns are the columns'.
_SEQUENCES = f"""
SELECT 'sequences', n.nspname::text, NULL, c.relname::text,
       json_build_object('type', format_type(s.seqtypid, NULL), 'start', s.seqstart, 'increment', s.seqincrement,
           'minimum', nullif(s.seqmin, CASE WHEN s.seqincrement > 0 THEN 1 ELSE l.low END),
           'maximum', nullif(s.seqmax, CASE WHEN s.seqincrement > 0 THEN l.high ELSE -1 END),
           'cache', s.seqcache, 'cycle', s.seqcycle,
           'owned_by', (SELECT json_build_array(r.relname, a.attname) FROM pg_depend d
                          JOIN pg_class r ON r.oid = d.refobjid
                          JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'a'
                           AND d.refclassid = 'pg_class'::regclass),
           'access', to_json({access("c.relowner", "has_sequence_privilege", "c.oid", "select,update,usage")}))
  FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
       LATERAL (SELECT CASE s.seqtypid WHEN 'int2'::regtype THEN -32768 WHEN 'int4'::regtype THEN -2147483648
                       ELSE -9223372036854775808 END::int8 AS low,
                       CASE s.seqtypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
                       ELSE 9223372036854775807 END::int8 AS high) l
 WHERE n.nspname = ANY(%(schemas)s) AND {own("pg_class", "c.oid")}
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                      AND d.deptype = 'i')
"""  # noqa: S608 - constants only

_FUNCTIONS = f"""
SELECT 'functions', n.nspname::text, NULL,
       quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')',
       json_build_object(
           'kind', CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate'
                   ELSE 'window' END,
           'arguments', nullif(pg_get_function_arguments(p.oid), pg_get_function_identity_arguments(p.oid)),
           'returns', pg_get_function_result(p.oid), 'language', l.lanname,
           'volatility', CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
           'strict', p.proisstrict, 'security_definer', p.prosecdef, 'leakproof', p.proleakproof,
           'parallel', CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END,
           'settings', coalesce(to_json(p.proconfig), '[]'),
           'source', nullif(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), ''))
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
 WHERE n.nspname = ANY(%(schemas)s) AND {own("pg_proc", "p.oid")}
"""  # noqa: S608 - constants only

# Those of a partition that come from its parent are the parent's, unless they were set otherwise here.
_TRIGGERS = """
SELECT 'triggers', n.nspname::text, t.tgrelid, t.tgname::text,
       json_build_object('definition', pg_get_triggerdef(t.oid),
           'enabled', CASE t.tgenabled WHEN 'O' THEN 'origin' WHEN 'A' THEN 'always' WHEN 'R' THEN 'replica'
                      ELSE 'disabled' END)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%(schemas)s) AND NOT t.tgisinternal
   AND (t.tgparentid = 0 OR t.tgenabled <> (SELECT p.tgenabled FROM pg_trigger p WHERE p.oid = t.tgparentid))
"""

_POLICIES = """
SELECT 'policies', n.nspname::text, p.polrelid, p.polname::text,
       json_build_object(
           'command', CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
                      WHEN 'd' THEN 'delete' ELSE 'all' END,
           'permissive', p.polpermissive,
           'roles', (SELECT json_agg(CASE WHEN r = 0 THEN 'public' ELSE pg_get_userbyid(r) END
                                     ORDER BY CASE WHEN r = 0 THEN 'public' ELSE pg_get_userbyid(r) END)
                       FROM unnest(p.polroles) r),
           'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid))
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%(schemas)s)
"""

FEW = " UNION ALL ".join((_ENUMS, _DOMAINS, _COMPOSITES, _SEQUENCES, _FUNCTIONS, _TRIGGERS, _POLICIES))
