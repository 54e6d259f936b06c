# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of releases on a real file system: what is recorded, switched, removed, and never removed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ridgetop.aidis.plugins.modules import release as module

Release = Callable[..., dict[str, Any]]


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host with the two directories that the role makes."""
    (tmp_path / "root" / "releases").mkdir(parents=True)
    (tmp_path / "state").mkdir()
    return tmp_path


@pytest.fixture
def release(host: Path, run_module: Any) -> Release:
    """Call the module; a release that is to be staged has its directory made."""

    def call(release_id: str, state: str = "query", *, check: bool = False, **options: Any) -> dict[str, Any]:
        if state == "staged":
            (host / "root" / "releases" / release_id).mkdir(exist_ok=True)
        arguments = {"root": str(host / "root"), "state_dir": str(host / "state"), "id": release_id, "state": state}
        result: dict[str, Any] = run_module(module, {**arguments, **options}, check_mode=check)
        return result

    return call


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was warned of."""
    said: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _self, text: said.append(text))
    return said


@pytest.fixture
def deployed(release: Release) -> Callable[..., dict[str, Any]]:
    """Bring a release all the way to good."""

    def deploy(release_id: str, **options: Any) -> dict[str, Any]:
        release(release_id, "staged", version="v1", commit="c")
        release(release_id, "active", **options)
        return release(release_id, "good", **options)

    return deploy


