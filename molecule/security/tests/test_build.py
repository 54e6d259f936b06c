# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A build runs code of strangers: what it can see and do, and what is asked before its release may be deployed."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.security.tests.conftest import SERVER
from ansible_collections.ridgetop.aidis.molecule.shared import playbook, secrets
from ansible_collections.ridgetop.aidis.molecule.shared.verification import run as verify

CACHE = "/var/cache/aidis"
SEEN = f"{CACHE}/seen"
# What a build has no business with. All are there.
SECRET = (
    "/etc/aidis/production.env",
    "/etc/aidis/database.json",
    "/etc/shadow",
    "/var/backups/aidis",
    "/var/lib/aidis/inputs",
    "/var/lib/postgresql/17/main/PG_VERSION",
)
# A command of the build that looks around, and keeps what it sees in its own directory.
LOOK = rf"""
mkdir -p {SEEN}; cd {SEEN}
id > id; env > env
for path in {" ".join(SECRET)} "$(cat key 2>/dev/null)"; do
  if [ -r "$path" ]; then echo "$path"; fi
done > read
cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ > processes 2>/dev/null
find /etc /opt /usr /var /srv ! -type l -writable ! -path '/var/tmp' \
  ! -path '/var/cache/npm-shared*' ! -user ridgetop-build > written 2>/dev/null
psql -h /var/run/postgresql -d aidis_production -Atc 'SELECT 1' > database 2>&1
true
"""
PACKAGE = {"name": "built", "version": "1.0.0", "private": True, "dependencies": {"local": "file:local.tgz"}}
SCRIPTS = {"prebuild": "echo ran > prebuild", "build": "mkdir -p dist && echo ran > dist/built"}
REPORT = {
    "auditReportVersion": 2,
    "vulnerabilities": {"local": {"name": "local", "severity": "critical"}},
    "metadata": {"vulnerabilities": {"critical": 1, "total": 1}},
}

Build = Callable[..., playbook.Ran]


def archive(scripts: dict[str, str]) -> bytes:
    """A package as npm packs it."""
    text = json.dumps({"name": "local", "version": "1.0.0", "scripts": scripts}).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    return buffer.getvalue()


