# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report is made of, read from what hosts sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import report_clean
from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import SEVERITIES, STATUSES, Check
from ansible_collections.ridgetop.aidis.plugins.module_utils.latency import exceeded
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_reader import (
    Number,
    Reader,
    Scalar,
    number,
    wrong,
)

HOST = ("groups", "checks", "latency", "release", "ledger", "timings")


@dataclass(frozen=True)
class Latency:
    """How long the calls of one kind took. All values but the counts are milliseconds; None is not known."""

    id: str
    title: str
    limits: dict[str, Number]
    measured: dict[str, Number | None]
    samples_ms: list[Number]

    @property
    def exceeded(self) -> list[str]:
        """The limits that are broken, in words."""
        return exceeded(self.measured, self.limits)


@dataclass(frozen=True)
class Timing:
    """How long a stage of the verification took."""

    stage: str
    seconds: Number


@dataclass(frozen=True)
class Host:
    """All that is known of one host."""

    name: str
    groups: list[str]
    checks: list[Check]
    latency: list[Latency]
    release: dict[str, Scalar]
    ledger: list[dict[str, Scalar]]
    timings: list[Timing]


def read(hosts: Any) -> list[Host]:
    """Return the hosts in their order. Raises ValueError, which names host and key."""
    if not isinstance(hosts, Mapping):
        raise wrong("hosts", "a mapping", hosts)
    if not hosts:
        raise ValueError("hosts: nothing was verified, so there is nothing to report")
    read_hosts = [_host(report_clean.line(str(name)), value) for name, value in hosts.items()]
    names = [host.name for host in read_hosts]
    for name in names:
        if not name or names.count(name) > 1:
            raise ValueError(f"hosts: '{name}' is no name of one host")
    return read_hosts


def _host(name: str, value: Any) -> Host:
    reader = Reader(value, name).only(HOST)
    return Host(
        name=name,
        groups=reader.each("groups", _word),
        checks=reader.each("checks", _check),
        latency=reader.each("latency", _latency),
        release=reader.inner("release").scalars(),
        ledger=reader.each("ledger", lambda part, where: Reader(part, where).scalars()),
        timings=reader.each("timings", _timing),
    )


def _word(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise wrong(where, "a text", value)
    return report_clean.line(value)


def _check(value: Any, where: str) -> Check:
    reader = Reader(value, where)
    return Check(
        id=reader.line("id"),
        title=reader.line("title"),
        category=reader.line("category"),
        severity=reader.choice("severity", SEVERITIES),
        status=reader.choice("status", STATUSES),
        expected=reader.text("expected", ""),
        observed=reader.text("observed", ""),
        hint=reader.text("hint", ""),
        reason=reader.text("reason", ""),
    )


def _latency(value: Any, where: str) -> Latency:
    reader = Reader(value, where)
    limits = reader.inner("limits").numbers()
    return Latency(
        id=reader.line("id"),
        title=reader.line("title"),
        limits={name: limit for name, limit in limits.items() if limit is not None},
        measured=reader.inner("measured").numbers(),
        samples_ms=reader.each("samples_ms", number),
    )


def _timing(value: Any, where: str) -> Timing:
    reader = Reader(value, where)
    return Timing(reader.line("stage"), reader.number("seconds"))