def ledger_of(host: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((host / "state" / "releases.json").read_text())
    return loaded


def test_bare_host_has_nothing(release: Release, host: Path) -> None:
    result = release("v1-abc")
    assert not result["changed"] and not result["staged"] and not result["good"]
    assert result["active"] is None and result["last_good"] is None
    assert not list((host / "state").iterdir()), "a query must write nothing"


def test_life_of_a_release(release: Release, host: Path) -> None:
    assert release("v1-abc", "staged", version="v1", commit="abc", by="op")["changed"]
    activated = release("v1-abc", "active")
    assert activated["changed"] and activated["restart"] and activated["active"] == "v1-abc"
    assert (host / "root" / "current").readlink() == Path("releases/v1-abc")
    assert release("v1-abc", "good", migrations="d1")["good"]
    assert ledger_of(host)["releases"][0]["result"] == "good"


def test_second_run_changes_nothing(release: Release, deployed: Any, host: Path) -> None:
    deployed("v1-abc", inputs=[])
    before = (host / "state" / "releases.json").read_bytes()
    activated = release("v1-abc", "active", inputs=[])
    accepted = release("v1-abc", "good", inputs=[])
    assert not activated["changed"] and not activated["restart"] and not accepted["changed"]
    assert (host / "state" / "releases.json").read_bytes() == before


def test_a_changed_input_asks_for_a_restart_until_it_was_accepted(release: Release, deployed: Any, host: Path) -> None:
    environment = host / "production.env"
    environment.write_text("A=1")
    inputs = [str(environment)]
    deployed("v1-abc", inputs=inputs)
    environment.write_text("A=2")
    assert release("v1-abc", "active", inputs=inputs)["restart"]
    assert release("v1-abc", "active", inputs=inputs)["restart"], "a run killed before the restart must be found out"
    assert release("v1-abc", "good", inputs=inputs)["changed"]
    assert not release("v1-abc", "active", inputs=inputs)["restart"]


def test_a_missing_input_is_not_an_empty_one(release: Release, deployed: Any, host: Path) -> None:
    path = host / "ca.crt"
    deployed("v1-abc", inputs=[str(path)])
    path.write_text("")
    assert release("v1-abc", "active", inputs=[str(path)])["restart"]


def test_a_link_moved_by_hand_comes_back(release: Release, deployed: Any, host: Path) -> None:
    deployed("v1-abc")
    link = host / "root" / "current"
    link.unlink()
    link.symlink_to("releases/other")
    result = release("v1-abc", "active")
    assert result["changed"] and result["restart"] and link.readlink() == Path("releases/v1-abc")


@pytest.mark.parametrize("state", ["active", "good"])
def test_an_unbuilt_release_is_refused(release: Release, host: Path, state: str) -> None:
    (host / "root" / "releases" / "v1-abc").mkdir()
    result = release("v1-abc", state)
    assert result["failed"] and "not a whole build" in result["msg"]
    assert not (host / "root" / "current").exists()


def test_good_needs_to_be_active(release: Release, deployed: Any) -> None:
    deployed("v1-abc")
    release("v2-def", "staged")
    result = release("v2-def", "good")
    assert result["failed"] and "v1-abc" in result["msg"]


def test_staged_needs_the_directory(run_module: Any, host: Path) -> None:
    result = run_module(
        module,
        {"root": str(host / "root"), "state_dir": str(host / "state"), "id": "v9-x", "state": "staged"},
    )
    assert result["failed"] and not (host / "state" / "releases.json").exists()


def test_a_lost_directory_is_not_staged(release: Release, host: Path) -> None:
    release("v1-abc", "staged")
    (host / "root" / "releases" / "v1-abc").rmdir()
    assert not release("v1-abc")["staged"]


def test_failed_keeps_the_reason_until_the_next_success(release: Release, host: Path) -> None:
    release("v1-abc", "failed", reason="build: Install the dependencies")
    assert not release("v1-abc")["staged"]
    assert ledger_of(host)["releases"][0]["reason"].startswith("build")
    entry = release("v1-abc", "staged")["release"]
    assert "reason" not in entry and entry["result"] == "staged"


def test_pruning_keeps_the_active_and_the_last_good_one(release: Release, deployed: Any, host: Path) -> None:
    deployed("v1-a")
    for number in range(2, 6):
        release(f"v{number}-x", "staged")
    result = deployed("v9-z", keep=1)
    assert set(result["removed"]) == {"v2-x", "v3-x", "v4-x", "v5-x"}
    assert sorted(p.name for p in (host / "root" / "releases").iterdir()) == ["v1-a", "v9-z"]
    assert result["last_good"] == "v1-a"


def test_pruning_takes_the_oldest_and_says_so_in_the_ledger(release: Release, deployed: Any, host: Path) -> None:
    for name in ("v1-a", "v2-b", "v3-c", "v4-d"):
        deployed(name, keep=3)
    assert sorted(p.name for p in (host / "root" / "releases").iterdir()) == ["v2-b", "v3-c", "v4-d"]
    pruned = next(entry for entry in ledger_of(host)["releases"] if entry["id"] == "v1-a")
    assert pruned["pruned_at"] and not release("v1-a")["staged"]
    (host / "root" / "releases" / "v1-a").mkdir()
    assert not release("v1-a")["staged"], "the ledger tells what is built, not a directory of that name"


def test_a_release_never_named_in_the_ledger_is_not_touched(deployed: Any, host: Path) -> None:
    (host / "root" / "releases" / "by-hand").mkdir()
    for name in ("v1-a", "v2-b", "v3-c"):
        deployed(name, keep=1)
    assert (host / "root" / "releases" / "by-hand").is_dir()


@pytest.mark.parametrize("state", ["staged", "active", "good", "failed"])
def test_check_mode_predicts_and_writes_nothing(release: Release, deployed: Any, host: Path, state: str) -> None:
    deployed("v1-a")
    release("v2-b", "staged")
    before = (host / "state" / "releases.json").read_bytes()
    result = release("v2-b", state, check=True)
    assert result["changed"] and result["diff"]["before"] != result["diff"]["after"]
    assert (host / "state" / "releases.json").read_bytes() == before
    assert (host / "root" / "current").readlink() == Path("releases/v1-a")


@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "-rf", "a b", "a\nb", "x" * 129, "ä"])
def test_an_id_that_is_no_directory_name_is_refused(release: Release, bad: str) -> None:
    assert release(bad)["failed"]


@pytest.mark.parametrize("content", ["", "[]", '{"schema": 2, "releases": []}', '{"schema": 1}', "{"])
def test_a_broken_ledger_is_an_error_and_stays(release: Release, host: Path, content: str) -> None:
    path = host / "state" / "releases.json"
    path.write_text(content)
    assert release("v1-a", "failed")["failed"]
    assert path.read_text() == content


