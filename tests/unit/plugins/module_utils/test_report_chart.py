# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things stand in the drawings."""

from __future__ import annotations

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import report_chart as chart
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_input import Latency
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_past import Past, Worst, worst
from hypothesis import given
from hypothesis import strategies as st

Numbers = list[int | float]


def calls(samples: Numbers, limit: float | None = 50, **measured: float | None) -> Latency:
    return Latency("new", "New", {} if limit is None else {"p95": limit}, dict(measured), samples)


@pytest.mark.parametrize(
    ("value", "end"), [(0.3, 0.32), (1, 1), (1.1, 1.2), (55, 60), (104, 120), (999, 1000), (1e-3, 1e-3)]
)
def test_an_axis_ends_at_a_short_number(value: float, end: float) -> None:
    assert chart.nice(value) == pytest.approx(end)


def test_the_axis_holds_samples_and_limit() -> None:
    assert chart.scale([calls([10, 20, 30])]) == 60
    assert chart.scale([calls([10, 20, 30], limit=None)]) == 40
    assert chart.scale([calls([], limit=None)]) == pytest.approx(0.001)


def test_a_sample_far_out_is_counted_at_the_edge_and_told() -> None:
    one = calls([10.0] * 99 + [100_000.0])
    end = chart.scale([one])
    strip = chart.strip(one, "a", end)
    assert end <= 200 and strip.beyond == 1
    assert strip.bars[-1].x + strip.bars[-1].width <= 100 and len(strip.bars) == 2


@given(st.lists(st.floats(0, 1e9), max_size=60), st.floats(0, 1e6) | st.none())
def test_every_drawing_stays_in_its_frame(samples: Numbers, limit: float | None) -> None:
    one = calls(samples, limit, p50=min(samples, default=None), p95=max(samples, default=None))
    strip = chart.strip(one, "a", chart.scale([one]))
    assert all(bar.x >= 0 and bar.x + bar.width <= 100.1 for bar in strip.bars)
    assert all(bar.y >= 0 and bar.y + bar.height == pytest.approx(chart.STRIP, abs=0.2) for bar in strip.bars)
    assert all(0 <= mark.x <= 100 for mark in strip.marks.values())


def test_words_do_not_leave_the_drawing_nor_cross_the_limit() -> None:
    marks = chart.strip(calls([], 50, p50=20, p95=45), "a", 60).marks
    assert marks["limit"].is_left and marks["p95"].is_left and marks["p50"].is_left
    marks = chart.strip(calls([], 50, p50=1, p95=20), "a", 100).marks
    assert not marks["limit"].is_left and not marks["p95"].is_left and not marks["p50"].is_left


def test_hosts_are_drawn_as_one_where_all_have_sent_samples() -> None:
    together = chart.merged([calls([1, 2], 50), calls([3, 4], 40)])
    assert together and together.measured["p50"] == 2 and together.limits == {"p95": 40}
    assert chart.merged([calls([1]), calls([])]) is None


def run(fail: int, warn: int, p95: float | None = None) -> Past:
    counts = {"total": fail + warn, "pass": 0, "fail": fail, "warn": warn, "skip": 0}
    return Past("x", "2026-11-25T01:30:00Z", "pass", counts, [Worst("new", "New", "a", p95, 50)] if p95 else [])


def test_the_bars_of_a_run_stand_on_each_other() -> None:
    columns = chart.runs([run(0, 0), run(1, 1000), run(3, 0)])
    assert [[bar.kind for bar in bars] for bars in columns] == [[], ["fail", "warn"], ["fail"]]
    failed, warned = columns[1]
    assert failed.y + failed.height == chart.RUNS and warned.y >= 0 and failed.height >= 3


def test_a_curve_has_gaps_where_a_run_measured_nothing() -> None:
    (curve,) = chart.curves([run(0, 0, 20), run(0, 0), run(0, 0, 30), run(0, 0, 60)])
    assert [point and point.kind for point in curve.points] == ["pass", None, "pass", "fail"]
    assert [(one.value, other.value) for one, other in curve.lines] == [(30, 60)]
    assert all(0 <= point.y <= chart.CURVE for point in curve.points if point)
    assert chart.curves([run(0, 0, 20), run(0, 0)]) == [], "nobody looks for what is no longer measured"


def test_the_worst_host_of_each_kind_of_call() -> None:
    measured = [Worst("a", "A", "one", 1, None), Worst("b", "B", "one", 9, 5), Worst("a", "A", "two", 2, None)]
    assert [(one.id, one.host) for one in worst(measured)] == [("a", "two"), ("b", "one")]
