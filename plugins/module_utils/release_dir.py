# Copyright (c) Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directories of releases and the link to the active one."""

from __future__ import annotations

import contextlib
import fcntl
import fnmatch
import hashlib
import os
import typing as t

from ansible_collections.ridgetop.aidis.plugins.module_utils.ledger import LedgerError
from ansible_collections.ridgetop.aidis.plugins.module_utils.whole_file import sync_directory

RELEASES = "releases"
LINK = "current"


def path_of(root: str, release_id: str) -> str:
    """Return the directory of a release."""
    return os.path.join(root, RELEASES, release_id)


def active(root: str) -> str | None:
    """Return the id that the link names, or None where there is no link.

    Raises LedgerError where something else stands in its place: it is not ours to replace.
    """
    link = os.path.join(root, LINK)
    if not os.path.lexists(link):
        return None
    if not os.path.islink(link):
        raise LedgerError(f"{link} is not a link; move it away, it would have to be replaced")
    return os.path.basename(os.path.normpath(os.readlink(link)))


def activate(root: str, release_id: str) -> None:
    """Let the link name the release: a new link takes the old one's name, so there is no moment without one.

    Raises OSError.
    """
    link = os.path.join(root, LINK)
    temporary = f"{link}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    os.symlink(os.path.join(RELEASES, release_id), temporary)
    os.replace(temporary, link)
    sync_directory(root)


def files_digest(directory: str, patterns: t.Sequence[str]) -> str | None:
    """Return the SHA-256 over the names and contents of the files whose path below ``directory`` matches a pattern.

    A ``*`` stands for any characters, ``/`` included. Installed dependencies are not looked at. None where no file
    matches. Raises OSError.
    """
    total = hashlib.sha256()
    found = False
    for path, directories, names in os.walk(directory):
        directories[:] = sorted(name for name in directories if name != "node_modules")
        for name in sorted(names):
            full = os.path.join(path, name)
            relative = os.path.relpath(full, directory)
            if os.path.isfile(full) and any(fnmatch.fnmatchcase(relative, pattern) for pattern in patterns):
                with open(full, "rb") as handle:
                    content = hashlib.file_digest(handle, "sha256").hexdigest()
                total.update(f"{relative}\0{content}\0".encode(errors="surrogateescape"))
                found = True
    return total.hexdigest() if found else None


@contextlib.contextmanager
def locked(state_dir: str, write: bool) -> t.Iterator[None]:
    """Keep two writers of the ledger apart. Readers need no lock: the file is replaced as a whole.

    Raises OSError where the directory of the ledger is missing.
    """
    if not write:
        yield
        return
    with open(os.path.join(state_dir, ".ledger.lock"), "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
