# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every promise of security names tests that exist, and every check of security stands behind one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "security.md"
# tests/unit/docs/test_checks.py holds that page equal to what verify.yml makes.
CHECKS = ROOT / "docs" / "docsite" / "rst" / "checks.rst"


def rows() -> list[list[str]]:
    """The cells of each promise; what is commented out is none yet."""
    text = re.sub(r"(?s)<!--.*?-->", "", PAGE.read_text(encoding="utf-8"))
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line] for line in lines if line[0].strip() != "promise"]


ROWS = rows()


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def functions(file: str) -> set[str]:
    path = ROOT / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_promises_are_found() -> None:
    assert len(ROWS) > 30, "they were not found: the tests below would pass on less"
    assert {len(row) for row in ROWS} == {3}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_a_promise_has_tests_that_exist(row: list[str]) -> None:
    tests = named(row[1])
    assert tests != []
    for one in tests:
        file, _, name = one.partition("::")
        assert name.startswith("test_") and name in functions(file), one


def test_every_check_of_security_stands_behind_a_promise() -> None:
    made = set(re.findall(r"``(security\.[a-z_]+)``", CHECKS.read_text(encoding="utf-8")))
    assert made
    assert {name for row in ROWS for name in named(row[2])} == made
