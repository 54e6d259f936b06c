# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A verification of several hosts is one report."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.ridgetop.aidis.molecule.fleet.tests.conftest import APPLICATIONS, DATABASE
from ansible_collections.ridgetop.aidis.molecule.shared.verification import run

# Whether the clock of this computer is synchronised, or busy, and how old the image is, is not the deployment's affair.
COMPUTER = {"host.clock", "security.updates", "performance.session_create", "performance.project_resolve"}
# Nobody has taken one here.
BACKUPS = {"backup.restore_drill", "backup.recent"}
# Nor is anybody to be told of alerts.
RECEIVERS = {"monitoring.receivers"}


def test_every_host_has_its_checks(inventory: Path, tmp_path: Path) -> None:
    found = run(inventory, tmp_path)
    assert set(found.hosts) == {DATABASE, *APPLICATIONS}, found.output[-6000:]
    assert found.not_met() <= COMPUTER | BACKUPS | RECEIVERS, found.output[-6000:]
    for host in APPLICATIONS:
        checks = found.hosts[host]
        assert checks["functionality.sessions"]["status"] == "pass"
        assert checks["functionality.acceptance_suite"]["status"] == "pass"
        assert checks["requirements.certificates"]["status"] == "pass"
        assert "database.owner" not in checks
    database = found.hosts[DATABASE]
    assert database["database.owner"]["status"] == database["security.tls"]["status"] == "pass"
    assert database["monitoring.targets"]["status"] == "pass"
    assert "service.active" not in database


def test_a_host_that_is_not_reached_is_told_and_ends_nothing(inventory: Path, tmp_path: Path) -> None:
    lost = "aidis-fleet-app2"
    where = {"ansible_host": "{{ '127.0.0.255' if inventory_hostname == '" + lost + "' else inventory_hostname }}"}
    found = run(inventory, tmp_path, verify_categories=["requirements", "database"], **where)
    assert found.status != 0
    assert found.hosts[lost]["host.reachable"]["status"] == "fail", found.output[-6000:]
    assert found.hosts[DATABASE]["database.owner"]["status"] == "pass"
