# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that meet at a lock: who gets it, who is told what, and what stays on the disk."""

from __future__ import annotations

import contextlib
import json
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ridgetop.aidis.plugins.module_utils import lock_file
from ansible_collections.ridgetop.aidis.plugins.modules import deploy_lock as module

Ask = Callable[..., dict[str, Any]]

# One process each: for every line of arguments a whole module with its exit, and a line with its result.
RACER = """
import io, json, sys, contextlib
from ansible.module_utils.testing import patch_module_args
from ansible_collections.ridgetop.aidis.plugins.modules import deploy_lock
print("ready", flush=True)
for line in sys.stdin:
    out = io.StringIO()
    with patch_module_args(json.loads(line)), contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        deploy_lock.main()
    print(out.getvalue().strip(), flush=True)
"""


def run_of(pid: int, machine: str = "m") -> dict[str, Any]:
    return {"machine": machine, "host": "ctl", "pid": pid, "started": "10"}


def arguments(path: Path, pid: int, **options: Any) -> dict[str, Any]:
    return {"path": str(path), "run": run_of(pid), "owner": f"owner{pid}", "reason": f"deploy v{pid}", **options}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "deploy.lock"


@pytest.fixture
def ask(path: Path, run_module: Any, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Call the module for a run, which its pid tells from others. Warnings are those of one call, as `said`."""
    said: list[str] = []
    # Ansible keeps the warnings of a process, and here one process is many modules.
    monkeypatch.setattr(AnsibleModule, "warn", lambda _self, text: said.append(text))

    def call(pid: int, state: str = "acquired", *, check: bool = False, **options: Any) -> dict[str, Any]:
        said.clear()
        result: dict[str, Any] = run_module(module, arguments(path, pid, state=state, **options), check_mode=check)
        return {**result, "said": list(said)}

    return call


def content(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.read_text())
    return told


def change(path: Path, **fields: Any) -> None:
    """Rewrite the lock by hand."""
    path.write_text(json.dumps({**content(path), **fields}))


def expire(path: Path) -> None:
    change(path, renewed="2001-01-01T00:00:00Z", since="2000-12-31T00:00:00Z")


def listing(path: Path) -> list[str]:
    return sorted(p.name for p in path.parent.iterdir()) if path.parent.exists() else []


def test_taken_found_held_and_released(ask: Ask, path: Path) -> None:
    taken = ask(1)
    assert taken["changed"] and taken["owner"] == "owner1" and not taken["stale"]
    assert taken["held_by"] is None and taken["taken_over"] is None
    assert taken["diff"]["before"] == "" and taken["diff"]["after"] == path.read_text()
    assert content(path)["controller"] == run_of(1) and content(path)["token"] == taken["token"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644

    refused = ask(2)
    assert refused["failed"] and not refused["changed"] and refused["held_by"]["token"] == taken["token"]
    assert refused["held_by"]["controller"] == run_of(1)
    for part in ("owner1", "deploy v1", "pid 1", "since", "s ago", "ends at", f"rm {path}", "lock_takeover=true"):
        assert part in refused["msg"]

    released = ask(1, "released")
    assert released["changed"] and released["owner"] is None and released["diff"]["after"] == ""
    assert not path.exists() and ask(2)["changed"]


def test_the_same_run_takes_it_again(ask: Ask, path: Path) -> None:
    first = ask(1)
    change(path, renewed=first["since"].replace(first["since"][:4], "2001", 1), lease=60)
    again = ask(1, reason="verify", owner="somebody")
    assert not again["changed"] and not again["failed"] and again["taken_over"] is None and again["held_by"] is None
    assert (again["reason"], again["owner"], again["since"]) == ("deploy v1", "owner1", first["since"])
    assert content(path)["renewed"] >= first["since"] and again["lease"] == 1800


def test_a_stale_lock_is_taken_over_aloud(ask: Ask, path: Path) -> None:
    ask(1)
    expire(path)
    assert ask(2, "query")["stale"]
    taken = ask(2)
    assert taken["changed"] and taken["owner"] == content(path)["owner"] == "owner2"
    assert taken["taken_over"]["owner"] == "owner1" and taken["taken_over"]["since"] == "2000-12-31T00:00:00Z"
    (warning,) = taken["said"]
    for part in ("Took over", str(path), "owner1", "deploy v1", "its lease of 1800 s ended"):
        assert part in warning
    assert not ask(2)["said"], "it is said once"


@pytest.mark.parametrize("way", ["ended", "takeover"])
def test_a_living_lease_yields_to_a_dead_run_and_to_force(ask: Ask, path: Path, way: str) -> None:
    token = ask(1)["token"]
    assert ask(2, **({"ended": "0" * 32} if way == "ended" else {"takeover": False}))["failed"]
    taken = ask(2, **({"ended": token} if way == "ended" else {"takeover": True}))
    assert taken["changed"] and taken["taken_over"]["owner"] == "owner1" and taken["said"]
    lost = ask(1, "renewed")
    assert lost["failed"] and "lost" in lost["msg"] and lost["held_by"]["owner"] == "owner2"
    assert content(path)["owner"] == "owner2"


def test_renewing_what_is_gone_fails(ask: Ask, path: Path) -> None:
    assert ask(1, "renewed")["failed"]
    ask(1)
    assert not ask(1, "renewed")["changed"]
    path.unlink()
    lost = ask(1, "renewed")
    assert lost["failed"] and "gone" in lost["msg"] and not path.exists()


def test_renewing_moves_the_end(ask: Ask, path: Path) -> None:
    ask(1)
    expire(path)
    renewed = ask(1, "renewed")
    assert not renewed["changed"] and not renewed["stale"] and ask(2)["failed"]
    assert renewed["since"] == "2000-12-31T00:00:00Z"


@pytest.mark.parametrize("stale", [False, True])
def test_what_another_run_holds_is_not_released(ask: Ask, path: Path, stale: bool) -> None:
    ask(1)
    if stale:
        expire(path)
    before = path.read_bytes()
    result = ask(2, "released", takeover=True)
    assert not result["changed"] and not result["failed"] and result["held_by"]["owner"] == "owner1"
    assert path.read_bytes() == before
    assert not ask(1, "released")["failed"] and not ask(1, "released")["changed"]


def test_a_query_tells_and_writes_nothing(ask: Ask, path: Path) -> None:
    free = ask(1, "query")
    assert free["owner"] is None and free["token"] is None and not free["stale"] and listing(path) == []
    ask(1)
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert ask(2, "query")["held_by"]["owner"] == "owner1" and ask(1, "query")["held_by"] is None
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_file_that_is_no_lock(ask: Ask, path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"owner": "bob", "tok')
    refused = ask(1)
    assert refused["failed"] and "unknown" in refused["msg"] and refused["held_by"]["controller"] == {}
    assert ask(1, "renewed")["failed"] and not ask(1, "released")["changed"]
    assert path.read_text() == '{"owner": "bob", "tok'
    assert ask(1, takeover=True)["diff"]["before"] == '{"owner": "bob", "tok'


@pytest.mark.parametrize("state", ["acquired", "renewed", "released", "query"])
@pytest.mark.parametrize("before", ["bare", "free", "own", "other", "stale"])
def test_check_mode_predicts_and_writes_nothing(ask: Ask, path: Path, state: str, before: str) -> None:
    if before != "bare":
        ask(1 if before == "own" else 2)
    if before == "stale":
        expire(path)
    if before == "free":
        path.unlink()
    left = listing(path), path.read_bytes() if path.exists() else None
    predicted = ask(1, state, check=True)
    assert not predicted["failed"]
    assert (listing(path), path.read_bytes() if path.exists() else None) == left
    refused = (state, before) in {("acquired", "other"), ("renewed", "other"), ("renewed", "stale")}
    taken_over = (state, before) == ("acquired", "stale")
    assert bool(predicted["said"]) == (state == "acquired" and (refused or taken_over))
    assert bool(predicted["taken_over"]) == taken_over
    assert bool(predicted["held_by"]) == (before in ("other", "stale") and not taken_over)
    real = ask(1, state)
    assert predicted["changed"] == real["changed"]
    assert real["failed"] == (refused or (state == "renewed" and before in ("bare", "free")))


def test_check_mode_does_not_wait(ask: Ask) -> None:
    ask(2)
    begun = time.monotonic()
    assert ask(1, check=True, wait=30)["held_by"] and time.monotonic() - begun < 10


def test_waits_for_the_other_run(ask: Ask, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL", 0.05)
    ask(2)
    other = threading.Timer(0.3, path.unlink)
    other.start()
    result = ask(1, wait=30)
    other.join()
    assert result["changed"] and result["taken_over"] is None
    begun = time.monotonic()
    assert ask(3, wait=1)["failed"] and time.monotonic() - begun >= 1


@pytest.mark.parametrize(
    "options", [{"lease": 0}, {"lease": -1}, {"lease": 10**9}, {"wait": -1}, {"run": None}, {"state": "taken"}]
)
def test_options_out_of_range(ask: Ask, path: Path, options: dict[str, Any]) -> None:
    assert ask(1, **{"state": "acquired", **options})["failed"] and not path.exists()


def test_a_directory_that_cannot_be_is_an_error(ask: Ask, path: Path) -> None:
    path.parent.write_text("a file")
    for state in ("acquired", "query"):
        assert str(path.parent) in ask(1, state)["msg"]


@pytest.fixture
def racers(ask: Ask) -> Iterator[list[subprocess.Popen[str]]]:
    """Eight processes that have loaded the module and wait for arguments."""
    environment = {"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"}
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", RACER],
                    env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                )
            )
            for _number in range(8)
        ]  # fmt: skip
        for process in processes:
            assert process.stdout and process.stdout.readline() == "ready\n"
        yield processes
        for process in processes:
            assert process.stdin
            process.stdin.close()


def race(racers: list[subprocess.Popen[str]], lines: list[str]) -> list[dict[str, Any]]:
    """Give each process its line at the same moment and return what they answer."""
    for process, line in zip(racers, lines, strict=True):
        assert process.stdin
        process.stdin.write(f"{line}\n")
    return [json.loads(process.stdout.readline()) for process in racers if process.stdout]


def test_one_of_eight_wins_each_time(racers: list[subprocess.Popen[str]], ask: Ask, path: Path) -> None:
    for round_number in range(10):
        path.unlink(missing_ok=True)
        if round_number % 2:
            ask(9)
            expire(path)
        results = race(racers, [json.dumps(arguments(path, pid)) for pid in range(1, 9)])
        winners = [result for result in results if result["changed"]]
        assert len(winners) == 1, f"round {round_number}"
        assert bool(winners[0]["taken_over"]) == bool(round_number % 2)
        assert content(path)["token"] == winners[0]["token"]
        losers = [result for result in results if result.get("failed")]
        assert {result["held_by"]["token"] for result in losers} == {winners[0]["token"]} and len(losers) == 7
    assert listing(path) == [".deploy.lock.guard", "deploy.lock"]


def test_a_reader_never_sees_half_a_file(racers: list[subprocess.Popen[str]], ask: Ask, path: Path) -> None:
    ask(1)
    done = threading.Event()
    seen: set[str] = set()

    def read() -> None:
        while not done.is_set():
            seen.add(content(path)["reason"])

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(5):
        lines = [
            json.dumps(arguments(path, pid, takeover=True, reason="x" * (pid * 4000 + number))) for pid in range(8)
        ]
        assert not [result for result in race(racers, lines) if result.get("failed")]
    reader.join(0)
    assert reader.is_alive(), "the reader found no JSON"
    done.set()
    reader.join()
    assert len(seen) > 1


@pytest.mark.parametrize("task", yaml.safe_load(module.EXAMPLES), ids=lambda task: task["name"])
def test_examples(run_module: Any, path: Path, task: dict[str, Any]) -> None:
    given = {**task["ridgetop.aidis.deploy_lock"], "path": str(path), "run": run_of(1)}
    if given.get("state") == "renewed":
        run_module(module, arguments(path, 1))
    assert not run_module(module, given)["failed"]


def test_the_states_are_the_documented_ones() -> None:
    option = yaml.safe_load(module.DOCUMENTATION)["options"]["state"]
    assert tuple(option["choices"]) == lock_file.STATES