def test_something_else_in_place_of_the_link_is_not_replaced(release: Release, host: Path) -> None:
    (host / "root" / "current").mkdir()
    release("v1-a", "failed")
    assert (host / "root" / "current").is_dir()
    result = release("v1-a")
    assert result["failed"] and "is not a link" in result["msg"]


def entry_of(host: Path, release_id: str) -> dict[str, Any]:
    return next(dict(entry) for entry in ledger_of(host)["releases"] if entry["id"] == release_id)


@pytest.fixture
def inputs(host: Path) -> list[str]:
    """A configuration and a unit."""
    paths = [host / "production.env", host / "aidis.service"]
    for path in paths:
        path.write_text(f"{path.name} of v1\n")
        path.chmod(0o640)
    return [str(path) for path in paths]


def test_a_release_returns_with_the_files_it_was_accepted_with(
    release: Release, deployed: Any, host: Path, inputs: list[str]
) -> None:
    deployed("v1-a", inputs=inputs)
    Path(inputs[0]).write_text("of v2\n")
    Path(inputs[0]).chmod(0o600)
    deployed("v2-b", inputs=inputs)
    returned = release("v1-a", "returned", inputs=inputs)
    assert returned["changed"] and returned["restart"] and returned["restored"] == inputs[:1]
    assert Path(inputs[0]).read_text() == "production.env of v1\n"
    assert Path(inputs[0]).stat().st_mode & 0o777 == 0o640
    assert (host / "root" / "current").readlink() == Path("releases/v1-a")
    assert release("v1-a", "good", inputs=inputs, instead_of="v2-b", reason="slow")["good"]
    left = entry_of(host, "v2-b")
    assert left["result"] == "rolled_back" and left["reason"] == "slow"
    again = release("v1-a", "returned", inputs=inputs)
    assert not again["changed"] and not again["restart"] and again["restored"] == []


def test_a_file_that_was_not_there_goes_when_the_release_returns(
    release: Release, deployed: Any, host: Path, inputs: list[str]
) -> None:
    absent = host / "ca.crt"
    deployed("v1-a", inputs=[*inputs, str(absent)])
    absent.write_text("new")
    deployed("v2-b", inputs=[*inputs, str(absent)])
    assert release("v1-a", "returned", inputs=[*inputs, str(absent)])["restored"] == [str(absent)]
    assert not absent.exists()


def test_the_copies_are_their_owners_alone(deployed: Any, host: Path, inputs: list[str]) -> None:
    deployed("v1-a", inputs=inputs)
    copies = host / "state" / "inputs"
    assert copies.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in copies.iterdir()] == [0o600]


def test_a_release_that_was_removed_and_is_built_again_returns_with_its_files(
    release: Release, deployed: Any, host: Path, inputs: list[str], warned: list[str]
) -> None:
    deployed("v1-a", inputs=inputs)
    Path(inputs[1]).write_text("aidis.service of v2\n")
    for name in ("v2-b", "v3-c"):
        deployed(name, keep=1, inputs=inputs)
    assert not release("v1-a")["staged"]
    (host / "root" / "releases" / "v1-a").mkdir()
    release("v1-a", "staged")
    returned = release("v1-a", "returned", inputs=inputs)
    assert returned["restored"] == inputs[1:] and not warned
    assert Path(inputs[1]).read_text() == "aidis.service of v1\n"


def test_it_is_said_where_no_files_were_kept(
    release: Release, deployed: Any, inputs: list[str], warned: list[str]
) -> None:
    deployed("v1-a", inputs=inputs)
    release("v2-b", "staged")
    release("v2-b", "returned", inputs=inputs)
    (warning,) = warned
    assert "No files of v2-b were kept" in warning


def test_damaged_copies_are_an_error_and_nothing_is_switched(
    release: Release, deployed: Any, host: Path, inputs: list[str]
) -> None:
    deployed("v1-a", inputs=inputs)
    deployed("v2-b", inputs=inputs)
    (host / "state" / "inputs" / "v1-a.json").write_text("[{")
    result = release("v1-a", "returned", inputs=inputs)
    assert result["failed"] and "v1-a.json" in result["msg"]
    assert (host / "root" / "current").readlink() == Path("releases/v2-b")


