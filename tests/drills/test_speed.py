# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast a rollback and a deployment are, as multiples of a bare restart in the same run; printed, never judged."""

from __future__ import annotations

import time
from statistics import median

from ansible_collections.ridgetop.aidis.tests.drills import controller
from ansible_collections.ridgetop.aidis.tests.drills.drill import GOOD, OLD, Drill, Drills
from ansible_collections.ridgetop.aidis.tests.drills.machine import INVENTORIES, SERVICE, completed, wait_for
from ansible_collections.ridgetop.aidis.tests.drills.writer import Writer

TIMES = 3
PING = INVENTORIES[1].parent / "ping.yml"


def answered(writer: Writer, since: float, version: str) -> float:
    """Wait for the first row that a version acknowledged after a moment, and return how long after."""

    def found() -> list[float]:
        return [row.at for row in list(writer.rows) if row.at > since and row.version == version.removeprefix("v")]

    wait_for(f"{version} answers", lambda: bool(found()))
    return found()[0] - since


def silence(writer: Writer, before: int) -> float:
    """Wait for the end of the silences after the first so many, and return how long they were."""
    wait_for("an answer", lambda: len(writer.silences) > before and writer.silences[-1].ended is not None)
    return sum(one.seconds() for one in writer.silences[before:])


def costs_nothing(drill: Drill) -> tuple[float, float]:
    """The seconds that a command on the machine takes, and a playbook, which do nothing."""
    commands, playbooks = [], []
    hosts = [f"--inventory={path}" for path in INVENTORIES]
    for _ in range(TIMES):
        begun = time.monotonic()
        drill.machine.run("true")
        commands.append(time.monotonic() - begun)
        begun = time.monotonic()
        completed(["ansible-playbook", str(PING), *hosts])
        playbooks.append(time.monotonic() - begun)
    return median(commands), median(playbooks)


def restarted(drill: Drill, command: float) -> tuple[float, float]:
    """The seconds of a bare restart: from the command to the first answer, and those without an answer."""
    waits, silences = [], []
    for _ in range(TIMES):
        known, begun = len(drill.writer.silences), time.monotonic()
        drill.machine.run('systemctl restart "$1"', SERVICE)
        silences.append(silence(drill.writer, known))
        end = drill.writer.silences[-1].ended
        assert end is not None
        waits.append(end - begun - command)
        # No more starts than systemd allows.
        drill.machine.run('systemctl reset-failed "$1"', SERVICE)
        time.sleep(2)
    return median(waits), median(silences)


def test_as_multiples_of_a_bare_restart(drills: Drills) -> None:
    with drills.drill("speed", pause=0.02) as drill:
        command, playbook = costs_nothing(drill)
        wait, still = restarted(drill, command)
        rollbacks = []
        for version in (OLD, GOOD, OLD, GOOD):
            begun = time.monotonic()
            with controller.started("rollback", rollback_to=version, rollback_database="none") as run:
                rollbacks.append(answered(drill.writer, begun, version) - playbook)
                ended = run.end()
            assert ended.status == 0, ended.output[-6000:]
        # The same commit by another name: another release without pending migrations.
        known = len(drill.writer.silences)
        outcome = drill.deploy("main")
        assert outcome.status == 0, outcome.output[-6000:]
        deployed = silence(drill.writer, known)
        drills.report.ratios |= {
            "rollback without the database, its own start taken off / bare restart (at most 3)": median(rollbacks)
            / wait,
            "seconds without an answer, deployment without migrations / bare restart (at most 1.5)": deployed / still,
        }
        drills.report.seconds |= {
            "a playbook that does nothing": playbook,
            "bare restart, to the first answer": wait,
            "bare restart, without an answer": still,
            "rollback without the database, to the first answer": median(rollbacks) + playbook,
            "deployment without migrations, without an answer": deployed,
        }
        drill.runs = "main"
        drill.became("measured")
