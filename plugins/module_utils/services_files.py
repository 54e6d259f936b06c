# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a set of services: how they differ, and how all of them are replaced once all are known to be valid."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
import tempfile
import time
import typing as t
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.ridgetop.aidis.plugins.module_utils import whole_file
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host, TooSlowError
from ansible_collections.ridgetop.aidis.plugins.module_utils.net import excerpt
from ansible_collections.ridgetop.aidis.plugins.module_utils.services import File, ServicesError

VALIDATE_SECONDS = 60.0
# Larger ones are no help to the eye, and every one of them would be kept with the results of its task.
MAX_DIFF_BYTES = 100 * 1024


@dataclass(frozen=True)
class Seen:
    """What is at a path: nothing, a link (which is not followed), or a file."""

    kind: str
    content: bytes = b""
    uid: int = -1
    gid: int = -1
    mode: int = 0


@dataclass(frozen=True)
class Change:
    """A file that is not as it is to be. ``owner`` is None where a dry run does not know the user or the group."""

    file: File
    seen: Seen
    owner: tuple[int, int] | None


def look(path: str) -> Seen:
    """Return what is at a path. Raises ServicesError and OSError."""
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            return Seen("link", os.fsencode(os.readlink(path)))
        if stat.S_ISREG(found.st_mode):
            # The link that it may have become since is not followed either.
            with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
                return Seen("file", stream.read(), found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))
    except FileNotFoundError:
        return Seen("missing")
    except NotADirectoryError:
        raise ServicesError(f"{path}: what stands above it is no directory") from None
    raise ServicesError(f"{path} is there and neither a file nor a link, so it is not replaced")


def _number(kind: str, name: str) -> int | None:
    """Return the number of a user or a group, None where there is none of that name."""
    if name.isascii() and name.isdigit():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid if kind == "user" else grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def changes(files: Sequence[File], check_mode: bool) -> list[Change]:
    """Return what differs. A user that is not there is no error in a dry run, which may not have made it yet.

    Raises ServicesError and OSError.
    """
    unknown: list[str] = []
    found = []
    for file in files:
        seen = look(file.path)
        if file.content is None:
            if seen.kind != "missing":
                found.append(Change(file, seen, None))
            continue
        uid, gid = _number("user", file.owner), _number("group", file.group)
        unknown += [f"user {file.owner}"] * (uid is None) + [f"group {file.group}"] * (gid is None)
        owner = None if uid is None or gid is None else (uid, gid)
        if seen != Seen("file", file.content, *(owner or (-1, -1)), file.mode):
            found.append(Change(file, seen, owner))
    if unknown and not check_mode:
        raise ServicesError(f"There is no {' and no '.join(sorted(set(unknown)))} on this host")
    return found


def without_validator(changed: Sequence[Change], host: Host) -> list[str]:
    """Return what is to be said of files that differ and cannot be validated on this host."""
    commands = [(change.file.path, change.file.validate[0]) for change in changed if change.file.validate]
    return [
        f"{path}: {name}, which is to validate it, is not on this host"
        for path, name in commands
        if host.find_command(name) is None
    ]


def refusal(file: File, path: str, host: Host) -> str:
    """Return what the validator of a file says against what is at ``path``; empty where it says nothing."""
    command = [word.replace("%s", path) for word in file.validate]
    if not command or host.find_command(command[0]) is None:
        return ""
    try:
        ran = host.run(command, VALIDATE_SECONDS)
    except (CannotCheckError, TooSlowError) as error:
        return f"{file.path} could not be validated: {error}"
    if ran.status == 0:
        return ""
    said = " ".join(f"{ran.err} {ran.out}".replace(path, file.path).split())
    # What a validator says may quote the file.
    shown = "what it said is not shown, as the file is secret" if is_secret(file) else excerpt(said, 500)
    return f"{file.path} is refused by {command[0]} (status {ran.status}): {shown or 'it said nothing'}"


def predict_refusals(changed: Sequence[Change], host: Host) -> list[str]:
    """Return what validators that are there would say, with the files in a directory of their own. Raises OSError."""
    said = []
    with tempfile.TemporaryDirectory(prefix="aidis-services-") as directory:
        for change in changed:
            file = change.file
            if file.content is not None and file.validate:
                path = whole_file.stage(os.path.join(directory, os.path.basename(file.path)), file.content)
                said.append(refusal(file, path, host))
    return [text for text in said if text]


