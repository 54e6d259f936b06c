# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each signature against evidence as hosts give it, and what stands before what."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import REMARK, Commands
from ansible_collections.ridgetop.aidis.plugins.module_utils.causes import SIGNATURES, causes, telling, troubled
from ansible_collections.ridgetop.aidis.plugins.module_utils.evidence_report import report
from ansible_collections.ridgetop.aidis.plugins.module_utils.evidence_topics import topics
from ansible_collections.ridgetop.aidis.tests.unit.plugins.module_utils.evidence_samples import (
    CLUSTER,
    EARLIER,
    ENVIRONMENT,
    RELEASE,
    UNIT,
    Sample,
    entry,
    process,
)

COMMANDS = Commands(
    "ansible-playbook ridgetop.aidis.deploy -i prod", "ansible-playbook ridgetop.aidis.rollback -i prod"
)
DEPLOY = COMMANDS.deploy
DROP_IN = "/etc/systemd/system/aidis-production.service.d/hand.conf"
REVERT = f"sudo systemctl revert {UNIT}"
HELD = {
    "path": "/var/lib/aidis/deploy.lock",
    "held": True,
    "ended": False,
    "described": "anna@laptop (deployment of v2)",
}
BACKUP: dict[str, object] = {
    "id": "20261126T021500Z-daily",
    "at": "2026-11-26T02:15:00Z",
    "proved_at": "2026-11-26T02:15:09Z",
    "damage": None,
}


def squatter(*processes: dict[str, object], user: str = "root") -> Sample:
    sample = Sample().failed(1).said("Error: listen EADDRINUSE: address already in use :::3001")
    sample.evidence["sockets"].append({"address": "::", "port": 3001, "user": user, "processes": list(processes)})
    return sample


def without_role() -> Sample:
    sample = Sample().login('password authentication failed for user "ridgetop"', "28P01")
    del sample.evidence["superuser"]["roles"]["ridgetop"]
    return sample


def without_database(*backups: dict[str, object]) -> Sample:
    sample = Sample().login('database "aidis_production" does not exist', "3D000")
    del sample.evidence["superuser"]["databases"]["aidis_production"]
    del sample.evidence["superuser"]["database"]
    return sample.part("backups", newest=list(backups))


def disk(**changes: object) -> Sample:
    sample = Sample()
    sample.evidence["disks"][0].update(changes)
    return sample


def database(**changes: object) -> Sample:
    sample = Sample()
    sample.evidence["superuser"]["database"].update(changes)
    return sample


def bare() -> Sample:
    sample = Sample().without("superuser").login("Connection refused").part("environment", there=False)
    sample.evidence |= {"clusters": [], "sockets": sample.evidence["sockets"][:0], "journal_service": []}
    sample.evidence["units"] = [{"Id": UNIT, "LoadState": "not-found", "ActiveState": "inactive", "Result": "success"}]
    for one in sample.evidence["files"]:
        one.update(found=None, wrong=["missing"])
    nothing: dict[str, object] = {
        "target": None,
        "there": False,
        "reaches": False,
        "running": None,
        "entries": [],
        "ledger_there": False,
    }
    return sample.part("runtime", there=False, package="").part("releases", **nothing)


def killed(text: str) -> Sample:
    sample = Sample()
    sample.evidence["journal_kernel"] = [entry(text, by="kernel", run="")]
    return sample


def failed_backup() -> Sample:
    sample = Sample()
    sample.evidence["units"] += [
        {"Id": "aidis-backup.timer", "ActiveState": "active", "Unit": "aidis-backup.service"},
        {
            "Id": "aidis-backup.service",
            "ActiveState": "failed",
            "InactiveEnterTimestamp": "Thu 2026-11-26 02:15:00 UTC",
        },
    ]
    sample.evidence["journal_timers"] = [entry("pg_dump: error: no room", by="aidis-database")]
    return sample


def changed_unit(status: int, line: str, **changes: str) -> Sample:
    return Sample().failed(status, line, DropInPaths=DROP_IN, **changes)