def test_check_mode_returns_nothing(release: Release, deployed: Any, host: Path, inputs: list[str]) -> None:
    deployed("v1-a", inputs=inputs)
    Path(inputs[0]).write_text("of v2\n")
    deployed("v2-b", inputs=inputs)
    result = release("v1-a", "returned", check=True, inputs=inputs)
    assert result["changed"] and result["restored"] == inputs[:1]
    assert Path(inputs[0]).read_text() == "of v2\n"
    assert (host / "root" / "current").readlink() == Path("releases/v2-b")


def test_what_migrations_began_with_is_kept_until_a_release_is_accepted(
    release: Release, deployed: Any, host: Path
) -> None:
    deployed("v1-a")
    release("v2-b", "staged")
    facts = {"backup": "b1", "fingerprint": "f1", "migrations": "m1", "mode": "stopped"}
    underway = release("v2-b", "migrating", **facts)["underway"]
    assert {"release": "v2-b", "from": "v1-a", **facts}.items() <= underway.items()
    again = release("v2-b", "migrating", backup="b2", fingerprint="f2", migrations="m2", mode="stopped")
    assert not again["changed"] and again["underway"] == underway, "the state before the first try is the one to keep"
    assert release("v2-b")["underway"] == underway
    release("v2-b", "active")
    assert release("v2-b", "good")["underway"] is None
    assert entry_of(host, "v2-b")["backup"] == "b1"


def test_the_backup_is_added_once_it_is_taken(release: Release, deployed: Any, host: Path) -> None:
    deployed("v1-a")
    release("v2-b", "staged")
    begun = release("v2-b", "migrating", fingerprint="f1", migrations="m1")["underway"]
    assert begun["backup"] is None
    added = release("v2-b", "migrating", fingerprint="f2", migrations="m2", backup="b1")
    assert added["changed"] and added["underway"] == {**begun, "backup": "b1"}
    assert entry_of(host, "v2-b")["backup"] == "b1"
    assert not release("v2-b", "migrating", backup="b2")["changed"]


def test_a_return_ends_what_was_underway(release: Release, deployed: Any) -> None:
    deployed("v1-a")
    release("v2-b", "staged")
    release("v2-b", "migrating", backup="b1")
    release("v1-a", "returned")
    assert release("v1-a", "good")["underway"] is None


def to(run_module: Any, host: Path, wanted: str | None, state: str = "query") -> dict[str, Any]:
    arguments = {"root": str(host / "root"), "state_dir": str(host / "state"), "to": wanted, "state": state}
    found: dict[str, Any] = run_module(module, arguments)
    return found


def test_a_rollback_goes_to_the_last_good_one(run_module: Any, deployed: Any, host: Path) -> None:
    for name in ("v1-a", "v2-b", "v3-c"):
        deployed(name)
    assert to(run_module, host, "")["id"] == "v2-b"


def test_a_rollback_of_a_deployment_that_did_not_end_goes_to_what_ran(
    run_module: Any, release: Release, deployed: Any, host: Path
) -> None:
    deployed("v1-a")
    deployed("v2-b")
    release("v3-c", "staged")
    release("v3-c", "active")
    assert to(run_module, host, "")["id"] == "v2-b", "switched and not accepted"
    release("v2-b", "active")
    release("v3-c", "migrating")
    assert to(run_module, host, "")["id"] == "v2-b", "its migrations began"


def test_a_rollback_never_goes_to_one_that_was_left(
    run_module: Any, release: Release, deployed: Any, host: Path
) -> None:
    for name in ("v1-a", "v2-b", "v3-c"):
        deployed(name)
    release("v2-b", "active")
    release("v2-b", "good", instead_of="v3-c")
    assert to(run_module, host, "")["id"] == "v1-a"
    assert to(run_module, host, "v3-c")["id"] == "v3-c", "unless it is named"