def write(changed: Sequence[Change], host: Host) -> None:
    """Put everything beside its place, validate it, and only then replace and remove. Raises ServicesError, OSError."""
    with contextlib.ExitStack() as undo:
        staged = {change.file.path: undo.enter_context(_staged(change)) for change in changed if change.owner}
        refused = [refusal(change.file, staged[change.file.path], host) for change in changed if change.owner]
        if any(refused):
            raise ServicesError(f"Nothing was changed. {'. '.join(text for text in refused if text)}")
        for change in changed:
            path = change.file.path
            if change.file.content is None:
                os.unlink(path)
                continue
            # The time that is compared with that of the unit's start is when the file came to its place.
            now = time.time_ns()
            os.utime(staged[path], ns=(now, now))
            os.replace(staged[path], path)
    for directory in sorted({os.path.dirname(change.file.path) for change in changed}):
        whole_file.sync_directory(directory)


@contextlib.contextmanager
def _staged(change: Change) -> Iterator[str]:
    """A file beside its place, which is gone at the end, with directories made for it, if it did not come there."""
    file = change.file
    made = _make_directory(os.path.dirname(file.path))
    temporary = ""
    try:
        temporary = whole_file.stage(file.path, file.content or b"", file.mode, change.owner)
        yield temporary
    finally:
        if temporary:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
        for directory in reversed(made):
            # One that holds something by now stays.
            with contextlib.suppress(OSError):
                os.rmdir(directory)


def _make_directory(path: str) -> list[str]:
    """Return the directories that were made, the upper ones first. Raises OSError."""
    if os.path.isdir(path):
        return []
    made = _make_directory(os.path.dirname(path))
    os.mkdir(path, 0o755)
    # Whatever the mask of the process is, and the group of the directory above.
    os.chmod(path, 0o755)  # noqa: S103
    if os.geteuid() == 0:
        os.chown(path, 0, 0)
    return [*made, path]


def known(files: Sequence[File]) -> list[str]:
    """Return the texts that must not be shown: the lines of secret files."""
    contents = [file.content.decode("utf-8", "replace") for file in files if file.content and is_secret(file)]
    return [line.strip() for content in contents for line in content.splitlines() if line.strip()]


def is_secret(file: File, seen: Seen | None = None) -> bool:
    """Whether a content is not to be shown: it is said to be secret, or is or was for nobody but its owner."""
    private = file.content is not None and not file.mode & 0o044
    was_private = seen is not None and seen.kind == "file" and not seen.mode & 0o044
    return file.secret or private or was_private


def _texts(change: Change) -> tuple[str, str] | None:
    """Return the content before and after as texts, a link as its target; None where one is no text or too long."""
    before, after = change.seen.content, change.file.content or b""
    if max(len(before), len(after)) > MAX_DIFF_BYTES or b"\0" in before + after:
        return None
    try:
        told, wanted = before.decode(), after.decode()
    except UnicodeDecodeError:
        return None
    return (f"symbolic link to {told}\n" if change.seen.kind == "link" else told), wanted


def _metadata(change: Change) -> tuple[str, str]:
    """Return owner, group and mode before and after, each as text."""
    file, seen = change.file, change.seen
    owner = change.owner or (-1, -1)
    wanted = "" if file.content is None else f"owner {file.owner}, group {file.group}, mode {file.mode:04o}"
    if seen.kind != "file":
        return "", wanted
    names = (
        file.owner if seen.uid == owner[0] else str(seen.uid),
        file.group if seen.gid == owner[1] else str(seen.gid),
    )
    return f"owner {names[0]}, group {names[1]}, mode {seen.mode:04o}", wanted


def diff(change: Change) -> dict[str, t.Any]:
    """Return the difference as Ansible shows it, without what is secret."""
    path = change.file.path
    before, after = _metadata(change)
    texts = None if is_secret(change.file, change.seen) else _texts(change)
    if texts is None:
        same = change.seen.kind == "file" and change.seen.content == change.file.content
        what = "the same content" if same else "other content, which is not shown"
        return {"prepared": f"{path}: {before or 'absent'} -> {after or 'absent'}; {what}\n"}
    shown = {"before_header": path, "after_header": path}
    if before != after and change.seen.kind == "file" and after:
        shown = {"before_header": f"{path} ({before})", "after_header": f"{path} ({after})"}
        if texts[0] == texts[1]:
            # Nothing is shown of texts that are the same.
            texts = (f"{before}\n", f"{after}\n")
    return {**shown, "before": texts[0], "after": texts[1]}
