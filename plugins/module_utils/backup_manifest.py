# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manifest of a backup, and the proof that a backup is what its manifest says."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import (
    BackupError,
    Document,
    load,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_programs import command, run
from ansible_collections.ridgetop.aidis.plugins.module_utils.whole_file import sync_directory

FILE_NAME = "manifest.json"
SCHEMA = 1
# The dump, by format.
DUMPS = {"custom": "database.dump", "directory": "database"}
_CHUNK = 1 << 20


class DamagedError(BackupError):
    """A backup that is not what was written."""


def files(directory: str) -> Iterator[str]:
    """The files of a backup but its manifest, relative to it, in order."""
    found = []
    for home, _directories, names in os.walk(directory):
        found += [os.path.relpath(os.path.join(home, name), directory) for name in names]
    yield from sorted(name for name in found if name != FILE_NAME)


def settle(directory: str) -> Document:
    """Close the files of a backup to others, bring them to the disk: file -> its size and SHA-256. Raises OSError."""
    found: Document = {}
    for name in files(directory):
        path = os.path.join(directory, name)
        os.chmod(path, 0o600)
        found[name] = {"bytes": os.path.getsize(path), "sha256": digest(path)}
        sync(path)
    for home, _directories, _names in os.walk(directory):
        os.chmod(home, 0o700)
        sync_directory(home)
    return found


def sync(path: str) -> None:
    """Bring a file to the disk and out of the memory, so that who reads it again reads the disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def digest(path: str) -> str:
    """The SHA-256 of a file. Raises OSError."""
    total = hashlib.sha256()
    with open(path, "rb") as stream:
        while chunk := stream.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


def read(directory: str) -> Document:
    """Read the manifest of a backup. Raises BackupError."""
    path = os.path.join(directory, FILE_NAME)
    try:
        found = load(path)
    except FileNotFoundError:
        raise BackupError(f"there is no {path}") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise BackupError(f"{path} is no manifest of schema {SCHEMA}")
    document: Document = found
    return document


def read_as(directory: str, written: str) -> Document:
    """Read a manifest of a known SHA-256. Raises DamagedError where it is another one."""
    try:
        found = digest(os.path.join(directory, FILE_NAME))
    except OSError as error:
        raise DamagedError(f"{directory} is damaged: {FILE_NAME}: {error.strerror}") from None
    if found != written:
        raise DamagedError(f"{directory} is damaged: {FILE_NAME} has another content than was written")
    return read(directory)


def check(directory: str, manifest: Document) -> None:
    """Read all files of a backup again. Raises DamagedError that names each one that is not as it was written."""
    faults = [f"{name} is not in the manifest" for name in files(directory) if name not in manifest["files"]]
    for name, wanted in manifest["files"].items():
        path = os.path.join(directory, name)
        try:
            size = os.path.getsize(path)
            if size != wanted["bytes"]:
                faults.append(f"{name} has {size} bytes instead of {wanted['bytes']}")
            elif digest(path) != wanted["sha256"]:
                faults.append(f"{name} has another content than was written")
        except OSError as error:
            faults.append(f"{name}: {error.strerror}")
    if faults:
        raise DamagedError(f"backup {manifest['id']} is damaged: {'; '.join(faults)}")


def prove(config: Config, version: int, directory: str, manifest: Document) -> None:
    """Prove that a backup is whole and can be read to its end, all of it. Raises BackupError."""
    check(directory, manifest)
    dump = os.path.join(directory, DUMPS[manifest["format"]])
    run([*command(config, version, "pg_restore"), "--file=/dev/null", dump])
