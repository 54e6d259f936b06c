# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Latencies of calls: percentiles, a summary and its limits. All values are milliseconds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

MEASURES = ("p50", "p95", "p99", "max", "mean")
# As many as a drawing of a distribution can show.
MOST_SAMPLES = 1000


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that ``percent`` of the values do not exceed.

    Raises ValueError when there are no values or percent is not in (0, 100].
    """
    if not values:
        raise ValueError("no values")
    if not 0 < percent <= 100:
        raise ValueError("percent must be above 0 and at most 100")
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def summarise(values: Sequence[float], errors: int) -> dict[str, float | int | None]:
    """Summarise calls that took ``values`` ms, beside ``errors`` failed ones.

    ``rate`` is calls a second one after another: answered calls over the time spent in them.
    Without an answered call every measure is None.
    """
    shape: dict[str, float | int | None] = {"count": len(values) + errors, "errors": errors}
    if not values:
        return {**shape, **dict.fromkeys(MEASURES), "rate": None}
    total = sum(values)
    measures = {
        "p50": percentile(values, 50),
        "p95": percentile(values, 95),
        "p99": percentile(values, 99),
        "max": max(values),
        "mean": total / len(values),
    }
    shape.update({name: round(value, 3) for name, value in measures.items()})
    shape["rate"] = round(1000 * len(values) / total, 3) if total else None
    return shape


def samples(values: Sequence[float]) -> list[float]:
    """The values to three places, in their order: all of them, or MOST_SAMPLES at equal distances, ends included."""
    last = len(values) - 1
    if last < MOST_SAMPLES:
        return [round(value, 3) for value in values]
    return [round(values[place * last // (MOST_SAMPLES - 1)], 3) for place in range(MOST_SAMPLES)]


def exceeded(measured: Mapping[str, float | int | None], limits: Mapping[str, float | None]) -> list[str]:
    """Name each limit that is broken, such as ``p95 61.2 ms > 50 ms``; no value breaks any limit."""
    broken = []
    for name, limit in limits.items():
        if limit is None:
            continue
        value = measured.get(name)
        if value is None:
            broken.append(f"{name} unknown, limit {limit:g} ms")
        elif value > limit:
            broken.append(f"{name} {value:g} ms > {limit:g} ms")
    return broken
