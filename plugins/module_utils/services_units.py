# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What units of systemd need, by what is there: their state, and files newer than what they last read."""

from __future__ import annotations

import datetime
import os
import typing as t
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

from ansible_collections.ridgetop.aidis.plugins.module_utils.services import ServicesError, Unit
from ansible_collections.ridgetop.aidis.plugins.module_utils.unit_start import Run, StartError, start

PROPERTIES = (
    "LoadState ActiveState SubState UnitFileState CanReload NeedDaemonReload ExecMainStartTimestamp"
    " ActiveEnterTimestamp StateChangeTimestamp MainPID NRestarts Result ExecMainStatus LoadError"
).split()
# What `systemctl enable` changes. The others are as enabled as they can be, by themselves or by what made them.
NOT_ENABLED = ("disabled", "enabled-runtime", "linked", "linked-runtime")
ENABLED = ("enabled", "enabled-runtime")
ACTIVE = ("active", "reloading", "refreshing")
UNIT_DIRECTORIES = ("/etc/systemd/", "/run/systemd/", "/usr/lib/systemd/", "/lib/systemd/", "/usr/local/lib/systemd/")

# When a file was last written, in microseconds since 1970; None where it is not there.
Written = Callable[[str], "int | None"]


@dataclass(frozen=True)
class State:
    """A unit as systemd has it; nothing of it is known where ``load`` is empty. Times are in microseconds."""

    load: str = ""
    active: str = "inactive"
    sub: str = "dead"
    file: str = ""
    reloads: bool = False
    stale: bool = False
    started: int | None = None
    changed: int | None = None
    incarnation: tuple[str, str] = ("0", "0")
    why: str = ""

    @property
    def is_active(self) -> bool:
        """Whether it runs."""
        return self.active in ACTIVE


def microseconds(text: str) -> int | None:
    """Return a time as `systemctl --timestamp=us+utc` writes it; None where it writes none. Raises ValueError."""
    words = text.split()
    if len(words) < 3:
        return None
    told = datetime.datetime.fromisoformat(f"{words[1]}T{words[2]}+00:00")
    since = told - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return since // datetime.timedelta(microseconds=1)


def states(run: Run, names: Sequence[str]) -> list[State]:
    """Return the states of units, in their order. Raises ServicesError."""
    if not names:
        return []
    command = ["systemctl", "show", "--timestamp=us+utc", f"--property={','.join(PROPERTIES)}", "--", *names]
    status, out, errors = run(command)
    blocks = [block for block in out.strip().split("\n\n") if block]
    if status != 0 or len(blocks) != len(names):
        raise ServicesError(f"systemctl show: {errors.strip() or out.strip() or 'no answer'}")
    try:
        return [_state(dict(line.partition("=")[::2] for line in block.splitlines())) for block in blocks]
    except ValueError as error:
        raise ServicesError(f"systemctl show: {error}") from None


def _state(shown: Mapping[str, str]) -> State:
    why = [f"{name} {shown[name]}" for name in ("Result", "ExecMainStatus", "LoadError") if shown.get(name)]
    # Units that are no services have no main process.
    begun = [microseconds(shown.get(name, "")) for name in ("ExecMainStartTimestamp", "ActiveEnterTimestamp")]
    return State(
        load=shown.get("LoadState", ""),
        active=shown.get("ActiveState", ""),
        sub=shown.get("SubState", ""),
        file=shown.get("UnitFileState", ""),
        reloads=shown.get("CanReload") == "yes",
        stale=shown.get("NeedDaemonReload") == "yes",
        started=begun[0] or begun[1],
        changed=microseconds(shown.get("StateChangeTimestamp", "")),
        incarnation=(shown.get("MainPID", "0"), shown.get("NRestarts", "0")),
        why=", ".join(why),
    )


def is_unit_file(path: str) -> bool:
    """Whether systemd reads a file as a unit or a part of one."""
    return path.startswith(UNIT_DIRECTORIES)


def written(path: str) -> int | None:
    """Return when a file, or the link that stands for it, was last written. Raises OSError."""
    try:
        return max(os.lstat(path).st_mtime_ns, os.stat(path).st_mtime_ns) // 1000
    except (FileNotFoundError, NotADirectoryError):
        return None


def newer(paths: Sequence[str], than: int | None, changed: Set[str], when: Written, now: int) -> bool:
    """Whether one of the files is newer than a moment.

    What this run changes always is. A time in the future is that of a clock that was set back since, and no reason to
    start the unit anew in each run.
    """
    if any(path in changed for path in paths):
        return True
    times = [when(path) for path in paths]
    return any(time is not None and than is not None and than < time <= now for time in times)


def is_young(state: State, now: int, seconds: float) -> bool:
    """Whether a unit that is active has not been so for some seconds. ``now`` is in microseconds."""
    return state.is_active and state.started is not None and 0 <= now - state.started < seconds * 1_000_000


