# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report for the terminal: what failed first, then what else is worth knowing, in plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import STATUSES
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_input import Host
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_model import Found, Report, stamp

WORDS = {"pass": "PASS", "warn": "WARNING", "fail": "FAIL"}
# So many reasons of skipped checks are told.
REASONS = 5
# Characters of a value; the page has all of it.
LONGEST = 500


def text(report: Report, page: str) -> str:
    """Return the table. ``page`` is the path of report.html, or empty where none was written."""
    sections = [
        list(part(report)) for part in (_head, _failures, _warnings, _skips, _latency, _counts, _timings, _left_out)
    ]
    if page:
        sections.append([f"Report: {page}"])
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def message(report: Report, page: str) -> str:
    """Return one message with all critical checks that failed, on all hosts, and the report to open."""
    bad = report.critical
    closing = [f"The report: {page}"] if page else []
    if not bad:
        outcome = {"pass": "Everything is as it should be", "warn": "No critical check failed, but not all is well"}
        counted = ", ".join(_count(report.summary[status], status) for status in STATUSES)
        return "\n".join([f"{outcome[report.verdict]}: {counted}.", *closing])
    hosts = len({one.host for one in bad})
    lines = [f"{_number(len(bad), 'critical check')} failed on {_number(hosts, 'host')}:"]
    for one in bad:
        lines.append(
            f"- {one.host}: {one.check.title} ({one.check.id}): expected {_short(one.check.expected)}; "
            f"observed {_short(one.check.observed)}."
        )
        if one.check.hint:
            lines.append(f"  {_short(one.check.hint)}")
    return "\n".join([*lines, *closing])


def table(rows: Sequence[Sequence[str]], right: int = 99) -> Iterator[str]:
    """Yield the rows with aligned columns; those from the number ``right`` on are set to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if column >= right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"  {'  '.join(cells)}".rstrip()


def _head(report: Report) -> Iterator[str]:
    yield f"{report.title}: {WORDS[report.verdict]}"
    yield f"  inventory {report.inventory or '-'}, {_number(len(report.hosts), 'host')}, {stamp(report.when)}"


def _failures(report: Report) -> Iterator[str]:
    if report.failures:
        yield f"Failed ({len(report.failures)})"
    for one in report.failures:
        yield from _told("FAIL" if one.check.severity == "critical" else f"FAIL ({one.check.severity})", one)


def _warnings(report: Report) -> Iterator[str]:
    if report.warnings:
        yield f"Warnings ({len(report.warnings)})"
    for one in report.warnings:
        yield from _told("WARN", one)


def _told(word: str, one: Found) -> Iterator[str]:
    yield f"  {word}  {one.host}  {one.check.title} ({one.check.id})"
    for label, value in (
        ("expected", one.check.expected),
        ("observed", one.check.observed),
        ("to do", one.check.hint),
    ):
        if value:
            first, *more = _short(value).split("\n")
            yield f"        {label:<9} {first}"
            yield from (f"        {'':<9} {line}" for line in more)


def _skips(report: Report) -> Iterator[str]:
    if not report.skips:
        return
    reasons = Counter(_short(one.check.reason).replace("\n", " ") or "no reason given" for one in report.skips)
    yield f"Skipped ({len(report.skips)})"
    for reason, count in reasons.most_common(REASONS):
        yield f"  {count:>5}  {reason}"
    if len(reasons) > REASONS:
        yield f"         and {_number(len(reasons) - REASONS, 'other reason')}"


def _latency(report: Report) -> Iterator[str]:
    measured = [(host, one) for host in report.hosts for one in host.latency]
    if not measured:
        return
    yield "Latency (ms)"
    rows = [["host", "call", "p50", "p95", "limit", "max", "calls", "errors"]]
    for host, one in measured:
        numbers = [one.measured.get(name) for name in ("p50", "p95")]
        numbers += [one.limits.get("p95"), *(one.measured.get(name) for name in ("max", "count", "errors"))]
        rows.append([host.name, one.title, *("-" if number is None else f"{number:g}" for number in numbers)])
    yield from table(rows, 2)


def _counts(report: Report) -> Iterator[str]:
    if not report.found:
        return
    yield f"Checks ({report.summary['total']})"
    rows = [["host", "category", *STATUSES]]
    for host, categories in report.summary["hosts"].items():
        for number, (category, counts) in enumerate(categories.items()):
            rows.append(["" if number else host, category, *(str(counts[status] or "-") for status in STATUSES)])
    rows.append(["all", "", *(str(report.summary[status] or "-") for status in STATUSES)])
    yield from table(rows, 2)


def longest(hosts: Sequence[Host]) -> list[tuple[str, str, float]]:
    """Return each stage with the host that took longest and its seconds: hosts work side by side."""
    stages: dict[str, tuple[str, float]] = {}
    for host in hosts:
        for timing in host.timings:
            if timing.stage not in stages or timing.seconds > stages[timing.stage][1]:
                stages[timing.stage] = (host.name, timing.seconds)
    return [(stage, host, seconds) for stage, (host, seconds) in stages.items()]


def _timings(report: Report) -> Iterator[str]:
    stages = longest(report.hosts)
    if stages:
        yield "Time by stage (s, of the slowest host)"
        yield from table([[stage, host, f"{seconds:.1f}"] for stage, host, seconds in stages], 2)


def _left_out(report: Report) -> Iterator[str]:
    if report.left_out:
        yield "Earlier reports that the trend leaves out"
        yield from (f"  {reason}" for reason in report.left_out)


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[:LONGEST]} ..."


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _count(count: int, status: str) -> str:
    return f"{count} {dict(zip(STATUSES, ('passed', 'failed', 'warned', 'skipped'), strict=True))[status]}"
