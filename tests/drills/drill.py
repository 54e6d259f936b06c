# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One drill: a known state, a writer through all of it, what happens, and what must be so after it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any

from ansible_collections.ridgetop.aidis.molecule.shared.playbook import Ran
from ansible_collections.ridgetop.aidis.tests.drills import controller
from ansible_collections.ridgetop.aidis.tests.drills.invariants import faults
from ansible_collections.ridgetop.aidis.tests.drills.machine import Machine, wait_for
from ansible_collections.ridgetop.aidis.tests.drills.report import Line, Report
from ansible_collections.ridgetop.aidis.tests.drills.rows import account
from ansible_collections.ridgetop.aidis.tests.drills.snapshots import Snapshots
from ansible_collections.ridgetop.aidis.tests.drills.writer import Writer

# The versions that drills begin from, and the names of their snapshots.
OLD, GOOD = "v1.0.0", "v1.1.0"
SNAPSHOTS = {OLD: "old", GOOD: "good"}


@dataclass
class Part:
    """A fault and what followed, from one moment to the next: with the rows and silences that were in it."""

    line: Line
    begun: float
    ended: float = inf

    def holds(self, moment: float) -> bool:
        """Whether a moment is in it."""
        return self.begun <= moment < self.ended


@dataclass
class Drill:
    """What a test works with, and tells the end of its story with."""

    machine: Machine
    writer: Writer
    report: Report
    # The version that is to run in the end.
    runs: str
    # The version whose rows may be out of the live database: one that failed and was returned from with the database,
    # or one whose rows a rollback has said that it would lose, and was confirmed.
    given_up: str = ""
    parts: list[Part] = field(default_factory=list)

    def deploy(self, version: str = GOOD, **options: Any) -> Ran:
        """Run deploy.yml."""
        return controller.play("deploy", app_version=version, **options)

    def rollback(self, **options: Any) -> Ran:
        """Run rollback.yml."""
        return controller.play("rollback", **options)

    def look(self) -> None:
        """Hold the host against the invariants."""
        found = faults(self.machine.observe(), self.runs)
        assert not found, "\n".join(found)

    def fault(self, name: str) -> None:
        """Begin a line of the table."""
        now = time.monotonic()
        if self.parts:
            self.parts[-1].ended = now
        line = Line(name)
        self.parts.append(Part(line, now))
        self.report.lines.append(line)

    def became(self, outcome: str) -> None:
        """Say, for the table, what became of the fault."""
        self.parts[-1].line.outcome = outcome

    def serves(self) -> None:
        """Wait until the writer is answered."""
        now = time.monotonic()
        wait_for("the writer is answered", lambda: self.writer.answered_since(now) is not None)

    def settle(self) -> None:
        """Every row that was acknowledged is there, or where it was said that it would be."""
        found = account(self.machine, self.writer.rows)
        for part in self.parts:
            part.line.found_live = sum(part.holds(row.at) for row in found.live)
            part.line.found_elsewhere = sum(part.holds(row.at) for row in (*found.replaced, *found.emergency))
        assert not found.lost, f"{len(found.lost)} rows are lost, the first: {found.lost[:3]}"
        assert not found.replaced, f"{len(found.replaced)} rows are in no emergency backup: {found.replaced[:3]}"
        kept = [row for row in found.emergency if f"v{row.version}" != self.given_up]
        assert not kept, f"{len(kept)} rows that nobody said would be lost are not in the live database: {kept[:3]}"

    def finish(self) -> None:
        """Write what the writer saw into the table."""
        self.parts[-1].ended = time.monotonic()
        for part in self.parts:
            line, silences = part.line, self.writer.silences
            line.acknowledged = sum(part.holds(row.at) for row in self.writer.rows)
            line.unanswered_seconds = round(sum(one.seconds() for one in silences if part.holds(one.begun)), 2)
            line.took_seconds = round(part.ended - part.begun, 1)


@dataclass
class Drills:
    """The stage: the machine, its snapshots, and the report."""

    machine: Machine
    snapshots: Snapshots
    report: Report

    @contextmanager
    def drill(self, fault: str, over: str = GOOD, pause: float = 0.1) -> Iterator[Drill]:
        """Put the stage back, let the writer write, and after the body hold everything against what was promised.

        The last part of that is the next deployment, with no hand on the host in between.
        """
        self.snapshots.restore(SNAPSHOTS[over])
        drill = Drill(self.machine, Writer(self.machine.mcp, pause), self.report, runs=over)
        drill.fault(f"{fault}, over {over}")
        drill.writer.start()
        try:
            drill.serves()
            yield drill
            drill.look()
            again = drill.deploy()
            assert again.status == 0, again.output[-6000:]
            drill.runs = GOOD
            drill.look()
            drill.serves()
        finally:
            drill.writer.stop()
            drill.finish()
        drill.settle()
