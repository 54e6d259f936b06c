# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifications as a user starts them, and what they came to."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HOST = "aidis-verify"
NOT_MET = ("fail", "warn")


@dataclass
class Verification:
    """A run of verify.yml: its exit status, what it printed, and the checks of its report."""

    status: int
    output: str
    directory: Path
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def not_met(self) -> set[str]:
        """Ids of what failed, or is warned of."""
        return {name for name, check in self.checks.items() if check["status"] in NOT_MET}


Verify = Callable[..., Verification]


@pytest.fixture(scope="session")
def inventories(request: pytest.FixtureRequest) -> list[str]:
    """The options that name the scenario's inventory, and the one that all scenarios share."""
    own = Path(request.config.getoption("--ansible-inventory"))
    return [f"--inventory={own.parents[1] / 'shared' / 'inventory'}", f"--inventory={own}"]


@pytest.fixture(scope="session")
def verify(inventories: list[str], tmp_path_factory: pytest.TempPathFactory) -> Verify:
    """Run verify.yml, with variables over the inventory's and further arguments."""

    def run(*arguments: str, playbook: str = "verify", **variables: Any) -> Verification:
        reports = tmp_path_factory.mktemp("reports")
        given = {"verify_report_dir": str(reports), **variables}
        done = subprocess.run(
            [
                "ansible-playbook",
                f"ridgetop.aidis.{playbook}",
                *inventories,
                "--extra-vars",
                json.dumps(given),
                *arguments,
            ],
            env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        latest = reports / "latest"
        found = Verification(done.returncode, done.stdout, latest)
        if latest.exists():
            report = json.loads((latest / "report.json").read_text(encoding="utf-8"))
            found.checks = {check["id"]: check for check in report["hosts"][HOST]["checks"]}
        return found

    return run


@pytest.fixture(scope="session")
def baseline(verify: Verify) -> Verification:
    """The deployed host before anything is broken."""
    found = verify()
    assert found.checks, found.output[-6000:]
    return found
