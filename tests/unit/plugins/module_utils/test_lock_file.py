# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a lock, and that the disk holds one or none whenever a process dies."""

from __future__ import annotations

import dataclasses
import datetime
import json
import multiprocessing
import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import lock_file
from ansible_collections.ridgetop.aidis.plugins.module_utils.lock_file import Lock, LockError, Wish

AT = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
PATH = "/somewhere/deploy.lock"


def controller(pid: int = 1, **fields: str) -> dict[str, Any]:
    return {"machine": "m", "host": "ctl", "started": "10", "pid": pid, **fields}


def wish(state: str = "acquired", pid: int = 1, **fields: Any) -> Wish:
    return Wish(state, controller(pid), **{"owner": f"owner{pid}", "reason": "deploy v1", "lease": 600, **fields})


def lock(pid: int = 1, **fields: Any) -> Lock:
    return dataclasses.replace(wish(pid=pid).lock(AT), **fields)


def later(seconds: int) -> datetime.datetime:
    return AT + datetime.timedelta(seconds=seconds)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "deploy.lock"


def in_child(action: Callable[[], object]) -> int:
    """Run something in a process of its own and return how it ended; below zero is a signal."""
    child = multiprocessing.get_context("fork").Process(target=action)
    child.start()
    child.join(10)
    assert child.exitcode is not None
    return child.exitcode


def test_a_token_is_that_of_one_process() -> None:
    runs = [
        controller(),
        controller(2),
        controller(machine="n"),
        controller(started="11"),
        controller(11, started="0"),
        controller(1, started="10", machine="m\0001"),
    ]
    assert len({lock_file.token_of(run) for run in runs}) == len(runs)
    assert lock_file.token_of(controller(host="renamed")) == lock_file.token_of(controller())


def test_what_is_written_is_what_is_read() -> None:
    written = lock(owner="Zoë", renewed=later(5), since=later(-5))
    assert lock_file.parse(written.text, later(99), 1) == written
    assert set(json.loads(written.text)) == {f.name for f in dataclasses.fields(Lock)} - {"garbled"}


@pytest.mark.parametrize("state", ["acquired", "renewed", "released", "query"])
@pytest.mark.parametrize("before", ["free", "own", "own stale", "other", "other stale"])
def test_transitions(state: str, before: str) -> None:
    holder = None if before == "free" else lock(1 if "own" in before else 2, lease=60 if "stale" in before else 600)
    answer = lock_file.decide(PATH, holder, wish(state), later(100))
    taken = wish().lock(later(100))
    kept = lock(renewed=later(100))
    wanted: dict[tuple[str, str], tuple[Lock | None, bool]] = {
        ("acquired", "free"): (taken, True),
        ("acquired", "own"): (kept, False),
        ("acquired", "own stale"): (kept, False),
        ("acquired", "other stale"): (taken, True),
        ("renewed", "own"): (kept, False),
        ("renewed", "own stale"): (kept, False),
        ("released", "own"): (None, True),
        ("released", "own stale"): (None, True),
    }
    refused = {("acquired", "other"), ("renewed", "free"), ("renewed", "other"), ("renewed", "other stale")}
    assert (answer.after, answer.changed) == wanted.get((state, before), (holder, False))
    assert bool(answer.refused) == ((state, before) in refused)
    assert bool(answer.taken_over) == ((state, before) == ("acquired", "other stale"))


def test_a_lease_holds_to_its_last_second() -> None:
    held = lock(2, lease=60)
    assert lock_file.decide(PATH, held, wish(), later(60)).refused
    assert lock_file.decide(PATH, held, wish(), later(61)).changed


def test_a_run_does_not_shorten_its_own_lease() -> None:
    for given, left in ((60, 600), (900, 900)):
        after = lock_file.decide(PATH, lock(), wish("renewed", lease=given), later(1)).after
        assert after and after.lease == left


def test_a_dead_run_is_the_one_that_was_named() -> None:
    held = lock(2)
    answer = lock_file.decide(PATH, held, wish(ended=held.token), later(1))
    assert (
        answer.taken_over and answer.taken_over["owner"] == "owner2" and "process is gone" in answer.taken_over["why"]
    )
    assert lock_file.decide(PATH, held, wish(ended=lock(3).token), later(1)).refused