# The id, the evidence, what stands in the sentence, and the first command that mends.
CASES = [
    (
        "unit.chdir",
        changed_unit(200, "Main process exited, code=exited, status=200/CHDIR", WorkingDirectory="/nowhere"),
        "/nowhere is no directory that its user can enter. The deployment wants /opt/aidis/current/mcp-server",
        REVERT,
    ),
    ("unit.chdir", Sample().failed(200), "/opt/aidis/current/mcp-server is no directory", DEPLOY),
    (
        "unit.exec",
        changed_unit(
            203, "Failed to execute /usr/bin/nod: No such file", ExecStart="{ path=/x ; argv[]=/usr/bin/nod x ; y }"
        ),
        "203/EXEC: the program of /usr/bin/nod x is missing or may not be run",
        REVERT,
    ),
    ("unit.user", Sample().failed(217, "status=217/USER"), "the host does not know the user ridgetop", DEPLOY),
    ("unit.user", changed_unit(217, "status=217/USER", User="nobody-here"), "the user nobody-here", REVERT),
    (
        "unit.namespace",
        Sample()
        .failed(226, "Failed to set up mount namespacing: /var/log/aidis: No such file or directory")
        .file("/var/log/aidis", None, "missing"),
        "226/NAMESPACE: /var/log/aidis does not exist",
        DEPLOY,
    ),
    (
        "unit.masked",
        Sample().unit(LoadState="masked", ActiveState="inactive"),
        "is masked",
        f"sudo systemctl unmask {UNIT}",
    ),
    ("unit.missing", Sample().unit(LoadState="not-found", ActiveState="inactive"), "There is no unit", DEPLOY),
    (
        "unit.environment",
        Sample()
        .failed(0, "Failed to load environment files: No such file or directory")
        .part("environment", there=False),
        f"The environment file {ENVIRONMENT} is missing",
        DEPLOY,
    ),
    (
        "unit.stopped",
        Sample().unit(ActiveState="inactive", SubState="dead", InactiveEnterTimestamp="Thu 2026-11-26 02:00:00 UTC"),
        "was stopped at Thu 2026-11-26 02:00:00 UTC; it did not fail",
        f"sudo systemctl start {UNIT}",
    ),
    ("unit.disabled", Sample().unit(UnitFileState="disabled"), "is disabled", f"sudo systemctl enable --now {UNIT}"),
    (
        "unit.start_limit",
        Sample().failed(1, "Start request repeated too quickly.", ActiveState="failed"),
        "so often in a short time",
        f"sudo systemctl reset-failed {UNIT}; sudo systemctl restart {UNIT}",
    ),
    ("unit.changed", Sample().unit(DropInPaths=DROP_IN), f"Drop-in files change {UNIT}: {DROP_IN}", REVERT),
    (
        "port.taken",
        squatter(process(4711, "python3", "squatter.service")),
        "Port 3001 of the service is held by python3 (pid 4711) of squatter.service",
        "sudo systemctl stop squatter.service",
    ),
    ("port.taken", squatter(process(4711, "nc", "session-3.scope")), "held by nc (pid 4711).", "sudo kill 4711"),
    ("port.taken", squatter(user="www-data"), "a process of the user www-data", "sudo ss --listening"),
    (
        "port.closed",
        Sample().part("about", ports=[3001, 9999]),
        "and nothing listens on 9999",
        f"sudo systemctl reset-failed {UNIT}",
    ),
    (
        "app.configuration",
        Sample().failed(78).said("configuration: 1 problem", "  LOG_LEVEL: expected one of debug, info, warn, error"),
        "exit status 78, EX_CONFIG",
        DEPLOY,
    ),
    (
        "postgres.stopped",
        Sample()
        .login("Connection refused")
        .without("superuser")
        .cluster("down", ActiveState="inactive", InactiveEnterTimestamp="Thu 2026-11-26 02:00:00 UTC"),
        f"{CLUSTER} is inactive since Thu 2026-11-26 02:00:00 UTC",
        f"sudo systemctl start {CLUSTER}",
    ),
    (
        "postgres.refused",
        Sample().login("Connection refused"),
        "does not answer at localhost:5432: Connection refused",
        "sudo",
    ),
    (
        "postgres.port",
        Sample().part("about", database={"here": True, "port": 5433, "name": "aidis_production", "user": "ridgetop"}),
        "PostgreSQL listens on 5432 and not on 5433",
        DEPLOY,
    ),
    (
        "postgres.tls",
        Sample().login("TLS: CERTIFICATE_VERIFY_FAILED"),
        "TLS to the database at localhost:5432 fails",
        DEPLOY,
    ),
    ("postgres.starting", Sample().login("the database system is starting up", "57P03"), "starting up", "sudo tail"),
    (
        "postgres.connections",
        Sample().login("sorry, too many clients already", "53300"),
        "no connection left of 100 (held by: ridgetop 2, postgres 1)",
        "sudo -u postgres psql -c",
    ),
    (
        "postgres.hba",
        Sample().login(
            'no pg_hba.conf entry for host "10.0.0.7", user "ridgetop", database "aidis_production"', "28000"
        ),
        'no pg_hba.conf entry for host "10.0.0.7"',
        DEPLOY,
    ),
    (
        "postgres.hba",
        Sample().part("superuser", refused=["pg_hba.conf line 9: invalid authentication method"]),
        "refuses lines of its pg_hba.conf",
        DEPLOY,
    ),
    (
        "postgres.password",
        Sample().login('password authentication failed for user "ridgetop"', "28P01"),
        "refuses the inventory's password of ridgetop",
        DEPLOY,
    ),
    (
        "postgres.password",
        Sample()
        .part("environment", different=["DATABASE_URL"])
        .said('error: password authentication failed for user "ridgetop"'),
        "DATABASE_URL is not the inventory's on this host",
        DEPLOY,
    ),
    ("postgres.role", without_role(), "The role ridgetop does not exist", DEPLOY),
    (
        "postgres.role",
        Sample().part("superuser", roles={"ridgetop": {"login": True, "expired": True}}),
        "has a password that has expired",
        'sudo -u postgres psql -c \'ALTER ROLE "ridgetop" VALID UNTIL',
    ),
    ("postgres.database", without_database(), "does not exist, and no backup of it", DEPLOY),
    (
        "postgres.database",
        without_database(BACKUP),
        "Its newest backup is 20261126T021500Z-daily",
        f"{COMMANDS.rollback} -e rollback_database={BACKUP['id']} -e rollback_confirm=yes -e rollback_to={RELEASE}",
    ),
    (
        "postgres.extension",
        database(extensions={"plpgsql": "1.0", "vector": "0.8.0", "pg_trgm": "1.6"}),
        "lacks the extension uuid-ossp",
        "sudo -u postgres psql -d aidis_production -c 'CREATE EXTENSION \"uuid-ossp\"'",
    ),
    (
        "postgres.extension",
        database(extensions={"uuid-ossp": "1.1", "pg_trgm": "1.6"}, available=["pg_trgm", "uuid-ossp"]),
        "lacks the extension vector. It is not installed on the host, either",
        DEPLOY,
    ),
    (
        "postgres.rights",
        database(rights={"ridgetop": {"connect": False, "schemas": {"public": True}, "denied": 0}}),
        "may not connect to the database",
        "sudo -u postgres psql -c 'GRANT CONNECT",
    ),
    (
        "postgres.rights",
        database(rights={"ridgetop": {"connect": True, "schemas": {"public": True}, "denied": 3}}),
        "may not read and write 3 tables",
        "sudo -u postgres psql -d aidis_production -c",
    ),
    ("postgres.missing", Sample().without("superuser").part("about"), "", ""),
    ("disk.full", disk(bytes_free=1 << 20), "/ is full: 1 MiB of 40.0 GiB are free. On it: /, /opt/aidis", "sudo du "),
    (
        "disk.full",
        disk(bytes=2 << 20, bytes_free=0, mount="/var/log/aidis"),
        "/var/log/aidis is full: 0 MiB",
        "sudo du ",
    ),
    ("disk.inodes", disk(inodes_free=3), "/ has 3 of 2600000 inodes left", "sudo du --inodes"),
    ("disk.read_only", disk(read_only=True), "/ is mounted read-only", "sudo mount -o remount,rw /"),
    (
        "memory.oom",
        Sample().failed(0, "A process of this unit has been killed by the OOM killer.", Result="oom-kill"),
        f"{UNIT} was ended by the kernel since memory ran out. 2100 of 3900 MiB are available now",
        f"sudo systemctl reset-failed {UNIT}",
    ),
    (
        "memory.oom",
        killed("Out of memory: Killed process 1966 (node) total-vm:1099000kB, anon-rss:980000kB"),
        "The kernel killed node (pid 1966)",
        "sudo systemctl",
    ),
    (
        "clock.off",
        Sample().part("system", clock_offset=-97.2, clock_doubt=1.5),
        "97 s behind",
        "sudo timedatectl set-ntp true",
    ),
    ("clock.unsynchronised", Sample().part("clock", synchronised=False), "not synchronised", "sudo timedatectl"),
    (
        "node.missing",
        Sample().failed(203).part("runtime", there=False, may_run=False),
        "/usr/bin/node, which runs the application, does not exist. The package nodejs is installed",
        "sudo apt-get install --reinstall --yes nodejs",
    ),
    ("node.missing", Sample().part("runtime", may_run=False, package=""), "is there and may not be run", DEPLOY),
    (
        "node.old",
        Sample().part("runtime", version="16.20.2"),
        "is version 16.20.2; the application needs at least 18",
        DEPLOY,
    ),
    (
        "node.shadowed",
        Sample().part("runtime", first="/usr/local/bin/node", first_version="16.1.0", shadowed=True),
        "/usr/local/bin/node (16.1.0) comes before /usr/bin/node (20.19.2)",
        "sudo mv /usr/local/bin/node /usr/local/bin/node.aside",
    ),
    ("deploy.none", bare(), "Nothing was ever deployed", DEPLOY),
    ("lock.left", Sample().part("lock", **{**HELD, "ended": True}), "whose lease has ended", f"sudo rm {HELD['path']}"),
    ("lock.left", Sample().part("lock", **HELD, gone=True), "whose process is gone", f"sudo rm {HELD['path']}"),
    ("lock.held", Sample().part("lock", **HELD, gone=False), "right now", f"{DEPLOY} -e lock_wait_seconds=1800"),
    (
        "deploy.underway",
        Sample().part(
            "releases", underway={"release": "v2-abc", "from": RELEASE, "at": "2026-11-26T03:00:00Z", "backup": "b"}
        ),
        f"v2-abc began at 2026-11-26T03:00:00Z and were neither accepted nor undone. Before it ran {RELEASE}",
        DEPLOY,
    ),
    (
        "deploy.failed",
        Sample().part(
            "releases",
            entries=[
                {"id": RELEASE, "result": "good", "good_at": "2026-11-26T01:36:58Z"},
                {"id": "v2-abc", "result": "failed", "failed_at": "2026-11-26T03:00:00Z", "reason": "activation: Wait"},
            ],
        ),
        f"of v2-abc, failed at 2026-11-26T03:00:00Z: activation: Wait. {RELEASE} runs",
        DEPLOY,
    ),
    (
        "timer.failed",
        failed_backup(),
        "aidis-backup.service, which a timer starts, failed at Thu 2026-11-26 02:15:00 UTC",
        "sudo systemctl start aidis-backup.service",
    ),
    (
        "ledger.broken",
        Sample().part("releases", ledger_broken="/var/lib/aidis/releases.json cannot be read as a ledger: x"),
        "The ledger of releases cannot be read",
        "sudo mv /var/lib/aidis/releases.json /var/lib/aidis/releases.json.broken",
    ),
    (
        "release.dangling",
        Sample().failed(200).part("releases", target="releases/nowhere", reaches=False, working_directory=False),
        "leads to releases/nowhere, which does not exist",
        f"sudo ln -sfnT releases/{RELEASE} /opt/aidis/current",
    ),
    (
        "release.dangling",
        Sample().part("releases", target=None, there=False, reaches=False, directories=[]),
        f"/opt/aidis/current is missing. The release {RELEASE} is gone, too",
        DEPLOY,
    ),
    (
        "release.incomplete",
        Sample().failed(200).part("releases", working_directory=False),
        f"although /opt/aidis/releases/{RELEASE} does",
        f"sudo mv /opt/aidis/releases/{RELEASE}",
    ),
    (
        "file.missing",
        Sample().file("/var/log/aidis", None, "missing"),
        "Missing on this host: /var/log/aidis",
        "sudo install -d -o ridgetop -g ridgetop -m 0750 /var/log/aidis",
    ),
    (
        "file.missing",
        Sample().file("/etc/logrotate.d/aidis-production", None, "missing"),
        "/etc/logrotate.d/aidis",
        DEPLOY,
    ),
    (
        "file.wrong",
        Sample().file(ENVIRONMENT, {"mode": "0644", "group": "root"}, "group", "mode"),
        f"{ENVIRONMENT} has group root, mode 0644, and should have group ridgetop, mode 0640",
        f"sudo chown root:ridgetop {ENVIRONMENT} && sudo chmod 0640 {ENVIRONMENT}",
    ),
    (
        "environment.changed",
        Sample().part("environment", different=["JWT_SECRET"]),
        "than the inventory of: JWT_SECRET",
        DEPLOY,
    ),
]
# Without any cluster there is no server.
_GONE = Sample().without("superuser").login("Connection refused")
_GONE.evidence["clusters"] = []
CASES = [
    ("postgres.missing", _GONE, "There is no cluster of PostgreSQL on this host", DEPLOY)
    if one[0] == "postgres.missing"
    else one
    for one in CASES
]


