# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report of ``aidis-health`` for people: on a terminal, and a line of the health log."""

from __future__ import annotations

from ansible_collections.ridgetop.aidis.plugins.module_utils import report_clean
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_base import (
    FAILED,
    OK,
    SKIPPED,
    TITLES,
    UNKNOWN,
    Section,
    lasted,
    stamp,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_report import Report

WORDS = {OK: "ok", FAILED: "FAILED", UNKNOWN: "unknown", SKIPPED: "skipped"}
COLOURS = {OK: "32", FAILED: "1;31", UNKNOWN: "33", SKIPPED: "33"}
RESULTS = ("Every section is as it should be.", "At least one section failed.", "Something could not be found out.")


def terminal(report: Report, colours: bool) -> str:
    """The guide's sections, one under the other."""
    heading = f"AIDIS Production System Health Check - {stamp(report.at)}"
    lines = [heading, "=" * len(heading)]
    for section in report.sections:
        word = WORDS[section.status]
        shown = f"\033[{COLOURS[section.status]}m{word}\033[0m" if colours else word
        age = "" if section.age is None else f" (by the last run, {lasted(section.age)} ago)"
        lines += [f"{TITLES[section.name]}: {shown}{age}", *_inside(section), ""]
    lines += ["Release:", f"  {_release(report)}", "", RESULTS[report.status]]
    return "\n".join(lines) + "\n"


def entry(report: Report) -> str:
    """One line, and under it what the sections say that are not met."""
    words = [f"{section.name}={WORDS[section.status]}" for section in report.sections]
    release = report_clean.line(report.release.get("id", "none"))
    result = ("ok", "FAILED", "unknown")[report.status]
    lines = [f"{stamp(report.at)} {result} {' '.join(words)} release={release}"]
    for section in report.sections:
        if section.status in (FAILED, UNKNOWN):
            lines += [f"  {section.name}: {line.strip()}" for line in _inside(section)]
    return "\n".join(lines) + "\n"


def _inside(section: Section) -> list[str]:
    return [f"  {report_clean.line(line)}" for line in [*section.lines, *section.private]]


def _release(report: Report) -> str:
    if not report.config.ledger:
        return "this host runs none"
    if not report.release:
        return "none, or the ledger cannot be read"
    about = ", ".join(part for part in (report.release["version"], report.release["result"]) if part)
    return report_clean.line(f"{report.release['id']} ({about}), since {report.release['since'][:19]}Z")
