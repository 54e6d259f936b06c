# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""aidis-database against real servers: what a backup holds and how it comes back. And how the tests run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import program
from ansible_collections.ridgetop.aidis.tests.integration.clusters import UNPRIVILEGED, Cluster
from ansible_collections.ridgetop.aidis.tests.integration.conftest import Database, RunModule
from psycopg2 import sql

# What does not depend on the server's version is tested with one of them.
ONE_VERSION = pytest.mark.parametrize("cluster", ["15"], indirect=True)
MIGRATIONS = {"schema": "public", "table": "migrations", "column": "name"}


@dataclass
class Program:
    """aidis-database for one database, with a directory of backups of its own."""

    database: Database
    settings: dict[str, Any] = field(default_factory=dict)
    directory: Path = Path()

    def __post_init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="aidis-backup-", dir=self.database.cluster.home))
        self.directory = self.home / "backups"
        # As it is on a host.
        self.path = self.home / "aidis-database"
        self.path.write_bytes(program.build("backup_main"))

    def config(self) -> str:
        """Write the configuration; its path."""
        cluster = self.database.cluster
        wanted = {
            "database": self.database.name,
            "socket": str(cluster.home),
            "port": cluster.port,
            "user": "postgres",
            "directory": str(self.directory),
            "programs": programs(cluster),
            "wait": 5,
            **self.settings,
        }
        path = self.home / "database.json"
        path.write_text(json.dumps(wanted), encoding="utf-8")
        return str(path)

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command, with more environment variables."""
        return subprocess.Popen(
            [sys.executable, str(self.path), "--config", self.config(), *words],
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **variables},
        )

    def run(self, *words: str, **variables: str) -> dict[str, Any]:
        """Run a command to its end; its result."""
        return answer(self.start(*words, **variables))

    def failed(self, *words: str, **variables: str) -> str:
        """Run a command that must fail; its message."""
        result = self.run(*words, **variables)
        assert result["failed"], result
        return str(result["msg"])

    def done(self, *words: str) -> dict[str, Any]:
        """Run a command that must succeed."""
        result = self.run(*words)
        assert not result["failed"], result
        return result

    def backup(self, *words: str) -> dict[str, Any]:
        """Make a backup."""
        return self.done("backup", "--reason", "manual", *words)

    def ledger(self) -> dict[str, Any]:
        """The ledger as it is on the disk."""
        found: dict[str, Any] = json.loads((self.directory / "backups.json").read_text(encoding="utf-8"))
        return found

    def at(self, name: str) -> Database:
        """Another database of the same server."""
        return Database(self.database.cluster, name)

    def names(self) -> list[str]:
        """The databases that belong to this one: itself and those beside it."""
        found = self.at("postgres").query("SELECT datname FROM pg_database ORDER BY 1")
        return [name for (name,) in found if name.startswith(self.database.name[:20])]


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a command and read its one object."""
    out, err = process.communicate(timeout=120)
    result: dict[str, Any] = json.loads(out)
    assert process.returncode == int(result["failed"]), err
    assert "Traceback" not in err, err
    return result


def programs(cluster: Cluster) -> str | list[str]:
    """PostgreSQL's programs where the server runs, as a user that may write what this one owns."""
    if cluster.prefix in ([], UNPRIVILEGED):
        return cluster.programs
    return [*cluster.prefix[: -len(UNPRIVILEGED)], cluster.programs]


TABLES = """
CREATE TABLE sessions (id bigserial PRIMARY KEY, title text);
CREATE TABLE migrations (name text PRIMARY KEY);
CREATE TABLE parts (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
INSERT INTO sessions (title) SELECT 'session ' || n FROM generate_series(1, 200) n;
INSERT INTO migrations VALUES ('002_b'), ('001_a');
INSERT INTO parts SELECT n, date '2026-01-01' + n FROM generate_series(1, 300) n;
"""
HOSTILE = ["a=b \"c\" 'x' %s {}\t\\", "postgresql://Ünï数据/" + "é" * 18]