@pytest.mark.parametrize(
    ("name", "sample", "says", "command"), CASES, ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)]
)
def test_a_signature(name: str, sample: Sample, says: str, command: str) -> None:
    found = {one.id: one for one in causes(sample.evidence, COMMANDS)}
    assert name in found, list(found)
    assert says in found[name].sentence
    assert found[name].mends[0].command.startswith(command)
    text = report("aidis.example.org", sample.evidence, list(found.values()))
    assert name in text and found[name].mends[0].command in text


def test_every_signature_has_a_case_and_a_name_of_its_own() -> None:
    assert {case[0] for case in CASES} == {one.id for one in SIGNATURES}
    assert len({one.id for one in SIGNATURES}) == len(SIGNATURES)
    known = {one.id for one in SIGNATURES}
    assert [(one.id, name) for one in SIGNATURES for name in one.explains if name not in known] == []


def test_nothing_is_found_on_a_host_that_is_well() -> None:
    sample = Sample()
    assert causes(sample.evidence) == [] and not troubled(sample.evidence)
    assert "nothing wrong was found" in report("h", sample.evidence, [])


def order(sample: Sample) -> list[tuple[str, str]]:
    return [(one.id, one.follows) for one in causes(sample.evidence)]


def test_a_root_stands_before_what_follows_from_it() -> None:
    sample = Sample().login("Connection refused").without("superuser").cluster("down", ActiveState="failed")
    sample.evidence["disks"][0]["bytes_free"] = 0
    found = order(sample.failed(1, "Start request repeated too quickly.", ActiveState="failed"))
    assert found[0] == ("disk.full", "")
    assert {name for name, follows in found if follows} == {"postgres.stopped", "postgres.refused", "unit.start_limit"}


