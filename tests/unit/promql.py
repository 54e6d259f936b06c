# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads PromQL as far as tests need it: which series an expression asks for, and by which labels it picks them.

A series named by ``{__name__=~"..."}`` alone is refused: nothing could tell whether it exists.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<blank>\s+|\#[^\n]*)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
      | (?P<variable>\$\w+|\$\{\w+(?::\w+)?\})
      | (?P<number>0x[0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?(?:ms|[smhdwy])?(?:\d+(?:ms|[smhdwy]))*)
      | (?P<name>[a-zA-Z_:][\w:]*)
      | (?P<mark>=~|!~|!=|==|>=|<=|[-+*/%^<>=(){}\[\],@:])""",
    re.VERBOSE,
)
_WORDS = {"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "start", "end"}
# Behind these stands a list of labels.
_LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_CLOSING = {"{": "}", "[": "]", "(": ")"}


class Selector(NamedTuple):
    """A series that is asked for: its name, and its matchers in the order they stand, ``(label, operator, value)``."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]
    # Whether it has braces at all.
    braced: bool


def names(expression: str) -> set[str]:
    """The names of the series that an expression asks for."""
    return {selector.name for selector in selectors(expression)}


def selectors(expression: str) -> list[Selector]:
    """What an expression asks for, in the order it stands there. Raises ValueError where it is no PromQL."""
    tokens = _tokens(expression)
    found = []
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        if kind == "name" and text.lower() in _LISTS:
            at = _end(tokens, at + 1) if following == "(" else at + 1
        elif text == "[":
            at = _end(tokens, at)
        elif text == "{":
            raise ValueError(f"a selector without a name in {expression!r}")
        elif kind == "name" and following.lower() in {"by", "without"}:
            # An aggregation whose labels stand before what it is of.
            at += 1
        elif kind == "name" and following != "(" and text.lower() not in _WORDS:
            end = _end(tokens, at + 1) if following == "{" else at + 1
            found.append(Selector(text, _matchers(tokens[at + 2 : end - 1]), following == "{"))
            at = end
        else:
            at += 1
    return found


def _tokens(expression: str) -> list[tuple[str, str]]:
    found = []
    at = 0
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if not match or not match.lastgroup:
            raise ValueError(f"not read from here: {expression[at : at + 40]!r}")
        if match.lastgroup != "blank":
            found.append((match.lastgroup, match.group()))
        at = match.end()
    return found


def _end(tokens: list[tuple[str, str]], opening: int) -> int:
    """The place behind the mark that closes the one at ``opening``."""
    closing = _CLOSING[tokens[opening][1]]
    for place in range(opening + 1, len(tokens)):
        if tokens[place][1] == closing:
            return place + 1
    raise ValueError(f"{tokens[opening][1]} is not closed")


def _matchers(tokens: list[tuple[str, str]]) -> tuple[tuple[str, str, str], ...]:
    words = [text for kind, text in tokens if text != "," and kind != "variable"]
    return tuple((words[at], words[at + 1], words[at + 2][1:-1]) for at in range(0, len(words) - 2, 3))
