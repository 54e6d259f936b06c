# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""system_project as a whole, each transition against a scripted table."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import postgres
from ansible_collections.ridgetop.aidis.plugins.module_utils.project import Column, Row, Wanted
from ansible_collections.ridgetop.aidis.plugins.modules import system_project

UUID = "5f4c0e0a-7a3e-4b7e-9d55-0a5b6a1f2c11"
ACTIVE, ARCHIVED = Row(UUID, "active", True), Row(UUID, "archived", False)
CREATED = {"name": "System Default", "description": "Default system project for new sessions", "status": "active"}


class Table:
    """A table by script: what it holds at each reading; all that is done to it is written down."""

    def __init__(self) -> None:
        self.structure: list[Column] | None = [
            Column("id", "uuid", True),
            Column("name", "text", False),
            Column("description", "text", False),
            Column("status", "text", True),
        ]
        self.readings: list[list[Row]] = []
        self.done: list[Any] = []
        self.read_only: bool | None = None

    def columns(self) -> list[Column] | None:
        return self.structure

    def rows(self) -> list[Row]:
        self.done.append("read")
        return self.readings.pop(0)

    def lock(self) -> None:
        self.done.append("lock")

    def insert(self, values: Mapping[str, Any], random_key: bool) -> None:
        self.done.append(("insert", dict(values), random_key))

    def activate(self) -> None:
        self.done.append("activate")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    scripted = Table()

    @contextmanager
    def transaction(_params: Mapping[str, Any], read_only: bool) -> Iterator[object]:
        scripted.read_only = read_only
        yield object()

    monkeypatch.setattr(postgres, "transaction", transaction)
    monkeypatch.setattr(system_project, "SqlStore", lambda _cursor, _wanted: scripted)
    return scripted


@pytest.fixture
def run(run_module: Any) -> Any:
    def call(check_mode: bool = False, **args: Any) -> dict[str, Any]:
        result: dict[str, Any] = run_module(system_project, {"login_db": "d", **args}, check_mode=check_mode)
        return result

    return call


def test_creates(run: Any, table: Table) -> None:
    table.readings = [[], [], [ACTIVE]]
    result = run()
    assert result["changed"]
    assert result["created"]
    assert result["project"] == {"id": UUID, "name": "System Default", "status": "active"}
    assert result["diff"] == {"before": {}, "after": {**CREATED, "id": UUID}}
    assert table.done == ["read", "lock", "read", ("insert", CREATED, False), "read"]
    assert table.read_only is False


def test_creates_in_check_mode_without_a_lock(run: Any, table: Table) -> None:
    table.readings = [[]]
    result = run(check_mode=True)
    assert result["changed"]
    assert result["project"] is None
    assert result["diff"] == {"before": {}, "after": CREATED}
    assert table.done == ["read"]
    assert table.read_only is True


@pytest.mark.parametrize("check_mode", [False, True])
def test_leaves_what_is_right(run: Any, table: Table, check_mode: bool) -> None:
    table.readings = [[ACTIVE]]
    result = run(check_mode)
    assert not result["changed"]
    assert not result["created"]
    assert result["project"]["id"] == UUID
    assert table.done == ["read"]


def test_revives(run: Any, table: Table) -> None:
    table.readings = [[ARCHIVED], [ARCHIVED], [ACTIVE]]
    result = run()
    assert result["changed"]
    assert not result["created"]
    assert result["diff"]["before"]["status"] == "archived"
    assert result["diff"]["after"]["status"] == "active"
    assert table.done == ["read", "lock", "read", "activate", "read"]


def test_revives_in_check_mode(run: Any, table: Table) -> None:
    table.readings = [[ARCHIVED]]
    result = run(check_mode=True)
    assert result["changed"]
    assert result["project"]["status"] == "archived"
    assert result["diff"]["after"]["status"] == "active"
    assert table.done == ["read"]


def test_someone_else_created_it_meanwhile(run: Any, table: Table) -> None:
    table.readings = [[], [ACTIVE], [ACTIVE]]
    result = run()
    assert not result["changed"]
    assert not result["created"]
    assert table.done == ["read", "lock", "read", "read"]


@pytest.mark.parametrize("check_mode", [False, True])
def test_duplicates(run: Any, table: Table, check_mode: bool) -> None:
    table.readings = [[ACTIVE, Row("other", "archived", False)]]
    result = run(check_mode)
    assert result["failed"]
    assert f"2 rows of public.projects are named 'System Default' with the id {UUID}, other" in result["msg"]
    assert table.done == ["read"]


