# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check of suite_run: its options, and how a suite that ran is judged."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import SEVERITIES, Check, Subject
from ansible_collections.ridgetop.aidis.plugins.module_utils.suite_output import (
    assignments,
    counts,
    ending,
    hidden,
    plain,
    secrets,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.suite_unit import Ran, Suite, words

# Lines and characters: of the output in an observation, and in the module's result.
TOLD = (5, 500)
RETURNED = (200, 10000)
# Exit status of a shell that does not find a command.
NOT_FOUND = 127


class OptionError(Exception):
    """A suite that cannot be run as it is written."""


def argument_spec() -> dict[str, Any]:
    """The module's options."""
    return {
        "command": {"type": "str", "required": True},
        "chdir": {"type": "path", "required": True},
        "requires": {"type": "str", "default": ""},
        "user": {"type": "str", "required": True},
        "group": {"type": "str"},
        "environment_file": {"type": "list", "elements": "str", "default": []},
        "environment": {"type": "dict", "default": {}},
        "timeout": {"type": "float", "default": 300.0},
        "total_regex": {"type": "str", "default": r"Total Tests:\s*(\d+)"},
        # Its name looks like that of a password.
        "passed_regex": {"type": "str", "default": r"Passed:\s*(\d+)", "no_log": False},
        "required_percent": {"type": "float", "default": 95.0},
        "id": {"type": "str", "default": "functionality.acceptance_suite"},
        "title": {"type": "str", "default": "Acceptance suite"},
        "category": {"type": "str", "default": "functionality"},
        "severity": {"type": "str", "choices": list(SEVERITIES), "default": "critical"},
        "hint": {"type": "str", "default": ""},
        "fail": {"type": "bool", "default": False},
    }


@dataclass(frozen=True)
class Wanted:
    """A suite, and what is expected of it; ``percent`` of its tests are to pass."""

    subject: Subject
    suite: Suite
    total: re.Pattern[str]
    passed: re.Pattern[str]
    percent: float

    def expected(self) -> str:
        """What is required, for people."""
        return f"at least {self.percent:g} % of its tests pass"


def read(params: Mapping[str, Any]) -> Wanted:
    """Make of the module's parameters what is wanted. Raises OptionError."""
    if params["timeout"] <= 0:
        raise OptionError("timeout must be above 0 seconds")
    if not 0 <= params["required_percent"] <= 100:
        raise OptionError("required_percent must be between 0 and 100")
    files = tuple(params["environment_file"])
    for path in (params["chdir"], *(file.removeprefix("-") for file in files)):
        if not os.path.isabs(path):
            raise OptionError(f"{path} must be an absolute path")
    suite = Suite(
        command=params["command"],
        # The real one, since some runners do nothing when they are started through a link.
        chdir=os.path.realpath(params["chdir"]),
        user=params["user"],
        group=params["group"],
        environment_files=files,
        environment=words(params["environment"]),
        seconds=params["timeout"],
        description=params["title"],
    )
    subject = Subject(*(params[name] for name in ("id", "title", "category", "severity", "hint")))
    total, passed = _pattern(params, "total_regex"), _pattern(params, "passed_regex")
    return Wanted(subject, suite, total, passed, params["required_percent"])


def _pattern(params: Mapping[str, Any], name: str) -> re.Pattern[str]:
    try:
        return re.compile(params[name])
    except re.error as error:
        raise OptionError(f"{name} is not a regular expression: {error}") from None


def hidden_values(suite: Suite) -> list[str]:
    """The values in the suite's environment that are not to be shown. Raises OSError where a file cannot be read."""
    found: list[tuple[str, str]] = []
    for path in suite.environment_files:
        try:
            with open(path.removeprefix("-"), encoding="utf-8", errors="replace") as file:
                found.extend(assignments(file.read()))
        except FileNotFoundError:
            # systemd goes on without it, or does not start the suite.
            continue
    return secrets(found, suite.environment)


def judged(wanted: Wanted, ran: Ran, values: list[str] | None) -> tuple[Check, str]:
    """The check, and the end of the output. ``values`` are hidden in both; None hides all of the output."""
    text = plain(ran.output)
    found = counts(text, wanted.total, wanted.passed)
    shown = "(not shown, as its secrets are not known here)" if values is None else hidden(text, values)
    met = False
    if found is None and ran.status == NOT_FOUND and not ran.late:
        # A release may leave at home what its tests are run by. That is no word against it, and none for it.
        reason = f"the shell did not find what runs it{_tail(shown)}"
        return wanted.subject.skipped(wanted.expected(), reason), ending(shown, *RETURNED)
    if ran.late:
        seen = f"it did not end within {wanted.suite.seconds:g} s{_tail(shown)}"
    elif found is None:
        # Where it was not even started, systemd-run says why.
        told = shown if text.strip() else hidden(ran.messages, values or [])
        seen = f"no counts in its output, exit status {ran.status}{_tail(told)}"
    else:
        # The exit status is told and not trusted: a suite ends with 1 for one test in a thousand, or with 0 for all.
        met, seen = found.reaches(wanted.percent), f"{found}, exit status {ran.status}"
    return wanted.subject.result(met, wanted.expected(), seen), ending(shown, *RETURNED)


def _tail(text: str) -> str:
    told = ending(text, *TOLD)
    return f"; it ends: {told}" if told else "; it printed nothing"
