# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requirements on the machine: memory, swap, disk, cpus, distribution, clock; and plain values."""

from __future__ import annotations

import ctypes
import os
import re
import shlex
from collections.abc import Callable

from ansible_collections.ridgetop.aidis.plugins.module_utils.comparison import Comparison
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_kind import (
    Kind,
    ParameterError,
    joined,
)

MEBIBYTE = 1024 * 1024


def meminfo(host: Host, name: str) -> int:
    """A value of /proc/meminfo in MiB. Raises CannotCheckError."""
    try:
        text = host.read("/proc/meminfo")
    except OSError as error:
        raise CannotCheckError(f"cannot read /proc/meminfo: {error.strerror}") from None
    match = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    if match is None:
        raise CannotCheckError(f"/proc/meminfo has no {name}")
    return int(match.group(1)) // 1024


class Memory(Kind):
    """Main memory, total or available."""

    name, category = "memory", "resources"
    optional = ("available",)
    one_of = ("minimum_mb", "minimum_percent")

    def prepare(self) -> None:
        if self.params["minimum_percent"] is not None and not self.params["available"]:
            raise ParameterError("minimum_percent is of the available memory: set available")

    def title(self) -> str:
        return "Available memory" if self.params["available"] else "Memory"

    def expected(self) -> str:
        units = {"minimum_mb": "MiB", "minimum_percent": "%"}
        return "at least " + joined([f"{self.params[n]} {u}" for n, u in units.items() if self.params[n] is not None])

    def look(self, host: Host) -> tuple[bool, str]:
        total = meminfo(host, "MemTotal")
        seen = meminfo(host, "MemAvailable") if self.params["available"] else total
        percent = 100 * seen // max(1, total)
        least, share = self.params["minimum_mb"], self.params["minimum_percent"]
        met = (least is None or seen >= least) and (share is None or percent >= share)
        return met, f"{seen} MiB" + (f", {percent} %" if self.params["available"] else "")


class Swap(Kind):
    """Swap space."""

    name, category = "swap", "resources"
    one_of = ("minimum_mb", "maximum_mb")

    def title(self) -> str:
        return "Swap"

    def expected(self) -> str:
        low, high = self.params["minimum_mb"], self.params["maximum_mb"]
        least = "" if low is None else f"at least {low} MiB"
        return joined([least, "" if high is None else f"at most {high} MiB"])

    def look(self, host: Host) -> tuple[bool, str]:
        seen = meminfo(host, "SwapTotal")
        low, high = self.params["minimum_mb"], self.params["maximum_mb"]
        met = (low is None or seen >= low) and (high is None or seen <= high)
        return met, f"{seen} MiB"


class Disk(Kind):
    """Free space and inodes of the file system of a path or of its nearest existing parent."""

    name, category = "disk", "resources"
    required = ("path",)
    one_of = ("minimum_mb", "minimum_percent", "minimum_inodes")

    def prepare(self) -> None:
        if not os.path.isabs(self.params["path"]):
            raise ParameterError("path must be absolute")

    def title(self) -> str:
        return f"Free disk space for {self.params['path']}"

    def expected(self) -> str:
        units = {"minimum_mb": "MiB", "minimum_percent": "%", "minimum_inodes": "inodes"}
        wanted = [f"{self.params[n]} {u}" for n, u in units.items() if self.params[n] is not None]
        return "at least " + joined(wanted) + " free"

    def look(self, host: Host) -> tuple[bool, str]:
        path = self.params["path"]
        while not os.path.exists(host.at(path)) and path != "/":
            path = os.path.dirname(path)
        try:
            space = os.statvfs(host.at(path))
        except OSError as error:
            raise CannotCheckError(f"cannot look at {path}: {error.strerror}") from None
        seen = {
            "minimum_mb": space.f_bavail * space.f_frsize // MEBIBYTE,
            "minimum_percent": 100 * space.f_bavail // max(1, space.f_blocks),
            # File systems such as btrfs count no inodes and report none at all.
            "minimum_inodes": space.f_favail if space.f_files else None,
        }
        met = all(
            self.params[name] is None or value is None or value >= self.params[name] for name, value in seen.items()
        )
        inodes = "" if seen["minimum_inodes"] is None else f"{seen['minimum_inodes']} inodes"
        share = f"{seen['minimum_percent']} %"
        return met, joined([f"{seen['minimum_mb']} MiB", share, inodes]) + f" free at {path}"


