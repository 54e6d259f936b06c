# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Causes in the database: the server, the ways to it, the role, the database, its extensions and rights."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import (
    CERTAIN,
    LIKELY,
    Found,
    Mend,
    Seen,
    Signatures,
)

DATABASE = Signatures()
# SQLSTATE of what a server says at a login.
PASSWORD, NO_DATABASE, TOO_MANY, STARTING = "28P01", "3D000", "53300", "57P03"
_SUPERUSER = "sudo -u postgres psql"


def _application(seen: Seen) -> Mapping[str, Any]:
    """How the application fared at the login where it failed, empty else."""
    found = seen.part("application")
    return found if found and not found["in"] else {}


def _address(application: Mapping[str, Any]) -> str:
    return f"{application['host']}:{application['port']}"


def _answer(application: Mapping[str, Any]) -> tuple[str, ...]:
    """What the server answered, as a line."""
    code = f" (SQLSTATE {application['code']})" if application["code"] else ""
    login = f"login as {application['user']} to {application['name']} at {_address(application)}"
    return (f"{login}: {application['error']}{code}",)


def _clusters(seen: Seen) -> list[Mapping[str, str]]:
    return [one for one in seen.rows("units") if one.get("Id", "").startswith("postgresql@")]


@DATABASE.add(
    "postgres.missing",
    "No PostgreSQL server is on the database's host, or it has no cluster.",
    "a deployment, which installs it; the data comes from a backup",
    explains=("postgres.refused", "file.missing"),
)
def missing(seen: Seen) -> Iterator[Found]:
    here = seen.about.get("database", {}).get("here")
    if here and seen.known("clusters") and not seen.rows("clusters") and seen.deployed:
        yield Found("There is no cluster of PostgreSQL on this host, where the database has to be.", (), (seen.deploy,))


@DATABASE.add(
    "postgres.stopped",
    "The unit of PostgreSQL's cluster does not run.",
    "``systemctl start`` of that unit",
    explains=("postgres.refused", "port.closed", "unit.start_limit"),
)
def stopped(seen: Seen) -> Iterator[Found]:
    port = str(seen.about.get("database", {}).get("port"))
    online = any(one["status"].startswith("online") and one["port"] == port for one in seen.rows("clusters"))
    for unit in _clusters(seen) if not online else []:
        if unit.get("ActiveState") in ("active", "reloading"):
            continue
        how = "failed" if unit["ActiveState"] == "failed" else f"is {unit['ActiveState']}"
        since = unit.get("InactiveEnterTimestamp") or unit.get("StateChangeTimestamp")
        lines = tuple(line for one in seen.rows("clusters") for line in one["lines"][-3:])
        mend = Mend(f"sudo systemctl start {shlex.quote(unit['Id'])}")
        yield Found(f"PostgreSQL does not run: {unit['Id']} {how} since {since}.", lines, (mend,))


@DATABASE.add(
    "postgres.port",
    "PostgreSQL runs and listens on another port than ``aidis_database_port``.",
    "a deployment, which sets the port",
    explains=("postgres.refused",),
)
def other_port(seen: Seen) -> Iterator[Found]:
    database = seen.about.get("database", {})
    online = {one["port"] for one in seen.rows("clusters") if one["status"].startswith("online")}
    if database.get("here") and online and str(database["port"]) not in online:
        sentence = f"PostgreSQL listens on {', '.join(sorted(online))} and not on {database['port']}."
        yield Found(sentence, (), (seen.deploy,))


@DATABASE.add(
    "postgres.refused",
    "Nothing answers where the application reaches the database: refused, timed out, or a name that is not found.",
    "starting PostgreSQL on its host, or opening the way to it",
)
def refused(seen: Seen) -> Iterator[Found]:
    application = _application(seen)
    if application and not application["code"] and not application["error"].startswith("TLS"):
        on = " on the database's host" if not seen.about["database"]["here"] else ""
        mends = (Mend("sudo systemctl start postgresql" + (f"  # {on.strip()}" if on else "")),)
        sentence = f"The database does not answer at {_address(application)}: {application['error']}."
        yield Found(sentence, _answer(application), mends)


