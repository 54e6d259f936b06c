# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""States of the machine that drills begin from, kept on it and put back in seconds."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.ridgetop.aidis.tests.drills.machine import DATABASE, SERVICE, Machine, wait_for

_HOME = "/var/cache/drills"
# Releases are never written to once they are built: links to their files do. The rest is copied.
_SAVE = """
home=$1; mkdir -p "$home"
cp -al --parents /opt/aidis "$home"
cp -a --parents /var/lib/aidis /etc/aidis /etc/systemd/system/$2 /var/backups/aidis "$home"
"""
_RESTORE = """
home=$1
rm -rf /opt/aidis /var/lib/aidis /etc/aidis /var/backups/aidis
cp -al "$home/opt/aidis" /opt/aidis
cp -a "$home/var/lib/aidis" /var/lib/aidis
cp -a "$home/etc/aidis" /etc/aidis
cp -a "$home/etc/systemd/system/$2" "/etc/systemd/system/$2"
cp -a "$home/var/backups/aidis" /var/backups/aidis
systemctl daemon-reload
"""
_QUIET = """
systemctl stop "$1" 'aidis-production-m*' 'aidis-drill-*' 'run-p*.service'
systemctl start postgresql
systemctl reset-failed
for directory in /opt/aidis/releases /var/backups/aidis; do
  ! mountpoint --quiet "$directory" || umount "$directory"
done
rm -rf /tmp/nothing
"""
# The password of the application's role belongs to no database: what a drill has set would stay.
_PASSWORD = "SELECT format('ALTER ROLE ridgetop PASSWORD %L', rolpassword) FROM pg_authid WHERE rolname = 'ridgetop'"
# A copy of a database has its objects' privileges, but not the database's own.
_COPY = """
CREATE DATABASE {0} TEMPLATE {1} OWNER ridgetop;
REVOKE ALL ON DATABASE {0} FROM PUBLIC;
"""


@dataclass(frozen=True)
class Snapshots:
    """Files and database by name."""

    machine: Machine

    def are_there(self, names: Iterable[str]) -> bool:
        """Whether all of these were kept."""
        kept = self.machine.run('ls "$1" 2>/dev/null || true', _HOME).split()
        return set(names) <= set(kept)

    def save(self, name: str) -> None:
        """Keep what is there now. The service runs on afterwards."""
        self._quiet()
        self.machine.run(_SAVE, f"{_HOME}/{name}", SERVICE)
        self._sql(f"CREATE DATABASE drills_{name} TEMPLATE {DATABASE} OWNER ridgetop;")
        (password,) = self.machine.sql(_PASSWORD, "postgres")
        self.machine.run('printf %s "$2" >"$1/password.sql"', f"{_HOME}/{name}", password)
        self._serve()

    def restore(self, name: str) -> None:
        """Put everything back, whatever is there now, and wait until it answers."""
        self._quiet()
        for database in self.machine.databases():
            self._sql(f"DROP DATABASE {database} WITH (FORCE);")
        self._sql(_COPY.format(DATABASE, f"drills_{name}"))
        self._sql(self.machine.run('cat "$1/password.sql"', f"{_HOME}/{name}"))
        self.machine.run(_RESTORE, f"{_HOME}/{name}", SERVICE)
        self._serve()

    def _quiet(self) -> None:
        self.machine.run(_QUIET, SERVICE)

    def _sql(self, statements: str) -> None:
        for statement in statements.strip().splitlines():
            self.machine.sql(statement, "postgres")

    def _serve(self) -> None:
        self.machine.run('systemctl start "$1"', SERVICE)
        wait_for("the server answers", lambda: answers(self.machine.mcp))


def answers(port: int) -> bool:
    """Whether a tool that asks the database answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(b'{"method":"project_list"}\n')
            with connection.makefile("r", encoding="utf-8") as lines:
                return "result" in json.loads(lines.readline())
    except (OSError, ValueError):
        return False