def test_a_link_that_dangles_is_why_the_directory_cannot_be_entered() -> None:
    sample = Sample().failed(200).part("releases", target="releases/x", reaches=False, working_directory=False)
    assert order(sample) == [("release.dangling", ""), ("unit.chdir", "release.dangling")]


def test_a_missing_role_is_why_the_password_is_refused() -> None:
    assert order(without_role()) == [("postgres.role", ""), ("postgres.password", "postgres.role")]


def test_a_host_without_a_deployment_has_one_root() -> None:
    found = order(bare())
    assert found[0] == ("deploy.none", "") and all(follows for _name, follows in found[1:]), found


def test_remarks_stand_at_the_end() -> None:
    sample = Sample().part("clock", synchronised=False).unit(UnitFileState="disabled")
    assert [name for name, _follows in order(sample)] == ["unit.disabled", "clock.unsynchronised"]
    assert causes(sample.evidence)[-1].certainty == REMARK


def test_another_host_has_the_database() -> None:
    """What is asked on the database's host alone is not known here, and nothing is concluded from that."""
    sample = Sample().login("Connection refused")
    sample.evidence |= {"superuser": {}, "clusters": [], "backups": {}, "lock": {}}
    sample.evidence["about"]["database"]["here"] = False
    assert order(sample) == [("postgres.refused", "")]
    assert "on the database's host" in causes(sample.evidence)[0].mends[0].command


