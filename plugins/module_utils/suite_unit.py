# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A command as a transient unit of systemd that can write nowhere, within a time limit, and what it printed."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

# What is kept of the output, from its end; the counts stand there.
MOST_BYTES = 1024 * 1024
_CHUNK = 65536
# Between SIGTERM and SIGKILL.
_STOP_SECONDS = 5
# To start a unit and to stop it, before systemd itself is taken for stuck.
GRACE_SECONDS = 30.0
# The suite is a client of the server: it needs the network and a directory for temporary files, and nothing else.
SANDBOX = (
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    # Places that the above leave writable for everybody.
    "ReadOnlyPaths=-/dev/shm -/dev/mqueue -/run/lock",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "RestrictSUIDSGID=yes",
    "RestrictNamespaces=yes",
    "LockPersonality=yes",
)
# What systemd-run says of every unit, and says nothing.
_NOISE = re.compile(r"^(?:Running as unit|Service runtime|CPU time|Memory|IP traffic|IO bytes)\b.*\n?", re.MULTILINE)
_RESULT = re.compile(r"^Finished with result: (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Suite:
    """A command for ``/bin/sh -c``, whom it runs as and where, and its time limit in seconds."""

    command: str
    chdir: str
    user: str
    group: str | None = None
    environment_files: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 300.0
    description: str = "Acceptance suite"


@dataclass(frozen=True)
class Ran:
    """A suite that ended: its exit status, the end of its output, what systemd-run said, whether it was late."""

    status: int
    output: str
    messages: str
    late: bool


def command_line(suite: Suite, unit: str) -> list[str]:
    """The command that runs a suite as a unit of this name, and waits for it."""
    environment = {"HOME": "/tmp", **suite.environment}  # noqa: S108 - the unit has a directory of its own there
    properties = [
        *(f"EnvironmentFile={path}" for path in suite.environment_files),
        f"RuntimeMaxSec={max(1, round(suite.seconds * 1000))}ms",
        f"TimeoutStopSec={_STOP_SECONDS}s",
        *SANDBOX,
    ]
    return [
        "systemd-run",
        f"--unit={unit}",
        f"--description={suite.description}",
        *("--wait", "--pipe", "--collect", "--service-type=exec"),
        f"--uid={suite.user}",
        *([f"--gid={suite.group}"] if suite.group else []),
        f"--working-directory={suite.chdir}",
        *(f"--property={one}" for one in properties),
        *(f"--setenv={name}={value}" for name, value in environment.items()),
        *("/bin/sh", "-c"),
        # systemd would put the text of a variable into it, and the shell would run what that text holds. Its errors go
        # where its output goes, in their order, and leave the other pipe to systemd-run.
        ("exec 2>&1\n" + suite.command).replace("$", "$$"),
    ]


def run(suite: Suite, unit: str, grace: float = GRACE_SECONDS) -> Ran:
    """Run a suite to its end, or until its time is over. Raises OSError where systemd-run cannot be started."""
    start = time.monotonic()
    process = subprocess.Popen(
        command_line(suite, unit),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C"},
    )
    output, messages = _Tail(process.stdout), _Tail(process.stderr)
    stuck = False
    try:
        status = process.wait(suite.seconds + _STOP_SECONDS + grace)
    except subprocess.TimeoutExpired:
        # systemd should have ended it; the whole unit is killed, and not only what waits for it.
        stuck = True
        _kill(unit, grace)
        process.kill()
        status = process.wait()
    said = messages.text()
    result = _RESULT.search(said)
    late = result.group(1) == "timeout" if result else time.monotonic() - start >= suite.seconds
    return Ran(status, output.text(), _NOISE.sub("", said), stuck or late)


def _kill(unit: str, seconds: float) -> None:
    with suppress(OSError, subprocess.TimeoutExpired):
        kill = ["systemctl", "kill", "--signal=SIGKILL", f"{unit}.service"]
        subprocess.run(kill, capture_output=True, timeout=seconds, check=False)


class _Tail:
    """The end of what comes out of a pipe, read beside the rest, so that a suite that prints much goes on."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        self._kept = bytearray()
        self._pipe = pipe
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        if self._pipe is None:
            return
        with self._pipe:
            # Not through the buffer of the file, which would hold back what there is where the end is not waited for.
            while read := os.read(self._pipe.fileno(), _CHUNK):
                self._kept += read
                # Twice as much before it is cut, so that a suite that prints byte by byte is not copied at each.
                if len(self._kept) > 2 * MOST_BYTES:
                    del self._kept[:-MOST_BYTES]

    def text(self) -> str:
        """What was kept. A process that outlives the unit may hold the pipe, and is not waited for."""
        self._thread.join(_STOP_SECONDS)
        return bytes(self._kept[-MOST_BYTES:]).decode("utf-8", "replace")


def words(values: Mapping[str, object]) -> dict[str, str]:
    """Values for an environment as text, as YAML writes them: ``true`` and not ``True``; null is left out."""
    given = {name: value for name, value in values.items() if value is not None}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}
