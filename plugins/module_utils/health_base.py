# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the parts of ``aidis-health`` share: sections and samples."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

OK, FAILED, UNKNOWN, SKIPPED = "ok", "failed", "unknown", "skipped"
# The sections of the guide's script, in its order.
TITLES = {
    "service": "Service Status",
    "database": "Database Connectivity",
    "memory": "Memory Usage",
    "disk": "Disk Space",
    "journal": "Recent Error Logs",
}
STAMP = "%Y-%m-%dT%H:%M:%SZ"

Document = dict[str, Any]


class CannotTellError(Exception):
    """It could not be found out; the text is the reason, and no secret."""


class NeedsRightsError(CannotTellError):
    """Whoever asks may not see it."""


@dataclass(frozen=True)
class Section:
    """What one section found. ``lines`` may be read by everybody, ``private`` by those who may read the journal."""

    name: str
    status: str
    lines: list[str]
    facts: Document = field(default_factory=dict)
    private: list[str] = field(default_factory=list)
    # Seconds since it was found out by the last run; None: it was now.
    age: float | None = None

    def document(self) -> Document:
        """The section as JSON holds it, without what is private."""
        told = {"title": TITLES[self.name], "status": self.status, "lines": self.lines, "facts": self.facts}
        return told if self.age is None else {**told, "age_seconds": round(self.age)}


@dataclass(frozen=True)
class Sample:
    """One value of a metric."""

    name: str
    value: float
    labels: dict[str, str] = field(default_factory=dict)


def stamp(seconds: float) -> str:
    """A moment of the clock as text, in UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime(STAMP)


def moment(text: Any) -> float:
    """The moment that ``stamp``, or the ledger, wrote. Raises ValueError."""
    if not isinstance(text, str) or not text.endswith("Z"):
        raise ValueError(f"no moment: {text!r}")
    return datetime.datetime.fromisoformat(text).timestamp()


def lasted(seconds: float) -> str:
    """A time for people."""
    size = max(0, int(seconds))
    return f"{size} s" if size < 120 else f"{size // 60} min" if size < 7200 else f"{size // 3600} h"
