# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a suite is started, and what becomes of what it prints; tests/integration has the real systemd."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ridgetop.aidis.plugins.module_utils import suite_unit
from ansible_collections.ridgetop.aidis.plugins.module_utils.suite_unit import MOST_BYTES, Suite, command_line
from ansible_collections.ridgetop.aidis.plugins.modules import suite_run

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(run_module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a suite with a systemd-run that does what the script says, and return the whole result."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(suite_run, "BOOTED", str(tmp_path))

    def scripted(script: str, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        path = tmp_path / "systemd-run"
        path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/started\n{script}\n', encoding="utf-8")
        path.chmod(0o755)
        args = {"command": "true", "chdir": "/srv", "user": "worker", **options}
        result: dict[str, Any] = run_module(suite_run, args, check_mode=check_mode)
        return result

    return scripted


def only(result: dict[str, Any]) -> tuple[str, str]:
    (check,) = result["checks"]
    return check["status"], check["reason" if check["status"] == "skip" else "observed"]


def test_the_command_line() -> None:
    suite = Suite(
        'npm test -- "$HOME"; echo $((1 + 1))',
        "/opt/aidis/current",
        "ridgetop",
        "staff",
        ("/etc/aidis/production.env", "-/etc/aidis/more.env"),
        {"NODE_ENV": "production", "A": "b c"},
        12.5,
        "Suite",
    )
    words = command_line(suite, "aidis-suite-1")
    assert words[:3] == ["systemd-run", "--unit=aidis-suite-1", "--description=Suite"]
    assert words[-3:] == ["/bin/sh", "-c", 'exec 2>&1\nnpm test -- "$$HOME"; echo $$((1 + 1))']
    assert {
        "--wait",
        "--pipe",
        "--collect",
        "--service-type=exec",
        "--uid=ridgetop",
        "--gid=staff",
        "--working-directory=/opt/aidis/current",
        "--property=EnvironmentFile=/etc/aidis/production.env",
        "--property=EnvironmentFile=-/etc/aidis/more.env",
        "--property=RuntimeMaxSec=12500ms",
        "--property=ProtectSystem=strict",
        "--property=PrivateTmp=yes",
        "--property=NoNewPrivileges=yes",
        "--setenv=HOME=/tmp",
        "--setenv=NODE_ENV=production",
        "--setenv=A=b c",
    } <= set(words)
    assert words.index("--property=EnvironmentFile=/etc/aidis/production.env") < words.index(
        "--property=EnvironmentFile=-/etc/aidis/more.env"
    )
    own = command_line(Suite("x", "/", "u", environment={"HOME": "/srv"}), "n")
    assert [word for word in own if "HOME" in word] == ["--setenv=HOME=/srv"]
    assert not [word for word in own if word.startswith("--gid")]


def test_what_passed_is_told_whatever_the_exit_status(run: Run, tmp_path: Path) -> None:
    result = run('echo "✅ Total Tests: 21\n✅ Passed: 20"; echo "Finished with result: exit-code" >&2; exit 1')
    assert not result["failed"] and not result["changed"]
    assert result["checks"] == [
        {
            "id": "functionality.acceptance_suite",
            "title": "Acceptance suite",
            "category": "functionality",
            "severity": "critical",
            "status": "pass",
            "expected": "at least 95 % of its tests pass",
            "observed": "20 of 21 passed (95.2 %), exit status 1",
            "hint": "",
        }
    ]
    assert (result["failed_ids"], result["summary"]["pass"]) == ([], 1)
    assert result["output"] == "✅ Total Tests: 21\n✅ Passed: 20"
    assert "--uid=worker" in (tmp_path / "started").read_text().splitlines()


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ("echo Total Tests: 20; echo Passed: 18", "18 of 20 passed (90 %), exit status 0"),
        ("echo Total Tests: 0; echo Passed: 0", "0 of 0 passed, no test was run, exit status 0"),
        ("echo Total Tests: 2; echo Passed: 3", "3 of 2 passed, more passed than there are, exit status 0"),
        ("printf 'a\\nb\\n'; exit 3", "no counts in its output, exit status 3; it ends: a\nb"),
        ("echo Failed to start >&2; exit 1", "no counts in its output, exit status 1; it ends: Failed to start"),
        ("exit 0", "no counts in its output, exit status 0; it printed nothing"),
        (
            "echo Total Tests: 2; echo Passed: 2; echo Finished with result: timeout >&2",
            "it did not end within 300 s; it ends: Total Tests: 2\nPassed: 2",
        ),
    ],
)
def test_what_is_not_met(run: Run, script: str, seen: str) -> None:
    assert only(run(script)) == ("fail", seen)
    assert only(run(script, severity="warning")) == ("warn", seen)


