# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of PostgreSQL as plain ones, and expected values of the same type."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils.comparison import Comparison
from ansible_collections.ridgetop.aidis.plugins.module_utils.database_values import alike, plain, textual

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        ("text", "text"),
        (Decimal("3.00"), 3),
        (Decimal("0.95"), 0.95),
        (Decimal("1e40"), 1e40),
        (Decimal("1e400"), math.inf),
        (Decimal("-Infinity"), -math.inf),
        (timedelta(days=1, seconds=1), 86401),
        (timedelta(milliseconds=1500), 1.5),
        (memoryview(b"\x00\xff"), "\\x00ff"),
        ([Decimal(1), [None]], [1, [None]]),
        ({"a": [1]}, {"a": [1]}),
        (NOON.replace(tzinfo=None), NOON),
        (date(2026, 1, 31), datetime(2026, 1, 31, tzinfo=UTC)),
        (time(10, 30), "10:30:00"),
        (range(1), "range(0, 1)"),
    ],
)
def test_plain(value: Any, expected: Any) -> None:
    found = plain(value)
    assert (found, type(found)) == (expected, type(expected))


def test_what_is_no_number_is_told_as_such() -> None:
    assert math.isnan(plain(Decimal("NaN")))


@pytest.mark.parametrize(
    ("expected", "observed", "read"),
    [
        ("5", 3, 5),
        ("5.50", 3, 5.5),
        ("many", 3, "many"),
        ("1e999999999", 3, "1e999999999"),
        (5, "5", 5),
        ("5", "text", "5"),
        ("On", False, True),
        ("f", False, False),
        ("1", True, "1"),
        (1, True, 1),
        (["1", "2"], 2, [1, 2]),
        ("2", [None, 1], 2),
        (["2", None], [1], [2, None]),
        (["a"], [], ["a"]),
        ("a", {"a": 1}, "a"),
        ("2026-01-31T13:00:00+01:00", NOON, NOON),
        ("2026-01-31 12:00", NOON, NOON),
        ("tomorrow", NOON, "tomorrow"),
        (5, NOON, 5),
    ],
)
def test_alike(expected: Any, observed: Any, read: Any) -> None:
    found = alike(expected, observed)
    assert (found, type(found)) == (read, type(read))


def test_a_fraction_equals_the_number_that_yaml_has() -> None:
    for operator in ("eq", "le", "ge"):
        assert Comparison(operator, 0.95).of(plain(Decimal("0.95")))[0]


def test_moments_as_text() -> None:
    assert textual([NOON, 1]) == ["2026-01-31 12:00:00+00:00", 1]
