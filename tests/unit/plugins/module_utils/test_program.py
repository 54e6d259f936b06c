# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of one file: the same for the same sources, whole, and in no need of Ansible."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import program

ENTRY = "backup_main"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """The program that backs up, as a file."""
    path = tmp_path / "aidis-database"
    path.write_bytes(program.build(ENTRY))
    path.chmod(0o755)
    return path


def test_the_same_sources_make_the_same_program(built: Path) -> None:
    assert program.build(ENTRY) == built.read_bytes()


def test_it_holds_what_it_imports_and_no_more(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        names = {Path(name).stem for name in archive.namelist() if "module_utils/" in name} - {"__init__"}
    assert {ENTRY, "backup_commands", "schema_reader", "postgres"} <= names
    assert not names & {"mcp", "host_checks", "ledger", "variables"}


def test_it_does_not_import_ansible() -> None:
    assert not [name for name, text in program.sources(ENTRY).items() if "from ansible." in text]


def test_it_runs_without_the_collection(built: Path, tmp_path: Path) -> None:
    # Isolated: neither PYTHONPATH nor the directory of the tests is looked at.
    helped = subprocess.run(
        [sys.executable, "-I", str(built), "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert helped.returncode == 0, helped.stderr
    assert "restore" in helped.stdout


def test_an_entry_that_is_not_there_is_an_error() -> None:
    with pytest.raises(OSError, match="no_such_module"):
        program.build("no_such_module")
