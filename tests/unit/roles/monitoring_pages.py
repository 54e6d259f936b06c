# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages of the role `monitoring`, from its real defaults and variables."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.ridgetop.aidis.tests.unit.roles.injection import corpus

ROLE = corpus.ROOT / "roles" / "monitoring"
CONSOLE = "etc/prometheus/aidis/consoles/aidis.html.j2"
DASHBOARD = "etc/grafana/aidis/aidis.json.j2"
PARTS = ROLE / "files/etc/prometheus/aidis/consoles"


def panels() -> list[dict[str, Any]]:
    """What both pages show."""
    read = yaml.safe_load((ROLE / "files/panels.yml").read_text(encoding="utf-8"))
    return [panel for section in read["sections"] for panel in section["panels"]]


def render(template: str, **given: Any) -> str:
    """The text of a page, on a host that is all there is of a deployment."""
    groups = {group: ["one"] for group in ("all", "aidis_app", "aidis_db", "aidis_monitor")}
    return corpus.render("monitoring", template, **{"role_path": str(ROLE), "groups": groups, **given})
