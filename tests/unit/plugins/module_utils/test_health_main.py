# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""aidis-health as it is called: what it prints, writes and ends with, for root, for the timer and for anybody."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    health_database,
    health_main,
    health_text,
    whole_file,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_base import NeedsRightsError, Section, stamp
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import Ran
from ansible_collections.ridgetop.aidis.tests.unit.plugins.module_utils.health_samples import (
    ACTIVE,
    FORBIDDEN,
    LEDGER,
    UNIT,
    FakeHost,
    entries,
)

NAMES = ["service", "database", "memory", "disk", "journal"]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A host with a configuration, and what the program does there."""

    class Machine:
        root = tmp_path
        host = FakeHost(tmp_path / "root")
        state, log, metrics = (tmp_path / name for name in ("state.json", "health.log", "aidis_health.prom"))
        database: Section | Exception = Section("database", "ok", ["Connected to x in 3 ms"], {"seconds": 0.003})

        def __init__(self) -> None:
            self.configure()

        def configure(self, **more: Any) -> None:
            config = {
                "units": [UNIT],
                "database_host": "127.0.0.1",
                # Nobody listens there.
                "database_port": 1,
                "user": "ridgetop",
                "ledger": str(tmp_path / "releases.json"),
                "disk_mb": 0,
                "log": str(self.log),
                "state": str(self.state),
                "metrics": str(self.metrics),
                **more,
            }
            (tmp_path / "health.json").write_text(json.dumps(config), encoding="utf-8")

        def release(self, book: Any) -> None:
            (tmp_path / "releases.json").write_text(json.dumps(book), encoding="utf-8")

        def run(self, *words: str) -> int:
            return health_main.main(["--config", str(tmp_path / "health.json"), *words])

        def recorded(self) -> Any:
            return json.loads(self.state.read_text(encoding="utf-8"))

    made = Machine()
    made.release(LEDGER)

    def asked(_config: Any) -> Any:
        if isinstance(made.database, Exception):
            raise made.database
        return made.database, [], []

    monkeypatch.setattr(health_main, "Host", lambda: made.host)
    monkeypatch.setattr(health_database, "asked", asked)
    monkeypatch.setattr(health_database, "reached", lambda _config: Section("database", "ok", ["it lets in"]))
    return made


def closed(machine: Any) -> None:
    """From now on whoever asks has no rights."""
    machine.database = NeedsRightsError("the password cannot be read: Permission denied")
    machine.host = FakeHost(machine.root / "root", journalctl=Ran(0, "", FORBIDDEN))


def aged(machine: Any, seconds: float) -> None:
    """The last run was some time ago."""
    state = machine.recorded()
    state["at"] = stamp(time.time() - seconds)
    machine.state.write_text(json.dumps(state), encoding="utf-8")


# ---- What it comes to ----


def test_all_is_well(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.run() == 0
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if line.endswith(": ok")] == [
        *("Service Status: ok", "Database Connectivity: ok", "Memory Usage: ok", "Disk Space: ok"),
        "Recent Error Logs: ok",
    ]
    assert "v1.0.0-aaaaaaa (v1.0.0, good), since 2026-01-01T00:01:00Z" in shown
    assert "\033" not in shown and not machine.state.exists() and not machine.log.exists()


def test_as_json(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.run("--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["status"] == 0 and list(found["sections"]) == NAMES
    assert found["release"]["version"] == "v1.0.0" and found["left_out"] == []


def break_service(machine: Any) -> None:
    machine.host = FakeHost(machine.root / "root", systemctl=ACTIVE.replace("=active", "=failed"))


def break_database(machine: Any) -> None:
    machine.database = Section("database", "failed", ["x: connection failed: refused"])


def break_memory(machine: Any) -> None:
    machine.host = FakeHost(machine.root / "root", available=1)


def break_disk(machine: Any) -> None:
    machine.configure(disk_mb=1e12)


def break_journal(machine: Any) -> None:
    machine.host = FakeHost(machine.root / "root", journalctl=entries("boom"), priority=entries("boom"))


BREAK: dict[str, Callable[[Any], None]] = {
    "service": break_service,
    "database": break_database,
    "memory": break_memory,
    "disk": break_disk,
    "journal": break_journal,
}


@pytest.mark.parametrize("name", NAMES)
def test_one_section_fails(machine: Any, capsys: pytest.CaptureFixture[str], name: str) -> None:
    BREAK[name](machine)
    assert machine.run("record") == 1
    told = {key: one["status"] for key, one in machine.recorded()["sections"].items()}
    assert told == {**dict.fromkeys(NAMES, "ok"), name: "failed"}
    assert f"{name}=FAILED" in machine.log.read_text() and f"\n  {name}: " in machine.log.read_text()
    assert f'aidis_health_ok{{section="{name}"}} 0' in machine.metrics.read_text()
    assert "FAILED" in capsys.readouterr().out


def test_what_cannot_be_told_is_neither_well_nor_failed(machine: Any) -> None:
    machine.host = FakeHost(machine.root / "root", systemctl=None)
    assert machine.run("record") == 2
    assert machine.recorded()["sections"]["service"]["status"] == "unknown"
    assert 'section="service"' not in machine.metrics.read_text()
    # What failed counts for more.
    break_database(machine)
    assert machine.run("record") == 1


def test_before_the_first_release_there_is_nothing_to_say(machine: Any) -> None:
    machine.release({**LEDGER, "running": None})
    machine.host = FakeHost(machine.root / "root", systemctl="LoadState=not-found\n")
    machine.database = AssertionError("it was asked")
    assert machine.run("record") == 0
    told = {key: one["status"] for key, one in machine.recorded()["sections"].items()}
    assert told == {**dict.fromkeys(NAMES, "ok"), "service": "skipped", "database": "skipped"}


def test_a_garbled_ledger_is_told_and_spoils_nothing(machine: Any) -> None:
    machine.release("garbled")
    assert machine.run("record") == 0
    state = machine.recorded()
    assert state["release"] == {} and "is not a ledger" in state["left_out"][0]
    assert "aidis_release" not in machine.metrics.read_text()


def test_a_database_host_has_no_service(machine: Any) -> None:
    machine.configure(units=[], user="", ledger="")
    assert machine.run("record") == 0
    assert list(machine.recorded()["sections"]) == ["database", "memory", "disk"]


# ---- Without rights ----


def test_anybody_sees_what_the_last_run_found(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    machine.run("record")
    closed(machine)
    aged(machine, 150)
    capsys.readouterr()
    assert machine.run() == 0
    shown = capsys.readouterr().out
    assert "Database Connectivity: ok (by the last run, 2 min ago)\n  Connected to x in 3 ms" in shown
    assert "Recent Error Logs: ok (by the last run, 2 min ago)" in shown
    assert "Service Status: ok\n" in shown
    assert machine.run("--json") == 0
    assert 150 <= json.loads(capsys.readouterr().out)["sections"]["journal"]["age_seconds"] < 200


def test_what_failed_in_the_last_run_fails(machine: Any) -> None:
    break_database(machine)
    machine.run("record")
    closed(machine)
    assert machine.run() == 1


@pytest.mark.parametrize(
    "state", [None, "", "{}", "[]", '{"at": 1}', '{"at": "2026-01-01T00:00:00Z", "sections": {"x": {}}}']
)
def test_without_a_last_run_it_is_not_known(
    machine: Any, capsys: pytest.CaptureFixture[str], state: str | None
) -> None:
    if state is not None:
        machine.state.write_text(state, encoding="utf-8")
    closed(machine)
    assert machine.run() == 2
    assert "Database Connectivity: unknown\n  the password cannot be read" in capsys.readouterr().out


def test_an_old_run_no_longer_counts(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    machine.run("record")
    aged(machine, 1000)
    closed(machine)
    assert machine.run() == 2
    assert "the last run was 16 min ago" in capsys.readouterr().out


def test_a_port_that_is_closed_needs_no_rights(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.run("record")
    closed(machine)
    down = Section("database", "failed", ["127.0.0.1:1: Connection refused"])
    monkeypatch.setattr(health_database, "reached", lambda _config: down)
    assert machine.run() == 1


# ---- What a run leaves ----


def test_the_files_have_their_modes_whatever_the_umask_is(machine: Any) -> None:
    before = os.umask(0o077)
    try:
        machine.run("record")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (machine.state, machine.metrics, machine.log)}
    assert modes == {"state.json": 0o644, "aidis_health.prom": 0o644, "health.log": 0o600}
    machine.log.unlink()
    before = os.umask(0o027)
    try:
        machine.run("record")
    finally:
        os.umask(before)
    assert stat.S_IMODE(machine.log.stat().st_mode) == 0o640


def test_the_log_is_added_to(machine: Any) -> None:
    machine.run("record")
    machine.run("record")
    lines = machine.log.read_text().splitlines()
    assert len(lines) == 2 and all(
        line.endswith("release=v1.0.0-aaaaaaa") and " ok service=ok " in line for line in lines
    )


def test_messages_of_the_journal_are_in_the_log_alone(machine: Any) -> None:
    machine.host = FakeHost(
        machine.root / "root", journalctl=entries("boom\nsecond line"), priority=entries("boom\nsecond line")
    )
    machine.run("record")
    assert "\n  journal: boom second line\n" in machine.log.read_text()
    assert "boom" not in machine.state.read_text() + machine.metrics.read_text()


def test_a_file_that_cannot_be_written_keeps_no_other_from_it(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    machine.configure(metrics=str(machine.root / "no such directory" / "x.prom"))
    assert machine.run("record") == 2
    assert "x.prom cannot be written" in capsys.readouterr().err
    assert machine.recorded()["status"] == 0 and machine.log.exists()


def test_a_log_that_is_a_link_is_not_followed(machine: Any) -> None:
    target = machine.root / "target"
    machine.log.symlink_to(target)
    assert machine.run("record") == 2
    assert not target.exists() and machine.state.exists()


def test_who_reads_sees_the_old_or_the_new(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.run("record")
    before = {path: path.read_bytes() for path in (machine.state, machine.metrics)}

    def cut_off(_source: str, _target: str) -> None:
        raise OSError(28, "No space left on device")

    break_service(machine)
    monkeypatch.setattr(os, "replace", cut_off)
    assert machine.run("record") == 2
    assert {path: path.read_bytes() for path in before} == before
    left = {path.name for path in machine.root.iterdir() if path.name.startswith(".")}
    assert left == set()


def test_the_state_is_written_last(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(whole_file, "replace", lambda path, *_rest: written.append(path))
    machine.run("record")
    assert written == [str(machine.metrics), str(machine.state)]


# ---- Whether the runs are as they should be ----


@pytest.mark.parametrize(("scheduler", "unit"), [("timer", "aidis-health.timer"), ("cron", "cron.service")])
def test_the_scheduled_check_works(machine: Any, capsys: pytest.CaptureFixture[str], scheduler: str, unit: str) -> None:
    machine.configure(scheduler=scheduler)
    break_memory(machine)
    machine.run("record")
    capsys.readouterr()
    # What it found is another matter.
    assert machine.run("last") == 0
    assert "memory=failed" in capsys.readouterr().out and unit in machine.host.asked[-1]
    machine.host = FakeHost(machine.root / "root", systemctl="LoadState=loaded\nActiveState=inactive\n")
    assert machine.run("last") == 2
    assert f"{unit} is not active" in capsys.readouterr().out


def test_the_scheduled_check_does_not_work(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.run("last") == 0
    assert "no run yet, it was configured a moment ago" in capsys.readouterr().out
    os.utime(machine.root / "health.json", (1, 1))
    assert machine.run("last") == 2
    assert "there was no run yet" in capsys.readouterr().err
    machine.run("record")
    aged(machine, 1000)
    assert machine.run("last") == 2
    machine.host = FakeHost(machine.root / "root", journalctl=Ran(1, "", "Bad message"))
    machine.run("record")
    machine.host = FakeHost(machine.root / "root")
    capsys.readouterr()
    assert machine.run("last", "--json") == 2
    assert json.loads(capsys.readouterr().out)["faults"] == ["journal: journalctl: Bad message"]


# ---- The command line ----


def test_a_wrong_command_line(machine: Any) -> None:
    assert machine.run("--no-such") == 64 and machine.run("repair") == 64 and machine.run("--help") == 0


@pytest.mark.parametrize("content", [None, "{", '{"no": 1}'])
def test_a_missing_or_wrong_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    path = tmp_path / "health.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert health_main.main(["--config", str(path)]) == 2
    assert capsys.readouterr().err.startswith("aidis-health: ")


def test_colours_are_for_terminals(
    machine: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    machine.run()
    assert "\033[32mok\033[0m" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    machine.run()
    assert "\033" not in capsys.readouterr().out


def test_every_status_has_its_words() -> None:
    assert health_text.WORDS.keys() == health_text.COLOURS.keys() and len(health_text.RESULTS) == 3
