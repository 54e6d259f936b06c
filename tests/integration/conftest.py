# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real PostgreSQL clusters, and modules as processes of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

UNPRIVILEGED = "nobody"
PASSWORD = "p'a\"ss %\\$@/word"


def server_directories() -> dict[str, Path]:
    """The directories with server programs by major version: AIDIS_POSTGRESQL_BIN, or Debian's."""
    named = os.environ.get("AIDIS_POSTGRESQL_BIN")
    found = [Path(part) for part in named.split(":")] if named else []
    found = found or sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return {path.parent.name: path for path in found if (path / "initdb").exists()}


@dataclass
class Cluster:
    """A running cluster: superuser ``postgres``, trusted by socket; passwords over TCP."""

    version: str
    programs: Path
    home: Path
    port: int
    databases: int = 0

    def run(self, *command: str) -> None:
        """Run a server program as an unprivileged user, which it insists on."""
        prefix = ["setpriv", f"--reuid={UNPRIVILEGED}", "--clear-groups"] if os.getuid() == 0 else []
        done = subprocess.run(
            [*prefix, *command],
            cwd=self.home,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}"

    def start(self) -> None:
        """Make the cluster and start it."""
        data = str(self.home / "data")
        make = ["--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"]
        self.run(str(self.programs / "initdb"), *make, "--encoding=UTF8", "--no-locale", data)
        options = f"-c port={self.port} -c listen_addresses=127.0.0.1 -c fsync=off"
        options += f" -c unix_socket_directories={self.home} -c max_connections=100"
        log = str(self.home / "log")
        control = str(self.programs / "pg_ctl")
        self.run(control, "--wait", "-D", data, "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """Stop it at once."""
        data = str(self.home / "data")
        self.run(str(self.programs / "pg_ctl"), "--wait", "-D", data, "-m", "immediate", "stop")

    def connect(self, database: str = "postgres") -> Any:
        """Connect as superuser, in autocommit."""
        host = str(self.home)
        connection = psycopg2.connect(host=host, port=self.port, user="postgres", dbname=database)
        connection.autocommit = True
        return connection


@dataclass
class Database:
    """A database of a test's own."""

    cluster: Cluster
    name: str

    def login(self, **more: Any) -> dict[str, Any]:
        """Connection options of the modules: superuser by socket unless told otherwise."""
        socket_directory = str(self.cluster.home)
        options = {"login_unix_socket": socket_directory, "login_port": self.cluster.port}
        return {**options, "login_db": self.name, **more}

    def query(self, text: str | sql.Composable, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement as superuser and return its rows."""
        connection = self.cluster.connect(self.name)
        try:
            with connection.cursor() as cursor:
                cursor.execute(text, parameters)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()


@pytest.fixture(scope="session", params=sorted(server_directories()) or ["none"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster of each version that is installed."""
    directories = server_directories()
    if not directories:
        pytest.fail("no PostgreSQL server found, see tests/integration/README.md")
    # Directly below the temporary directory: pytest's own is closed to the server's user.
    home = Path(tempfile.mkdtemp(prefix="aidis-postgresql-"))
    if os.getuid() == 0:
        shutil.chown(home, UNPRIVILEGED)
    running = Cluster(request.param, directories[request.param], home, free_port())
    try:
        running.start()
        yield running
        running.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def database(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty database with a role ``app`` that may log in with PASSWORD."""
    cluster.databases += 1
    plain = re.sub(r"\W", "_", request.node.name)[:40]
    name = f"test_{cluster.databases}_{plain}"
    connection = cluster.connect()
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = 'app'")
        if not cursor.fetchone():
            cursor.execute(sql.SQL("CREATE ROLE app LOGIN PASSWORD {}").format(sql.Literal(PASSWORD)))
        yield Database(cluster, name)
        cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    connection.close()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


Start = Callable[..., subprocess.Popen[str]]
RunModule = Callable[..., dict[str, Any]]


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a module and read its result; ``failed`` is always there."""
    out, err = process.communicate(timeout=120)
    result: dict[str, Any] = json.loads(out) if out.strip() else {"failed": True, "msg": err}
    assert bool(process.returncode) == bool(result.get("failed")), err
    result.setdefault("failed", False)
    return result


@pytest.fixture
def start_module(tmp_path: Path) -> Start:
    """Start a module as a process, as Ansible does: arguments in a file, JSON on its output."""

    def start(name: str, args: dict[str, Any], check: bool = False) -> subprocess.Popen[str]:
        given = {**args, "_ansible_check_mode": check, "_ansible_diff": True}
        file = Path(tempfile.mkstemp(dir=tmp_path, suffix=".json")[1])
        file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": given}), encoding="utf-8")
        module = f"ansible_collections.ridgetop.aidis.plugins.modules.{name}"
        return subprocess.Popen(
            [sys.executable, "-m", module, str(file)],
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


@pytest.fixture
def run_module(start_module: Start) -> RunModule:
    """Run a module to its end."""

    def run(name: str, args: dict[str, Any], check: bool = False) -> dict[str, Any]:
        return result_of(start_module(name, args, check))

    return run
