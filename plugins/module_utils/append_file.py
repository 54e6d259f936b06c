# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that only grow: whole lines at their ends, whoever else writes, and the file system's word that nothing else
is done to them, where it gives one."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import struct
import tempfile
import time

from ansible_collections.ridgetop.aidis.plugins.module_utils.whole_file import sync_directory

# ioctl_iflags(2). The numbers are those of the architectures that Debian's servers have but for ppc64el, where they
# name nothing and the answer is that the file system has no such attribute.
_SIZE = struct.calcsize("l")
_GET, _SET = 0x80006601 | _SIZE << 16, 0x40006602 | _SIZE << 16
_APPEND = 0x20
# Seconds to wait for others who write at this moment; each takes a few milliseconds.
PATIENCE = 2.0
# What a file system says that has no attributes.
NO_ATTRIBUTES = (errno.ENOTTY, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)


def append(path: str, data: bytes, mode: int, group: int, append_only: bool) -> None:
    """Add a line to a file by one write, and wait until it is on the disk. Raises OSError.

    The file is made where it is not there, with this mode and group; an existing one keeps its own. Where the last
    line has no end, since a disk was full or the power went, this one begins on a line of its own.
    """
    handle = _opened(path, mode, group)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file", path)
        _wait_for_others(handle)
        end = os.lseek(handle, 0, os.SEEK_END)
        if end and os.pread(handle, 1, end - 1) != b"\n":
            data = b"\n" + data
        if os.write(handle, data) != len(data):
            raise OSError(errno.ENOSPC, "only a part of the line could be written", path)
        os.fsync(handle)
        if append_only:
            # Not every file system can, and not every machine may; verify.yml says what it is.
            with contextlib.suppress(OSError):
                _make_append_only(handle)
    finally:
        os.close(handle)


def _wait_for_others(handle: int) -> None:
    """Wait until no other writes: the end of a file that grows is not always the end of a line.

    Whoever may read the file can keep it locked. That is not waited for: the write itself needs no lock.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() > deadline:
                return
        time.sleep(0.005)


def is_append_only(path: str) -> bool:
    """Tell whether a file can only be added to. Raises OSError, with one of NO_ATTRIBUTES where that cannot be."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return bool(_attributes(handle) & _APPEND)
    finally:
        os.close(handle)


def _attributes(handle: int) -> int:
    """Return the attributes of an open file. Raises OSError."""
    room = bytearray(_SIZE)
    fcntl.ioctl(handle, _GET, room)
    found: int = struct.unpack_from("i", room)[0]
    return found


def _make_append_only(handle: int) -> None:
    """Let a file only be added to from now on. Raises OSError."""
    found = _attributes(handle)
    if not found & _APPEND:
        fcntl.ioctl(handle, _SET, struct.pack("i", found | _APPEND).ljust(_SIZE, b"\0"))


def _opened(path: str, mode: int, group: int) -> int:
    """Open a file to add to it; make it where it is not there. Raises OSError."""
    flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        _make(path, mode, group)
        return os.open(path, flags)


def _make(path: str, mode: int, group: int) -> None:
    """Make an empty file, or leave the one that another process made meanwhile. Raises OSError.

    It has owner and mode before it has its name: one that can only be added to cannot be given them.
    """
    directory = os.path.dirname(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=directory)
    try:
        os.fchown(handle, -1, group)
        os.fchmod(handle, mode)
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        os.close(handle)
        os.unlink(temporary)
    sync_directory(directory)
