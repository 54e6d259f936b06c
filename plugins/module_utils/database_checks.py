# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of database_check: queries in one session that cannot write, their answers held against what is expected."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import postgres
from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import SEVERITIES, Check, Subject
from ansible_collections.ridgetop.aidis.plugins.module_utils.comparison import OPERATORS, Comparison
from ansible_collections.ridgetop.aidis.plugins.module_utils.database_values import alike, plain, textual
from ansible_collections.ridgetop.aidis.plugins.module_utils.net import excerpt

if postgres.PSYCOPG2_ERROR is None:
    import psycopg2
    from psycopg2 import sql
    from psycopg2.extensions import TRANSACTION_STATUS_INTRANS

INSUFFICIENT_PRIVILEGE = "42501"
QUERY_CANCELED = "57014"
NO_CONNECTION = "no connection to the database"
# The server ends a query in time by itself; this much later it is taken for one that no longer does.
GRACE_SECONDS = 5.0
MOST_DETAIL = 500
# What values are told and read in, whatever the role's own settings are.
_SETTINGS = {
    "default_transaction_read_only": "on",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
}


class OptionError(Exception):
    """Checks that cannot be made as they are written; names each."""


class QueryError(Exception):
    """A query without an answer that could be judged; the text says why."""


class PrivilegeError(Exception):
    """A query that the role may not make; the text is the server's."""


class _StuckError(Exception):
    """A server that no longer keeps the time limit of a query; with the check that was not met by that."""

    def __init__(self, check: Check) -> None:
        super().__init__(check.observed)
        self.check = check


@dataclass(frozen=True)
class Question:
    """A query and what is expected of the first column of its only row; its time limit in seconds."""

    subject: Subject
    query: str
    comparison: Comparison
    seconds: float
    parameters: Mapping[str, Any] | None = None
    skip_when_null: str | None = None


@dataclass(frozen=True)
class Answer:
    """What a query gave. ``value`` is null without a row, too."""

    value: Any
    detail: str = ""
    row: bool = True


def argument_spec() -> dict[str, Any]:
    """The module's options."""
    common = {
        "severity": {"type": "str", "choices": list(SEVERITIES), "default": "critical"},
        "category": {"type": "str", "default": "database"},
        "hint": {"type": "str", "default": ""},
    }
    connection = {
        **common,
        "id": {"type": "str", "default": "database.connection"},
        "title": {"type": "str", "default": "Connection to the database"},
    }
    check = {
        **common,
        "id": {"type": "str", "required": True},
        "title": {"type": "str"},
        "query": {"type": "str", "required": True},
        "parameters": {"type": "dict"},
        "operator": {"type": "str", "choices": list(OPERATORS), "default": "eq"},
        "expected": {"type": "raw"},
        "skip_when_null": {"type": "str"},
        "timeout": {"type": "float"},
    }
    return {
        **postgres.argument_spec(),
        "timeout": {"type": "float", "default": 10.0},
        "connection": {"type": "dict", "options": connection, "apply_defaults": True},
        "checks": {"type": "list", "elements": "dict", "default": [], "options": check},
        "fail": {"type": "bool", "default": False},
    }


def connection_subject(params: Mapping[str, Any]) -> Subject:
    """The check that stands for the connection itself."""
    return Subject(**params["connection"])


def read(params: Mapping[str, Any]) -> list[Question]:
    """Make questions of the module's parameters. Raises OptionError naming every wrong one."""
    questions = [_question(given, params["timeout"]) for given in params["checks"]]
    problems = [postgres.problem(params)]
    for one in questions:
        wrong = one.comparison.problem() or _problem(one)
        problems.append(wrong and f"check {one.subject.id}: {wrong}")
    ids = [params["connection"]["id"], *(one.subject.id for one in questions)]
    doubled = sorted({name for name in ids if ids.count(name) > 1})
    problems += [f"check {name}: its id is used more than once" for name in doubled]
    if any(problems):
        raise OptionError("; ".join(filter(None, problems)))
    return questions


def _question(given: Mapping[str, Any], seconds: float) -> Question:
    return Question(
        Subject(given["id"], given["title"] or given["id"], given["category"], given["severity"], given["hint"]),
        given["query"],
        Comparison(given["operator"], given["expected"]),
        seconds if given["timeout"] is None else given["timeout"],
        given["parameters"] or None,
        given["skip_when_null"],
    )


def _problem(question: Question) -> str:
    """What is wrong with a question beside its comparison, empty when nothing is."""
    if question.seconds <= 0:
        return "timeout must be above 0 seconds"
    # The driver would send what stands before it.
    return "query must not hold a NUL character" if "\0" in question.query else ""


