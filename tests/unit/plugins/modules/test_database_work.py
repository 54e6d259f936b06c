# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the program is started, and what becomes of what it says. The drills run the real one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.modules import database_work as module

Scripted = Callable[..., None]


@pytest.fixture
def scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """A systemd-run that writes down its arguments and then says what it is told."""

    def script(out: str, status: int = 0, err: str = "") -> None:
        path = tmp_path / "systemd-run"
        lines = [
            "#!/bin/sh",
            f'printf "%s\\n" "$@" >{tmp_path}/started',
            f"cat <<'OUT'\n{out}\nOUT",
            f"echo '{err}' >&2",
            f"exit {status}",
        ]
        path.write_text("\n".join(lines))
        path.chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return script


def started(tmp_path: Path) -> list[str]:
    return (tmp_path / "started").read_text().splitlines()


def test_it_runs_as_a_unit_of_the_database_user(run_module: Any, scripted: Scripted, tmp_path: Path) -> None:
    scripted(json.dumps({"id": "b1"}))
    result = run_module(
        module, {"command": "backup", "arguments": ["--by", "o'p"], "credentials": {"environment": "/e"}}
    )
    assert result["changed"] and result["result"] == {"id": "b1"}
    words = started(tmp_path)
    assert {"--wait", "--pipe", "--uid=postgres", "--property=LoadCredential=environment:/e"} <= set(words)
    assert words[-5:] == ["--config", "/etc/aidis/database.json", "backup", "--by", "o'p"]


def test_no_variable_is_put_in_the_place_of_a_dollar_sign(run_module: Any, scripted: Scripted, tmp_path: Path) -> None:
    scripted("{}")
    run_module(module, {"command": "discard", "arguments": ["a$HOME"]})
    assert started(tmp_path)[-1] == "a$$HOME"


@pytest.mark.parametrize("command", module.READING)
def test_what_only_reads_is_no_change_and_is_done_in_check_mode(
    run_module: Any, scripted: Scripted, command: str
) -> None:
    scripted('{"needed": false}')
    for check in (False, True):
        result = run_module(module, {"command": command}, check_mode=check)
        assert not result["changed"] and result["result"] == {"needed": False}


def test_check_mode_starts_nothing_that_changes(run_module: Any, scripted: Scripted, tmp_path: Path) -> None:
    scripted("{}")
    result = run_module(module, {"command": "swap", "arguments": ["x"]}, check_mode=True)
    assert result["changed"] and result["result"] == {}
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("out", "status", "err", "text"),
    [
        ('{"failed": true, "msg": "no room"}', 1, "", "aidis-database backup: no room"),
        ("", 1, "Failed to start", "Failed to start"),
        ("", 203, "", "status 203"),
        ("not JSON", 0, "", "not JSON"),
        ("[1]", 0, "", "[1]"),
    ],
)
def test_what_went_wrong_is_said(
    run_module: Any, scripted: Scripted, out: str, status: int, err: str, text: str
) -> None:
    scripted(out, status, err)
    result = run_module(module, {"command": "backup"})
    assert result["failed"] and text in result["msg"]
