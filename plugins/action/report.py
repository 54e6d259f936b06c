# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action of ridgetop.aidis.report: the options are documented with the module of this name."""

from __future__ import annotations

import json
import os
import typing as t
from datetime import UTC, datetime

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    report_clean,
    report_input,
    report_junit,
    report_store,
    report_text,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_model import Report, failed_checks
from ansible_collections.ridgetop.aidis.plugins.plugin_utils import report_page

TEMPLATES = os.path.join(os.path.dirname(__file__), "..", "..", "roles", "verify", "templates")
PAGE = "report.html"

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "dest": {"type": "path", "required": True},
    "inventory": {"type": "str", "default": ""},
    "title": {"type": "str", "default": "AIDIS verification"},
    "command": {"type": "str", "default": ""},
    "hosts": {"type": "dict", "required": True},
    "keep": {"type": "int", "default": 100},
    "trend": {"type": "int", "default": 20},
    "write": {"type": "bool", "default": True},
}


def now() -> datetime:
    """Return the time of the report."""
    return datetime.now(UTC)


def files(report: Report) -> dict[str, bytes]:
    """Return the files of a report by name."""
    data = json.dumps(report.as_dict(), ensure_ascii=False, allow_nan=False) + "\n"
    return {
        report_store.DATA: data.encode(),
        "junit.xml": report_junit.junit(report),
        PAGE: report_page.page(report, TEMPLATES).encode(),
    }


class ActionModule(ActionBase):
    """Make the report of what was handed over; nothing is asked of a host."""

    _requires_connection = False
    _VALID_ARGS = frozenset(ARGUMENTS)

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the verdict and where the report is. Failed checks fail the playbook, not this task."""
        super().run(tmp, task_vars)
        _result, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        for name, least in (("keep", 1), ("trend", 0)):
            if given[name] < least:
                raise AnsibleActionFail(f"{name} must be at least {least}, not {given[name]}")
        given["dest"] = os.path.abspath(given["dest"])
        report = self._report(given)
        path = ""
        if given["write"] and not self._task.check_mode:
            path = self._write(report, given["dest"], given["keep"])
        written = sorted(os.listdir(path)) if path else []
        page = os.path.join(path, PAGE) if path else ""
        return {
            "changed": bool(path),
            "verdict": report.verdict,
            "path": path,
            "files": [os.path.join(path, name) for name in written],
            "failed_checks": failed_checks(report.critical),
            "summary": report.summary,
            "text": report_text.text(report, page),
            "msg": report_text.message(report, page),
        }

    def _report(self, given: dict[str, t.Any]) -> Report:
        try:
            hosts = report_input.read(given["hosts"])
            inventory = report_clean.line(given["inventory"])
            past, left_out = report_store.earlier(given["dest"], given["trend"], inventory)
        except (ValueError, OSError) as error:
            raise AnsibleActionFail(str(error)) from error
        return Report(
            title=report_clean.line(given["title"]),
            inventory=inventory,
            command=report_clean.text(given["command"]),
            when=now(),
            hosts=hosts,
            past=past,
            left_out=left_out,
        )

    def _write(self, report: Report, dest: str, keep: int) -> str:
        try:
            path = report_store.add(dest, report.when, files(report))
        except OSError as error:
            raise AnsibleActionFail(f"The report cannot be written below {dest}: {error}") from error
        try:
            report_store.prune(dest, keep, path)
        except OSError as error:
            raise AnsibleActionFail(
                f"The report {path} was written, but an older one cannot be removed: {error}"
            ) from error
        return path
