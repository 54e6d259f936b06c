# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the terminal shows of a host: its causes with what mends them, and what was looked at."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import POSSIBLE, REMARK, WORDS, Cause
from ansible_collections.ridgetop.aidis.plugins.module_utils.causes import telling, troubled
from ansible_collections.ridgetop.aidis.plugins.module_utils.evidence_looked import looked_at

WIDTH = 116
# Lines of evidence that the terminal shows of each cause.
SHOWN = 4


def report(host: str, evidence: Mapping[str, Any], causes: Sequence[Cause]) -> str:
    """What the terminal shows of a host: the causes with what mends them, then what was looked at."""
    known = [one for one in causes if one.certainty > REMARK]
    roots = sum(not one.follows for one in known)
    lines = [f"{host}: {_verdict(roots, troubled(evidence))}"]
    for number, cause in enumerate(known, 1):
        lines += ["", *_cause(f"  {number}. ", cause)]
    if not any(one.certainty >= POSSIBLE for one in known) and troubled(evidence):
        lines += ["", "  The lines that tell most:", *(f"    | {line}" for line in telling(evidence))]
    remarks = [one for one in causes if one.certainty <= REMARK]
    for cause in remarks:
        lines += ["", *_cause("  Remark: ", cause)]
    looked = [f"{name}: {text}" for name, text in looked_at(evidence)]
    lines += ["", "  Looked at", *(_wrapped("    ", one) for one in looked)]
    missing = evidence.get("missing") or {}
    if missing:
        lines += [
            "",
            "  Could not be looked at",
            *(_wrapped("    ", f"{name}: {why}") for name, why in missing.items()),
        ]
    return "\n".join(lines)


def _verdict(roots: int, trouble: bool) -> str:
    if roots:
        return "1 cause was found." if roots == 1 else f"{roots} causes were found."
    return "something is wrong, and its cause is not known here." if trouble else "nothing wrong was found."


def _cause(head: str, cause: Cause) -> list[str]:
    how = f"follows from {cause.follows}" if cause.follows else WORDS[cause.certainty]
    blank = " " * len(head)
    lines = [f"{head}{cause.id} ({how})", _wrapped(blank, cause.sentence)]
    lines += [f"{blank}| {line}" for line in cause.lines[:SHOWN]]
    where = ""
    for mend in cause.mends:
        if mend.where != where:
            where = mend.where
            lines.append(f"{blank}Mend it {where}:")
        lines.append(f"{blank}  {mend.command}")
    return lines


def _wrapped(blank: str, text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=blank, subsequent_indent=blank, break_on_hyphens=False)