@DATABASE.add(
    "postgres.tls",
    "The database answers, and its certificate or its TLS is not accepted.",
    "a deployment, which brings the certificate; ``aidis_address`` has to be a name in it",
)
def tls(seen: Seen) -> Iterator[Found]:
    application = _application(seen)
    if application and application["error"].startswith("TLS"):
        sentence = f"TLS to the database at {_address(application)} fails: {application['error']}."
        yield Found(sentence, _answer(application), (seen.deploy,))


@DATABASE.add(
    "postgres.starting",
    "PostgreSQL is starting up, shutting down or recovering, and lets nobody in meanwhile.",
    "waiting; its log tells how far it is",
)
def starting(seen: Seen) -> Iterator[Found]:
    application = _application(seen)
    if application.get("code") == STARTING:
        lines = tuple(line for one in seen.rows("clusters") for line in one["lines"][-3:])
        mend = Mend("sudo tail -f /var/log/postgresql/*.log")
        yield Found(f"PostgreSQL lets nobody in yet: {application['error']}.", (*_answer(application), *lines), (mend,))


@DATABASE.add(
    "postgres.connections",
    "All connections that PostgreSQL, or the role, may have are taken.",
    "ending idle connections; ``max_connections`` in ``postgres_settings`` where they are needed",
    explains=("port.closed", "unit.start_limit"),
)
def connections(seen: Seen) -> Iterator[Found]:
    application, superuser = _application(seen), seen.part("superuser")
    if application.get("code") != TOO_MANY and "too many clients" not in str(
        seen.evidence.get("missing", {}).get("superuser")
    ):
        return
    held = ", ".join(f"{who} {count}" for who, count in (superuser.get("connections") or {}).items())
    told = f" of {superuser['max_connections']} (held by: {held})" if superuser else ""
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle%' AND pid <> pg_backend_pid()"
    sentence = f"PostgreSQL has no connection left{told}."
    yield Found(sentence, _answer(application) if application else (), (Mend(f'{_SUPERUSER} -c "{end}"'),))


@DATABASE.add(
    "postgres.hba",
    "``pg_hba.conf`` lets the application not in from its host: ``no pg_hba.conf entry``, or a line that rejects.",
    "a deployment, which writes the rules; ``aidis_address`` of this host has to be the address it comes from",
)
def hba(seen: Seen) -> Iterator[Found]:
    application = _application(seen)
    if "pg_hba.conf" in application.get("error", ""):
        sentence = (
            f"The rules of PostgreSQL do not let {application['user']} in from this host: {application['error']}."
        )
        yield Found(sentence, _answer(application), (seen.deploy,))
    broken = seen.part("superuser").get("refused") or []
    if broken:
        yield Found("PostgreSQL refuses lines of its pg_hba.conf.", tuple(broken), (seen.deploy,), LIKELY)


@DATABASE.add(
    "postgres.role",
    "The application's role is missing, may not log in, or its password has expired.",
    "a deployment, which makes it",
    explains=("postgres.password", "postgres.rights"),
)
def role(seen: Seen) -> Iterator[Found]:
    superuser, user = seen.part("superuser"), seen.about.get("database", {}).get("user")
    if not superuser:
        return
    found = (superuser.get("roles") or {}).get(user)
    if found is None:
        yield Found(f"The role {user} does not exist in PostgreSQL.", (), (seen.deploy,))
    elif not found["login"] or found["expired"]:
        why = "may not log in" if not found["login"] else "has a password that has expired"
        alter = f"ALTER ROLE \"{user}\" VALID UNTIL 'infinity'"
        mend = Mend(f"{_SUPERUSER} -c {shlex.quote(alter)}")
        yield Found(f"The role {user} {why}.", (), (mend,) if found["expired"] else (seen.deploy,))


