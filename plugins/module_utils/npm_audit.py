# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``npm audit --json`` and ``npm audit signatures --json`` say, and when they say nothing.

The exit status tells too little: npm 9 ends with 0 whatever it finds, npm 10 and 11 with 1, and so does a registry that
has no such address. Only a report of the form that is known counts as an answer.
"""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.ridgetop.aidis.plugins.module_utils.net import excerpt

SEVERITIES = ("info", "low", "moderate", "high", "critical")
NO_LOCK = "ENOLOCK"
# Of timeout(1), the second where it had to kill.
TIMED_OUT = (124, 137)
NAMES_SHOWN = 5


class UnknownError(Exception):
    """Nothing is known of the dependencies; the text says why."""


class NoLockError(UnknownError):
    """The release has no lockfile of npm: there is nothing to ask about."""


@dataclass(frozen=True)
class Answer:
    """What a command of npm printed, and its exit status."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Signatures:
    """Packages with a signature that is wrong, and those without one from a registry that signs."""

    invalid: tuple[str, ...]
    missing: tuple[str, ...]


def vulnerable(answer: Answer) -> dict[str, str]:
    """Return the packages with known vulnerabilities and the severity of each, the worst first.

    Raises UnknownError.
    """
    report = _report(answer)
    found = report.get("vulnerabilities")
    metadata = report.get("metadata")
    if report.get("auditReportVersion") != 2 or not isinstance(found, dict) or not isinstance(metadata, dict):
        raise _unknown(report, answer)
    severities = {name: str(_mapping(one).get("severity")) for name, one in found.items()}
    return dict(sorted(severities.items(), key=lambda one: (-_rank(one[1]), one[0])))


def signatures(answer: Answer) -> Signatures:
    """Return the packages that are not what the registry signed. Raises UnknownError."""
    report = _report(answer)
    invalid, missing = report.get("invalid"), report.get("missing")
    if not isinstance(invalid, list) or not isinstance(missing, list):
        raise _unknown(report, answer)
    return Signatures(_packages(invalid), _packages(missing))


def reaches(severities: Iterable[str], threshold: str) -> bool:
    """Whether one of the severities is the threshold's or worse."""
    return any(_rank(severity) >= SEVERITIES.index(threshold) for severity in severities)


def vulnerable_text(found: Mapping[str, str]) -> str:
    """Return the number of packages by severity, and the names of the worst."""
    if not found:
        return "no known vulnerabilities"
    # A severity that is not known counts as the worst, and stands before it.
    kinds = sorted(set(found.values()), key=_rank, reverse=True)
    counts = ", ".join(f"{sum(one == kind for one in found.values())} {excerpt(kind, 20)}" for kind in kinds)
    return f"{counts}: {_shown([f'{name} ({severity})' for name, severity in found.items()])}"


def signatures_text(found: Signatures) -> str:
    """Return what is wrong with the signatures, and of which packages."""
    if not found.invalid and not found.missing:
        return "all right"
    parts = {"wrong": found.invalid, "missing": found.missing}
    return "; ".join(f"{len(names)} {word}: {_shown(names)}" for word, names in parts.items() if names)


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _shown(names: Iterable[str]) -> str:
    """The first names, from a lockfile or a registry that may hold anything, and how many more there are."""
    all_names = [excerpt(name, 80) for name in names]
    more = len(all_names) - NAMES_SHOWN
    return ", ".join(all_names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _packages(found: Iterable[t.Any]) -> tuple[str, ...]:
    return tuple(sorted(f"{_mapping(one).get('name')}@{_mapping(one).get('version')}" for one in found))


def _mapping(value: t.Any) -> Mapping[str, t.Any]:
    return value if isinstance(value, dict) else {}


def _report(answer: Answer) -> Mapping[str, t.Any]:
    try:
        return _mapping(json.loads(answer.out))
    except ValueError:
        return {}


def _unknown(report: Mapping[str, t.Any], answer: Answer) -> UnknownError:
    """Why there is no report: npm says it in one of several places, and not all of them always."""
    if answer.status in TIMED_OUT:
        return UnknownError("npm got no answer in time")
    error = _mapping(report.get("error"))
    if error.get("code") == NO_LOCK:
        return NoLockError("the release has no lockfile of npm")
    said = error.get("summary") or report.get("message") or answer.err.strip() or answer.out.strip()
    text = re.sub(r"//[^/@\s]*@", "//***@", str(said))
    return UnknownError(excerpt(text) or f"npm printed nothing and ended with {answer.status}")
