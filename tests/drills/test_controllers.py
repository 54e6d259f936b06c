# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two controllers, and locks that nobody holds any more."""

from __future__ import annotations

import pytest
from ansible_collections.ridgetop.aidis.tests.drills import controller
from ansible_collections.ridgetop.aidis.tests.drills.controller import At
from ansible_collections.ridgetop.aidis.tests.drills.drill import GOOD, OLD, Drills

LOCK = "/var/lib/aidis/deploy.lock"
# As if the run that left it had been on another controller, of which nobody here knows whether it lives.
ELSEWHERE = """sed -i 's/"machine": "[^"]*"/"machine": "another"/' "$1"; grep -q '"machine": "another"' "$1" """
TAKEN = At("Look for clusters that are there")


@pytest.mark.fast
def test_the_second_of_two_is_told_who_is_first(drills: Drills) -> None:
    with drills.drill("two controllers", OLD) as drill:
        with controller.started("deploy", app_version=GOOD, lock_owner="the first") as first:
            first.until(TAKEN)
            second = drill.deploy(lock_owner="the second")
            assert second.failed and second.says("the first", f"deployment of {GOOD}", "since"), second.output[-6000:]
            assert first.end().status == 0
        drill.runs = GOOD
        drill.became("the second refused, the first deployed")


@pytest.mark.fast
def test_a_lock_whose_lease_has_ended_is_taken_over(drills: Drills) -> None:
    with drills.drill("stale lock of another controller", OLD) as drill:
        drill.deploy(kill_at=TAKEN, lock_owner="who is gone", aidis_lock_lease=1)
        drill.machine.run(ELSEWHERE, LOCK)
        outcome = drill.deploy()
        assert outcome.status == 0 and outcome.says("Took over the lock", "who is gone"), outcome.output[-6000:]
        drill.runs = GOOD
        drill.became("taken over, deployed")


def test_a_lock_of_another_controller_is_respected(drills: Drills) -> None:
    with drills.drill("lock of another controller") as drill:
        drill.deploy(kill_at=TAKEN, lock_owner="who is elsewhere")
        drill.machine.run(ELSEWHERE, LOCK)
        refused = drill.deploy()
        assert refused.failed and refused.says("who is elsewhere"), refused.output[-6000:]
        forced = drill.deploy(lock_takeover=True)
        assert forced.status == 0 and forced.says("Took over the lock"), forced.output[-6000:]
        drill.became("refused, then taken by force")


def test_a_rollback_that_is_a_link_and_a_restart_minds_the_lock_too(drills: Drills) -> None:
    with drills.drill("lock of another controller, rollback without the database") as drill:
        drill.deploy(kill_at=TAKEN, lock_owner="who is elsewhere")
        drill.machine.run(ELSEWHERE, LOCK)
        before = drill.machine.observe()
        refused = drill.rollback(rollback_to=OLD, rollback_database="none", lock_wait_seconds=2)
        assert refused.failed and refused.says("who is elsewhere"), refused.output[-6000:]
        after = drill.machine.observe()
        assert {key: after[key] for key in ("link", "pid")} == {key: before[key] for key in ("link", "pid")}
        forced = drill.rollback(rollback_to=OLD, rollback_database="none", lock_takeover=True)
        assert forced.status == 0 and forced.says("Took over the lock"), forced.output[-6000:]
        drill.deploy(kill_at=TAKEN, lock_owner="who was killed here")
        back = drill.rollback(rollback_to=GOOD, rollback_database="none")
        assert back.status == 0 and back.says("Took over the lock", "the process is gone"), back.output[-6000:]
        drill.became("refused, forced, and taken over from the dead")
