# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sequences of a database that is about to become the live one: none gives a value that the live one gave."""

from __future__ import annotations

from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import backup_catalog
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import Document
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import connected, rows

# Values that are left out for each sequence while applications still write, until their sessions are ended.
_MARGIN = 1000
_SESSIONS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
   AND pid <> pg_backend_pid()
"""


def advance(config: Config, source: str) -> None:
    """Bring the sequences of a database to where those of the live one are, or further. Raises BackupError.

    A key that was given once is then not given to another row, so a comparison by keys stays true after a swap.
    """
    with connected(config, config.database) as cursor:
        ((sessions,),) = rows(cursor, _SESSIONS)
        live = backup_catalog.sequences(cursor, backup_catalog.schemas(cursor, config))
    with connected(config, source) as cursor:
        known = backup_catalog.sequences(cursor, backup_catalog.schemas(cursor, config))
        for title, here in live.items():
            value = target(here, known.get(title), _MARGIN if sessions else 0)
            if value is not None:
                cursor.execute("SELECT setval(%s::regclass, %s)", (title, value))


def target(live: Document, other: Document | None, margin: int) -> Any:
    """The value to set the other sequence to; None where it is to stay."""
    if other is None or live["last"] is None or other["cycle"] or live["increment"] * other["increment"] < 0:
        return None
    nearest = min if other["increment"] > 0 else max
    value = nearest(live["last"] + margin * live["increment"], other["limit"])
    stays = other["last"] is not None and nearest(value, other["last"]) == value
    return None if stays else value
