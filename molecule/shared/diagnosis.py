# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of diagnose.yml, as a user starts it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.ridgetop.aidis.molecule.shared import playbook

# Keeps what the playbook's task returned: what is printed is made for people.
CALLBACKS = Path(__file__).resolve().parent / "callback"


@dataclass
class Diagnosis:
    """What a run of the playbook said: the causes of each host by their ids, the worst first."""

    status: int
    output: str
    bundle: Path | None
    hosts: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    @property
    def causes(self) -> dict[str, dict[str, Any]]:
        """The causes of the only host, or none where nothing was said of it."""
        return next(iter(self.hosts.values()), {})

    @property
    def order(self) -> list[str]:
        """Their ids, in the order in which they are told."""
        return list(self.causes)

    def mends(self, name: str) -> list[str]:
        """The commands for a cause."""
        return [one["command"] for one in self.causes[name]["mend"]]


def run(where: Sequence[str], reports: Path, *arguments: str, **variables: Any) -> Diagnosis:
    """Run the playbook; ``where`` are the options that name inventories, ``reports`` a directory for bundles."""
    told = reports / "told.json"
    reports.mkdir(exist_ok=True)
    told.unlink(missing_ok=True)
    ran = playbook.run(
        "diagnose",
        where,
        *arguments,
        environment={
            # A host that cannot be reached, or has no Python, must fail as it does for a user.
            **playbook.AS_A_USER,
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "told",
            "TOLD": str(told),
        },
        **{"diagnose_dest": str(reports), **variables},
    )
    found: dict[str, Any] = {"hosts": {}, "bundle": ""}
    if told.exists():
        found = json.loads(told.read_text(encoding="utf-8"))
    hosts = {host: {one["id"]: one for one in said["causes"]} for host, said in found["hosts"].items()}
    return Diagnosis(ran.status, ran.output, Path(found["bundle"]) if found["bundle"] else None, hosts)
