# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose commands answer what a test says, for the tests of aidis-health."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host, Ran

UNIT = "aidis-production.service"
ACTIVE = (
    "LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nNRestarts=2\n"
    "ActiveEnterTimestamp=Thu 2026-01-01 00:00:00 UTC\n"
)
MEMINFO = "MemTotal:       1000 kB\nMemFree:  1 kB\nMemAvailable:    {} kB\nHugePages_Total: 0\n"
FORBIDDEN = "No journal files were opened due to insufficient permissions."


def entries(*texts: str) -> str:
    """Entries of the journal as journalctl prints them."""
    return "".join(json.dumps({"MESSAGE": text, "PRIORITY": "3"}) + "\n" for text in texts)


class FakeHost(Host):
    """``answers`` are what commands print, by their name or by a word in their command line."""

    def __init__(self, root: Path, available: int = 500, **answers: Any) -> None:
        super().__init__(str(root))
        (root / "proc").mkdir(parents=True, exist_ok=True)
        (root / "proc" / "meminfo").write_text(MEMINFO.format(available), encoding="utf-8")
        self.answers: dict[str, Any] = {"systemctl": ACTIVE, "journalctl": "", "priority": "", "lines": entries("x")}
        self.answers.update(answers)
        self.asked: list[list[str]] = []

    def run(self, argv: Sequence[str], seconds: float) -> Ran:
        """What the test says."""
        self.asked.append(list(argv))
        name = argv[0]
        if name == "journalctl":
            name = "priority" if "--priority=err" in argv else "lines" if "--lines=1" in argv else name
        answer = self.answers.get(name)
        if answer is None:
            raise CannotCheckError(f"there is no command {argv[0]} on this host")
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Ran) else Ran(0, answer, "")


RELEASES: list[dict[str, Any]] = [
    {
        "id": "v1.0.0-aaaaaaa",
        "version": "v1.0.0",
        "commit": "a" * 40,
        "result": "good",
        "built_at": "2026-01-01T00:00:00.000000Z",
        "good_at": "2026-01-01T00:01:00.000000Z",
        "latency_count": 20,
        "latency_p50_ms": 2.0,
        "latency_p95_ms": 4.5,
    },
    {
        "id": "v1.1.0-bbbbbbb",
        "version": "v1.1.0",
        "commit": "b" * 40,
        "result": "failed",
        "built_at": "2026-01-02T00:00:00.000000Z",
        "failed_at": "2026-01-02T00:01:00.500000Z",
    },
]
LEDGER: dict[str, Any] = {
    "schema": 1,
    "running": {"id": "v1.0.0-aaaaaaa", "digest": "d", "at": "2026-01-01T00:01:00.000000Z"},
    "underway": None,
    "releases": RELEASES,
}
