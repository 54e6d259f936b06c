# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``aidis-health``: the guide's monitor script, for people, for scripts and for a timer."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    health_config,
    health_record,
    health_report,
    health_sections,
    health_state,
    health_text,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_base import (
    UNKNOWN,
    CannotTellError,
    Document,
    lasted,
    moment,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import Host

USAGE = 64
UNITS = {"timer": "aidis-health.timer", "cron": "cron.service"}
ABOUT = """
Without a command it shows how this host is, to anybody: what only some may see, the login to the
database and the journal, is shown as the last run of the timer found it, and of when that was.

exit status: 0 every section is as it should be; 1 at least one failed; 2 none failed, but
something could not be found out, or a file not be written; 64 the command line is wrong
"""


class _Parser(argparse.ArgumentParser):
    """One that ends with the status of a wrong command line."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Understand the words behind the program's name. Raises SystemExit."""
    parser = _Parser(
        prog="aidis-health",
        description="How the AIDIS server, its database and this host are.",
        epilog=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", help=f"default: that of the unit aidis-health, else {health_config.DEFAULT_PATH}")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument(
        "command",
        nargs="?",
        choices=("show", "record", "last"),
        default="show",
        help="show: the default; record: what the timer runs, writes log, state and metrics; "
        "last: whether the runs are scheduled, and the last of them was not long ago and found everything out",
    )
    return parser.parse_args(list(argv))


def main(argv: Sequence[str]) -> int:
    """Run the command of the words behind the program's name; return the exit status."""
    try:
        words = parse(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else USAGE
    host = Host()
    try:
        path = words.config or health_config.found()
        config = health_config.read(path)
        if words.command == "last":
            return _last(config, host, words.json, time.time() - os.stat(path).st_mtime)
        if words.command == "record":
            return _record(config, host, words.json)
        return _show(config, host, words.json)
    except CannotTellError as error:
        sys.stderr.write(f"aidis-health: {error}\n")
        return 2
    except BrokenPipeError:
        # Whoever read has seen enough; nothing is to be written when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2


def _show(config: Config, host: Host, as_json: bool) -> int:
    try:
        last = health_state.recall(config.state)
    except CannotTellError:
        last = None
    report = health_report.gather(config, host, last)
    _print(report, as_json)
    return report.status


def _record(config: Config, host: Host, as_json: bool) -> int:
    report = health_report.gather(config, host, None)
    unwritten = health_record.record(report, host)
    for text in unwritten:
        sys.stderr.write(f"aidis-health: {text}\n")
    _print(report, as_json)
    # A section that failed is told in files that could be written; this is told nowhere else.
    return 2 if unwritten else report.status


def _print(report: health_report.Report, as_json: bool) -> None:
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    shown = json.dumps(report.document(), indent=2) + "\n" if as_json else health_text.terminal(report, colours)
    sys.stdout.write(shown)
    sys.stdout.flush()


def _last(config: Config, host: Host, as_json: bool, configured: float) -> int:
    """Tell whether the scheduled check works; it was configured so many seconds ago. Raises CannotTellError."""
    unit = UNITS.get(config.scheduler, "")
    active = health_sections.state_of(host, unit, ("ActiveState",), config.timeout).get("ActiveState")
    faults = [] if active == "active" else [f"{unit} is not active"]
    found: Document = {"at": None, "sections": {}}
    try:
        found = _of_last(config, faults)
    except CannotTellError:
        # The first run of cron is some minutes away.
        if configured > config.max_age or os.path.exists(config.state):
            raise
    words = " ".join(f"{name}={status}" for name, status in found["sections"].items())
    shown = f"{found['at'] or 'no run yet, it was configured a moment ago'} {words}".rstrip()
    text = json.dumps({**found, "faults": faults}, indent=2) if as_json else "\n".join([shown, *faults])
    sys.stdout.write(f"{text}\n")
    return 2 if faults else 0


def _of_last(config: Config, faults: list[str]) -> Document:
    """When the last run was and what each section was; what is wrong with that goes to the faults."""
    state = health_state.recall(config.state)
    age = time.time() - moment(state["at"])
    if age > config.max_age:
        faults.append(f"the last run was {lasted(age)} ago")
    sections = state["sections"]
    faults += [f"{name}: {' '.join(one['lines'])}" for name, one in sections.items() if one["status"] == UNKNOWN]
    told = {name: one["status"] for name, one in sections.items()}
    return {"at": state["at"], "age_seconds": round(age), "sections": told}