def test_a_takeover_needs_no_other_reason() -> None:
    answer = lock_file.decide(PATH, lock(2), wish(takeover=True), later(1))
    assert answer.changed and answer.taken_over and "asked for" in answer.taken_over["why"]
    assert lock_file.decide(PATH, lock(2), wish("renewed", takeover=True), later(1)).refused
    assert not lock_file.decide(PATH, lock(2), wish("released", takeover=True), later(1)).changed


def test_a_refusal_says_who_where_when_why_and_what_to_do() -> None:
    refused = lock_file.decide("/a dir/deploy.lock", lock(2), wish(), later(300)).refused
    for part in (
        "owner2", "deploy v1", "controller ctl", "pid 2", "2026-01-01T12:00:00Z (5 min ago)", "2026-01-01T12:10:00Z",
        "(in 5 min)", "Wait", "`rm '/a dir/deploy.lock'`", "lock_takeover=true",
    ):  # fmt: skip
        assert part in refused


def test_a_lock_from_the_future_is_held() -> None:
    held = lock(2, since=later(7200), renewed=later(7200))
    answer = lock_file.decide(PATH, held, wish(), AT)
    assert "since 2026-01-01T14:00:00Z (in 2 h)" in answer.refused
    own = lock_file.decide(PATH, lock(renewed=later(7200)), wish("renewed"), AT).after
    assert own and own.renewed == AT


CHANGES: list[dict[str, Any]] = [
    {"token": ""}, {"token": 1}, {"owner": None}, {"reason": []}, {"since": "today"}, {"renewed": 5},
    {"renewed": "9999-12-31T23:59:59Z"}, {"lease": 0}, {"lease": -5}, {"lease": True}, {"lease": "600"},
    {"lease": 10**30}, {"controller": None}, {"controller": {}}, {"controller": controller(0)},
    {"controller": controller(10**12)}, {"controller": {**controller(), "pid": "1"}},
    {"controller": {**controller(), "machine": 1}},
]  # fmt: skip
CHANGED = [json.dumps({**json.loads(lock().text), **change}) for change in CHANGES]


@pytest.mark.parametrize(
    "text", ["", "maintenance", "{", "[]", "null", "\ufffd\0", "[" * 50000, *CHANGED], ids=lambda text: text[-20:]
)
def test_what_is_no_lock_is_held_by_nobody_known_until_it_is_old(text: str) -> None:
    garbled = lock_file.parse(text, AT, 600)
    assert garbled.text == text and garbled.token == ""
    refused = lock_file.decide(PATH, garbled, wish(), later(600)).refused
    assert "unknown" in refused and "2026-01-01T12:10:00Z" in refused
    taken = lock_file.decide(PATH, garbled, wish(), later(601))
    assert taken.after == wish().lock(later(601)) and taken.taken_over
    assert lock_file.decide(PATH, garbled, wish("renewed"), AT).refused
    assert not lock_file.decide(PATH, garbled, wish("released"), AT).changed


def test_the_age_of_what_is_no_lock_is_that_of_the_file(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"\xff half")
    assert lock_file.attempt(str(path), wish(), write=True).refused
    assert path.read_bytes() == b"\xff half"
    os.utime(path, (AT.timestamp(), AT.timestamp()))
    assert lock_file.attempt(str(path), wish(), write=True).taken_over
    assert json.loads(path.read_text())["owner"] == "owner1"


def test_the_clock_is_that_of_the_files_whatever_the_zone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        taken = lock_file.attempt(str(path), wish(), write=True).after
    finally:
        monkeypatch.undo()
        time.tzset()
    assert taken and abs(taken.since.timestamp() - path.stat().st_mtime) < 60
    assert lock_file.unstamp(json.loads(path.read_text())["since"]) == taken.since


