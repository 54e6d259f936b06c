# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The section of ``aidis-health`` about the database, and the numbers that the database is asked for."""

from __future__ import annotations

import math
import socket
import ssl
import time

from ansible_collections.ridgetop.aidis.plugins.module_utils import pg_wire
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_base import (
    FAILED,
    OK,
    CannotTellError,
    NeedsRightsError,
    Sample,
    Section,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_config import Config, fault_of_query, password
from ansible_collections.ridgetop.aidis.plugins.module_utils.net import excerpt

# Seconds by which the server's limit of a query is to come before the client's.
EARLIER = 2


def reached(config: Config) -> Section:
    """Whether the port lets connections in: all that can be said without a password."""
    where = f"{config.database_host}:{config.database_port}"
    started = time.monotonic()
    try:
        socket.create_connection((config.database_host, config.database_port), config.timeout).close()
    except OSError as error:
        return Section("database", FAILED, [f"{where}: {error.strerror or error}"])
    took = time.monotonic() - started
    return Section("database", OK, [f"{where} lets connections in"], {"seconds": round(took, 4)})


def asked(config: Config) -> tuple[Section, list[Sample], list[str]]:
    """What a login tells, the numbers that are asked for, and why some are left out.

    Raises NeedsRightsError where whoever asks may not read the password, and CannotTellError.
    """
    try:
        login = _login(config)
    except CannotTellError as error:
        raise NeedsRightsError(str(error)) from None
    started = time.monotonic()
    name = f"{config.database} on {config.database_host}:{config.database_port}"
    try:
        with pg_wire.session(login) as session:
            session.query("SELECT 1")
            took = time.monotonic() - started
            found, left_out = _numbers(config, session) if config.sql else ([], [])
    except pg_wire.RefusedError as error:
        failed = [Sample("aidis_sql_up", 0)] if config.sql else []
        return Section("database", FAILED, [f"{name}: connection failed: {excerpt(str(error))}"]), failed, []
    section = Section("database", OK, [f"Connected to {name} in {1000 * took:.0f} ms"], {"seconds": round(took, 4)})
    return section, found, left_out


def _login(config: Config) -> pg_wire.Login:
    """Where to log in, and how. Raises CannotTellError."""
    context = None
    if config.database_ca:
        try:
            context = ssl.create_default_context(cafile=config.database_ca)
        except (OSError, ValueError) as error:
            raise CannotTellError(f"{config.database_ca}: {getattr(error, 'strerror', None) or error}") from None
    return pg_wire.Login(
        config.database_host,
        config.database_port,
        config.user,
        config.database,
        password(config),
        tls=context,
        seconds=max(config.timeout, config.query_seconds + EARLIER if config.sql else 0),
    )


def _numbers(config: Config, session: pg_wire.Session) -> tuple[list[Sample], list[str]]:
    """What the queries tell, and why some do not. Raises RefusedError where no query is possible."""
    session.query(f"SET default_transaction_read_only = on; SET statement_timeout = {int(1000 * config.query_seconds)}")
    found: list[Sample] = []
    left_out: list[str] = []
    started = time.monotonic()
    lost = ""
    for query in config.queries:
        fault = fault_of_query(query) or lost
        if not fault:
            session.renew()
            try:
                found += _samples(query, session.query(query["query"]))
            except (ValueError, OverflowError) as error:
                fault = excerpt(str(error))
            except pg_wire.RefusedError as error:
                fault = excerpt(str(error))
                # Without a code it was not the server that refused it: the connection is gone.
                lost = "" if error.code else fault
        left_out += [f"{query.get('metric')}: {fault}"] if fault else []
    took = time.monotonic() - started
    return [*found, Sample("aidis_sql_query_seconds", round(took, 4)), Sample("aidis_sql_up", 1)], left_out


def _samples(query: dict[str, object], rows: pg_wire.Rows) -> list[Sample]:
    """The rows: the labels, then the value; one without a value is left out. Raises ValueError."""
    labels = [str(name) for name in query.get("labels") or []]  # type: ignore[attr-defined]
    found = []
    for row in rows:
        if len(row) != len(labels) + 1:
            raise ValueError(f"a row of {len(row)} columns instead of {len(labels) + 1}")
        if row[-1] is None:
            continue
        value = float(row[-1])
        if not math.isfinite(value):
            raise ValueError(f"{row[-1]} is no number")
        found.append(Sample(str(query["metric"]), value, {k: v or "" for k, v in zip(labels, row, strict=False)}))
    return found
