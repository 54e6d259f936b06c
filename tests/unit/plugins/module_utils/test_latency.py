# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Percentiles, summaries and limits, held against their definitions."""

from __future__ import annotations

import itertools
import random

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils.latency import exceeded, percentile, samples, summarise


def test_percentile_is_the_smallest_value_that_enough_others_do_not_exceed() -> None:
    chance = random.Random(1)  # noqa: S311 - the same values each time
    for _ in range(500):
        values = [chance.choice([0.5, 1.0, 2.5, chance.random()]) for _ in range(chance.randint(1, 40))]
        percent = chance.choice([1, 50, 95, 99, 100, chance.uniform(0.1, 100)])
        reached = [v for v in values if sum(w <= v for w in values) * 100 >= percent * len(values) - 1e-9]
        assert percentile(values, percent) == min(reached)


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_percentile_of_nothing(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match=r"^(no values|percent must be)"):
        percentile(values, percent)


def test_summary() -> None:
    assert summarise([10.0, 20.0, 30.0, 40.0], 1) == {
        "count": 5,
        "errors": 1,
        "p50": 20.0,
        "p95": 40.0,
        "p99": 40.0,
        "max": 40.0,
        "mean": 25.0,
        "rate": 40.0,
    }
    nothing = summarise([], 2)
    assert (nothing["count"], nothing["errors"], nothing["p95"], nothing["rate"]) == (2, 2, None, None)


@pytest.mark.parametrize("count", [0, 1, 2, 999, 1000])
def test_up_to_a_thousand_samples_are_all_told(count: int) -> None:
    assert samples([number + 0.00049 for number in range(count)]) == list(range(count))


@pytest.mark.parametrize("count", [1001, 1500, 1999, 2000, 123456])
def test_more_samples_are_thinned_evenly(count: int) -> None:
    told = samples([float(number) for number in range(count)])
    assert (len(told), told[0], told[-1]) == (1000, 0, count - 1)
    steps = {int(after - before) for before, after in itertools.pairwise(told)}
    assert min(steps) >= 1 and max(steps) - min(steps) <= 1


def test_limits() -> None:
    measured = summarise([10.0, 60.5], 0)
    assert exceeded(measured, {"p50": 10.0, "max": 50.0, "mean": None}) == ["max 60.5 ms > 50 ms"]
    assert exceeded(summarise([], 1), {"p95": 50.0}) == ["p95 unknown, limit 50 ms"]
