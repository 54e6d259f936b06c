# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole lines at the end of a real file, whoever writes at the same moment and whatever was there before."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import append_file

WRITERS, LINES = 8, 50


def append(path: Path, data: bytes, append_only: bool = False) -> None:
    append_file.append(str(path), data, 0o640, os.getegid(), append_only)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A file that may be removed after the test."""
    file = tmp_path / "accounting.log"
    yield file
    if file.is_file() and not file.is_symlink():
        allow_all(file)


def allow_all(path: Path) -> None:
    """Take the attribute away again."""
    handle = os.open(path, os.O_RDONLY)
    try:
        flags = append_file._attributes(handle)
        if flags & append_file._APPEND:
            room = struct.pack("i", flags & ~append_file._APPEND).ljust(append_file._SIZE, b"\0")
            fcntl.ioctl(handle, append_file._SET, room)
    except OSError:
        pass
    finally:
        os.close(handle)


def can(path: Path) -> bool:
    """Whether the file can be one that is only added to."""
    try:
        return append_file.is_append_only(str(path))
    except OSError:
        return False


def test_a_file_is_made_with_its_mode_whatever_the_umask_is(path: Path) -> None:
    before = os.umask(0)
    try:
        append(path, b"one\n")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"one\n" and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [entry.name for entry in path.parent.iterdir()] == [path.name], "nothing else is left there"


def test_lines_follow_each_other_and_the_mode_is_its_owners(path: Path) -> None:
    append(path, b"one\n")
    path.chmod(0o600)
    append(path, b"two\n")
    assert path.read_bytes() == b"one\ntwo\n" and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_that_was_cut_off_stays_alone(path: Path) -> None:
    path.write_bytes(b'{"at": "2026')
    append(path, b"next\n")
    assert path.read_bytes() == b'{"at": "2026\nnext\n'


def test_half_a_line_is_an_error_and_the_next_one_begins_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda handle, data: write(handle, data[:3]))
        with pytest.raises(OSError, match="only a part of the line"):
            append(path, b"first\n")
    append(path, b"second\n")
    assert path.read_bytes() == b"fir\nsecond\n"


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        append(path, b"x\n")
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_no_plain_file_is_an_error_and_blocks_nothing(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(OSError, match="no plain file"):
        append(path, b"x\n")


def test_without_a_directory_it_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        append(tmp_path / "missing" / "accounting.log", b"x\n")


def _write_many(path: Path, number: int) -> None:
    for count in range(LINES):
        append(path, f"{number}:{count}:{'x' * 500}\n".encode())


def test_many_who_write_at_once_break_no_line(path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_write_many, args=(path, number)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    lines = path.read_text().splitlines()
    wanted = {f"{number}:{count}:{'x' * 500}" for number in range(WRITERS) for count in range(LINES)}
    assert len(lines) == WRITERS * LINES and set(lines) == wanted
    for number in range(WRITERS):
        own = [int(line.split(":")[1]) for line in lines if line.startswith(f"{number}:")]
        assert own == list(range(LINES)), "each writer's lines are in its order"


def test_who_keeps_the_file_locked_keeps_nobody_from_writing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(path, b"one\n")
    monkeypatch.setattr(append_file, "PATIENCE", 0.05)
    with path.open() as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        append(path, b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"


def test_where_it_can_be_the_file_is_only_added_to(path: Path) -> None:
    append(path, b"one\n", append_only=True)
    if not can(path):
        pytest.skip("this file system has no such attribute, or this machine may not set it")
    append(path, b"two\n", append_only=True)
    assert path.read_bytes() == b"one\ntwo\n"
    for harm in (path.unlink, lambda: path.write_text(""), lambda: path.rename(path.with_suffix(".old"))):
        with pytest.raises(PermissionError):
            harm()


@pytest.mark.parametrize("reason", [errno.ENOTTY, errno.EOPNOTSUPP, errno.EPERM])
def test_where_it_cannot_be_the_line_is_written_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(reason, "no")

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    append(path, b"one\n", append_only=True)
    assert path.read_bytes() == b"one\n"
    with pytest.raises(OSError, match="no"):
        append_file.is_append_only(str(path))


def test_a_file_that_is_not_asked_to_be_is_left_as_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "ioctl", lambda *_arguments: pytest.fail("nobody asked"))
    append(path, b"one\n")
