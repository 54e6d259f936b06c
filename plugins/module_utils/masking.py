# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts without secrets: every known one in every form that programs write it in, and what looks like one by its place.

A secret shorter than ``SHORTEST`` characters (secret_forms) is not searched for: a password ``on`` would blank out half
a journal and tell by the gaps what it is. Such a one is masked only where its place gives it away: the value of a
variable whose name looks secret, the password in a URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ansible_collections.ridgetop.aidis.plugins.module_utils.secret_forms import URL, patterns

MASK = "***"

_NAME = r"pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|private[_-]?key|signing[_-]?key|credentials?"
SECRET_NAME = re.compile(rf"(?:^|[_.-])(?:{_NAME})s?(?:$|[_.-])|(?:password|secret|token)s?$", re.IGNORECASE)
_PAIR = re.compile(
    r"(?P<head>(?<![\w./-])[\w.-]*?(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key)[\w.-]*"
    r"[\"']?\s*[=:]\s*)(?P<secret>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s,;&}\])]+)",
    re.IGNORECASE,
)
_SQL = re.compile(r"(?P<head>\bPASSWORD\s+)(?P<secret>E?'(?:[^']|'')*')", re.IGNORECASE)
_BEARER = re.compile(r"(?P<head>\b(?:Bearer|Basic)\s+)(?P<secret>[A-Za-z0-9._~+/=-]{6,})")
_PLACES = (URL, _PAIR, _SQL, _BEARER)


def looks_secret(name: str) -> bool:
    """Whether the name of a variable says that its value is a secret."""
    return SECRET_NAME.search(name) is not None


class Mask:
    """Replaces known secrets and what looks like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._patterns = patterns(secrets)

    def finds(self, text: str) -> bool:
        """Whether a known secret stands in a text."""
        return any(one.search(text) for one in self._patterns)

    def text(self, text: str) -> str:
        """The text with every secret replaced."""
        # The known ones first: a place may end within one. Then again: with the mask between, what stood on both sides
        # of one may make another.
        text = self._without_known(text)
        for place in _PLACES:
            text = place.sub(_hidden, text)
        return self._without_known(text)

    def _without_known(self, text: str) -> str:
        while spans := self._spans(text):
            text = _without(text, spans)
        return text

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Where secrets stand; those that touch or overlap are one."""
        found = sorted(place for one in self._patterns for place in _places(text, one))
        merged: list[tuple[int, int]] = []
        for begin, end in found:
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        return merged

    def value(self, value: object) -> object:
        """A structure with all its texts masked, names of fields included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(name)): self.value(part) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(part) for part in value]
        return value


def _hidden(match: re.Match[str]) -> str:
    """What a place shows instead; quotes stay, so that the text is still what it was."""
    secret = match["secret"]
    mark = secret[0] if secret[0] in "\"'" else ""
    return f"{match['head']}{mark}{MASK}{mark}"


def _places(text: str, wanted: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where a pattern fits, places that overlap included."""
    match = wanted.search(text)
    while match:
        yield match.span()
        match = wanted.search(text, match.start() + 1)


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    parts = []
    last = 0
    for begin, end in spans:
        parts += [text[last:begin], MASK]
        last = end
    return "".join([*parts, text[last:]])
