# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sections of ``aidis-health`` that any user of a host can see: units, memory, disks."""

from __future__ import annotations

import os

from ansible_collections.ridgetop.aidis.plugins.module_utils.health_base import (
    FAILED,
    OK,
    CannotTellError,
    Section,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host, TooSlowError
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_systemd import properties

MB = 1024 * 1024
_SHOWN = ("ActiveState", "SubState", "ActiveEnterTimestamp", "Result", "NRestarts")


def state_of(host: Host, unit: str, names: tuple[str, ...], seconds: float) -> dict[str, str]:
    """Properties of a unit. Raises CannotTellError."""
    try:
        return properties(host, unit, list(names), seconds)
    except (CannotCheckError, TooSlowError) as error:
        raise CannotTellError(str(error)) from None


def service(config: Config, host: Host) -> Section:
    """Whether the units run. Raises CannotTellError."""
    lines, facts, running = [], {}, True
    for unit in config.units:
        seen = state_of(host, unit, _SHOWN, config.timeout)
        active = seen.get("ActiveState", "")
        running = running and active in ("active", "reloading")
        if seen["LoadState"] == "not-found":
            lines.append(f"{unit}: there is no such unit")
        else:
            since = seen.get("ActiveEnterTimestamp")
            lines.append(f"{unit}: {active} ({seen.get('SubState', '')})" + (f" since {since}" if since else ""))
        restarts = seen.get("NRestarts", "")
        facts[unit] = {
            "active": active,
            "sub": seen.get("SubState", ""),
            "result": seen.get("Result", ""),
            "restarts": int(restarts) if restarts.isdigit() else 0,
        }
    return Section("service", OK if running else FAILED, lines, {"units": facts})


def memory(config: Config, host: Host) -> Section:
    """How much of the memory is used. Raises CannotTellError."""
    try:
        pairs = (line.split(":", 1) for line in host.read("/proc/meminfo").splitlines() if ":" in line)
        kilobytes = {name: int(value.split()[0]) for name, value in pairs}
        total, available = kilobytes["MemTotal"] * 1024, kilobytes["MemAvailable"] * 1024
        used = 100 * (total - available) / total
    except (OSError, ValueError, LookupError, ZeroDivisionError):
        raise CannotTellError("/proc/meminfo does not tell it") from None
    lines = [f"{used:.1f} % used of {total / MB:.0f} MB, {available / MB:.0f} MB available"]
    if used > config.memory_percent:
        lines.append(f"more than {config.memory_percent:g} %")
    facts = {"used_percent": round(used, 1), "total_bytes": total, "available_bytes": available}
    return Section("memory", FAILED if used > config.memory_percent else OK, lines, facts)


def disk(config: Config, host: Host) -> Section:
    """How much is free where something is written, once for each file system. Raises CannotTellError."""
    lines, facts, enough = [], [], True
    devices: set[int] = set()
    for path in config.disk_paths:
        try:
            there = _there(host.at(path))
            device = os.stat(there).st_dev
            found = os.statvfs(there)
        except OSError as error:
            raise CannotTellError(f"{path}: {error.strerror}") from None
        if device in devices:
            continue
        devices.add(device)
        free, size = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
        low = free < config.disk_mb * MB
        enough = enough and not low
        less = f", less than {config.disk_mb:g} MB" if low else ""
        lines.append(f"{path}: {free / MB:.0f} MB free of {size / MB:.0f} MB{less}")
        facts.append({"path": path, "free_bytes": free, "size_bytes": size})
    return Section("disk", OK if enough else FAILED, lines, {"file_systems": facts})


def _there(path: str) -> str:
    """The path, or the nearest directory above it that is there."""
    while not os.path.exists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path
