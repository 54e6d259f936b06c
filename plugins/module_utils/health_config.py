# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of ``aidis-health``: one JSON file that holds no secret, every key with a default and a type."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field, fields
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.health_base import CannotTellError

DEFAULT_PATH = "/etc/aidis/health.json"
# The unit that the role writes says where the configuration is, where it is elsewhere.
UNIT_FILE = "/etc/systemd/system/aidis-health.service"
METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True)
class Config:
    """What is looked at, by which limits, and where it is written. Texts that are empty, and 0, mean: not here."""

    deployment: str = "aidis-production"
    # Units whose state and whose journal are looked at.
    units: list[str] = field(default_factory=list)
    # Minutes of the journal, the errors in it that are allowed, and patterns of those that do not count.
    journal_minutes: float = 5
    journal_errors: int = 0
    journal_exclude: list[str] = field(default_factory=list)
    database_host: str = ""
    database_port: int = 5432
    database: str = ""
    user: str = ""
    # The password is in this file, or in the credential of the unit.
    password_file: str = ""
    # Certificate that the server is verified against; empty: a connection without TLS.
    database_ca: str = ""
    # Seconds that a login or a command may take.
    timeout: float = 5
    # Percent of the memory that may be used, and MB that must be free at each of these paths.
    memory_percent: float = 90
    disk_mb: float = 1024
    disk_paths: list[str] = field(default_factory=lambda: ["/"])
    # Whether the database is asked for numbers, which: ``metric``, ``help``, ``labels`` and ``query``; seconds of each.
    sql: bool = False
    queries: list[dict[str, Any]] = field(default_factory=list)
    query_seconds: float = 5
    ledger: str = ""
    lock: str = ""
    certificates: list[str] = field(default_factory=list)
    log: str = "/var/log/aidis/health-check.log"
    state: str = "/var/lib/aidis/health/state.json"
    metrics: str = "/var/lib/aidis/health/aidis_health.prom"
    # What starts the runs, and seconds after which the last of them is too old.
    scheduler: str = "timer"
    max_age: float = 900


def found(unit_file: str = UNIT_FILE) -> str:
    """The path of the configuration that the unit names, else the default."""
    try:
        with open(unit_file, encoding="utf-8") as handle:
            named = re.search(r"(?m)^ExecStart=\S+ --config (\S+) record$", handle.read())
    except (OSError, UnicodeDecodeError):
        named = None
    return named.group(1) if named else DEFAULT_PATH


def read(path: str) -> Config:
    """Read the file. Raises CannotTellError with all that is wrong in it."""
    try:
        with open(path, encoding="utf-8") as handle:
            raw = json.load(handle)
    except FileNotFoundError:
        raise CannotTellError(f"there is no configuration {path}; a deployment writes it") from None
    except (OSError, ValueError) as error:
        raise CannotTellError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    faults = problems(raw)
    if faults:
        raise CannotTellError(f"{path}: {'; '.join(faults)}")
    return Config(**raw)


def problems(raw: Any) -> list[str]:
    """What is wrong with a configuration, nothing when it is sound."""
    if not isinstance(raw, dict):
        return ["must be a mapping"]
    defaults = {one.name: getattr(Config(), one.name) for one in fields(Config)}
    faults = [f"{name} is not known" for name in raw if name not in defaults]
    for name, default in defaults.items():
        value = raw.get(name, default)
        if isinstance(default, bool):
            right = isinstance(value, bool)
        elif isinstance(default, int | float):
            right = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        elif isinstance(default, list):
            wanted = dict if name == "queries" else str
            right = isinstance(value, list) and all(isinstance(one, wanted) for one in value)
        else:
            right = isinstance(value, str)
        faults += [] if right else [f"{name} must not be {value!r}"]
    faults += [] if "journal_exclude" in " ".join(faults) else _patterns(raw.get("journal_exclude", []))
    return faults


def _patterns(texts: list[str]) -> list[str]:
    faults = []
    for text in texts:
        try:
            re.compile(text)
        except re.error as error:
            faults.append(f"journal_exclude: {text!r}: {error}")
    return faults


def fault_of_query(query: dict[str, Any]) -> str:
    """What is wrong with a query, nothing where it can be asked."""
    labels = query.get("labels", [])
    if not isinstance(query.get("metric"), str) or not METRIC.fullmatch(query["metric"]):
        return f"{query.get('metric')!r} is no name of a metric"
    if not isinstance(labels, list) or not all(isinstance(one, str) and LABEL.fullmatch(one) for one in labels):
        return f"{labels!r} are no names of labels"
    return "" if isinstance(query.get("query"), str) and query["query"].strip() else "there is no query"


def credential(name: str) -> str:
    """The path of a credential that systemd gave to the unit; empty where it gave none."""
    path = os.path.join(os.environ.get("CREDENTIALS_DIRECTORY", ""), name)
    try:
        return path if os.path.isabs(path) and os.path.getsize(path) else ""
    except OSError:
        return ""


def password(config: Config) -> str:
    """The password: the unit's credential, or the file, which root alone reads. Raises CannotTellError."""
    try:
        with open(credential("database-password") or config.password_file, encoding="utf-8", newline="") as handle:
            return handle.read()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotTellError(f"the password cannot be read: {getattr(error, 'strerror', None) or error}") from None
