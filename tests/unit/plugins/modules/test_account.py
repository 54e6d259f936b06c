# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines that runs leave: of their own, and with the lock that they take, are refused, take over and give back."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ridgetop.aidis.plugins.module_utils import accounting, append_file
from ansible_collections.ridgetop.aidis.plugins.modules import account, deploy_lock, release

Call = Callable[..., dict[str, Any]]


def run_of(pid: int) -> dict[str, Any]:
    return {"machine": "m", "host": "ctl", "pid": pid, "started": "10"}


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A journal that only the test reads."""
    monkeypatch.setattr(accounting, "JOURNAL", str(tmp_path / "journal"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "journal"))
        listener.setblocking(False)
        yield listener


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "accounting.log"


@pytest.fixture
def lines(log: Path) -> Callable[[], list[dict[str, Any]]]:
    """What stands in the file."""
    return lambda: [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was warned of."""
    said: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _self, text: said.append(text))
    return said


# ---- The module ----


@pytest.fixture
def write(run_module: Any, log: Path) -> Call:
    """Write a line of a run."""

    def call(event: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        given = {"path": str(log), "event": event, "action": "backup", "append_only": False, "run": run_of(1)}
        result: dict[str, Any] = run_module(account, {**given, "user": "zoe", **options}, check_mode=check)
        return result

    return call


def test_a_begin_and_an_end(write: Call, lines: Any, journal: socket.socket) -> None:
    begun = write("begin", what="nightly", by="zoe@ctl", result="ok", failed=["x"])
    ended = write("end", what="nightly", by="zoe@ctl", result="ok", details={"backup": "b1", "copy": ""})
    assert begun["changed"] and lines() == [begun["entry"], ended["entry"]]
    first, second = lines()
    assert first["event"] == "begin" and not {"result", "failed"} & first.keys(), "how it ends is not known yet"
    assert second["result"] == "ok" and second["details"] == {"backup": "b1"}
    assert first["run"] == second["run"] and (first["by"], first["user"], first["controller"]) == (
        "zoe@ctl",
        "zoe",
        "ctl",
    )
    assert b"event=begin" in journal.recv(9999) and b"details.backup=b1" in journal.recv(9999)


def test_an_end_says_how(write: Call, lines: Any) -> None:
    assert write("end")["failed"] and lines() == []


def test_a_dry_run_tells_the_line_and_writes_none(write: Call, log: Path, journal: socket.socket) -> None:
    assert write("begin", check=True)["entry"]["event"] == "begin"
    assert not log.exists()
    with pytest.raises(BlockingIOError):
        journal.recv(9999)


def test_without_its_action_there_is_no_run(write: Call, lines: Any) -> None:
    assert "action" in write("begin", run=None)["msg"] and lines() == []


def test_what_cannot_be_written_is_a_warning(write: Call, log: Path, warned: list[str]) -> None:
    log.mkdir()
    assert not write("begin")["failed"]
    (warning,) = warned
    assert f"not in {log}" in warning


def test_the_file_is_asked_to_be_one_that_only_grows(write: Call, lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(append_file, "_make_append_only", asked.append)
    write("begin")
    assert not asked
    write("end", result="ok", append_only=True)
    assert len(asked) == 1 and len(lines()) == 2


def test_examples(run_module: Any, log: Path, lines: Any) -> None:
    for task in yaml.safe_load(account.EXAMPLES):
        given = {**task["ridgetop.aidis.account"], "path": str(log), "append_only": False, "run": run_of(1)}
        assert not run_module(account, given)["failed"]
    assert len(lines()) == 2


# ---- With the lock ----


@pytest.fixture
def lock(tmp_path: Path, log: Path, run_module: Any, warned: list[str]) -> Call:
    """Call deploy_lock for a run, which its pid tells from others."""

    def call(pid: int, state: str = "acquired", *, check: bool = False, **options: Any) -> dict[str, Any]:
        told = {"path": str(log), "action": "deploy", "user": f"user{pid}", "append_only": False}
        told |= {name: options.pop(name) for name in ("result", "failed", "details") if name in options}
        given = {"path": str(tmp_path / "state" / "deploy.lock"), "state": state, "run": run_of(pid), "account": told}
        given |= {"owner": f"owner{pid}", "reason": f"deployment of v{pid}", **options}
        result: dict[str, Any] = run_module(deploy_lock, given, check_mode=check)
        return result

    return call


def test_a_run_begins_with_the_lock_and_ends_with_it(lock: Call, lines: Any, warned: list[str]) -> None:
    lock(1)
    lock(1)
    lock(1, "renewed")
    lock(1, "query")
    lock(1, "released", result="failed", failed=["app1: Migrate"], owner="another", reason="rollback")
    begin, end = lines()
    assert (begin["event"], end["event"]) == ("begin", "end") and begin["run"] == end["run"]
    assert {"by": "owner1", "what": "deployment of v1", "user": "user1", "pid": 1}.items() <= begin.items()
    assert "result" not in begin and end["result"] == "failed" and end["failed"] == ["app1: Migrate"]
    assert (end["by"], end["what"]) == ("owner1", "deployment of v1"), "what it said when it took the lock"
    assert warned == []


def test_a_run_that_is_refused_has_an_end_that_says_who_holds_it(lock: Call, lines: Any) -> None:
    lock(1)
    assert lock(2)["failed"]
    lock(2, "released", result="failed", failed=["db1: Take the lock"])
    begin, refused = lines()
    assert refused["event"] == "end" and refused["by"] == "owner2" and refused["result"] == "failed"
    assert refused["held_by"]["by"] == "owner1" and refused["held_by"]["run"] == begin["run"] != refused["run"]


def test_a_run_that_failed_before_it_asked_has_an_end(lock: Call, lines: Any, tmp_path: Path) -> None:
    lock(1, "released", result="failed", failed=["db1: Stop where a host is not fit"])
    (end,) = lines()
    assert end["event"] == "end" and end["by"] == "owner1" and "held_by" not in end
    assert not (tmp_path / "state").exists()


def test_a_run_that_was_killed_has_a_begin_alone_and_its_successor_says_so(lock: Call, lines: Any) -> None:
    token = lock(1)["token"]
    assert not lock(2, ended=token)["failed"]
    lock(2, "released", result="ok")
    assert [(line["event"], line["pid"]) for line in lines()] == [
        ("begin", 1),
        ("takeover", 2),
        ("begin", 2),
        ("end", 2),
    ]
    killed, takeover, begin, end = lines()
    assert takeover["taken_from"]["run"] == killed["run"] == token and takeover["taken_from"]["by"] == "owner1"
    assert "process is gone" in takeover["why"] and takeover["by"] == "owner2"
    assert begin["run"] == end["run"] == takeover["run"] != killed["run"]


def test_a_run_whose_lock_was_taken_ends_under_its_own_name(lock: Call, lines: Any) -> None:
    lock(1)
    lock(2, takeover=True)
    lock(1, "released", result="failed", failed=["db1: Say that this run still lives"])
    end = lines()[-1]
    assert (end["pid"], end["by"], end["held_by"]["by"]) == (1, "owner1", "owner2")
    assert lock(2, "renewed")["owner"] == "owner2"


@pytest.mark.parametrize("state", ["acquired", "renewed", "released", "query"])
@pytest.mark.parametrize("before", ["free", "own", "other"])
def test_a_dry_run_leaves_no_line(lock: Call, lines: Any, state: str, before: str) -> None:
    if before != "free":
        lock(1 if before == "own" else 2)
    known = lines()
    lock(1, state, check=True, result="ok")
    assert lines() == known


def test_a_lock_without_an_account_leaves_no_line(lock: Call, lines: Any) -> None:
    lock(1, account=None)
    lock(1, "released", account=None)
    assert lines() == []


def test_giving_it_back_says_how_the_run_ended(lock: Call, lines: Any) -> None:
    lock(1)
    refused = lock(1, "released")
    assert refused["failed"] and "account.result" in refused["msg"] and len(lines()) == 1
    assert lock(1, "query")["owner"] == "owner1"


def test_the_lock_goes_back_where_no_line_can_be_written(lock: Call, log: Path, warned: list[str]) -> None:
    log.mkdir()
    assert lock(1)["changed"] and any("begin of this run is not in" in text for text in warned)
    assert lock(1, "released", result="ok")["changed"] and any("end of this run is not in" in text for text in warned)


def test_a_reason_cannot_make_a_line_of_its_own(lock: Call, log: Path, lines: Any) -> None:
    forged = '"}\n{"event": "end", "result": "ok", "by": "somebody else"}\n'
    lock(1, reason=forged)
    assert len(log.read_text().splitlines()) == 1 and lines()[0]["what"] == forged


def test_the_end_of_one_stands_before_the_begin_of_the_next(lock: Call, lines: Any, monkeypatch: Any) -> None:
    lock(1)
    seen: list[str] = []

    def unlink(path: str, real: Callable[[str], None] = os.unlink) -> None:
        seen.append(lines()[-1]["event"])
        real(path)

    monkeypatch.setattr(os, "unlink", unlink)
    lock(1, "released", result="ok")
    assert seen == ["end"], "the line is there before the lock is gone"


# ---- With the lock that a change of the release takes ----


def test_a_release_that_takes_the_lock_begins_a_run(
    run_module: Any, tmp_path: Path, log: Path, lines: Any, lock: Call
) -> None:
    (tmp_path / "state").mkdir()
    told = {"path": str(log), "action": "rollback", "user": "user1", "append_only": False, "result": "ok"}
    taken = {"path": str(tmp_path / "state" / "deploy.lock"), "run": run_of(1), "owner": "owner1", "account": told}
    given = {"root": str(tmp_path), "state_dir": str(tmp_path / "state"), "lock": {**taken, "reason": "rollback to v1"}}
    assert not run_module(release, given, check_mode=True)["failed"] and lines() == []
    assert not run_module(release, given)["failed"]
    lock(1, "released", result="ok")
    begin, end = lines()
    assert (begin["event"], begin["action"], begin["what"]) == ("begin", "rollback", "rollback to v1")
    assert "result" not in begin and end["event"] == "end" and end["run"] == begin["run"]

    lock(2)
    refused = run_module(release, given)
    assert refused["lock_refused"] and [line["pid"] for line in lines()] == [1, 1, 2], "its action asks again"
