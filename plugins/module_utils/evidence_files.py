# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evidence of files: modes and owners, the environment file, the link, the ledgers, the lock."""

from __future__ import annotations

import glob
import os
import re
import stat
from typing import Any
from urllib.parse import unquote, urlsplit

from ansible_collections.ridgetop.aidis.plugins.module_utils import backup_ledger, ledger, lock_file, release_dir
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError
from ansible_collections.ridgetop.aidis.plugins.module_utils.evidence_base import Looker
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_files import TYPES, group_name, user_name
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError
from ansible_collections.ridgetop.aidis.plugins.module_utils.masking import MASK, looks_secret
from ansible_collections.ridgetop.aidis.plugins.module_utils.secret_forms import url_password

BACKUPS, RELEASES = 10, 10
# A lease that is looked at only where the file is no lock, in seconds.
LEASE = 3600
# One variable of an environment file: quoted by either quotes, which may hold ends of lines, or bare.
_VARIABLE = re.compile(
    r"""^[ \t]*(?P<name>[A-Za-z_]\w*)=(?:'(?P<single>[^']*)'|"(?P<double>(?:\\.|[^"\\])*)"|(?P<bare>[^\n]*))[ \t]*$""",
    re.MULTILINE | re.DOTALL,
)


def files(looker: Looker) -> list[dict[str, Any]]:
    """What the roles make on a host, and what is there instead. A pattern that fits nothing is missing as it is."""
    found = []
    for wanted in looker.about.paths:
        paths = sorted(glob.glob(wanted["path"])) if "*" in wanted["path"] else []
        found += [file({**wanted, "path": path}) for path in paths or [wanted["path"]]]
    return found


def file(wanted: dict[str, str]) -> dict[str, Any]:
    """One file: what was wanted, what was found (None where there is none), and the fields that differ."""
    try:
        status = os.lstat(wanted["path"])
    except (FileNotFoundError, NotADirectoryError):
        return {"path": wanted["path"], "wanted": wanted, "found": None, "wrong": ["missing"]}
    except OSError as error:
        return {"path": wanted["path"], "wanted": wanted, "found": None, "wrong": [], "why": error.strerror}
    found = {
        "type": next((name for name, test in TYPES.items() if test(status.st_mode)), "special"),
        "owner": user_name(status.st_uid),
        "group": group_name(status.st_gid),
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
    }
    wrong = [name for name, value in found.items() if wanted.get(name) not in (None, "", value)]
    return {"path": wanted["path"], "wanted": wanted, "found": found, "wrong": wrong}


def variables(text: str) -> dict[str, str]:
    """The variables of an environment file."""
    found = {}
    for match in _VARIABLE.finditer(text):
        value = match["bare"].strip() if match["bare"] is not None else match["single"]
        found[match["name"]] = re.sub(r"\\([\\\"`$])", r"\1", match["double"]) if value is None else value
    return found


def environment(looker: Looker) -> dict[str, Any]:
    """The environment file without its secrets, and which of those are not the inventory's."""
    about = looker.about
    if not about.environment_file:
        return {}
    try:
        given = variables(looker.host.read(about.environment_file))
    except FileNotFoundError:
        return {"there": False}
    hidden = {name for name in given if name in about.secrets or looks_secret(name)}
    return {
        "there": True,
        "lines": [f"{name}={MASK if name in hidden else value}" for name, value in given.items()],
        "different": sorted(name for name, value in about.secrets.items() if given.get(name) != value),
        "databases": [{"name": name, **_database(value)} for name, value in given.items() if _database(value)],
    }


def _database(value: str) -> dict[str, Any]:
    """What is not secret in a PostgreSQL URL, nothing for anything else."""
    try:
        parts = urlsplit(value)
        if not parts.scheme.startswith("postgres"):
            return {}
        port = parts.port or 5432
    except ValueError:
        return {}
    user = unquote(parts.username or "")
    has = bool(url_password(value))
    return {"host": parts.hostname, "port": port, "user": user, "database": parts.path[1:], "has_password": has}


def releases(looker: Looker) -> dict[str, Any]:
    """The link to the active release, the releases that are there, and the end of the ledger."""
    about = looker.about
    if not about.root:
        return {}
    link = os.path.join(about.root, release_dir.LINK)
    directory = os.path.join(about.root, release_dir.RELEASES)
    found: dict[str, Any] = {
        "link": link,
        "target": os.readlink(link) if os.path.islink(link) else None,
        "there": os.path.lexists(link),
        "reaches": os.path.isdir(link),
        "working_directory": os.path.isdir(about.working_directory),
        "directories": sorted(os.listdir(directory)) if os.path.isdir(directory) else [],
        "ledger_there": os.path.exists(os.path.join(about.state_dir, ledger.FILE_NAME)),
    }
    try:
        book = ledger.load(os.path.join(about.state_dir, ledger.FILE_NAME))
    except ledger.LedgerError as error:
        return {**found, "ledger_broken": str(error)}
    entries = [one for one in book["releases"] if isinstance(one, dict)][-RELEASES:]
    return {**found, "running": (book["running"] or {}).get("id"), "underway": book["underway"], "entries": entries}


def backups(looker: Looker) -> dict[str, Any]:
    """The newest entries of the ledger of backups."""
    if not looker.about.backups:
        return {}
    try:
        book = backup_ledger.read(looker.about.backups)
    except BackupError as error:
        raise CannotCheckError(str(error)) from None
    names = ("id", "at", "reason", "release", "bytes", "proved_at", "drilled_at", "damage")
    newest = [{name: one.get(name) for name in names} for one in backup_ledger.present(book)[:BACKUPS]]
    return {"newest": newest, "swaps": book["swaps"][-3:], "drill": book["drill"]}


def lock(looker: Looker) -> dict[str, Any]:
    """Who holds the lock of the deployment; whether its run still lives is for the controller to tell."""
    path = looker.about.lock
    if not path:
        return {}
    try:
        held = lock_file.read(path, LEASE)
    except lock_file.LockError as error:
        raise CannotCheckError(str(error)) from None
    if held is None:
        return {"path": path, "held": False}
    now = lock_file.now()
    controller = {name: held.controller.get(name) for name in ("machine", "host", "pid", "started")}
    ended = lock_file.is_stale(held, now)
    told = lock_file.described(held, now)
    return {"path": path, "held": True, "ended": ended, "described": told, "controller": controller}
