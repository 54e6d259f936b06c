# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What npm 9, 10 and 11 printed, as recorded in ``npm/``.

``no_endpoint_*`` and ``no_keys`` are of a mirror that has neither, with the reference application; the others are of a
registry that was scripted to answer so. Addresses were replaced. Where no version is named, all print the same, but
for details that are not read.
"""

from __future__ import annotations

import json
from pathlib import Path

RECORDED = {path.stem: path.read_text(encoding="utf-8") for path in (Path(__file__).parent / "npm").glob("*.json")}
NONE, VULNERABLE, NO_ENDPOINT = RECORDED["none"], RECORDED["vulnerable"], RECORDED["no_endpoint_npm9"]


def of(**severities: str) -> str:
    """A report with these packages and severities."""
    report = json.loads(NONE)
    report["vulnerabilities"] = {name: {"name": name, "severity": one} for name, one in severities.items()}
    return json.dumps(report)


MODERATE = of(good="moderate")
