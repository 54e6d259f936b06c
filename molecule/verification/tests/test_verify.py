# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""verify.yml finds what is wrong under its own name, says what mends it, and finds nothing else; it changes nothing."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.shared import clocks
from ansible_collections.ridgetop.aidis.molecule.shared.verification import NOT_MET, Verification, Verify
from ansible_collections.ridgetop.aidis.molecule.verification.tests.breakages import (
    BREAKAGES,
    RESTART,
    Breakage,
    batches,
)

testinfra_hosts = ["ansible://aidis-verification?sudo=true"]

TASKS = 15
SUITE = "functionality.acceptance_suite"
# With AIDIS_BREAK_ALONE each is broken by itself, which takes three times as long.
BATCHES = [*batches(BREAKAGES, together=not os.environ.get("AIDIS_BREAK_ALONE")), {}]
# The last one is of nothing: all is mended.
MENDED = len(BATCHES) - 1
# Whether the clock of this computer is synchronised, and how old the image is, is not the deployment's affair.
COMPUTER = {"host.clock", "security.updates"}
# Files of ours, and those that a verification could write by mistake; but for what the health check writes by itself.
TREES = "/etc /opt/aidis /var/lib/aidis /var/backups/aidis /usr/local /root /home /var/cache/aidis"
OTHERS = "-path /var/lib/aidis/health -prune"
# The server's own record of what it did; its analytics write whenever they like.
OWN_TABLES = ("event_log", "metrics_collection_sessions", "pattern_discovery_sessions")


def run(host: Any, command: str) -> str:
    """Run a command as root; it must succeed."""
    done = host.run("sh -ec %s", command)
    assert done.rc == 0, f"{command}\n{done.stdout}{done.stderr}"
    return str(done.stdout)


def sql(host: Any, statement: str) -> list[str]:
    """Ask the database as its superuser."""
    command = "cd / && sudo -u postgres psql -XAtv ON_ERROR_STOP=1 -d aidis_production -c %s"
    done = host.run(command, statement)
    assert done.rc == 0, done.stderr
    return str(done.stdout).splitlines()


@pytest.fixture(scope="module", autouse=True)
def kept(host: Any) -> None:
    """The application's password as it is, for the test that changes it."""
    (hashed,) = sql(host, "SELECT rolpassword FROM pg_authid WHERE rolname = 'ridgetop'")
    run(
        host, f"umask 022; echo \"ALTER ROLE ridgetop PASSWORD '{hashed.replace('$', chr(92) + '$')}'\" > /run/kept.sql"
    )


@dataclass
class Found:
    """What a verification found while some things were broken."""

    breakages: dict[str, Breakage]
    verification: Verification


@pytest.fixture(scope="module")
def found(host: Any, request: pytest.FixtureRequest, verify: Verify, baseline: Verification) -> Iterator[Found]:
    """Break a batch of things, verify, and put all of it right again whatever the tests say."""
    breakages = BATCHES[request.param]
    variables = {name: value for breakage in breakages.values() for name, value in breakage.variables.items()}
    # The application's suite takes as long as all else; it is run where it is to find something.
    if breakages and not any(SUITE in breakage.found_by for breakage in breakages.values()):
        variables["app_acceptance_command"] = ""
    with ExitStack() as mended:
        # At the very end, when all that the service needs is in order.
        mended.callback(run, host, RESTART if any(breakage.restart for breakage in breakages.values()) else "true")
        for breakage in breakages.values():
            mended.callback(
                run, host, breakage.mended_by or command_of(baseline.checks[min(breakage.found_by)]["hint"])
            )
            run(host, breakage.broken_by)
        yield Found(breakages, verify(**variables))


def command_of(hint: str) -> str:
    """The first command that a hint names."""
    found = re.search("`([^`]+)`", hint)
    assert found, f"no command in: {hint}"
    return found.group(1)


def state(host: Any) -> dict[str, Any]:
    """Everything that a verification must leave as it is."""
    tables = sql(host, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    counted = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in tables if name not in OWN_TABLES)
    return {
        "files": sorted(run(host, f"find {TREES} {OTHERS} -o -printf '%p %m %u %g %s %T@ %l\\n'").splitlines()),
        "rows": sorted(sql(host, counted)),
        "schema": run(host, "cd / && sudo -u postgres pg_dump -s aidis_production | grep -v restrict"),
        "roles": sql(host, "SELECT * FROM pg_roles ORDER BY 1"),
        "units": run(host, "systemctl list-unit-files --no-legend --no-pager"),
        "process": run(host, "systemctl show -P MainPID -P NRestarts aidis-production"),
        "temporary": run(
            host, "find /tmp /var/tmp /run/systemd/transient -maxdepth 1 -name '*aidis*' -o -name 'ansible*'"
        ),
        "sockets": run(host, "ss -ltnH | awk '{print $4}' | sort"),
    }


def test_a_deployed_host_is_in_order(baseline: Verification) -> None:
    assert baseline.not_met() <= COMPUTER, baseline.output[-6000:]
    assert baseline.status == 0
    assert len(baseline.checks) > 80


