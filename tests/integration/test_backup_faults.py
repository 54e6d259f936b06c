# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""aidis-database against real servers: what goes wrong leaves earlier backups, and none that only looks complete."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import program as programs
from ansible_collections.ridgetop.aidis.tests.integration.clusters import UNPRIVILEGED, running
from ansible_collections.ridgetop.aidis.tests.integration.conftest import Database
from ansible_collections.ridgetop.aidis.tests.integration.test_backup_program import (
    ONE_VERSION,
    TABLES,
    Program,
    answer,
)
from ansible_collections.ridgetop.aidis.tests.integration.test_backup_swap import until


def entries(program: Program) -> list[str]:
    """What looks like a backup, or like part of one."""
    return sorted(name for name in os.listdir(program.directory) if name not in ("backups.json", ".lock"))


@contextmanager
def dumping(program: Program) -> Iterator[subprocess.Popen[str]]:
    """A backup whose dump waits for a table."""
    other = program.database.cluster.connect(program.database.name)
    other.autocommit = False
    try:
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        process = program.start("backup", "--reason", "daily")
        waiting = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'"
        until(lambda: bool(program.database.query(waiting)))
        yield process
    finally:
        other.close()


@ONE_VERSION
def test_stopped_killed_and_thrown_out(database: Database) -> None:
    database.query(TABLES)
    program = Program(database, {"wait": 2})
    made = program.backup()
    with dumping(program) as process:
        process.kill()
        process.communicate()
    assert [name for name in entries(program) if name.endswith(".part")]
    with dumping(program) as process:
        assert entries(program)[1:] == [made["id"]]
        process.send_signal(signal.SIGTERM)
        assert answer(process)["msg"] == "stopped by SIGTERM"
    with dumping(program) as process:
        database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pg_dump'")
        message = answer(process)["msg"]
        assert "pg_dump failed" in message and "terminat" in message, message
    with dumping(program) as process:
        database.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ridgetop.aidis'"
        )
        assert "terminating connection" in answer(process)["msg"]
    with dumping(program) as process:
        assert "timeout" in answer(process)["msg"]
    assert entries(program) == [made["id"]]
    assert program.done("verify", "newest")["id"] == made["id"]
    program.settings["port"] = 1
    assert "No such file" in program.failed("backup", "--reason", "daily")


def test_disk_full(database: Database, tmp_path: Path) -> None:
    database.query(TABLES)
    program = Program(database)
    made = program.backup()
    database.query("INSERT INTO sessions (title) SELECT gen_random_uuid()::text FROM generate_series(1, 100000) n")
    if os.getuid() == 0 and database.cluster.prefix in ([], UNPRIVILEGED):
        whole, expected = shutil.copytree(program.directory, tmp_path / "copy"), "No space left on device"
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", program.directory], check=True)
        shutil.copytree(whole, program.directory, dirs_exist_ok=True)
        message = program.failed("backup", "--reason", "daily")
        left = entries(program), program.done("verify", "newest")["id"]
        subprocess.run(["umount", program.directory], check=True)
    else:
        limited = ["prlimit", "--fsize=2000000", "--"]
        expected = "SIGXFSZ"
        program.settings["programs"] = [*limited, database.cluster.programs]
        if database.cluster.prefix not in ([], UNPRIVILEGED):
            expected = "status 153"
            program.settings["programs"] = [
                *database.cluster.prefix[: -len(UNPRIVILEGED)],
                *limited,
                database.cluster.programs,
            ]
        program.settings["compress"] = "0"
        message = program.failed("backup", "--reason", "daily")
        left = entries(program), program.done("verify", "newest")["id"]
    assert expected in message, message
    assert left == ([made["id"]], made["id"])


@ONE_VERSION
def test_damage_is_named(database: Database) -> None:
    database.query(TABLES)
    program = Program(database, {"format": "directory"})
    first = program.backup()
    home = program.directory / first["id"]
    kept = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    for path, content in kept.items():
        name = str(path.relative_to(home))
        for damaged in (content[:-1], content[:-1] + bytes([content[-1] ^ 1])):
            path.write_bytes(damaged)
            assert name in program.failed("verify", first["id"])
        path.write_bytes(content)
        if name.startswith("database/"):
            break
    assert "holds no backup" in program.failed("restore", "newest")
    (home / "manifest.json").unlink()
    assert "manifest.json" in program.failed("restore", first["id"])
    (home / "manifest.json").write_bytes(kept[home / "manifest.json"])
    assert program.done("verify", first["id"])["proved"]
    # One that nobody wrote down is whole, but counts only when it is proved.
    (program.directory / "backups.json").unlink()
    assert program.done("list")["unrecorded"] == [first["id"]]
    assert "holds no backup" in program.failed("verify", "newest")
    assert program.done("verify", first["id"])["proved"]
    assert program.done("verify", "newest")["id"] == first["id"]


