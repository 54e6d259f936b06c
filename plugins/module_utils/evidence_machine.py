# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evidence of the machine: its system, disks, memory, clock, and the program that runs the application."""

from __future__ import annotations

import os
import re
import shutil
import time
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.evidence_base import Looker
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import SYSTEM_DIRECTORIES, CannotCheckError
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_machine import Clock, meminfo

# Beyond what the deployment names.
DISK_PATHS = ("/", "/tmp", "/var/lib/postgresql", "/var/log/postgresql", "/var/log/journal")  # noqa: S108 - looked at
PROCESSES = 8


def system(looker: Looker) -> dict[str, Any]:
    """The system, since when it runs, and its time in seconds of the epoch."""
    name = re.search(r'^PRETTY_NAME="?([^"\n]*)', looker.host.read("/etc/os-release"), re.MULTILINE)
    kernel = os.uname()
    return {
        "os": name.group(1) if name else "unknown",
        "kernel": f"{kernel.sysname} {kernel.release} {kernel.machine}",
        "name": kernel.nodename,
        "uptime_seconds": int(float(looker.host.read("/proc/uptime").split()[0])),
        "time": time.time(),
    }


def disks(looker: Looker) -> list[dict[str, Any]]:
    """The file systems of the paths that matter, each once, with the paths on it."""
    about = looker.about
    named = [about.root, about.state_dir, about.backups, *(one["path"] for one in about.paths)]
    found: dict[int, dict[str, Any]] = {}
    for path in [*DISK_PATHS, *(one for one in named if one and "*" not in one)]:
        # A file's own mode says nothing of the disk, and a link may dangle: the directory stands for it.
        place = path if os.path.isdir(path) else os.path.dirname(path)
        if not os.path.isdir(place):
            continue
        disk = found.setdefault(os.stat(place).st_dev, {"paths": [], **_disk(place)})
        if place not in disk["paths"]:
            disk["paths"].append(place)
    return list(found.values())


def _disk(path: str) -> dict[str, Any]:
    space = os.statvfs(path)
    mount = path
    while not os.path.ismount(mount):
        mount = os.path.dirname(mount)
    return {
        "mount": mount,
        "bytes": space.f_blocks * space.f_frsize,
        "bytes_free": space.f_bavail * space.f_frsize,
        "inodes": space.f_files,
        "inodes_free": space.f_favail,
        "read_only": bool(space.f_flag & os.ST_RDONLY),
    }


def memory(looker: Looker) -> dict[str, Any]:
    """Memory and swap in MiB, and the processes that have most of it."""
    names = {"total": "MemTotal", "available": "MemAvailable", "swap": "SwapTotal", "swap_free": "SwapFree"}
    used = [_used(looker, pid) for pid in looker.host.names("/proc") if pid.isdigit()]
    most = sorted((one for one in used if one["mb"]), key=lambda one: -int(one["mb"]))[:PROCESSES]
    return {**{name: meminfo(looker.host, field) for name, field in names.items()}, "processes": most}


def _used(looker: Looker, pid: str) -> dict[str, Any]:
    try:
        status = looker.host.read(f"/proc/{pid}/status")
    except OSError:
        status = ""
    name, size = re.search(r"^Name:\s+(.*)", status), re.search(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)
    return {"pid": int(pid), "command": name.group(1) if name else "", "mb": int(size.group(1)) // 1024 if size else 0}


def clock(looker: Looker) -> dict[str, Any]:
    """Whether the clock is synchronised, by the kernel's measure, and whether a service here would do it."""
    error = Clock.read()
    found = {"synchronised": error < Clock.limit_microseconds, "error_ms": error / 1000}
    try:
        shown = looker.lines("timedatectl", "show")
    except CannotCheckError:
        return found
    pairs = dict(line.split("=", 1) for line in shown if "=" in line)
    return {**found, "can_ntp": pairs.get("CanNTP") == "yes", "ntp": pairs.get("NTP") == "yes"}


def runtime(looker: Looker) -> dict[str, Any]:
    """The program that runs the application, and what a shell finds under its name."""
    words = looker.about.exec_start.lstrip("@-:+!|").split()
    if not words:
        return {}
    path = words[0]
    name = os.path.basename(path)
    first = shutil.which(name, path=SYSTEM_DIRECTORIES) or ""
    found = {
        "path": path,
        "there": os.path.isfile(path),
        "may_run": os.access(path, os.X_OK),
        "version": _version(looker, path),
        "first": first,
        "first_version": _version(looker, first) if first else "",
        "shadowed": bool(first) and os.path.realpath(first) != os.path.realpath(path),
        "package": "",
    }
    if looker.host.find_command("dpkg-query"):
        owner = looker.run("dpkg-query", "--search", path, statuses=(0, 1, 2)).partition(":")[0]
        found["package"] = owner.split(",")[0].strip() if " " not in owner.split(",")[0].strip() else ""
    return found


def _version(looker: Looker, path: str) -> str:
    if not os.access(path, os.X_OK) or not os.path.isfile(path):
        return ""
    try:
        out = looker.run(path, "--version")
    except CannotCheckError:
        return ""
    match = re.search(r"\d+(\.\d+)+", out)
    return match.group() if match else ""