def test_it_takes_few_tasks(baseline: Verification) -> None:
    assert baseline.executed() <= TASKS


def test_it_changes_nothing(host: Any, verify: Verify) -> None:
    before = state(host)
    found = verify()
    assert found.status == 0, found.output[-6000:]
    assert "changed=0" in found.output
    after = state(host)
    for name, value in before.items():
        assert after[name] == value, name


def test_without_rights_it_sees_less_and_changes_nothing(host: Any, verify: Verify) -> None:
    before = state(host)
    found = verify(ansible_become=False)
    assert found.checks["service.active"]["status"] == "pass", found.output[-6000:]
    # Neither the secrets nor the database's superuser are this user's.
    assert found.checks["configuration.environment"]["status"] == "skip"
    assert found.checks["database.connection"]["status"] == "fail"
    for name, value in before.items():
        assert state(host)[name] == value, name


def test_a_dry_run_makes_no_calls_that_change_something(host: Any, verify: Verify, baseline: Verification) -> None:
    count = "SELECT count(*) FROM event_log WHERE event_type = 'session_created'"
    before = sql(host, count)
    assert int(before[0]) > 0, "the verification before this one made none, so nothing is seen by their number"
    found = verify("--check", "--diff")
    assert found.status == 0, found.output[-6000:]
    assert not found.directory.exists(), "a dry run writes no report"
    assert sql(host, count) == before
    assert "not run in check mode" in found.output


def test_a_host_that_only_watches_is_looked_at_too(verify: Verify, tmp_path: Path) -> None:
    # The same machine by another name, and in no other group.
    more = {"aidis_monitor": {"hosts": {"watcher": {"ansible_host": "aidis-verification"}}}}
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps(more), encoding="utf-8")
    found = verify(f"--inventory={inventory}", verify_categories=["requirements", "service"])
    assert found.status == 0, found.output[-6000:]
    checks = found.hosts["watcher"]
    assert checks["host.cpus"]["status"] == "pass"
    assert {check["category"] for check in checks.values()} == {"requirements"}


def test_what_is_skipped_says_why(baseline: Verification) -> None:
    skipped = [check for check in baseline.checks.values() if check["status"] == "skip"]
    assert skipped and all(check["reason"] for check in skipped)


def test_categories_are_chosen(verify: Verify) -> None:
    found = verify(verify_categories=["service", "backup"])
    assert {check["category"] for check in found.checks.values()} == {"service", "backup"}


def test_it_is_repeated_by_what_the_report_says(baseline: Verification) -> None:
    report = json.loads((baseline.directory / "report.json").read_text(encoding="utf-8"))
    assert report["inventory"] == "verification"
    for name in ("report.html", "junit.xml"):
        assert (baseline.directory / name).stat().st_size > 1000
    assert str(baseline.directory.resolve().name) in baseline.output


@pytest.mark.parametrize(
    ("found", "name"),
    [(number, name) for number, batch in enumerate(BATCHES) for name in batch],
    indirect=["found"],
    scope="module",
    ids=[name for batch in BATCHES for name in batch],
)
def test_it_is_found_and_nothing_else(found: Found, name: str, baseline: Verification) -> None:
    told, breakage = found.verification, found.breakages[name]
    broken = frozenset().union(*(one.found_by for one in found.breakages.values()))
    assert told.not_met() - baseline.not_met() == broken, told.output[-6000:]
    critical = {name for name in broken if told.checks[name]["status"] == "fail"}
    assert told.status == (2 if critical else 0)
    for one in breakage.found_by:
        check = told.checks[one]
        assert check["hint"] and breakage.hint in check["hint"]
        assert check["expected"] != check["observed"]
        # On the terminal, too.
        assert f"({one})" in told.output
    # What could not be looked at any more says why.
    assert all(check["reason"] for check in told.checks.values() if check["status"] == "skip")


@pytest.mark.parametrize("found", [MENDED], indirect=True, scope="module", ids=["nothing"])
def test_all_of_it_was_mended(found: Found, baseline: Verification) -> None:
    after = found.verification
    statuses = {name: check["status"] for name, check in after.checks.items()}
    before = {name: check["status"] for name, check in baseline.checks.items()}
    told = {name for name in before if statuses.get(name) in NOT_MET and before[name] not in NOT_MET}
    assert told == set(), after.output[-6000:]


@pytest.mark.parametrize(("error", "status"), [(5_000, "pass"), (16_000_000, "warn")])
def test_the_clock_is_judged_by_what_the_kernel_says_of_it(host: Any, verify: Verify, error: int, status: str) -> None:
    with clocks.python(host, clocks.KERNEL.format(error=error)) as told:
        found = verify(verify_categories=["requirements"], **told)
    clock = found.checks["host.clock"]
    assert clock["status"] == status and command_of(clock["hint"]) == "timedatectl set-ntp true", found.output[-6000:]
    assert found.not_met() <= COMPUTER, found.output[-6000:]
