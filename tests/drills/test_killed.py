# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller is gone from one moment to the next, at the boundary of every stage."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.tests.drills.controller import At
from ansible_collections.ridgetop.aidis.tests.drills.drill import GOOD, OLD, Drills

# What has just been done -> the task that comes next, where the run is killed.
STAGES = {
    "lock-taken": At("Look for clusters that are there"),
    "postgres-configured": At("Ask the server whether it runs with what is written"),
    "backup-program-installed": At("Write its configuration"),
    "migrations-begun": At("Stop the service"),
    "service-stopped": At("Back the database up and prove that the backup can be read"),
    "backup-under-way": At("Back the database up and prove that the backup can be read", later=0.6),
    "backup-taken": At("Record the backup that was taken before them"),
    "backup-recorded": At("Hold the lock that one migration of a database has"),
    "migrations-under-way": At("Run the migrations", nth=2, later=0.6),
    "migrations-run": At("Remove the configuration for it"),
    "schema-verified": At("Prove the migrations by what they recorded"),
    "environment-written": At("Write the unit"),
    "unit-written": At("Enable the unit"),
    "link-switched": At("Start the service, or restart it where what it runs from has changed"),
    "service-restarted": At("Ask the database a query as the application would"),
    "answering": At("Accept the release"),
    "accepted": At("Give the lock back"),
}
# Of a version that is not built yet.
BUILD_STAGES = {
    "build-begun": At("Copy the checkout"),
    "dependencies-installed": At("Build"),
    "built": At("Record the release"),
    "release-recorded": At("Compare the schema of the database with its contract"),
}
FAST = ("migrations-under-way",)
# A new value of the configuration, so that environment file and unit are other ones in between.
CHANGE: dict[str, Any] = {"app_environment_extra": {"LOG_LEVEL": "debug"}}
PARAMETERS = [
    *(pytest.param(at, {}, id=name, marks=[pytest.mark.fast] if name in FAST else []) for name, at in STAGES.items()),
    *(pytest.param(at, {"app_version": "v1.2.0-slow"}, id=name) for name, at in BUILD_STAGES.items()),
]
# From where on something was touched that a rollback puts back.
ROLLED_BACK = list(STAGES)[list(STAGES).index("migrations-begun") :]


@pytest.mark.parametrize(("at", "variables"), PARAMETERS)
def test_the_same_deployment_again(
    drills: Drills, at: At, variables: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    with drills.drill(f"killed, {request.node.callspec.id}, again", OLD) as drill:
        version = variables.get("app_version", GOOD)
        drill.deploy(version, kill_at=at, **CHANGE)
        again = drill.deploy(version, **CHANGE)
        assert again.status == 0, again.output[-6000:]
        drill.runs = version
        drill.became("deployed")


@pytest.mark.parametrize(
    "stage", [pytest.param(name, marks=[pytest.mark.fast] if name == "schema-verified" else []) for name in ROLLED_BACK]
)
def test_a_rollback_instead(drills: Drills, stage: str) -> None:
    with drills.drill(f"killed, {stage}, rolled back", OLD) as drill:
        drill.deploy(kill_at=STAGES[stage], **CHANGE)
        back = drill.rollback(rollback_confirm=True)
        # Where the release has served already, what it wrote is lost, and only that.
        drill.given_up = GOOD
        assert back.status == 0, back.output[-6000:]
        drill.became("returned")
