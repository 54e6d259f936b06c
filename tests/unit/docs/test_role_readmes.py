# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables in the roles' READMEs say what the argument specs say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
# A directory that holds templates or files alone is none yet.
ROLES = sorted({path.parent.name for part in ("tasks", "defaults") for path in (ROOT / "roles").glob(f"*/{part}")})


def load_tool() -> Any:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("role_readme", ROOT / "tools" / "role_readme.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = load_tool()


@pytest.mark.parametrize("role", ROLES)
def test_the_table_is_up_to_date(role: str) -> None:
    assert tool.out_of_date(ROOT / "roles" / role, write=False) == ""


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_is_in_the_table(role: str) -> None:
    readme = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    missing = [name for name in tool.options_of(ROOT / "roles" / role) if f"| `{name}` |" not in readme]
    assert missing == []


def test_a_changed_spec_is_noticed() -> None:
    options = {"x_size": {"type": "int", "default": 1, "description": "Size."}}
    readme = f"# x\n\n{tool.BEGIN}\n{tool.END}\n\nafter\n"
    written = tool.filled(readme, options)
    assert written.endswith(f"{tool.END}\n\nafter\n") and written == tool.filled(written, options)
    options["x_size"]["default"] = 2
    assert tool.filled(written, options) != written


@pytest.mark.parametrize("readme", ["", "{b}", "{e}", "{e}{b}", "{b}{e}{b}{e}", "{b}{b}{e}", "{b}{e}{e}"])
def test_a_readme_without_one_pair_of_markers_is_refused(readme: str) -> None:
    with pytest.raises(ValueError, match="needs one line"):
        tool.filled(readme.format(b=tool.BEGIN, e=tool.END), {})


@pytest.mark.parametrize(
    ("option", "row"),
    [
        ({"type": "str", "default": ""}, '| str | `""` |'),
        ({"type": "str", "default": "a | b"}, "| str | `a \\| b` |"),
        ({"type": "bool", "default": False}, "| bool | `false` |"),
        ({"type": "list", "elements": "str", "default": ["x", "y"]}, '| list of str | `["x", "y"]` |'),
        ({"type": "str", "required": True}, "| str | **required** |"),
        ({"type": "str", "no_log": True, "description": "A key."}, "| str | none | A key. Secret. |"),
        ({"type": "str", "default": "x" * 200}, "| str | see [defaults](defaults/main.yml) |"),
        ({"type": "str", "choices": ["a", "b"], "description": "E."}, "| E. One of `a`, `b`. |"),
        ({"type": "str", "description": ["Of C(a(b)) or", "V(c), <d>."]}, "| Of `a(b)` or `c`, &lt;d>. |"),
    ],
)
def test_a_row(option: dict[str, Any], row: str) -> None:
    assert row in tool.table({"x_name": option})
