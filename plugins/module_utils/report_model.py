# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as data: what report.json holds, and what the other files and the terminal are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import STATUSES, Check, failed, summary
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_input import Host, Latency
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_past import Past, Worst, worst

FORMAT = 1
GENERATOR = "ridgetop.aidis.report"
VERDICTS = ("pass", "warn", "fail")


@dataclass(frozen=True)
class Found:
    """A check of a host."""

    host: str
    check: Check


@dataclass(frozen=True)
class Report:
    """One report, and the earlier ones that it is compared with, oldest first."""

    title: str
    inventory: str
    command: str
    when: datetime
    hosts: list[Host]
    past: list[Past]
    left_out: list[str]

    @cached_property
    def found(self) -> list[Found]:
        """All checks, host by host."""
        return [Found(host.name, check) for host in self.hosts for check in host.checks]

    @property
    def critical(self) -> list[Found]:
        """The critical checks that failed: they decide the verdict."""
        return [one for one in self.failures if one.check.severity == "critical"]

    @property
    def failures(self) -> list[Found]:
        """The checks that failed, critical ones first."""
        bad = [Found(host.name, check) for host in self.hosts for check in failed(host.checks)]
        return sorted(bad, key=lambda one: one.check.severity != "critical")

    @property
    def warnings(self) -> list[Found]:
        """The checks that warned."""
        return [one for one in self.found if one.check.status == "warn"]

    @property
    def skips(self) -> list[Found]:
        """The checks that could not be made."""
        return [one for one in self.found if one.check.status == "skip"]

    @property
    def verdict(self) -> str:
        """One of VERDICTS. Where no check was made nothing is proved, and that is a warning."""
        if self.critical:
            return "fail"
        made = any(one.check.status != "skip" for one in self.found)
        return "warn" if self.failures or self.warnings or not made else "pass"

    @cached_property
    def categories(self) -> list[str]:
        """The categories of all hosts, in the order in which they are first met."""
        return list(dict.fromkeys(one.check.category for one in self.found))

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Counts by status, and in ``hosts`` the same for each host and category."""
        return {
            **summary(one.check for one in self.found),
            "hosts": {host.name: by_category(host.checks) for host in self.hosts},
        }

    @property
    def point(self) -> Past:
        """This report as the last point of the trend."""
        counts = {name: count for name, count in self.summary.items() if name != "hosts"}
        measured = [
            Worst(one.id, one.title, host.name, one.measured["p95"] or 0, one.limits.get("p95"))
            for host in self.hosts
            for one in host.latency
            if one.measured.get("p95") is not None
        ]
        return Past("", stamp(self.when), self.verdict, counts, worst(measured))

    def as_dict(self) -> dict[str, Any]:
        """Return what report.json holds. The two first keys tell that a file is a report of ours."""
        return {
            "format": FORMAT,
            "generator": GENERATOR,
            "title": self.title,
            "inventory": self.inventory,
            "command": self.command,
            "when": stamp(self.when),
            "verdict": self.verdict,
            "summary": self.summary,
            "failed": failed_checks(self.critical),
            "hosts": {host.name: _host(host) for host in self.hosts},
            "trend": [asdict(past) for past in self.past],
            "left_out": self.left_out,
        }


def stamp(when: datetime) -> str:
    """Return a time in UTC as in RFC 3339, to the second."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def by_category(checks: Sequence[Check]) -> dict[str, dict[str, int]]:
    """Return the counts by status of each category, without a total."""
    counts: dict[str, dict[str, int]] = {}
    for check in checks:
        counts.setdefault(check.category, dict.fromkeys(STATUSES, 0))[check.status] += 1
    return counts


def failed_checks(found: Iterable[Found]) -> list[dict[str, str]]:
    """Return the checks as the result of the task has them."""
    keys = ("id", "title", "expected", "observed", "hint")
    return [{"host": one.host, **{key: getattr(one.check, key) for key in keys}} for one in found]


def _host(host: Host) -> dict[str, Any]:
    return {
        "groups": host.groups,
        "checks": [check.as_dict() for check in host.checks],
        "latency": [_latency(latency) for latency in host.latency],
        "release": host.release,
        "ledger": host.ledger,
        "timings": [asdict(timing) for timing in host.timings],
    }


def _latency(latency: Latency) -> dict[str, Any]:
    return {**asdict(latency), "exceeded": latency.exceeded}