def test_a_row_that_does_not_stay(run: Any, table: Table) -> None:
    table.readings = [[], [], []]
    assert "does not hold what was written" in run()["msg"]


def test_missing_table(run: Any, table: Table) -> None:
    table.structure = None
    result = run(check_mode=True)
    assert result["changed"]
    assert result["created"]
    assert result["project"] is None
    failed = run()
    assert failed["failed"]
    assert failed["msg"] == "system project in d: there is no table public.projects"


@pytest.mark.parametrize(
    ("column", "values", "random_key"),
    [
        (Column("id", "uuid", False), {}, True),
        (Column("id", "uuid", True), {}, False),
        (Column("id", "uuid", False), {"id": UUID}, False),
        (Column("id", "integer", True), {}, False),
    ],
)
def test_where_the_key_comes_from(
    run: Any, table: Table, column: Column, values: dict[str, Any], random_key: bool
) -> None:
    assert table.structure is not None
    table.structure[0] = column
    table.readings = [[], [], [ACTIVE]]
    run(values=values)
    assert table.done[3] == ("insert", {**CREATED, **values}, random_key)


def test_key_that_comes_from_nowhere(run: Any, table: Table) -> None:
    assert table.structure is not None
    table.structure[0] = Column("id", "integer", False)
    table.readings = [[]]
    assert "the column id of public.projects has the type integer and no default" in run()["msg"]


def test_columns_left_out_and_added(run: Any, table: Table) -> None:
    table.structure = [Column("id", "uuid", True), Column("title", "text", False), Column("meta", "jsonb", False)]
    table.readings = [[], [], [Row(UUID, None, True)]]
    columns = {"name": "title", "description": "", "status": ""}
    result = run(columns=columns, values={"meta": {"default": True}})
    assert table.done[3] == ("insert", {"title": "System Default", "meta": '{"default": true}'}, False)
    assert result["project"] == {"id": UUID, "name": "System Default", "status": None}


@pytest.mark.parametrize(
    ("args", "seen"),
    [
        ({"columns": {"name": ""}}, "name and columns.name must not be empty"),
        ({"name": ""}, "name and columns.name must not be empty"),
        ({"values": {"status": "x"}}, "columns used twice: status"),
        ({"columns": {"description": "name"}}, "columns used twice: name"),
        (
            {"columns": {"status": "state"}},
            "public.projects has no column state (it has id, name, description, status)",
        ),
        ({"connect_timeout": 0}, "connect_timeout must be at least 1"),
        ({"login_port": 99999}, "login_port must be between"),
    ],
)
def test_wrong_options(run: Any, table: Table, args: dict[str, Any], seen: str) -> None:
    result = run(**args)
    assert result["failed"]
    assert seen in result["msg"]
    assert table.done == []


def test_without_psycopg2(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "PSYCOPG2_ERROR", ImportError("No module named 'psycopg2'"))
    result = run()
    assert result["failed"]
    assert "Failed to import the required Python library (psycopg2)" in result["msg"]


def test_connection_error_is_told_without_the_password(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**parameters: Any) -> None:
        raise psycopg2.OperationalError(f"cannot log in with {parameters['password']}\n\n")

    monkeypatch.setattr(psycopg2, "connect", refuse)
    result = run(login_password="very-secret-word")
    assert result["failed"]
    assert "cannot log in" in result["msg"]
    assert "very-secret-word" not in str(result)


def test_server_that_never_answers(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psycopg2, "connect", lambda **_parameters: time.sleep(30))
    assert "did not answer within 1.2 s" in run(connect_timeout=1, timeout=0.2)["msg"]


def test_libpq_parameters() -> None:
    params = dict.fromkeys(postgres.argument_spec(), None)
    given = {"login_host": "localhost", "login_unix_socket": "/run/pg", "login_password": "", "login_db": "d"}
    assert postgres.libpq_parameters({**params, **given}) == {
        "host": "/run/pg",
        "dbname": "d",
        "application_name": "ridgetop.aidis",
        "options": "-c statement_timeout=0",
    }
    remote = postgres.libpq_parameters({**params, **given, "login_host": "db", "ssl_mode": "verify-full"})
    assert (remote["host"], remote["sslmode"]) == ("db", "verify-full")


def test_lock_numbers_differ_and_fit() -> None:
    def wanted(table: str, name: str) -> Wanted:
        return Wanted("s", table, "id", "name", None, None, name, None, "active", {})

    numbers = {wanted(table, name).lock_number() for table in ("a", "ab") for name in ("b", "bb", "")}
    assert len(numbers) == 6
    assert all(-(2**63) <= number < 2**63 for number in numbers)
