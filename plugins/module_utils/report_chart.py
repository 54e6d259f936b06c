# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things stand in the drawings of a report.

Across everything is in percent of the width and down in pixels: so a drawing fits any screen, and its words keep
their size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.ridgetop.aidis.plugins.module_utils.latency import percentile
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_input import Latency
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_past import Past, Worst

BINS = 60
STRIP = 48  # Height of the highest bar of a histogram.
RUNS = 72  # Height of the highest bar of the runs.
CURVE = 72
# A sample farther out than so many times of what the rest needs is counted at the edge, or the rest would be one bar.
FAR = 3.0
# Percent that words may take on a narrow screen.
ROOM = 25


@dataclass(frozen=True)
class Bar:
    """A bar; ``y`` is its upper edge, counted from the top of the drawing."""

    x: float
    width: float
    y: float
    height: float
    kind: str = ""
    title: str = ""


@dataclass(frozen=True)
class Mark:
    """A value with a name, and whether its words stand left of it."""

    name: str
    value: float
    x: float
    is_left: bool


@dataclass(frozen=True)
class Strip:
    """The distribution of the samples of one host."""

    host: str
    end: float
    bars: list[Bar]
    marks: dict[str, Mark]
    beyond: int


@dataclass(frozen=True)
class Point:
    """One run: its middle, its value and where that stands."""

    x: float
    y: float
    value: float
    kind: str
    limit_y: float | None = None


@dataclass(frozen=True)
class Curve:
    """The p95 of one kind of call over the runs; None is a run that did not measure it."""

    id: str
    title: str
    end: float
    width: float
    points: list[Point | None]
    worst: list[Worst | None] = field(default_factory=list)

    @property
    def lines(self) -> list[tuple[Point, Point]]:
        """The pairs of neighbours to draw a line between."""
        pairs = zip(self.points, self.points[1:], strict=False)
        return [(one, other) for one, other in pairs if one and other]


def nice(value: float) -> float:
    """Return an end of an axis that is not below a value above zero, and whose quarters are short numbers."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(
        step * power for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10, 12) if step * power >= value * 0.999999
    )


def scale(measured: Sequence[Latency]) -> float:
    """Return the end of the axis, in ms, that the distributions of one kind of call share."""
    samples = [sample for one in measured for sample in one.samples_ms]
    core = [percentile(samples, 98)] if samples else []
    core += [value for one in measured for value in (one.measured.get("p95"), *one.limits.values()) if value]
    farthest = max(samples, default=0)
    needed = max(core, default=0) * 1.1
    return nice(max(min(farthest, needed * FAR), needed, 0.001))


def strip(one: Latency, host: str, end: float) -> Strip:
    """Return the drawing of a distribution on an axis that ends at ``end`` ms."""
    counts = [0] * BINS
    for sample in one.samples_ms:
        counts[min(int(sample / end * BINS), BINS - 1)] += 1
    highest = max(counts) or 1
    width = 100 / BINS
    bars = []
    for number, count in enumerate(counts):
        if count:
            height = max(2.0, STRIP * count / highest)
            bars.append(
                Bar(round(number * width, 3), round(width * 0.86, 3), round(STRIP - height, 1), round(height, 1))
            )
    return Strip(host, end, bars, _marks(one, end), sum(sample > end for sample in one.samples_ms))


def _marks(one: Latency, end: float) -> dict[str, Mark]:
    limit = one.limits.get("p95", next(iter(one.limits.values()), None))
    values = {"limit": limit, "p95": one.measured.get("p95"), "p50": one.measured.get("p50")}
    places = {name: round(min(value / end, 1) * 100, 2) for name, value in values.items() if value is not None}
    # The words of p50 stand away from p95; those of p95 do where the line of the limit would go through them.
    near = 0 <= places.get("limit", -1) - places.get("p95", 0) < ROOM
    left = {"limit": False, "p95": near, "p50": True}
    return {
        name: Mark(name, values[name] or 0, x, x > 100 - ROOM or (left[name] and x > ROOM))
        for name, x in places.items()
    }


def merged(measured: Sequence[Latency]) -> Latency | None:
    """Return the samples of several hosts as those of one; None where a host has sent none."""
    if any(not one.samples_ms for one in measured):
        return None
    samples = [sample for one in measured for sample in one.samples_ms]
    limits = min((one.limits for one in measured), key=lambda limits: limits.get("p95", math.inf))
    summary = {name: percentile(samples, int(name[1:])) for name in ("p50", "p95", "p99")}
    return Latency(measured[0].id, measured[0].title, limits, {**summary, "count": len(samples)}, samples)


def runs(past: Sequence[Past]) -> list[list[Bar]]:
    """Return the bars of each run: failed checks at the bottom, warnings on them."""
    highest = max((one.counts["fail"] + one.counts["warn"] for one in past), default=0) or 1
    width = 100 / max(len(past), 1)
    columns = []
    for number, one in enumerate(past):
        bars, top = [], float(RUNS)
        for kind in ("fail", "warn"):
            count = one.counts[kind]
            if count:
                height = round(max(3.0, RUNS * count / highest), 1)
                top = round(max(top - height, 0), 1)
                title = f"{count} {kind}"
                bars.append(Bar(round((number + 0.2) * width, 3), round(width * 0.6, 3), top, height, kind, title))
        columns.append(bars)
    return columns


def curves(past: Sequence[Past]) -> list[Curve]:
    """Return a curve for each kind of call that the last run measured."""
    drawn = []
    for last in past[-1].latency if past else []:
        found = [next((one for one in run.latency if one.id == last.id), None) for run in past]
        values = [value for one in found if one for value in (one.p95, one.limit) if value]
        end = nice(max(values, default=1) * 1.1)
        width = 100 / len(past)
        points = [_point(one, (number + 0.5) * width, end) if one else None for number, one in enumerate(found)]
        drawn.append(Curve(last.id, last.title, end, round(width, 3), points, found))
    return drawn


def _point(one: Worst, x: float, end: float) -> Point:
    def down(value: float) -> float:
        return round(CURVE * (1 - value / end), 1)

    over = one.limit is not None and one.p95 > one.limit
    limit_y = None if one.limit is None else down(one.limit)
    return Point(round(x, 3), down(one.p95), one.p95, "fail" if over else "pass", limit_y)
