# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of what runs did to a deployment: lines of JSON in a file that only grows, and the same in the journal.

A line says who, from where, what and when; the last one of a run says how it ended. A run that was killed has a line
``begin`` and none ``end``. What is told was written by people: it can neither break a line nor make another one.
"""

from __future__ import annotations

import grp
import ipaddress
import json
import os
import pwd
import re
import socket
import typing as t

from ansible_collections.ridgetop.aidis.plugins.module_utils import append_file
from ansible_collections.ridgetop.aidis.plugins.module_utils.lock_file import make_directory, now, stamp, token_of
from ansible_collections.ridgetop.aidis.plugins.module_utils.masking import Mask

# What the modules take that write lines.
ARGUMENTS: dict[str, t.Any] = {
    "path": {"type": "path", "required": True},
    "action": {"type": "str", "required": True},
    "result": {"type": "str", "choices": ["ok", "failed"]},
    "failed": {"type": "list", "elements": "str", "default": []},
    "details": {"type": "dict", "default": {}},
    "append_only": {"type": "bool", "default": True},
    "user": {"type": "str"},
}

MODE = 0o640
GROUP = "adm"
IDENTIFIER = "aidis-accounting"
JOURNAL = "/dev/log"
# Facility authpriv, which is not everybody's to read; notice, and warning for what failed: syslog(3).
NOTICE, WARNING = 10 * 8 + 5, 10 * 8 + 4
# Seconds that the journal may take to accept a message.
TIMEOUT = 2.0
# Characters of one text, and parts of one list or mapping. Whoever wants more reads the output of the run.
TEXT_MAX, PARTS_MAX = 300, 20
# Characters of a text that are looked at for passwords, so that none is cut in two and then not known for one.
READ_MAX = 2_000
# Processes above the module's to look at: shells, sudo, systemd. There are a dozen at most.
PROCESSES_MAX = 64
# Programs that let people in. What one of them was started with says nothing of a connection.
SERVERS = ("sshd", "dropbear")

Entry = dict[str, t.Any]
Values = t.Mapping[str, t.Any]


class Origin(t.NamedTuple):
    """Where a connection came from as this host saw it, and the account it was let into; empty where not known."""

    address: str = ""
    login: str = ""


def origin(pid: int | None = None, proc: str = "/proc") -> Origin:
    """Return where the ssh connection came from that a process, by default this one, belongs to.

    sudo takes SSH_CONNECTION away, so it is looked for in the processes above. The topmost that has it counts: it was
    given it by the server, while those below can be given anything.
    """
    pid, found = pid or os.getpid(), Origin()
    for _number in range(PROCESSES_MAX):
        try:
            # The name is in brackets, and may hold some: proc_pid_stat(5).
            head, _bracket, rest = _read(f"{proc}/{pid}/stat").rpartition(b")")
            parent = int(rest.split()[1])
        except (OSError, ValueError, IndexError):
            break
        if head.partition(b"(")[2].decode(errors="replace").startswith(SERVERS):
            break
        found = _origin_of(f"{proc}/{pid}") or found
        pid = parent
        if pid < 1:
            break
    return found


def _origin_of(directory: str) -> Origin | None:
    """Return what the environment that a process was started with says; None where it says nothing."""
    try:
        variables = _read(f"{directory}/environ").split(b"\0")
        told = next(one for one in variables if one.startswith(b"SSH_CONNECTION="))
        address = told.partition(b"=")[2].split()[0].decode("ascii")
        ipaddress.ip_address(address)
        return Origin(address, _user_name(os.stat(directory).st_uid))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _read(path: str) -> bytes:
    """Return what a file holds. Raises OSError."""
    with open(path, "rb") as handle:
        return handle.read()


def _user_name(uid: int) -> str:
    """Return the name of a user, the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def entry(event: str, account: Values, run: Values, by: str, what: str, **more: t.Any) -> Entry:
    """Return what a line says: of an event, from the options of a module and the run that it works for.

    What is empty is left out. Nothing in it is a secret as far as its place tells: what is asked for in words may be
    anything.
    """
    found = origin()
    told = {
        "event": event,
        "action": account["action"],
        "what": what,
        **more,
        "by": by,
        "user": account["user"],
        "controller": run["host"],
        "address": found.address,
        "login": found.login,
        "details": account["details"],
        "pid": run["pid"],
        "run": token_of(dict(run)),
    }
    told = {name: clean(value) for name, value in told.items()}
    return {"at": stamp(now()), **{name: value for name, value in told.items() if value not in (None, "", [], {})}}


def clean(value: t.Any) -> t.Any:
    """Return a value without passwords that its place gives away, and no longer than a line should be."""
    if value is None:
        return None
    if isinstance(value, t.Mapping):
        some = list(value.items())[:PARTS_MAX]
        return {clean(str(name)): clean(part) for name, part in some if part not in (None, "")}
    if isinstance(value, list | tuple):
        return [clean(part) for part in value[:PARTS_MAX]]
    if isinstance(value, int):
        return value
    masked = Mask(()).text(str(value)[:READ_MAX])
    return masked if len(masked) <= TEXT_MAX else masked[: TEXT_MAX - 3] + "..."


def line(told: Entry) -> bytes:
    """Return the line of the file: ASCII, so that what controls a terminal, and any other end of a line, is escaped."""
    # JSON leaves this one as it is.
    return json.dumps(told, ensure_ascii=True).replace("\x7f", "\\u007f").encode("ascii") + b"\n"


def text(told: Entry) -> str:
    """Return the message for the journal, which has the time itself: ``name=value``, in quotes where it needs them."""
    return " ".join(f"{name}={_quoted(value)}" for name, value in _flat(told) if name != "at")


def _flat(told: Values, before: str = "") -> t.Iterator[tuple[str, str]]:
    """Return names and values, those of a mapping within it with both names."""
    for name, value in told.items():
        # The names in a mapping are somebody's, too.
        here = before + re.sub(r"[^\w.-]", "_", str(name), flags=re.ASCII)
        if isinstance(value, t.Mapping):
            yield from _flat(value, f"{here}.")
        else:
            yield here, "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _quoted(value: str) -> str:
    """Return a value that can be told from the next name, without characters that are not printed."""
    printed = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in value)
    if re.fullmatch(r"[\w.@:/+-]+", printed):
        return printed
    escaped = printed.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def tell(message: str, priority: int, path: str | None = None) -> None:
    """Send a message to the journal, by the socket that syslog has. Raises OSError."""
    data = f"<{priority}>{IDENTIFIER}[{os.getpid()}]: {message}".encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.settimeout(TIMEOUT)
        channel.connect(path or JOURNAL)
        channel.send(data)


def record(account: Values, entries: t.Iterable[Entry]) -> list[str]:
    """Write lines to the file and to the journal; return what could not be written, for the person at the controller.

    It raises nothing for that: a rollback must be possible on a host whose disk is full.
    """
    problems = []
    for told in entries:
        try:
            make_directory(os.path.dirname(account["path"]))
            append_file.append(account["path"], line(told), MODE, _adm(), account["append_only"])
        except (OSError, ValueError) as error:
            problems.append(f"The {told['event']} of this run is not in {account['path']}: {error}")
        try:
            tell(text(told), WARNING if told.get("result") == "failed" else NOTICE)
        except OSError as error:
            problems.append(f"The {told['event']} of this run is not in the journal: {JOURNAL}: {error}")
    return problems


def _adm() -> int:
    """Return the number of the group that may read logs, that of the process where there is none."""
    try:
        return grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return os.getegid()
