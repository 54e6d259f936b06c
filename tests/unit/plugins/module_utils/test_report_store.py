# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of reports: complete or not there, each with a name of its own, and no more than are wanted."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import report_store as store
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_model import GENERATOR

WHEN = datetime(2026, 11, 26, 1, 30, tzinfo=UTC)


def content(verdict: str = "pass", **more: Any) -> dict[str, Any]:
    """The parts of a report that a later one reads."""
    counts = {"total": 3, "pass": 2, "fail": 0, "warn": 1, "skip": 0}
    calls = {"id": "new", "title": "New", "limits": {"p95": 50}, "measured": {"p95": 20.5}}
    return {
        "format": 1,
        "generator": GENERATOR,
        "inventory": "prod",
        "when": "2026-11-25T01:30:00Z",
        "verdict": verdict,
        "summary": counts,
        "hosts": {"a": {"latency": [calls]}, "b": {"latency": [{**calls, "measured": {"p95": 30}, "limits": {}}]}},
        **more,
    }


def add(dest: Path, when: datetime = WHEN, **more: Any) -> Path:
    return Path(store.add(str(dest), when, {"report.json": json.dumps(content(**more)).encode()}))


def test_a_report_is_complete_and_readable_by_its_group_alone(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        path = add(tmp_path / "reports" / "prod")
    finally:
        os.umask(old)
    assert path.name == "20261126T013000Z" and stat.S_IMODE(path.stat().st_mode) == 0o750
    assert stat.S_IMODE((path / "report.json").stat().st_mode) == 0o640
    assert os.readlink(path.parent / "latest") == path.name
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["20261126T013000Z", "latest"]


def test_two_of_one_second_have_two_names(tmp_path: Path) -> None:
    made = [add(tmp_path).name for _number in range(11)]
    assert made[:3] == ["20261126T013000Z", "20261126T013000Z-2", "20261126T013000Z-3"]
    assert store.names(str(tmp_path)) == made, "in the order in which they were made"
    assert os.readlink(tmp_path / "latest") == made[-1]


def test_nothing_is_left_of_a_report_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tmp_path)
    monkeypatch.setattr(store, "_write", lambda *_arguments: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space left"):
        add(tmp_path, WHEN + timedelta(days=1))
    assert sorted(os.listdir(tmp_path)) == ["20261126T013000Z", "latest"]


def test_a_directory_named_latest_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    with pytest.raises(FileExistsError, match="latest"):
        add(tmp_path)
    assert os.listdir(tmp_path) == ["latest"]


def test_a_dangling_link_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to("gone")
    assert os.readlink(add(tmp_path).parent / "latest") == "20261126T013000Z"


def test_only_the_oldest_of_ours_are_removed(tmp_path: Path) -> None:
    foreign = ["20200101T000000Z-x", "20200101T000000", "notes", ".report-abc"]
    for name in [*foreign, "20200101T000000Z", "20200102T000000Z"]:
        (tmp_path / name).mkdir()
    (tmp_path / "20200101T000000Z" / "report.json").write_text('{"made": "by another program"}')
    elsewhere = add(tmp_path / "elsewhere")
    (tmp_path / "20200103T000000Z").symlink_to(elsewhere)
    made = [add(tmp_path, WHEN + timedelta(days=day)) for day in range(5)]
    assert store.prune(str(tmp_path), 3, str(made[-1])) == [path.name for path in made[:2]]
    left = {entry.name for entry in tmp_path.iterdir()}
    assert left >= {*foreign, "20200101T000000Z", "20200102T000000Z", "20200103T000000Z"}
    assert left >= {path.name for path in made[2:]} and elsewhere.is_dir()
    assert store.prune(str(tmp_path), 3, str(made[-1])) == []


def test_of_two_runs_that_remove_a_report_one_has_nothing_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [add(tmp_path, WHEN + timedelta(days=day)) for day in range(3)]
    rename = os.rename

    def late(old: str, new: str) -> None:
        if old.endswith(made[0].name):
            raise FileNotFoundError(old)
        rename(old, new)

    monkeypatch.setattr(os, "rename", late)
    assert store.prune(str(tmp_path), 1, str(made[2])) == [made[1].name]
    assert sorted(os.listdir(tmp_path)) == [made[0].name, made[2].name, "latest"]


def test_the_new_one_stays_even_where_the_clock_went_back(tmp_path: Path) -> None:
    for day in range(1, 4):
        add(tmp_path, WHEN + timedelta(days=day))
    new = add(tmp_path)
    assert new.name not in store.prune(str(tmp_path), 2, str(new))
    assert new.is_dir()


def test_earlier_reports_are_the_newest_ones_with_the_worst_host(tmp_path: Path) -> None:
    for day in range(4):
        add(tmp_path, WHEN + timedelta(days=day), verdict="fail" if day == 2 else "pass")
    past, left_out = store.earlier(str(tmp_path), 2, "prod")
    assert [(one.name[:8], one.verdict) for one in past] == [("20261128", "fail"), ("20261129", "pass")]
    assert past[0].counts == {"total": 3, "pass": 2, "fail": 0, "warn": 1, "skip": 0} and left_out == []
    assert [(one.host, one.p95, one.limit) for one in past[0].latency] == [("b", 30, None)]
    assert store.earlier(str(tmp_path), 0, "prod") == ([], [])
    assert store.earlier(str(tmp_path / "none"), 5, "prod") == ([], [])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("", "it is no JSON"),
        ('{"format": 1, "generator": "ridgetop.aidis.report", "ti', "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("\udcff", "it is no JSON"),
        ("[]", "a mapping is expected"),
        ("{}", "format: a number"),
        (json.dumps({**content(), "format": 2}), "another format"),
        (json.dumps({**content(), "inventory": "test"}), "another inventory"),
        (json.dumps({**content(), "when": "yesterday"}), "no time"),
        (json.dumps({**content(), "verdict": "<b>"}), "one of pass, warn, fail"),
        (json.dumps({**content(), "summary": {"total": -1}}), "total: a number"),
        (json.dumps({**content(), "hosts": {"a": {"latency": [{"measured": {"p95": "x"}}]}}}), "p95: a number"),
    ],
)
def test_a_damaged_report_is_left_out_and_said_so(tmp_path: Path, damage: str, reason: str) -> None:
    add(tmp_path)
    bad = add(tmp_path, WHEN + timedelta(days=1)) / "report.json"
    bad.write_bytes(damage.encode(errors="surrogateescape"))
    past, (left_out,) = store.earlier(str(tmp_path), 20, "prod")
    assert len(past) == 1
    assert left_out.startswith("20261127T013000Z: report.json") and reason in left_out


@pytest.mark.parametrize("kind", ["missing", "link", "pipe", "directory"])
def test_what_is_no_file_is_not_read(tmp_path: Path, kind: str) -> None:
    bad = add(tmp_path) / "report.json"
    good = bad.rename(tmp_path / "copy.json")
    if kind == "link":
        bad.symlink_to(good)
    elif kind == "pipe":
        os.mkfifo(bad)
    elif kind == "directory":
        bad.mkdir()
    past, left_out = store.earlier(str(tmp_path), 20, "prod")
    assert past == [] and len(left_out) == 1
    assert store.prune(str(tmp_path), 1, "other") == []