def test_files_and_directories_are_readable_whatever_the_umask(path: Path) -> None:
    deep = path.parent / "deep" / "deploy.lock"
    before = os.umask(0o077)
    try:
        assert lock_file.attempt(str(deep), wish(), write=True).changed
    finally:
        os.umask(before)
    assert stat.S_IMODE(deep.stat().st_mode) == 0o644
    assert {stat.S_IMODE(parent.stat().st_mode) for parent in (deep.parent, path.parent)} == {0o755}
    assert sorted(p.name for p in deep.parent.iterdir()) == [".deploy.lock.guard", "deploy.lock"]


@pytest.mark.parametrize("state", ["renewed", "released", "query"])
def test_only_taking_makes_the_directory(path: Path, state: str) -> None:
    answer = lock_file.attempt(str(path), wish(state), write=True)
    assert not answer.changed and not path.parent.exists()


@pytest.mark.parametrize("state", ["acquired", "renewed", "released", "query"])
def test_a_dry_run_writes_nothing(path: Path, state: str) -> None:
    assert lock_file.attempt(str(path), wish(state), write=False).changed == (state == "acquired")
    assert not path.parent.exists()
    path.parent.mkdir()
    path.write_text(lock(2).text)
    lock_file.attempt(str(path), wish(state), write=False)
    assert [p.name for p in path.parent.iterdir()] == ["deploy.lock"] and path.read_text() == lock(2).text


@pytest.mark.parametrize("kind", ["link", "directory", "fifo"])
def test_what_is_no_plain_file_is_left_alone(path: Path, kind: str) -> None:
    path.parent.mkdir()
    other = path.parent / "other"
    other.write_text("")
    if kind == "link":
        path.symlink_to(other)
    elif kind == "directory":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises((LockError, OSError), match="move it away"):
        lock_file.attempt(str(path), wish(takeover=True), write=True)
    assert other.read_text() == ""


def test_a_lock_made_beside_the_guard_is_not_overwritten(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("theirs")
    with pytest.raises(LockError, match="made by something else"):
        lock_file.put(str(path), "ours", replace=False)
    assert path.read_text() == "theirs" and [p.name for p in path.parent.iterdir()] == ["deploy.lock"]


def test_a_guard_that_is_held_is_an_error_and_not_for_ever(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_file, "GUARD_TIMEOUT", 0.1)
    path.parent.mkdir()
    with lock_file.guarded(str(path)), pytest.raises(LockError, match=r"deploy\.lock\.guard is held"):
        lock_file.attempt(str(path), wish(), write=True)
    assert lock_file.attempt(str(path), wish(), write=True).changed


@pytest.mark.parametrize("free", [True, False], ids=["free", "stale"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["decide", "fchmod", "fsync", "place"])
def test_killed_at_any_step_it_stays_usable(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, done: bool, free: bool
) -> None:
    path.parent.mkdir()
    old = lock(2, lease=1)
    if not free:
        path.write_text(old.text)
    name = ("link" if free else "replace") if step == "place" else step
    target: Any = lock_file if step == "decide" else os
    real = getattr(target, name)

    def die(*args: Any, **options: Any) -> None:
        if done:
            real(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr(target, name, die)
        assert in_child(lambda: lock_file.attempt(str(path), wish(pid=3), write=True)) == -signal.SIGKILL
    left = lock_file.read(str(path), 600)
    placed = step == "place" and done
    assert (left.owner if left else None) == ("owner3" if placed else None if free else "owner2")
    # Somebody else finds nothing, a lease that has ended, or a run that is known to be dead.
    answer = lock_file.attempt(str(path), wish(pid=4, ended=left.token if left else ""), write=True)
    assert answer.changed and json.loads(path.read_text())["owner"] == "owner4"
    assert sorted(p.name for p in path.parent.iterdir()) == [".deploy.lock.guard", "deploy.lock"]


def test_a_full_disk_leaves_the_lock_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock_file.attempt(str(path), wish(), write=True)
    before = path.read_text()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        lock_file.attempt(str(path), wish(pid=2, takeover=True), write=True)
    assert path.read_text() == before
    assert sorted(p.name for p in path.parent.iterdir()) == [".deploy.lock.guard", "deploy.lock"]
