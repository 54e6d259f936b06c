# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a unit needs, told by its state and by the times of its files; and whether it stays active after that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import services_units
from ansible_collections.ridgetop.aidis.plugins.module_utils.services import ServicesError, Unit
from ansible_collections.ridgetop.aidis.plugins.module_utils.services_units import State
from ansible_collections.ridgetop.aidis.tests.unit.plugins.module_utils.systemd_script import (
    FAILED,
    MISSING,
    Systemd,
    running,
    stamp,
    stopped,
)

SINCE, NOW = 1_000_000_000, 9_000_000_000
UNIT = Unit("a.service", ("/start",), ("/load",))
UP = State("loaded", "active", "running", "enabled", reloads=True, started=SINCE, changed=SINCE)


def needs(unit: Unit = UNIT, state: State = UP, *changed: str, **times: int) -> list[str]:
    return services_units.needs(unit, state, set(changed), lambda path: times.get(path.strip("/")), NOW)


def test_a_time_is_read_as_systemctl_writes_it() -> None:
    assert services_units.microseconds("Thu 1970-01-01 00:16:40.000007 UTC") == SINCE + 7
    assert services_units.microseconds(stamp(SINCE + 7)) == SINCE + 7
    assert services_units.microseconds("") is None and services_units.microseconds("n/a") is None


def test_a_unit_that_runs_with_its_files_needs_nothing() -> None:
    assert needs() == []
    assert needs(start=SINCE - 1, load=SINCE) == []


@pytest.mark.parametrize(
    ("state", "todo"),
    [
        (State("loaded", "inactive", "dead", "enabled"), ["start"]),
        (State("loaded", "failed", "failed", "enabled"), ["start"]),
        (State("loaded", "activating", "auto-restart", "enabled"), ["start"]),
        (State("loaded", "inactive", "dead", "disabled"), ["enable", "start"]),
        (State("loaded", "active", "running", "disabled"), ["enable"]),
        (State("loaded", "active", "running", "enabled-runtime"), ["enable"]),
        (State("loaded", "active", "running", "linked"), ["enable"]),
        (State("loaded", "active", "running", "static"), []),
        (State("loaded", "active", "running", "generated"), []),
        (State("loaded", "reloading", "reload", "enabled"), []),
        (State("not-found"), ["enable", "start"]),
        (State(), ["enable", "start"]),
    ],
)
def test_a_unit_is_to_run_and_to_be_enabled(state: State, todo: list[str]) -> None:
    assert needs(UNIT, state) == todo


@pytest.mark.parametrize(
    ("state", "todo"),
    [
        (UP, ["disable", "stop"]),
        (State("loaded", "activating", "auto-restart", "enabled-runtime"), ["disable", "stop"]),
        (State("loaded", "failed", "failed", "disabled"), []),
        (State("loaded", "inactive", "dead", "static"), []),
        (State("not-found"), []),
        (State("masked", file="masked"), []),
        (State(), []),
    ],
)
def test_a_unit_is_to_be_stopped_and_disabled(state: State, todo: list[str]) -> None:
    assert needs(Unit("a.service", enabled=False, started=False), state, start=NOW) == todo


def test_a_file_newer_than_the_start_needs_a_restart_whoever_wrote_it() -> None:
    assert needs(start=SINCE + 1) == ["restart"]
    assert needs(start=SINCE + 1, load=SINCE + 1) == ["restart"], "a restart reads the rest, too"
    assert needs(UNIT, UP, "/start") == ["restart"], "also one that is to be removed, or has not come yet"


def test_a_file_newer_than_the_last_change_needs_a_reload() -> None:
    assert needs(load=SINCE + 1) == ["reload"] and needs(UNIT, UP, "/load") == ["reload"]
    reloaded = State("loaded", "active", "running", "enabled", reloads=True, started=SINCE, changed=SINCE + 5)
    assert needs(UNIT, reloaded, load=SINCE + 1) == []
    assert needs(UNIT, reloaded, start=SINCE + 1) == ["restart"], "a reload does not read what is read at the start"


def test_a_unit_that_cannot_be_reloaded_is_restarted() -> None:
    assert needs(UNIT, State("loaded", "active", "running", "enabled", started=SINCE, changed=SINCE), load=NOW) == [
        "restart"
    ]


def test_a_time_in_the_future_is_no_reason() -> None:
    assert needs(start=NOW + 1, load=NOW + 1) == []
    assert needs(UNIT, UP, "/start", start=NOW + 1) == ["restart"]


def test_a_unit_that_starts_anyhow_is_not_restarted() -> None:
    assert needs(UNIT, State("loaded", "failed", "failed", "enabled", started=SINCE), "/start", load=NOW) == ["start"]


