# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of the fleet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import testinfra

DATABASE = "aidis-fleet-db"
APPLICATIONS = ["aidis-fleet-app1", "aidis-fleet-app2"]
ADDRESSES = {DATABASE: "10.201.47.10", APPLICATIONS[0]: "10.201.47.21", APPLICATIONS[1]: "10.201.47.22"}


@pytest.fixture(scope="session")
def inventory(request: pytest.FixtureRequest) -> Path:
    """The scenario's inventory."""
    return Path(request.config.getoption("--ansible-inventory"))


@pytest.fixture(scope="session")
def host_of(inventory: Path) -> Callable[[str], Any]:
    """A host by its name, as root."""
    return lambda name: testinfra.get_host(f"ansible://{name}?sudo=true", ansible_inventory=str(inventory))


@pytest.fixture(scope="session")
def on(host_of: Any) -> Callable[[str, str], str]:
    """Run a command as root on a host; it must succeed."""
    return lambda name, command: str(host_of(name).check_output(command))
