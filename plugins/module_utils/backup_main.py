# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``aidis-database``: backs up, proves, restores, swaps, drills and prunes the database of this host.

It runs as the user ``postgres``. It prints one JSON object and ends with 0, or with 1 and ``failed`` and ``msg``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    backup_commands,
    backup_config,
    backup_text,
    backup_words,
    postgres,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError, Document, StoppedError
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import interruptible

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(argv: Sequence[str]) -> int:
    """Run the command of the words behind the program's name; return the exit status."""
    text = "--text" in argv
    try:
        words = backup_words.parse(argv)
        if postgres.PSYCOPG2_ERROR is not None:
            raise BackupError(f"psycopg2 is required: {postgres.PSYCOPG2_ERROR}")
        config = backup_config.read(words.config)
        # Files and directories are the owner's alone.
        os.umask(0o077)
        interruptible()
        with stoppable(0 if words.command == "hold-lock" else config.timeout):
            result = backup_commands.run(config, words)
        _print(words.command, {"failed": False, **result}, text)
    except BackupError as error:
        _print("", {"failed": True, "msg": str(error)}, text)
        return 1
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        _print("", {"failed": True, "msg": f"{named}{error.strerror or error}"}, text)
        return 1
    except Exception as error:  # noqa: BLE001 - who reads the output reads JSON, whatever happens
        traceback.print_exc()
        _print("", {"failed": True, "msg": f"internal error: {type(error).__name__}"}, text)
        return 1
    return 0


@contextmanager
def stoppable(seconds: int) -> Iterator[None]:
    """Let signals, and the end of the time, raise StoppedError; 0 seconds are no limit."""

    reasons: list[str] = []

    def stop(number: int, _frame: Any) -> None:
        # Once: what cleans up is not to be stopped, too.
        for one in (*_SIGNALS, signal.SIGALRM):
            signal.signal(one, signal.SIG_IGN)
        late = number == signal.SIGALRM
        reasons.append(f"not done after {seconds} s" if late else f"stopped by {signal.Signals(number).name}")
        raise StoppedError(reasons[0])

    before = {number: signal.signal(number, stop) for number in (*_SIGNALS, signal.SIGALRM)}
    signal.alarm(seconds)
    try:
        yield
    except BackupError:
        # A connection that was interrupted cannot end its transaction, which would be told instead.
        if reasons:
            raise StoppedError(reasons[0]) from None
        raise
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _print(command: str, result: Document, text: bool) -> None:
    shown = backup_text.text(command, result) if text else json.dumps(result, ensure_ascii=False)
    sys.stdout.write(f"{shown}\n")
    sys.stdout.flush()
