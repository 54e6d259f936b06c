# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on the machine: prints as JSON all that the invariants of a drill are about."""

from __future__ import annotations

import glob
import json
import os
import socket
import subprocess
import urllib.error
import urllib.request
from typing import Any

UNIT = "aidis-production.service"
STATE = "/var/lib/aidis"


def said(*command: str) -> str:
    """What a command printed, whatever its status."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def link(path: str) -> str:
    """Where a link leads, empty where it is none."""
    return os.readlink(path) if os.path.islink(path) else ""


def document(path: str) -> Any:
    """A JSON file; None where there is none."""
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def http(path: str) -> dict[str, Any]:
    """The status of an answer, 0 where there was none, and its JSON."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:8080{path}", timeout=10) as answer:
            return {"status": answer.status, "json": json.load(answer)}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "json": {}}
    except OSError as error:
        return {"status": 0, "json": {"error": str(error)}}


def tool() -> dict[str, Any]:
    """The answer of a tool that asks the database."""
    try:
        with socket.create_connection(("127.0.0.1", 3001), timeout=10) as connection:
            connection.sendall(b'{"method":"project_list"}\n')
            with connection.makefile("r", encoding="utf-8") as lines:
                answer: dict[str, Any] = json.loads(lines.readline())
                return answer
    except (OSError, ValueError) as error:
        return {"error": str(error)}


def database() -> Any:
    """What the program of the backups says of the live database."""
    return json.loads(said("runuser", "-u", "postgres", "--", "aidis-database", "state"))


def main() -> None:
    """Look at everything."""
    pid = said("systemctl", "show", "--property=MainPID", "--value", UNIT)
    names = "SELECT datname FROM pg_database"
    found = {
        "link": link("/opt/aidis/current"),
        "pid": int(pid),
        "directory": link(f"/proc/{pid}/cwd"),
        "active": said("systemctl", "is-active", UNIT),
        "failed_units": said("systemctl", "--failed", "--plain", "--no-legend").splitlines(),
        "migrating_units": said(
            "systemctl", "--plain", "--no-legend", "list-units", "aidis-production-m*"
        ).splitlines(),
        "ledger": document(f"{STATE}/releases.json"),
        "lock": document(f"{STATE}/deploy.lock"),
        "health": http("/healthz"),
        "ready": http("/readyz"),
        "tool": tool(),
        "database": database(),
        "databases": said("runuser", "-u", "postgres", "--", "psql", "-XAtd", "postgres", "-c", names).splitlines(),
        "parts": glob.glob("/var/backups/aidis/**/*.part", recursive=True) + glob.glob("/var/backups/aidis/.*part*"),
        "temporary": glob.glob("/etc/aidis/migration.env") + glob.glob("/opt/aidis/.current*"),
    }
    print(json.dumps(found))


main()
