# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of backups on another host, with programs that stand in for ssh and rsync."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import backup_copy
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config

ID = "20260131T235958Z-daily"
# The last word is what the other host's shell gets.
SSH = """#!/bin/sh
echo "ssh: $*" >>"$LOG"
for command; do :; done
exec sh -c "$command"
"""
RSYNC = """#!/bin/sh
echo "rsync: $*" >>"$LOG"
for target; do from=$last; last=$target; done
mkdir "${target#*:}" && cp -R "$from/." "${target#*:}"
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("ssh", SSH), ("rsync", RSYNC)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    return tmp_path / "log"


def test_another_host(tmp_path: Path, log: Path) -> None:
    there = tmp_path / "the 'other' place"
    there.mkdir()
    config = Config(database="d", directory=str(tmp_path / "here"), copy_to=f"me@host:{there}")
    (tmp_path / "here" / ID).mkdir(parents=True)
    (tmp_path / "here" / ID / "database.dump").write_text("dump")
    backup_copy.copy(config, ID)
    assert [path.name for path in there.iterdir()] == [ID]
    assert (there / ID / "database.dump").read_text() == "dump"
    assert "BatchMode=yes" in log.read_text() and "me@host:" in log.read_text()
    backup_copy.remove(config, ID)
    assert list(there.iterdir()) == []
    there.rmdir()
    with pytest.raises(BackupError, match="rsync failed"):
        backup_copy.copy(config, ID)


def test_without_a_copy() -> None:
    backup_copy.remove(Config(database="d"), ID)
