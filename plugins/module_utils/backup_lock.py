# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run at a time: a lock on a file in the directory of the backups, freed by the kernel when its holder ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, say

FILE_NAME = ".lock"
_PAUSE = 0.2


@contextmanager
def locked(directory: str, wait: int, command: str) -> Iterator[None]:
    """Hold the lock; wait for it ``wait`` seconds at most. Raises BackupError that names who holds it."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    with open(os.path.join(directory, FILE_NAME), "a+", encoding="utf-8") as stream:
        _take(stream.fileno(), directory, wait)
        stream.truncate(0)
        stream.write(f"{command}, process {os.getpid()}\n")
        stream.flush()
        yield


def _take(handle: int, directory: str, wait: int) -> None:
    end = time.monotonic() + wait
    told = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode("utf-8", "replace").strip() or "unknown"
        if time.monotonic() >= end:
            raise BackupError(f"another run works in {directory} ({holder}); waited {wait} s for it")
        if not told:
            say(f"waiting for another run ({holder})")
            told = True
        time.sleep(_PAUSE)
