# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the timers of the backups start, as they start it."""

from __future__ import annotations

import json
from typing import Any

import pytest

testinfra_hosts = ["ansible://aidis-default?sudo=true"]

DIRECTORY = "/var/backups/aidis"
PROGRAM = "cd / && sudo -u postgres aidis-database"


@pytest.fixture(scope="module")
def taken(host: Any) -> dict[str, Any]:
    """The newest backup in the ledger after the service of the timer ran."""
    started = host.run("systemctl start aidis-backup.service")
    assert started.rc == 0, host.run("journalctl --no-pager -u aidis-backup.service -n 20").stdout
    listed: dict[str, Any] = json.loads(host.check_output(f"{PROGRAM} list"))
    newest: dict[str, Any] = listed["backups"][0]
    return newest


def test_the_timer_waits_for_its_time(host: Any) -> None:
    assert host.check_output("systemctl is-enabled aidis-backup.timer") == "enabled"
    assert host.check_output("systemctl is-active aidis-backup.timer") == "active"
    assert "02:15:00" in host.check_output("systemctl show -P TimersCalendar aidis-backup.timer")


def test_the_drill_has_no_timer_unless_it_is_asked_for(host: Any) -> None:
    assert not host.file("/etc/systemd/system/aidis-restore-drill.timer").exists


def test_the_timer_takes_a_proved_backup(host: Any, taken: dict[str, Any]) -> None:
    assert taken["reason"] == "daily" and taken["proved_at"]
    manifest = json.loads(host.file(f"{DIRECTORY}/{taken['id']}/manifest.json").content_string)
    counted = host.check_output(
        "cd / && sudo -u postgres psql -XAtd aidis_production -c 'SELECT count(*) FROM projects'"
    )
    assert manifest["tables"]["public.projects"] == int(counted)


def test_nobody_else_can_read_it(host: Any, taken: dict[str, Any]) -> None:
    modes = host.check_output(f"find {DIRECTORY} -printf '%u %m %y\\n' | sort -u").splitlines()
    assert modes == ["postgres 600 f", "postgres 700 d"]


def test_no_password_is_in_it(host: Any, taken: dict[str, Any]) -> None:
    assert host.run(f"grep -rlE 'SCRAM-SHA-256|PASSWORD' {DIRECTORY}").stdout == ""


def test_its_schema_is_that_of_the_ledger_of_releases(host: Any, taken: dict[str, Any]) -> None:
    ledger = json.loads(host.file("/var/lib/aidis/releases.json").content_string)
    running = next(one for one in ledger["releases"] if one["id"] == ledger["running"]["id"])
    assert (taken["fingerprint"], taken["migrations_digest"]) == (running["fingerprint"], running["migrations"])


def test_it_can_be_restored(host: Any, taken: dict[str, Any]) -> None:
    drilled = json.loads(host.check_output(f"{PROGRAM} drill {taken['id']}"))
    assert drilled["ok"] is True
    names = host.check_output("cd / && sudo -u postgres psql -XAtc 'SELECT datname FROM pg_database'").split()
    assert sorted(names) == ["aidis_production", "postgres", "template0", "template1"]


def test_the_results_are_there_to_be_scraped(host: Any, taken: dict[str, Any]) -> None:
    written = host.file("/var/lib/aidis/metrics/aidis_backup.prom").content_string
    assert 'aidis_restore_drill_success{database="aidis_production"} 1' in written
    assert "aidis_backup_last_success_timestamp_seconds" in written
