# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the audits of a release that was built come to: a line for each, and what a deployment must not go on with."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.ridgetop.aidis.plugins.module_utils.npm_audit import (
    SEVERITIES,
    Answer,
    NoLockError,
    UnknownError,
    reaches,
    signatures,
    signatures_text,
    vulnerable,
    vulnerable_text,
)

NEVER = "none"
TITLES = {"vulnerabilities": "Vulnerabilities", "signatures": "Signatures"}


@dataclass
class Limits:
    """From what on a deployment fails; ``required`` means from no answer on, too. Raises ValueError."""

    threshold: str = NEVER
    signatures: str = NEVER
    required: bool = False
    allowed: t.ClassVar[dict[str, tuple[str, ...]]] = {
        "threshold": (NEVER, *SEVERITIES),
        "signatures": (NEVER, "invalid", "missing"),
    }

    def __post_init__(self) -> None:
        for name, values in self.allowed.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} must be one of {', '.join(values)}, not '{getattr(self, name)}'")


@dataclass
class Told:
    """Lines for people, and why the deployment must not go on."""

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def tell(results: Iterable[Mapping[str, t.Any]], limits: Limits) -> Told:
    """Return what results of commands come to, each of which names in ``item`` what it is about."""
    told = Told()
    for result in results:
        about = result["item"]["about"]
        answer = _answer(result)
        try:
            text, problem = _vulnerable(answer, limits) if about == "vulnerabilities" else _signed(answer, limits)
        except NoLockError as reason:
            text, problem = f"not asked, {reason}", ""
        except UnknownError as reason:
            text = f"not known, {reason}"
            problem = "what is not known is not accepted (app_audit_required)" if limits.required else ""
        told.lines.append(f"{TITLES[about]}: {text}")
        if problem:
            told.problems.append(f"{TITLES[about]}: {text}: {problem}")
    return told


def _answer(result: Mapping[str, t.Any]) -> Answer:
    """What a task registered; one whose command could not be started has only a message."""
    err = str(result.get("stderr") or result.get("msg") or "")
    return Answer(int(result.get("rc", 1)), str(result.get("stdout") or ""), err)


def _vulnerable(answer: Answer, limits: Limits) -> tuple[str, str]:
    found = vulnerable(answer)
    over = limits.threshold != NEVER and reaches(found.values(), limits.threshold)
    return vulnerable_text(found), f"{limits.threshold} or worse is not accepted (app_audit_threshold)" if over else ""


def _signed(answer: Answer, limits: Limits) -> tuple[str, str]:
    found = signatures(answer)
    bad = found.invalid + (found.missing if limits.signatures == "missing" else ())
    over = limits.signatures != NEVER and bool(bad)
    return signatures_text(found), f"{limits.signatures} is not accepted (app_audit_signatures)" if over else ""
