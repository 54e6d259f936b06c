# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All evidence of a host in one go: its parts side by side, and why a part could not be had."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    evidence_database,
    evidence_files,
    evidence_machine,
    evidence_units,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.evidence_base import About, Evidence, Looker, shortened
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, TooSlowError
from ansible_collections.ridgetop.aidis.plugins.module_utils.masking import Mask

Part = Callable[[Looker], Any]
PARTS: dict[str, Part] = {
    "system": evidence_machine.system,
    "units": evidence_units.units,
    "unit_file": evidence_units.unit_file,
    "journal_service": evidence_units.service_journal,
    "journal_postgres": evidence_units.postgres_journal,
    "journal_timers": evidence_units.timers_journal,
    "journal_kernel": evidence_units.kernel_journal,
    "journal_errors": evidence_units.errors_journal,
    "clusters": evidence_units.clusters,
    "logs": evidence_units.logs,
    "sockets": evidence_units.sockets,
    "superuser": evidence_database.superuser,
    "application": evidence_database.application,
    "disks": evidence_machine.disks,
    "memory": evidence_machine.memory,
    "clock": evidence_machine.clock,
    "runtime": evidence_machine.runtime,
    "files": evidence_files.files,
    "environment": evidence_files.environment,
    "releases": evidence_files.releases,
    "backups": evidence_files.backups,
    "lock": evidence_files.lock,
}
# Commands mostly wait for others.
SIDE_BY_SIDE = 6


def gather(about: About, secrets: list[str], parts: dict[str, Part] | None = None) -> Evidence:
    """The evidence by its parts, all masked; ``missing`` says of each part that could not be had why."""
    looker = Looker(about)
    missing: dict[str, str] = {}
    wanted = PARTS if parts is None else parts

    def look(name: str) -> Any:
        try:
            return wanted[name](looker)
        except (CannotCheckError, TooSlowError) as error:
            missing[name] = str(error)
        except Exception as error:  # noqa: BLE001 - one part that fails, in whatever way, keeps no other from being seen
            missing[name] = f"{type(error).__name__}: {error}"
        return None

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = dict(zip(wanted, pool.map(look, wanted), strict=True))
    told = {
        "service": about.service,
        "unit": about.unit,
        "user": about.user,
        "root": about.root,
        "environment_file": about.environment_file,
        "working_directory": about.working_directory,
        "exec_start": about.exec_start,
        "runtime_minimum": about.runtime_minimum,
        "ports": list(about.ports),
        "database": about.database,
        "extensions": list(about.extensions),
    }
    evidence: Evidence = {"about": told, "missing": missing, **found}
    masked = Mask([*secrets, *about.secrets.values(), about.password or ""]).value(evidence)
    return cast(Evidence, shortened(masked))
