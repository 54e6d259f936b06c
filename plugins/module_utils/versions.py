# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions as dotted numbers, compared number by number."""

from __future__ import annotations

import re

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


def parse(text: str) -> tuple[int, ...]:
    """The first dotted number in a text: ``v20.19.2`` is (20, 19, 2). Raises ValueError."""
    match = _NUMBERS.search(text)
    if match is None:
        raise ValueError(f"no version in '{text}'")
    return tuple(int(part) for part in match.group().split("."))


def at_least(version: tuple[int, ...], minimum: tuple[int, ...]) -> bool:
    """Whether a version is the minimum or later; absent numbers are zero."""
    width = max(len(version), len(minimum))
    return _padded(version, width) >= _padded(minimum, width)


def at_most(version: tuple[int, ...], maximum: tuple[int, ...]) -> bool:
    """Whether a version does not exceed the maximum in as many numbers as that has.

    20.19 is at most 20, for a maximum of 20 means "no 21".
    """
    return _padded(version, len(maximum))[: len(maximum)] <= maximum


def _padded(version: tuple[int, ...], width: int) -> tuple[int, ...]:
    return version + (0,) * (width - len(version))
