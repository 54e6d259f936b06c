# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts without secrets: every known one in every form that programs write it in, and what looks like one by its place.

A secret shorter than ``SHORTEST`` characters is not searched for: a password ``on`` would blank out half a journal and
tell by the gaps what it is. Such a one is masked only where its place gives it away: the value of a variable whose
name looks secret, the password in a URL.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

MASK = "***"
SHORTEST = 6
# A line of a secret of several lines, such as a key, is one of its own from this length on.
SHORTEST_LINE = 12

_NAME = r"pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|private[_-]?key|signing[_-]?key|credentials?"
SECRET_NAME = re.compile(rf"(?:^|[_.-])(?:{_NAME})s?(?:$|[_.-])|(?:password|secret|token)s?$", re.IGNORECASE)
_URL = re.compile(r"(?P<head>[A-Za-z][A-Za-z0-9+.-]*://[^\s:/@\"'<>]*:)(?P<secret>[^\s/@\"'<>]+)(?=@)")
_PAIR = re.compile(
    r"(?P<head>(?<![\w./-])[\w.-]*?(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key)[\w.-]*"
    r"[\"']?\s*[=:]\s*)(?P<secret>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s,;&}\])]+)",
    re.IGNORECASE,
)
_SQL = re.compile(r"(?P<head>\bPASSWORD\s+)(?P<secret>E?'(?:[^']|'')*')", re.IGNORECASE)
_BEARER = re.compile(r"(?P<head>\b(?:Bearer|Basic)\s+)(?P<secret>[A-Za-z0-9._~+/=-]{6,})")
_PLACES = (_URL, _PAIR, _SQL, _BEARER)


def looks_secret(name: str) -> bool:
    """Whether the name of a variable says that its value is a secret."""
    return SECRET_NAME.search(name) is not None


def url_password(text: str) -> str:
    """The password in a URL as it stands there, empty without one."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return (parts.password or "") if parts.scheme and "@" in parts.netloc else ""


def expanded(secrets: Iterable[str]) -> set[str]:
    """Secrets with what is secret in them: passwords in URLs, lines of keys. Short ones are left out."""
    found: set[str] = set()
    for secret in secrets:
        found.add(secret)
        found.update(line.strip() for line in secret.splitlines() if _is_line_of_key(line.strip()))
        # In a list of URLs, or in a longer text, too.
        for text in (secret, *(match.group() + "@x" for match in _URL.finditer(secret))):
            password = url_password(text)
            found.update((password, unquote(password)))
    return {secret for secret in found if len(secret) >= SHORTEST}


def _is_line_of_key(line: str) -> bool:
    return len(line) >= SHORTEST_LINE and not line.startswith("-----")


def pattern(secret: str) -> re.Pattern[str]:
    """What a secret looks like where each of its characters may be written in any way that programs write it in.

    Letters and digits of ASCII are written as themselves by all of them.
    """
    return re.compile("".join(one if one.isascii() and one.isalnum() else _ways(one) for one in secret))


def _ways(character: str) -> str:
    """A character as it is, and as URLs, JSON, Python, C, SQL, HTML and shells write it, as a regular expression."""
    point = ord(character)
    raw = character.encode("utf-8", "surrogatepass")
    units = character.encode("utf-16-be", "surrogatepass")
    ways = [rf"\\*{re.escape(character)}", "".join(f"%{_hex(byte, 2)}" for byte in raw)]
    ways += ["".join(rf"\\+x{_hex(byte, 2)}" for byte in raw), rf"\\+U{_hex(point, 8)}", rf"&#0*{point};"]
    ways += ["".join(rf"\\+u{_hex(units[at] << 8 | units[at + 1], 4)}" for at in range(0, len(units), 2))]
    ways += [rf"&#[xX]0*{_hex(point, 1)};", rf"\\+0*{point:o}"]
    ways += [rf"\\+x{_hex(point, 2)}"] if 127 < point < 256 else []
    return f"(?:{'|'.join([*ways, *_SPECIAL.get(character, [])])})"


def _hex(value: int, width: int) -> str:
    """A number in hexadecimal digits, of either case."""
    return "".join(f"[{one}{one.upper()}]" if one.isalpha() else one for one in f"{value:0{width}x}")


_SPECIAL = {
    "'": ["''", r"'\\+''", r"'\"'\"'", r"&apos;"],
    '"': ['""', "&quot;"],
    "&": ["&amp;"],
    "<": ["&lt;"],
    ">": ["&gt;"],
    " ": [r"\+", "&nbsp;"],
    "\n": [r"\\+n", r"\r\n"],
    "\t": [r"\\+t"],
    "\r": [r"\\+r"],
}


def _base64(secret: str) -> Iterator[str]:
    """The secret in base64, also within a longer text, where it begins at any of three places of a group."""
    raw = secret.encode("utf-8", "surrogateescape")
    yield base64.b64encode(raw).decode()
    yield base64.urlsafe_b64encode(raw).decode()
    for before in range(3):
        # The characters at both ends depend on what stands beside the secret, too.
        whole = base64.b64encode(b"\0" * before + raw).decode()
        inner = whole[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        if len(inner) >= SHORTEST:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")


class Mask:
    """Replaces known secrets and what looks like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in expanded(secrets) for form in (secret, *_base64(secret)) if len(form) >= SHORTEST}
        self._patterns = [pattern(form) for form in sorted(forms)]

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
