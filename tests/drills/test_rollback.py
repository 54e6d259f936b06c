# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Back to the release before while a client writes, with the database and without, and forth again."""

from __future__ import annotations

import pytest
from ansible_collections.ridgetop.aidis.tests.drills.drill import GOOD, OLD, Drills
from ansible_collections.ridgetop.aidis.tests.drills.rows import account


@pytest.mark.fast
def test_without_the_database(drills: Drills) -> None:
    with drills.drill("rollback without the database") as drill:
        outcome = drill.rollback(rollback_database="none")
        # The older release lives with the newer schema: what it writes stays valid.
        assert outcome.status == 0, outcome.output[-6000:]
        assert drill.machine.observe()["link"].startswith(f"releases/{OLD}")
        forth = drill.rollback(rollback_to=GOOD)
        assert forth.status == 0, forth.output[-6000:]
        drill.became("rolled back, and forth")


@pytest.mark.fast
def test_with_the_database_and_back_again(drills: Drills) -> None:
    with drills.drill("rollback with the database, and its rollback") as drill:
        before = drill.machine.observe()
        refused = drill.rollback(rollback_to=OLD)
        assert refused.failed and refused.says("rows", "Nothing was changed", "rollback_confirm=yes")
        after = drill.machine.observe()
        assert {key: after[key] for key in ("link", "pid", "databases")} == {
            key: before[key] for key in ("link", "pid", "databases")
        }

        back = drill.rollback(rollback_to=OLD, rollback_confirm=True)
        assert back.status == 0 and back.says("Rows that exist now and not there"), back.output[-6000:]
        drill.runs = OLD
        drill.look()
        found = account(drill.machine, list(drill.writer.rows))
        assert found.emergency and not found.replaced and not found.lost, "the emergency backup does not hold all rows"

        replaced = [name for name in drill.machine.databases() if "_replaced_" in name]
        forth = drill.rollback(rollback_to=GOOD, rollback_database=replaced[-1], rollback_confirm=True)
        assert forth.status == 0, forth.output[-6000:]
        drill.runs = GOOD
        gone = [row for row in drill.writer.rows if row.version == GOOD.removeprefix("v")]
        assert len(account(drill.machine, gone).live) == len(gone), "the rows did not come back"
        # What the older release wrote in between is what the second rollback said it would lose.
        drill.given_up = OLD
        drill.became("refused, confirmed, undone")


def test_to_one_that_was_removed(drills: Drills) -> None:
    """It is built again, and started from the files that it ran from, not from those of the release that is left."""
    with drills.drill("rollback to a release that was removed") as drill:
        unit = "systemctl cat aidis-production.service"
        before = drill.machine.run(unit)
        commit = drill.machine.ledger()["running"]["id"].rpartition("-")[2]
        other = {"systemd_exec_start": "/usr/bin/env node dist/server.js", "aidis_keep_releases": 1}
        assert drill.deploy(commit, **other).status == 0
        assert drill.machine.run(unit) != before
        assert OLD not in drill.machine.run("ls /opt/aidis/releases"), "there is nothing to build again"
        back = drill.rollback(rollback_to=OLD, rollback_database="none")
        assert back.status == 0, back.output[-6000:]
        assert drill.machine.run(unit) == before
        assert drill.machine.observe()["link"].startswith(f"releases/{OLD}")
        forth = drill.rollback(rollback_to=GOOD)
        assert forth.status == 0, forth.output[-6000:]
        drill.became("built again, rolled back, and forth")
