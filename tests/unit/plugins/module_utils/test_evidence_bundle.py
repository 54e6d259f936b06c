# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bundle: what is in it, who may read it, and that one with a secret in it is never kept."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import evidence_bundle
from ansible_collections.ridgetop.aidis.plugins.module_utils.evidence_bundle import BundleError, leaking, write
from ansible_collections.ridgetop.aidis.plugins.module_utils.masking import Mask

SECRET = "correct horse/battery"
MASK = Mask([SECRET])
TEXTS = {"db1": {"summary": "all well\n", "units": f"--password={SECRET}\n"}, "app1": {"summary": "ünwell\n"}}


def texts_of(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        files = [(member.name, archive.extractfile(member)) for member in archive]
        return {name: file.read().decode() for name, file in files if file}


def test_a_bundle(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "prod" / "prod-1.tar.gz"
    write(str(path), "prod-1", TEXTS, MASK, 1_800_000_000)
    assert texts_of(path) == {
        "prod-1/db1/summary.txt": "all well\n",
        "prod-1/db1/units.txt": "--password=***\n",
        "prod-1/app1/summary.txt": "ünwell\n",
    }
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert leaking(str(path), MASK) == []


def test_a_secret_that_is_left_removes_the_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Blind(Mask):
        """Finds secrets, and does not replace them."""

        def text(self, text: str) -> str:
            return text

    with pytest.raises(BundleError, match=r"a secret was found in prod-1/db1/units.txt after it was masked"):
        write(str(tmp_path / "prod-1.tar.gz"), "prod-1", TEXTS, Blind([SECRET]), 0)
    assert list(tmp_path.iterdir()) == []


def test_the_search_finds_what_another_program_packed(tmp_path: Path) -> None:
    write(str(tmp_path / "b.tar.gz"), "n", TEXTS, Mask([]), 0)
    assert leaking(str(tmp_path / "b.tar.gz"), MASK) == []
    write(str(tmp_path / "b.tar.gz"), "n", {"h": {"t": "correct%20horse%2Fbattery"}}, Mask([]), 0)
    assert leaking(str(tmp_path / "b.tar.gz"), MASK) == ["n/h/t.txt"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError, match="cannot be written"):
        write(str(tmp_path / "file" / "b.tar.gz"), "n", TEXTS, MASK, 0)


def test_a_host_does_not_leave_its_directory(tmp_path: Path) -> None:
    write(str(tmp_path / "b.tar.gz"), "n", {"../../etc": {"t": "x"}}, MASK, 0)
    assert not [name for name in texts_of(tmp_path / "b.tar.gz") if ".." in name]
    assert evidence_bundle.SUFFIX == ".tar.gz"
