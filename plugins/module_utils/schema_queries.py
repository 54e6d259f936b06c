# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queries on PostgreSQL's catalog, each for all objects of its kind; parameters ``schemas`` and ``role``.

Run with a search path of ``pg_catalog`` alone, so that names need no qualifier here and get one in what is
printed. ``{version: ...}`` is text for servers of a version and later.
"""

from __future__ import annotations

import re

# What printed values and expressions depend on.
SETTINGS = {
    "search_path": "pg_catalog",
    "bytea_output": "hex",
    "datestyle": "ISO, YMD",
    "extra_float_digits": "1",
    "intervalstyle": "postgres",
    "lc_monetary": "C",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    "timezone": "UTC",
    "xmloption": "content",
}

# By version number; the text is taken from that version on. Before it, what follows the bar.
_SINCE = re.compile(r"\{(\d+):([^|}]*)\|([^}]*)\}")


def for_version(query: str, version: int) -> str:
    """A query for a server, whose version is as in ``server_version_num``."""
    major = version // 10000
    return _SINCE.sub(lambda match: match.group(2) if major >= int(match.group(1)) else match.group(3), query)


def access(owner: str, function: str, which: str, privileges: str) -> str:
    """What the role may do: ``{owner}``, a list of privileges, or NULL where there is no role."""
    return f"""
       CASE WHEN %(role)s::oid IS NULL THEN NULL
            WHEN pg_has_role(%(role)s::oid, {owner}, 'USAGE') THEN ARRAY['owner']
            ELSE ARRAY(SELECT p FROM unnest('{{{privileges}}}'::text[]) p
                        WHERE {function}(%(role)s::oid, {which}, p)) END"""  # noqa: S608 - constants only


def own(catalog: str, which: str) -> str:
    """Not of an extension: what it brings along is its own affair."""
    return f"""
       NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '{catalog}'::regclass AND e.objid = {which}
                      AND e.objsubid = 0 AND e.deptype = 'e')"""


_TABLE_RIGHTS = "delete,insert,references,select,trigger,truncate,update"

ROLE = "SELECT oid FROM pg_roles WHERE rolname = %(name)s"

DATABASE = f"""
SELECT d.datname, {access("d.datdba", "has_database_privilege", "d.oid", "connect,create,temporary")}
  FROM pg_database d WHERE d.datname = current_database()
"""  # noqa: S608 - constants only

EXTENSIONS = """
SELECT e.extname, e.extversion, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
"""

SCHEMAS = f"""
SELECT n.nspname, {access("n.nspowner", "has_schema_privilege", "n.oid", "create,usage")}
  FROM pg_namespace n WHERE n.nspname = ANY(%(schemas)s)
"""  # noqa: S608 - constants only

# A view's definition takes ACCESS SHARE on what the view reads, as reading the view would.
RELATIONS = f"""
SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relpersistence = 'u', c.relrowsecurity,
       c.relforcerowsecurity, c.relispopulated,
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
       CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid)
           || CASE WHEN EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid AND i.inhdetachpending)
              THEN ' (DETACH PENDING)' ELSE '' END END,
       CASE WHEN c.relkind IN ('r', 'p', 'f') THEN
           (SELECT array_agg(i.inhparent::regclass::text ORDER BY i.inhseqno)
              FROM pg_inherits i WHERE i.inhrelid = c.oid) END,
       CASE WHEN c.relkind = 'f' THEN (SELECT s.srvname::text FROM pg_foreign_table f
              JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid) END,
       CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
       c.reloptions,
       {access("c.relowner", "has_table_privilege", "c.oid", _TABLE_RIGHTS)}
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND {own("pg_class", "c.oid")}
"""  # noqa: S608 - constants only

# Of materialized views, too, for their indexes.
COLUMNS = """
SELECT a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.attidentity::text, a.attgenerated::text,
       CASE WHEN a.atthasdef THEN (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
             WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) END,
       CASE WHEN a.attcollation NOT IN (0, 100) THEN a.attcollation END,
       CASE WHEN a.attcollation NOT IN (0, 100) THEN (SELECT a.attcollation::regcollation::text FROM pg_type t
             WHERE t.oid = a.atttypid AND t.typcollation <> a.attcollation) END,
       {18:NOT EXISTS (SELECT FROM pg_constraint v WHERE v.conrelid = a.attrelid AND v.contype = 'n'
             AND v.conkey = ARRAY[a.attnum] AND NOT v.convalidated)|true}
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'p', 'f', 'm') AND a.attnum > 0 AND NOT a.attisdropped
"""

# Those of a partition that come from its parent are the parent's, and so are inherited checks. Where the triggers
# are disabled that see to a constraint it is recorded as ever, and nothing keeps it: of a partition's, too.
CONSTRAINTS = """
WITH disabled AS (
    SELECT DISTINCT unnest(ARRAY[k.oid, k.conparentid]) AS oid
      FROM pg_trigger g JOIN pg_constraint k ON k.oid = g.tgconstraint
     WHERE g.tgisinternal AND g.tgenabled NOT IN ('O', 'A'))
