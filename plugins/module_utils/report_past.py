# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a later report needs of an earlier one: its verdict, its counts and its p95 of each kind of call."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import STATUSES
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_reader import Number, Reader

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True)
class Worst:
    """The highest p95 of one kind of call over all hosts, in milliseconds, and the limit there."""

    id: str
    title: str
    host: str
    p95: Number
    limit: Number | None


@dataclass(frozen=True)
class Past:
    """One report, as a point of the trend."""

    name: str
    when: str
    verdict: str
    counts: dict[str, int]
    latency: list[Worst]


def worst(measured: list[Worst]) -> list[Worst]:
    """Return the highest of each id, in the order in which the ids are first met."""
    highest: dict[str, Worst] = {}
    for one in measured:
        if one.id not in highest or one.p95 > highest[one.id].p95:
            highest[one.id] = one
    # A key that is assigned anew keeps its place.
    return list(highest.values())


def read(name: str, content: Any, inventory: str) -> Past:
    """Return the point of a report.json. Raises ValueError where it is damaged, or of another inventory."""
    reader = Reader(content, "report.json")
    if reader.number("format") != 1:
        raise ValueError("report.json: it has another format")
    if reader.line("inventory", "") != inventory:
        raise ValueError("report.json: it is of another inventory")
    when = reader.line("when")
    if not STAMP.fullmatch(when):
        raise ValueError("report.json.when: no time")
    counts = reader.inner("summary")
    hosts = reader.inner("hosts")
    measured = [found for host in hosts.names() for found in _of_host(host, hosts.inner(host))]
    return Past(
        name=name,
        when=when,
        verdict=reader.choice("verdict", ("pass", "warn", "fail")),
        counts={status: int(counts.number(status)) for status in ("total", *STATUSES)},
        latency=worst(measured),
    )


def _of_host(host: str, reader: Reader) -> list[Worst]:
    found: list[Worst] = []
    for one in reader.each("latency", Reader):
        p95 = one.inner("measured").numbers().get("p95")
        if p95 is not None:
            limit = one.inner("limits").numbers().get("p95")
            found.append(Worst(one.line("id"), one.line("title"), host, p95, limit))
    return found
