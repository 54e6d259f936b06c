# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stage of the drills: one machine, deployed to once; and the table at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.ridgetop.aidis.molecule.shared.playbook import Ran
from ansible_collections.ridgetop.aidis.tests.drills import controller
from ansible_collections.ridgetop.aidis.tests.drills.drill import GOOD, OLD, SNAPSHOTS, Drills
from ansible_collections.ridgetop.aidis.tests.drills.machine import Machine, Observation
from ansible_collections.ridgetop.aidis.tests.drills.report import FILE, Report
from ansible_collections.ridgetop.aidis.tests.drills.snapshots import Snapshots

REPORT = pytest.StashKey[Report]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Keep the machine, for those who work on the drills."""
    parser.addoption("--keep", action="store_true", help="use the machine of the run before, and leave it there")


def pytest_configure(config: pytest.Config) -> None:
    """Know the marker and have a report."""
    config.addinivalue_line("markers", "fast: run in CI, too")
    config.stash[REPORT] = Report()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table, and write the file."""
    report = config.stash[REPORT]
    report.write()
    terminalreporter.section(f"drills, also in {FILE}")
    for line in report.text():
        terminalreporter.write_line(line)


def deployed(version: str, *arguments: str) -> None:
    """Deploy a version, which must not fail."""
    outcome = controller.play("deploy", *arguments, app_version=version)
    assert outcome.status == 0, outcome.output[-6000:]


@pytest.fixture(scope="session")
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """The machine, gone at the end in all cases."""
    found = Machine()
    keep = bool(request.config.getoption("--keep"))
    try:
        if not (keep and found.is_there()):
            found.create()
        found.look_up_ports()
        yield found
    finally:
        if not keep:
            found.destroy()


@pytest.fixture(scope="session")
def first(machine: Machine) -> tuple[Ran, Observation] | None:
    """A first deployment that fails, and the machine after it; None where this machine has its first behind it."""
    if Snapshots(machine).are_there(SNAPSHOTS.values()):
        return None
    # The release itself is good: the next deployment takes it as it is.
    outcome = controller.play("deploy", app_version=OLD, app_health_timeout=10, systemd_exec_start="/usr/bin/false")
    return outcome, machine.observe()


@pytest.fixture(scope="session")
def drills(machine: Machine, first: tuple[Ran, Observation] | None, request: pytest.FixtureRequest) -> Drills:
    """The stage, with both good versions deployed once and kept. What failed before is none of their business."""
    snapshots = Snapshots(machine)
    if not snapshots.are_there(SNAPSHOTS.values()):
        deployed(OLD)
        # The next version is built already in both: most drills are not about the build.
        deployed(GOOD, "--tags=app_build")
        snapshots.save(SNAPSHOTS[OLD])
        deployed(GOOD)
        snapshots.save(SNAPSHOTS[GOOD])
    return Drills(machine, snapshots, request.config.stash[REPORT])
