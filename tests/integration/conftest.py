# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real PostgreSQL clusters, and modules as processes of their own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.tests.integration.clusters import VERSIONS, Cluster, running
from psycopg2 import sql

PASSWORD = "p'a\"ss %\\$@/word"


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


@pytest.fixture(scope="session", params=sorted(VERSIONS))
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster of each version."""
    with running(request.param) as found:
        yield found


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