def test_round_trip(database: Database, run_module: RunModule) -> None:
    database.query(TABLES)
    program = Program(database, {"migrations": MIGRATIONS, "format": "directory", "jobs": 2})
    made = program.backup("--release", "1.0.0-abc", "--by", "me")
    assert made["tables"] == {"public.sessions": 200, "public.migrations": 2, "public.parts": 300}
    assert made["migrations"] == ["001_a", "002_b"]
    assert (made["release"], made["by"], made["proved"], made["removed"]) == ("1.0.0-abc", "me", True, [])
    verified = run_module("schema_verify", {**database.login(), "state": "fingerprinted"})
    state = program.done("state")
    assert made["fingerprint"] == verified["fingerprint"] == state["fingerprint"]
    assert (state["tables"], state["migrations_digest"]) == (made["tables"], made["migrations_digest"])
    for path in program.directory.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    plan = ["plan", "--fingerprint", made["fingerprint"], "--migrations-digest", made["migrations_digest"]]
    assert not program.done(*plan)["needed"]

    database.query("ALTER TABLE sessions ADD extra int; INSERT INTO migrations VALUES ('003_c')")
    database.query("INSERT INTO sessions (title) VALUES ('late'), ('later'); DELETE FROM sessions WHERE id = 5")
    found = program.done(*plan)
    assert found["needed"] and found["lost"] == {"public.sessions": 1}
    assert found["source"] == {"kind": "backup", "id": made["id"], "at": made["at"]}
    restored = program.done("restore", made["id"])
    assert restored["lost"] == {"public.sessions": 2}
    swapped = program.done("swap", restored["scratch"], "--reason", "test")
    assert program.names() == sorted([database.name, swapped["replaced"]])
    state = program.done("state")
    assert (state["fingerprint"], state["tables"]) == (made["fingerprint"], made["tables"])
    assert database.query("SELECT nextval('sessions_id_seq') > 200") == [(True,)]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names(cluster: Cluster, name: str) -> None:
    unique = f"{cluster.databases}{name}".encode()[:63].decode("utf-8", "ignore")
    cluster.databases += 1
    database, server = Database(cluster, unique), Database(cluster, "postgres")
    server.query(sql.SQL("CREATE DATABASE {} CONNECTION LIMIT 7").format(sql.Identifier(unique)))
    server.query(sql.SQL("CREATE ROLE {}").format(sql.Identifier(unique)))
    parts = {"d": sql.Identifier(unique), "n": sql.Identifier(name), "t": sql.Literal(name)}
    for text in (
        "CREATE SCHEMA {n}",
        "CREATE TABLE {n}.{n} ({n} text PRIMARY KEY)",
        "INSERT INTO {n}.{n} VALUES ({t}), ('x')",
        "CREATE TABLE {n}.{n}2 ({n} text, b text)".replace("{n}2", '"no key"'),
        "INSERT INTO {n}.\"no key\" VALUES ({t}, NULL), ({t}, NULL), (NULL, '')",
        "ALTER DATABASE {d} OWNER TO {d}",
        "ALTER DATABASE {d} SET search_path TO {n}, public",
        "ALTER DATABASE {d} SET app.motto TO {t}",
        "ALTER ROLE {d} IN DATABASE {d} SET application_name TO {t}",
        "REVOKE CONNECT ON DATABASE {d} FROM PUBLIC",
        "COMMENT ON DATABASE {d} IS {t}",
    ):
        database.query(sql.SQL(text).format(**parts))
    program = Program(database)
    made = program.backup()
    assert sorted(made["tables"].values()) == [2, 3]
    before = properties(database)
    database.query(sql.SQL("DELETE FROM {n}.{n} WHERE {n} = 'x'").format(**parts))
    database.query(sql.SQL('INSERT INTO {n}."no key" VALUES ({t}, NULL)').format(**parts))
    restored = program.done("restore", made["id"])
    assert list(restored["lost"].values()) == [1]
    swapped = program.done("swap", restored["scratch"])
    assert program.done("state")["tables"] == made["tables"]
    assert properties(database) == before
    assert properties(Database(cluster, swapped["replaced"]))[0][0] == 0


def properties(database: Database) -> list[tuple[Any, ...]]:
    query = """
        SELECT d.datconnlimit, pg_get_userbyid(d.datdba), d.datacl::text, shobj_description(d.oid, 'pg_database'),
               (SELECT array_agg((s.setrole, s.setconfig) ORDER BY s.setrole)::text FROM pg_db_role_setting s
                 WHERE s.setdatabase = d.oid)
          FROM pg_database d WHERE d.datname = current_database()"""
    return database.query(query)
