# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of PostgreSQL as values that YAML can write, and expected values of the same type as observed ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "t"), True),
    **dict.fromkeys(("false", "no", "off", "f"), False),
}
# A whole number of this size or more is a float, which is told by its exponent and not by thousands of digits.
_LARGEST_WHOLE = 10**30


def plain(value: Any) -> Any:
    """A value that psycopg2 gives: null, a boolean, a number, text, an aware moment, or a list or mapping of those.

    Dates are their midnight and moments without a zone are in UTC, which the session's zone is; an interval is its
    seconds, a month of it 30 days.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    if isinstance(value, (bytes, memoryview)):
        return "\\x" + bytes(value).hex()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    return _moment(value) or (value.isoformat() if isinstance(value, time) else str(value))


def _number(value: Decimal) -> int | float:
    """A numeric as a number of Python's: YAML's 0.95 is no Decimal, and would be less than the one of that name."""
    if value.is_finite() and abs(value) < _LARGEST_WHOLE and value == value.to_integral_value():
        return int(value)
    return float(value)


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), UTC) if isinstance(value, date) else None


def alike(expected: Any, observed: Any) -> Any:
    """The expected value, of the observed one's type where it is text that can be read as such.

    A variable given on the command line is text, and YAML has no moments. Lists are read member by member.
    """
    sample = next((one for one in observed if one is not None), None) if isinstance(observed, list) else observed
    if isinstance(expected, list):
        return [alike(one, sample) for one in expected]
    if not isinstance(expected, str) or isinstance(sample, str):
        return expected
    if isinstance(sample, bool):
        return _BOOLEANS.get(expected.strip().lower(), expected)
    if isinstance(sample, (int, float)):
        try:
            return _number(Decimal(expected.strip()))
        except (ArithmeticError, ValueError):
            return expected
    if isinstance(sample, datetime):
        try:
            return _moment(datetime.fromisoformat(expected.strip()))
        except ValueError:
            return expected
    return expected


def textual(value: Any) -> Any:
    """A value for a regular expression: moments as their text, ``2026-01-31 12:00:00+00:00``, others as they are."""
    if isinstance(value, list):
        return [textual(one) for one in value]
    return str(value) if isinstance(value, datetime) else value
