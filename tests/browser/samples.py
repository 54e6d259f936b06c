#!/usr/bin/env python3
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write reports of made-up hosts, to be looked at and to be tested in a browser.

samples.py DIRECTORY
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ansible_collections.ridgetop.aidis.plugins.action import report as action
from ansible_collections.ridgetop.aidis.plugins.module_utils import report_input, report_store
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_model import Report
from ansible_collections.ridgetop.aidis.tests.browser.sample_hosts import (
    FINDINGS,
    HOSTILE,
    Values,
    changed,
    fleet,
    healthy,
    hostile,
    nothing,
)

NOW = datetime(2026, 11, 26, 1, 30, tzinfo=UTC)
TITLE = "AIDIS verification"
COMMAND = "ansible-playbook ridgetop.aidis.verify -i inventories/prod"


def write(
    dest: Path, hosts: Values, when: datetime = NOW, command: str = COMMAND, title: str = "AIDIS verification"
) -> None:
    """Write one report as the action does."""
    past, left_out = report_store.earlier(str(dest), 20, "prod")
    read = report_input.read(hosts)
    report = Report(title, "prod", command, when, read, past, left_out)
    report_store.add(str(dest), when, action.files(report))


def with_past(dest: Path, hosts: Values, runs: int = 14) -> None:
    """Write a report after earlier ones, of which some were not well and one was damaged since."""
    for number in range(runs):
        host = healthy(f"past{number}", 14 + number * 0.6 + (number == 9) * 22)
        if number % 5 == 3:
            host = changed(host, FINDINGS[3])
        if number in (4, 9):
            host = changed(host, *FINDINGS[:2])
        write(dest, {"aidis.example.org": host}, NOW - timedelta(days=runs - number))
    damaged = dest / report_store.name_of(NOW - timedelta(days=runs - 1)) / "report.json"
    damaged.write_text("{", encoding="utf-8")
    write(dest, hosts)


SAMPLES: dict[str, Callable[[Path], None]] = {
    "pass": lambda dest: with_past(dest, {"aidis.example.org": healthy("one")}),
    "fail": lambda dest: with_past(dest, {"aidis.example.org": changed(healthy("one", 21), *FINDINGS)}),
    "fleet": lambda dest: with_past(dest, fleet(40), 3),
    "hostile": lambda dest: write(dest, hostile(), command=HOSTILE[0], title=HOSTILE[1]),
    "nothing": lambda dest: write(dest, nothing(), command=""),
}

if __name__ == "__main__":
    for sample, make in SAMPLES.items():
        make(Path(sys.argv[1]) / sample)
