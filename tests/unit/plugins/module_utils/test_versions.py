# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions as dotted numbers."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils.versions import at_least, at_most, parse


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v20.19.2", (20, 19, 2)),
        ("psql (PostgreSQL) 17.6 (Debian 17.6-1)", (17, 6)),
        ("18", (18,)),
        ("3.10", (3, 10)),
    ],
)
def test_parse(text: str, version: tuple[int, ...]) -> None:
    assert parse(text) == version


def test_no_version() -> None:
    with pytest.raises(ValueError, match="no version in 'none'"):
        parse("none")


def test_order_agrees_with_that_of_numbers_of_equal_width() -> None:
    versions = list(itertools.product((0, 2, 10), repeat=3))
    for one, other in itertools.product(versions, repeat=2):
        assert at_least(one, other) == (one >= other)
        assert at_most(one, other) == (one <= other)


@pytest.mark.parametrize(
    ("version", "minimum", "met"),
    [((18,), (18, 0), True), ((18, 0), (18,), True), ((3, 9), (3, 11), False), ((18,), (18, 0, 1), False)],
)
def test_at_least_with_absent_numbers(version: tuple[int, ...], minimum: tuple[int, ...], met: bool) -> None:
    assert at_least(version, minimum) is met


@pytest.mark.parametrize(
    ("version", "maximum", "met"),
    [((20, 19), (20,), True), ((21,), (20,), False), ((20, 19), (20, 18), False), ((20,), (20, 0), True)],
)
def test_a_maximum_counts_as_far_as_it_goes(version: tuple[int, ...], maximum: tuple[int, ...], met: bool) -> None:
    assert at_most(version, maximum) is met
