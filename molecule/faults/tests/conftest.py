# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deployments as a user starts them, and what a host must not show of a failed one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.shared import playbook

HOST = "aidis-faults"


Deploy = Callable[..., playbook.Ran]


@pytest.fixture(scope="session")
def inventories(request: pytest.FixtureRequest) -> list[str]:
    """The options that name the inventories."""
    return playbook.inventories(Path(request.config.getoption("--ansible-inventory")))


@pytest.fixture
def deploy(inventories: list[str]) -> Deploy:
    """Run a playbook, deploy.yml by default, with variables over the inventory's.

    `kill_at` ends the controller when that task starts.
    """

    def run(
        *arguments: str,
        kill_at: str | None = None,
        inventory: list[str] | None = None,
        name: str = "deploy",
        **variables: Any,
    ) -> playbook.Ran:
        command = playbook.command(name, inventory or inventories, *arguments, **variables)
        # Without it a task is named when its first result is there, and not when it begins.
        shown = {"ANSIBLE_DISPLAY_SKIPPED_HOSTS": str(kill_at is not None)}
        # What a killed controller leaves running on the host is Ansible's affair, not that of what CI runs it with.
        strategy = playbook.AS_A_USER if kill_at else {}
        environment = {**os.environ, **playbook.PLAIN, **shown, **strategy}
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            lines = []
            for line in process.stdout or ():
                lines.append(line)
                if kill_at and f"TASK [{kill_at}]" in line:
                    process.send_signal(signal.SIGKILL)
                    break
            process.wait()
        return playbook.Ran(process.returncode, "".join(lines))

    return run


@pytest.fixture
def state(host: Any) -> Callable[[], dict[str, str]]:
    """What must be the same before and after a deployment that failed before activation."""

    def look() -> dict[str, str]:
        return {
            "process": host.check_output("systemctl show -P MainPID aidis-production"),
            "release": host.check_output("readlink /opt/aidis/current"),
            "configuration": host.check_output(
                "sha256sum /etc/aidis/production.env /etc/systemd/system/aidis-production.service"
            ),
            "files": host.check_output("ls -A /etc/aidis /etc/logrotate.d"),
            "database": host.check_output(
                "cd / && sudo -u postgres pg_dump --schema-only --no-comments aidis_production"
                " | grep -v restrict | sha256sum"
            ),
            "schema_version": host.check_output(
                "cd / && sudo -u postgres psql -XAtd aidis_production -c 'SELECT count(*) FROM migrations'"
            ),
        }

    return look


@pytest.fixture
def ledger(host: Any) -> Callable[[], dict[str, Any]]:
    """Read the ledger."""

    def read() -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(host.file("/var/lib/aidis/releases.json").content_string)
        return loaded

    return read