def needs(unit: Unit, state: State, changed: Set[str], when: Written, now: int) -> list[str]:
    """Return what is to be done with a unit, as the verbs of systemctl."""
    todo = []
    if unit.enabled and (state.file in NOT_ENABLED or not state.load or state.load == "not-found"):
        todo.append("enable")
    if not unit.enabled and state.file in ENABLED:
        todo.append("disable")
    if not unit.started:
        return [*todo, "stop"] if state.active not in ("inactive", "failed", "") else todo
    if not state.is_active:
        return [*todo, "start"]
    if newer(unit.restart_on, state.started, changed, when, now):
        return [*todo, "restart"]
    if newer(unit.reload_on, state.changed, changed, when, now):
        return [*todo, "reload" if state.reloads else "restart"]
    return todo


def impossible(units: Sequence[Unit], found: Sequence[State], coming: Set[str]) -> tuple[list[str], list[str]]:
    """Return what stands in the way: of units that are not there and do not come with the files, of units masked.

    ``coming`` are the names of the files to be written that systemd reads.
    """
    missing, masked = [], []
    for unit, state in zip(units, found, strict=True):
        if not (unit.started or unit.enabled) or coming & {unit.name, _template(unit.name)}:
            continue
        if state.load == "not-found":
            missing.append(f"{unit.name} is not on this host, and none of the files is its unit file")
        elif state.load == "masked":
            masked.append(f"{unit.name} is masked; `systemctl unmask {unit.name}` lets it be started")
    return missing, masked


def _template(name: str) -> str:
    """Return the name of the template that a unit is an instance of; its own where it is none."""
    stem, suffix = os.path.splitext(name)
    return f"{stem.partition('@')[0]}@{suffix}" if "@" in stem else name


DONE = {
    "start": "started",
    "restart": "restarted",
    "reload": "reloaded",
    "stop": "stopped",
    "enable": "enabled",
    "disable": "disabled",
}


def summary(todo: Sequence[str]) -> str:
    """Return the one word that says what was done with a unit: what it did to the process comes first."""
    return next(DONE[verb] for verb in DONE if verb in todo)


def act(run: Run, name: str, todo: Sequence[str]) -> None:
    """Do it. Raises ServicesError."""
    for verb in todo:
        try:
            if verb in ("start", "restart"):
                start(run, name, restart=verb == "restart", reload=False)
                continue
        except StartError as error:
            raise ServicesError(str(error)) from None
        must(run, ["systemctl", verb, "--", name])


def must(run: Run, command: Sequence[str]) -> None:
    """Run a command. Raises ServicesError where it fails."""
    status, out, errors = run(list(command))
    if status != 0:
        raise ServicesError(f"{' '.join(command)} ended with {status}: {(errors or out).strip() or 'no reason given'}")


def journal(run: Run, name: str) -> str:
    """Return the last lines that a unit, and systemd about it, wrote; why there are none where there are none."""
    status, out, errors = run(["journalctl", "--no-pager", "--output=cat", "--lines=20", f"--unit={name}"])
    if status == 0 and out.strip():
        return out.strip()
    return f"(none: {errors.strip() or 'the journal has no lines of it'})"


def unwell(state: State, before: State | None) -> str:
    """Return what is wrong with a unit that is to run, and was, some moments before, as ``before`` says."""
    if not state.is_active:
        return f"is {state.active} ({state.sub}; {state.why})"
    if before is not None and before.incarnation != state.incarnation:
        return f"did not stay active: it was started anew by itself ({state.why})"
    return ""


class Clock(t.Protocol):
    """Time that goes on by itself, and can be waited for."""

    def monotonic(self) -> float:
        """Seconds since some moment."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


def settle(run: Run, names: Sequence[str], clock: Clock, timeout: float, hold: float) -> None:
    """Wait until units are active, for up to ``timeout`` seconds, and see that they stay it for ``hold`` seconds.

    Raises ServicesError with the last lines of the journal.
    """
    deadline = clock.monotonic() + timeout
    found = states(run, names)
    # One that failed does not come back by itself; one that starts, or will be started again, may.
    while clock.monotonic() < deadline and any(state.active in ("activating", "deactivating") for state in found):
        clock.sleep(0.5)
        found = states(run, names)
    _judge(run, names, found, [None] * len(names))
    before = found
    held = clock.monotonic() + hold
    while clock.monotonic() < held:
        clock.sleep(0.5)
        found = states(run, names)
        _judge(run, names, found, before)


def _judge(run: Run, names: Sequence[str], found: Sequence[State], before: Sequence[State | None]) -> None:
    wrong = [(name, unwell(state, old)) for name, state, old in zip(names, found, before, strict=True)]
    texts = [f"{name} {text}; its last lines:\n{journal(run, name)}" for name, text in wrong if text]
    if texts:
        raise ServicesError("\n".join(texts))
