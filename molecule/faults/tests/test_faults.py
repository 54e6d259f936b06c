# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input and bad luck: each is a clear error before the running service is touched, or simply works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import testinfra

testinfra_hosts = ["ansible://aidis-faults?sudo=true"]


def test_every_fault_of_a_host_and_its_variables_in_one_message(deploy: Any, state: Any) -> None:
    before = state()
    outcome = deploy(
        aidis_database_password="",
        aidis_http_port=22,
        app_build_environment="{{ no_such_thing }}",
        app_helth_timeout=3,
        app_migration_timeout="soon",
        systemd_environment={"NO-NAME": 1},
        app_node_minimum="99",
        app_prune_after="sometimes",
        app_repository="",
        app_secret_environment={"JWT_SECRET": "short", "SESSION_SECRET": "your_jwt_secret_here"},
        app_version="",
        postgres_minimum_version="99",
        preflight_cpus=4096,
        preflight_disk_mb=99999999,
        preflight_distributions=[{"id": "debian", "codename": "sid"}],
        preflight_memory_mb=99999999,
    )
    assert outcome.failed
    for texts in (
        ["aidis_database_password", "not set"],
        ["Port of the service (app.port:22)"],
        ["app_build_environment", "no_such_thing"],
        ["Did you mean app_health_timeout?"],
        ["app_migration_timeout", "soon"],
        ["systemd_environment", "NO-NAME"],
        ["Node.js", "99"],
        ["app_prune_after", "sometimes"],
        ["Set app_repository"],
        ["app_secret_environment.JWT_SECRET", "5 characters"],
        ["app_secret_environment.SESSION_SECRET", "a placeholder of a manual"],
        ["Set app_version in the inventory"],
        ["PostgreSQL", "at least 99"],
        ["Processors", "at least 4096"],
        ["/opt/aidis", "lower preflight_disk_mb"],
        ["Distribution", "trixie"],
        ["Memory", "lower preflight_memory_mb"],
    ):
        assert outcome.says(*texts), f"{texts} in {outcome.output[-6000:]}"
    # The second one only ends the run, and is what the account says of it.
    told, _task, ended = outcome.output.partition("TASK [ridgetop.aidis.accounting : Say that the run failed]")
    assert (told.count("fatal: ["), ended.count("fatal: [")) == (1, 1)
    assert "your_jwt_secret_here" not in outcome.output
    assert state() == before


@pytest.mark.parametrize(
    ("variables", "texts"),
    [
        ({"aidis_database_password": "your_secure_password"}, ["aidis_database_password", "a placeholder of a manual"]),
        ({"aidis_mcp_port": "many"}, ["aidis_mcp_port", "'many'"]),
        ({"app_version": "v9.9.9"}, ["app_version 'v9.9.9' cannot be had"]),
        ({"app_repository": "/srv/git/nowhere.git"}, ["'/srv/git/nowhere.git'", "cannot be had"]),
        ({"app_version": "v1.2.0-build-fails"}, ["could not be built", "error TS"]),
        (
            {"app_version": "v1.1.0", "app_install_command": "sleep 60", "app_build_timeout": 2},
            ["Install the dependencies", "longer than 2 seconds"],
        ),
        (
            {"app_version": "v1.1.0", "app_typescript_minimum": "99", "app_build_command": "true"},
            ["TypeScript", "is older than"],
        ),
    ],
    ids=[
        "placeholder",
        "no-number",
        "unknown-version",
        "unknown-repository",
        "build-fails",
        "build-hangs",
        "old-compiler",
    ],
)
def test_a_clear_error_and_nothing_touched(
    deploy: Any, state: Any, variables: dict[str, Any], texts: list[str]
) -> None:
    before = state()
    outcome = deploy(**variables)
    assert outcome.failed and outcome.says(*texts), outcome.output[-3000:]
    assert state() == before


@pytest.fixture
def bare(inventories: list[str], tmp_path: Path) -> list[str]:
    """An inventory of the second machine alone, which nothing was ever deployed to, with the same variables."""
    shared, own = inventories
    variables = Path(own.partition("=")[2]) / "group_vars" / "all"
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all").symlink_to(variables.resolve())
    groups = ("containers", "aidis_db", "aidis_app")
    (tmp_path / "hosts.yml").write_text("".join(f"{group}: {{hosts: {{aidis-faults-old: }}}}\n" for group in groups))
    return [shared, f"--inventory={tmp_path}"]


def test_a_release_of_debian_without_pgvector_says_how_to_go_on(deploy: Any, bare: list[str]) -> None:
    outcome = deploy(inventory=bare)
    assert outcome.failed and outcome.says("postgresql-15-pgvector", "postgres_source: pgdg"), outcome.output[-3000:]


def test_a_dry_run_on_a_bare_host_changes_nothing(deploy: Any, bare: list[str], request: pytest.FixtureRequest) -> None:
    inventory = request.config.getoption("--ansible-inventory")
    host = testinfra.get_host("ansible://aidis-faults-old?sudo=true", ansible_inventory=inventory)
    start = host.check_output("date --iso-8601=ns")
    outcome = deploy("--check", "--diff", inventory=bare, postgres_extension_packages=[], postgres_extensions=[])
    assert outcome.status == 0, outcome.output[-3000:]
    changed = host.check_output("find /etc /home /opt /root /srv /usr /var -xdev -newermt %s ! -type d", start).split()
    # What logging in and running modules leaves on any host.
    anyway = ("/var/log/", "/var/tmp/")
    assert [path for path in changed if not path.startswith(anyway) and "/.ansible/" not in path] == []


