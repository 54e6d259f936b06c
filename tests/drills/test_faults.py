# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a deployment runs on fails under it: the database, the disks, the network, the machine."""

from __future__ import annotations

from ansible_collections.ridgetop.aidis.tests.drills import controller
from ansible_collections.ridgetop.aidis.tests.drills.controller import At
from ansible_collections.ridgetop.aidis.tests.drills.drill import GOOD, OLD, Drills
from ansible_collections.ridgetop.aidis.tests.drills.machine import BACKUPS, RELEASES

MIGRATE = At("Run the migrations", nth=2, later=2)
# A file system of its own for a directory, with what was in it and too little room for the next thing.
SMALL = """
aside=$(mktemp --directory)
cp -a "$1/." "$aside"
used=$(du --summarize --block-size=K "$1" | cut -f 1)
mount -t tmpfs -o "size=$((${used%K} * 5 / 4 + 16))k,mode=$(stat --format=%a "$1")" tmpfs "$1"
chown --reference="$aside" "$1"
cp -a "$aside/." "$1"
rm -rf "$aside"
"""
LARGE = 'mount -o remount,size=8g "$1"'
# A table that nothing reads while the service stops, so that only the dump waits for it.
HOLD = """
systemd-run --quiet --collect --unit=aidis-drill-hold --uid=postgres psql -Xd aidis_production \\
  -c 'BEGIN; LOCK TABLE code_analysis_sessions; SELECT pg_sleep(600)'
"""
RESTART_DATABASE = "systemctl restart postgresql@17-main.service"


def test_the_database_stops_during_migrations(drills: Drills) -> None:
    with drills.drill("PostgreSQL stopped during migrations", OLD) as drill:
        outcome = drill.deploy(
            app_migration_command="sleep 8 && npm run migrate",
            disturb=(MIGRATE, lambda: drill.machine.run("systemctl stop postgresql@17-main.service")),
        )
        # Without a database nothing can return; the next run finds out what there was to do.
        assert outcome.failed, outcome.output[-6000:]
        again = drill.deploy()
        assert again.status == 0, again.output[-6000:]
        drill.runs = GOOD
        drill.became("failed, then deployed")


def test_the_database_restarts_during_the_backup(drills: Drills) -> None:
    with drills.drill("PostgreSQL restarted during the backup", OLD) as drill:
        with controller.started("deploy", app_version=GOOD) as run:
            run.until(At("Stop the service"))
            drill.machine.run(HOLD)
            run.until(At("Back the database up and prove that the backup can be read", later=4))
            drill.machine.run(RESTART_DATABASE)
            outcome = run.end()
        assert outcome.failed and outcome.says(f"Returned to {OLD}"), outcome.output[-6000:]
        drill.became("failed, returned")


def test_no_room_for_a_backup(drills: Drills) -> None:
    with drills.drill("disk of the backups full", OLD) as drill:
        drill.machine.run(SMALL, BACKUPS)
        outcome = drill.deploy(backup_disk_mb=0)
        assert outcome.failed and outcome.says("No space left", f"Returned to {OLD}"), outcome.output[-6000:]
        drill.machine.run(LARGE, BACKUPS)
        drill.became("failed, returned")


def test_no_room_for_a_release(drills: Drills) -> None:
    with drills.drill("disk of the releases full") as drill:
        drill.machine.run(SMALL, RELEASES)
        outcome = drill.deploy("v1.2.0-slow")
        assert outcome.failed and outcome.says("could not be built"), outcome.output[-6000:]
        drill.machine.run(LARGE, RELEASES)
        drill.became("failed, not touched")


def test_the_registry_cannot_be_reached(drills: Drills) -> None:
    with drills.drill("registry unreachable during the installation") as drill:
        closed = {
            "npm_config_registry": "http://127.0.0.1:9",
            "npm_config_cache": "/tmp/empty",
            "npm_config_fetch_retries": "0",
        }
        outcome = drill.deploy("v1.2.0-slow", app_build_environment=closed)
        assert outcome.failed and outcome.says("could not be built", "127.0.0.1:9"), outcome.output[-6000:]
        drill.became("failed, not touched")


def test_the_machine_restarts_after_the_link_was_switched(drills: Drills) -> None:
    with drills.drill("machine restarted after the link was switched", OLD) as drill:
        at = At("Start the service, or restart it where what it runs from has changed")
        outcome = drill.deploy(disturb=(at, drill.machine.restart))
        drill.became("failed" if outcome.status else "deployed")
        again = drill.deploy()
        assert again.status == 0, again.output[-6000:]
        drill.runs = GOOD
