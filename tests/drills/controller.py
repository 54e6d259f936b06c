# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of ansible-playbook as a person starts them, which can be killed, or disturbed, when a task begins."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.ridgetop.aidis.molecule.shared import playbook
from ansible_collections.ridgetop.aidis.molecule.shared.playbook import AS_A_USER, Ran
from ansible_collections.ridgetop.aidis.tests.drills.machine import INVENTORIES

OPERATOR = "drill"


@dataclass(frozen=True)
class At:
    """The moment when a task begins for the nth time, and some seconds later."""

    task: str
    nth: int = 1
    later: float = 0


@dataclass
class Run:
    """A run that goes on."""

    process: subprocess.Popen[str]
    begun: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)

    def until(self, at: At) -> None:
        """Read on to the moment. A task that never begins is a drill that drills nothing."""
        assert self.process.stdout is not None
        left = at.nth
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith("TASK [") and line.partition("]")[0].endswith((f"[{at.task}", f": {at.task}")):
                left -= 1
                if left == 0:
                    time.sleep(at.later)
                    return
        raise AssertionError(f"the task never began: {at}\n{''.join(self.lines)[-6000:]}")

    def kill(self) -> Ran:
        """End it, and all that it has started and that is still its own, by SIGKILL."""
        # Stopped first, so that it starts nothing while it is looked at. Its workers have sessions of their own.
        os.kill(self.process.pid, signal.SIGSTOP)
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return Ran(self.process.returncode, "".join(self.lines))

    def end(self) -> Ran:
        """Wait for its end."""
        rest, _ = self.process.communicate()
        return Ran(self.process.returncode, "".join(self.lines) + rest)


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have started."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        mine = children.get(waiting.pop(), [])
        found += mine
        waiting += mine
    return found


@contextmanager
def started(name: str, *arguments: str, environment: Mapping[str, str] = AS_A_USER, **variables: Any) -> Iterator[Run]:
    """Start a playbook of the collection with variables over the inventory's; it does not outlive the block.

    Without another ``environment`` it runs as a user's does, whatever is set around the drills.
    """
    hosts = [f"--inventory={path}" for path in INVENTORIES]
    command = playbook.command(name, hosts, *arguments, **{"app_operator": OPERATOR, **variables})
    # Where skipped tasks are not shown, a task is shown only when its first result is there.
    plain = {**playbook.PLAIN, "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "true"}
    process = subprocess.Popen(
        command,
        text=True,
        env={**os.environ, **plain, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    run = Run(process)
    try:
        yield run
    finally:
        if process.poll() is None:
            run.kill()


def play(
    name: str,
    *arguments: str,
    kill_at: At | None = None,
    disturb: tuple[At, Callable[[], object]] | None = None,
    **variables: Any,
) -> Ran:
    """Run a playbook to its end, or kill it at a moment, or do something else at one and let it go on.

    One that nothing happens to is about what becomes of the host: tools/test has Mitogen run it.
    """
    undisturbed = kill_at is None and disturb is None
    with started(name, *arguments, environment={} if undisturbed else AS_A_USER, **variables) as run:
        if kill_at is not None:
            run.until(kill_at)
            return run.kill()
        if disturb is not None:
            at, action = disturb
            run.until(at)
            action()
        return run.end()
