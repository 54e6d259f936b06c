# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each run leaves its beginning and its end in the account and in the journal, whatever became of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.security.tests.conftest import SERVER
from ansible_collections.ridgetop.aidis.molecule.shared import playbook

ACCOUNT = "/var/log/aidis-accounting.log"
# The lock of a run on another machine, of which this one cannot know whether it lives.
ELSEWHERE = """
import json, sys
with open(sys.argv[1]) as file:
    lock = json.load(file)
lock["controller"]["machine"] = "another"
with open(sys.argv[1], "w") as file:
    json.dump(lock, file)
"""
Line = dict[str, Any]
Account = Callable[..., list[Line]]


@pytest.fixture
def lines(on: Any) -> Callable[[], list[Line]]:
    """The lines of the account, oldest first."""
    return lambda: [json.loads(line) for line in on(SERVER, f"cat {ACCOUNT}").splitlines()]


@pytest.fixture
def account(inventory: Path, lines: Any, on: Any) -> Account:
    """Run a playbook; the lines that it added, which the journal has to have as well."""

    def run(name: str, *arguments: str, status: int = 0, **variables: Any) -> list[Line]:
        before = lines()
        done = playbook.run(name, playbook.inventories(inventory), *arguments, **variables)
        assert done.status == status, done.output[-6000:]
        after = lines()
        assert after[: len(before)] == before, "what was written stays as it was"
        added: list[Line] = after[len(before) :]
        assert {line["action"] for line in added} == {name} and len({line["run"] for line in added}) == 1, added
        journal = on(SERVER, f"journalctl --identifier aidis-accounting --output cat | grep run={added[0]['run']}")
        assert [said.partition(" ")[0] for said in journal.splitlines()] == [f"event={one['event']}" for one in added]
        return added

    return run


@pytest.fixture
def taken(inventory: Path, on: Any) -> Iterator[None]:
    """The lock is somebody else's, of whom nothing is known but that the lease has not ended."""
    lock = "/var/lib/aidis/deploy.lock"
    where = ["-m", "ridgetop.aidis.deploy_lock", "-a", f"path={lock} state=acquired owner=day reason=work", "--become"]
    made = playbook.module(SERVER, playbook.inventories(inventory), *where)
    assert made.status == 0, made.output
    on(SERVER, "python3 -c %s %s", ELSEWHERE, lock)
    yield
    on(SERVER, f"rm {lock}")


def test_a_deployment_says_who_from_where_what_and_when(account: Account, on: Any) -> None:
    begin, end = account("deploy", "--tags", "configure", lock_owner="the night shift")
    now = float(on(SERVER, "date +%s"))
    assert (begin["event"], end["event"]) == ("begin", "end")
    assert begin["by"] == end["by"] == "the night shift"
    assert (end["result"], end["what"]) == ("ok", "deployment of v1.1.0")
    assert (end["address"], end["login"]) == ("10.201.49.1", "admin"), "where ssh comes from, and as whom"
    assert end["user"] and end["controller"] and end["pid"] > 1
    for line in (begin, end):
        assert 0 <= now - datetime.fromisoformat(line["at"]).timestamp() < 600


@pytest.mark.parametrize(
    ("name", "variables", "step"),
    [
        ("deploy", {"app_version": "no-such-version"}, "version"),
        ("deploy", {"aidis_mcp_port": 70000}, "fit"),
        ("deploy", {"app_version": "v1.0.0", "app_install_command": "exit 7"}, "Install"),
        ("rollback", {"rollback_to": "no-such-version"}, "release"),
        ("restore_drill", {"restore_drill_backup": "20200101T000000Z-none"}, "estore"),
    ],
)
def test_a_failed_attempt_says_what_failed(account: Account, name: str, variables: Line, step: str) -> None:
    end = account(name, status=2, **variables)[-1]
    assert (end["event"], end["result"]) == ("end", "failed")
    assert len(end["failed"]) == 1 and end["failed"][0].startswith(f"{SERVER}: ") and step in end["failed"][0], end


@pytest.mark.usefixtures("taken")
def test_who_finds_the_lock_taken_has_tried(account: Account) -> None:
    (end,) = account("deploy", status=2)
    assert (end["event"], end["result"]) == ("end", "failed")
    assert (end["held_by"]["by"], end["held_by"]["what"]) == ("day", "work")


def test_a_backup_and_a_drill_say_which(account: Account) -> None:
    _begin, taken = account("backup")
    backup = taken["details"]["backup"]
    assert taken["result"] == "ok" and backup
    _begin, drilled = account("restore_drill")
    assert drilled["result"] == "ok" and drilled["details"]["drilled"] == backup


def test_what_changes_nothing_leaves_no_line(inventory: Path, lines: Any, tmp_path: Path) -> None:
    before = lines()
    where = playbook.inventories(inventory)
    assert playbook.run("deploy", where, "--check").status == 0
    looked = playbook.run("verify", where, verify_categories=["security"], verify_report_dir=str(tmp_path))
    assert looked.status == 0, looked.output[-4000:]
    assert lines() == before


def test_only_root_writes_it_and_only_its_readers_read_it(on: Any) -> None:
    assert on(SERVER, f"stat -c '%U:%G %a' {ACCOUNT}") == "root:adm 640"