@pytest.mark.parametrize(
    ("version", "texts"),
    [
        ("v1.2.0-migration-fails", ["Run the migrations", "labels_rank"]),
        ("v1.2.0-lost-index", ["public.sessions.idx_sessions_agent_type", "missing"]),
    ],
    ids=["migration-fails", "lost-index"],
)
def test_a_schema_that_is_not_right_is_never_served(
    deploy: Any, state: Any, ledger: Any, version: str, texts: list[str]
) -> None:
    before = state()
    outcome = deploy(app_version=version)
    assert outcome.failed and outcome.says(*texts), outcome.output[-3000:]
    assert outcome.says("Returned to v1.0.0-", "with its database"), outcome.output[-3000:]
    after = state()
    for returned in ("release", "configuration", "files", "database", "schema_version"):
        assert after[returned] == before[returned], returned
    entry = next(one for one in ledger()["releases"] if one["version"] == version)
    assert entry["result"] == "failed" and entry["reason"].startswith("migrations: ")
    assert entry["backup"], "the backup that the database returned from"
    assert "TASK [ridgetop.aidis.app : Point at the release]" not in outcome.output, "it was activated"


@pytest.mark.parametrize(
    "variables",
    [{"app_environment_extra": {"LOG_LEVEL": "debug"}}, {"app_version": "v1.1.0"}],
    ids=["variable", "version"],
)
def test_a_dry_run_on_a_deployed_host_changes_nothing(deploy: Any, state: Any, variables: dict[str, Any]) -> None:
    before = state()
    outcome = deploy("--check", "--diff", **variables)
    assert outcome.status == 0, outcome.output[-3000:]
    assert state() == before


@pytest.mark.parametrize(
    "task", ["Enable the unit", "Start the service, or restart it where what it runs from has changed"]
)
def test_a_run_killed_before_the_restart_is_made_good_by_the_next(deploy: Any, host: Any, task: str) -> None:
    role = "ridgetop.aidis.systemd" if "unit" in task else "ridgetop.aidis.app"
    level = "warn" if "unit" in task else "error"
    before = host.check_output("systemctl show -P MainPID aidis-production")
    deploy(kill_at=f"{role} : {task}", app_environment_extra={"LOG_LEVEL": level})
    outcome = deploy(app_environment_extra={"LOG_LEVEL": level})
    assert outcome.status == 0, outcome.output[-3000:]
    after = host.check_output("systemctl show -P MainPID aidis-production")
    assert after != before
    assert f"LOG_LEVEL={level}" in host.check_output(f"tr '\\0' '\\n' < /proc/{after}/environ").splitlines()


def test_a_release_that_is_gone_is_built_again_to_return_to(deploy: Any, state: Any, host: Any, ledger: Any) -> None:
    before = state()
    assert deploy(app_version="v1.1.0").status == 0
    host.check_output("rm -r /opt/aidis/releases/v1.0.0-*")
    planned = deploy("--check", name="rollback", rollback_confirm="yes")
    assert planned.status == 0 and planned.says("A real run builds v1.0.0-"), planned.output[-3000:]
    outcome = deploy(name="rollback", rollback_confirm="yes")
    assert outcome.status == 0 and outcome.says("TASK [ridgetop.aidis.app : Build]"), outcome.output[-3000:]
    after = state()
    for returned in ("release", "configuration", "database", "schema_version"):
        assert after[returned] == before[returned], returned
    results = {one["version"]: one["result"] for one in ledger()["releases"]}
    assert results["v1.0.0"] == "good" and results["v1.1.0"] == "rolled_back"


def test_the_ledger_is_a_table(deploy: Any) -> None:
    printed = deploy(name="releases").output.splitlines()
    (active,) = [line.split() for line in printed if line.strip().startswith("* ")]
    assert active[1].startswith("v1.0.0-") and active[2] == "good", printed
    assert [line for line in printed if " v1.1.0-" in line and " rolled_back " in line], printed


def test_online_migrations_stop_nothing_and_stay(deploy: Any, state: Any) -> None:
    """The last one here: the database goes on with the later schema, which the release before can live with."""
    assert deploy().status == 0, "with the variables of the last deployment here, and not of one before"
    before = state()
    outcome = deploy(app_version="v1.2.0-never-ready", app_migration_mode="online", app_health_timeout=5)
    assert outcome.failed and outcome.says("http.ready", "Returned to v1.0.0-"), outcome.output[-3000:]
    assert not outcome.says("with its database") and "Stop the service before migrations] ***" not in outcome.output
    after = state()
    assert after["release"] == before["release"] and after["configuration"] == before["configuration"]
    assert int(after["schema_version"]) == int(before["schema_version"]) + 1
    again = deploy()
    assert again.status == 0 and state() == after, "what runs is what the ledger knows"
