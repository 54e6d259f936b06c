# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules of a verification said of one host, as one story."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import Check, Subject

Result = Mapping[str, t.Any]
_MEND = "Mend the variables that its checks are made of, or what the message says."


def unreachable() -> dict[str, t.Any]:
    """Return what is known of a host that was not reached."""
    subject = Subject(
        "host.reachable", "The host is reached", "requirements", hint="Look at it: `ansible HOST -m ping`"
    )
    return _story([subject.result(False, "an answer", "none").as_dict()], [], [])


def collect(
    results: Mapping[str, Result], made: Sequence[Result], skipped: Sequence[Mapping[str, str]]
) -> dict[str, t.Any]:
    """Return ``checks``, ``latency`` and ``timings`` of the results by the stage that they come from.

    A stage whose module told no checks is a check that is not met. What is ``skipped`` has an id, a title, a category
    and a reason; it does not stand where a check of that id was made.
    """
    checks = [dict(check) for check in made]
    latency, timings = [], []
    for stage, result in results.items():
        if "checks" in result:
            checks += [dict(check) for check in result["checks"]]
        elif result and not result.get("skipped"):
            subject = Subject(
                f"verify.{stage}", f"The checks of the stage {stage} are made", "requirements", hint=_MEND
            )
            checks.append(subject.result(False, "made", str(result.get("msg") or "no reason given")).as_dict())
        latency += _latency(result)
        if "elapsed" in result:
            timings.append({"stage": stage, "seconds": float(result["elapsed"])})
    known = {check["id"] for check in checks}
    checks += [_skipped(one).as_dict() for one in skipped if one["id"] not in known]
    return _story(checks, latency, timings)


def _story(checks: list[dict[str, t.Any]], latency: list[dict[str, t.Any]], timings: list[t.Any]) -> dict[str, t.Any]:
    return {"checks": checks, "latency": latency, "timings": timings}


def _skipped(one: Mapping[str, str]) -> Check:
    subject = Subject(one["id"], one["title"], one["category"], "info")
    return subject.skipped("", one["reason"])


def _latency(result: Result) -> list[dict[str, t.Any]]:
    """The measurements among the probes: those of more than one call."""
    titles = {check["id"]: check["title"] for check in result.get("checks", [])}
    samples, limits = result.get("samples_ms", {}), result.get("limits", {})
    return [
        {
            "id": name,
            "title": titles.get(name, name),
            "limits": limits.get(name, {}),
            "measured": result["latency_ms"][name],
            "samples_ms": samples[name],
        }
        for name in result.get("latency_ms", {})
        if samples.get(name)
    ]
