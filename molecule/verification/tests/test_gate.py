# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A verification as the gate of a deployment: what it does not pass is not accepted, and nothing is measured twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.shared import playbook

testinfra_hosts = ["ansible://aidis-verification?sudo=true"]

# A value that asks for a restart, and so for a gate.
CHANGE = {"app_environment_extra": {"LOG_LEVEL": "debug"}}


@pytest.fixture
def deploy(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Deploy, with variables over the inventory's; the status and what was printed."""
    where = playbook.inventories(Path(request.config.getoption("--ansible-inventory")))

    def run(**variables: Any) -> tuple[int, str]:
        done = playbook.run("deploy", where, **{"verify_report_dir": str(tmp_path), **variables})
        return done.status, done.output

    return run


def level(host: Any) -> str:
    """The level of the log that the service was started with."""
    return str(host.check_output("grep ^LOG_LEVEL= /etc/aidis/production.env"))


def test_what_does_not_pass_is_returned_from(host: Any, deploy: Any) -> None:
    before = level(host)
    status, output = deploy(**CHANGE, deploy_verify=["performance"], app_session_creation_ms=0.001)
    assert status == 2, output[-6000:]
    assert "did not pass its verification" in output
    assert "(performance.session_create)" in output
    assert "Returned to v1.1.0-" in output
    assert level(host) == before
    assert host.service("aidis-production").is_running


def test_what_passes_is_accepted_and_measured_once(host: Any, deploy: Any, tmp_path: Path) -> None:
    try:
        status, output = deploy(**CHANGE, deploy_verify=["service", "functionality", "schema"])
        assert status == 0, output[-6000:]
        assert "TASK [ridgetop.aidis.app : Run the acceptance suite of the release]" in output
        # Its result stands in the report, and so does that of the schema.
        assert "TASK [ridgetop.aidis.verify : Run its acceptance suite]" not in output
        assert output.count("Compare the schema of the database with its contract") == 1
        report = json.loads((tmp_path / "latest" / "report.json").read_text(encoding="utf-8"))
        checks = {check["id"]: check["status"] for check in report["hosts"]["aidis-verification"]["checks"]}
        assert checks["functionality.acceptance_suite"] == checks["schema.indexes"] == "pass"
        assert {name.split(".")[0] for name in checks} == {"service", "functionality", "schema"}
    finally:
        status, output = deploy()
        assert status == 0, output[-6000:]
    assert level(host) == "LOG_LEVEL=info"
