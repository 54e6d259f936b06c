#!/usr/bin/env python3
"""Write docs/docsite/rst/alerts.rst from the alerts of the role monitoring, with its defaults.

alerts_page.py [--check]

With --check nothing is written, and the status is 1 where the page is not what it would be. It needs the collection on
Python's path: PYTHONPATH=.ansible/collections tools/run tools/alerts_page.py
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.ridgetop.aidis.tests.unit.roles.injection import corpus

PAGE = Path(__file__).resolve().parent.parent / "docs" / "docsite" / "rst" / "alerts.rst"
WIDTH = 118
HEAD = """\
.. _ansible_collections.ridgetop.aidis.docsite.alerts:

.. Written by tools/alerts_page.py from roles/monitoring/vars/main/alerts.yml.

What to do when an alert comes
==============================

Each alert links its section here, or on the page that Prometheus serves with the same text
(``/consoles/runbooks.html``). Commands are run on the host that the alert names, as root; those that begin with
``ansible-playbook`` where the inventory is. Limits and times are those of the defaults; what sets them, and who is
told, is in :ref:`ansible_collections.ridgetop.aidis.docsite.monitoring`.
"""
TITLES = {
    "critical": "Critical: respond at once",
    "warning": "Warning: respond within the hour",
    "info": "Info: read once a day",
}


def filled(text: str, first: str = "", rest: str = "") -> str:
    """A paragraph, folded at blanks outside of code."""
    words = re.findall(r"(?:``[^`]*``|\S)+", re.sub(r"`([^`]+)`", r"``\1``", " ".join(text.split())))
    lines = [first]
    for word in words:
        blank = "" if lines[-1] in (first, rest) else " "
        if len(lines[-1]) + len(word) >= WIDTH and blank:
            lines.append(rest)
            blank = ""
        lines[-1] += blank + word
    return "\n".join(lines)


def code(language: str, text: str) -> list[str]:
    return [f".. code-block:: {language}", "", *[f"   {line}" for line in text.strip().splitlines()], ""]


def section(name: str, alert: dict[str, Any]) -> Iterator[str]:
    """The lines of one alert."""
    yield from (name, "~" * len(name), "", filled(alert["meaning"]), "")
    yield from (f"After {alert['for']} of:", "", *code("text", alert["expr"]), "Look at:", "")
    for line in alert["look"]:
        yield filled(line, "- ", "  ")
    yield from ("", "Run:", "", *code("shell", "\n".join(line.strip() for line in alert["commands"])))


def page() -> str:
    """The whole page."""
    alerts: dict[str, Any] = corpus.evaluate("monitoring", "{{ __monitoring_alerts }}")
    lines = [HEAD]
    for severity, title in TITLES.items():
        lines += [title, "-" * len(title), ""]
        for name, alert in alerts.items():
            if alert["severity"] == severity:
                lines += section(name, alert)
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: list[str]) -> int:
    written = page()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == written:
        return 0
    if "--check" in arguments:
        print(f"{PAGE.name} is out of date; mend it with: tools/run tools/alerts_page.py", file=sys.stderr)
        return 1
    PAGE.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
