# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that is broken, diagnosed, mended by the command that the diagnosis names, and diagnosed again."""

from __future__ import annotations

import shlex
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.shared import playbook
from ansible_collections.ridgetop.aidis.molecule.shared.diagnosis import Diagnosis, run

HOST = "aidis-diagnose"
UNIT = "aidis-production.service"
# Nothing keeps the clock of a container right, and nothing in it may set it.
REMARKS = {"clock.unsynchronised"}


Diagnose = Callable[..., Diagnosis]


@pytest.fixture(scope="session")
def inventories(request: pytest.FixtureRequest) -> list[str]:
    """The options that name the inventories."""
    return playbook.inventories(Path(request.config.getoption("--ansible-inventory")))


@pytest.fixture
def diagnose(inventories: list[str], tmp_path: Path) -> Diagnose:
    """Run diagnose.yml as a user does, on the scenario's inventories or on others."""

    def call(*arguments: str, inventory: list[str] | None = None, **variables: Any) -> Diagnosis:
        return run(inventory or inventories, tmp_path / "reports", *arguments, **variables)

    return call


@pytest.fixture
def mend(host: Any, inventories: list[str]) -> Callable[[list[dict[str, str]]], None]:
    """Run the commands that mend, each where it says."""

    def call(mends: list[dict[str, str]]) -> None:
        assert mends, "there is no command"
        for one in mends:
            if one["where"] == "on the host":
                host.run_expect([0], one["command"])
            else:
                words = shlex.split(one["command"])
                ran = subprocess.run(words, capture_output=True, text=True, check=False)
                assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr
        host.run("timeout 60 bash -c 'until : < /dev/tcp/127.0.0.1/8080; do sleep 0.2; done'")

    return call


@pytest.fixture
def well(diagnose: Diagnose, host: Any) -> Iterator[None]:
    """The host is well before a test, and has to be after it: what a test breaks, the named command mends."""
    yield
    host.run("systemctl reset-failed")
    after = diagnose()
    if not set(after.order) <= REMARKS:
        # For the tests that follow: one that failed must not make them fail, too.
        host.run(f"systemctl revert {UNIT}; systemctl start postgresql; systemctl restart {UNIT}")
        pytest.fail(after.output[-5000:])


def texts_of(bundle: Path) -> dict[str, str]:
    """The files in a bundle."""
    with tarfile.open(bundle) as archive:
        files = [(member.name, archive.extractfile(member)) for member in archive]
        return {name: file.read().decode() for name, file in files if file}


def sql(host: Any, statement: str, database: str = "postgres") -> str:
    """What a statement answers, as the superuser."""
    answer: str = host.check_output("cd / && sudo -u postgres psql -XAtqd %s -c %s", database, statement)
    return answer
