# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that hosts sent, made harmless: for a terminal, for XML and for a page at once."""

from __future__ import annotations

import re
import unicodedata

# Characters of one text. A journal may be longer than anybody reads in a report.
LONGEST = 4000
LONGEST_LINE = 300
# Letters of some scripts and signs made of several characters need these; they cannot reorder a line.
_JOINERS = frozenset("\u00ad\u200c\u200d\u200e\u200f")
# Controls, surrogates, formats (direction overrides, tags), separators of lines: what XML forbids is among them.
_UNSAFE = frozenset({"Cc", "Cs", "Cf", "Zl", "Zp"})
# Plain text is the rule, and is told at once.
_SUSPECT = re.compile(r"[^\n\t -~]")


def text(value: str, longest: int = LONGEST) -> str:
    """Return a text of several lines without characters that something other than a reader would act upon.

    Each of them becomes visible, such as ``\\x1b``. What is longer than ``longest`` characters is cut, and says so.
    """
    kept = value[:longest].replace("\r\n", "\n")
    clean = _SUSPECT.sub(_visible, kept).strip("\n")
    return f"{clean} ... ({len(value) - longest} more characters)" if len(value) > longest else clean


def line(value: str, longest: int = LONGEST_LINE) -> str:
    """Return a text as one line, for names and titles."""
    return " ".join(text(value, longest).split())


def _visible(match: re.Match[str]) -> str:
    character = match.group()
    number = ord(character)
    if character in _JOINERS or not (unicodedata.category(character) in _UNSAFE or number & 0xFFFE == 0xFFFE):
        return character
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
