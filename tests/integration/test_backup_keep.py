# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""aidis-database against real servers: what is kept, where else it goes, and what is left out of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.ridgetop.aidis.tests.integration.conftest import Database
from ansible_collections.ridgetop.aidis.tests.integration.test_backup_program import ONE_VERSION, TABLES, Program


@ONE_VERSION
def test_retention_and_copies(database: Database, tmp_path: Path) -> None:
    database.query("CREATE TABLE t (a int)")
    second = tmp_path / "second"
    program = Program(database, {"keep_count": 1, "keep_days": 1, "copy_to": str(second), "globals": False})
    first, other = program.backup(), program.backup()
    age(program, first["id"], other["id"])
    third = program.backup("--protect", other["id"])
    assert third["removed"] == [first["id"]]
    for place in (program.directory, second):
        assert {path.name for path in place.iterdir() if path.is_dir()} == {other["id"], third["id"]}
    age(program, third["id"])
    # The only one that is proved stays, however old.
    (program.directory / other["id"] / "database.dump").write_bytes(b"")
    assert program.failed("verify", other["id"])
    assert program.done("prune")["removed"] == [other["id"]]
    assert program.done("prune")["removed"] == []
    listed = program.done("list")
    assert [one["id"] for one in listed["backups"]] == [third["id"]]
    assert [one["id"] for one in listed["removed"]] == [first["id"], other["id"]]
    shutil.rmtree(program.directory / third["id"])
    assert program.done("list")["missing"] == [third["id"]]
    second.rename(tmp_path / "was")
    second.write_text("in the way", encoding="utf-8")
    assert "made and proved, but not copied" in program.failed("backup", "--reason", "daily")
    assert program.done("verify", "newest")["proved"]


def age(program: Program, *backup_ids: str) -> None:
    """Let backups be of long ago, in the ledger."""
    ledger = program.ledger()
    for one in ledger["backups"]:
        if one["id"] in backup_ids:
            one["at"] = "2026-01-01T00:00:00Z"
    (program.directory / "backups.json").write_text(json.dumps(ledger), encoding="utf-8")


@ONE_VERSION
def test_replaced_databases(database: Database) -> None:
    database.query(TABLES)
    program = Program(database, {"keep_count": 1, "keep_days": 1, "replaced_keep": 1})
    made = program.backup()
    replaced = []
    for _ in range(2):
        restored = program.done("restore", made["id"])
        replaced.append(program.done("swap", restored["scratch"])["replaced"])
    age(program, made["id"])
    newer = program.backup()
    # What was swapped in came from it, and what it replaced is there.
    assert newer["removed"] == []
    pruned = program.done("prune")
    assert (pruned["databases"], pruned["removed"], pruned["unknown"]) == ([replaced[0]], [], [])
    assert program.names() == sorted([database.name, replaced[1]])
    database.query("DROP TABLE parts")
    plan = program.done("plan", "--fingerprint", made["fingerprint"], "--source", "auto")
    assert plan["source"]["id"] == newer["id"]
    shutil.rmtree(program.directory / newer["id"])
    plan = program.done("plan", "--fingerprint", made["fingerprint"])
    assert (plan["source"]["kind"], plan["source"]["id"]) == ("database", replaced[1])
    assert program.done("restore", replaced[1])["scratch"] == replaced[1]
    message = program.failed("plan", "--fingerprint", "1-none")
    assert made["id"] in message and replaced[1] in message
    assert program.done("plan", "--source", "none")["needed"] is False
    assert program.done("plan", "--source", made["id"])["source"]["id"] == made["id"]
    assert program.done("discard", replaced[1])["dropped"]
    age(program, newer["id"], made["id"])
    assert program.backup()["removed"] == [made["id"], newer["id"]]


@ONE_VERSION
def test_environment_and_globals(database: Database, tmp_path: Path) -> None:
    database.query("CREATE TABLE t (a int)")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=backup", "-days", "2"]
    subprocess.run([*request, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    (tmp_path / "environment").write_bytes(b"TOKEN=secret\x00\n")
    settings: dict[str, Any] = {"environment_file": str(tmp_path / "none"), "metrics_file": str(tmp_path / "m.prom")}
    program = Program(database, settings)
    assert program.backup()["environment"] == "left out: no certificate to encrypt it for"
    program.settings["environment_recipient"] = str(certificate)
    assert program.backup()["environment"] == "left out: there is none"
    made = program.run("backup", "--reason", "daily", CREDENTIALS_DIRECTORY=str(tmp_path))
    assert made["environment"] == "encrypted" and "secret" not in str(made)
    home = program.directory / made["id"]
    assert b"secret" not in (home / "environment.cms").read_bytes()
    decrypt = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", str(key)]
    plain = subprocess.run([*decrypt, "-in", home / "environment.cms"], check=True, capture_output=True).stdout
    assert plain == b"TOKEN=secret\x00\n"
    roles = (home / "globals.sql").read_text(encoding="utf-8")
    assert "CREATE ROLE app" in roles and "SCRAM-SHA-256" not in roles
    metrics = (tmp_path / "m.prom").read_text(encoding="utf-8")
    assert f'aidis_backup_count{{database="{database.name}"}} 3' in metrics
    assert metrics.count("# TYPE") == metrics.count("# HELP") == 4
