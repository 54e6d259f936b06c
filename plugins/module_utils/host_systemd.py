# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requirements on systemd: units, timers, the journal."""

from __future__ import annotations

import json
import re
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_kind import (
    Kind,
    ParameterError,
    joined,
    pattern,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.net import excerpt

PRIORITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
ENABLED = ("enabled", "enabled-runtime", "alias")
NEVER = ("", "0", "infinity", "n/a")
MAX_ENTRIES = 1000


def properties(host: Host, unit: str, names: list[str], seconds: float) -> dict[str, str]:
    """Properties of a unit as systemctl shows them. Raises CannotCheckError without systemd."""
    wanted = ",".join(dict.fromkeys(["LoadState", *names]))
    ran = host.run(["systemctl", "show", f"--property={wanted}", "--", unit], seconds)
    if ran.status != 0 or "LoadState=" not in ran.out:
        raise CannotCheckError(f"systemctl show: {excerpt(ran.err or ran.out) or 'no answer'}")
    pairs = (line.partition("=") for line in ran.out.splitlines() if "=" in line)
    return {name: value for name, _equals, value in pairs}


class Unit(Kind):
    """A unit's states, and any of its properties."""

    name, category = "unit", "services"
    required = ("name",)
    one_of = ("active", "enabled", "sub", "properties")

    def title(self) -> str:
        return f"Unit {self.params['name']}"

    def expected(self) -> str:
        parts = [
            ("" if value else "not ") + word
            for word in ("active", "enabled")
            if (value := self.params[word]) is not None
        ]
        parts += [self.params["sub"] or ""]
        return joined([*parts, *(f"{n}={v}" for n, v in self._properties().items())])

    def look(self, host: Host) -> tuple[bool, str]:
        names = ["ActiveState", "SubState", "UnitFileState", *self._properties()]
        seen = properties(host, self.params["name"], names, self.seconds)
        if seen["LoadState"] == "not-found" and self._wants_something():
            return False, "no such unit"
        active = seen.get("ActiveState", "") in ("active", "reloading")
        enabled = seen.get("UnitFileState", "") in ENABLED
        met = (
            self.params["active"] in (None, active)
            and self.params["enabled"] in (None, enabled)
            and self.params["sub"] in (None, seen.get("SubState", ""))
            and all(seen.get(name) == value for name, value in self._properties().items())
        )
        states = [seen.get("ActiveState", ""), seen.get("SubState", ""), seen.get("UnitFileState", "")]
        return met, joined([*states, *(f"{n}={seen.get(n, '')}" for n in self._properties())])

    def _properties(self) -> dict[str, str]:
        return {str(n): str(v) for n, v in (self.params["properties"] or {}).items()}

    def _wants_something(self) -> bool:
        return bool(self.params["active"] or self.params["enabled"] or self.params["sub"] or self.params["properties"])


class Timer(Kind):
    """A timer that is enabled, runs, and has a next time."""

    name, category = "timer", "services"
    required = ("name",)
    optional = ("enabled", "active", "next")

    def title(self) -> str:
        return f"Timer {self.unit()}"

    def unit(self) -> str:
        """The unit's name, with its suffix."""
        name: str = self.params["name"]
        return name if name.endswith(".timer") else f"{name}.timer"

    def expected(self) -> str:
        words = {"enabled": "enabled", "active": "active", "next": "with a next time"}
        return joined([word if self._wants(n) else f"not {word}" for n, word in words.items()])

    def _wants(self, name: str) -> bool:
        """A state that is wanted unless the parameter says no."""
        return self.params[name] is not False

    def look(self, host: Host) -> tuple[bool, str]:
        names = ["ActiveState", "UnitFileState", "NextElapseUSecRealtime"]
        names += ["NextElapseUSecMonotonic", "LastTriggerUSec"]
        seen = properties(host, self.unit(), names, self.seconds)
        if seen["LoadState"] == "not-found":
            return False, "no such unit"
        upcoming = [seen.get(n, "") for n in names[2:4]]
        states = {
            "enabled": seen.get("UnitFileState") in ENABLED,
            "active": seen.get("ActiveState") == "active",
            "next": any(value not in NEVER for value in upcoming),
        }
        met = all(state == self._wants(name) for name, state in states.items())
        when = next((value for value in upcoming if value not in NEVER), "never")
        last = seen.get("LastTriggerUSec") or "never"
        texts = [seen.get("UnitFileState", ""), seen.get("ActiveState", "")]
        return met, joined([*texts, f"next {when}", f"last {last}"])


class Journal(Kind):
    """No entries of a priority, since some minutes or in a unit's current run."""

    name, category = "journal", "logs"
    optional = ("unit", "priority", "minutes", "current", "exclude", "maximum_entries")

    def prepare(self) -> None:
        if self.params["priority"] not in PRIORITIES:
            raise ParameterError(f"priority must be one of {', '.join(PRIORITIES)}")
        if self.params["minutes"] <= 0 or self.params["maximum_entries"] < 0:
            raise ParameterError("minutes must be above 0 and maximum_entries at least 0")
        if self.params["current"] and not self.params["unit"]:
            raise ParameterError("current needs unit")
        for text in self.params["exclude"] or []:
            pattern(text)

    def title(self) -> str:
        return f"Journal of {self.params['unit'] or 'the host'}"

    def expected(self) -> str:
        run = "of the current run, " if self.params["current"] else ""
        span = f"{run}of the last {self.params['minutes']:g} minutes"
        most = self.params["maximum_entries"]
        amount = f"at most {most}" if most else "no"
        return f"{amount} entries of priority {self.params['priority']} or worse {span}"

    def look(self, host: Host) -> tuple[bool, str]:
        command = ["journalctl", "--no-pager", "--output=json", f"--lines={MAX_ENTRIES}"]
        command += [f"--since=-{self.params['minutes']:g}min"]
        command += [f"--priority={self.params['priority']}"]
        if self.params["current"]:
            seen = properties(host, self.params["unit"], ["InvocationID"], self.seconds)
            if not seen.get("InvocationID"):
                raise CannotCheckError(f"{self.params['unit']} has no current run")
            command.append(f"_SYSTEMD_INVOCATION_ID={seen['InvocationID']}")
        elif self.params["unit"]:
            command.append(f"--unit={self.params['unit']}")
        entries = self._entries(host, command)
        # Without a readable journal journalctl prints nothing and exits 0.
        if not entries and not self._entries(host, [*command[:3], "--lines=1"]):
            raise CannotCheckError("there is no journal that can be read")
        found = [text for text in entries if not self._excluded(text)]
        most = self.params["maximum_entries"]
        if len(entries) >= MAX_ENTRIES and len(found) <= most:
            raise CannotCheckError(f"only the last {MAX_ENTRIES} entries were looked at, and they do not count")
        seen_text = "none" if not found else f"{len(found)}, the last: {excerpt(found[-1])}"
        return len(found) <= most, seen_text

    def _entries(self, host: Host, command: list[str]) -> list[str]:
        ran = host.run(command, self.seconds)
        if ran.status != 0 or any(text in ran.err for text in UNREADABLE):
            raise CannotCheckError(f"journalctl: {excerpt(ran.err or ran.out) or 'failed'}")
        return messages(ran.out)

    def _excluded(self, text: str) -> bool:
        return any(re.search(one, text) for one in self.params["exclude"] or [])


UNREADABLE = (
    "not seeing messages from other users",
    "insufficient permissions",
    "No journal files were found",
    "No journal files were opened",
)


def messages(out: str) -> list[str]:
    """The messages of entries in JSON; one that is not UTF-8 comes as a list of bytes."""
    found = []
    for line in out.splitlines():
        try:
            entry: dict[str, Any] = json.loads(line)
        except ValueError:
            continue
        message = entry.get("MESSAGE") or ""
        if isinstance(message, list):
            message = bytes(message).decode("utf-8", "replace")
        found.append(str(message))
    return found


KINDS: tuple[type[Kind], ...] = (Unit, Timer, Journal)
