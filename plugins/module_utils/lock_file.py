# Copyright (c) Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock of a deployment: one JSON file that says which run of Ansible works on a host, and for how long.

What is to become of the lock is decided by ``decide`` from values alone; ``attempt`` reads, decides and writes while it
holds a guard beside the file, so that two who ask at the same moment get two answers. The file takes its place whole.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import fcntl
import hashlib
import json
import os
import platform
import shlex
import stat
import time
import typing as t

from ansible_collections.ridgetop.aidis.plugins.module_utils.whole_file import sync_directory

STATES = ("acquired", "renewed", "released", "query")
# Longest lease, in seconds: a year. More is a slip, and would end beyond what a date can hold.
LEASE_MAX = 365 * 24 * 3600
# Seconds to wait for the guard. It is held for a few milliseconds; more means that a process was stopped in them.
GUARD_TIMEOUT = 20.0
# Bytes read of a file that may be anything.
SIZE_MAX = 65536
STAMP = "%Y-%m-%dT%H:%M:%SZ"

Controller = dict[str, t.Any]


class LockError(Exception):
    """The lock, or what is asked of it, is not usable; the text is meant for the person at the controller."""


@dataclasses.dataclass(frozen=True)
class Lock:
    """What a lock file says. Times are in UTC by the clock of the host, ``lease`` is in seconds.

    ``garbled`` is the content of a file that is no lock. Its token is empty, which is the token of no run, and its
    times are those of the file.
    """

    token: str
    owner: str
    reason: str
    since: datetime.datetime
    renewed: datetime.datetime
    lease: int
    controller: Controller
    garbled: str | None = None

    @property
    def ends(self) -> datetime.datetime:
        """When the lease ends. Raises OverflowError beyond the year 9999."""
        return self.renewed + datetime.timedelta(seconds=self.lease)

    @property
    def text(self) -> str:
        """The content of the file."""
        if self.garbled is not None:
            return self.garbled
        told = {field: getattr(self, field) for field in ("token", "owner", "reason", "lease", "controller")}
        told |= {"since": stamp(self.since), "renewed": stamp(self.renewed)}
        return json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@dataclasses.dataclass(frozen=True)
class Wish:
    """What a run asks for; ``lease`` is in seconds, ``ended`` is the token of a run that is known to be dead."""

    state: str
    controller: Controller
    owner: str = "unknown"
    reason: str = ""
    lease: int = 1800
    ended: str = ""
    takeover: bool = False

    @property
    def token(self) -> str:
        """The token of the run that asks."""
        return token_of(self.controller)

    def lock(self, at: datetime.datetime) -> Lock:
        """Return the lock as this run would take it."""
        return Lock(self.token, self.owner, self.reason, at, at, self.lease, self.controller)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What becomes of the lock; ``refused`` says why the wish cannot be met, and is empty where it can."""

    before: Lock | None
    after: Lock | None
    at: datetime.datetime
    changed: bool = False
    taken_over: dict[str, str] | None = None
    refused: str = ""


def now() -> datetime.datetime:
    """Return the time in UTC, cut to the second, as it stands in the file."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def stamp(at: datetime.datetime) -> str:
    """Return a time in UTC as ISO 8601, to the second."""
    return at.strftime(STAMP)


def unstamp(text: str) -> datetime.datetime:
    """Return the time that ``stamp`` wrote. Raises ValueError."""
    return datetime.datetime.strptime(text, STAMP).replace(tzinfo=datetime.UTC)


def relative(at: datetime.datetime, to: datetime.datetime) -> str:
    """Return for people how long before or after ``to`` the time is, in seconds, minutes or hours."""
    seconds = int((to - at).total_seconds())
    size = abs(seconds)
    length = f"{size} s" if size < 120 else f"{size // 60} min" if size < 7200 else f"{size // 3600} h"
    return f"{length} ago" if seconds >= 0 else f"in {length}"


