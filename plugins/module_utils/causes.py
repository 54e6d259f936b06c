# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The causes behind the evidence of a host: every signature that fits, a root before what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import (
    LIKELY,
    REMARK,
    Cause,
    Commands,
    Found,
    Seen,
    Signature,
    journal,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.causes_database import DATABASE
from ansible_collections.ridgetop.aidis.plugins.module_utils.causes_deployment import DEPLOYMENT
from ansible_collections.ridgetop.aidis.plugins.module_utils.causes_files import FILES
from ansible_collections.ridgetop.aidis.plugins.module_utils.causes_machine import MACHINE
from ansible_collections.ridgetop.aidis.plugins.module_utils.causes_runtime import RUNTIME
from ansible_collections.ridgetop.aidis.plugins.module_utils.causes_server import SERVER
from ansible_collections.ridgetop.aidis.plugins.module_utils.causes_service import SERVICE
from ansible_collections.ridgetop.aidis.plugins.module_utils.causes_unit import UNIT

# A new signature is a function with a decorator in one of these. Where two are as certain, the earlier one comes first.
_SUBJECTS = (MACHINE, RUNTIME, DEPLOYMENT, FILES, SERVER, DATABASE, UNIT, SERVICE)
SIGNATURES: tuple[Signature, ...] = tuple(one for subject in _SUBJECTS for one in subject.all)
_BY_ID = {one.id: one for one in SIGNATURES}
# What stands in the lines of a log that tell something went wrong.
_TELLING = ("error", "fail", "fatal", "refused", "denied", "cannot", "exception", "panic", "timed out", "exited")
TELLING_LINES = 8


def causes(evidence: Mapping[str, Any], commands: Commands | None = None) -> list[Cause]:
    """The causes, the most certain first, each followed by what comes from it; remarks at the end."""
    seen = Seen(evidence, commands or Commands())
    found = [_cause(one, what) for one in SIGNATURES for what in _looked(one, seen)]
    found.sort(key=lambda cause: -cause.certainty)
    roots = {cause.id: _root(cause, found) for cause in found}
    ordered: list[Cause] = []
    for cause in found:
        if not roots[cause.id]:
            ordered += [cause, *_following(cause.id, found, roots)]
    return ordered


def _looked(signature: Signature, seen: Seen) -> list[Found]:
    """What a signature sees. Evidence that is not as it expects is none of it: a diagnosis must not fail."""
    try:
        return list(signature.look(seen))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return []


def _cause(signature: Signature, found: Found) -> Cause:
    certainty = found.certainty or signature.certainty
    return Cause(signature.id, certainty, found.sentence, found.lines, found.mends)


def _root(cause: Cause, found: list[Cause]) -> str:
    """The id of the cause that this one follows from, empty where it is a root."""
    for other in found:
        if cause.id in _BY_ID[other.id].explains and other.certainty > REMARK:
            return other.id
    if _BY_ID[cause.id].symptom:
        return next((one.id for one in found if one.certainty >= LIKELY and not _BY_ID[one.id].symptom), "")
    return ""


def _following(root: str, found: list[Cause], roots: Mapping[str, str]) -> list[Cause]:
    """What follows from a cause, each with what follows from that."""
    ordered: list[Cause] = []
    for cause in found:
        if roots[cause.id] == root:
            follows = Cause(cause.id, cause.certainty, cause.sentence, cause.lines, cause.mends, root)
            ordered += [follows, *_following(cause.id, found, roots)]
    return ordered


def troubled(evidence: Mapping[str, Any]) -> bool:
    """Whether something is wrong that can be seen without knowing why."""
    seen = Seen(evidence)
    application = seen.part("application")
    return bool(seen.unit and not seen.works) or bool(application and not application.get("in"))


def telling(evidence: Mapping[str, Any]) -> list[str]:
    """The lines that tell most where no signature fits: the service's own last ones, and what sounds like a failure."""
    seen = Seen(evidence)
    logged = [line for log in seen.rows("logs") for line in log["lines"] if _sounds_wrong(line)]
    own = [one for one in seen.recent() if one["by"] != "systemd"]
    of_systemd = [one for one in seen.recent() if one["by"] == "systemd" and _sounds_wrong(one["text"])]
    return [*logged[-TELLING_LINES // 2 :], *journal(own, TELLING_LINES), *journal(of_systemd, TELLING_LINES // 2)]


def _sounds_wrong(text: str) -> bool:
    return any(word in text.lower() for word in _TELLING)
