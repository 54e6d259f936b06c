# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evidence of systemd: states of units, lines of journals, sockets and who holds them."""

from __future__ import annotations

import datetime
import glob
import json
import os
import re
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import host_sockets
from ansible_collections.ridgetop.aidis.plugins.module_utils.evidence_base import Looker, last
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_files import user_name
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError

CLUSTERS = "postgresql@*.service"
PROPERTIES = (
    "Id LoadState ActiveState SubState UnitFileState Result ExecMainCode ExecMainStatus NRestarts MainPID InvocationID"
    " ExecStart WorkingDirectory User FragmentPath DropInPaths NeedDaemonReload ActiveEnterTimestamp"
    " InactiveEnterTimestamp StateChangeTimestamp NextElapseUSecRealtime LastTriggerUSec Unit"
).split()
# Bytes at the end of a log file.
TAIL = 64 * 1024
KERNEL_DAYS = 2
# Log files of the application.
LOGS = 4
_OOM = re.compile(r"out of memory|oom-kill|killed process", re.IGNORECASE)


def units(looker: Looker) -> list[dict[str, str]]:
    """The states of the service, of PostgreSQL's clusters and of the timers with what they start."""
    about = looker.about
    names = [*([about.unit] if about.unit else []), *about.units]
    shown = ["list-units", "--all", "--plain", "--no-legend", "--full"]
    clusters = [line.split()[0] for line in looker.lines("systemctl", *shown, CLUSTERS) if line.split()]
    wanted = list(dict.fromkeys([*names, *clusters]))
    if not wanted:
        return []
    out = looker.run("systemctl", "show", f"--property={','.join(PROPERTIES)}", "--", *wanted)
    return [_pairs(block) for block in out.split("\n\n") if block.strip()]


def _pairs(block: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in block.splitlines() if "=" in line)
    return {name: value for name, _equals, value in pairs}


def unit_file(looker: Looker) -> list[str]:
    """The service's unit as systemd puts it together."""
    return looker.lines("systemctl", "cat", "--no-pager", "--", looker.about.unit) if looker.about.unit else []


def service_journal(looker: Looker) -> list[dict[str, Any]]:
    """The last lines of the service's journal."""
    return _entries(looker, f"--unit={looker.about.unit}") if looker.about.unit else []


def postgres_journal(looker: Looker) -> list[dict[str, Any]]:
    """The last lines of the journal of PostgreSQL's clusters."""
    return _entries(looker, f"--unit={CLUSTERS}")


def timers_journal(looker: Looker) -> list[dict[str, Any]]:
    """The last lines of the journal of the timers and of what they start."""
    return _entries(looker, *(f"--unit={name}" for name in looker.about.units)) if looker.about.units else []


def kernel_journal(looker: Looker) -> list[dict[str, Any]]:
    """What the kernel said of processes that it killed for their memory, in the last days."""
    found = _entries(looker, "--dmesg", f"--since=-{KERNEL_DAYS}d", lines=2000)
    return last([entry for entry in found if _OOM.search(entry["text"])], looker.about.lines)


def errors_journal(looker: Looker) -> list[dict[str, Any]]:
    """The last errors of the host."""
    return _entries(looker, "--priority=err", "--boot")


def _entries(looker: Looker, *options: str, lines: int = 0) -> list[dict[str, Any]]:
    command = [
        "journalctl",
        "--no-pager",
        "--quiet",
        "--all",
        "--output=json",
        f"--lines={lines or looker.about.lines}",
    ]
    return [entry for line in looker.run(*command, *options).splitlines() if (entry := entry_of(line))]


def entry_of(line: str) -> dict[str, Any]:
    """One line of journalctl's JSON: time, who, priority, text, and the run of the unit that it belongs to."""
    try:
        told: dict[str, Any] = json.loads(line)
        at = datetime.datetime.fromtimestamp(int(told["__REALTIME_TIMESTAMP"]) / 1e6, datetime.UTC)
    except (ValueError, KeyError, OverflowError, OSError):
        return {}
    text = told.get("MESSAGE") or ""
    # A message that is not UTF-8 comes as a list of bytes.
    text = bytes(text).decode("utf-8", "replace") if isinstance(text, list) else str(text)
    return {
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "by": str(told.get("SYSLOG_IDENTIFIER") or told.get("_COMM") or ""),
        "priority": int(told.get("PRIORITY") or 6),
        "run": str(told.get("INVOCATION_ID") or told.get("_SYSTEMD_INVOCATION_ID") or ""),
        "text": text,
    }


def clusters(looker: Looker) -> list[dict[str, Any]]:
    """PostgreSQL's clusters as Debian's tools know them, none where they are not installed."""
    if looker.host.find_command("pg_lsclusters") is None:
        return []
    names = ("version", "name", "port", "status", "owner", "data", "log")
    rows = [line.split() for line in looker.lines("pg_lsclusters", "--no-header")]
    found = [dict(zip(names, row, strict=False)) for row in rows if len(row) >= len(names)]
    return [{**one, "lines": _tail(one["log"], looker.about.lines)} for one in found]


def logs(looker: Looker) -> list[dict[str, Any]]:
    """The ends of the application's own log files, those that were written to last."""
    paths = {path for pattern in looker.about.logs for path in glob.glob(pattern)}
    newest = sorted(paths, key=lambda path: -os.lstat(path).st_mtime)[:LOGS]
    return [{"path": path, "lines": _tail(path, looker.about.lines)} for path in newest]


def _tail(path: str, lines: int) -> list[str]:
    """The last whole lines of a file; why not where it cannot be read.

    A link is not followed: the directory belongs to the service, which could have it lead to what only root reads.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - TAIL))
            text = file.read(TAIL).decode("utf-8", "replace")
    except OSError as error:
        return [f"{path} cannot be read: {error.strerror}"]
    # The first line may be the second half of one, and of a secret in it.
    return last(text.splitlines()[0 if size <= TAIL else 1 :], lines)


def sockets(looker: Looker) -> list[dict[str, Any]]:
    """What listens, and which process of which unit it is."""
    found = host_sockets.all_listening(looker.host)
    pids = host_sockets.holders(looker.host, found)
    if not found:
        raise CannotCheckError("nothing listens on TCP")
    return [
        {
            "address": one.address,
            "port": one.port,
            "user": user_name(one.uid),
            "processes": [_process(looker, pid) for pid in pids[one.inode]],
        }
        for one in sorted(found, key=lambda one: (one.port, one.address))
    ]


def _process(looker: Looker, pid: str) -> dict[str, Any]:
    owner = host_sockets.owner(looker.host, pid)
    return {"pid": int(pid), "command": owner.command, "units": list(owner.units)}
