# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of ``aidis-health``: every section, now or by the last run of the timer, and what it comes to."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    health_database,
    health_journal,
    health_release,
    health_sections,
    health_state,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_base import (
    FAILED,
    SKIPPED,
    UNKNOWN,
    CannotTellError,
    Document,
    NeedsRightsError,
    Sample,
    Section,
    stamp,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_config import Config, password
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import Host

SCHEMA = 1


@dataclass
class Report:
    """What a run found. ``left_out`` are metrics, each with the reason."""

    config: Config
    at: float
    sections: list[Section] = field(default_factory=list)
    release: Document = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def status(self) -> int:
        """The exit status: 1 where a section failed, else 2 where one could not be told, else 0."""
        found = {section.status for section in self.sections}
        return 1 if FAILED in found else 2 if UNKNOWN in found else 0

    def document(self) -> Document:
        """The report as JSON holds it; everybody may read it."""
        return {
            "schema": SCHEMA,
            "deployment": self.config.deployment,
            "host": platform.node(),
            "at": stamp(self.at),
            "status": self.status,
            "sections": {section.name: section.document() for section in self.sections},
            "release": self.release,
            "left_out": self.left_out,
            "seconds": round(self.seconds, 3),
        }


def gather(config: Config, host: Host, last: Document | None) -> Report:
    """Look at everything. What whoever asks may not see is taken from ``last``, the state of the last run."""
    report = Report(config, time.time())
    started = time.monotonic()
    accepted = True
    if config.ledger:
        try:
            book = health_release.load(config.ledger)
            report.release = health_release.running(book)
            accepted = bool(report.release)
            report.samples, report.left_out = health_release.samples(book)
        except CannotTellError as error:
            report.left_out.append(f"aidis_release: {error}")
    for name, look in _looks(config, host, report).items():
        if not accepted and name in ("service", "database"):
            section = Section(name, SKIPPED, ["no release was accepted here yet"])
        else:
            section = _looked(name, look, report, last)
        report.sections.append(section)
    report.seconds = time.monotonic() - started
    return report


def _looks(config: Config, host: Host, report: Report) -> dict[str, Callable[[], Section]]:
    """How each section of this host is looked at."""
    looks: dict[str, Callable[[], Section]] = {}
    if config.units:
        looks["service"] = lambda: health_sections.service(config, host)
    if config.database_host:
        looks["database"] = lambda: _database(config, report)
    looks["memory"] = lambda: health_sections.memory(config, host)
    if config.disk_paths:
        looks["disk"] = lambda: health_sections.disk(config, host)
    if config.units:
        looks["journal"] = lambda: health_journal.journal(config, host, _secrets(config))
    return looks


def _secrets(config: Config) -> list[str]:
    """What must not stand in the log, where it is known."""
    try:
        return [password(config)] if config.user else []
    except CannotTellError:
        return []


def _database(config: Config, report: Report) -> Section:
    """A login where there is a user; else the port alone. Raises CannotTellError."""
    if not config.user:
        return health_database.reached(config)
    try:
        section, samples, left_out = health_database.asked(config)
    except NeedsRightsError:
        # That nothing answers is known without a login.
        port = health_database.reached(config)
        if port.status == FAILED:
            return port
        raise
    report.samples += samples
    report.left_out += left_out
    return section


def _looked(name: str, look: Callable[[], Section], report: Report, last: Document | None) -> Section:
    try:
        return look()
    except NeedsRightsError as error:
        return health_state.recalled(name, str(error), last, report.at, report.config.max_age)
    except CannotTellError as error:
        return Section(name, UNKNOWN, [str(error)])
