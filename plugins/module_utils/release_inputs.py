# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of the files that an accepted release runs from beside itself, so that they return with it.

They outlive its directory, for it can be built again. They hold secrets, as the files do: they are root's alone.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import typing as t

from ansible_collections.ridgetop.aidis.plugins.module_utils import whole_file
from ansible_collections.ridgetop.aidis.plugins.module_utils.ledger import LedgerError

DIRECTORY = "inputs"
# A variable with its value, in quotes or to the end of the line; or else a line.
_ENTRY = re.compile(
    rb"""(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?:'[^']*'|"(?:[^"\\]|\\.)*"|[^\n]*)[^\n]*\n?|[^\n]*\n|[^\n]+""", re.DOTALL
)


class File(t.NamedTuple):
    """A file as it was; ``content`` is None where it was not there."""

    path: str
    content: bytes | None
    uid: int = 0
    gid: int = 0
    mode: int = 0


def place(state_dir: str, release_id: str) -> str:
    """Return the path of a release's copies."""
    return os.path.join(state_dir, DIRECTORY, f"{release_id}.json")


def look(path: str) -> File:
    """Return what a file is now. Raises OSError where it is there and cannot be read."""
    try:
        with open(path, "rb") as handle:
            status = os.fstat(handle.fileno())
            return File(path, handle.read(), status.st_uid, status.st_gid, status.st_mode & 0o7777)
    except FileNotFoundError:
        return File(path, None)


def saved(state_dir: str, release_id: str) -> list[File] | None:
    """Return the copies of a release, None where none were made. Raises LedgerError where they are damaged."""
    path = place(state_dir, release_id)
    try:
        with open(path, encoding="ascii") as handle:
            entries = json.load(handle)
        return [
            File(**{**entry, "content": None if entry["content"] is None else base64.b64decode(entry["content"])})
            for entry in entries
        ]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LedgerError(f"{path} cannot be read: {error}") from error


def save(state_dir: str, release_id: str, files: t.Iterable[File]) -> None:
    """Replace the copies of a release as a whole. Raises OSError."""
    path = place(state_dir, release_id)
    with contextlib.suppress(FileExistsError):
        os.mkdir(os.path.dirname(path), 0o700)
    entries = [
        {**file._asdict(), "content": None if file.content is None else base64.b64encode(file.content).decode()}
        for file in files
    ]
    whole_file.replace(path, json.dumps(entries, indent=2).encode())


def differing(files: t.Iterable[File]) -> list[File]:
    """Return those of the copies that differ from what is in their place now, in content, owner or mode."""
    return [file for file in files if look(file.path) != file]


def variables(content: bytes) -> list[tuple[bytes, bytes]]:
    """Split a file as systemd's ``EnvironmentFile=`` reads it: names and the texts that set them, in order.

    A value in quotes may go over several lines. What sets no variable has an empty name.
    """
    return [(match["name"] or b"", match[0]) for match in _ENTRY.finditer(content)]


def with_variables(file: File, text: str) -> File:
    """Return the copy of a file of variables with the values that they have in the text.

    A variable that the copy does not have is not added: what it was accepted without, it runs without.
    """
    if file.content is None:
        return file
    fresh = {name: entry for name, entry in variables(text.encode()) if name}
    return file._replace(content=b"".join(fresh.get(name, entry) for name, entry in variables(file.content)))


def restore(file: File) -> None:
    """Put a copy in its place; a file that was not there goes. Raises OSError."""
    if file.content is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file.path)
        whole_file.sync_directory(os.path.dirname(file.path))
    else:
        whole_file.replace(file.path, file.content, file.mode, (file.uid, file.gid))
