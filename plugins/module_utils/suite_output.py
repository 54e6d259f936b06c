# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a test suite printed: its counts, its last lines, and the values that are not to be shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from urllib.parse import unquote, urlsplit

# Sequences of ECMA-48 (colours, movements), titles of windows, and single escapes.
_ESCAPES = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]")
_ASSIGNMENT = re.compile(
    r"""^[ \t]*([A-Za-z_]\w*)[ \t]*=[ \t]*(?:'([^']*)'|"((?:[^"\\]|\\.)*)"|([^\n]*))""", re.MULTILINE | re.DOTALL
)
_SECRET_NAME = re.compile(r"PASS|PWD|SECRET|TOKEN|KEY|CRED|SALT|PRIVATE|AUTH|COOKIE|SIGN|DSN", re.IGNORECASE)
# A value of a file counts as a secret from this length on, whatever its name; a shorter one is a port or a switch.
_LONG = 8
_SHORTEST = 3
_MOST_DIGITS = 9
HIDDEN = "********"


@dataclass(frozen=True)
class Counts:
    """How many tests a suite has, and how many of them passed."""

    total: int
    passed: int

    def problem(self) -> str:
        """Why the counts prove nothing, empty when they do."""
        if self.total == 0:
            return "no test was run"
        return "more passed than there are" if self.passed > self.total else ""

    def reaches(self, percent: float) -> bool:
        """Whether at least so many percent passed, computed exactly: 19 of 20 are 95 %."""
        return not self.problem() and Fraction(self.passed * 100, self.total) >= Fraction(str(percent))

    def __str__(self) -> str:
        told = f"{self.passed} of {self.total} passed"
        if self.problem():
            return f"{told}, {self.problem()}"
        # Rounded down: 94.96 % are not told as 95.
        return f"{told} ({self.passed * 1000 // self.total / 10:g} %)"


def plain(text: str) -> str:
    """The text without colours and other sequences for terminals."""
    return _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def number(text: str, pattern: re.Pattern[str]) -> int | None:
    """The number at the last place where the pattern is found: its first group, or all of it; None without one."""
    found = None
    for match in pattern.finditer(text):
        digits = (match.group(1 if pattern.groups else 0) or "").strip()
        # isdecimal alone takes digits of every script.
        if digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS:
            found = int(digits)
    return found


def counts(text: str, total: re.Pattern[str], passed: re.Pattern[str]) -> Counts | None:
    """The last counts in a text without sequences for terminals; None where one of them is not there."""
    every, good = number(text, total), number(text, passed)
    return None if every is None or good is None else Counts(every, good)


def ending(text: str, lines: int, characters: int) -> str:
    """The last lines of a text that are not blank, of so many characters at most."""
    kept = [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]
    told = "\n".join(kept)
    return told if len(told) <= characters else "…" + told[1 - characters :]


def assignments(text: str) -> Iterator[tuple[str, str]]:
    """The variables of a file as systemd's EnvironmentFile= takes it, each value once as written and once as meant."""
    for match in _ASSIGNMENT.finditer(text):
        name, single, double, bare = match.groups()
        written = single or double or bare or ""
        yield name, written.strip()
        if single is None:
            yield name, re.sub(r"\\(.)", r"\1", written.replace("\\\n", "")).strip()


def secrets(variables: Iterable[tuple[str, str]], shown: Mapping[str, str]) -> list[str]:
    """What is not to be shown, the longest first: long values of files, and short ones whose name tells it.

    Of the variables that the caller gives himself, ``shown``, only those whose name tells it.
    """
    named = [value for name, value in shown.items() if _SECRET_NAME.search(name)]
    found = {value for name, value in variables if len(value) >= _LONG or _SECRET_NAME.search(name)}.union(named)
    for value in list(found):
        found.update(_parts(value))
    return sorted((value for value in found if len(value) >= _SHORTEST), key=len, reverse=True)


def _parts(value: str) -> Iterator[str]:
    """What else would show a secret: a password in a URL, a line of a key, the text as JSON has it."""
    try:
        password = urlsplit(value).password
    except ValueError:
        password = None
    if password:
        yield password
        yield unquote(password)
    yield from (line.strip() for line in value.splitlines() if len(line.strip()) >= _LONG)
    yield json.dumps(value)[1:-1]


def hidden(text: str, values: Iterable[str]) -> str:
    """The text with the values made unreadable."""
    for value in values:
        text = text.replace(value, HIDDEN)
    return text
