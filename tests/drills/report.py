# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of a run of the drills, and the same as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ansible_collections.ridgetop.aidis.tests.drills.machine import ROOT

FILE = ROOT / ".cache" / "drills" / "report.json"


@dataclass
class Line:
    """One drill: the fault, what became of it, and what the writer saw."""

    fault: str
    outcome: str = "FAILED"  # Until a drill has said what became of it.
    unanswered_seconds: float = 0
    acknowledged: int = 0
    found_live: int = 0
    found_elsewhere: int = 0
    took_seconds: float = 0


@dataclass
class Report:
    """All drills of a run, and the ratios of the speed."""

    lines: list[Line] = field(default_factory=list)
    ratios: dict[str, float] = field(default_factory=dict)
    # What the ratios are made of.
    seconds: dict[str, float] = field(default_factory=dict)

    def text(self) -> Iterator[str]:
        """The table, a line for each drill."""
        if self.lines:
            yield f"{'fault':<46} {'outcome':<58} {'silent':>7} {'acked':>6} {'live':>6} {'else':>5} {'took':>5}"
        for one in self.lines:
            seen = f"{one.unanswered_seconds:>7.1f} {one.acknowledged:>6} {one.found_live:>6} {one.found_elsewhere:>5}"
            yield f"{one.fault:<46.46} {one.outcome:<58.58} {seen} {one.took_seconds:>5.0f}"
        for title, number in {**self.ratios, **self.seconds}.items():
            yield f"{number:>7.2f} {'' if title in self.ratios else 's '}{title}"

    def write(self, path: Path = FILE) -> None:
        """Write the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