def source(where: Path) -> Path:
    """A release that needs no registry: its only dependency lies beside it, and has a script for its installation."""
    packed = archive({"postinstall": "echo ran > ran"})
    integrity = f"sha512-{base64.b64encode(hashlib.sha512(packed).digest()).decode()}"
    locked = {"version": "1.0.0", "resolved": "file:local.tgz", "integrity": integrity, "hasInstallScript": True}
    root = {key: PACKAGE[key] for key in ("name", "version", "dependencies")}
    lock = {
        "name": "built",
        "version": "1.0.0",
        "lockfileVersion": 3,
        "requires": True,
        "packages": {"": root, "node_modules/local": locked},
    }
    where.mkdir()
    (where / "local.tgz").write_bytes(packed)
    (where / "package.json").write_text(json.dumps({**PACKAGE, "scripts": SCRIPTS}), encoding="utf-8")
    (where / "package-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    return where


@pytest.fixture(scope="module")
def build(inventory: Path, on: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """Build a release, and no more unless it is told to; its version begins with ``built-``."""
    where = playbook.inventories(inventory)
    given = {
        "app_source": "directory",
        "app_source_path": str(source(tmp_path_factory.mktemp("built") / "source")),
        "app_subdirectory": "",
        "app_typescript_minimum": "",
        "app_audit_command": "",
        "app_audit_signatures_command": "",
    }

    def run(version: str, *arguments: str, **variables: Any) -> playbook.Ran:
        return playbook.run("deploy", where, *arguments, **{**given, "app_version": f"built-{version}", **variables})

    yield run
    on(SERVER, f"rm -rf {SEEN}")


@pytest.fixture(scope="module")
def looked(build: Build, on: Any) -> Callable[[str], str]:
    """What the command of a build saw, by the name of its file."""
    on(SERVER, "install -d -o ridgetop-build -g ridgetop-build %s", SEEN)
    on(SERVER, "runuser -u postgres -- psql -Atc 'SHOW ssl_key_file' > %s/key", SEEN)
    built = build("look", "--tags=app_build", app_post_install_commands=[LOOK])
    assert built.status == 0, built.output[-4000:]
    return lambda name: str(on(SERVER, f"cat {SEEN}/{name}"))


# ---- Who builds ----


def test_nobody_logs_in_as_who_builds(on: Any) -> None:
    assert on(SERVER, "passwd --status ridgetop-build").split()[1] == "L"
    assert on(SERVER, "getent passwd ridgetop-build").endswith(":/usr/sbin/nologin")
    assert "not allowed to run sudo" in on(SERVER, "sudo -l -U ridgetop-build || true")


def test_who_builds_and_who_serves_share_no_group(on: Any) -> None:
    groups = {name: set(on(SERVER, f"id -nG {name}").split()) for name in ("ridgetop", "ridgetop-build")}
    assert groups["ridgetop-build"] == {"ridgetop-build"}
    assert not groups["ridgetop"] & groups["ridgetop-build"]


# ---- What a build sees ----


def test_a_build_is_nobody_but_the_build_user(looked: Callable[[str], str]) -> None:
    seen = looked("id")
    assert "(ridgetop-build)" in seen and "root" not in seen and "(ridgetop)" not in seen


def test_a_build_reads_nothing_that_is_secret(looked: Callable[[str], str], on: Any) -> None:
    assert looked("read") == ""
    # Refused for its own sake: as root all of them are there, the key of the database's certificate, too.
    for path in (*SECRET, on(SERVER, "cat %s/key", SEEN)):
        on(SERVER, "test -e %s", path)


def test_a_build_writes_nothing_of_the_deployment(looked: Callable[[str], str]) -> None:
    assert looked("written") == ""


def test_a_build_does_not_get_into_the_database(looked: Callable[[str], str]) -> None:
    assert "FATAL" in looked("database")


def test_no_secret_is_in_the_environment_of_a_build_nor_in_a_process_that_it_sees(
    looked: Callable[[str], str], inventory: Path
) -> None:
    seen = looked("env") + looked("processes").replace("\0", "\n")
    assert f"HOME={CACHE}" in seen
    values = {name: secrets.forms(value) for name, value in secrets.of(inventory).items()}
    assert [name for name, forms in values.items() if any(form in seen for form in forms)] == []


def test_who_builds_finds_no_secret_in_any_file(inside: Any, inventory: Path) -> None:
    patterns = "\n".join(form for value in secrets.of(inventory).values() for form in secrets.forms(value)) + "\n"
    # By an open file, which says nothing of who may read it.
    look = (
        "grep --recursive --files-with-matches --fixed-strings --binary-files=text --devices=skip --file=-"
        " /etc /opt /var /srv /run /home /tmp 2>/dev/null || true"
    )
    assert "/etc/aidis/production.env" in inside(look, patterns).splitlines(), "the search finds nothing at all"
    assert inside(f"runuser -u ridgetop-build -- {look}", patterns) == ""


# ---- What is built ----


def test_the_service_writes_to_no_release(on: Any) -> None:
    look = "find /opt/aidis/releases ! -type l -writable -print -quit"
    assert on(SERVER, f"cd / && runuser -u ridgetop-build -- {look}") != "", "the search finds nothing at all"
    assert on(SERVER, f"cd / && runuser -u ridgetop -- {look}") == ""


def test_a_file_of_somebody_else_in_a_release_is_named(on: Any, inventory: Path, tmp_path: Path) -> None:
    on(SERVER, "install -o ridgetop -g ridgetop /dev/null /opt/aidis/current/planted")
    # The registry is played: it does not say.
    found = verify(inventory, tmp_path, verify_categories=["security"], app_audit_command="echo no such page; exit 1")
    on(SERVER, "rm /opt/aidis/current/planted")
    check = found.hosts[SERVER]["security.releases"]
    assert check["status"] == "fail" and check["observed"].endswith("/planted"), check
    check = found.hosts[SERVER]["security.dependencies"]
    assert (check["status"], check["reason"]) == ("skip", "not known: no such page"), check


def test_what_became_known_is_warned_of(on: Any, inventory: Path, tmp_path: Path) -> None:
    told = f"echo '{json.dumps(REPORT)}'"
    before = on(SERVER, "ls -d /tmp/tmp.* 2>/dev/null | wc -l")
    found = verify(inventory, tmp_path, verify_categories=["security"], app_audit_command=told)
    check = found.hosts[SERVER]["security.dependencies"]
    assert (check["status"], check["observed"]) == ("warn", "1 critical: local (critical)"), check
    assert on(SERVER, "ls -d /tmp/tmp.* 2>/dev/null | wc -l") == before


# ---- Scripts of packages ----


@pytest.mark.parametrize("allowed", [True, False])
def test_scripts_of_packages(build: Build, on: Any, allowed: bool) -> None:
    """The build's own scripts run in either case."""
    version = "scripts" if allowed else "quiet"
    built = build(version, "--tags=app_build", app_npm_scripts=allowed)
    assert built.status == 0, built.output[-4000:]
    there = on(SERVER, f"cd /opt/aidis/releases/built-{version}-*/ && ls dist/built prebuild node_modules/local")
    assert "dist/built" in there and "prebuild" in there and "package.json" in there
    assert ("ran" in there.split()) is allowed


def test_what_cannot_do_without_its_script_is_built_by_name(build: Build, on: Any) -> None:
    built = build("named", "--tags=app_build", app_npm_scripts=False, app_post_install_commands=["npm rebuild local"])
    assert built.status == 0, built.output[-4000:]
    assert on(SERVER, "cat /opt/aidis/releases/built-named-*/node_modules/local/ran") == "ran"


# ---- What the registry knows ----


@pytest.fixture
def running(on: Any) -> Callable[[], str]:
    """What runs: the link, and since when which process."""
    look = "readlink /opt/aidis/current; systemctl show aidis-production -p MainPID,ActiveEnterTimestamp"
    return lambda: str(on(SERVER, look))


@pytest.mark.parametrize(
    ("version", "told", "limits", "reason"),
    [
        ("bad", json.dumps(REPORT), {"app_audit_threshold": "high"}, "1 critical: local (critical): high or worse"),
        ("unknown", "no such page", {"app_audit_required": True}, "not known, no such page: what is not known"),
    ],
)
def test_a_release_that_is_not_accepted_is_not_deployed(
    build: Build, running: Callable[[], str], on: Any, version: str, told: str, limits: dict[str, Any], reason: str
) -> None:
    before = running()
    done = build(version, "--tags=app_build", app_audit_command=f"echo '{told}'", **limits)
    assert done.failed, done.output[-4000:]
    assert done.says("could not be built. What runs was not touched.", reason), done.output[-4000:]
    assert running() == before
    (entry,) = [
        one
        for one in json.loads(on(SERVER, "cat /var/lib/aidis/releases.json"))["releases"]
        if one["version"] == f"built-{version}"
    ]
    assert entry["result"] == "failed"


def test_by_itself_what_is_known_is_told_and_no_more(build: Build) -> None:
    wrong = {"invalid": [], "missing": [{"name": "local", "version": "1.0.0"}]}
    done = build(
        "told",
        "--tags=app_build",
        app_audit_command=f"echo '{json.dumps(REPORT)}'",
        app_audit_signatures_command=f"echo '{json.dumps(wrong)}'",
    )
    assert done.status == 0, done.output[-4000:]
    assert done.says("Vulnerabilities: 1 critical: local (critical)", "Signatures: 1 missing: local@1.0.0")


def test_a_signature_that_is_wrong_is_not_accepted(build: Build) -> None:
    wrong = {"invalid": [{"name": "local", "version": "1.0.0"}], "missing": []}
    done = build("wrong", "--tags=app_build", app_audit_signatures_command=f"echo '{json.dumps(wrong)}'")
    assert done.failed and done.says("1 wrong: local@1.0.0", "(app_audit_signatures)"), done.output[-4000:]
