# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL clusters of the tests: with programs of this machine, or of a container."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

# Major version -> the image that has it where this machine has not.
VERSIONS = {"15": "bookworm-prebaked", "17": "trixie-prebaked"}
CONTAINERS = Path(__file__).resolve().parents[2] / "molecule" / "shared"
# The server refuses root.
UNPRIVILEGED = ["setpriv", "--reuid=nobody", "--clear-groups"]


@dataclass
class Cluster:
    """A running cluster: superuser ``postgres``, trusted by socket; passwords over TCP."""

    version: str
    programs: str
    home: Path
    port: int
    prefix: list[str]
    databases: int = 0

    def run(self, *command: str) -> None:
        """Run a command where the server runs, and as its user."""
        completed([*self.prefix, *command])

    def start(self) -> None:
        """Make the cluster and start it."""
        data = f"{self.home}/data"
        make = ["--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"]
        self.run(f"{self.programs}/initdb", *make, "--encoding=UTF8", "--no-locale", data)
        options = f"-c port={self.port} -c listen_addresses=127.0.0.1 -c fsync=off"
        options += f" -c unix_socket_directories={self.home} -c max_connections=100"
        log = f"{self.home}/log"
        self.run(f"{self.programs}/pg_ctl", "--wait", "-D", data, "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """Stop it at once."""
        self.run(f"{self.programs}/pg_ctl", "--wait", "-D", f"{self.home}/data", "-m", "immediate", "stop")

    def signal(self, pid: int, name: str) -> None:
        """Send a signal to one of its processes."""
        self.run("bash", "-c", f"kill -{name} {pid}")

    def connect(self, database: str = "postgres") -> Any:
        """Connect as superuser, in autocommit."""
        connection = psycopg2.connect(host=str(self.home), port=self.port, user="postgres", dbname=database)
        connection.autocommit = True
        return connection


def completed(command: list[str]) -> str:
    """Run a command to its end and return what it printed; the test fails when it fails."""
    # Into a file: a server that was started keeps its standard output open.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False
        )
        output.seek(0)
        printed = output.read()
    assert done.returncode == 0, f"{' '.join(command)}: {printed}"
    return printed


@contextmanager
def running(version: str) -> Iterator[Cluster]:
    """A cluster of a major version, gone at the end."""
    named = [Path(part) for part in os.environ.get("AIDIS_POSTGRESQL_BIN", "").split(":") if part]
    places = [path for path in [*named, Path(f"/usr/lib/postgresql/{version}/bin")] if path.parent.name == version]
    programs = next((path for path in places if (path / "initdb").exists()), None)
    # Directly below the temporary directory: pytest's own is closed to the server's user.
    home = Path(tempfile.mkdtemp(prefix="aidis-postgresql-"))
    home.chmod(0o755)
    try:
        with of_machine(home) if programs else of_container(version, home) as prefix:
            directory = str(programs or f"/usr/lib/postgresql/{version}/bin")
            cluster = Cluster(version, directory, home, free_port(), prefix)
            cluster.start()
            try:
                yield cluster
            finally:
                cluster.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def of_machine(home: Path) -> Iterator[list[str]]:
    """Commands on this machine, unprivileged."""
    if os.getuid() == 0:
        shutil.chown(home, "nobody")
        yield UNPRIVILEGED
    else:
        yield []


@contextmanager
def of_container(version: str, home: Path) -> Iterator[list[str]]:
    """Commands in a container of the project's own image, on this machine's network, unprivileged."""
    podman, name = str(CONTAINERS / "bin" / "podman"), home.name
    built = completed([str(CONTAINERS / "image" / "build"), VERSIONS[version]])
    image = built.strip().splitlines()[-1]
    options = ["--detach", "--rm", "--network=host", f"--volume={home}:{home}", "--name", name]
    completed([podman, "run", *options, image, "sleep", "infinity"])
    try:
        completed([podman, "exec", name, "chown", "nobody", str(home)])
        yield [podman, "exec", name, *UNPRIVILEGED]
        # Without root they belong to users that only the container knows.
        completed([podman, "exec", name, "find", str(home), "-mindepth", "1", "-delete"])
    finally:
        completed([podman, "rm", "--force", "--time=0", name])


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port
