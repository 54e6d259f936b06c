# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifications of the scenario's host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.shared.verification import Verification, Verify, run


@pytest.fixture(scope="session")
def verify(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Verify:
    """Run verify.yml, with variables over the inventory's and further arguments."""
    inventory = Path(request.config.getoption("--ansible-inventory"))

    def verified(*arguments: str, **variables: Any) -> Verification:
        return run(inventory, tmp_path_factory.mktemp("reports"), *arguments, **variables)

    return verified


@pytest.fixture(scope="session")
def baseline(verify: Verify) -> Verification:
    """The deployed host before anything is broken."""
    found = verify()
    assert found.hosts, found.output[-6000:]
    return found
