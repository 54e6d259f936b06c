# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evidence of the database: as its superuser by the local socket, and as the application by the way that it takes."""

from __future__ import annotations

import json
import ssl
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import pg_wire
from ansible_collections.ridgetop.aidis.plugins.module_utils.evidence_base import Looker
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError

# All roles and databases are asked for, and ours picked out here: a statement without names needs no quoting.
CLUSTER = """
SELECT json_build_object(
  'roles', (SELECT json_object_agg(rolname, json_build_object('login', rolcanlogin, 'superuser', rolsuper,
      'expired', coalesce(rolvaliduntil < now(), false), 'limit', rolconnlimit)) FROM pg_roles WHERE rolname !~ '^pg_'),
  'databases', (SELECT json_object_agg(datname, json_build_object('owner', pg_get_userbyid(datdba),
      'connections', datallowconn)) FROM pg_database WHERE NOT datistemplate),
  'connections', (SELECT json_object_agg(who, total) FROM (SELECT coalesce(usename::text, 'none') AS who,
      count(*) AS total FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1) AS counted),
  'idle_in_transaction', (SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'),
  'waiting_for_locks', (SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'),
  'max_connections', current_setting('max_connections')::int,
  'listen_addresses', current_setting('listen_addresses'),
  'version', current_setting('server_version'),
  'recovery', pg_is_in_recovery(),
  'started', pg_postmaster_start_time(),
  'refused', (SELECT coalesce(json_agg(format('pg_hba.conf line %s: %s', line_number, error)), '[]')
      FROM pg_hba_file_rules WHERE error IS NOT NULL))
"""
DATABASE = """
SELECT json_build_object(
  'extensions', (SELECT json_object_agg(extname, extversion) FROM pg_extension),
  'available', (SELECT json_agg(name ORDER BY name) FROM pg_available_extensions),
  'rights', (SELECT json_object_agg(rolname, json_build_object(
      'connect', has_database_privilege(role.oid, current_database(), 'CONNECT'),
      'schemas', (SELECT json_object_agg(nspname, has_schema_privilege(role.oid, space.oid, 'USAGE'))
          FROM pg_namespace AS space WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
      'denied', (SELECT count(*) FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = relnamespace
          WHERE relkind IN ('r', 'p') AND nspname !~ '^pg_' AND nspname <> 'information_schema'
          AND NOT (has_table_privilege(role.oid, class.oid, 'SELECT')
          AND has_table_privilege(role.oid, class.oid, 'INSERT')))))
      FROM pg_roles AS role WHERE rolcanlogin AND NOT rolsuper),
  'tables', (SELECT count(*) FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = relnamespace
      WHERE relkind IN ('r', 'p') AND nspname !~ '^pg_' AND nspname <> 'information_schema'),
  'bytes', pg_database_size(current_database()))
"""
AS_APPLICATION = "SELECT current_database(), current_user, current_setting('server_version')"
# Seconds for a connection; a server that starts or ends is asked once.
CONNECT = 5


def superuser(looker: Looker) -> dict[str, Any]:
    """Roles, databases, connections, and in ours its extensions and rights. Raises CannotCheckError."""
    database = looker.about.database
    if not database.get("here"):
        return {}
    found: dict[str, Any] = {"port": database["port"], **_asked(looker, "postgres", CLUSTER)}
    if database["name"] not in (found["databases"] or {}):
        return found
    return {**found, "database": _asked(looker, database["name"], DATABASE)}


def _asked(looker: Looker, name: str, statement: str) -> dict[str, Any]:
    port = looker.about.database["port"]
    where = f"dbname='{_quoted(name)}' port={port} connect_timeout={CONNECT}"
    options = ["--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--no-password"]
    command = ["runuser", "-u", "postgres", "--", "psql", *options, f"--dbname={where}", "--command"]
    answer: dict[str, Any] = json.loads(looker.run(*command, " ".join(statement.split())))
    return answer


def _quoted(text: str) -> str:
    """A value for libpq's connection string."""
    return str(text).replace("\\", "\\\\").replace("'", "\\'")


def application(looker: Looker) -> dict[str, Any]:
    """Whether the application gets in with the inventory's password, and what the server says where it does not."""
    about = looker.about
    database = about.database
    if not database or not about.service:
        return {}
    if about.password is None:
        raise CannotCheckError("the inventory gives no password of the database that could be used")
    found = {name: database[name] for name in ("host", "port", "name", "user", "tls")}
    try:
        tls = ssl.create_default_context(cafile=database["ca_file"] or None) if database["tls"] else None
    except (OSError, ssl.SSLError) as error:
        return {**found, "in": False, "code": "", "error": f"{database['ca_file']} cannot be read: {error}"}
    login = pg_wire.Login(
        database["host"], int(database["port"]), database["user"], database["name"], about.password, tls, CONNECT
    )
    try:
        ((name, user, version),) = pg_wire.query(login, AS_APPLICATION)
    except pg_wire.RefusedError as error:
        return {**found, "in": False, "code": error.code, "error": str(error)}
    return {**found, "in": True, "code": "", "error": "", "as": f"{user} in {name}", "version": version}
