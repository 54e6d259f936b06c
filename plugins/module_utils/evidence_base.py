# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of a host, and how: each command within a time limit, each text within a length."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host

Evidence = dict[str, Any]
Item = TypeVar("Item")

# Characters of one text, and lines of one command, that are kept: the last ones of a log tell most.
LONGEST, MOST_LINES = 4000, 400


@dataclass(frozen=True)
class About:
    """What the inventory says of a host; empty where a part of the deployment is not meant to be on it.

    ``secrets`` maps names of variables of the environment file to their values, ``password`` is the database's.
    """

    service: str = ""
    user: str = ""
    units: tuple[str, ...] = ()
    paths: tuple[dict[str, str], ...] = ()
    root: str = ""
    state_dir: str = ""
    backups: str = ""
    environment_file: str = ""
    working_directory: str = ""
    exec_start: str = ""
    runtime_minimum: str = ""
    lock: str = ""
    ports: tuple[int, ...] = ()
    logs: tuple[str, ...] = ()
    database: dict[str, Any] = field(default_factory=dict)
    extensions: tuple[str, ...] = ()
    lines: int = 60
    seconds: float = 10.0
    password: str | None = field(default=None, repr=False)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def unit(self) -> str:
        """The service's unit with its suffix."""
        return f"{self.service}.service" if self.service else ""


class Looker:
    """Looks at the host the module runs on; it only reads."""

    def __init__(self, about: About, host: Host | None = None) -> None:
        self.about = about
        self.host = host or Host()

    def run(self, *argv: str, statuses: tuple[int, ...] = (0,)) -> str:
        """What a command prints. Raises CannotCheckError where it fails, TooSlowError where it does not end."""
        ran = self.host.run(argv, self.about.seconds)
        if ran.status not in statuses:
            said = (ran.err.strip() or ran.out.strip() or "no output").splitlines()
            raise CannotCheckError(f"{argv[0]} ended with status {ran.status}: {' '.join(said[-3:])}")
        return ran.out

    def lines(self, *argv: str, statuses: tuple[int, ...] = (0,)) -> list[str]:
        """The last lines that a command prints. Raises as ``run`` does."""
        return self.run(*argv, statuses=statuses).splitlines()[-MOST_LINES:]


def last(items: list[Item], number: int) -> list[Item]:
    """The last items of a list, none where none are wanted."""
    return items[-number:] if number > 0 else []


def shortened(value: Any) -> Any:
    """A structure with each text cut to a length. To be done after the masking: half a secret is not found."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[:LONGEST]} [... {len(value) - LONGEST} more characters]"
    if isinstance(value, dict):
        return {name: shortened(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [shortened(part) for part in value]
    return value