@pytest.mark.parametrize("wanted", ["v2-0123456", "v2", "0123456", "0123456789"])
def test_a_release_is_found_by_id_version_and_commit(
    run_module: Any, release: Release, deployed: Any, host: Path, wanted: str
) -> None:
    deployed("v1-a")
    release("v2-0123456", "staged", version="v2", commit="0123456789abcdef")
    release("v2-0123456", "active")
    release("v2-0123456", "good")
    assert to(run_module, host, wanted)["id"] == "v2-0123456"


@pytest.mark.parametrize(
    ("wanted", "text"), [("v9", "there are: v1-a"), ("v3-c", "never accepted"), ("", "no other good")]
)
def test_what_cannot_be_returned_to_is_an_error(
    run_module: Any, release: Release, deployed: Any, host: Path, wanted: str, text: str
) -> None:
    deployed("v1-a")
    release("v3-c", "staged")
    result = to(run_module, host, wanted)
    assert result["failed"] and text in result["msg"]


def test_a_query_may_ask_for_the_ledger_alone(run_module: Any, deployed: Any, host: Path) -> None:
    deployed("v1-a")
    assert to(run_module, host, None)["ledger"] == ledger_of(host)
    assert to(run_module, host, None, "active")["failed"]


def test_migrations_are_the_same_by_name_and_content(release: Release, deployed: Any, host: Path) -> None:
    def put(release_id: str, name: str, text: str) -> None:
        path = host / "root" / "releases" / release_id / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    patterns = ["*migrat*"]
    deployed("v1-a")
    release("v2-b", "staged")
    assert not release("v2-b", migration_files=patterns)["migrations_same"], "no file says nothing"
    for release_id in ("v1-a", "v2-b"):
        put(release_id, "server/migrations/001.sql", "CREATE")
        put(release_id, f"server/{release_id}.js", "other")
        put(release_id, f"server/node_modules/{release_id}/migrate.js", "a dependency")
    assert release("v2-b", migration_files=patterns)["migrations_same"]
    assert not release("v2-b", migration_files=[])["migrations_same"]
    put("v2-b", "server/migrations/002.sql", "ALTER")
    assert not release("v2-b", migration_files=patterns)["migrations_same"]
    put("v1-a", "server/migrations/002.sql", "DROP")
    assert not release("v2-b", migration_files=patterns)["migrations_same"]


def test_an_unbuilt_release_may_be_left_to_be_built_first(release: Release, deployed: Any, host: Path) -> None:
    deployed("v1-a")
    deployed("v2-b")
    (host / "root" / "releases" / "v1-a").rmdir()
    result = release("v1-a", "returned", unbuilt="skip")
    assert not result["changed"] and not result["staged"] and result["left"] == "v2-b"
    assert (host / "root" / "current").readlink() == Path("releases/v2-b")
    assert release("v1-a", "returned")["failed"]


def test_what_is_left_is_told(release: Release, deployed: Any) -> None:
    deployed("v1-a")
    deployed("v2-b")
    assert release("v1-a", "returned")["left"] == "v2-b"
    assert release("v1-a", "returned")["left"] is None


def test_a_look_at_the_ledger_tells_whether_inputs_changed(
    deployed: Any, host: Path, run_module: Any, tmp_path: Path
) -> None:
    file = tmp_path / "env"
    file.write_text("A=1")
    deployed("v1-a", inputs=[str(file)])
    look = {"root": str(host / "root"), "state_dir": str(host / "state"), "inputs": [str(file)]}
    assert not run_module(module, look)["restart"]
    file.write_text("A=2")
    assert run_module(module, look)["restart"]


# The service that runs from the release


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """A systemctl that writes down how it was called; it refuses the calls that it is told to, once each."""
    calls, refusals = tmp_path / "calls", tmp_path / "refusals"
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {calls}\n'
        f'grep -qxF -- "$*" {refusals} || exit 0\n'
        f'grep -vxF -- "$*" {refusals} > {refusals}.new; mv {refusals}.new {refusals}; echo refused >&2; exit 3\n'
    )
    program.chmod(0o755)
    refusals.write_text("")
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    def called(*refuse: str) -> list[str]:
        if refuse:
            refusals.write_text("".join(f"{one}\n" for one in refuse))
        done = calls.read_text().splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return done

    return called


