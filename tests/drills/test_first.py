# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A first deployment that fails: there is nothing to return to, and everything to find out why."""

from __future__ import annotations

import pytest
from ansible_collections.ridgetop.aidis.molecule.shared.playbook import Ran
from ansible_collections.ridgetop.aidis.tests.drills.drill import OLD
from ansible_collections.ridgetop.aidis.tests.drills.machine import Machine, Observation


@pytest.mark.fast
def test_it_leaves_the_service_stopped(first: tuple[Ran, Observation] | None, machine: Machine) -> None:
    if first is None:
        pytest.skip("this machine was kept, and has its first deployment behind it (--keep)")
    outcome, seen = first
    assert outcome.failed, outcome.output[-6000:]
    assert outcome.says(
        "does not answer as it should",
        "Nothing was accepted here before, so there is nothing to return to: aidis-production.service is stopped.",
        "journalctl -u aidis-production.service",
    )
    assert (seen["active"], seen["pid"], seen["lock"]) == ("inactive", 0, None)
    assert seen["health"]["status"] == 0, "what failed still answers"
    # What is there to diagnose it with: its release, its configuration, its unit, its journal, the ledger.
    (entry,) = seen["ledger"]["releases"]
    assert (entry["version"], entry["result"]) == (OLD, "failed")
    assert seen["ledger"]["running"] is None
    assert machine.run("journalctl --unit=aidis-production.service --lines=1 --quiet")
