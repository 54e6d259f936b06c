# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands that only look: they wait for no other run and put nothing right."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable

from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    backup_catalog,
    backup_ledger,
    backup_names,
    backup_plan,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import Document
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import connected, databases


def list_(config: Config, ledger: Document, _words: Namespace) -> Document:
    """The ledger, with what is on the disk of it and beside it."""
    there = set(os.listdir(config.directory)) if os.path.isdir(config.directory) else set()
    backups = [
        {**one, "present": one["id"] in there, "path": os.path.join(config.directory, one["id"])}
        for one in backup_ledger.present(ledger)
    ]
    known = {one["id"] for one in ledger["backups"]}
    return {
        "backups": backups,
        "missing": [one["id"] for one in backups if not one["present"]],
        "unrecorded": sorted(name for name in there if backup_names.is_id(name) and name not in known),
        "removed": [one for one in ledger["backups"] if one["removed_at"]],
        **{name: ledger[name] for name in ("scratches", "swaps", "drill")},
    }


def plan(config: Config, ledger: Document, words: Namespace) -> Document:
    """What a rollback would do."""
    wanted = backup_plan.Wanted(words.fingerprint, words.migrations_digest)
    return backup_plan.plan(config, ledger, wanted, words.source)


def state(config: Config, _ledger: Document, _words: Namespace) -> Document:
    """What the live database is."""
    with connected(config) as cursor:
        there = config.database in databases(cursor)
    nothing: Document = {"fingerprint": None, "migrations": [], "migrations_digest": None, "tables": {}}
    found = backup_catalog.state(config, config.database, counted=True) if there else nothing
    return {"database": config.database, "exists": there, **found}


READING: dict[str, Callable[[Config, Document, Namespace], Document]] = {"list": list_, "plan": plan, "state": state}
