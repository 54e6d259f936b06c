# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts in what a suite printed, and what is not shown of it."""

from __future__ import annotations

import re

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils.suite_check import argument_spec
from ansible_collections.ridgetop.aidis.plugins.module_utils.suite_output import (
    Counts,
    assignments,
    counts,
    ending,
    hidden,
    plain,
    secrets,
)

SPEC = argument_spec()
TOTAL, PASSED = (re.compile(SPEC[name]["default"]) for name in ("total_regex", "passed_regex"))
GUIDE = "✅ Total Tests: 21\n✅ Passed: 20\n❌ Failed: 1\n"


def found(text: str, total: str = TOTAL.pattern, passed: str = PASSED.pattern) -> tuple[int, int] | None:
    seen = counts(plain(text), re.compile(total), re.compile(passed))
    return None if seen is None else (seen.total, seen.passed)


def test_counts_as_the_guide_prints_them() -> None:
    assert found(GUIDE) == (21, 20)


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[32m✅ Total Tests:\x1b[0m \x1b[1;38;5;42m21\x1b[0m\n\x1b[32mPassed\x1b[39m: \x1b[K20\x1b[m",
        "\x9b32mTotal Tests: 21\x9b0m Passed: 20",
        "\x1b]0;Passed: 3\x07Total Tests: 21\n\x1b]8;;http://x\x1b\\Passed: \x1b(B20",
        "Total Tests: 21\r\nPassed: 20\r\n",
    ],
)
def test_what_is_for_terminals_is_removed(text: str) -> None:
    assert found(text) == (21, 20)


def test_the_last_counts_are_taken() -> None:
    assert found("Total Tests: 3\nPassed: 3\n" + GUIDE) == (21, 20)
    assert found(GUIDE + "Passed: none\n") == (21, 20)


@pytest.mark.parametrize("text", ["", "Total Tests: 21", "Passed: 20", "Total Tests: ٣ Passed: ٣", "Total: 1"])
def test_no_counts(text: str) -> None:
    assert found(text) is None


def test_other_expressions() -> None:
    assert found("# tests 12\n# pass 11\n", r"# tests (\d+)", r"# pass (\d+)") == (12, 11)
    assert found("12/11", r"^\d+", r"\d+$") == (12, 11)
    assert found("tests: " + "9" * 5000 + " ok: 1", r"tests: (\d+)", r"ok: (\d+)") is None
    assert found("tests ok: 1", r"tests( \d+)?", r"ok: (\d+)") is None


@pytest.mark.parametrize(
    ("total", "passed", "percent", "met", "seen"),
    [
        (20, 19, 95, True, "19 of 20 passed (95 %)"),
        (21, 20, 95, True, "20 of 21 passed (95.2 %)"),
        (21, 19, 95, False, "19 of 21 passed (90.4 %)"),
        (10000, 9496, 94.96, True, "9496 of 10000 passed (94.9 %)"),
        (10000, 9499, 95, False, "9499 of 10000 passed (94.9 %)"),
        (1000, 333, 33.3, True, "333 of 1000 passed (33.3 %)"),
        (5, 5, 100, True, "5 of 5 passed (100 %)"),
        (0, 0, 0, False, "0 of 0 passed, no test was run"),
        (20, 21, 95, False, "21 of 20 passed, more passed than there are"),
    ],
)
def test_how_many_passed(total: int, passed: int, percent: float, met: bool, seen: str) -> None:
    told = Counts(total, passed)
    assert (told.reaches(percent), str(told)) == (met, seen)


def test_the_ending() -> None:
    text = "one\n\n two \n\nthree\n   \n"
    assert ending(text, 2, 100) == " two\nthree"
    assert ending("x" * 50, 2, 10) == "…" + "x" * 9
    assert ending("\n", 2, 10) == ""


FILE = r"""
# a comment
; another
DB_PASSWORD='p w #1'
PORT=3001
PIN="7\"8$9"
  SPACED = bare value
URL=postgresql://u:pa%2Fss@host/db
CERTIFICATE="-----BEGIN-----
abcdefghijkl
-----END-----"
KEY=
SALT=ab
"""


def test_variables_of_a_file() -> None:
    read = dict(assignments(FILE))
    assert read["DB_PASSWORD"] == "p w #1"
    assert (read["PORT"], read["PIN"], read["SPACED"], read["KEY"]) == ("3001", '7"8$9', "bare value", "")
    assert read["CERTIFICATE"].splitlines()[1] == "abcdefghijkl"
    assert ("PIN", r"7\"8$9") in set(assignments(FILE))


def test_what_is_hidden() -> None:
    values = secrets(assignments(FILE), {"NODE_ENV": "production", "API_TOKEN": "abc"})
    assert values == sorted(values, key=len, reverse=True)
    text = "p w #1 3001 bare value pa/ss pa%2Fss abcdefghijkl production abc ab"
    assert hidden(text, values) == ("******** 3001 ******** ******** ******** ******** production ******** ab")
    assert hidden("postgresql://u:pa%2Fss@host/db", values) == "********"
    assert hidden(r'{"x": "a\nb-long-enough"}', secrets([("X", "a\nb-long-enough")], {})) == '{"x": "********"}'


def test_what_is_no_url_is_no_error() -> None:
    assert secrets([("X", "http://[broken")], {}) == ["http://[broken"]
