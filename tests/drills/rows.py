# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the rows are that the writer was told are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ansible_collections.ridgetop.aidis.tests.drills.machine import BACKUPS, DATABASE, Machine
from ansible_collections.ridgetop.aidis.tests.drills.writer import Row

_TABLES = ("sessions", "contexts")
_OF_BACKUP = """
for id in "$1"/*-emergency; do
  test -d "$id" || continue
  runuser -u postgres -- pg_restore --data-only --table="$2" --file=- "$id/database"
done
"""


@dataclass(frozen=True)
class Account:
    """Rows by where they were found. One that is in an emergency backup may be in a replaced database, too."""

    live: tuple[Row, ...]
    emergency: tuple[Row, ...]
    replaced: tuple[Row, ...]
    lost: tuple[Row, ...]


def account(machine: Machine, rows: Iterable[Row]) -> Account:
    """Look for every row in the live database, in the emergency backups, and in the replaced databases."""
    places: tuple[Callable[[Machine], set[str]], ...] = (_of_live, _of_backups, _of_replaced)
    left: list[Row] = list(rows)
    found: list[tuple[Row, ...]] = []
    for place in places:
        there: set[str] = place(machine) if left else set()
        found.append(tuple(row for row in left if row.id in there))
        left = [row for row in left if row.id not in there]
    live, emergency, replaced = found
    return Account(live, emergency, replaced, tuple(left))


def _of_live(machine: Machine) -> set[str]:
    return _ids(machine, DATABASE)


def _of_replaced(machine: Machine) -> set[str]:
    return {row for name in machine.databases() if "_replaced_" in name for row in _ids(machine, name)}


def _of_backups(machine: Machine) -> set[str]:
    text = "\n".join(machine.run(_OF_BACKUP, BACKUPS, table) for table in _TABLES)
    return {line.partition("\t")[0] for line in text.splitlines()}


def _ids(machine: Machine, database: str) -> set[str]:
    return set(machine.sql(" UNION ALL ".join(f"SELECT id::text FROM {table}" for table in _TABLES), database))
