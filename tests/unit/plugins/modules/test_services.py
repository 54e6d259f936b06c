# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole module: real files, and a systemd that is a script."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ridgetop.aidis.plugins.module_utils import services, services_run, services_units
from ansible_collections.ridgetop.aidis.plugins.modules import services as module
from ansible_collections.ridgetop.aidis.tests.unit.plugins.module_utils.systemd_script import (
    FAILED,
    MISSING,
    Systemd,
    running,
    stopped,
)

Result = dict[str, Any]
Call = Callable[..., Result]
LONG_AGO = 1_000_000


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Systemd:
    """A systemd that reads units below the directory of the test."""
    script = Systemd()
    monkeypatch.setattr(services_run, "runner", lambda _host, _seconds: script.run)
    monkeypatch.setattr(services_run, "_Clock", lambda: script)
    monkeypatch.setattr(services_units, "UNIT_DIRECTORIES", (f"{tmp_path}/systemd/",))
    return script


@pytest.fixture
def call(run_module: Any, tmp_path: Path, systemd: Systemd) -> Call:
    """Run the module; files are given by their name below the directory of the test, as content or as options."""

    def run(files: dict[str, Any], *units: dict[str, Any], check: bool = False, **options: Any) -> Result:
        contents, given = {}, []
        for name, told in files.items():
            path = str(tmp_path / name)
            one = told if isinstance(told, dict) else {"state": "absent"} if told is None else {"content": told}
            if "content" in one:
                contents[path] = str(one["content"]).encode()
            rest = {key: value for key, value in one.items() if key != "content"}
            given.append({"path": path, "owner": str(os.getuid()), "group": str(os.getgid()), **rest})
        systemd.told.clear()
        arguments = {"files": given, "units": list(units), "contents": services.packed(contents), **options}
        result: Result = run_module(module, arguments, check_mode=check, diff=True)
        return result

    return run


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was warned of."""
    said: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _self, text: said.append(text))
    return said


def unit(tmp_path: Path, name: str = "a", **options: Any) -> dict[str, Any]:
    return {
        "name": f"{name}.service",
        "restart_on": [f"{tmp_path}/systemd/{name}.service.d/aidis.conf"],
        "reload_on": [f"{tmp_path}/{name}.yml"],
        **options,
    }


def files(dropin: str = "1", config: str = "1") -> dict[str, Any]:
    return {"systemd/a.service.d/aidis.conf": dropin, "a.yml": config}


def age(*paths: Path) -> None:
    """Let files be older than every start."""
    for path in paths:
        os.utime(path, (0.5, 0.5))


def test_from_nothing_to_running_and_then_to_no_change(call: Call, systemd: Systemd, tmp_path: Path) -> None:
    systemd.units["a.service"] = stopped()
    predicted = call(files(), unit(tmp_path), check=True)
    assert systemd.told == [] and list(tmp_path.iterdir()) == []
    done = call(files(), unit(tmp_path))
    assert systemd.told == ["daemon-reload", "enable a.service", "start a.service"]
    assert done["changed"] and done["units"] == {"a.service": "started"} and done["daemon_reload"]
    assert done["files"] == [f"{tmp_path}/systemd/a.service.d/aidis.conf", f"{tmp_path}/a.yml"]
    assert [one["after"] for one in done["diff"]] == ["1", "1"]
    told = ("changed", "files", "units", "daemon_reload", "diff")
    assert {name: predicted[name] for name in told} == {name: done[name] for name in told}
    for check in (True, False):
        again = call(files(), unit(tmp_path), check=check)
        assert not again["changed"] and again["units"] == {} and again["diff"] == [] and systemd.told == []


def test_a_configuration_is_reloaded_and_a_drop_in_needs_a_restart(
    call: Call, systemd: Systemd, tmp_path: Path
) -> None:
    systemd.units["a.service"] = stopped()
    call(files(), unit(tmp_path))
    assert call(files(config="2"), unit(tmp_path), check=True)["units"] == {"a.service": "reloaded"}
    assert call(files(config="2"), unit(tmp_path))["units"] == {"a.service": "reloaded"}
    assert systemd.told == ["reload a.service"]
    assert call(files("2", "3"), unit(tmp_path))["units"] == {"a.service": "restarted"}
    assert systemd.told == ["daemon-reload", "restart a.service"]
    assert not call(files("2", "3"), unit(tmp_path))["changed"]


@pytest.mark.parametrize(("name", "word"), [("systemd/a.service.d/aidis.conf", "restarted"), ("a.yml", "reloaded")])
def test_a_run_that_was_killed_after_writing_is_mended_by_the_next(
    call: Call, systemd: Systemd, tmp_path: Path, name: str, word: str
) -> None:
    call(files())
    age(*(tmp_path / one for one in files()))
    systemd.units["a.service"] = running(LONG_AGO)
    assert not call(files(), unit(tmp_path))["changed"]
    os.utime(tmp_path / name)
    assert call(files(), unit(tmp_path))["units"] == {"a.service": word}


def test_a_manager_that_has_old_units_reads_them_anew(call: Call, systemd: Systemd, tmp_path: Path) -> None:
    systemd.units["a.service"] = running(LONG_AGO, NeedDaemonReload="yes")
    assert call({}, unit(tmp_path), check=True)["daemon_reload"]
    assert call({}, unit(tmp_path))["changed"] and systemd.told == ["daemon-reload"]
    assert not call({}, unit(tmp_path))["changed"]


def test_a_drop_in_that_goes_needs_a_restart(call: Call, systemd: Systemd, tmp_path: Path) -> None:
    systemd.units["a.service"] = stopped()
    call(files(), unit(tmp_path))
    gone = {"systemd/a.service.d/aidis.conf": None}
    assert call(gone, unit(tmp_path))["units"] == {"a.service": "restarted"}
    assert systemd.told == ["daemon-reload", "restart a.service"]
    assert not call(gone, unit(tmp_path))["changed"]


def test_units_are_seen_to_in_their_order(call: Call, systemd: Systemd, tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        systemd.units[f"{name}.service"] = running(LONG_AGO)
    systemd.units["b.service"].update(stopped(UnitFileState="static"))
    systemd.units["d.service"].update(UnitFileState="disabled")
    done = call(
        {"a.yml": "1"},
        unit(tmp_path, "c", enabled=False, state="stopped"),
        unit(tmp_path, "b"), unit(tmp_path, "a"), unit(tmp_path, "d"),
    )  # fmt: skip
    assert systemd.told == [
        "disable c.service",
        "stop c.service",
        "start b.service",
        "reload a.service",
        "enable d.service",
    ]
    assert list(done["units"].values()) == ["stopped", "started", "reloaded", "enabled"]


def test_a_unit_comes_with_its_file(call: Call, systemd: Systemd, tmp_path: Path) -> None:
    new = {"systemd/new.service": "[Service]"}
    one = {"name": "new.service", "restart_on": [f"{tmp_path}/systemd/new.service"]}
    assert call(new, one)["units"] == {"new.service": "started"}
    assert not call(new, one)["changed"]


def test_a_unit_is_stopped_while_its_file_is_there(call: Call, systemd: Systemd, tmp_path: Path) -> None:
    call({"systemd/old.service": "[Service]"})
    systemd.units["old.service"] = running(LONG_AGO)
    path, seen = tmp_path / "systemd" / "old.service", {}
    systemd.watch = lambda told: seen.update({told: path.exists()})
    one = {"name": "old.service", "enabled": False, "state": "stopped"}
    assert call({"systemd/old.service": None}, one)["units"] == {"old.service": "stopped"}
    assert seen == {"disable old.service": True, "stop old.service": True, "daemon-reload": False}
    systemd.units["old.service"] = dict(MISSING)
    assert not call({"systemd/old.service": None}, one)["changed"]


@pytest.mark.parametrize(
    ("properties", "said"), [(MISSING, "a.service is not on this host"), ({"LoadState": "masked"}, "is masked")]
)
def test_without_its_unit_nothing_is_changed(
    call: Call, systemd: Systemd, tmp_path: Path, warned: list[str], properties: dict[str, str], said: str
) -> None:
    systemd.units["a.service"] = {**MISSING, **properties}
    result = call(files(), unit(tmp_path))
    assert result["failed"] and "Nothing was changed" in result["msg"] and said in result["msg"]
    assert list(tmp_path.iterdir()) == [] and systemd.told == []
    assert call(files(), unit(tmp_path), check=True)["units"] == {"a.service": "started"}, "it may come before that"
    assert bool(warned) == (properties is not MISSING)


def test_a_dry_run_needs_no_systemd(call: Call, systemd: Systemd, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(services_run, "runner", lambda _host, _seconds: lambda _command: (127, "", "no systemctl"))
    assert call(files(), unit(tmp_path), check=True)["units"] == {"a.service": "started"}
    stop = unit(tmp_path, enabled=False, state="stopped")
    assert call({}, stop, check=True)["units"] == {}
    result = call(files(), unit(tmp_path))
    assert result["failed"] and "no systemctl" in result["msg"] and list(tmp_path.iterdir()) == []


def test_a_validator_that_is_missing_or_refuses_stops_all(
    call: Call, systemd: Systemd, tmp_path: Path, warned: list[str]
) -> None:
    systemd.units["a.service"] = running(LONG_AGO)
    missing = {**files(), "b": {"content": "1", "validate": "aidis-no-such %s"}}
    refused = {**files(), "b": {"content": "1", "validate": "grep -q 2 %s"}}
    for wrong, said in ((missing, "aidis-no-such, which"), (refused, "refused by grep")):
        result = call(wrong, unit(tmp_path))
        assert result["failed"] and result["msg"].startswith("Nothing was changed") and said in result["msg"]
        assert list(tmp_path.iterdir()) == [] and systemd.told == []
    assert call(missing, unit(tmp_path), check=True)["changed"] and not warned
    assert call(refused, unit(tmp_path), check=True)["changed"] and "refused by grep" in warned[0]


def test_a_unit_that_does_not_stay_active_fails_this_run_and_the_next(
    call: Call, systemd: Systemd, tmp_path: Path
) -> None:
    systemd.units["a.service"] = stopped()
    systemd.later = lambda _now: systemd.units["a.service"].update(FAILED)
    for _run in range(2):
        result = call(files(), unit(tmp_path))
        assert result["failed"] and "a.service is failed" in result["msg"] and "last words of a" in result["msg"]


def test_a_unit_that_comes_and_goes_is_found_in_a_moment_when_it_is_there(
    call: Call, systemd: Systemd, tmp_path: Path
) -> None:
    systemd.units["a.service"] = running(time.time_ns() // 1000 + 3_600_000_000)
    assert not call({}, unit(tmp_path))["changed"] and systemd.now == 0, "a clock that was set back is no reason"
    systemd.units["a.service"] = running(time.time_ns() // 1000)
    systemd.later = lambda now: systemd.units["a.service"].update(NRestarts="1" if now > 1 else "0")
    result = call({}, unit(tmp_path))
    assert result["failed"] and "did not stay active" in result["msg"]


def test_a_start_that_fails_is_told_with_the_journal(call: Call, systemd: Systemd, tmp_path: Path) -> None:
    systemd.units["a.service"] = stopped()
    systemd.broken["start a.service"] = 2
    result = call(files(), unit(tmp_path))
    assert result["failed"] and "Job for a.service failed" in result["msg"] and "last words of a" in result["msg"]


def test_no_secret_is_in_what_is_returned(call: Call, systemd: Systemd, tmp_path: Path) -> None:
    systemd.units["a.service"] = stopped()
    secret = {"pw": {"content": "the last words of a.service\n", "secret": True}}
    for check in (True, False):
        assert "last words" not in str(call(secret, check=check))
    systemd.later = lambda _now: systemd.units["a.service"].update(FAILED)
    result = call(secret, unit(tmp_path))
    assert result["failed"] and "is failed" in result["msg"] and "last words of" not in str(result)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"mode": "644"}, "four octal digits"), ({"validate": "x"}, "needs %s"), ({"owner": "aidis-nobody"}, "no user")],
)
def test_a_bad_file_changes_nothing(
    call: Call, systemd: Systemd, tmp_path: Path, wrong: dict[str, str], said: str
) -> None:
    result = call({"a.yml": "1", "b": {"content": "1", **wrong}})
    assert result["failed"] and said in result["msg"] and list(tmp_path.iterdir()) == []


def test_without_the_action_there_are_no_contents(run_module: Any) -> None:
    result = run_module(module, {"files": [{"path": "/etc/aidis-a", "content": "1"}]})
    assert result["failed"] and "nothing says what it holds" in result["msg"]


@pytest.mark.parametrize("task", yaml.safe_load(module.EXAMPLES), ids=lambda task: str(task["name"]))
def test_the_examples_are_understood(task: dict[str, Any], run_module: Any, systemd: Systemd) -> None:
    given = task["ridgetop.aidis.services"]
    sources = [services.source_of(file) for file in given["files"]]
    present = [file["path"] for file in sources if "state" not in file]
    contents = services.packed(dict.fromkeys(present, b"of aidis"))
    told = [{name: value for name, value in file.items() if name != "content"} for file in sources]
    result = run_module(module, {**given, "files": told, "contents": contents}, check_mode=True)
    assert not result["failed"] and result["files"] == present
