# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts of hosts: what a reader can use stays, what something else would act upon becomes visible."""

from __future__ import annotations

import unicodedata
from xml.etree import ElementTree as Xml

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import report_clean
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain\ntext\tof lines", "plain\ntext\tof lines"),
        ("Größe ≤ 5 µs, 日本語, שלום, 👩\u200d💻", "Größe ≤ 5 µs, 日本語, שלום, 👩\u200d💻"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b31m", "\\x9b31m"),
        ("a\x00b\x07\x7f", "a\\x00b\\x07\\x7f"),
        ("one\r\ntwo\rthree", "one\ntwo\\x0dthree"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066\u2069\u200b\ufeff\u2028", "\\u2066\\u2069\\u200b\\ufeff\\u2028"),
        ("\ud800 \ufffe \U0001ffff \U000e0041", "\\ud800 \\ufffe \\U0001ffff \\U000e0041"),
        ("\n\nlines\n\n", "lines"),
    ],
)
def test_a_text(value: str, shown: str) -> None:
    assert report_clean.text(value) == shown


def test_a_long_text_is_cut_and_says_so() -> None:
    cut = report_clean.text("x" * 5000)
    assert cut == "x" * 4000 + " ... (1000 more characters)"
    assert report_clean.text("x" * 4000) == "x" * 4000


def test_a_line_is_one_line() -> None:
    assert report_clean.line("  a\n b\t\tc  ") == "a b c"
    assert len(report_clean.line("x" * 10**6)) < 350


@given(st.text(alphabet=st.characters()))
def test_no_text_breaks_xml_or_moves_a_terminals_cursor(value: str) -> None:
    clean = report_clean.text(value)
    element = Xml.Element("a", {"b": clean})
    element.text = clean
    again = Xml.fromstring(Xml.tostring(element, encoding="utf-8"))  # noqa: S314 - it was made here
    assert again.text == (clean or None)
    assert not [character for character in clean if unicodedata.category(character) == "Cc" and character not in "\n\t"]