def test_the_time_of_a_link_is_the_later_one_and_of_nothing_there_is_none(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    assert services_units.written(str(link)) is None
    target.write_text("")
    assert services_units.written(str(target / "below")) is None
    link.symlink_to(target)
    os.utime(target, ns=(5_000_000_000, 5_000_000_000))
    os.utime(link, ns=(7_000_000_000, 7_000_000_000), follow_symlinks=False)
    assert services_units.written(str(link)) == 7_000_000
    os.utime(target, ns=(8_000_000_000, 8_000_000_000))
    assert services_units.written(str(link)) == 8_000_000


def test_states_are_read_in_order() -> None:
    systemd = Systemd(a=running(SINCE, NeedDaemonReload="yes"), b=stopped())
    up, none, down = services_units.states(systemd.run, ["a.service", "c.service", "b.service"])
    assert (up.load, up.active, up.file, up.reloads, up.stale) == ("loaded", "active", "enabled", True, True)
    assert (up.started, up.changed) == (SINCE, SINCE) and up.is_active
    assert none.load == "not-found" and none.started is None and not none.is_active
    assert down.active == "inactive" and down.changed is None and not down.reloads
    assert services_units.states(systemd.run, []) == []


def test_a_unit_without_a_main_process_was_started_when_it_became_active() -> None:
    systemd = Systemd(a=running(SINCE, ExecMainStartTimestamp="n/a"))
    assert services_units.states(systemd.run, ["a.service"])[0].started == SINCE


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((1, "", "System has not been booted with systemd"), "not been booted"),
        ((127, "", "there is no command systemctl on this host"), "no command"),
        ((0, "", ""), "no answer"),
        ((0, "LoadState=loaded\n\nLoadState=loaded\n", ""), "LoadState"),
        ((0, "LoadState=loaded\nStateChangeTimestamp=Do 26.11.2026 01:30 UTC\n", ""), "isoformat"),
    ],
)
def test_states_that_cannot_be_read_are_an_error(answer: tuple[int, str, str], said: str) -> None:
    with pytest.raises(ServicesError, match=said):
        services_units.states(lambda _command: answer, ["a.service"])


def test_what_stands_in_the_way() -> None:
    units = [Unit("a.service"), Unit("b@1.service"), Unit("c.service"), Unit("d.service", enabled=False, started=False)]
    found = [State("not-found"), State("not-found"), State("masked"), State("masked")]
    missing, masked = services_units.impossible(units, found, set())
    assert [text.split()[0] for text in missing] == ["a.service", "b@1.service"]
    assert [text.split()[0] for text in masked] == ["c.service"]
    assert services_units.impossible(units, found, {"a.service", "b@.service", "c.service"}) == ([], [])


def test_what_was_done_is_one_word() -> None:
    assert services_units.summary(["enable", "start"]) == "started"
    assert services_units.summary(["disable", "stop"]) == "stopped"
    assert services_units.summary(["enable"]) == "enabled"


def test_a_start_that_is_refused_for_too_many_is_tried_anew() -> None:
    systemd = Systemd(a=stopped())
    systemd.broken["start a.service"] = 1
    services_units.act(systemd.run, "a.service", ["enable", "start"])
    assert systemd.told == ["enable a.service", "start a.service", "reset-failed a.service", "start a.service"]


@pytest.mark.parametrize("verb", ["start", "restart", "reload", "stop", "enable", "disable"])
def test_what_systemd_refuses_is_an_error(verb: str) -> None:
    systemd = Systemd(a=running(SINCE) if verb != "start" else stopped())
    systemd.broken[f"{verb} a.service"] = 9
    with pytest.raises(ServicesError, match=rf"systemctl {verb} .*ended with 1: Job for a\.service failed"):
        services_units.act(systemd.run, "a.service", [verb])


def settle(systemd: Systemd, hold: float = 3) -> None:
    services_units.settle(systemd.run, list(systemd.units), systemd, 30, hold)


def test_a_unit_that_stays_active_is_well() -> None:
    systemd = Systemd(a=running(SINCE))
    settle(systemd, 0)
    assert systemd.now == 0, "without a reason nothing is waited for"
    settle(systemd)
    assert systemd.now == 3


def test_a_unit_that_is_still_starting_is_waited_for() -> None:
    systemd = Systemd(a=running(SINCE, ActiveState="activating"), b=running(SINCE))
    systemd.later = lambda now: systemd.units["a.service"].update(ActiveState="active" if now >= 20 else "activating")
    settle(systemd)
    assert systemd.now == 23
    systemd.later = lambda _now: None
    systemd.units["a.service"].update(ActiveState="activating", SubState="start")
    with pytest.raises(ServicesError, match=r"a\.service is activating \(start"):
        settle(systemd)
    assert systemd.now == 53


def test_a_unit_that_failed_is_told_with_its_last_lines_and_not_waited_for() -> None:
    systemd = Systemd(a=running(SINCE), b=running(SINCE, **FAILED))
    with pytest.raises(ServicesError) as error:
        settle(systemd)
    assert systemd.now == 0 and str(error.value) == (
        "b.service is failed (failed; Result exit-code, ExecMainStatus 2); its last lines:\nthe last words of b.service"
    )


def test_a_unit_that_fails_a_moment_later_is_told() -> None:
    systemd = Systemd(a=running(SINCE))
    systemd.later = lambda now: systemd.units["a.service"].update(FAILED if now >= 2 else {})
    with pytest.raises(ServicesError, match=r"a\.service is failed"):
        settle(systemd)
    assert systemd.now == 2


@pytest.mark.parametrize("again", [{"MainPID": "101"}, {"NRestarts": "1"}])
def test_a_unit_that_systemd_starts_anew_did_not_stay(again: dict[str, str]) -> None:
    systemd = Systemd(a=running(SINCE))
    systemd.later = lambda now: systemd.units["a.service"].update(again if now >= 1 else {})
    with pytest.raises(ServicesError, match=r"did not stay active.*\n.*last words of a\.service"):
        settle(systemd)


def test_a_unit_that_is_gone_is_told() -> None:
    systemd = Systemd(a=dict(MISSING))
    with pytest.raises(ServicesError, match=r"a\.service is inactive"):
        settle(systemd)


def test_a_journal_that_cannot_be_read_is_said() -> None:
    assert (
        services_units.journal(lambda _command: (127, "", "no command journalctl"), "a")
        == "(none: no command journalctl)"
    )
    assert "no lines" in services_units.journal(lambda _command: (0, "\n", ""), "a")
