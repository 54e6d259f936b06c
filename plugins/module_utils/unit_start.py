# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start a unit of systemd, or restart it, in the step that changes what it runs from."""

from __future__ import annotations

import typing as t

# Runs a command; returns its exit status, output and errors.
Run = t.Callable[[list[str]], tuple[int, str, str]]


class StartError(Exception):
    """systemd did not start the unit; the text is what it said."""


def start(run: Run, unit: str, restart: bool, reload: bool) -> bool:
    """Let the unit run, anew with ``restart``, after systemd has read unit files anew with ``reload``.

    Returns whether anything was done. Raises StartError.
    """
    if reload:
        _must(run, ["systemctl", "daemon-reload"])
    if not restart and run(["systemctl", "--quiet", "is-active", unit])[0] == 0:
        return False
    verb = "restart" if restart else "start"
    if run(["systemctl", verb, unit])[0] != 0:
        # After too many starts in its time systemd refuses every further one, that of what mends it, too.
        run(["systemctl", "reset-failed", unit])
        _must(run, ["systemctl", verb, unit])
    return True


def _must(run: Run, command: list[str]) -> None:
    status, _output, errors = run(command)
    if status != 0:
        raise StartError(f"{' '.join(command)} ended with {status}: {errors.strip() or 'no reason given'}")
