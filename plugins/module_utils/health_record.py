# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of the timer leaves: a line in the health log, the state for everybody, the metrics; each whole."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterator

from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    health_config,
    health_journal,
    health_metrics,
    health_release,
    health_text,
    whole_file,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_base import CannotTellError, Sample
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_report import Report
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import Host


def record(report: Report, host: Host) -> list[str]:
    """Write everything; what cannot be written is told, and keeps nothing else from being written."""
    metrics = _metrics(report, host)
    state = json.dumps(report.document(), indent=2, ensure_ascii=False) + "\n"
    config = report.config
    steps: dict[str, Callable[[], None]] = {
        config.log: lambda: _append(config.log, health_text.entry(report)),
        config.metrics: lambda: whole_file.replace(config.metrics, metrics.encode(), 0o644),
        # Last: it says that there was a run.
        config.state: lambda: whole_file.replace(config.state, state.encode("utf-8", "replace"), 0o644),
    }
    told = []
    for path, step in steps.items():
        try:
            step()
        except OSError as error:
            told.append(f"{path} cannot be written: {error.strerror}")
    return told


def _append(path: str, text: str) -> None:
    """Add to a log that its owner and group alone read, in one write. Raises OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o640)
    try:
        os.write(handle, text.encode("utf-8", "replace"))
    finally:
        os.close(handle)


def _metrics(report: Report, host: Host) -> str:
    """All that is measured. What is left out is told in the report."""
    config = report.config
    samples = [
        *health_metrics.of_sections(report.sections),
        Sample("aidis_health_run_timestamp_seconds", round(report.at, 3)),
        Sample("aidis_health_duration_seconds", round(report.seconds, 4)),
        *(sample for section in report.sections for sample in health_journal.samples(section)),
        *report.samples,
    ]
    for look in _looks(report, host):
        try:
            samples.append(look())
        except CannotTellError as error:
            report.left_out.append(str(error))
    helps = {str(query.get("metric")): str(query.get("help", "")) for query in config.queries}
    return health_metrics.text(samples, helps)


def _looks(report: Report, host: Host) -> Iterator[Callable[[], Sample]]:
    """What is measured for the metrics alone, one by one."""
    config = report.config
    for number, path in enumerate(config.certificates):
        # The unit gets copies of those that root alone may read.
        copied = health_config.credential(f"certificate-{number}")
        yield functools.partial(health_metrics.certificate, path, copied or host.at(path), host, config.timeout)
    if config.lock:
        yield lambda: health_release.lock_held(config.lock, report.at)