SELECT o.conrelid, o.conname, o.contype::text, o.conkey, o.convalidated,
       {18:o.conenforced|true} AND d.oid IS NULL,
       o.condeferrable, o.condeferred, o.connoinherit, {18:o.conperiod|false},
       CASE o.contype WHEN 'c' THEN pg_get_expr(o.conbin, o.conrelid)
                      WHEN 'x' THEN pg_get_constraintdef(o.oid) END,
       i.indisvalid AND i.indisready AND d.oid IS NULL, i.indkey::int2[], i.indnkeyatts,
       {15:i.indnullsnotdistinct|false}, t.nspname, r.relname, o.confrelid, o.confkey,
       o.confupdtype::text, o.confdeltype::text, o.confmatchtype::text, {15:o.confdelsetcols|NULL},
       CASE WHEN o.contype = 'f' AND t.nspname <> ALL(%(schemas)s) THEN
           (SELECT array_agg(a.attname::text ORDER BY k.place)
              FROM unnest(o.confkey) WITH ORDINALITY k(number, place)
              JOIN pg_attribute a ON a.attrelid = o.confrelid AND a.attnum = k.number) END
  FROM pg_constraint o
  JOIN pg_class c ON c.oid = o.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN disabled d ON d.oid = o.oid
  LEFT JOIN pg_index i ON i.indexrelid = o.conindid AND o.contype IN ('p', 'u', 'x')
  LEFT JOIN pg_class r ON r.oid = o.confrelid AND o.contype = 'f'
  LEFT JOIN pg_namespace t ON t.oid = r.relnamespace
 WHERE n.nspname = ANY(%(schemas)s) AND o.contype IN ('p', 'u', 'c', 'f', 'x') AND o.conparentid = 0
   AND (o.conislocal OR o.coninhcount = 0)
"""

# The indexes of keys are the keys', those of a partition that come from its parent the parent's.
INDEXES = """
SELECT i.indrelid, ic.relname, m.amname, i.indisunique, {15:i.indnullsnotdistinct|false},
       i.indisvalid AND i.indisready, i.indnkeyatts, i.indkey::int2[], i.indoption::int2[], i.indclass::oid[],
       CASE WHEN NOT i.indcollation::oid[] <@ '{0,100}'::oid[] THEN i.indcollation::oid[] END,
       CASE WHEN NOT i.indcollation::oid[] <@ '{0,100}'::oid[] THEN
           ARRAY(SELECT k.o::regcollation::text FROM unnest(i.indcollation::oid[]) WITH ORDINALITY k(o, place)
                  ORDER BY k.place) END,
       CASE WHEN i.indexprs IS NOT NULL THEN
           ARRAY(SELECT pg_get_indexdef(i.indexrelid, k::int, false) FROM generate_series(1, i.indnkeyatts) k) END,
       pg_get_expr(i.indpred, i.indrelid), ic.reloptions,
       (SELECT array_agg(a.attnum || ' ' || array_to_string(a.attoptions, ', ')) FROM pg_attribute a
         WHERE a.attrelid = i.indexrelid AND a.attoptions IS NOT NULL)
  FROM pg_index i
  JOIN pg_class ic ON ic.oid = i.indexrelid
  JOIN pg_am m ON m.oid = ic.relam
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%(schemas)s) AND NOT ic.relispartition AND i.indislive
   AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid AND o.contype IN ('p', 'u', 'x'))
"""

# The default ones of their types go without saying.
OPERATOR_CLASSES = """
SELECT o.oid, CASE WHEN n.nspname = 'pg_catalog' THEN '' ELSE quote_ident(n.nspname) || '.' END
              || quote_ident(o.opcname)
  FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace WHERE NOT o.opcdefault
"""

# Row security would leave rows out without a word.
MIGRATIONS = """
SELECT c.oid IS NOT NULL, a.attname IS NOT NULL,
       has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
       AND NOT row_security_active(c.oid)
  FROM pg_namespace n
  LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = %(table)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = %(column)s AND a.attnum > 0 AND NOT a.attisdropped
 WHERE n.nspname = %(schema)s
"""
