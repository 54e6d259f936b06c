# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A playbook of the collection, run on a scenario's machines as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
# What is read must not be coloured, whatever the caller's terminal is.
PLAIN = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
# The environment of a run that must be as a user's, where the scenario's is not: see tools/test.
AS_A_USER = {"ANSIBLE_STRATEGY": "linear"}


@dataclass
class Ran:
    """How a run ended."""

    status: int
    output: str

    @property
    def failed(self) -> bool:
        """Whether it ended as a failed run does, and not by a signal or a wrong option."""
        return self.status == 2

    def says(self, *texts: str) -> bool:
        """Whether all texts stand in the output, wherever its lines are broken."""
        flat = " ".join(self.output.split())
        return all(text in flat for text in texts)


def inventories(own: Path) -> list[str]:
    """The options that name a scenario's inventory, and the one that all scenarios share."""
    return [f"--inventory={own.parents[1] / 'shared' / 'inventory'}", f"--inventory={own}"]


def command(name: str, where: Sequence[str], *arguments: str, **variables: Any) -> list[str]:
    """The command line of a playbook, with variables over those of the inventory."""
    return ["ansible-playbook", f"ridgetop.aidis.{name}", *where, "--extra-vars", json.dumps(variables), *arguments]


def run(
    name: str, where: Sequence[str], *arguments: str, environment: Mapping[str, str] | None = None, **variables: Any
) -> Ran:
    """Run the playbook to its end; ``where`` are the options that name inventories."""
    return _ran(command(name, where, *arguments, **variables), environment or {})


def module(host: str, where: Sequence[str], *arguments: str) -> Ran:
    """Run a module on a host by itself."""
    return _ran(["ansible", host, *where, *arguments], {})


def _ran(words: Sequence[str], environment: Mapping[str, str]) -> Ran:
    done = subprocess.run(
        words,
        cwd=PROJECT,
        env={**os.environ, **PLAIN, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout)