UNIT = "aidis.service"


def test_a_return_restarts_the_service(deployed: Any, release: Release, systemctl: Any) -> None:
    deployed("v1-a")
    deployed("v2-b")
    result = release("v1-a", "returned", service=UNIT)
    assert result["started"] and result["changed"]
    assert systemctl() == [f"restart {UNIT}"]


def test_a_return_to_what_runs_leaves_it_running(deployed: Any, release: Release, systemctl: Any) -> None:
    deployed("v1-a")
    result = release("v1-a", "returned", service=UNIT)
    assert result["started"] and not result["changed"]
    assert systemctl() == [f"--quiet is-active {UNIT}"]


def test_a_return_to_what_is_to_run_starts_it(deployed: Any, release: Release, systemctl: Any) -> None:
    deployed("v1-a")
    systemctl(f"--quiet is-active {UNIT}")
    result = release("v1-a", "returned", service=UNIT)
    assert result["started"] and result["changed"]
    assert systemctl() == [f"--quiet is-active {UNIT}", f"start {UNIT}"]


def test_a_return_restarts_where_another_release_may_run(deployed: Any, release: Release, systemctl: Any) -> None:
    deployed("v1-a")
    release("v1-a", "returned", service=UNIT, force_restart=True)
    assert systemctl() == [f"restart {UNIT}"]


def test_a_return_makes_systemd_read_a_unit_that_was_put_back(
    deployed: Any, release: Release, host: Path, systemctl: Any
) -> None:
    unit = host / UNIT
    unit.write_text("old")
    deployed("v1-a", inputs=[str(unit)])
    unit.write_text("new")
    result = release("v1-a", "returned", service=UNIT, inputs=[str(unit)])
    assert result["restored"] == [str(unit)]
    assert unit.read_text() == "old"
    assert systemctl() == ["daemon-reload", f"restart {UNIT}"]


def test_a_return_starts_it_after_too_many_starts(deployed: Any, release: Release, systemctl: Any) -> None:
    deployed("v1-a")
    deployed("v2-b")
    systemctl(f"restart {UNIT}")
    assert release("v1-a", "returned", service=UNIT)["started"]
    assert systemctl() == [f"restart {UNIT}", f"reset-failed {UNIT}", f"restart {UNIT}"]


