# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment file: what is written, read again by systemd's rules, is what was meant.

The reader here follows systemd's parse_env_file(), state by state, so that a fault of quoting shows without a host. The
scenario `variant` asks systemd itself.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jinja2
import pytest
from ansible.plugins.filter.core import FilterModule
from ansible.plugins.test.core import TestModule as CoreTests

TEMPLATE = Path(__file__).resolve().parents[3] / "roles/app/templates/etc/aidis/production.env.j2"

# One of each kind that a reader tells apart: quotes, escapes, blanks, ends of lines, comments, expansions, templates,
# and letters, one of which has a meaning behind a backslash.
SIGNIFICANT = "'\"\\`$ \t\n\r#;=%{!~&|<(*?[nxé"
COMMENT, BLANK, END_OF_LINE, ESCAPABLE = "#;", " \t\n\r", "\n\r", '"\\`$'


class Reader:
    """systemd's reader: one state a method, which takes one character."""

    def __init__(self) -> None:
        self.read: dict[str, str] = {}
        self.name = self.value = ""
        self.state: Callable[[str], None] = self.before_name

    def before_name(self, char: str) -> None:
        if char in COMMENT:
            self.state = self.comment
        elif char not in BLANK:
            self.name, self.state = char, self.in_name

    def in_name(self, char: str) -> None:
        if char in END_OF_LINE:
            self.state = self.before_name
        elif char == "=":
            self.value, self.state = "", self.before_value
        else:
            self.name += char

    def before_value(self, char: str) -> None:
        """Also behind a closing quote, where another part of the value may follow."""
        states = {"'": self.in_single, '"': self.in_double, "\\": self.escaped}
        if char in END_OF_LINE:
            self.end(self.value)
        elif char in states:
            self.state = states[char]
        elif char not in BLANK:
            self.value += char
            self.state = self.in_value

    def in_value(self, char: str) -> None:
        if char in END_OF_LINE:
            self.end(self.value.rstrip(BLANK))
        elif char == "\\":
            self.state = self.escaped
        else:
            self.value += char

    def escaped(self, char: str) -> None:
        self.state = self.in_value
        if char not in END_OF_LINE:
            self.value += char

    def in_single(self, char: str) -> None:
        if char == "'":
            self.state = self.before_value
        else:
            self.value += char

    def in_double(self, char: str) -> None:
        if char == '"':
            self.state = self.before_value
        elif char == "\\":
            self.state = self.escaped_in_double
        else:
            self.value += char

    def escaped_in_double(self, char: str) -> None:
        self.state = self.in_double
        if char in ESCAPABLE:
            self.value += char
        elif char != "\n":
            self.value += "\\" + char

    def comment(self, char: str) -> None:
        if char == "\\":
            self.state = self.escaped_in_comment
        elif char in END_OF_LINE:
            self.state = self.before_name

    def escaped_in_comment(self, char: str) -> None:
        self.state = self.before_name if char in END_OF_LINE else self.comment

    def end(self, value: str) -> None:
        name = self.name.rstrip(BLANK)
        assert name not in self.read, f"{name} stands there twice"
        self.read[name], self.state = value, self.before_name


def read(text: str) -> dict[str, str]:
    reader = Reader()
    for char in text:
        reader.state(char)
    assert reader.state == reader.before_name, "the file ends within a variable"
    return reader.read


@pytest.fixture(scope="module")
def render() -> Callable[[dict[str, Any]], str]:
    """Render the role's own template, with Ansible's filters and tests and the settings of its module `template`."""
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)  # noqa: S701
    environment.filters.update(FilterModule().filters())
    environment.tests.update(CoreTests().tests())
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return lambda variables: template.render(__app_variables=variables, ansible_managed="Made by Ansible \\")


def named(values: Iterable[str]) -> dict[str, str]:
    return {f"V{number}": value for number, value in enumerate(values)}


def test_the_reader_reads_as_systemd_does() -> None:
    """Examples whose answers systemd 257 gave."""
    text = "# a \\\nA=1\nB = x y  \nC='it'\\''s'\nD=\"a\\\"b\\c\\\n d\" e\n;F=1\nG=a\\\nb\nH='x'\"y\"z \n"
    answers = {"A": "1", "B": "x y", "C": "it''s'", "D": 'a"b\\c de', "G": "ab", "H": "xyz"}
    assert read(text) == answers


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_every_short_text(render: Callable[[dict[str, Any]], str], length: int) -> None:
    """All texts of this length: what quoting does wrong, it does wrong to two or three characters side by side."""
    values = named(map("".join, itertools.product(SIGNIFICANT, repeat=length)))
    assert read(render(values)) == values


def test_long_texts(render: Callable[[dict[str, Any]], str]) -> None:
    chance = random.Random(20)  # noqa: S311 - the same texts at each run
    anything = [chr(code) for code in (*range(1, 0x250), 0x2028, 0x1F3D4)]
    characters = anything + list(SIGNIFICANT) * 20
    values = named("".join(chance.choices(characters, k=chance.randint(4, 80))) for _ in range(2000))
    assert read(render(values)) == values


def test_other_values_are_written_as_json(render: Callable[[dict[str, Any]], str]) -> None:
    values = {
        "YES": True,
        "NO": False,
        "INT": 5,
        "FLOAT": 0.5,
        "LIST": [1, "it's"],
        "MAP": {"a": None},
        "NONE": None,
        "EMPTY": "",
    }
    assert read(render(values)) == {
        "YES": "true",
        "NO": "false",
        "INT": "5",
        "FLOAT": "0.5",
        "LIST": '[1, "it\'s"]',
        "MAP": '{"a": null}',
        "EMPTY": "",
    }


def test_plain_values_stand_as_people_write_them(render: Callable[[dict[str, Any]], str]) -> None:
    """Without quotes where none are needed: other programs read the file, too, and not all of them know quotes."""
    values = ["postgresql://u:p%20w@localhost:5432/db?sslmode=disable&x=1", "/var/log/aidis/a-b_c~1.log", "3001"]
    lines = render(named(values)).splitlines()
    assert [f"V{number}={value}" for number, value in enumerate(values)] == [line for line in lines if line[:1] == "V"]


def test_blanks_and_comments_are_quoted_by_single_quotes(render: Callable[[dict[str, Any]], str]) -> None:
    assert "A=' #b '" in render({"A": " #b "}).splitlines()
