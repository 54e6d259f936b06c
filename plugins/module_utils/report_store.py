# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of reports: read earlier ones, add one as a whole, remove the oldest. Raises OSError."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Mapping
from datetime import datetime
from typing import BinaryIO

from ansible_collections.ridgetop.aidis.plugins.module_utils import report_past
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_model import FORMAT, GENERATOR
from ansible_collections.ridgetop.aidis.plugins.module_utils.whole_file import sync_directory

DATA = "report.json"
LATEST = "latest"
DIRECTORY_MODE, FILE_MODE = 0o750, 0o640
# What report.json of ours begins with.
OPENING = json.dumps({"format": FORMAT, "generator": GENERATOR})[:-1].encode()
# Bytes; a report of forty hosts with a hundred checks each has 2 MB.
LARGEST = 64 << 20
_NAME = re.compile(r"(\d{8}T\d{6}Z)(?:-([1-9]\d*))?")


def name_of(when: datetime, number: int = 1) -> str:
    """Return the name of a report's directory; a number tells apart those of one second."""
    return f"{when:%Y%m%dT%H%M%SZ}" + (f"-{number}" if number > 1 else "")


def names(dest: str) -> list[str]:
    """Return the names of all directories that may be reports, the oldest first."""
    try:
        found = [(match, entry) for entry in os.scandir(dest) if (match := _NAME.fullmatch(entry.name))]
    except FileNotFoundError:
        return []
    found = [(match, entry) for match, entry in found if entry.is_dir(follow_symlinks=False)]
    return [entry.name for match, entry in sorted(found, key=lambda one: (one[0][1], int(one[0][2] or 1)))]


def earlier(dest: str, count: int, inventory: str) -> tuple[list[report_past.Past], list[str]]:
    """Return the newest ``count`` reports of an inventory, the oldest first, and why others were left out."""
    past: list[report_past.Past] = []
    left_out: list[str] = []
    for name in reversed(names(dest)):
        if len(past) >= count:
            break
        try:
            content = json.loads(_content(os.path.join(dest, name, DATA)))
            past.append(report_past.read(name, content, inventory))
        except (OSError, ValueError, RecursionError) as problem:
            left_out.append(f"{name}: {_reason(problem)}")
    return past[::-1], left_out[::-1]


def _reason(problem: Exception) -> str:
    if isinstance(problem, OSError):
        return f"{DATA}: {problem.strerror}"
    unread = isinstance(problem, json.JSONDecodeError | UnicodeDecodeError | RecursionError)
    return f"{DATA}: it is no JSON" if unread else str(problem)


def _content(path: str) -> bytes:
    with _opened(path) as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return content


def _opened(path: str) -> BinaryIO:
    # No link, no pipe: whoever may write into the directory must not make the run read, or wait for, something else.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no file")
    return os.fdopen(handle, "rb")


def add(dest: str, when: datetime, files: Mapping[str, bytes]) -> str:
    """Write a report and move the link to it; return the path of its directory.

    Nobody sees half of it: it is written under a hidden name, and takes its own when it is on the disk.
    """
    os.makedirs(dest, DIRECTORY_MODE, exist_ok=True)
    link = os.path.join(dest, LATEST)
    if os.path.lexists(link) and not os.path.islink(link):
        raise FileExistsError(errno.EEXIST, "it is no link, and is left alone", link)
    hidden = tempfile.mkdtemp(prefix=".report-", dir=dest)
    try:
        for name, content in files.items():
            _write(os.path.join(hidden, name), content)
        os.chmod(hidden, DIRECTORY_MODE)
        sync_directory(hidden)
        name = _rename(hidden, dest, when)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    _point(dest, name)
    sync_directory(dest)
    return os.path.join(dest, name)


def _write(path: str, content: bytes) -> None:
    with open(path, "xb") as stream:
        os.fchmod(stream.fileno(), FILE_MODE)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _rename(hidden: str, dest: str, when: datetime) -> str:
    """Give a directory the first free name of its second."""
    number = 1
    while True:
        name = name_of(when, number)
        try:
            # Never replaces a report: a directory that is not empty is in the way.
            os.rename(hidden, os.path.join(dest, name))
        except OSError as problem:
            if problem.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
            number += 1
        else:
            return name


def _point(dest: str, name: str) -> None:
    link = os.path.join(dest, LATEST)
    # The directory of a report has one name, and so has its link while it is new.
    new = os.path.join(dest, f".{LATEST}-{name}")
    os.symlink(name, new)
    os.replace(new, link)


def prune(dest: str, keep: int, new: str) -> list[str]:
    """Remove the oldest reports beyond ``keep``, the new one counted; return their names.

    Removed is only a directory with the name of a report and a report.json that a report of ours begins with.
    """
    ours = [name for name in names(dest) if _is_ours(os.path.join(dest, name, DATA))]
    gone = [name for name in ours[: max(0, len(ours) - max(keep, 1))] if name != os.path.basename(new)]
    return [name for name in gone if _remove(dest, name)]


def _remove(dest: str, name: str) -> bool:
    # Out of sight first: nobody sees half of it, and of two runs that remove it one has nothing to do.
    hidden = os.path.join(dest, f".old-{name}")
    try:
        os.rename(os.path.join(dest, name), hidden)
    except FileNotFoundError:
        return False
    shutil.rmtree(hidden)
    return True


def _is_ours(path: str) -> bool:
    try:
        with _opened(path) as stream:
            return stream.read(len(OPENING)) == OPENING
    except OSError:
        return False
