# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requirements of host_check: read, looked at side by side, each within its time limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    host_files,
    host_machine,
    host_network,
    host_npm,
    host_policy,
    host_software,
    host_systemd,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import SEVERITIES, Check, Subject
from ansible_collections.ridgetop.aidis.plugins.module_utils.comparison import OPERATORS
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import (
    CannotCheckError,
    Host,
    TooSlowError,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_kind import Kind, ParameterError
from ansible_collections.ridgetop.aidis.plugins.module_utils.npm_audit import SEVERITIES as THRESHOLDS

PARALLEL = 8
GRACE_SECONDS = 1.0

KINDS: dict[str, type[Kind]] = {
    kind.name: kind
    for noun in (host_machine, host_software, host_network, host_systemd, host_files, host_policy, host_npm)
    for kind in noun.KINDS
}

COMMON: dict[str, dict[str, Any]] = {
    "id": {"type": "str", "required": True},
    "kind": {"type": "str", "required": True, "choices": sorted(KINDS)},
    "title": {"type": "str"},
    "category": {"type": "str"},
    "severity": {"type": "str", "choices": list(SEVERITIES), "default": "critical"},
    "hint": {"type": "str", "default": ""},
    "timeout": {"type": "float"},
}

# Every parameter of every kind, with one meaning and type wherever it is taken. Defaults are
# given where they are used by all kinds that take the parameter.
PARAMETERS: dict[str, dict[str, Any]] = {
    "absent": {"type": "bool"},
    "active": {"type": "bool"},
    "address": {"type": "list", "elements": "str"},
    "allowed": {"type": "list", "elements": "dict"},
    "append_only": {"type": "bool"},
    "argv": {"type": "list", "elements": "str"},
    "available": {"type": "bool"},
    "backend": {"type": "str", "choices": ["any", "ufw", "nft"]},
    "ca_path": {"type": "path"},
    "contains": {"type": "list", "elements": "str"},
    "current": {"type": "bool"},
    "enabled": {"type": "bool"},
    "exclude": {"type": "list", "elements": "str"},
    "excludes": {"type": "list", "elements": "str"},
    "exit_status": {"type": "list", "elements": "int"},
    "expected": {"type": "raw"},
    "group": {"type": "str"},
    "groups": {"type": "list", "elements": "str"},
    "home": {"type": "path"},
    "host": {"type": "str"},
    "locked": {"type": "bool"},
    "maximum": {"type": "str"},
    "maximum_days": {"type": "int"},
    "major_of": {"type": "str"},
    "maximum_entries": {"type": "int"},
    "maximum_mb": {"type": "int"},
    "method": {"type": "str", "choices": ["GET", "HEAD"]},
    "minimum": {"type": "str"},
    "minimum_inodes": {"type": "int"},
    "minimum_mb": {"type": "int"},
    "minimum_percent": {"type": "int"},
    "minutes": {"type": "float"},
    "mode": {"type": "str"},
    "mode_at_most": {"type": "str"},
    "name": {"type": "str"},
    "next": {"type": "bool"},
    "observed": {"type": "raw"},
    "only": {"type": "bool"},
    "operator": {"type": "str", "choices": list(OPERATORS)},
    "owner": {"type": "str"},
    "path": {"type": "path"},
    "port": {"type": "int"},
    "priority": {"type": "str"},
    "process": {"type": "str"},
    "properties": {"type": "dict"},
    "reachable": {"type": "bool"},
    "regex": {"type": "str"},
    "shell": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": ["available", "installed"]},
    "status": {"type": "list", "elements": "int"},
    "sub": {"type": "str"},
    "target": {"type": "str"},
    "threshold": {"type": "str", "choices": list(THRESHOLDS)},
    "type": {"type": "str", "choices": sorted(host_files.TYPES)},
    "unit": {"type": "str"},
    "url": {"type": "str"},
    "use_proxy": {"type": "bool"},
    "validate_certs": {"type": "bool"},
}

# What a parameter is when it is not given, by kind.
DEFAULTS: dict[str, dict[str, Any]] = {
    "firewall": {"backend": "any", "active": True},
    "journal": {"priority": "err", "minutes": 5.0, "maximum_entries": 0},
    "npm_audit": {"threshold": "high"},
    "output": {"exit_status": [0]},
    "package": {"state": "available"},
    "security_updates": {"maximum_days": 7},
    "tcp": {"host": "127.0.0.1", "reachable": True},
    "url": {"method": "GET", "validate_certs": True, "use_proxy": True},
    "value": {"operator": "eq"},
}


@dataclass
class Requirement:
    """One requirement, and its place in a run."""

    subject: Subject
    kind: Kind
    seconds: float
    result: Check | None = None
    error: Exception | None = None
    started: float = 0.0
    thread: threading.Thread | None = field(default=None, repr=False)


def read(given: Sequence[Mapping[str, Any]], seconds: float) -> list[Requirement]:
    """Make requirements of the given mappings; ``seconds`` is the time limit of each.

    Raises ParameterError naming every wrong one.
    """
    made, problems = [], []
    for number, entry in enumerate(given, 1):
        try:
            made.append(_requirement(entry, seconds))
        except ParameterError as error:
            problems.append(f"check {entry.get('id') or f'number {number}'}: {error}")
    ids = [str(entry.get("id")) for entry in given]
    doubled = sorted({name for name in ids if ids.count(name) > 1})
    problems += [f"check {name}: its id is used more than once" for name in doubled]
    if problems:
        raise ParameterError("; ".join(problems))
    return made


def _requirement(entry: Mapping[str, Any], seconds: float) -> Requirement:
    kind_type = KINDS.get(str(entry.get("kind")))
    if kind_type is None:
        raise ParameterError(f"kind must be one of {', '.join(sorted(KINDS))}")
    taken = [*kind_type.required, *kind_type.optional, *kind_type.one_of]
    spec = {**COMMON, **{name: dict(PARAMETERS[name]) for name in taken}}
    for name, value in DEFAULTS.get(kind_type.name, {}).items():
        spec[name]["default"] = value
    # A parameter that is null is one that is not given.
    given = {name: value for name, value in entry.items() if value is not None}
    _hold_to(kind_type, given, entry)
    checked = ArgumentSpecValidator(spec).validate(given)
    if checked.error_messages:
        raise ParameterError("; ".join(checked.error_messages))
    params = checked.validated_parameters
    limit = seconds if params["timeout"] is None else params["timeout"]
    if limit <= 0:
        raise ParameterError("timeout must be above 0 seconds")
    kind = kind_type(params, limit)
    subject = Subject(
        params["id"],
        params["title"] or kind.title(),
        params["category"] or kind.category,
        params["severity"],
        params["hint"],
    )
    return Requirement(subject, kind, limit)


def _hold_to(kind: type[Kind], given: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
    """Raise ParameterError unless the kind takes what is given and has what it needs."""
    # The value that was observed may be null: that is what the check is about.
    absent = [n for n in kind.required if n not in given and not (n == "observed" and n in entry)]
    if absent:
        raise ParameterError(f"kind {kind.name} needs {', '.join(absent)}")
    taken = {*COMMON, *kind.required, *kind.optional, *kind.one_of}
    unknown = sorted(set(map(str, given)) - taken)
    if unknown:
        known = ", ".join(sorted(taken - set(COMMON))) or "nothing"
        raise ParameterError(f"kind {kind.name} does not take {', '.join(unknown)} (it takes {known})")
    if kind.one_of and not any(name in given for name in kind.one_of):
        raise ParameterError(f"kind {kind.name} needs one of {', '.join(kind.one_of)}")
    for name in ("mode", "mode_at_most"):
        if name in given and not isinstance(given[name], str):
            raise ParameterError(f"{name} must be a quoted string of octal digits")


def run(requirements: Sequence[Requirement], host: Host) -> list[Check]:
    """Look at all requirements, several at a time; one that does not end is not met."""
    places = threading.Semaphore(PARALLEL)
    for requirement in requirements:
        # A check that hangs, on a dead network file system say, gives up its place in time.
        got = places.acquire(timeout=requirement.seconds + GRACE_SECONDS)
        requirement.started = time.monotonic()
        requirement.thread = threading.Thread(
            target=_work, args=(requirement, host, places if got else None), daemon=True
        )
        requirement.thread.start()
    return [_result(requirement) for requirement in requirements]


def _work(requirement: Requirement, host: Host, places: threading.Semaphore | None) -> None:
    try:
        requirement.result = look(requirement, host)
    except Exception as error:  # noqa: BLE001 - carried to the thread that waits for the result
        requirement.error = error
    finally:
        if places is not None:
            places.release()


def _result(requirement: Requirement) -> Check:
    if requirement.thread is not None:
        end = requirement.started + requirement.seconds + GRACE_SECONDS
        requirement.thread.join(max(0.0, end - time.monotonic()))
    if requirement.error is not None:
        raise RuntimeError(f"check {requirement.subject.id} broke") from requirement.error
    if requirement.result is not None:
        return requirement.result
    late = f"the check did not end within {requirement.seconds:g} s"
    return requirement.subject.result(False, requirement.kind.expected(), late)


def look(requirement: Requirement, host: Host) -> Check:
    """Look at one requirement."""
    expected = requirement.kind.expected()
    try:
        met, seen = requirement.kind.look(host)
    except CannotCheckError as reason:
        return requirement.subject.skipped(expected, str(reason))
    except TooSlowError as error:
        return requirement.subject.result(False, expected, str(error))
    return requirement.subject.result(met, expected, seen)
