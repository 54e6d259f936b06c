# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret of the inventory is anywhere but where it belongs, after deployments that say as much as they can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import testinfra
from ansible_collections.ridgetop.aidis.molecule.security.tests.conftest import SERVER
from ansible_collections.ridgetop.aidis.molecule.shared import playbook, secrets

testinfra_hosts = [f"ansible://{SERVER}?sudo=true"]

# Files that have to hold secrets: root's, or root's and the service's group's; and what systemd hands to the health
# check while it runs.
HOMES = (
    "/etc/aidis/production.env",
    "/var/lib/aidis/inputs/",
    "/etc/aidis/health.password",
    "/run/credentials/aidis-health.service/",
)
TREES = "/etc /var /tmp /opt /run /root /home /usr/local"
SEARCH = f"""
umask 077
cat >/dev/shm/patterns
journalctl --no-pager --output=export >/dev/shm/journal
cp /run/cmdlines /dev/shm/
grep --recursive --files-with-matches --fixed-strings --binary-files=text --devices=skip --file=/dev/shm/patterns \\
  {TREES} /dev/shm/journal /dev/shm/cmdlines 2>/dev/null
rm /dev/shm/patterns /dev/shm/journal /dev/shm/cmdlines
"""
# Looks at every process until it is told to stop, 50 times a second: a command that lives for a moment is seen, too.
WATCH = r"""
import glob, os, time
seen = set()
while not os.path.exists("/run/watched"):
    for name in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(name, "rb") as file:
                seen.add(file.read())
        except OSError:
            pass
    time.sleep(0.02)
with open("/run/cmdlines", "wb") as file:
    file.write(b"\n".join(seen))
"""


@pytest.fixture(scope="module")
def said(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a deployment with other values, one that fails, a rollback, a verification and a diagnosis print."""

    own = Path(request.config.getoption("--ansible-inventory"))
    host = testinfra.get_host(testinfra_hosts[0], ansible_inventory=str(own))
    host.run_expect([0], "rm -f /run/watched; printf '%%s' %s > /run/watch.py", WATCH)
    host.run_expect([0], "systemd-run --unit=watch python3 /run/watch.py")
    where = playbook.inventories(own)
    reports = str(tmp_path_factory.mktemp("reports"))

    def run(name: str, *arguments: str, **variables: Any) -> playbook.Ran:
        loud = ("-vvv", "--diff", *arguments)
        return playbook.run(name, where, *loud, environment=playbook.AS_A_USER, **variables)

    runs = [
        run("deploy", app_environment_extra={"LOG_LEVEL": "debug"}),
        run("deploy", app_version="v1.2.0-never-ready", app_health_timeout=5),
        run("deploy", "--check", app_environment_extra={"LOG_LEVEL": "warn"}),
        run("rollback", rollback_to="v1.1.0", rollback_database="none"),
        run("backup"),
        run("verify", verify_report_dir=reports),
        run("diagnose", diagnose_dest=reports),
    ]
    host.run_expect([0], "touch /run/watched; until test -e /run/cmdlines; do sleep 0.1; done")
    assert [run.status for run in runs if run.status not in (0, 2)] == []
    assert runs[0].status == 0 and runs[1].status == 2, runs[1].output[-3000:]
    return "\n".join(run.output for run in runs) + "".join(
        path.read_text(errors="replace") for path in Path(reports).rglob("*") if path.is_file()
    )


@pytest.fixture(scope="module")
def wanted(request: pytest.FixtureRequest) -> dict[str, list[str]]:
    """The forms of each secret."""
    own = Path(request.config.getoption("--ansible-inventory"))
    return {name: secrets.forms(value) for name, value in secrets.of(own).items()}


def test_the_controller_printed_and_wrote_none(said: str, wanted: dict[str, list[str]]) -> None:
    assert len(said) > 100_000, "so little was printed that nothing could be found"
    assert [name for name, forms in wanted.items() if any(form in said for form in forms)] == []


@pytest.mark.usefixtures("said")
def test_the_host_holds_none_but_where_it_belongs(wanted: dict[str, list[str]], inside: Any) -> None:
    found = inside(SEARCH, "\n".join(form for forms in wanted.values() for form in forms) + "\n").splitlines()
    assert HOMES[0] in found, "the search finds nothing at all"
    assert [path for path in found if not path.startswith(HOMES)] == []


def test_where_it_belongs_nobody_else_reads_it(host: Any) -> None:
    assert host.file(HOMES[0]).mode == 0o640 and host.file(HOMES[0]).group == "ridgetop"
    assert host.file(HOMES[1]).mode == 0o700 and host.file(HOMES[1]).user == "root"
    assert host.file(HOMES[2]).mode == 0o600 and host.file(HOMES[2]).user == "root"
