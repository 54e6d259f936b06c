# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An observed value held against an expected one by an operator, for the checks that compare values."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.answers import same, shown, text_of

OPERATORS = ("set", "unset", "eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "contains", "match", "no_match")
# These look at the observed value alone.
UNARY = ("set", "unset")
_WORDS = {
    "set": "set",
    "unset": "not set",
    "eq": "",
    "ne": "not",
    "lt": "below",
    "le": "at most",
    "gt": "above",
    "ge": "at least",
    "in": "one of",
    "not_in": "not one of",
    "contains": "containing",
    "match": "matching",
    "no_match": "not matching",
}


@dataclass(frozen=True)
class Comparison:
    """An operator of OPERATORS and the value that it compares with; None where it takes none."""

    operator: str
    expected: Any = None

    def problem(self) -> str:
        """What is wrong with it as it is written, empty when nothing is."""
        if self.operator not in UNARY and self.expected is None:
            return f"operator {self.operator} needs expected"
        if self.operator in ("in", "not_in") and not isinstance(self.expected, list):
            return f"operator {self.operator} needs a list as expected"
        if self.operator in ("match", "no_match"):
            try:
                re.compile(str(self.expected))
            except re.error as error:
                return f"'{self.expected}' is not a regular expression: {error}"
        return ""

    def wanted(self) -> str:
        """What is required, for people."""
        words = _WORDS[self.operator]
        return words if self.operator in UNARY else f"{words} {shown(self.expected)}".strip()

    def of(self, observed: Any) -> tuple[bool, str]:
        """Whether the observed value meets it, and the value, for people."""
        seen = "not set" if absent(observed) else shown(observed)
        try:
            return self._met(observed), seen
        except TypeError:
            return False, f"{seen}, which cannot be compared"

    def _met(self, observed: Any) -> bool:
        wanted = self.expected
        comparisons: dict[str, Callable[[], Any]] = {
            "set": lambda: not absent(observed),
            "unset": lambda: absent(observed),
            "eq": lambda: same(wanted, observed),
            "ne": lambda: not same(wanted, observed),
            "lt": lambda: observed < wanted,
            "le": lambda: observed <= wanted,
            "gt": lambda: observed > wanted,
            "ge": lambda: observed >= wanted,
            "in": lambda: any(same(one, observed) for one in wanted),
            "not_in": lambda: not any(same(one, observed) for one in wanted),
            "contains": lambda: _contains(observed, wanted),
            "match": lambda: re.search(str(wanted), text_of(observed)) is not None,
            "no_match": lambda: re.search(str(wanted), text_of(observed)) is None,
        }
        return bool(comparisons[self.operator]())


def absent(value: Any) -> bool:
    """Whether a value is as good as none: null, or an empty text, list or mapping."""
    return value is None or value in ("", [], {})


def _contains(observed: Any, wanted: Any) -> bool:
    """Whether a list has a member, a mapping a key, or a text a part. Raises TypeError for anything else."""
    if isinstance(observed, list):
        return any(same(wanted, one) for one in observed)
    return wanted in observed
