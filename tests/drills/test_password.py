# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another password of the database while a client writes, with good releases, bad ones, and none at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.shared import secrets
from ansible_collections.ridgetop.aidis.molecule.shared.playbook import Ran
from ansible_collections.ridgetop.aidis.tests.drills import controller
from ansible_collections.ridgetop.aidis.tests.drills.controller import At
from ansible_collections.ridgetop.aidis.tests.drills.drill import GOOD, OLD, Drill, Drills
from ansible_collections.ridgetop.aidis.tests.drills.machine import INVENTORIES, SERVICE, Machine
from ansible_collections.ridgetop.aidis.tests.drills.writer import Silence

VARIABLE = "vault_aidis_database_password"
# The characters of the inventory's, so that nothing is easier for the new one.
NEW = """another '"%\\ $@/ password"""
FORMER = secrets.of(INVENTORIES[1])[VARIABLE]
CHANGE: dict[str, Any] = {VARIABLE: NEW}
NEVER_READY = "v1.2.0-never-ready"
RESTART = At("Start the service, or restart it where what it runs from has changed")
# What is done -> the task that comes next, where the run is killed.
STAGES = {
    "environment-written": At("Give the application's role its password"),
    "password-set": At("Point at the release"),
}
# How much longer than a bare restart nothing may be answered: the deployment works beside it on the same processors.
MARGIN = 3


def opens(machine: Machine, password: str) -> bool:
    """Whether a password opens the database over TCP."""
    said = machine.run(
        'PGPASSWORD=$1 psql -XAtqw -h 127.0.0.1 -U ridgetop -d aidis_production -c "SELECT 1" 2>&1 || true', password
    )
    assert said == "1" or "password authentication failed" in said, said
    return said == "1"


def holds(drill: Drill, password: str, other: str) -> None:
    """One password is the database's and the environment file's, the other one nobody's, and no log has either."""
    assert opens(drill.machine, password) and not opens(drill.machine, other)
    text = drill.machine.run("cat /etc/aidis/production.env")
    assert any(form in text for form in secrets.forms(password))
    assert not any(form in text for form in secrets.forms(other))
    log = drill.machine.run("cat /var/log/postgresql/*.log")
    assert "CREATE " in log, "nothing is logged at all"
    assert not any(form in log for word in (password, other) for form in secrets.forms(word))


def longest(silences: list[Silence]) -> float:
    return max(one.seconds() for one in silences)


def restarted(drill: Drill) -> float:
    """The longest time without an answer of bare restarts."""
    known = len(drill.writer.silences)
    for _ in range(2):
        drill.machine.run('systemctl restart "$1"', SERVICE)
        drill.serves()
    return longest(drill.writer.silences[known:])


@pytest.mark.fast
def test_nothing_fails_but_for_the_restart(drills: Drills) -> None:
    with drills.drill("another password") as drill:
        bare, known = restarted(drill), len(drill.writer.silences)
        with controller.started("deploy", app_version=GOOD, **CHANGE) as run:
            run.until(RESTART)
            begun = time.monotonic()
            ended = run.end()
        assert ended.status == 0, ended.output[-6000:]
        drill.serves()
        silences = drill.writer.silences[known:]
        assert len(silences) == 1 and silences[0].ended and silences[0].ended > begun, (begun, silences)
        ratio = longest(silences) / bare
        drills.report.ratios[f"without an answer, another password / bare restart (at most {MARGIN})"] = ratio
        assert ratio <= MARGIN, (bare, silences)
        holds(drill, NEW, FORMER)
        drill.became("deployed")


@pytest.mark.parametrize("over", [GOOD, OLD])
def test_a_release_that_returns_knows_it(drills: Drills, over: str) -> None:
    """Over the old version the database returns to its backup, and has the new password all the same."""
    with drills.drill("another password, never ready", over) as drill:
        drill.given_up = NEVER_READY
        outcome = drill.deploy(NEVER_READY, app_health_timeout=10, **CHANGE)
        assert outcome.failed and outcome.says(f"Returned to {over}-"), outcome.output[-6000:]
        drill.look()
        holds(drill, NEW, FORMER)
        # By what is in its file, and not by sessions that live on.
        drill.machine.run('systemctl restart "$1"', SERVICE)
        drill.serves()
        again = drill.deploy(over, **CHANGE)
        assert again.status == 0, again.output[-6000:]
        converges(drill, over)
        drill.became("failed, returned")


def converges(drill: Drill, version: str) -> None:
    """The same deployment as before has nothing to do any more."""
    again = drill.deploy(version, **CHANGE)
    assert again.status == 0 and again.says("changed=0"), again.output[-6000:]


def deploy_again(drill: Drill) -> Ran:
    return drill.deploy(**CHANGE)


def deploy_with_the_former(drill: Drill) -> Ran:
    return drill.deploy()


def roll_back(drill: Drill) -> Ran:
    return drill.rollback(rollback_to=GOOD, rollback_database="none", **CHANGE)


@pytest.mark.parametrize(
    ("stage", "then"),
    [
        ("environment-written", deploy_again),
        ("password-set", deploy_again),
        ("password-set", deploy_with_the_former),
        ("password-set", roll_back),
    ],
)
def test_killed_between_its_two_halves(drills: Drills, stage: str, then: Callable[[Drill], Ran]) -> None:
    with drills.drill(f"another password, killed, {stage}, {then.__name__}") as drill:
        known = len(drill.writer.silences)
        drill.deploy(kill_at=STAGES[stage], **CHANGE)
        drill.serves()
        assert drill.writer.silences[known:] == [], "what was not restarted has noticed"
        outcome = then(drill)
        assert outcome.status == 0, outcome.output[-6000:]
        holds(drill, *((FORMER, NEW) if then is deploy_with_the_former else (NEW, FORMER)))
        if then is deploy_again:
            converges(drill, GOOD)
        drill.became("deployed")
