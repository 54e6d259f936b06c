# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one shape of a check, wherever in the collection it is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

SEVERITIES = ("critical", "warning", "info")
STATUSES = ("pass", "fail", "warn", "skip")


@dataclass(frozen=True)
class Check:
    """The result of one check; ``reason`` says why it was skipped and is empty otherwise."""

    id: str
    title: str
    category: str
    severity: str
    status: str
    expected: str
    observed: str
    hint: str
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the check as it stands in a module's result: ``reason`` only where skipped."""
        shape = asdict(self)
        if self.status != "skip":
            del shape["reason"]
        return shape


@dataclass(frozen=True)
class Subject:
    """What a check is about, before anything was looked at."""

    id: str
    title: str
    category: str
    severity: str = "critical"
    hint: str = ""

    def result(self, met: bool, expected: str, observed: str) -> Check:
        """A requirement that is not met fails when critical and warns otherwise."""
        unmet = "fail" if self.severity == "critical" else "warn"
        return self._check("pass" if met else unmet, expected, observed)

    def warned(self, expected: str, observed: str) -> Check:
        """Met, but with something that a person should look at."""
        return self._check("warn", expected, observed)

    def skipped(self, expected: str, reason: str) -> Check:
        """Could not be looked at here: neither met nor unmet."""
        return self._check("skip", expected, "", reason)

    def _check(self, status: str, expected: str, observed: str, reason: str = "") -> Check:
        return Check(
            self.id,
            self.title,
            self.category,
            self.severity,
            status,
            expected,
            observed,
            self.hint,
            reason,
        )


def summary(checks: Iterable[Check]) -> dict[str, int]:
    """Count the checks by status, with ``total``."""
    counts = dict.fromkeys(STATUSES, 0)
    for check in checks:
        counts[check.status] += 1
    return {"total": sum(counts.values()), **counts}


def failed(checks: Iterable[Check]) -> list[Check]:
    """The checks that failed, in their order."""
    return [check for check in checks if check.status == "fail"]


def failure_message(checks: Sequence[Check], what: str, spent: str = "") -> str:
    """One message that names every failed check: what was expected, what was seen, what to do."""
    bad = failed(checks)
    lines = [f"{len(bad)} of {len(checks)} {what} failed{spent and ' '}{spent}:"]
    for check in bad:
        line = f"- {check.id} ({check.title}): expected {check.expected}; observed {check.observed}"
        lines.append(f"{line}. {check.hint}" if check.hint else line)
    return "\n".join(lines)
