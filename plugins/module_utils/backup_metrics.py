# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics for the node exporter's textfile collector, made of the ledger, so that they never tell something else."""

from __future__ import annotations

import os

from ansible_collections.ridgetop.aidis.plugins.module_utils import backup_ledger
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import Document, moment, replace, say
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config

HELP = {
    "aidis_backup_last_success_timestamp_seconds": "Moment of the newest backup that was proved.",
    "aidis_backup_size_bytes": "Size of the newest backup that was proved.",
    "aidis_backup_duration_seconds": "Time that the newest backup took, with its proof.",
    "aidis_backup_count": "Backups that were proved and are there.",
    "aidis_restore_drill_last_success_timestamp_seconds": "Moment of the last drill that succeeded.",
    "aidis_restore_drill_duration_seconds": "Time that the last drill took.",
    "aidis_restore_drill_success": "Whether the last drill succeeded.",
}


def write(config: Config, ledger: Document) -> None:
    """Replace the file of metrics, where there is to be one; that it cannot be is told, and spoils nothing else."""
    if not config.metrics_file:
        return
    try:
        # The exporter runs as another user.
        replace(os.path.abspath(config.metrics_file), text(config, ledger), mode=0o644)
    except OSError as error:
        say(f"no metrics: {config.metrics_file}: {error.strerror}")


def text(config: Config, ledger: Document) -> str:
    """The metrics; one that is not known yet is left out."""
    lines = []
    label = config.database.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    for name, value in _values(config, ledger).items():
        lines += [f"# HELP {name} {HELP[name]}", f"# TYPE {name} gauge", f'{name}{{database="{label}"}} {value}']
    return "\n".join(lines) + "\n"


def _values(config: Config, ledger: Document) -> dict[str, float]:
    proved = backup_ledger.proved(ledger, config.directory)
    found: dict[str, float] = {"aidis_backup_count": len(proved)}
    if proved:
        found["aidis_backup_last_success_timestamp_seconds"] = moment(proved[0]["at"]).timestamp()
        found["aidis_backup_size_bytes"] = proved[0]["bytes"]
        found["aidis_backup_duration_seconds"] = proved[0]["seconds"]
    drill = ledger["drill"]
    if drill:
        found["aidis_restore_drill_success"] = int(drill["ok"])
        found["aidis_restore_drill_duration_seconds"] = drill["seconds"]
        if drill["last_success_at"]:
            found["aidis_restore_drill_last_success_timestamp_seconds"] = moment(drill["last_success_at"]).timestamp()
    return found
