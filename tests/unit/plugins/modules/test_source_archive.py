# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Equal sources have equal checksums; any difference that is content has not."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.modules import source_archive as module

Pack = Callable[..., dict[str, Any]]


@pytest.fixture
def pack(tmp_path: Path, run_module: Any) -> Pack:
    def call(path: Path, *exclude: str) -> dict[str, Any]:
        arguments = {"path": str(path), "exclude": list(exclude), "dest": str(tmp_path / "dest")}
        result: dict[str, Any] = run_module(module, arguments)
        return result

    return call


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    (root / "b" / "node_modules").mkdir(parents=True)
    (root / "a.txt").write_text("a")
    (root / "b" / "run.sh").write_text("#!/bin/sh\n")
    (root / "b" / "run.sh").chmod(0o755)
    (root / "b" / "node_modules" / "x").write_text("x")
    (root / "link").symlink_to("b")
    return root


def test_packs_content_modes_and_links(pack: Pack, tree: Path) -> None:
    result = pack(tree, "node_modules")
    with tarfile.open(result["path"]) as archive:
        entries = {entry.name: entry for entry in archive.getmembers()}
    assert sorted(entries) == ["a.txt", "b", "b/run.sh", "link"]
    assert entries["b/run.sh"].mode == 0o755 and entries["a.txt"].mode == 0o644
    assert entries["link"].issym() and entries["link"].linkname == "b"
    assert result["checksum"] in result["path"] and not result["changed"]


def test_times_and_owners_are_not_content(pack: Pack, tree: Path) -> None:
    first = pack(tree)["checksum"]
    os.utime(tree / "a.txt", (1, 1))
    (tree / "a.txt").chmod(0o600)
    assert pack(tree)["checksum"] == first


@pytest.mark.parametrize("change", ["content", "name", "executable", "link"])
def test_a_difference_is_seen(pack: Pack, tree: Path, change: str) -> None:
    first = pack(tree)["checksum"]
    if change == "content":
        (tree / "a.txt").write_text("b")
    elif change == "name":
        (tree / "a.txt").rename(tree / "c.txt")
    elif change == "executable":
        (tree / "a.txt").chmod(0o755)
    else:
        (tree / "link").unlink()
        (tree / "link").symlink_to("a.txt")
    assert pack(tree)["checksum"] != first


def test_an_archive_is_taken_as_it_stands(pack: Pack, tmp_path: Path) -> None:
    archive = tmp_path / "release.tar"
    archive.write_bytes(b"anything")
    result = pack(archive)
    assert result["path"] == str(archive) and len(result["checksum"]) == 64


def test_a_missing_source_is_an_error(pack: Pack, tmp_path: Path) -> None:
    result = pack(tmp_path / "nowhere")
    assert result["failed"] and "nowhere" in result["msg"]
