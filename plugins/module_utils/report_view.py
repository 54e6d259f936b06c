# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the page of a report shows, put together so that its template only has to lay it out."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import report_chart as chart
from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import STATUSES, Check
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_input import Host, Latency
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_model import Found, Report
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_text import longest

# With more hosts the distributions of all of them are drawn as one, and each by itself where one asks for it.
FEW = 4


@dataclass(frozen=True)
class Same:
    """One check that came out the same way on several hosts."""

    check: Check
    hosts: list[Found]


@dataclass(frozen=True)
class Calls:
    """One kind of call on all hosts that made it."""

    id: str
    title: str
    rows: list[tuple[str, Latency]]
    shown: list[chart.Strip]
    folded: list[chart.Strip]
    end: float

    @property
    def broken(self) -> list[str]:
        """The hosts on which a limit is broken."""
        return [host for host, one in self.rows if one.exceeded]


@dataclass(frozen=True)
class Ledger:
    """The ledger of releases that one or more hosts have."""

    hosts: list[str]
    columns: list[str]
    rows: list[dict[str, Any]]


def view(report: Report) -> dict[str, Any]:
    """Return the variables of the template."""
    runs = [*report.past, report.point]
    return {
        "report": report,
        "statuses": STATUSES,
        "failures": same(report.failures),
        "warnings": same(report.warnings),
        "skips": skipped(report.skips),
        "calls": calls(report.hosts),
        "releases": [host for host in report.hosts if host.release],
        "release_columns": columns(host.release for host in report.hosts),
        "ledgers": ledgers(report.hosts),
        "runs": runs,
        "run_bars": chart.runs(runs),
        "curves": chart.curves(runs),
        "stages": longest(report.hosts),
        "heights": {"strip": chart.STRIP, "runs": chart.RUNS, "curve": chart.CURVE},
    }


def same(found: Iterable[Found]) -> list[Same]:
    """Return the checks, those together that differ in the host and in what was observed alone."""
    groups: dict[Hashable, Same] = {}
    for one in found:
        check = one.check
        key = (check.id, check.title, check.category, check.severity, check.status, check.expected, check.hint)
        groups.setdefault(key, Same(check, [])).hosts.append(one)
    return list(groups.values())


def skipped(found: Iterable[Found]) -> dict[str, list[Same]]:
    """Return the skipped checks by reason, the most frequent reason first."""
    reasons: dict[str, list[Found]] = {}
    for one in found:
        reasons.setdefault(one.check.reason or "No reason was given.", []).append(one)
    ordered = sorted(reasons.items(), key=lambda item: -len(item[1]))
    return {reason: same(checks) for reason, checks in ordered}


def calls(hosts: Iterable[Host]) -> list[Calls]:
    """Return the kinds of calls, each with its distributions on one axis."""
    kinds: dict[str, list[tuple[str, Latency]]] = {}
    for host in hosts:
        for one in host.latency:
            kinds.setdefault(one.id, []).append((host.name, one))
    made = []
    for name, rows in kinds.items():
        end = chart.scale([one for _host, one in rows])
        strips = [chart.strip(one, host, end) for host, one in rows]
        together = chart.merged([one for _host, one in rows]) if len(rows) > FEW else None
        shown = [chart.strip(together, f"all {len(rows)} hosts", end)] if together else strips[:FEW]
        folded = strips if together else strips[FEW:]
        made.append(Calls(name, rows[0][1].title, rows, shown, folded, end))
    return made


def columns(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Return the names of all columns, in the order in which they are first met."""
    return list(dict.fromkeys(name for row in rows for name in row))


def ledgers(hosts: Iterable[Host]) -> list[Ledger]:
    """Return the ledgers; hosts that have the same one stand together."""
    found: list[Ledger] = []
    for host in hosts:
        if not host.ledger:
            continue
        known = next((one for one in found if one.rows == host.ledger), None)
        if known:
            known.hosts.append(host.name)
        else:
            found.append(Ledger([host.name], columns(host.ledger), host.ledger))
    return found