def test_rows_that_keep_coming(database: Database) -> None:
    database.query("CREATE TABLE a (id bigserial PRIMARY KEY); CREATE TABLE b (id bigserial PRIMARY KEY)")
    program = Program(database)
    stop = threading.Event()

    def write() -> None:
        connection = database.cluster.connect(database.name)
        with connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute(
                    "INSERT INTO a SELECT FROM generate_series(1, 10); INSERT INTO b SELECT FROM generate_series(1, 10)"
                )
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        until(lambda: database.query("SELECT count(*) > 100 FROM b") == [(True,)])
        tables = program.backup()["tables"]
        # Proves the same numbers of rows, and the sequences.
        drilled = program.done("drill")
    finally:
        stop.set()
        thread.join()
    assert tables["public.a"] == tables["public.b"] > 100
    assert drilled["ok"] and program.names() == [database.name]


@ONE_VERSION
def test_a_restore_that_is_not_as_it_was(database: Database) -> None:
    """The manifest speaks of more than the dump holds, and the run after a killed one drops what that made."""
    database.query(TABLES)
    program = Program(database, {"metrics_file": ""})
    program.settings["metrics_file"] = str(program.home / "aidis.prom")
    made = program.backup()
    rewrite(program, made["id"], lambda manifest: manifest["tables"].update({"public.sessions": 201}))
    message = program.failed("drill", made["id"])
    assert "public.sessions has 200 rows instead of 201" in message
    metrics = (program.home / "aidis.prom").read_text(encoding="utf-8")
    assert f'aidis_restore_drill_success{{database="{database.name}"}} 0' in metrics
    assert program.ledger()["drill"]["msg"] == message
    assert program.names() == [database.name]
    again = program.backup()
    assert program.done("drill")["id"] == again["id"]
    assert '"} 1' in (program.home / "aidis.prom").read_text(encoding="utf-8").split("drill_success{")[1]
    process = program.start("restore", again["id"])
    until(lambda: len(program.names()) == 2)
    process.kill()
    process.communicate()
    program.done("prune")
    assert program.names() == [database.name]


def rewrite(program: Program, backup_id: str, change: object) -> None:
    """Change a manifest and let the ledger forget that it was another."""
    path = program.directory / backup_id / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    assert callable(change)
    change(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")
    (program.directory / "backups.json").unlink()


def test_other_majors(database: Database) -> None:
    database.query(TABLES)
    program = Program(database)
    made = program.backup()
    rewrite(program, made["id"], lambda manifest: manifest.update(server_version=990000))
    assert "is of PostgreSQL 99 and cannot go into the older" in program.failed("restore", made["id"])
    if database.cluster.version == "15":
        return
    with running("15") as older:
        connection = older.connect()
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE older")
        connection.close()
        source = Program(Database(older, "older"))
        source.database.query(TABLES)
        made = source.backup()
        shutil.copytree(source.directory / made["id"], program.directory / made["id"])
    restored = program.done("restore", made["id"])
    assert restored["lost"] == {}
    assert program.at(restored["scratch"]).query("SELECT count(*) FROM parts") == [(300,)]


@ONE_VERSION
def test_one_at_a_time(database: Database) -> None:
    program = Program(database, {"wait": 1})
    program.backup()
    with open(program.directory / ".lock", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert "another run works in" in program.failed("backup", "--reason", "daily")
        assert len(program.done("list")["backups"]) == 1
        assert program.done("state")["exists"]


@ONE_VERSION
def test_hold_lock(database: Database, tmp_path: Path) -> None:
    program = Program(database)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "notify"))
        server.settimeout(30)
        process = program.start("hold-lock", NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert server.recv(100) == b"READY=1"
    assert "locked already (ridgetop.aidis, process" in program.failed("hold-lock")
    process.send_signal(signal.SIGTERM)
    assert answer(process) == {"failed": False, "database": database.name, "held": True}
    process = program.start("hold-lock")
    holding = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
    until(lambda: bool(database.query(holding)))
    database.query(f"SELECT pg_terminate_backend(pid) FROM ({holding}) h")
    assert "ended, and with it the lock" in answer(process)["msg"]


@pytest.mark.parametrize("words", [["--config", "/nowhere.json", "list"], ["backup"], ["fly"], ["list", "--text"]])
def test_mistakes_are_told_as_json(words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "aidis-database"
    path.write_bytes(programs.build("backup_main"))
    done = subprocess.run([sys.executable, str(path), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    if "--text" in words:
        assert done.stdout.startswith("failed: there is no configuration")
    else:
        assert json.loads(done.stdout)["failed"]
