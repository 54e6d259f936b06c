# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a database is besides its content, which pg_dump leaves to its --create: read, and made again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import postgres
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, Document
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import rows
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_queries import for_version

if postgres.PSYCOPG2_ERROR is None:
    from psycopg2 import sql

_DATABASE = """
SELECT pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
       {15:CASE d.datlocprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END|'libc'},
       {15:d.daticulocale|NULL}, {16:d.daticurules|NULL}, d.datconnlimit,
       shobj_description(d.oid, 'pg_database'), t.spcname, d.datacl IS NOT NULL,
       pg_database_size(d.oid)
  FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = %s
"""
_NAMES = (
    "owner encoding collate ctype provider locale rules connection_limit comment tablespace has_grants size".split()
)
_GRANTS = """
SELECT CASE WHEN a.grantee = 0 THEN NULL ELSE pg_get_userbyid(a.grantee) END, a.privilege_type, a.is_grantable
  FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = %s ORDER BY 1 NULLS FIRST, 2
"""
_SETTINGS = """
SELECT r.rolname, s.setting FROM pg_db_role_setting c
  JOIN pg_database d ON d.oid = c.setdatabase LEFT JOIN pg_roles r ON r.oid = c.setrole
 CROSS JOIN LATERAL unnest(c.setconfig) WITH ORDINALITY s(setting, place)
 WHERE d.datname = %s ORDER BY 1 NULLS FIRST, s.place
"""
_EXTENSIONS = """
SELECT e.extname, e.extversion, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE e.extname <> 'plpgsql' ORDER BY 1
"""
_ROLES = """
SELECT DISTINCT r.rolname FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid
 WHERE s.refclassid = 'pg_authid'::regclass
   AND s.dbid IN ((SELECT oid FROM pg_database WHERE datname = current_database()))
"""
# Their values are lists of quoted names, which one literal would make one name of (guc.h: GUC_LIST_QUOTE).
_LISTS = ("search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries")
_PRIVILEGES = ("CONNECT", "CREATE", "TEMPORARY")


def read(cursor: Any, version: int, database: str) -> Document:
    """The properties of a database, with the roles that it and its objects speak of; the cursor is in it."""
    query = for_version(_DATABASE, version)
    if version >= 170000:
        query = query.replace("d.daticulocale", "d.datlocale")
    found: Document = dict(zip(_NAMES, rows(cursor, query, (database,))[0], strict=True))
    found["grants"] = [list(row) for row in rows(cursor, _GRANTS, (database,))]
    found["settings"] = [list(row) for row in rows(cursor, _SETTINGS, (database,))]
    found["extensions"] = {name: {"version": v, "schema": s} for name, v, s in rows(cursor, _EXTENSIONS)}
    named = {found["owner"], *(row[0] for row in found["grants"] + found["settings"])} - {None}
    found["roles"] = sorted(named | {name for (name,) in rows(cursor, _ROLES)})
    return found


def missing(cursor: Any, version: int, wanted: Document) -> list[str]:
    """What of the cluster a restore needs and does not find, as a person would say it."""
    roles = {name for (name,) in rows(cursor, "SELECT rolname FROM pg_roles")}
    extensions = {name for (name,) in rows(cursor, "SELECT name FROM pg_available_extensions")}
    found = [f"role {name}" for name in wanted["roles"] if name not in roles]
    found += [f"extension {name}" for name in wanted["extensions"] if name not in extensions]
    found += _room(cursor, wanted["size"])
    if wanted["provider"] == "builtin" and version < 170000:
        found.append("the builtin locale provider")
    return found


def _room(cursor: Any, size: int) -> list[str]:
    """A full disk would stop the live database, too."""
    ((directory,),) = rows(cursor, "SHOW data_directory")
    try:
        there = os.statvfs(directory)
    except OSError:
        return []
    free = there.f_bavail * there.f_frsize
    return [f"{size} bytes in {directory}, where {free} are free"] if free < size else []


def create(cursor: Any, version: int, name: str, wanted: Document) -> None:
    """Make an empty database with the owner, encoding and locale of another, closed to all but superusers."""
    options = [("OWNER", wanted["owner"]), ("ENCODING", wanted["encoding"])]
    options += [("LC_COLLATE", wanted["collate"]), ("LC_CTYPE", wanted["ctype"])]
    if version >= 150000:
        options.append(("LOCALE_PROVIDER", wanted["provider"]))
    if wanted["locale"]:
        options.append((f"{wanted['provider'].upper()}_LOCALE", wanted["locale"]))
    if wanted["rules"]:
        options.append(("ICU_RULES", wanted["rules"]))
    if (wanted["tablespace"],) in rows(cursor, "SELECT spcname FROM pg_tablespace"):
        options.append(("TABLESPACE", wanted["tablespace"]))
    parts = [sql.SQL("{} {}").format(sql.SQL(key), _value(key, value)) for key, value in options]
    text = sql.SQL("CREATE DATABASE {} TEMPLATE template0 CONNECTION LIMIT 0 {}")
    cursor.execute(text.format(sql.Identifier(name), sql.SQL(" ").join(parts)))


def _value(key: str, value: str) -> sql.Composable:
    return sql.Identifier(value) if key in ("OWNER", "TABLESPACE", "LOCALE_PROVIDER") else sql.Literal(value)


def give(cursor: Any, name: str, wanted: Document) -> None:
    """Give a database the privileges, settings and comment of another. The cursor is in autocommit."""
    database = sql.Identifier(name)
    for statement in (*_grants(database, wanted), *_settings(database, wanted)):
        cursor.execute(statement)
    if wanted["comment"]:
        cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, sql.Literal(wanted["comment"])))


def _grants(database: sql.Composable, wanted: Document) -> Iterator[sql.Composable]:
    if not wanted["has_grants"]:
        return
    everybody = sql.SQL("PUBLIC")
    for role in (everybody, sql.Identifier(wanted["owner"])):
        yield sql.SQL("REVOKE ALL ON DATABASE {} FROM {}").format(database, role)
    for grantee, privilege, grantable in wanted["grants"]:
        if privilege not in _PRIVILEGES:
            raise BackupError(f"the manifest grants {privilege!r}, which is no privilege of a database")
        role = everybody if grantee is None else sql.Identifier(grantee)
        more = sql.SQL(" WITH GRANT OPTION" if grantable else "")
        yield sql.SQL("GRANT {} ON DATABASE {} TO {}").format(sql.SQL(privilege), database, role) + more


def _settings(database: sql.Composable, wanted: Document) -> Iterator[sql.Composable]:
    for role, setting in wanted["settings"]:
        name, _sign, value = setting.partition("=")
        subject = sql.SQL("DATABASE {}").format(database)
        if role is not None:
            subject = sql.SQL("ROLE {} IN DATABASE {}").format(sql.Identifier(role), database)
        # A name such as app.level is two identifiers.
        title = sql.SQL(".").join(sql.Identifier(part) for part in name.split("."))
        if name in _LISTS:
            yield sql.SQL("SELECT pg_catalog.set_config({}, {}, false)").format(sql.Literal(name), sql.Literal(value))
            yield sql.SQL("ALTER {} SET {} FROM CURRENT").format(subject, title)
        else:
            yield sql.SQL("ALTER {} SET {} TO {}").format(subject, title, sql.Literal(value))
