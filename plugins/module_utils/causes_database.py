# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Causes in the database: the role, the database itself, the password, extensions, rights."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import (
    CERTAIN,
    LIKELY,
    Found,
    Mend,
    Seen,
    Signatures,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.cause_login import (
    NO_DATABASE,
    PASSWORD,
    SUPERUSER,
    answer,
    login_failed,
)

DATABASE = Signatures()


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
        mend = Mend(f"{SUPERUSER} -c {shlex.quote(alter)}")
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
    application = login_failed(seen)
    if not gone and application.get("code") != NO_DATABASE:
        return
    kept = [one for one in superuser.get("databases") or {} if one.startswith(f"{name}_")]
    proved = [one for one in seen.part("backups").get("newest") or [] if one["proved_at"] and not one["damage"]]
    lines = [f"beside it there are: {', '.join(kept)}"] if kept else []
    if not proved:
        sentence = f"The database {name} does not exist, and no backup of it is in the ledger here."
        yield Found(sentence, (*answer(application), *lines) if application else tuple(lines), (seen.deploy,))
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
    application = login_failed(seen)
    if application.get("code") == PASSWORD:
        sentence = f"PostgreSQL refuses the inventory's password of {application['user']}: {application['error']}."
        yield Found(sentence, (*answer(application), *seen.said("password authentication failed")), (seen.deploy,))
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
    mend = Mend(f"{SUPERUSER} -d {shlex.quote(name)} -c {shlex.quote(make)}") if packaged else seen.deploy
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
        mend = Mend(f"{SUPERUSER} -c {shlex.quote(grant)}")
        yield Found(f"The role {user} may not connect to the database {name}.", (), (mend,))
    closed = [schema for schema in seen.about["database"].get("schemas", []) if found["schemas"].get(schema) is False]
    if closed or found["denied"]:
        what = f"{found['denied']} tables" if found["denied"] else f"the schema {', '.join(closed)}"
        grant = "; ".join(
            f'GRANT USAGE, CREATE ON SCHEMA "{one}" TO "{user}"; GRANT ALL ON ALL TABLES IN SCHEMA "{one}" TO "{user}"'
            for one in closed or found["schemas"]
        )
        mend = Mend(f"{SUPERUSER} -d {shlex.quote(name)} -c {shlex.quote(grant)}")
        yield Found(
            f"The role {user} may not read and write {what} of {name}.", (), (mend,), CERTAIN if closed else LIKELY
        )