def token_of(controller: Controller) -> str:
    """Return the token of a run: the same for all its tasks, and another for any other run."""
    parts = [str(controller[field]) for field in ("machine", "pid", "started")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _text(value: t.Any) -> str:
    """Return the value. Raises TypeError where it is no text."""
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _number(value: t.Any, most: int) -> int:
    """Return the value. Raises ValueError where it is no whole number from 1 to ``most``."""
    # True is an int, too.
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ValueError("no number in range")
    return value


def parse(text: str, modified: datetime.datetime, lease: int) -> Lock:
    """Return the lock that the text says, or one that nobody holds where it says none.

    ``modified`` and ``lease`` (seconds) are then its age and its length: there must be an end to it.
    """
    try:
        told = json.loads(text)
        controller = {field: _text(told["controller"][field]) for field in ("host", "machine", "started")}
        lock = Lock(
            token=_text(told["token"]),
            owner=_text(told["owner"]),
            reason=_text(told["reason"]),
            since=unstamp(told["since"]),
            renewed=unstamp(told["renewed"]),
            lease=_number(told["lease"], LEASE_MAX),
            controller={**controller, "pid": _number(told["controller"]["pid"], 2**31 - 1)},
        )
        if lock.token and lock.ends:
            return lock
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        pass
    return Lock("", "unknown", f"the file is no lock: {text[:60]!r}", modified, modified, lease, {}, text)


def read(path: str, lease: int) -> Lock | None:
    """Return what the file says, None where there is none; ``lease`` (seconds) is that of an unreadable one.

    Raises LockError where it is no plain file, and OSError.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise LockError(f"{path} is a link; move it away, it would have to be replaced") from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise LockError(f"{path} is no plain file; move it away, it would have to be replaced")
        text = os.read(handle, SIZE_MAX).decode(errors="replace")
    finally:
        os.close(handle)
    modified = datetime.datetime.fromtimestamp(int(status.st_mtime), datetime.UTC)
    return parse(text, modified, lease)


def is_stale(lock: Lock, at: datetime.datetime) -> bool:
    """Tell whether the lease has ended. In the second of its end it has not: times are cut to seconds."""
    return at > lock.ends


def why_stale(lock: Lock, wish: Wish, at: datetime.datetime) -> str:
    """Return why another run's lock may be taken over, or nothing where it may not."""
    if wish.ended and wish.ended == lock.token:
        return "its run has ended without releasing it: the process is gone from this controller"
    if is_stale(lock, at):
        return f"its lease of {lock.lease} s ended at {stamp(lock.ends)} ({relative(lock.ends, at)})"
    return "the takeover was asked for" if wish.takeover else ""


def described(lock: Lock, at: datetime.datetime) -> str:
    """Return who holds the lock, why, from where, since when and until when."""
    if lock.garbled is not None:
        origin = f"written at {stamp(lock.renewed)} ({relative(lock.renewed, at)})"
    else:
        origin = (
            f"from the controller {lock.controller['host']}, pid {lock.controller['pid']}, since {stamp(lock.since)}"
            f" ({relative(lock.since, at)}), renewed at {stamp(lock.renewed)} ({relative(lock.renewed, at)})"
        )
    end = "ended" if is_stale(lock, at) else "ends"
    reason = lock.reason or "no reason given"
    return f"{lock.owner} ({reason}), {origin}; its lease {end} at {stamp(lock.ends)} ({relative(lock.ends, at)})"


def decide(path: str, before: Lock | None, wish: Wish, at: datetime.datetime) -> Answer:
    """Return what becomes of the lock. A lock whose times lie in the future is held as long as it says."""
    own = before is not None and before.token == wish.token
    if wish.state == "query" or (wish.state == "released" and not own):
        return Answer(before, before, at)
    if wish.state == "released":
        return Answer(before, None, at, changed=True)
    if before is not None and own:
        kept = dataclasses.replace(before, renewed=at, lease=max(before.lease, wish.lease))
        return Answer(before, kept, at)
    if wish.state == "renewed":
        now_held = f"it is held by {described(before, at)}" if before else "the file is gone"
        refused = f"This run has lost the lock {path}: {now_held}. Another run may be at work, so this one must stop."
        return Answer(before, before, at, refused=refused)
    if before is None:
        return Answer(before, wish.lock(at), at, changed=True)
    why = why_stale(before, wish, at)
    if not why:
        refused = (
            f"The lock {path} is held by {described(before, at)}. Wait for that run to end. Once it is certain that it"
            f" is gone: `rm {shlex.quote(path)}` on {platform.node()}, or lock_takeover=true for this run."
        )
        return Answer(before, before, at, refused=refused)
    told = {"owner": before.owner, "reason": before.reason, "since": stamp(before.since), "why": why}
    return Answer(before, wish.lock(at), at, changed=True, taken_over=told)


def attempt(path: str, wish: Wish, write: bool) -> Answer:
    """Read, decide and, where ``write``, apply. Raises LockError and OSError."""
    directory = os.path.dirname(path)
    if write and wish.state == "acquired":
        make_directory(directory)
    if not write or wish.state == "query" or not os.path.isdir(directory):
        return decide(path, read(path, wish.lease), wish, now())
    with guarded(path):
        answer = decide(path, read(path, wish.lease), wish, now())
        apply(path, answer)
    return answer


def beside(path: str, suffix: str) -> str:
    """Return the hidden file of the lock that ends so."""
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name}.{suffix}")


def make_directory(path: str) -> None:
    """Make a directory and its parents, 0755 whatever the umask is. Raises OSError."""
    if os.path.isdir(path):
        return
    make_directory(os.path.dirname(path))
    with contextlib.suppress(FileExistsError):
        os.mkdir(path)
        os.chmod(path, 0o755)  # noqa: S103 - who holds the lock is no secret


@contextlib.contextmanager
def guarded(path: str) -> t.Iterator[None]:
    """Keep others from deciding. The kernel gives the guard back when its holder dies. Raises LockError, OSError."""
    guard = beside(path, "guard")
    handle = os.open(guard, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        deadline = time.monotonic() + GUARD_TIMEOUT
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    hint = f"`fuser -v {shlex.quote(guard)}` tells by what"
                    raise LockError(f"{guard} is held for more than {GUARD_TIMEOUT:g} s; {hint}") from error
            time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def apply(path: str, answer: Answer) -> None:
    """Bring the answer to the disk; to be called with the guard held. Raises LockError and OSError."""
    if answer.after == answer.before:
        return
    if answer.after is None:
        os.unlink(path)
    else:
        put(path, answer.after.text, replace=answer.before is not None)
    sync_directory(os.path.dirname(path))


def put(path: str, text: str, replace: bool) -> None:
    """Let a whole file take the name, in place of another or of none. Raises LockError and OSError."""
    temporary = beside(path, "new")
    # One that a killed process left. It may be the lock itself by another name, so it must not be opened.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            os.fchmod(handle, 0o644)
            stream.write(text)
            stream.flush()
            os.fsync(handle)
        if replace:
            os.replace(temporary, path)
        else:
            # Fails where the name is taken, even by somebody who does not know the guard.
            os.link(temporary, path)
    except FileExistsError as error:
        raise LockError(f"{path} was made by something else at this moment; run again") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
