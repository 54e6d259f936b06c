# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What checks of several hosts come to, once it is known which of them follow from others."""

from __future__ import annotations

import fnmatch
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import SEVERITIES

Checks = Sequence[Mapping[str, t.Any]]
Settled = dict[str, list[dict[str, t.Any]]]
BROKEN = ("fail", "warn")


class SettleError(Exception):
    """Checks, or what is said about them, that make no sense."""


def settle(
    hosts: Mapping[str, Checks],
    needs: Mapping[str, Sequence[str]],
    severities: Mapping[str, str],
    waivers: Mapping[str, str],
    categories: Sequence[str],
) -> Settled:
    """Return the checks of every host with severities and waivers applied and consequences skipped.

    A check that is not met, and that needs another one which is not met, is skipped: that one is to be mended. What is
    needed is looked for on the same host, and where that host has no such check, on all. Names in ``needs``,
    ``severities`` and ``waivers`` are ids of checks or patterns of them. Raises SettleError.
    """
    wrong = sorted({severity for severity in severities.values() if severity not in SEVERITIES})
    if wrong:
        raise SettleError(f"{', '.join(map(str, wrong))} is no severity: {', '.join(SEVERITIES)}")
    judged = {host: [_judged(check, severities) for check in checks] for host, checks in hosts.items()}
    for host, checks in judged.items():
        ids = [check["id"] for check in checks]
        doubled = sorted({name for name in ids if ids.count(name) > 1})
        if doubled:
            raise SettleError(f"{host} has more than one check {', '.join(doubled)}")
    settled: Settled = {}
    for host, checks in judged.items():
        kept = [check for check in checks if not categories or check["category"] in categories or _always(check["id"])]
        settled[host] = [_concluded(host, check, judged, needs, waivers) for check in kept]
    return settled


def _always(check_id: str) -> bool:
    """Whether a check is told whatever the categories: without it the others were not made."""
    return check_id == "host.reachable" or check_id.startswith("verify.")


def _of(check_id: str, table: Mapping[str, t.Any]) -> t.Any:
    """What a table says of a check: by its id, else by the first pattern that fits; None where it says nothing."""
    if check_id in table:
        return table[check_id]
    return next((value for name, value in table.items() if fnmatch.fnmatchcase(check_id, name)), None)


def _judged(check: Mapping[str, t.Any], severities: Mapping[str, str]) -> dict[str, t.Any]:
    severity = _of(check["id"], severities)
    if severity is None or severity == check["severity"]:
        return dict(check)
    status = check["status"]
    if status in BROKEN:
        status = "fail" if severity == "critical" else "warn"
    return {**check, "severity": severity, "status": status}


def _skipped(check: Mapping[str, t.Any], reason: str) -> dict[str, t.Any]:
    return {**check, "status": "skip", "reason": reason}


def _concluded(
    host: str,
    check: dict[str, t.Any],
    judged: Settled,
    needs: Mapping[str, Sequence[str]],
    waivers: Mapping[str, str],
) -> dict[str, t.Any]:
    if check["status"] not in BROKEN:
        return check
    root = _root(host, check["id"], judged, needs, ())
    if root is not None:
        return _skipped(check, f"follows from {root['id']} ({root['title']}), which is not met")
    waiver = _of(check["id"], waivers)
    return check if waiver is None else _skipped(check, f"waived: {waiver}")


def _root(
    host: str, check_id: str, judged: Settled, needs: Mapping[str, Sequence[str]], path: tuple[str, ...]
) -> dict[str, t.Any] | None:
    """The check that a broken one follows from in the end, None where it stands for itself."""
    if check_id in path:
        raise SettleError(f"checks need each other: {' -> '.join([*path, check_id])}")
    for needed in _of(check_id, needs) or ():
        # A pattern may fit itself: what all checks of a category need may be one of them.
        if needed == check_id:
            continue
        for where, found in _found(host, needed, judged):
            if found["status"] in BROKEN:
                return _root(where, needed, judged, needs, (*path, check_id)) or found
    return None


def _found(host: str, check_id: str, judged: Settled) -> list[tuple[str, dict[str, t.Any]]]:
    own = [(host, check) for check in judged[host] if check["id"] == check_id]
    others = [(name, check) for name, checks in judged.items() for check in checks if check["id"] == check_id]
    return own or others