@DATABASE.add(
    "postgres.database",
    "The database does not exist.",
    "a rollback to the newest backup; where there is none, a deployment, which makes an empty one",
    explains=("postgres.extension", "postgres.rights"),
)
def database(seen: Seen) -> Iterator[Found]:
    superuser, name = seen.part("superuser"), seen.about.get("database", {}).get("name")
    gone = bool(superuser) and name not in (superuser.get("databases") or {})
    application = _application(seen)
    if not gone and application.get("code") != NO_DATABASE:
        return
    kept = [one for one in superuser.get("databases") or {} if one.startswith(f"{name}_")]
    proved = [one for one in seen.part("backups").get("newest") or [] if one["proved_at"] and not one["damage"]]
    lines = [f"beside it there are: {', '.join(kept)}"] if kept else []
    if not proved:
        sentence = f"The database {name} does not exist, and no backup of it is in the ledger here."
        yield Found(sentence, (*_answer(application), *lines) if application else tuple(lines), (seen.deploy,))
        return
    newest = proved[0]
    running = seen.part("releases").get("running")
    options = f"-e rollback_database={shlex.quote(newest['id'])} -e rollback_confirm=yes"
    options += f" -e rollback_to={shlex.quote(running)}" if running else ""
    lines.append(f"newest backup: {newest['id']} of {newest['at']}, proved at {newest['proved_at']}")
    sentence = f"The database {name} does not exist. Its newest backup is {newest['id']}."
    yield Found(sentence, tuple(lines), (Mend(f"{seen.commands.rollback} {options}", seen.deploy.where),))


@DATABASE.add(
    "postgres.password",
    "PostgreSQL refuses the password that the inventory gives: ``password authentication failed``.",
    "a deployment, which sets the password of the role and writes it into the environment file",
)
def password(seen: Seen) -> Iterator[Found]:
    application = _application(seen)
    if application.get("code") == PASSWORD:
        sentence = f"PostgreSQL refuses the inventory's password of {application['user']}: {application['error']}."
        yield Found(sentence, (*_answer(application), *seen.said("password authentication failed")), (seen.deploy,))
    elif not application and seen.part("environment").get("different"):
        lines = seen.said("password authentication failed")
        if lines:
            names = ", ".join(seen.part("environment")["different"])
            sentence = (
                f"PostgreSQL refuses the password that the service has: {names} is not the inventory's on this host."
            )
            yield Found(sentence, lines, (seen.deploy,))


@DATABASE.add(
    "postgres.extension",
    "An extension that the application needs is not in the database.",
    "``CREATE EXTENSION`` as the superuser; a deployment where its package is missing, too",
)
def extension(seen: Seen) -> Iterator[Found]:
    found = seen.part("superuser").get("database")
    if not found:
        return
    absent = [name for name in seen.about.get("extensions", []) if name not in (found["extensions"] or {})]
    if not absent:
        return
    name = seen.about["database"]["name"]
    make = "; ".join(f'CREATE EXTENSION "{one}"' for one in absent)
    packaged = set(absent) <= set(found["available"] or [])
    mend = Mend(f"{_SUPERUSER} -d {shlex.quote(name)} -c {shlex.quote(make)}") if packaged else seen.deploy
    why = "" if packaged else " It is not installed on the host, either."
    yield Found(f"The database {name} lacks the extension {', '.join(absent)}.{why}", (), (mend,))


@DATABASE.add(
    "postgres.rights",
    "The application's role may not connect, not use a schema, or not read and write tables.",
    "a deployment for the database and the schema; ``GRANT`` or ``ALTER TABLE ... OWNER`` for tables",
)
def rights(seen: Seen) -> Iterator[Found]:
    name, user = seen.about.get("database", {}).get("name"), seen.about.get("database", {}).get("user")
    found = ((seen.part("superuser").get("database") or {}).get("rights") or {}).get(user)
    if not found:
        return
    if not found["connect"]:
        grant = f'GRANT CONNECT ON DATABASE "{name}" TO "{user}"'
        mend = Mend(f"{_SUPERUSER} -c {shlex.quote(grant)}")
        yield Found(f"The role {user} may not connect to the database {name}.", (), (mend,))
    closed = [schema for schema in seen.about["database"].get("schemas", []) if found["schemas"].get(schema) is False]
    if closed or found["denied"]:
        what = f"{found['denied']} tables" if found["denied"] else f"the schema {', '.join(closed)}"
        grant = "; ".join(
            f'GRANT USAGE, CREATE ON SCHEMA "{one}" TO "{user}"; GRANT ALL ON ALL TABLES IN SCHEMA "{one}" TO "{user}"'
            for one in closed or found["schemas"]
        )
        mend = Mend(f"{_SUPERUSER} -d {shlex.quote(name)} -c {shlex.quote(grant)}")
        yield Found(
            f"The role {user} may not read and write {what} of {name}.", (), (mend,), CERTAIN if closed else LIKELY
        )