def test_failing(run: Run) -> None:
    result = run("echo Total Tests: 2; echo Passed: 1", fail=True, id="suite", hint="Look.")
    assert result["failed"] and result["failed_ids"] == ["suite"]
    assert result["msg"].endswith("observed 1 of 2 passed (50 %), exit status 0. Look.")


def test_only_the_end_of_much_output_is_kept(run: Run) -> None:
    flood = f"head -c {3 * MOST_BYTES} /dev/zero | tr '\\0' x"
    result = run(f"echo Total Tests: 1; echo Passed: 1; {flood}")
    assert only(result)[1].startswith("no counts in its output, exit status 0; it ends: …xxx")
    assert len(only(result)[1]) < 600 and len(result["output"]) == 10000
    assert only(run(f"{flood}; echo; echo Total Tests: 1; echo Passed: 1"))[0] == "pass"


def test_a_systemd_that_does_not_end_the_suite(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(suite_unit, "_STOP_SECONDS", 0)
    monkeypatch.setattr(suite_unit.run, "__defaults__", (0.5,))
    kill = tmp_path / "systemctl"
    kill.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >{tmp_path}/killed\n')
    kill.chmod(0o755)
    start = time.monotonic()
    assert only(run("echo begun; exec sleep 60", timeout=0.5)) == (
        "fail",
        "it did not end within 0.5 s; it ends: begun",
    )
    assert time.monotonic() - start < 20
    assert (tmp_path / "killed").read_text().startswith("kill --signal=SIGKILL aidis-suite-")


def test_secrets_are_not_shown(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "app.env"
    file.write_text("DB_PASSWORD='very secret'\nPORT=3001\n")
    options = {"environment_file": [str(file)], "environment": {"API_TOKEN": "tok-1", "MODE": "plain"}}
    result = run("echo very secret on 3001 with tok-1 in plain", **options)
    assert only(result)[1].endswith("it ends: ******** on 3001 with ******** in plain")
    assert result["output"] == "******** on 3001 with ******** in plain"
    assert "tok-1" not in str(result) and "very secret" not in str(result)
    unreadable = run("echo Total Tests: 1 Passed: 1 very secret", environment_file=[str(tmp_path)])
    assert only(unreadable) == ("pass", "1 of 1 passed (100 %), exit status 0")
    assert "very secret" not in str(unreadable)


def test_a_release_without_a_suite(run: Run, tmp_path: Path) -> None:
    told = "echo Total Tests: 1 Passed: 1"
    wanted = {"chdir": str(tmp_path), "requires": "suite.ts"}
    assert only(run(told, **wanted)) == ("skip", "the release brings no suite.ts")
    assert not (tmp_path / "started").exists()
    (tmp_path / "suite.ts").touch()
    assert only(run(told, **wanted))[0] == "pass"


def test_a_command_that_is_not_there(run: Run) -> None:
    status, reason = only(run("echo sh: 1: tsx: not found; exit 127"))
    assert (status, reason) == ("skip", "the shell did not find what runs it; it ends: sh: 1: tsx: not found")
    assert only(run("echo Total Tests: 2 Passed: 1; exit 127"))[0] == "fail"


def test_it_is_not_run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(run("", check_mode=True)) == ("skip", "not run in check mode: it calls the real server")
    monkeypatch.setattr(suite_run, "BOOTED", str(tmp_path / "none"))
    assert only(run("")) == ("skip", "systemd does not run on this host")
    monkeypatch.setattr(AnsibleModule, "get_bin_path", lambda *_args, **_options: None)
    assert only(run("")) == ("skip", "there is no command systemd-run on this host")
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"timeout": 0}, "timeout must be above 0"),
        ({"required_percent": 101}, "required_percent must be between 0 and 100"),
        ({"total_regex": "("}, "total_regex is not a regular expression"),
        ({"chdir": "here"}, "here must be an absolute path"),
        ({"environment_file": ["-here"]}, "here must be an absolute path"),
    ],
)
def test_wrong_options(run: Run, tmp_path: Path, options: dict[str, Any], seen: str) -> None:
    result = run("", **options)
    assert result["failed"] and seen in result["msg"]
    assert not (tmp_path / "started").exists()


def test_the_directory_is_the_real_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    run("", chdir=str(tmp_path / "link"))
    assert f"--working-directory={tmp_path.resolve()}" in (tmp_path / "started").read_text().splitlines()


def test_the_environment_is_written_as_in_yaml() -> None:
    assert suite_unit.words({"A": True, "B": 1.5, "C": None}) == {"A": "true", "B": "1.5"}


@pytest.mark.parametrize("task", yaml.safe_load(suite_run.EXAMPLES), ids=lambda task: task["name"])
def test_the_documented_examples(run: Run, task: dict[str, Any]) -> None:
    result = run("echo ran 3 tests, 3 ok, Total Tests: 3 Passed: 3", **task["ridgetop.aidis.suite_run"])
    assert only(result)[0] == "pass"
