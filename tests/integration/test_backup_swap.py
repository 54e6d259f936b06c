# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""aidis-database against real servers: databases that change places, under writers and under SIGKILL."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from ansible_collections.ridgetop.aidis.tests.integration.conftest import PASSWORD, Database
from ansible_collections.ridgetop.aidis.tests.integration.test_backup_program import ONE_VERSION, Program
from psycopg2 import sql

TABLE = "CREATE TABLE rows (id bigserial PRIMARY KEY, part int); GRANT ALL ON rows, rows_id_seq TO app"


class Writer:
    """An application that writes rows as the role ``app``, and connects again when it is thrown out."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stop = threading.Event()
        self.acknowledged: list[tuple[float, int]] = []

    def run(self) -> None:
        while not self._stop.is_set():
            try:
                self._session()
            except psycopg2.Error:
                time.sleep(0.01)

    def _session(self) -> None:
        cluster = self._database.cluster
        login: dict[str, Any] = {"host": "127.0.0.1", "port": cluster.port, "user": "app", "password": PASSWORD}
        connection = psycopg2.connect(**login, dbname=self._database.name)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                while not self._stop.is_set():
                    cursor.execute("INSERT INTO rows (part) VALUES (1) RETURNING id")
                    self.acknowledged.append((time.monotonic(), cursor.fetchone()[0]))
                    time.sleep(0.001)
        finally:
            connection.close()

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def writing(database: Database, sessions: int = 3) -> Iterator[list[Writer]]:
    """Writers at work until the end."""
    writers = [Writer(database) for _ in range(sessions)]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        yield writers
    finally:
        for writer in writers:
            writer.stop()
        for thread in threads:
            thread.join()


def ids(database: Database) -> set[int]:
    return {key for (key,) in database.query("SELECT id FROM rows")}


def test_busy_writers_and_undo(database: Database) -> None:
    database.query(TABLE)
    program = Program(database)
    with writing(database) as writers:
        wait_for(writers, 20)
        made = program.backup()
        restored = program.done("restore", made["id"])
        refused = program.failed("swap", restored["scratch"], "--expect-lost", "none")
        assert "rows would be lost" in refused and " of public.rows" in refused
        swapped = program.done("swap", restored["scratch"], "--reason", "rollback")
        returned, before = time.monotonic(), ids(program.at(swapped["replaced"]))
        wait_for(writers, 20)
        assert ids(program.at(swapped["replaced"])) == before
    replaced, live = ids(program.at(swapped["replaced"])), ids(database)
    assert replaced == before
    after = {key for writer in writers for at, key in writer.acknowledged if at > returned}
    assert len(after) >= 20 and after <= live
    # Whatever was acknowledged is in one of them.
    assert {key for writer in writers for _at, key in writer.acknowledged} <= live | replaced
    assert program.done("lost", swapped["replaced"])["lost"]["public.rows"] == len(live - replaced)
    undone = program.done("swap", swapped["replaced"], "--reason", "undo")
    assert ids(database) == replaced and ids(program.at(undone["replaced"])) == live
    assert database.query("SELECT datconnlimit FROM pg_database WHERE datname = current_database()") == [(-1,)]
    assert program.names() == sorted([database.name, undone["replaced"]])


def wait_for(writers: list[Writer], rows: int) -> None:
    """Wait until each has written some rows more."""
    wanted = [len(writer.acknowledged) + rows for writer in writers]
    end = time.monotonic() + 30
    while any(len(writer.acknowledged) < number for writer, number in zip(writers, wanted, strict=True)):
        assert time.monotonic() < end, "the writers do not get on"
        time.sleep(0.01)


@ONE_VERSION
def test_killed_swaps(database: Database) -> None:
    """At moments from the start of the program to its end."""
    database.query(TABLE)
    program = Program(database, {"replaced_keep": 9})
    candidate = program.done("restore", program.backup()["id"])["scratch"]
    began = time.monotonic()
    candidate = program.done("swap", candidate)["replaced"]
    whole = time.monotonic() - began
    with writing(database, 2):
        for attempt in range(7):
            process = program.start("swap", candidate)
            time.sleep(whole * (0.3 + 0.1 * attempt))
            process.kill()
            process.communicate()
            database.query("SELECT count(*) FROM rows")
            program.done("prune")
            ledger, names = program.ledger(), program.names()
            (aside,) = [one["replaced"] for one in ledger["swaps"] if not one["gone_at"]]
            assert names == sorted([database.name, aside])
            assert {one["state"] for one in ledger["swaps"]} == {"done"}
            candidate = aside
    limits = "SELECT datname, datconnlimit FROM pg_database WHERE datname = ANY(%s) ORDER BY datname"
    assert database.query(limits, (program.names(),)) == [(database.name, -1), (candidate, 0)]


@ONE_VERSION
def test_killed_while_a_session_does_not_end(database: Database) -> None:
    database.query(TABLE)
    program = Program(database)
    restored = program.done("restore", program.backup()["id"])["scratch"]
    other = database.cluster.connect(database.name)
    pid = other.info.backend_pid
    database.cluster.signal(pid, "STOP")
    try:
        process = program.start("swap", restored)
        waiting = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'ALTER DATABASE%' AND state = 'active'"
        until(lambda: bool(program.at("postgres").query(waiting)))
        process.kill()
        process.communicate()
    finally:
        database.cluster.signal(pid, "CONT")
    other.close()
    database.query("INSERT INTO rows (part) VALUES (1)")
    assert program.done("lost", restored)["lost"] == {"public.rows": 1}
    assert program.ledger()["swaps"] == []
    assert program.names() == sorted([database.name, restored])
    assert program.done("discard", restored)["dropped"]


def until(condition: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.01)


@ONE_VERSION
def test_lost_is_exact(database: Database) -> None:
    database.query("CREATE TABLE keyed (a int, b text, c int, PRIMARY KEY (b, a)); CREATE TABLE bare (a int, b text)")
    database.query("INSERT INTO keyed SELECT n, 'k' || n, n FROM generate_series(1, 12000) n")
    database.query("INSERT INTO bare VALUES (1, NULL), (1, NULL), (2, ''), (NULL, 'x,y')")
    database.query(
        "CREATE TABLE serial (id bigserial PRIMARY KEY); INSERT INTO serial SELECT FROM generate_series(1, 9)"
    )
    program = Program(database)
    restored = program.done("restore", program.backup()["id"])
    assert restored["lost"] == {}
    scratch = restored["scratch"]
    # Deleted and added again: as many rows as before.
    database.query("DELETE FROM serial WHERE id = 9; INSERT INTO serial DEFAULT VALUES")
    database.query("DELETE FROM keyed WHERE a = 6000; INSERT INTO keyed VALUES (6000, 'ü,''', 1), (6000, 'k6000', 2)")
    database.query("INSERT INTO bare VALUES (1, NULL), (2, NULL); DELETE FROM bare WHERE b = ''")
    database.query('CREATE TABLE "New" (a int); INSERT INTO "New" VALUES (1), (1)')
    expected = {"public.serial": 1, "public.keyed": 1, "public.bare": 2, 'public."New"': 2}
    assert program.done("lost", scratch)["lost"] == expected
    assert "rows would be lost: 2 of" in program.failed("swap", scratch, "--expect-lost", "none")


@ONE_VERSION
def test_swap_into_nothing(database: Database) -> None:
    """The live database is gone altogether."""
    database.query(TABLE)
    program = Program(database)
    made = program.backup()
    program.at("postgres").query(sql.SQL("DROP DATABASE {}").format(sql.Identifier(database.name)))
    assert program.done("state")["exists"] is False
    plan = program.done("plan", "--fingerprint", made["fingerprint"])
    assert plan["needed"] and plan["source"]["id"] == made["id"] and plan["live"] is None
    restored = program.done("restore", made["id"])
    assert program.done("swap", restored["scratch"])["replaced"] is None
    assert program.names() == [database.name]


@ONE_VERSION
def test_hostages(database: Database) -> None:
    program = Program(database)
    for words in (["swap", "template1"], ["discard", "postgres"], ["discard", database.name]):
        assert "was neither restored nor replaced" in program.failed(*words)
    assert "is neither a backup nor" in program.failed("restore", "template1")
