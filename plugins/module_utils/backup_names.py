# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names: of backups, and of the databases that a restore makes and a swap puts aside."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from datetime import datetime

REASONS = ("deploy", "daily", "emergency", "manual")
RESTORE = "restore"
REPLACED = "replaced"
# What PostgreSQL keeps of a name, in bytes, and what is put behind it at most: "_replaced_20260131235959_99".
_NAME_BYTES = 63
_SUFFIX_BYTES = 27
_ID = re.compile(r"\d{8}T\d{6}Z-(" + "|".join(REASONS) + r")(-\d+)?")


def is_id(text: str) -> bool:
    """Whether a text is the id of a backup."""
    return _ID.fullmatch(text) is not None


def backup_id(at: datetime, reason: str, taken: Collection[str]) -> str:
    """The id of a backup, with a number behind it where the second has one already."""
    return _free(f"{at:%Y%m%dT%H%M%SZ}-{reason}", "-", taken)


def beside(database: str, kind: str, at: datetime, taken: Collection[str]) -> str:
    """The name of a database beside another: ``<database>_restore_20260131235959``."""
    return _free(f"{stem(database, kind)}{at:%Y%m%d%H%M%S}", "_", taken)


def stem(database: str, kind: str) -> str:
    """How the names of databases beside another begin; a long name is cut, with a digest so that none are alike."""
    room = _NAME_BYTES - _SUFFIX_BYTES
    name = database
    if len(name.encode()) > room:
        digest = hashlib.sha256(database.encode()).hexdigest()[:8]
        name = f"{database.encode()[: room - 9].decode('utf-8', 'ignore')}~{digest}"
    return f"{name}_{kind}_"


def is_beside(name: str, database: str, kind: str) -> bool:
    """Whether a name is one that ``beside`` makes."""
    return re.fullmatch(re.escape(stem(database, kind)) + r"\d{14}(_\d+)?", name) is not None


def _free(name: str, separator: str, taken: Collection[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}{separator}{number}"
    return found


def at(name: str) -> str:
    """The moment in a name that ``beside`` made, as in the ledger."""
    found = re.search(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(_\d+)?$", name)
    return "{}-{}-{}T{}:{}:{}Z".format(*found.groups()) if found else ""
