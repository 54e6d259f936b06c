# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server that was broken into can do: nothing but its work. A release that tries runs in the service's place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.security.tests.conftest import SERVER
from ansible_collections.ridgetop.aidis.molecule.shared import playbook

UNIT = "aidis-production.service"
EXPOSURE = 2.0
# All that a release can be told by the inventory: no dependencies, no migrations, no project, another answer.
HOSTILE: dict[str, Any] = {
    "app_source": "directory",
    "app_source_path": str(playbook.PROJECT / "tests" / "hostile_app"),
    "app_version": "hostile",
    "app_subdirectory": "",
    "app_install_command": "true",
    "app_build_command": "",
    "app_build_products": ["server.js"],
    "app_typescript_minimum": "",
    "app_prune_command": "",
    "app_migration_command": "",
    "app_acceptance_command": "",
    "app_schema_contract": "",
    "app_project": False,
    "app_working_directory": "/opt/aidis/current",
    "systemd_exec_start": "/usr/bin/node server.js",
    "app_health_probes": [{"id": "page", "kind": "http", "port": 8080, "path": "/", "json": {"status": "ok"}}],
}


@pytest.fixture(scope="module")
def tries(on: Any, inventory: Path) -> Iterator[dict[str, str]]:
    """What came of each try, inside the sandbox; the good release returns after it."""
    on(SERVER, "install -D -m 0644 /dev/null /home/admin/.ssh/authorized_keys.copy")
    where = playbook.inventories(inventory)
    deployed = playbook.run("deploy", where, **HOSTILE)
    assert deployed.status == 0, deployed.output[-6000:]
    yield dict(json.loads(on(SERVER, "python3 -c %s", _GET)))
    back = playbook.run("deploy", where)
    assert back.status == 0, back.output[-6000:]


_GET = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8080/tries', timeout=60).read().decode())"

# The application's own tests with the service's unit round them: all of it but what is run, and that it is run once.
# They make databases, which the service's role may not, so they have a server of their own.
SUITE = r"""
set -eu
version=$(pg_lsclusters --no-header | cut -d " " -f 1)
undo() {
  systemctl stop suite && systemctl reset-failed suite || true
  pg_dropcluster --stop "$version" suite || true
  rm -rf /srv/suite /run/suite.env /run/systemd/system/suite.service
  systemctl daemon-reload
}
trap undo EXIT
pg_createcluster --port 5499 --start "$version" suite >/dev/null
printf "CREATE ROLE suite SUPERUSER LOGIN PASSWORD 'suite'" | sudo -u postgres psql --quiet --port 5499
(umask 077; echo TEST_DATABASE_URL=postgresql://suite:suite@127.0.0.1:5499/postgres >/run/suite.env)
install -d -o ridgetop-build -g ridgetop-build /srv/suite
sudo -u ridgetop-build sh -euc '
  export HOME=/srv/suite npm_config_cache=/var/cache/npm-shared
  git clone --quiet --branch v1.1.0 /srv/git/aidis.git /srv/suite/app
  cd /srv/suite/app/mcp-server
  npm ci --no-audit --no-fund --loglevel=error
  npm run --silent build' >&2
sed -e 's|^Type=.*|Type=oneshot|' -e '/^Restart/d; /^ExecReload/d; /^TimeoutStartSec/d' \
  -e 's|^EnvironmentFile=.*|EnvironmentFile=/run/suite.env|' \
  -e 's|^WorkingDirectory=.*|WorkingDirectory=/srv/suite/app/mcp-server|' \
  -e 's|^ExecStart=.*|ExecStart=/bin/sh -c "exec node_modules/.bin/tsx --test test/*.test.ts"|' \
  "/etc/systemd/system/$1" >/run/systemd/system/suite.service
systemctl daemon-reload
systemctl start suite || true
systemctl show --property Result suite
journalctl --unit suite --output cat --no-pager
"""


def test_the_service_is_exposed_to_little(on: Any) -> None:
    said = on(SERVER, f"systemd-analyze security --no-pager {UNIT} | tail -n 1")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found and float(found.group(1)) <= EXPOSURE, said


def test_the_applications_own_tests_pass_inside(on: Any) -> None:
    said = on(SERVER, "bash -c %s suite %s", SUITE, UNIT)
    ran = {name: int(count) for name, count in re.findall(r"^# (tests|pass|fail|skipped) (\d+)$", said, re.MULTILINE)}
    assert said.startswith("Result=success") and ran["tests"] > 50, said[-6000:]
    assert (ran["pass"], ran["fail"], ran["skipped"]) == (ran["tests"], 0, 0), said[-6000:]


def test_nothing_that_it_tries_can_be_done(tries: dict[str, str]) -> None:
    assert len(tries) > 20
    assert {name: came for name, came in tries.items() if not came.startswith("refused")} == {}


@pytest.mark.parametrize("name", ["read /etc/shadow", "write into /etc", "read the environment of another process"])
def test_what_is_refused_is_there(on: Any, name: str) -> None:
    """Refused for its own sake, and not since a path is misspelt: outside, root can."""
    command = {
        "read /etc/shadow": "cat /etc/shadow",
        "write into /etc": "touch /etc/x && rm /etc/x",
        "read the environment of another process": f"cat /proc/$(systemctl show -P MainPID {UNIT})/environ",
    }[name]
    on(SERVER, command)


def test_a_single_directive_can_be_taken_away(on: Any, inventory: Path) -> None:
    where = playbook.inventories(inventory)
    planned = playbook.run(
        "deploy", where, "--check", "--diff", systemd_sandbox={"ProtectClock": None, "UMask": "0077"}
    )
    assert planned.status == 0 and "-ProtectClock=yes" in planned.output and "+UMask=0077" in planned.output
    assert "ProtectKernelLogs" in on(SERVER, f"systemctl cat {UNIT}")
