# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the ledger of backups says: what is kept, what is measured, what people read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    backup_ledger,
    backup_metrics,
    backup_retention,
    backup_sequences,
    backup_text,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, save
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def backup(day: int, proved: bool = True, **more: Any) -> dict[str, Any]:
    at = f"2026-01-{day:02}T00:00:00Z"
    entry: dict[str, Any] = dict.fromkeys("release by copied_at damage drilled_at drill removed_at".split())
    identity = {"id": f"{day}", "at": at, "reason": "daily", "bytes": day * 100, "seconds": 1.5}
    return {**entry, **identity, "proved_at": at if proved else None, **more}


def ledger(*backups: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**backup_ledger.empty(), "backups": list(backups), **more}


def removed(found: dict[str, Any], count: int, days: int, *protected: str) -> list[str]:
    config = Config(database="d", keep_count=count, keep_days=days)
    return backup_retention.to_remove(config, found, protected, NOW)


def test_kept_by_count_or_by_age() -> None:
    found = ledger(*(backup(day) for day in (1, 10, 20, 30)))
    assert removed(found, 1, 5) == ["1", "10", "20"]
    assert removed(found, 2, 5) == ["1", "10"]
    assert removed(found, 1, 15) == ["1", "10"]
    assert removed(found, 9, 0) == []
    assert removed(found, 1, 5, "10") == ["1", "20"]


def test_the_last_proved_one_stays() -> None:
    found = ledger(backup(1), backup(2, proved=False), backup(3, proved=False))
    assert removed(found, 1, 0) == ["2", "3"]
    assert removed(ledger(backup(1, proved=False)), 1, 0) == ["1"]
    assert removed(ledger(backup(1, removed_at="x"), backup(2)), 1, 0) == []


def test_what_a_replaced_database_refers_to_stays() -> None:
    swap = {"at": "2026-01-30T00:00:00Z", "state": "done", "gone_at": None, "backups": ["1"], "replaced": "r"}
    backups = [backup(day) for day in (1, 2, 3)]
    assert removed(ledger(*backups, swaps=[swap]), 1, 0) == ["2"]
    assert removed(ledger(*backups, swaps=[{**swap, "gone_at": "x"}]), 1, 0) == ["1", "2"]


def test_later_entries_of_a_second_are_newer() -> None:
    swap = {"at": "2026-01-30T00:00:00Z", "state": "done", "gone_at": None}
    found = backup_ledger.replaced(ledger(swaps=[{**swap, "replaced": "a"}, {**swap, "replaced": "b"}]))
    assert [one["replaced"] for one in found] == ["b", "a"]


def test_read_and_write(tmp_path: Path) -> None:
    directory = str(tmp_path)
    assert backup_ledger.read(directory) == backup_ledger.empty()
    with pytest.raises(BackupError, match="holds no backup"):
        backup_ledger.newest(backup_ledger.empty(), directory)
    backup_ledger.write(directory, ledger(backup(1)))
    assert backup_ledger.read(directory)["backups"] == [backup(1)]
    assert [path.name for path in tmp_path.iterdir()] == ["backups.json"]
    assert (tmp_path / "backups.json").stat().st_mode & 0o777 == 0o600
    for wrong in ("[]", '{"schema": 2}', "{"):
        (tmp_path / "backups.json").write_text(wrong)
        with pytest.raises(BackupError, match=r"backups\.json"):
            backup_ledger.read(directory)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        save(str(tmp_path / "file"), {"x": object()})
    assert list(tmp_path.iterdir()) == []


def test_metrics(tmp_path: Path) -> None:
    config = Config(database='q"\\', directory=str(tmp_path), metrics_file=str(tmp_path / "m.prom"))
    (tmp_path / "30").mkdir()
    drill = {"ok": False, "seconds": 2.5, "last_success_at": "2026-01-02T00:00:00Z"}
    backup_metrics.write(config, ledger(backup(30), backup(31), backup(29, proved=False), drill=drill))
    lines = (tmp_path / "m.prom").read_text().splitlines()
    values = dict(line.split(" ") for line in lines if not line.startswith("#"))
    label = '{database="q\\"\\\\"}'
    assert values == {
        f"aidis_backup_count{label}": "1",
        f"aidis_backup_last_success_timestamp_seconds{label}": "1769731200.0",
        f"aidis_backup_size_bytes{label}": "3000",
        f"aidis_backup_duration_seconds{label}": "1.5",
        f"aidis_restore_drill_success{label}": "0",
        f"aidis_restore_drill_duration_seconds{label}": "2.5",
        f"aidis_restore_drill_last_success_timestamp_seconds{label}": "1767312000.0",
    }
    assert (tmp_path / "m.prom").stat().st_mode & 0o777 == 0o644
    backup_metrics.write(replace(config, metrics_file=""), ledger())


@pytest.mark.parametrize(
    ("live", "other", "margin", "expected"),
    [
        (10, 5, 0, 10),
        (10, None, 0, 10),
        (10, 10, 0, None),
        (10, 20, 0, None),
        (10, 5, 100, 100),
        (10, 5, 50, 60),
        (None, 5, 0, None),
    ],
)
def test_sequences_go_on(live: int | None, other: int | None, margin: int, expected: int | None) -> None:
    one = {"increment": 1, "cycle": False, "limit": 100}
    assert backup_sequences.target({**one, "last": live}, {**one, "last": other}, margin) == expected
    down = {"increment": -1, "cycle": False, "limit": -100}
    turned = [None if value is None else -value for value in (live, other, expected)]
    assert backup_sequences.target({**down, "last": turned[0]}, {**down, "last": turned[1]}, margin) == turned[2]
    assert backup_sequences.target({**one, "last": 1}, {**one, "last": 0, "cycle": True}, 0) is None
    assert backup_sequences.target({**one, "last": 1}, None, 0) is None


def test_text() -> None:
    assert backup_text.text("list", {"failed": True, "msg": "why"}) == "failed: why"
    shown = {"failed": False, "scratch": "s", "lost": {}, "source": {"kind": "backup"}, "removed": ["a"]}
    expected = ["scratch: s", "lost: none", "source:", "  kind: backup", "removed:", "  -: a"]
    assert backup_text.text("restore", shown).splitlines() == expected
    backups = [{**backup(1), "present": True}, {**backup(2), "present": False}]
    backups.append({**backup(3, proved=False, damage="x"), "present": True})
    result = {"failed": False, "backups": backups, "removed": [], "drill": None}
    lines = backup_text.text("list", json.loads(json.dumps(result))).splitlines()
    assert lines[0].split() == "id reason release bytes seconds proved_at drilled_at".split()
    assert "never" in lines[1] and "missing" in lines[2] and "damaged" in lines[3]
