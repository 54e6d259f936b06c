# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as one page of HTML that needs nothing else. It needs jinja2, which a controller has."""

from __future__ import annotations

import base64
import hashlib
import os
import re

from ansible_collections.ridgetop.aidis.plugins.module_utils.report_model import Report
from ansible_collections.ridgetop.aidis.plugins.module_utils.report_view import view
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

# How results of the ledger look.
RESULTS = {"good": "pass", "failed": "fail", "rolled_back": "warn", "staged": "skip"}
_CODE = re.compile(r"`([^`\n]+)`")


def page(report: Report, templates: str) -> str:
    """Return the page, made of report.html.j2 and the folder ``report`` below ``templates``.

    The values are data and no templates: this is not Ansible's own templating. Raises OSError.
    """
    with open(os.path.join(templates, "report", "style.css"), encoding="utf-8") as stream:
        style = stream.read()
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(breaks=breaks, hint=hint, ms=milliseconds, tick="{:g}".format, utc=readable)
    # The style is ours, and the one thing that the page lets a browser apply: its hash is in the page's policy.
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rendered: str = environment.get_template("report.html.j2").render(
        view(report), results=RESULTS, style=style, style_hash=f"sha256-{digest}"
    )
    return rendered


def hint(text: str) -> Markup:
    """Return a hint with what stands between backticks as code."""
    parts = _CODE.split(text)
    # The pieces with odd numbers are those that the expression has captured.
    made = (Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts))
    return Markup("").join(made)


def breaks(name: str) -> Markup:
    """Return the name of a host, which may be broken after its dots and nowhere else before that."""
    return Markup(".<wbr>").join(name.split("."))


def milliseconds(value: float | None) -> str:
    """Return a time in ms with as many digits as one can use, or a dash."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def readable(stamp: str) -> str:
    """Return a time as the report's data has it for reading, to the minute."""
    return f"{stamp[:10]} {stamp[11:16]} UTC"