def test_old_failures_do_not_count() -> None:
    sample = Sample()
    old = [entry("listen EADDRINUSE", run=EARLIER), entry("password authentication failed", run=EARLIER)]
    sample.evidence["journal_service"] = old + sample.evidence["journal_service"]
    sample.part("environment", different=["DATABASE_URL"])
    assert order(sample) == [("environment.changed", "")]


@pytest.mark.parametrize("part", sorted(Sample().evidence))
def test_evidence_that_could_not_be_had_is_no_cause_and_no_failure(part: str) -> None:
    sample = Sample().without(part) if part not in ("missing", "about") else Sample()
    assert order(sample) in ([], [("port.closed", "")]), part
    assert topics("h", sample.evidence, causes(sample.evidence))["summary"]
    broken = bare()
    broken.evidence[part] = None
    causes(broken.evidence)
    topics("h", broken.evidence, causes(broken.evidence))


def test_what_is_not_known_is_said_with_the_lines_that_tell_most() -> None:
    sample = Sample().failed(3, "Started.").said("the flux is inverted", "Error: cannot go on")
    assert order(sample) == [] and troubled(sample.evidence)
    text = report("h", sample.evidence, [])
    assert "its cause is not known" in text and "Error: cannot go on" in text
    assert [line.rpartition(": ")[2] for line in telling(sample.evidence)] == ["the flux is inverted", "cannot go on"]


def test_every_part_of_the_evidence_is_in_the_bundle() -> None:
    sample = Sample()
    whole = "\n".join(topics("h", sample.evidence, []).values())
    assert set(re.findall(r"(?m)^== (\w+)$", whole)) == set(sample.evidence) - {"missing"}


def test_the_table_of_the_documentation_is_the_registry() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs/docsite/rst/diagnose.rst").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^   \* - ``([a-z._]+)``\n     - (.+)\n     - (.+)$", page)
    assert rows == [(one.id, one.meaning, one.mended_by) for one in sorted(SIGNATURES, key=lambda one: one.id)]
