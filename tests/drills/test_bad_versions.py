# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each bad version of the reference application over a good one, which returns with its database."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.tests.drills.drill import GOOD, OLD, Drill, Drills

# The gate of those who ask for speed: a release that is slow is not accepted.
SPEEDY: dict[str, Any] = {
    "id": "mcp.speed",
    "title": "A tool answers in time",
    "kind": "tool",
    "transport": "tcp",
    "port": 3001,
    "tool": "project_list",
    "read_only": True,
    "count": 10,
    "warmup": 2,
    "limits": {"p50": 250},
}
PATIENCE = {"app_health_timeout": 10}
# Version -> variables to deploy it with, what the run says, and what becomes of it.
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "build-fails": ({}, "error TS", "not touched"),
    "migration-fails": ({}, "The migrations of v1.2.0-migration-fails", "returned"),
    "lost-index": ({}, "idx_sessions_agent_type", "returned"),
    "never-ready": (PATIENCE, "does not answer as it should", "returned"),
    "tool-errors": (PATIENCE, "mcp.tool", "returned"),
    "slow": ({**PATIENCE, "app_health_probes": [SPEEDY]}, "mcp.speed", "returned"),
    "start-fails": (PATIENCE, "does not answer as it should", "returned"),
}
# The one whose migrations are undone, and the one that takes the longest to be given up.
IN_CI = ["migration-fails", "never-ready"]
SAID = {"not touched": "What runs was not touched", "returned": "Returned to {}-"}


def deploy(drill: Drill, bad: str) -> None:
    """Deploy a bad version: the run fails, says why and what runs now, and that runs."""
    variables, text, end = BAD[bad]
    version, before = f"v1.2.0-{bad}", drill.runs
    outcome = drill.deploy(version, **variables)
    assert outcome.failed and outcome.says(text, SAID[end].format(before)), outcome.output[-6000:]
    entry = next(one for one in drill.machine.ledger()["releases"] if one["version"] == version)
    assert entry["result"] == "failed"
    drill.look()
    drill.became(f"failed, {end}")


@pytest.mark.parametrize(
    "several",
    [
        pytest.param(IN_CI, id="in-ci", marks=pytest.mark.fast),
        pytest.param([bad for bad in BAD if bad not in IN_CI], id="others"),
    ],
)
def test_one_after_another(drills: Drills, several: list[str]) -> None:
    first, *others = several
    with drills.drill(first) as drill:
        deploy(drill, first)
        for bad in others:
            drill.fault(f"{bad}, over {GOOD}")
            deploy(drill, bad)


@pytest.mark.parametrize("bad", BAD)
def test_with_its_database(drills: Drills, bad: str) -> None:
    with drills.drill(bad, OLD) as drill:
        drill.given_up = f"v1.2.0-{bad}"
        deploy(drill, bad)
