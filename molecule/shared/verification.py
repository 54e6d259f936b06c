# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of verify.yml, as a user starts it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.ridgetop.aidis.molecule.shared import playbook

NOT_MET = ("fail", "warn")


@dataclass
class Verification:
    """Its exit status, what it printed, and its report: the checks of each host by their ids."""

    status: int
    output: str
    directory: Path
    hosts: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    @property
    def checks(self) -> dict[str, dict[str, Any]]:
        """The checks of the only host."""
        (checks,) = self.hosts.values()
        return checks

    def not_met(self) -> set[str]:
        """Ids of what failed, or is warned of, on any host."""
        return {name for checks in self.hosts.values() for name, check in checks.items() if check["status"] in NOT_MET}

    def executed(self) -> int:
        """Tasks that were executed on the host, by the recap."""
        recap = self.output.rpartition("PLAY RECAP")[2]
        counts = dict(word.split("=") for word in recap.split() if "=" in word)
        return int(counts["ok"]) + int(counts["failed"])


Verify = Callable[..., Verification]


def run(inventory: Path, reports: Path, *arguments: str, **variables: Any) -> Verification:
    """Run the playbook on a scenario's inventory, with variables over its own, and read the report."""
    where = playbook.inventories(inventory)
    told = {"verify_report_dir": str(reports), **variables}
    # Mitogen would save nothing, and leaves something on the host, which a verification must not.
    done = playbook.run("verify", where, *arguments, environment=playbook.AS_A_USER, **told)
    found = Verification(done.status, done.output, reports / "latest")
    if found.directory.exists():
        report = json.loads((found.directory / "report.json").read_text(encoding="utf-8"))
        found.hosts = {host: {check["id"]: check for check in told["checks"]} for host, told in report["hosts"].items()}
    return found
