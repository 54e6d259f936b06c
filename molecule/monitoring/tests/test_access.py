# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What watches gives nobody a way in: ports, sandboxes, the role in the database, secrets."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.conftest import ADDRESSES, WATCHED, WATCHER
from ansible_collections.ridgetop.aidis.molecule.shared import playbook, secrets
from ansible_collections.ridgetop.aidis.molecule.shared.reach import TRY

NODE, POSTGRES = "prometheus-node-exporter.service", "prometheus-postgres-exporter.service"
STACK = ["prometheus.service", "prometheus-alertmanager.service", "prometheus-blackbox-exporter.service", NODE]
UNITS = [(WATCHED, NODE), (WATCHED, POSTGRES), *((WATCHER, unit) for unit in STACK)]
# What none may exceed. The node exporter must see the machine.
EXPOSURE = 3.0
# An address on the same network that is no host of the inventory: what it sends is dropped.
ELSEWHERE = "10.201.50.99"
OTHER = {WATCHED: WATCHER, WATCHER: WATCHED}
ROLE = """
SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolconnlimit > 0,
 (SELECT string_agg(g.rolname, ',') FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid)
FROM pg_roles r
WHERE EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
              WHERE m.member = r.oid AND g.rolname = 'pg_monitor')
"""
# Where configuration, state and logs are, and what the kernel, systemd and the journal tell.
SEARCH = """
cat > /run/searched
grep -rlaFf /run/searched /etc /usr/local /var/lib /var/log /run/systemd --exclude=searched 2>/dev/null || true
for pid in /proc/[0-9]*; do
  tr '\\0' ' ' < $pid/cmdline 2>/dev/null | grep -qaFf /run/searched && echo $pid/cmdline || true
done
for unit in "$@"; do systemctl show $unit | grep -qaFf /run/searched && echo $unit || true; done
journalctl --no-pager | grep -qaFf /run/searched && echo journal || true
rm /run/searched
"""


@pytest.fixture(scope="module")
def elsewhere(on: Any) -> Any:
    """Give both hosts an address that no rule knows."""
    for host in OTHER:
        on(host, f"ip address add {ELSEWHERE}/32 dev eth0")
    yield ELSEWHERE
    for host in OTHER:
        on(host, f"ip address del {ELSEWHERE}/32 dev eth0")


@pytest.mark.parametrize(("host", "port"), [(WATCHED, 9100), (WATCHED, 9187), (WATCHED, 8080), (WATCHED, 3001)])
def test_the_watcher_gets_in(on: Any, host: str, port: int) -> None:
    there = OTHER[host]
    assert on(there, "python3 -c %s %s %s %s", TRY, ADDRESSES[there], ADDRESSES[host], str(port)).strip() == "open"


@pytest.mark.parametrize(
    ("host", "port"),
    [*((WATCHED, port) for port in (9100, 9187, 8080, 3001)), *((WATCHER, port) for port in (9090, 9093, 9100, 9115))],
)
def test_nobody_else_does(on: Any, host: str, port: int, elsewhere: str) -> None:
    there = OTHER[host]
    assert on(there, "python3 -c %s %s %s %s", TRY, elsewhere, ADDRESSES[host], str(port)).strip() != "open"


@pytest.mark.parametrize(("host", "unit"), UNITS)
def test_it_is_exposed_to_little(on: Any, host: str, unit: str) -> None:
    said = on(host, f"systemd-analyze security --no-pager {unit} | tail -n 1")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found and float(found.group(1)) <= EXPOSURE, said


@pytest.mark.parametrize(("host", "unit"), UNITS)
def test_it_is_started_after_a_reboot_and_is_nobodys_root(on: Any, host: str, unit: str) -> None:
    assert on(host, f"systemctl is-enabled {unit}").strip() == "enabled"
    assert on(host, f"stat -c %U /proc/$(systemctl show -P MainPID {unit})").strip() != "root"


def test_the_exporter_of_postgresql_may_only_watch(on: Any) -> None:
    found = on(WATCHED, "cd / && sudo -u postgres psql -XAtd postgres -c %s", ROLE).splitlines()
    assert len(found) == 1 and found[0].endswith("|f|f|f|f|f|t|pg_monitor"), found


def test_a_backup_of_the_application_names_no_role_of_monitoring(on: Any) -> None:
    """It could not be restored where nobody watches."""
    query = """
        SELECT datacl::text FROM pg_database WHERE datname = 'aidis_production'
        UNION ALL SELECT nspacl::text FROM pg_namespace UNION ALL SELECT relacl::text FROM pg_class
    """
    assert "aidis_monitor" not in on(WATCHED, "cd / && sudo -u postgres psql -XAtd aidis_production -c %s", query)


def test_nobody_else_can_read_a_secret(on: Any) -> None:
    for host in OTHER:
        look = "find /etc/prometheus/aidis/secrets -printf '%U %m %y\\n' 2>/dev/null | sort -u"
        assert set(on(host, look).splitlines()) <= {"0 600 f", "0 755 d"}
    assert "0 600 f" in on(WATCHED, "find /etc/prometheus/aidis/secrets -type f -printf '%U %m %y\\n'")


@pytest.mark.parametrize("host", [WATCHED, WATCHER])
def test_no_secret_is_where_it_does_not_belong(host: str, inventory: Path) -> None:
    """Looked for by podman: ssh and sudo would write down what it is."""
    own = [value for name, value in secrets.of(inventory).items() if "monitoring" in name]
    wanted = [form for value in own for form in (*secrets.forms(value), value.replace("\\", "\\\\"))]
    assert wanted, "the scenario has no secret of what watches"
    podman = [str(playbook.PROJECT / "molecule/shared/bin/podman"), "exec", "--interactive", host]
    units = [unit for there, unit in UNITS if there == host]
    done = subprocess.run(
        [*podman, "bash", "-c", SEARCH, "look", *units],
        input="\n".join(wanted),
        capture_output=True,
        text=True,
        check=True,
    )
    home = "/etc/prometheus/aidis/secrets/pgpass"
    assert set(done.stdout.split()) == ({home} if host == WATCHED else set())
