# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring a set of services to what it is to be: all files, then systemd, then the units in their order."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from ansible_collections.ridgetop.aidis.plugins.module_utils import services_files, services_units
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host, TooSlowError
from ansible_collections.ridgetop.aidis.plugins.module_utils.services import File, ServicesError, Unit
from ansible_collections.ridgetop.aidis.plugins.module_utils.services_files import Change
from ansible_collections.ridgetop.aidis.plugins.module_utils.services_units import State
from ansible_collections.ridgetop.aidis.plugins.module_utils.unit_start import Run

# A program that refuses its arguments or its configuration ends within this many seconds; systemd calls it active until
# then.
HOLD = 3.0


@dataclass(frozen=True)
class Done:
    """What was changed, or would be."""

    changes: list[Change]
    units: dict[str, str]
    daemon_reload: bool
    warnings: list[str]

    @property
    def changed(self) -> bool:
        """Whether anything was."""
        return bool(self.changes or self.units or self.daemon_reload)


def runner(host: Host, seconds: float) -> Run:
    """Return what runs a command on the host; one that is not there or does not end has failed."""

    def run(command: list[str]) -> tuple[int, str, str]:
        try:
            ran = host.run(command, seconds)
        except CannotCheckError as error:
            return 127, "", str(error)
        except TooSlowError as error:
            return 124, "", str(error)
        return ran.status, ran.out, ran.err

    return run


def run(
    files: Sequence[File],
    units: Sequence[Unit],
    timeout: int,
    check_mode: bool,
    host: Host | None = None,
    command: Run | None = None,
    clock: services_units.Clock | None = None,
) -> Done:
    """Do what is needed, or tell it in a dry run. Raises ServicesError and OSError."""
    host = host or Host()
    # A unit that takes longer to start than the time to wait is told by its state, so systemctl has some time more.
    command = command or runner(host, timeout + 60.0)
    changes = services_files.changes(files, check_mode)
    changed = {change.file.path for change in changes}
    found = _look(command, units, check_mode)
    todo = _needs(units, found, changed)
    reload = any(state.stale for state in found) or any(services_units.is_unit_file(path) for path in changed)
    warnings = _obstacles(units, found, changes, check_mode, host)
    done = Done(changes, _told(todo), reload, warnings)
    # One that is started anew by systemd again and again is active now and then.
    young = any(services_units.is_young(state, time.time_ns() // 1000, HOLD) for state in found)
    if check_mode or not (done.changed or young):
        return done
    first = _before_files(units, changes)
    for name in first:
        _act(command, name, todo[name])
    services_files.write(changes, host)
    if reload:
        services_units.must(command, ["systemctl", "daemon-reload"])
    for name, verbs in todo.items():
        if name not in first:
            _act(command, name, verbs)
    touched = any(verb in ("start", "restart", "reload") for verbs in todo.values() for verb in verbs)
    hold = HOLD if touched or young else 0.0
    running = [unit.name for unit in units if unit.started]
    services_units.settle(command, running, clock or _Clock(), timeout, hold)
    return done


class _Clock:
    """The real one."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def _look(command: Run, units: Sequence[Unit], check_mode: bool) -> list[State]:
    try:
        return services_units.states(command, [unit.name for unit in units])
    except ServicesError:
        # There may be no systemd yet where a dry run is the first one.
        if check_mode:
            return [State() for _unit in units]
        raise


def _needs(units: Sequence[Unit], found: Sequence[State], changed: Set[str]) -> dict[str, list[str]]:
    now = time.time_ns() // 1000
    return {
        unit.name: services_units.needs(unit, state, changed, services_units.written, now)
        for unit, state in zip(units, found, strict=True)
    }


def _told(todo: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: services_units.summary(verbs) for name, verbs in todo.items() if verbs}


def _obstacles(
    units: Sequence[Unit], found: Sequence[State], changes: Sequence[Change], check_mode: bool, host: Host
) -> list[str]:
    """Return what a dry run is to say of a real one. Raises ServicesError for that in a real one, and OSError."""
    written = [change.file.path for change in changes if change.file.content is not None]
    coming = {os.path.basename(path) for path in written if services_units.is_unit_file(path)}
    missing, masked = services_units.impossible(units, found, coming)
    if check_mode:
        said = [*masked, *services_files.predict_refusals(changes, host)]
        return [f"As things are now a real run would fail: {text}" for text in said]
    wrong = [*missing, *masked, *services_files.without_validator(changes, host)]
    if wrong:
        raise ServicesError(f"Nothing was changed. {'. '.join(wrong)}")
    return []


def _before_files(units: Sequence[Unit], changes: Sequence[Change]) -> list[str]:
    """Return the units that are stopped while their unit file is still there: it says what else is to be removed."""
    gone = {os.path.basename(change.file.path) for change in changes if change.file.content is None}
    return [unit.name for unit in units if unit.name in gone and not unit.started]


def _act(command: Run, name: str, verbs: Sequence[str]) -> None:
    try:
        services_units.act(command, name, verbs)
    except ServicesError as error:
        raise ServicesError(f"{error}; the last lines of {name}:\n{services_units.journal(command, name)}") from None
