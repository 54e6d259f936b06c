# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of ``aidis-database``: one JSON file, every key with a default and a type."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, load
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_contract import Migrations

DEFAULT_PATH = "/etc/aidis/database.json"
FORMATS = ("custom", "directory")


@dataclass(frozen=True)
class Config:
    """What is backed up, where to, and what is kept.

    ``socket``, ``user`` and ``port`` (0) left empty are libpq's own. ``programs`` is the directory of pg_dump and
    its like, or a list of words to put before their names, the last one such a directory; empty: Debian's for the
    server's version. Times are in seconds.
    """

    database: str = ""
    socket: str = ""
    port: int = 0
    user: str = ""
    programs: str | list[str] = ""
    # Where backups, their ledger and the lock are.
    directory: str = "/var/backups/aidis"
    format: str = "custom"
    # Processes that dump (format directory only) and restore.
    jobs: int = 1
    # As pg_dump's --compress; empty: its default.
    compress: str = ""
    # A backup goes when it is neither among the newest this many, nor younger than this many days.
    keep_count: int = 7
    keep_days: int = 14
    # How many databases that were replaced by a swap stay.
    replaced_keep: int = 2
    # A second place: a local directory, or user@host:directory over rsync and ssh; empty: none.
    copy_to: str = ""
    # Encrypted for the owner of the certificate; without a certificate it is left out.
    environment_file: str = ""
    environment_recipient: str = ""
    # Roles and tablespaces of the cluster, without passwords.
    globals: bool = True
    # A file for the node exporter's textfile collector; empty: none.
    metrics_file: str = ""
    # Schemas of the fingerprint and the row counts; empty: all but the system's.
    schemas: list[str] = field(default_factory=list)
    # Where migrations are recorded: {schema, table, column}.
    migrations: dict[str, str] | None = None
    # Wait for another run, and for the locks of others in the database.
    wait: int = 600
    # For a whole command; 0: no limit.
    timeout: int = 21600

    @property
    def recorded_in(self) -> Migrations | None:
        """Where migrations are recorded, for the schema's reader."""
        place = self.migrations
        return None if place is None else Migrations(place["table"], place["column"], place.get("schema", "public"))


def read(path: str) -> Config:
    """Read the file. Raises BackupError with all that is wrong in it."""
    try:
        raw = load(path)
    except FileNotFoundError:
        raise BackupError(f"there is no configuration {path}") from None
    faults = problems(raw)
    if faults:
        raise BackupError(f"{path}: {'; '.join(faults)}")
    return Config(**raw)


def problems(raw: Any) -> list[str]:
    """What is wrong with a configuration, nothing when it is sound."""
    if not isinstance(raw, dict):
        return ["must be a mapping"]
    defaults = {one.name: getattr(Config(), one.name) for one in fields(Config)}
    faults = [f"{name} is not known" for name in raw if name not in defaults]
    for name, default in defaults.items():
        value = raw.get(name, default)
        if name == "migrations":
            keys = {"schema": "public", **value} if isinstance(value, dict) else value
            sound = keys is None or (
                isinstance(keys, dict) and set(keys) == {"schema", "table", "column"} and _texts([*keys.values()])
            )
        elif name == "programs":
            sound = isinstance(value, str) or (_texts(value) and bool(value))
        elif name == "schemas":
            sound = _texts(value)
        else:
            sound = type(value) is type(default) and not (isinstance(value, int) and value < 0)
        if not sound:
            faults.append(f"{name} cannot be {value!r}")
    if not faults:
        given = Config(**raw)
        faults += ["database is required"] if not given.database else []
        faults += [f"format must be one of {', '.join(FORMATS)}"] if given.format not in FORMATS else []
        faults += [] if given.jobs >= 1 and given.keep_count >= 1 else ["jobs and keep_count must be at least 1"]
    return faults


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
