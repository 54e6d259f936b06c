# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metrics of ``aidis-health`` in the form that the node exporter's textfile collector takes."""

from __future__ import annotations

import ssl
from collections.abc import Iterable

from ansible_collections.ridgetop.aidis.plugins.module_utils.health_base import (
    FAILED,
    OK,
    CannotTellError,
    Sample,
    Section,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host, TooSlowError
from ansible_collections.ridgetop.aidis.plugins.module_utils.net import excerpt

HELP = {
    "aidis_health_ok": "Whether a section of the health check is as it should be.",
    "aidis_health_run_timestamp_seconds": "Moment of the last run of the health check.",
    "aidis_health_duration_seconds": "Time that the last run of the health check took.",
    "aidis_health_journal_entries": "Entries of the service in the journal within the window.",
    "aidis_health_journal_window_seconds": "The window in which entries of the journal are counted.",
    "aidis_sql_query_seconds": "Time that the queries of the health check took.",
    "aidis_sql_up": "Whether the database could be asked.",
    "aidis_release_info": "The release that runs.",
    "aidis_release_active_timestamp_seconds": "Moment since which the service runs from what it was started from.",
    "aidis_release_mark_timestamp_seconds": "Moments at which a release was deployed, left or failed.",
    "aidis_release_failed": "Whether the newest attempt to deploy a release failed.",
    "aidis_release_acceptance_latency_seconds": "Time of a tool call when the release was accepted.",
    "aidis_deploy_lock_held_seconds": "Time for which a run has held the lock of the deployment; 0 where none does.",
    "aidis_certificate_not_after_timestamp_seconds": "Moment at which a certificate ends.",
}


def of_sections(sections: Iterable[Section]) -> list[Sample]:
    """Whether each section is met; one that could not be told has no sample."""
    told = [one for one in sections if one.status in (OK, FAILED)]
    return [Sample("aidis_health_ok", int(one.status == OK), {"section": one.name}) for one in told]


def certificate(path: str, file: str, host: Host, seconds: float) -> Sample:
    """When the first certificate of a path ends; ``file`` is it, or a copy of it. Raises CannotTellError."""
    command = ["openssl", "x509", "-enddate", "-noout", "-in", file]
    try:
        ran = host.run(command, seconds)
        if ran.status != 0:
            raise CannotTellError(f"{path}: {excerpt(ran.err) or 'openssl does not read it'}")
        ends = ssl.cert_time_to_seconds(ran.out.strip().removeprefix("notAfter="))
    except (CannotCheckError, TooSlowError, ValueError) as error:
        raise CannotTellError(f"{path}: {error}") from None
    return Sample("aidis_certificate_not_after_timestamp_seconds", ends, {"path": path})


def text(samples: Iterable[Sample], helps: dict[str, str]) -> str:
    """The samples by their metrics, each with its help; of two that are the same but for the value the first stays."""
    known = {**helps, **HELP}
    by_name: dict[str, dict[tuple[tuple[str, str], ...], Sample]] = {}
    for sample in samples:
        by_name.setdefault(sample.name, {}).setdefault(tuple(sorted(sample.labels.items())), sample)
    lines = []
    for name, found in by_name.items():
        lines += [f"# HELP {name} {_escaped(known.get(name, ''))}".rstrip(), f"# TYPE {name} gauge"]
        lines += [f"{name}{_labels(sample)} {_number(sample.value)}" for sample in found.values()]
    return "\n".join(lines) + "\n"


def _labels(sample: Sample) -> str:
    pairs = [f'{name}="{_escaped(value, quoted=True)}"' for name, value in sample.labels.items()]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(value: str, quoted: bool = False) -> str:
    shown = value.encode("utf-8", "replace").decode().replace("\\", "\\\\").replace("\n", "\\n")
    return shown.replace('"', '\\"') if quoted else shown


def _number(value: float) -> str:
    """A number without rounding: moments have ten digits before the point."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
