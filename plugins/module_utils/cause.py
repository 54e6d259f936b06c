# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cause is, how a signature of one is written down, and what signatures see of the evidence."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

# How sure a signature is that what it sees is the cause.
CERTAIN, LIKELY, POSSIBLE, REMARK = 90, 70, 50, 10
WORDS = {CERTAIN: "certain", LIKELY: "likely", POSSIBLE: "possible", REMARK: "remark"}
HOST, CONTROLLER = "on the host", "on the controller"
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Mend:
    """A command that mends, and where it is run."""

    command: str
    where: str = HOST


@dataclass(frozen=True)
class Found:
    """What a signature saw: a sentence with the facts, the lines that show them, the commands in their order."""

    sentence: str
    lines: tuple[str, ...] = ()
    mends: tuple[Mend, ...] = ()
    certainty: int = 0


@dataclass(frozen=True)
class Signature:
    """A cause that is known by what it leaves. ``explains`` are ids of causes that follow from it.

    A ``symptom`` follows from whatever else is likely. ``meaning`` and ``mended_by`` stand in the documentation.
    """

    id: str
    meaning: str
    mended_by: str
    look: Callable[[Seen], Iterable[Found]]
    certainty: int = CERTAIN
    explains: tuple[str, ...] = ()
    symptom: bool = False


@dataclass(frozen=True)
class Cause:
    """A cause that was found; ``follows`` is the id of another one that it comes from, empty for a root."""

    id: str
    certainty: int
    sentence: str
    lines: tuple[str, ...]
    mends: tuple[Mend, ...]
    follows: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The cause as it stands in a result."""
        mends = [{"command": one.command, "where": one.where} for one in self.mends]
        told = {"id": self.id, "certainty": WORDS[self.certainty], "cause": self.sentence, "lines": list(self.lines)}
        return {**told, "mend": mends, "follows": self.follows}


class Signatures:
    """The signatures of one subject, in their order: ``add`` is a decorator for the function that looks."""

    def __init__(self) -> None:
        self.all: list[Signature] = []

    def add(
        self,
        name: str,
        meaning: str,
        mended_by: str,
        certainty: int = CERTAIN,
        explains: tuple[str, ...] = (),
        symptom: bool = False,
    ) -> Callable[[Callable[[Seen], Iterable[Found]]], Callable[[Seen], Iterable[Found]]]:
        """Keep the function below as the signature of that id."""

        def keep(look: Callable[[Seen], Iterable[Found]]) -> Callable[[Seen], Iterable[Found]]:
            self.all.append(Signature(name, meaning, mended_by, look, certainty, explains, symptom))
            return look

        return keep


@dataclass(frozen=True)
class Commands:
    """Commands of the controller, with the inventory they were started with."""

    deploy: str = "ansible-playbook ridgetop.aidis.deploy"
    rollback: str = "ansible-playbook ridgetop.aidis.rollback"
    # Seconds that the clocks of host and controller may differ by.
    clock_tolerance: float = 5.0


@dataclass(frozen=True)
class Seen:
    """The evidence of a host. A part that could not be had is empty: nothing is concluded from what is not known."""

    evidence: Mapping[str, Any]
    commands: Commands = field(default_factory=Commands)

    def part(self, name: str) -> Mapping[str, Any]:
        """A part that is a mapping."""
        return self.evidence.get(name) or {}

    def rows(self, name: str) -> list[Any]:
        """A part that is a list."""
        return self.evidence.get(name) or []

    def known(self, name: str) -> bool:
        """Whether a part could be had."""
        return self.evidence.get(name) is not None

    @property
    def about(self) -> Mapping[str, Any]:
        """What the inventory says."""
        return self.part("about")

    @property
    def unit(self) -> Mapping[str, str]:
        """The service's unit, empty where there is none on the host or systemd could not be asked."""
        name = self.about.get("unit")
        return next((one for one in self.rows("units") if name and one.get("Id") == name), {})

    @property
    def works(self) -> bool:
        """Whether the unit runs."""
        return self.unit.get("ActiveState") in ("active", "reloading")

    def ended_with(self, status: int) -> bool:
        """Whether the unit does not run and its last process ended with a status."""
        return bool(self.unit) and not self.works and self.unit.get("ExecMainStatus") == str(status)

    @property
    def deployed(self) -> bool:
        """Whether anything of a deployment is on the host."""
        files = [one for one in self.rows("files") if one.get("found")]
        ours = [one for one in files if not one["path"].startswith("/etc/postgresql/")]
        loaded = self.unit.get("LoadState", "not-found") != "not-found"
        return bool(ours) or loaded or bool(self.part("releases").get("entries")) or not self.known("files")

    @property
    def deploy(self) -> Mend:
        """The deployment, which makes good whatever differs from the inventory."""
        return Mend(self.commands.deploy, CONTROLLER)

    @property
    def restart(self) -> Mend:
        """A start of the service that does not mind how often it was started before."""
        unit = shlex.quote(self.about.get("unit", ""))
        return Mend(f"sudo systemctl reset-failed {unit}; sudo systemctl restart {unit}")

    def said(self, *texts: str, most: int = 3) -> tuple[str, ...]:
        """The last lines of the service's journal, of its last runs, or else of its logs, in which a text stands."""
        found = journal([one for one in self.recent() if any(text in one["text"] for text in texts)], most)
        logged = [line for log in self.rows("logs") for line in log["lines"] if any(text in line for text in texts)]
        return found or tuple(logged[-most:])

    def recent(self) -> list[Entry]:
        """The entries of the service's journal that are of its last run, or of its last two where it does not run."""
        entries = self.rows("journal_service")
        runs = list(dict.fromkeys(one["run"] for one in entries if one["run"]))
        wanted = set(runs[-1:] if self.works else runs[-2:])
        # What systemd says between two runs is of none.
        first = next((at for at, one in enumerate(entries) if one["run"] in wanted), 0)
        return list(entries[first:])


def journal(entries: Iterable[Entry], most: int) -> tuple[str, ...]:
    """Entries as lines, the last ones."""
    lines = [f"{one['at']} {one['by']}: {line}" for one in entries for line in one["text"].splitlines()]
    return tuple(lines[-most:])


def megabytes(size: float) -> str:
    """A size in bytes for people."""
    return f"{size / (1 << 30):.1f} GiB" if size >= 10 << 30 else f"{size / (1 << 20):.0f} MiB"
