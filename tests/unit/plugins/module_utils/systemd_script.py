# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A systemd that is a script: it answers systemctl and journalctl for some units, and keeps what it was told."""

from __future__ import annotations

import datetime
import shlex
import time
from collections.abc import Callable, Sequence

Answer = tuple[int, str, str]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def stamp(moment: int) -> str:
    """A time in microseconds as systemctl writes it."""
    return (EPOCH + datetime.timedelta(microseconds=moment)).strftime("%a %Y-%m-%d %H:%M:%S.%f UTC")


def running(since: int, **more: str) -> dict[str, str]:
    """The properties of a service that runs."""
    return {
        "LoadState": "loaded",
        "ActiveState": "active",
        "SubState": "running",
        "UnitFileState": "enabled",
        "CanReload": "yes",
        "NeedDaemonReload": "no",
        "ExecMainStartTimestamp": stamp(since),
        "ActiveEnterTimestamp": stamp(since),
        "StateChangeTimestamp": stamp(since),
        "MainPID": "100",
        "NRestarts": "0",
        "Result": "success",
        **more,
    }


def stopped(**more: str) -> dict[str, str]:
    """The properties of a service that does not run, and is not enabled."""
    return {
        "LoadState": "loaded", "ActiveState": "inactive", "SubState": "dead", "UnitFileState": "disabled",
        "ExecMainStartTimestamp": "", "StateChangeTimestamp": "n/a", **more,
    }  # fmt: skip


MISSING = {"LoadState": "not-found", "ActiveState": "inactive", "SubState": "dead", "UnitFileState": ""}
FAILED = {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "ExecMainStatus": "2"}


class Systemd:
    """Units by name. A verb that succeeds changes them; those in ``broken`` fail.

    ``later`` is called when time went on, ``watch`` when something was done.
    """

    def __init__(self, **units: dict[str, str]) -> None:
        self.units = {f"{name}.service": dict(one) for name, one in units.items()}
        self.broken: dict[str, int] = {}
        self.told: list[str] = []
        self.later: Callable[[float], None] = lambda _now: None
        self.watch: Callable[[str], None] = lambda _told: None
        self.now = 0.0

    def monotonic(self) -> float:
        """The time of this script."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time go on."""
        self.now += seconds
        self.later(self.now)

    def run(self, command: list[str]) -> Answer:
        """Answer a command."""
        if command[0] == "journalctl":
            return 0, f"the last words of {command[-1].partition('=')[2]}\n", ""
        verb, *words = command[1:]
        if verb == "show":
            return self._shown(words)
        names = [word for word in words if not word.startswith("--")]
        if verb == "--quiet":
            return (0 if self.units[names[1]]["ActiveState"] == "active" else 3), "", ""
        self.told.append(shlex.join([verb, *names]))
        if self.broken.get(self.told[-1], 0) > 0:
            self.broken[self.told[-1]] -= 1
            return 1, "", f"Job for {names[0]} failed."
        for name in names:
            self._change(verb, name)
        if verb == "daemon-reload":
            for unit in self.units.values():
                unit.update(NeedDaemonReload="no")
        self.watch(self.told[-1])
        return 0, "", ""

    def _shown(self, words: Sequence[str]) -> Answer:
        wanted = next(word for word in words if word.startswith("--property=")).partition("=")[2].split(",")
        names = words[words.index("--") + 1 :]
        blocks = [
            "\n".join(f"{name}={value}" for name, value in self.units.get(unit, MISSING).items() if name in wanted)
            for unit in names
        ]
        return 0, "\n\n".join(blocks) + "\n", ""

    def _change(self, verb: str, name: str) -> None:
        unit = self.units.setdefault(name, stopped())
        if verb in ("start", "restart"):
            pid = str(int(unit.get("MainPID", "0")) + 1)
            unit.update(running(time.time_ns() // 1000, MainPID=pid, UnitFileState=unit["UnitFileState"]))
        elif verb == "reload":
            unit.update(StateChangeTimestamp=stamp(time.time_ns() // 1000))
        elif verb == "stop":
            unit.update(ActiveState="inactive", SubState="dead")
        elif verb in ("enable", "disable"):
            unit.update(UnitFileState=f"{verb}d")
