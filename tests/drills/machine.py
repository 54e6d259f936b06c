# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine that the drills happen to: made once, looked at and harmed from the controller."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAME = "aidis-drills"
ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT / "molecule" / "shared"
INVENTORIES = (SHARED / "inventory", Path(__file__).resolve().parent / "inventory")
PODMAN = str(SHARED / "bin" / "podman")
CACHE = Path(os.environ["AIDIS_CACHE_DIR"])
SERVICE = "aidis-production.service"
DATABASE = "aidis_production"
RELEASES = "/opt/aidis/releases"
BACKUPS = "/var/backups/aidis"

Observation = dict[str, Any]


def completed(command: list[str], given: str = "") -> str:
    """What a command printed; an AssertionError with all that it said where it failed."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def wait_for(what: str, true: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until something is so. The limit is far beyond what it takes on a slow machine."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not after {seconds} s: {what}"
        time.sleep(0.1)


class Machine:
    """A container; commands run in it as root, without ssh, so that they work whatever became of the network."""

    def __init__(self) -> None:
        self.mcp = self.http = 0

    def create(self) -> None:
        """Make it, bare, as the molecule scenarios do theirs."""
        self.destroy()
        self._play("create.yml", "prepare.yml")

    def is_there(self) -> bool:
        """Whether it runs."""
        return self._status("true") == 0

    def look_up_ports(self) -> None:
        """Find the ports on the controller that podman picked for the server's two."""
        self.mcp, self.http = (
            int(completed([PODMAN, "port", NAME, f"{port}/tcp"]).split()[0].rpartition(":")[2]) for port in (3001, 8080)
        )

    def destroy(self) -> None:
        """Remove it; nothing is left of it."""
        self._play("destroy.yml")

    def restart(self) -> None:
        """End everything on it at once, as a loss of power does, and let it boot again."""
        completed([PODMAN, "restart", "--time=0", NAME])
        (CACHE / "ssh" / "cp" / NAME).unlink(missing_ok=True)
        booted = ["systemctl", "is-system-running"]
        wait_for(f"{NAME} has booted", lambda: self._status(*booted) == 0)
        self.look_up_ports()

    def run(self, script: str, *arguments: str) -> str:
        """Run a shell script; what it printed, without spaces at both ends."""
        return completed([PODMAN, "exec", "--workdir=/", NAME, "sh", "-euc", script, "sh", *arguments]).strip()

    def sql(self, statement: str, database: str = DATABASE) -> list[str]:
        """Run statements as the superuser; the lines of their answer."""
        client = ["runuser", "-u", "postgres", "--", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database]
        return completed([PODMAN, "exec", "--interactive", "--workdir=/", NAME, *client], statement).splitlines()

    def databases(self) -> list[str]:
        """The names of the live database and of those beside it."""
        return self.sql(f"SELECT datname FROM pg_database WHERE datname LIKE '{DATABASE}%' ORDER BY 1", "postgres")

    def observe(self) -> Observation:
        """All that the invariants are about, seen at one moment."""
        script = (Path(__file__).resolve().parent / "observe.py").read_text(encoding="utf-8")
        found: Observation = json.loads(
            completed([PODMAN, "exec", "--interactive", "--workdir=/", NAME, "python3", "-"], script)
        )
        return found

    def ledger(self) -> dict[str, Any]:
        """The ledger of releases."""
        found: dict[str, Any] = json.loads(self.run("cat /var/lib/aidis/releases.json"))
        return found

    def backups(self, reason: str) -> list[str]:
        """The ids of the backups taken for a reason, oldest first."""
        return self.run('cd "$1"; ls -d *-"$2"* 2>/dev/null || true', BACKUPS, reason).split()

    def _status(self, *command: str) -> int:
        return subprocess.run([PODMAN, "exec", NAME, *command], capture_output=True, check=False).returncode

    def _play(self, *playbooks: str) -> None:
        inventories = [f"--inventory={path}" for path in INVENTORIES]
        completed(["ansible-playbook", *[str(SHARED / name) for name in playbooks], *inventories])
