# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Causes in PostgreSQL's server, and on the way to it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import (
    LIKELY,
    Found,
    Mend,
    Seen,
    Signatures,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.cause_login import (
    STARTING,
    SUPERUSER,
    TOO_MANY,
    address,
    answer,
    login_failed,
)

SERVER = Signatures()


def _clusters(seen: Seen) -> list[Mapping[str, str]]:
    return [one for one in seen.rows("units") if one.get("Id", "").startswith("postgresql@")]


@SERVER.add(
    "postgres.missing",
    "No PostgreSQL server is on the database's host, or it has no cluster.",
    "a deployment, which installs it; the data comes from a backup",
    explains=("postgres.stopped", "postgres.refused", "file.missing"),
)
def missing(seen: Seen) -> Iterator[Found]:
    here = seen.about.get("database", {}).get("here")
    if here and seen.known("clusters") and not seen.rows("clusters") and seen.deployed:
        yield Found("There is no cluster of PostgreSQL on this host, where the database has to be.", (), (seen.deploy,))


@SERVER.add(
    "postgres.stopped",
    "The unit of PostgreSQL's cluster does not run.",
    "``systemctl start`` of that unit",
    explains=("postgres.refused", "port.closed", "unit.start_limit", "timer.failed"),
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


@SERVER.add(
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


@SERVER.add(
    "postgres.refused",
    "Nothing answers where the application reaches the database: refused, timed out, or a name that is not found.",
    "starting PostgreSQL on its host, or opening the way to it",
)
def refused(seen: Seen) -> Iterator[Found]:
    application = login_failed(seen)
    if application and not application["code"] and not application["error"].startswith("TLS"):
        on = " on the database's host" if not seen.about["database"]["here"] else ""
        mends = (Mend("sudo systemctl start postgresql" + (f"  # {on.strip()}" if on else "")),)
        sentence = f"The database does not answer at {address(application)}: {application['error']}."
        yield Found(sentence, answer(application), mends)


@SERVER.add(
    "postgres.tls",
    "The database answers, and its certificate or its TLS is not accepted.",
    "a deployment, which brings the certificate; ``aidis_address`` has to be a name in it",
)
def tls(seen: Seen) -> Iterator[Found]:
    application = login_failed(seen)
    if application and application["error"].startswith("TLS"):
        sentence = f"TLS to the database at {address(application)} fails: {application['error']}."
        yield Found(sentence, answer(application), (seen.deploy,))


@SERVER.add(
    "postgres.starting",
    "PostgreSQL is starting up, shutting down or recovering, and lets nobody in meanwhile.",
    "waiting; its log tells how far it is",
)
def starting(seen: Seen) -> Iterator[Found]:
    application = login_failed(seen)
    if application.get("code") == STARTING:
        lines = tuple(line for one in seen.rows("clusters") for line in one["lines"][-3:])
        mend = Mend("sudo tail -f /var/log/postgresql/*.log")
        yield Found(f"PostgreSQL lets nobody in yet: {application['error']}.", (*answer(application), *lines), (mend,))


@SERVER.add(
    "postgres.connections",
    "All connections that PostgreSQL, or the role, may have are taken.",
    "ending idle connections; ``max_connections`` in ``postgres_settings`` where they are needed",
    explains=("port.closed", "unit.start_limit"),
)
def connections(seen: Seen) -> Iterator[Found]:
    application, superuser = login_failed(seen), seen.part("superuser")
    if application.get("code") != TOO_MANY and "too many clients" not in str(
        seen.evidence.get("missing", {}).get("superuser")
    ):
        return
    held = ", ".join(f"{who} {count}" for who, count in (superuser.get("connections") or {}).items())
    told = f" of {superuser['max_connections']} (held by: {held})" if superuser else ""
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle%' AND pid <> pg_backend_pid()"
    sentence = f"PostgreSQL has no connection left{told}."
    yield Found(sentence, answer(application) if application else (), (Mend(f'{SUPERUSER} -c "{end}"'),))


@SERVER.add(
    "postgres.hba",
    "``pg_hba.conf`` lets the application not in from its host: ``no pg_hba.conf entry``, or a line that rejects.",
    "a deployment, which writes the rules; ``aidis_address`` of this host has to be the address it comes from",
)
def hba(seen: Seen) -> Iterator[Found]:
    application = login_failed(seen)
    if "pg_hba.conf" in application.get("error", ""):
        sentence = (
            f"The rules of PostgreSQL do not let {application['user']} in from this host: {application['error']}."
        )
        yield Found(sentence, answer(application), (seen.deploy,))
    broken = seen.part("superuser").get("refused") or []
    if broken:
        yield Found("PostgreSQL refuses lines of its pg_hba.conf.", tuple(broken), (seen.deploy,), LIKELY)
