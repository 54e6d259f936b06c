# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``hold-lock``: an advisory lock in the database while migrations run, so that none run twice."""

from __future__ import annotations

import os
import select
import socket

from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, Document, StoppedError, say
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import connected, rows

# "aidismig" in ASCII. Whoever runs migrations by hand takes it, too, in the database that they are for:
# SELECT pg_try_advisory_lock(7019251898304522599)
KEY = 7019251898304522599
_HOLDER = """
SELECT a.application_name, a.pid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = (
       SELECT oid FROM pg_database WHERE datname = current_database())
   AND (l.classid::int8 << 32) | l.objid::int8 = %s
"""


def hold(config: Config) -> Document:
    """Hold the lock until a signal asks to stop. Raises BackupError when somebody holds it, or the server goes away."""
    with connected(config, config.database) as cursor:
        ((taken,),) = rows(cursor, "SELECT pg_try_advisory_lock(%s)", (KEY,))
        if not taken:
            found = [f"{name or 'a session'}, process {pid}" for name, pid in rows(cursor, _HOLDER, (KEY,))]
            holder = "; ".join(found) or "just freed"
            raise BackupError(f"migrations of {config.database} are locked already ({holder})")
        say(f"holding the lock of migrations of {config.database}")
        try:
            notify("READY=1")
            # Only the end of the connection makes it readable.
            select.select([cursor.connection.fileno()], [], [])
        except StoppedError:
            return {"database": config.database, "held": True}
    raise BackupError(f"the connection to {config.database} ended, and with it the lock")


def notify(text: str) -> None:
    """Tell systemd the service's state (sd_notify); nothing where it does not listen. Raises OSError."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.connect("\0" + address[1:] if address.startswith("@") else address)
            connection.send(text.encode())
