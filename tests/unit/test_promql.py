# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reader of PromQL finds the series of an expression, and nothing else."""

from __future__ import annotations

import pytest
from ansible_collections.ridgetop.aidis.tests.unit import promql


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("a", {"a"}),
        ("a:b:c{} == 0", {"a:b:c"}),
        ('sum by (x, y) (rate(a_total{x="sum(b)"}[5m]))', {"a_total"}),
        ("sum(a) by (x)", {"a"}),
        ("min without (x) (a) / max(b)", {"a", "b"}),
        ("a / on (x) group_left (y) b", {"a", "b"}),
        ("a * on (x) group_left b", {"a", "b"}),
        ("a or b unless c and d", {"a", "b", "c", "d"}),
        ("a offset 23h30m > bool 1e9", {"a"}),
        ("max_over_time(a[1h:5m] @ end()) # b", {"a"}),
        ('label_replace(absent(up{job="x"}), "instance", "all", "", "")', {"up"}),
        ("time() - -Inf", set()),
        ("histogram_quantile(0.95, sum by (le) (rate(a_bucket[5m])))", {"a_bucket"}),
        ("a[$__rate_interval] + b{$scope}", {"a", "b"}),
    ],
)
def test_names(expression: str, names: set[str]) -> None:
    assert promql.names(expression) == names


def test_matchers() -> None:
    (selector,) = promql.selectors('a{b="c",d=~"e|f{2}",g!="",}')
    assert selector == ("a", (("b", "=", "c"), ("d", "=~", "e|f{2}"), ("g", "!=", "")), True)
    assert promql.selectors("a")[0].braced is False


@pytest.mark.parametrize("expression", ['{__name__=~"a.*"}', "a{", "a[5m", "a ~ b"])
def test_what_cannot_be_told_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        promql.selectors(expression)
