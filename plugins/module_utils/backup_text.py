# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import Document

_COLUMNS = "id reason release bytes seconds proved_at drilled_at".split()


def text(command: str, result: Document) -> str:
    """A result as lines of text."""
    if result["failed"]:
        return f"failed: {result['msg']}"
    shown = {name: value for name, value in result.items() if name != "failed"}
    if command != "list":
        return "\n".join(_lines(shown))
    rows = [[_cell(one, name) for name in _COLUMNS] for one in shown.pop("backups")]
    swaps = [[one["at"], one["replaced"]] for one in shown.pop("swaps", []) if one["replaced"] and not one["gone_at"]]
    shown["removed"] = len(shown["removed"])
    lines = table(_COLUMNS, rows)
    if swaps:
        lines += ["", *table(["replaced_at", "database"], swaps)]
    return "\n".join([*lines, *_lines({name: one for name, one in shown.items() if one})])


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with columns below their titles."""
    widths = [max(len(row[place]) for row in [titles, *rows]) for place in range(len(titles))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [titles, *rows]]
    return ["  ".join(cells).rstrip() for cells in padded]


def _cell(one: Document, name: str) -> str:
    if not one["present"]:
        return "missing" if name == "proved_at" else str(one[name] or "")
    if name == "proved_at" and one["damage"]:
        return "damaged"
    return str(one[name] or ("never" if name.endswith("_at") else ""))


def _lines(value: Any, indent: str = "") -> list[str]:
    if isinstance(value, Mapping):
        items = [(str(name), one) for name, one in value.items()]
    else:
        items = [("-", one) for one in value]
    lines = []
    for name, one in items:
        if isinstance(one, (Mapping, list)) and one:
            lines += [f"{indent}{name}:", *_lines(one, indent + "  ")]
        else:
            empty = isinstance(one, (Mapping, list)) or one in (None, "")
            lines.append(f"{indent}{name}: {'none' if empty else one}")
    return lines
