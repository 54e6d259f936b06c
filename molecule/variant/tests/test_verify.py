# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another application on a host with other names is verified by inventory alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.ridgetop.aidis.molecule.shared.verification import run

# What is this computer's affair, and what this inventory does without.
NOT_HERE = {
    *("host.clock", "security.updates", "performance.session_create"),
    *("backup.restore_drill", "backup.recent", "monitoring.receivers"),
}


def test_it_is_verified(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    found = run(Path(request.config.getoption("--ansible-inventory")), tmp_path)
    assert found.hosts, found.output[-6000:]
    assert found.not_met() <= NOT_HERE, found.output[-6000:]
    checks = found.checks
    assert checks["functionality.notes"]["status"] == "pass"
    assert checks["performance.session_create"]["status"] in ("pass", "fail")
    # It has no metrics of its own, and that is no target that does not answer.
    assert checks["monitoring.targets"]["status"] == "pass"
    assert checks["data.system_project"]["status"] == "pass"
    for name in ("functionality.acceptance_suite", "functionality.analytics", "logs.written", "backup.timer"):
        assert checks[name]["status"] == "skip" and checks[name]["reason"]
