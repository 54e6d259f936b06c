# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages about monitoring: every line of the guide's metrics, thresholds and schedule has a row, what the row names
exists, every limit stands there with its value, and every alert has its section.
"""

from __future__ import annotations

import importlib.util
import re
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.tests.unit.docs.test_checks import tables
from ansible_collections.ridgetop.aidis.tests.unit.roles.injection import corpus

ROOT = corpus.ROOT
PAGES = ROOT / "docs" / "docsite" / "rst"
METRICS = """
Service uptime and availability
Database connection pool status
Memory usage and garbage collection
CPU utilization
Disk space usage
Session creation success rate
Project assignment success rate
API response times
Database query performance
Error rates and types
Number of active sessions
Projects created per day
User engagement metrics
System utilization patterns
""".strip().splitlines()
THRESHOLDS = {
    "Service down for >1 minute": "critical",
    "Database connection failures": "critical",
    "Memory usage >90%": "critical",
    "Disk space <1GB free": "critical",
    "Error rate >5%": "warning",
    "API response time >100ms average": "warning",
    "Memory usage >75%": "warning",
    "Unusual traffic patterns": "warning",
    "Performance benchmark deviations": "info",
    "Capacity planning metrics": "info",
    "Usage trend analysis": "info",
    "Maintenance reminders": "info",
}
SCHEDULE = {
    "Critical Alerts (Immediate Response)": "critical",
    "Warning Alerts (Response within 1 hour)": "warning",
    "Info Alerts (Daily Review)": "info",
}
SERIES, ALERTS, LIMITS, TIMES = tables((PAGES / "monitoring.rst").read_text(encoding="utf-8"))


def value(name: str) -> Any:
    return corpus.evaluate("monitoring", f"{{{{ {name} }}}}")


def known() -> set[str]:
    """The series that are scraped, and those that are recorded."""
    scraped = yaml.safe_load((ROOT / "molecule" / "shared" / "series.yml").read_text(encoding="utf-8"))
    return {name for names in scraped.values() for name in names} | set(value("__monitoring_series"))


def series_of(cell: str) -> list[str]:
    """The names in a cell, without labels."""
    return [name for name in re.findall(r"``([^`]+)``", cell) if re.search(r"_.*_|:", name)]


def alerts_of(cell: str) -> list[str]:
    return re.findall(r"\b[A-Z]\w+", cell)


def test_every_metric_of_the_guide_has_a_row() -> None:
    assert [row[0] for row in SERIES] == METRICS


@pytest.mark.parametrize("row", SERIES, ids=lambda row: row[0])
def test_the_series_of_a_row_exist(row: list[str]) -> None:
    assert series_of(row[1])
    assert [name for name in series_of(f"{row[1]} {row[2]}") if name not in known()] == []
    assert series_of(row[2]) or row[2].startswith("the same")


def test_every_threshold_of_the_guide_has_a_row() -> None:
    assert [row[0] for row in ALERTS] == list(THRESHOLDS)


@pytest.mark.parametrize("row", ALERTS, ids=lambda row: row[0])
def test_the_alerts_of_a_row_are_as_urgent_as_the_guide_says(row: list[str]) -> None:
    own = value("__monitoring_alerts")
    assert alerts_of(row[1])
    assert {own[name]["severity"] for name in alerts_of(row[1])} == {THRESHOLDS[row[0]]}


def test_the_numbers_are_the_guides() -> None:
    limits = value("__monitoring_limits")
    names = [
        "memory_critical_percent",
        "memory_warning_percent",
        "disk_free_bytes",
        "error_percent",
        "response_seconds",
    ]
    assert [limits[name] for name in names] == [90, 75, 1024**3, 5, 0.1]
    assert value("__monitoring_alerts.AidisDown['for']") == "1m"


def test_every_alert_is_named() -> None:
    text = (PAGES / "monitoring.rst").read_text(encoding="utf-8")
    assert [name for name in value("__monitoring_alerts") if name not in text] == []


def test_every_limit_stands_there_with_its_value() -> None:
    assert {row[0].strip("`"): row[1] for row in LIMITS} == {
        name: str(limit) for name, limit in value("__monitoring_limits").items()
    }


def test_the_schedule_is_the_guides_with_the_times_of_the_role() -> None:
    assert {row[0]: row[1] for row in TIMES} == SCHEDULE
    routing = value("__monitoring_routing")
    names = ("group_wait", "group_interval", "repeat_interval")
    assert [row[2:] for row in TIMES] == [[routing[row[1]][name] for name in names] for row in TIMES]


def test_the_page_of_alerts_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("alerts_page", ROOT / "tools" / "alerts_page.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    page = (PAGES / "alerts.rst").read_text(encoding="utf-8")
    assert page == tool.page(), "mend it with: PYTHONPATH=.ansible/collections tools/run tools/alerts_page.py"


def test_every_alert_has_a_section_whose_anchor_is_its_name() -> None:
    page = (PAGES / "alerts.rst").read_text(encoding="utf-8")
    # Of such a title docutils makes the anchor: its letters in lower case.
    titles = re.findall(r"(?m)^([A-Za-z]+)\n~+$", page)
    assert sorted(titles) == sorted(value("__monitoring_alerts"))
