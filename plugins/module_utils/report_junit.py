# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as JUnit XML: a suite for each host, a case for each check."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import Check, summary
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_input import Host
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_model import Report, stamp


def junit(report: Report) -> bytes:
    """Return the file. Its texts have been cleaned, so that nothing in them is forbidden in XML."""
    counts = report.summary
    root = Xml.Element(
        "testsuites",
        {
            "name": report.title,
            "tests": str(counts["total"]),
            "failures": str(counts["fail"]),
            "errors": "0",
            "time": _seconds(sum(_time(host) for host in report.hosts)),
        },
    )
    for host in report.hosts:
        _suite(root, host, report)
    Xml.indent(root)
    content: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _suite(root: Xml.Element, host: Host, report: Report) -> None:
    counts = summary(host.checks)
    suite = Xml.SubElement(
        root,
        "testsuite",
        {
            "name": host.name,
            "hostname": host.name,
            "timestamp": stamp(report.when).removesuffix("Z"),
            "tests": str(counts["total"]),
            "failures": str(counts["fail"]),
            "errors": "0",
            "skipped": str(counts["skip"]),
            "time": _seconds(_time(host)),
        },
    )
    named = {f"release.{name}": str(value) for name, value in host.release.items()}
    named |= {f"seconds.{timing.stage}": _seconds(timing.seconds) for timing in host.timings}
    named |= {
        f"latency.{one.id}.{name}": "unknown" if value is None else f"{value:g}"
        for one in host.latency
        for name, value in one.measured.items()
    }
    if named:
        properties = Xml.SubElement(suite, "properties")
        for name, value in named.items():
            Xml.SubElement(properties, "property", {"name": name, "value": value})
    for check in host.checks:
        _case(suite, host, check)


def _case(suite: Xml.Element, host: Host, check: Check) -> None:
    classname = f"{host.name}.{check.category}"
    case = Xml.SubElement(suite, "testcase", {"classname": classname, "name": f"{check.id}: {check.title}"})
    if check.status == "fail":
        failure = Xml.SubElement(case, "failure", {"type": check.severity, "message": f"observed {check.observed}"})
        failure.text = told(check)
    elif check.status == "warn":
        Xml.SubElement(case, "system-out").text = f"WARNING\n{told(check)}"
    elif check.status == "skip":
        Xml.SubElement(case, "skipped").text = check.reason or "no reason given"


def told(check: Check) -> str:
    """Return what was expected, what was seen and what to do, in lines."""
    lines = [f"expected: {check.expected}", f"observed: {check.observed}"]
    return "\n".join([*lines, f"to do: {check.hint}"] if check.hint else lines)


def _time(host: Host) -> float:
    return sum(timing.seconds for timing in host.timings)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"
