# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL's own programs, run so that they end when this one does."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import postgres
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config

if postgres.PSYCOPG2_ERROR is None:
    from psycopg2.extensions import make_dsn

# Seconds for a program to end by itself after it was asked to.
_GRACE = 5
# How much of a program's errors is told: lines, and characters of each.
_LINES, _WIDTH = 5, 400


def command(config: Config, version: int, name: str) -> list[str]:
    """The words that start a program of a server's version. Raises BackupError where there is none."""
    if isinstance(config.programs, list):
        return [*config.programs[:-1], os.path.join(config.programs[-1], name)]
    path = os.path.join(config.programs or f"/usr/lib/postgresql/{version // 10000}/bin", name)
    if not os.access(path, os.X_OK):
        raise BackupError(f"there is no program {path}; it comes with the server, or set programs")
    return [path]


def connection(config: Config, database: str = "") -> list[str]:
    """The options that say where to connect to; a database's name goes as conninfo, as it would be taken for one."""
    given = {"--host": config.socket, "--port": str(config.port or ""), "--username": config.user}
    options = [f"{option}={value}" for option, value in given.items() if value]
    return [*options, "--no-password", *([f"--dbname={make_dsn(dbname=database)}"] if database else [])]


class Program:
    """A program that runs; ``wait`` for it, and ``stop`` it whatever happens."""

    def __init__(self, words: Sequence[str], stdin: Any = subprocess.DEVNULL) -> None:
        names = [os.path.basename(word) for word in words]
        self.name = next((name for name in names if name.startswith("pg_")), names[0])
        # What is killed takes its programs along: none goes on writing.
        tied = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the program
        self._process = subprocess.Popen(
            [*tied, *words],
            cwd="/",
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            env={**os.environ, "LC_ALL": "C", "PGOPTIONS": ""},
        )

    def wait(self) -> None:
        """Wait for its end. Raises BackupError with what it said."""
        status = self._process.wait()
        if status:
            ended = f"ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
            raise BackupError(f"{self.name} failed: {self._said() or ended}")

    def ended(self) -> bool:
        """Whether it is over."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """End it, when it has not ended."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._errors.close()

    def _said(self) -> str:
        """Its errors without their details, which quote rows."""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").splitlines()
        errors = [line for line in lines if "error: " in line or "FATAL: " in line]
        return "; ".join(line.strip()[:_WIDTH] for line in (errors or lines[-1:])[:_LINES])


def run(words: Sequence[str], stdin: Any = subprocess.DEVNULL) -> None:
    """Run a program to its end. Raises BackupError."""
    program = Program(words, stdin)
    try:
        program.wait()
    finally:
        program.stop()
