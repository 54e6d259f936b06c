# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forms of a secret: what is secret in it by itself, and how URLs, shells, JSON, SQL, HTML and base64 write it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

# Characters of the shortest secret that is searched for.
SHORTEST = 6
# A line of a secret of several lines, such as a key, is one of its own from this length on.
SHORTEST_LINE = 12
URL = re.compile(r"(?P<head>[A-Za-z][A-Za-z0-9+.-]*://[^\s:/@\"'<>]*:)(?P<secret>[^\s/@\"'<>]+)(?=@)")


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
        for text in (secret, *(match.group() + "@x" for match in URL.finditer(secret))):
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


def patterns(secrets: Iterable[str]) -> list[re.Pattern[str]]:
    """What to search for, so that no form of any of these secrets is left. Short secrets are left out."""
    forms = {form for secret in expanded(secrets) for form in (secret, *_base64(secret)) if len(form) >= SHORTEST}
    return [pattern(form) for form in sorted(forms)]
