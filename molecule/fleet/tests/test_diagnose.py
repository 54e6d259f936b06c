# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A diagnosis of several hosts tells the causes of each, and what is between them: the network, and TLS over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.fleet.tests.conftest import ADDRESSES, APPLICATIONS, DATABASE
from ansible_collections.ridgetop.aidis.molecule.shared import playbook
from ansible_collections.ridgetop.aidis.molecule.shared.diagnosis import run

FIRST, SECOND = APPLICATIONS
ADDRESS = f"{ADDRESSES[DATABASE]}:5432"
CA = "/etc/aidis/database-ca.crt"
# Nothing keeps the clock of a container right, and nothing in it may set it.
REMARKS = {"clock.unsynchronised"}


@pytest.fixture
def diagnose(inventory: Path, tmp_path: Path) -> Any:
    """Run diagnose.yml as a user does."""
    return lambda: run(playbook.inventories(inventory), tmp_path)


@pytest.fixture
def other_ca(on: Any) -> Iterator[None]:
    """The first host knows another authority than the one that signed the certificate of the database."""
    make = (
        "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other -days 2 -keyout /run/other.key -out /run/other.crt"
    )
    on(FIRST, f"cp --preserve {CA} {CA}.kept && {make} 2>&1 && cat /run/other.crt > {CA}")
    yield
    on(FIRST, f"mv {CA}.kept {CA}; rm /run/other.*")


def test_nothing_is_wrong(diagnose: Any) -> None:
    found = diagnose()
    assert found.status == 0 and set(found.hosts) == {DATABASE, FIRST, SECOND}, found.output[-6000:]
    assert all(set(causes) <= REMARKS for causes in found.hosts.values()), found.output[-6000:]


@pytest.mark.usefixtures("other_ca")
def test_one_host_does_not_accept_the_certificate(diagnose: Any) -> None:
    found = diagnose()
    said = found.hosts[FIRST]["postgres.tls"]
    assert ADDRESS in said["cause"] and "CERTIFICATE_VERIFY_FAILED" in said["cause"], found.output[-6000:]
    assert set(found.hosts[SECOND]) <= REMARKS and set(found.hosts[DATABASE]) <= REMARKS, found.output[-6000:]


def test_the_database_is_stopped_and_both_hosts_say_so(diagnose: Any, on: Any) -> None:
    on(DATABASE, "systemctl stop postgresql@17-main.service")
    found = diagnose()
    on(DATABASE, "systemctl start postgresql@17-main.service")
    assert "postgres.stopped" in found.hosts[DATABASE], found.output[-6000:]
    for host in (FIRST, SECOND):
        assert f"does not answer at {ADDRESS}" in found.hosts[host]["postgres.refused"]["cause"]