def run(params: Mapping[str, Any], questions: Sequence[Question]) -> list[Check]:
    """Connect and ask; the check of the connection comes first. Where there is none, or it is lost, the rest skips."""
    subject = connection_subject(params)
    expected = f"a connection to {params['login_db']} as {params['session_role'] or params['login_user']}"
    checks: list[Check] = []
    try:
        connection = postgres.bounded(params["connect_timeout"] + params["timeout"], lambda: _connected(params))
        for question in questions:
            checks.append(_asked(connection, question))
            if connection.closed:
                raise postgres.DatabaseError(f"the connection was lost at {question.subject.id}")
        connection.close()
        result = subject.result(True, expected, f"PostgreSQL {_version(connection.server_version)}")
    except _StuckError as stuck:
        # What waits for the server still uses the connection, which is not to be touched.
        checks.append(stuck.check)
        result = subject.result(False, expected, f"the connection was given up at {stuck.check.id}")
    except postgres.DatabaseError as error:
        result = subject.result(False, expected, str(error))
    left = questions[len(checks) :]
    return [result, *checks, *(one.subject.skipped(one.comparison.wanted(), NO_CONNECTION) for one in left)]


def _version(number: int) -> str:
    return f"{number // 10000}.{number % 10000}"


def _connected(params: Mapping[str, Any]) -> Any:
    """A connection whose transactions are read only, as the role that was asked for. Raises DatabaseError."""
    try:
        connection = psycopg2.connect(**postgres.libpq_parameters(params), client_encoding="utf8")
        connection.set_session(isolation_level="READ COMMITTED", readonly=True)
        with connection, connection.cursor() as cursor:
            for setting in _SETTINGS.items():
                cursor.execute("SELECT pg_catalog.set_config(%s, %s, false)", setting)
            if params["session_role"]:
                cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(params["session_role"])))
    except psycopg2.Error as error:
        raise postgres.explained(error) from None
    except UnicodeError:
        raise postgres.DatabaseError("the server's messages are not in UTF-8") from None
    return connection


def _asked(connection: Any, question: Question) -> Check:
    """Ask one question and judge the answer. Raises _StuckError where the server no longer answers."""
    wanted = question.comparison.wanted()
    try:
        answer = postgres.bounded(question.seconds + GRACE_SECONDS, lambda: _answer(connection, question))
    except PrivilegeError as reason:
        return question.subject.skipped(wanted, str(reason))
    except QueryError as error:
        return question.subject.result(False, wanted, str(error))
    except postgres.LateError as error:
        raise _StuckError(question.subject.result(False, wanted, str(error))) from None
    return judged(question, answer)


def judged(question: Question, answer: Answer) -> Check:
    """Hold an answer against what is expected. Null meets nothing but ``unset``."""
    wanted = question.comparison.wanted()
    if answer.value is None and question.skip_when_null:
        return question.subject.skipped(wanted, question.skip_when_null)
    operator, expected = question.comparison.operator, question.comparison.expected
    if answer.value is None:
        met, seen = operator == "unset", "null" if answer.row else "no row"
    elif operator in ("match", "no_match"):
        met, seen = question.comparison.of(textual(answer.value))
    else:
        met, seen = Comparison(operator, alike(expected, answer.value)).of(answer.value)
    return question.subject.result(met, wanted, f"{seen} ({answer.detail})" if answer.detail else seen)


def _answer(connection: Any, question: Question) -> Answer:
    """The answer of a query in a transaction of its own, which is rolled back.

    Raises PrivilegeError and QueryError.
    """
    start = time.monotonic()
    try:
        with connection.cursor() as cursor:
            milliseconds = str(max(1, int(question.seconds * 1000)))
            cursor.execute("SELECT pg_catalog.set_config('statement_timeout', %s, true)", (milliseconds,))
            # Without parameters a percent sign is one.
            cursor.execute(question.query, question.parameters)
            answer = _taken(cursor)
        if connection.info.transaction_status != TRANSACTION_STATUS_INTRANS:
            raise QueryError("the query ends its own transaction")
        return answer
    except psycopg2.Error as error:
        raise _explained(error, question.seconds, time.monotonic() - start) from None
    except (KeyError, IndexError, TypeError) as error:
        raise QueryError(f"the parameters do not fit the query: {error}") from None
    except (ValueError, OverflowError) as error:
        # Parameters with a wrong placeholder, a date that Python's calendar does not have, text that is not UTF-8.
        raise QueryError(f"the query cannot be sent or its answer not be read: {error}") from None
    finally:
        # Where the connection is lost, ``closed`` tells it.
        with suppress(psycopg2.Error):
            connection.rollback()


def _taken(cursor: Any) -> Answer:
    """The only row of a query that was made. Raises QueryError."""
    if not cursor.description:
        raise QueryError("the query gives no column")
    if cursor.rowcount > 1:
        raise QueryError(f"the query gives {cursor.rowcount} rows, not one at most")
    row = cursor.fetchone()
    if row is None:
        return Answer(None, row=False)
    detail = plain(row[1]) if len(row) > 1 else None
    return Answer(plain(row[0]), "" if detail is None else excerpt(str(detail), MOST_DETAIL))


def _explained(error: Any, seconds: float, spent: float) -> PrivilegeError | QueryError:
    """What an error of the server means for the check."""
    text = getattr(error.diag, "message_primary", None) or str(error) or type(error).__name__
    message = excerpt(text.strip().partition("\n")[0])
    if error.pgcode == INSUFFICIENT_PRIVILEGE:
        return PrivilegeError(message)
    # Somebody else may cancel it, too, and earlier.
    if error.pgcode == QUERY_CANCELED and spent >= seconds:
        return QueryError(f"the query did not end within {seconds:g} s")
    return QueryError(message)
