# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that is broken, diagnosed, mended by the command that the diagnosis names, and diagnosed again."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HOST = "aidis-diagnose"
UNIT = "aidis-production.service"
# Nothing keeps the clock of a container right, and nothing in it may set it.
REMARKS = {"clock.unsynchronised"}


@dataclass
class Diagnosis:
    """What a run of the playbook said of the host."""

    status: int
    output: str
    causes: dict[str, dict[str, Any]]
    order: list[str]
    bundle: Path | None

    def mends(self, name: str) -> list[str]:
        """The commands for a cause."""
        return [one["command"] for one in self.causes[name]["mend"]]


Diagnose = Callable[..., Diagnosis]


@pytest.fixture(scope="session")
def inventories(request: pytest.FixtureRequest) -> list[str]:
    """The options that name the scenario's inventory, and the one that all scenarios share."""
    own = Path(request.config.getoption("--ansible-inventory"))
    return [f"--inventory={own.parents[1] / 'shared' / 'inventory'}", f"--inventory={own}"]


@pytest.fixture
def diagnose(inventories: list[str], tmp_path: Path) -> Diagnose:
    """Run diagnose.yml as a user does, and read its causes from what the task returned."""

    def run(*arguments: str, inventory: list[str] | None = None, **variables: Any) -> Diagnosis:
        told = tmp_path / "told.json"
        told.unlink(missing_ok=True)
        given = {"diagnose_dest": str(tmp_path / "reports"), **variables}
        command = ["ansible-playbook", "ridgetop.aidis.diagnose", *(inventory or inventories), *arguments]
        command += ["--extra-vars", json.dumps(given)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(told))
        found: dict[str, Any] = {"hosts": {}, "bundle": ""}
        if told.exists():
            found = json.loads(told.read_text(encoding="utf-8"))
        causes = found["hosts"].get(HOST, {"causes": []})["causes"]
        bundle = Path(found["bundle"]) if found["bundle"] else None
        output = ran.stdout + ran.stderr
        return Diagnosis(
            ran.returncode, output, {one["id"]: one for one in causes}, [one["id"] for one in causes], bundle
        )

    return run


def environment(told: Path) -> dict[str, str]:
    """The environment of a run whose result is written to a file."""
    plugins = str(Path(__file__).resolve().parent / "callback")
    return {**os.environ, "ANSIBLE_CALLBACK_PLUGINS": plugins, "ANSIBLE_CALLBACKS_ENABLED": "told", "TOLD": str(told)}


@pytest.fixture
def mend(host: Any, inventories: list[str]) -> Callable[[list[dict[str, str]]], None]:
    """Run the commands that mend, each where it says."""

    def run(mends: list[dict[str, str]]) -> None:
        assert mends, "there is no command"
        for one in mends:
            if one["where"] == "on the host":
                host.run_expect([0], one["command"])
            else:
                words = shlex.split(one["command"])
                ran = subprocess.run(words, capture_output=True, text=True, check=False)
                assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr
        host.run("timeout 60 bash -c 'until : < /dev/tcp/127.0.0.1/8080; do sleep 0.2; done'")

    return run


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