def test_a_return_tells_why_it_does_not_start(
    deployed: Any, release: Release, host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed("v1-a")
    deployed("v2-b")
    program = host / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho no such unit >&2\nexit 5\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    result = release("v1-a", "returned", service=UNIT)
    assert result["failed"]
    assert result["msg"] == f"systemctl restart {UNIT} ended with 5: no such unit"


def test_a_return_leaves_it_alone_during_migrations(deployed: Any, release: Release, systemctl: Any) -> None:
    deployed("v1-a")
    release("v2-b", "staged")
    release("v2-b", "migrating", fingerprint="f", migrations="m")
    assert not release("v1-a", "returned", service=UNIT)["started"]
    assert systemctl() == []


def test_a_dry_run_of_a_return_starts_nothing(deployed: Any, release: Release, systemctl: Any) -> None:
    deployed("v1-a")
    deployed("v2-b")
    result = release("v1-a", "returned", service=UNIT, check=True)
    assert result["changed"] and not result["started"]
    assert systemctl() == []


LOCK_RUN = {"machine": "m", "host": "ctl", "started": "10"}


def locked_by(host: Path, pid: int) -> dict[str, Any]:
    """The lock as the run with that pid asks for it."""
    return {"path": str(host / "state" / "deploy.lock"), "reason": "test", "run": {**LOCK_RUN, "pid": pid}}


def test_the_lock_is_taken_first(release: Release, deployed: Any, host: Path) -> None:
    deployed("v1-abc")
    result = release("v1-abc", "returned", lock=locked_by(host, 7))
    assert not result["changed"] and json.loads((host / "state" / "deploy.lock").read_text())["controller"]["pid"] == 7
    assert not release("v1-abc", "returned", lock=locked_by(host, 7))["failed"], "a run that has it goes on"


def test_nothing_is_changed_under_the_lock_of_another_run(release: Release, deployed: Any, host: Path) -> None:
    deployed("v1-abc")
    deployed("v2-abc")
    release("v2-abc", lock=locked_by(host, 7))
    before = ledger_of(host)
    refused = release("v1-abc", "returned", lock=locked_by(host, 8))
    assert refused["failed"] and refused["lock_refused"] and "pid 7" in refused["msg"]
    assert (host / "root" / "current").readlink() == Path("releases/v2-abc") and ledger_of(host) == before


def test_a_dry_run_takes_no_lock_and_tells_that_it_is_held(
    release: Release, deployed: Any, host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    # Ansible keeps the warnings of a process, and here one process is many modules.
    monkeypatch.setattr(AnsibleModule, "warn", lambda _self, text: said.append(text))
    deployed("v1-abc")
    release("v1-abc", "returned", check=True, lock=locked_by(host, 8))
    assert not (host / "state" / "deploy.lock").exists()
    release("v1-abc", lock=locked_by(host, 7))
    told = release("v1-abc", "returned", check=True, lock=locked_by(host, 8))
    assert not told["failed"] and len(said) == 1 and "pid 7" in said[0]


def test_a_task_without_its_action_has_no_run(release: Release, host: Path) -> None:
    refused = release("v1-abc", lock={"path": str(host / "state" / "deploy.lock")})
    assert refused["failed"] and "action" in refused["msg"]


def test_a_release_returns_with_the_secrets_of_today(release: Release, deployed: Any, host: Path) -> None:
    environment = host / "production.env"
    inputs = [str(environment)]
    environment.write_text('# PASSWORD=x\nLEVEL=info\nPASSWORD=\'o\nl=d\'\nURL="a\\"b"\nLAST=1')
    deployed("v1-abc", inputs=inputs)
    environment.write_text("LEVEL=debug\nPASSWORD=new\nOTHER=new\n")
    deployed("v2-abc", inputs=inputs)
    today = {str(environment): "# managed\n\nOTHER=1\nPASSWORD='n\new'\nURL=plain\n"}
    back = release("v1-abc", "returned", inputs=inputs, secrets=today)
    assert environment.read_text() == "# PASSWORD=x\nLEVEL=info\nPASSWORD='n\new'\nURL=plain\nLAST=1"
    assert back["restored"] == inputs
    assert release("v1-abc", "returned", inputs=inputs, secrets=today)["restored"] == []


@pytest.mark.parametrize(("option", "value"), [("wait", -1), ("wait", "soon"), ("lease", 0)])
def test_values_of_a_lock_out_of_range_are_refused(release: Release, host: Path, option: str, value: Any) -> None:
    refused = release("v1-abc", lock={**locked_by(host, 7), option: value})
    assert refused["failed"] and option in refused["msg"] and not (host / "state" / "deploy.lock").exists()


# ---- What was measured ----


def test_the_latency_is_kept_with_the_release_that_becomes_good(deployed: Callable[..., dict[str, Any]]) -> None:
    entry = deployed("a", latency=[1.0, 2.0, 3.0, 40.0])["release"]
    assert (entry["latency_count"], entry["latency_p50_ms"], entry["latency_p95_ms"]) == (4, 2.0, 40.0)


def test_what_is_measured_later_changes_nothing(deployed: Callable[..., dict[str, Any]], release: Release) -> None:
    kept = deployed("a", latency=[1.0])["release"]
    again = release("a", "good", latency=[9.0])
    assert not again["changed"] and again["release"] == kept
    assert release("a", "staged")["release"]["latency_p50_ms"] == 1.0
    assert release("a", "good", latency=[9.0])["release"]["latency_p50_ms"] == 9.0


def test_of_a_release_that_was_not_measured_there_is_none(deployed: Callable[..., dict[str, Any]]) -> None:
    assert not {key for key in deployed("a")["release"] if key.startswith("latency")}
