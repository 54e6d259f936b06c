# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that aidis-database gives, and the options that it takes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import backup_config, backup_names, backup_words
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, moment, now, written

AT = datetime(2026, 1, 31, 23, 59, 58, tzinfo=UTC)


def test_ids_are_unique_and_known_again() -> None:
    first = backup_names.backup_id(AT, "daily", [])
    second = backup_names.backup_id(AT, "daily", [first])
    third = backup_names.backup_id(AT, "daily", {first, second})
    assert [first, second, third] == [f"20260131T235958Z-daily{more}" for more in ("", "-2", "-3")]
    assert all(map(backup_names.is_id, (first, second, third)))
    for other in ("", "..", f"{first}/..", f"x{first}", f"{first}\n", "20260131T235958Z-nightly", "backups.json"):
        assert not backup_names.is_id(other)


@pytest.mark.parametrize("name", ["aidis_production", "a b%", "x" * 63, "é" * 31 + "x", "数" * 21])
def test_names_beside_fit_and_are_known_again(name: str) -> None:
    made: set[str] = set()
    for kind in (backup_names.RESTORE, backup_names.REPLACED):
        for _ in range(12):
            one = backup_names.beside(name, kind, AT, made)
            assert one not in made and len(one.encode()) <= 63
            assert backup_names.is_beside(one, name, kind)
            assert not backup_names.is_beside(one, f"{name[:-1]}y", kind)
            assert backup_names.at(one) == "2026-01-31T23:59:58Z"
            made.add(one)
    assert not backup_names.is_beside(name, name, backup_names.RESTORE)
    assert backup_names.at("other") == ""


def test_short_names_are_readable() -> None:
    assert backup_names.beside("aidis", "replaced", AT, ()) == "aidis_replaced_20260131235958"


def test_moments() -> None:
    assert written(AT) == "2026-01-31T23:59:58Z" and moment(written(AT)) == AT
    assert moment(written(now())) <= now()


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ([], "must be a mapping"),
        ({}, "database is required"),
        ({"database": "d", "colour": 1}, "colour is not known"),
        ({"database": "d", "format": "plain"}, "format must be one of custom, directory"),
        ({"database": "d", "jobs": 0}, "at least 1"),
        ({"database": "d", "keep_days": -1}, "keep_days cannot be -1"),
        ({"database": "d", "globals": 1}, "globals cannot be 1"),
        ({"database": "d", "port": True}, "port cannot be True"),
        ({"database": "d", "programs": []}, "programs cannot be []"),
        ({"database": "d", "schemas": [1]}, "schemas cannot be [1]"),
        ({"database": "d", "migrations": {"table": "m"}}, "migrations cannot be"),
        ({"database": "d", "migrations": {"table": 1, "column": "c"}}, "migrations cannot be"),
    ],
)
def test_faults_of_configurations(raw: object, fault: str) -> None:
    assert fault in "; ".join(backup_config.problems(raw))


def test_configuration(tmp_path: Path) -> None:
    path = tmp_path / "database.json"
    path.write_text('{"database": "d", "migrations": {"table": "m", "column": "c"}, "programs": ["sudo", "/bin"]}')
    config = backup_config.read(str(path))
    assert (config.directory, config.keep_count, config.globals) == ("/var/backups/aidis", 7, True)
    place = config.recorded_in
    assert place and (place.schema, place.table, place.column) == ("public", "m", "c")
    path.write_text("{")
    for broken in (str(path), str(tmp_path / "none")):
        with pytest.raises(BackupError, match=broken):
            backup_config.read(broken)


def test_words() -> None:
    words = backup_words.parse(["--config", "x", "backup", "--reason", "daily", "--protect", "a", "--protect", "b"])
    assert (words.config, words.text, words.reason, words.protect) == ("x", False, "daily", ["a", "b"])
    words = backup_words.parse(["drill", "--config", "y", "--text"])
    assert (words.config, words.text, words.source) == ("y", True, "newest")
    assert backup_words.parse(["list"]).config == "/etc/aidis/database.json"
    for wrong in ([], ["fly"], ["backup"], ["backup", "--reason", "x"], ["restore"], ["list", "more"]):
        with pytest.raises(BackupError, match="--help"):
            backup_words.parse(wrong)
