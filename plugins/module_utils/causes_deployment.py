# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Causes in the deployment: the lock, the ledger, the active release."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import (
    LIKELY,
    POSSIBLE,
    REMARK,
    Found,
    Mend,
    Seen,
    Signatures,
    journal,
)

DEPLOYMENT = Signatures()


@DEPLOYMENT.add(
    "deploy.none",
    "Nothing was ever deployed to the host.",
    "a deployment",
    explains=("postgres.missing", "postgres.refused", "node.missing"),
)
def none(seen: Seen) -> Iterator[Found]:
    if not seen.deployed:
        yield Found("Nothing was ever deployed to this host.", (), (seen.deploy,))


@DEPLOYMENT.add(
    "lock.left",
    "The lock of the deployment was left by a run that is gone. The next run on the same controller takes it over.",
    "removing the file",
)
def lock_left(seen: Seen) -> Iterator[Found]:
    lock = seen.part("lock")
    if lock.get("held") and (lock.get("ended") or lock.get("gone")):
        why = "whose process is gone from this controller" if lock.get("gone") else "whose lease has ended"
        mend = Mend(f"sudo rm {shlex.quote(lock['path'])}")
        yield Found(f"The lock {lock['path']} was left by a run {why}.", (lock["described"],), (mend,))


@DEPLOYMENT.add(
    "lock.held",
    "Another run holds the lock of the deployment right now. What it works on may be stopped meanwhile.",
    "waiting for its end",
    certainty=POSSIBLE,
    explains=("unit.stopped", "port.closed", "deploy.underway"),
)
def lock_held(seen: Seen) -> Iterator[Found]:
    lock = seen.part("lock")
    if lock.get("held") and not lock.get("ended") and not lock.get("gone"):
        mend = Mend(f"{seen.commands.deploy} -e lock_wait_seconds=1800", seen.deploy.where)
        yield Found(
            "Another run works on this deployment right now, or was killed elsewhere.", (lock["described"],), (mend,)
        )


@DEPLOYMENT.add(
    "deploy.underway",
    "Migrations of a release began and were neither accepted nor undone: the run that began them was killed.",
    "the same deployment again, which undoes or ends them",
    explains=("unit.stopped", "deploy.failed"),
)
def underway(seen: Seen) -> Iterator[Found]:
    found = seen.part("releases").get("underway")
    if found:
        before = f" Before it ran {found['from']}." if found.get("from") else ""
        sentence = (
            f"The migrations of {found['release']} began at {found['at']} and were neither accepted nor undone.{before}"
        )
        backup = (f"backup taken before them: {found['backup']}",) if found.get("backup") else ()
        yield Found(sentence, backup, (seen.deploy,))


@DEPLOYMENT.add(
    "deploy.failed",
    "The last deployment failed. What ran before it runs again where there was something.",
    "mending what it named, then a deployment",
    certainty=POSSIBLE,
)
def failed(seen: Seen) -> Iterator[Found]:
    entries = seen.part("releases").get("entries") or []
    times = [(max(str(one.get(name) or "") for name in ("built_at", "good_at", "failed_at")), one) for one in entries]
    if not times:
        return
    last = max(times, key=lambda pair: pair[0])[1]
    if last.get("result") == "failed":
        running = seen.part("releases").get("running")
        why = last.get("reason") or "no reason given"
        now = f" {running} runs." if running else " Nothing was accepted here before."
        sentence = f"The last deployment, of {last['id']}, failed at {last.get('failed_at')}: {why}."
        yield Found(f"{sentence}{now}", (), (seen.deploy,), REMARK if seen.works else POSSIBLE)


@DEPLOYMENT.add(
    "ledger.broken",
    "The ledger of releases cannot be read. Nothing can be deployed before it can.",
    "putting the file back from a copy; without one, moving it aside and deploying",
)
def ledger_broken(seen: Seen) -> Iterator[Found]:
    why = seen.part("releases").get("ledger_broken")
    if why:
        path = why.partition(" ")[0]
        mend = Mend(f"sudo mv {shlex.quote(path)} {shlex.quote(path)}.broken")
        yield Found(f"The ledger of releases cannot be read: {why}.", (), (mend, seen.deploy))


@DEPLOYMENT.add(
    "release.dangling",
    "The link ``current`` is missing, leads nowhere, or to another release than the one that the ledger says runs.",
    "setting the link where the release is there, else a deployment, which builds it again",
    explains=("unit.chdir", "unit.exec", "file.missing"),
)
def dangling(seen: Seen) -> Iterator[Found]:
    releases = seen.part("releases")
    running = releases.get("running")
    named = os.path.basename(releases.get("target") or "")
    if not running or (releases["reaches"] and named == running):
        return
    if not releases["there"]:
        sentence = f"The link {releases['link']} is missing."
    elif not releases["reaches"]:
        sentence = f"The link {releases['link']} leads to {releases['target']}, which does not exist."
    else:
        sentence = (
            f"The link {releases['link']} leads to {releases['target']}, and the ledger says that {running} runs."
        )
    built = running in releases["directories"]
    link, target = shlex.quote(releases["link"]), shlex.quote(f"releases/{running}")
    mends = (Mend(f"sudo ln -sfnT {target} {link}"), seen.restart) if built else (seen.deploy,)
    gone = "" if built else f" The release {running} is gone, too."
    yield Found(sentence + gone, seen.said("CHDIR"), mends, 0 if not releases["reaches"] else LIKELY)


@DEPLOYMENT.add(
    "release.incomplete",
    "The active release is there, and the directory that the service is started in is not in it.",
    "removing the release and deploying, which builds it again",
    explains=("unit.chdir",),
)
def incomplete(seen: Seen) -> Iterator[Found]:
    releases, about = seen.part("releases"), seen.about
    if about.get("unit") and releases.get("reaches") and not releases["working_directory"]:
        path = os.path.join(about["root"], "releases", os.path.basename(releases["target"] or ""))
        sentence = f"{about['working_directory']} does not exist, although {path} does: the release is not whole."
        yield Found(
            sentence, seen.said("CHDIR"), (Mend(f"sudo mv {shlex.quote(path)} {shlex.quote(path)}.broken"), seen.deploy)
        )


@DEPLOYMENT.add(
    "timer.failed",
    "What a timer of the deployment started has failed at its last run: a backup was not taken, or a drill not passed.",
    "a start by hand, which shows whether it still fails",
    certainty=LIKELY,
)
def timer_failed(seen: Seen) -> Iterator[Found]:
    ours = {one.get("Unit") for one in seen.rows("units") if one.get("Id", "").endswith(".timer")}
    for unit in seen.rows("units"):
        if unit.get("Id") in ours and unit.get("ActiveState") == "failed":
            lines = journal([one for one in seen.rows("journal_timers") if one["by"] != "systemd"], 3)
            mend = Mend(f"sudo systemctl start {shlex.quote(unit['Id'])}")
            since = unit.get("InactiveEnterTimestamp") or unit.get("StateChangeTimestamp")
            yield Found(f"{unit['Id']}, which a timer starts, failed at {since}.", lines, (mend,))
