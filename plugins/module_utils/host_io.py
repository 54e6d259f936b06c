# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What host_check knows of a host: its files and its commands, each within a time limit."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

SYSTEM_DIRECTORIES = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MAX_FILE_BYTES = 4 * 1024 * 1024


class CannotCheckError(Exception):
    """The host offers no way to tell; the text is the reason that the check is skipped."""


class TooSlowError(Exception):
    """A command did not end within its time limit."""


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    status: int
    out: str
    err: str


class Host:
    """The host the module runs on. ``root`` stands before every path read."""

    def __init__(self, root: str = "") -> None:
        self.root = root

    def at(self, path: str) -> str:
        """The path below the root."""
        return self.root + path

    def read(self, path: str) -> str:
        """The beginning (4 MiB) of a text file. Raises OSError."""
        with open(self.at(path), encoding="utf-8", errors="replace") as file:
            return file.read(MAX_FILE_BYTES)

    def names(self, path: str) -> list[str]:
        """The names in a directory. Raises OSError."""
        return sorted(os.listdir(self.at(path)))

    def link(self, path: str) -> str:
        """The target of a symbolic link. Raises OSError."""
        return os.readlink(self.at(path))

    def find_command(self, name: str) -> str | None:
        """The path of a command by name or path; None when there is none that may be run."""
        return shutil.which(name, path=self._search_path())

    def run(self, argv: Sequence[str], seconds: float) -> Ran:
        """Run a command without a shell, in the C locale.

        Raises CannotCheckError when there is no such command, TooSlowError when it does not end.
        """
        environment = {**os.environ, "LC_ALL": "C", "PATH": self._search_path()}
        command = self.find_command(argv[0])
        if command is None:
            raise CannotCheckError(f"there is no command {argv[0]} on this host")
        try:
            process = subprocess.Popen(
                [command, *argv[1:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise CannotCheckError(f"cannot run {command}: {error.strerror}") from None
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            # The group, so that children which hold the pipes end too; it may have ended by itself.
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise TooSlowError(f"{argv[0]} did not end within {seconds:g} s") from None
        return Ran(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))

    @staticmethod
    def _search_path() -> str:
        return f"{os.environ.get('PATH', '')}:{SYSTEM_DIRECTORIES}".lstrip(":")