class Cpus(Kind):
    """Processors that may be used."""

    name, category = "cpus", "resources"
    required = ("minimum",)

    def prepare(self) -> None:
        if not self.params["minimum"].isdecimal():
            raise ParameterError("minimum must be a whole number")

    def title(self) -> str:
        return "Processors"

    def expected(self) -> str:
        return f"at least {self.params['minimum']}"

    def look(self, host: Host) -> tuple[bool, str]:
        seen = len(os.sched_getaffinity(0))
        return seen >= int(self.params["minimum"]), str(seen)


class Distribution(Kind):
    """The distribution, by /etc/os-release."""

    name, category = "distribution", "platform"
    required = ("allowed",)

    def prepare(self) -> None:
        for entry in self.params["allowed"]:
            unknown = set(entry) - {"id", "version", "codename"}
            if "id" not in entry or unknown:
                raise ParameterError("allowed takes mappings with id and, if wanted, version, codename")
        if not self.params["allowed"]:
            raise ParameterError("allowed must name at least one distribution")

    def title(self) -> str:
        return "Distribution"

    def expected(self) -> str:
        names = [
            " ".join(str(entry[name]) for name in ("id", "version", "codename") if entry.get(name))
            for entry in self.params["allowed"]
        ]
        return " or ".join(names)

    def look(self, host: Host) -> tuple[bool, str]:
        release = self._release(host)
        fields = {"id": "ID", "version": "VERSION_ID", "codename": "VERSION_CODENAME"}
        seen = {name: release.get(field, "") for name, field in fields.items()}
        met = any(
            all(str(value) == seen[name] for name, value in entry.items() if value is not None)
            for entry in self.params["allowed"]
        )
        return met, " ".join(value for value in seen.values() if value) or "unknown"

    @staticmethod
    def _release(host: Host) -> dict[str, str]:
        for path in ("/etc/os-release", "/usr/lib/os-release"):
            try:
                text = host.read(path)
            except OSError:
                continue
            pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
            return {name: "".join(shlex.split(value)) for name, _equals, value in pairs}
        raise CannotCheckError("there is no os-release file")


class _Timex(ctypes.Structure):
    """The beginning of struct timex (adjtimex(2)), with room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_char * 512),
    )


def kernel_clock_error() -> int:
    """The clock's maximum error in microseconds, as the kernel knows it. Raises CannotCheckError."""
    state = _Timex()
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state))
    except (OSError, AttributeError):
        raise CannotCheckError("the C library has no adjtimex") from None
    if answer < 0:
        raise CannotCheckError(f"adjtimex failed: {os.strerror(ctypes.get_errno())}")
    return int(state.maxerror)


class Clock(Kind):
    """Whether the clock is synchronised, by the measure that timedatectl uses."""

    name, category = "clock", "platform"
    limit_microseconds = 16_000_000
    read: Callable[[], int] = staticmethod(kernel_clock_error)

    def title(self) -> str:
        return "Clock"

    def expected(self) -> str:
        return "synchronised"

    def look(self, host: Host) -> tuple[bool, str]:
        error = self.read()
        met = error < self.limit_microseconds
        state = "synchronised" if met else "not synchronised"
        return met, f"{state}, error at most {error / 1000:g} ms"


class Value(Kind):
    """A comparison of values that the caller brings."""

    name, category = "value", "configuration"
    required = ("observed",)
    optional = ("expected", "operator")

    def prepare(self) -> None:
        self.comparison = Comparison(self.params["operator"], self.params["expected"])
        problem = self.comparison.problem()
        if problem:
            raise ParameterError(problem)

    def title(self) -> str:
        return "Value"

    def expected(self) -> str:
        return self.comparison.wanted()

    def look(self, host: Host) -> tuple[bool, str]:
        return self.comparison.of(self.params["observed"])


KINDS: tuple[type[Kind], ...] = (Memory, Swap, Disk, Cpus, Distribution, Clock, Value)
