# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Causes in files: missing, with a wrong mode or owner, or with other secrets than the inventory's."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import (
    LIKELY,
    POSSIBLE,
    Found,
    Mend,
    Seen,
    Signatures,
)

FILES = Signatures()


@FILES.add(
    "file.missing",
    "A file or directory that the roles make is missing.",
    "making the directory as the role does; for files a deployment",
    explains=("unit.namespace", "unit.chdir", "app.configuration", "postgres.hba", "timer.failed"),
)
def file_missing(seen: Seen) -> Iterator[Found]:
    gone = [one for one in seen.rows("files") if "missing" in one["wrong"]]
    # The environment file and the link have signatures of their own, and so has a unit that systemd does not know.
    own = {seen.about.get("environment_file"), seen.part("releases").get("link")}
    if seen.unit.get("LoadState") == "not-found":
        own.add(f"/etc/systemd/system/{seen.about['unit']}")
    gone = [one for one in gone if one["path"] not in own]
    if not gone or not seen.deployed:
        return
    mends: tuple[Mend, ...] = (seen.deploy,)
    if all(one["wanted"]["type"] == "directory" for one in gone):
        mends = tuple(Mend(_made(one["wanted"])) for one in gone) + (
            (seen.restart,) if seen.unit and not seen.works else ()
        )
    paths = ", ".join(one["path"] for one in gone)
    yield Found(f"Missing on this host: {paths}.", (), mends)


def _made(wanted: Mapping[str, Any]) -> str:
    options = [f"-{name[0]} {wanted[name]}" for name in ("owner", "group", "mode") if wanted.get(name)]
    return f"sudo install -d {' '.join(options)} {shlex.quote(wanted['path'])}"


@FILES.add(
    "file.wrong",
    "A file or directory has another owner, group or mode than the roles give it.",
    "``chown`` and ``chmod`` to what the roles set",
    certainty=LIKELY,
    explains=("app.configuration",),
)
def file_wrong(seen: Seen) -> Iterator[Found]:
    wrong = [one for one in seen.rows("files") if one["found"] and one["wrong"]]
    if not wrong:
        return
    lines = tuple(f"{one['path']}: {_told(one, 'found')}, and not {_told(one, 'wanted')}" for one in wrong)
    mends = tuple(Mend(_right(one["wanted"])) for one in wrong if "type" not in one["wrong"])
    if len(mends) < len(wrong):
        mends += (seen.deploy,)
    sentence = f"{wrong[0]['path']} has {_told(wrong[0], 'found')}, and should have {_told(wrong[0], 'wanted')}."
    more = f" {len(wrong) - 1} more differ." if len(wrong) > 1 else ""
    # Too narrow keeps the service from working; too wide only lets others read.
    yield Found(sentence + more, lines, mends)


def _told(one: Mapping[str, Any], side: str) -> str:
    return ", ".join(f"{name} {one[side].get(name)}" for name in one["wrong"])


def _right(wanted: Mapping[str, Any]) -> str:
    path = shlex.quote(wanted["path"])
    owner = f"{wanted.get('owner') or ''}:{wanted.get('group') or ''}".rstrip(":")
    change = [f"sudo chown {shlex.quote(owner)} {path}"] if owner else []
    change += [f"sudo chmod {wanted['mode']} {path}"] if wanted.get("mode") else []
    return " && ".join(change)


@FILES.add(
    "environment.changed",
    "The environment file holds other secrets than the inventory: it was edited, or the inventory changed since.",
    "a deployment, which writes it again",
    certainty=POSSIBLE,
    explains=("postgres.password",),
)
def environment_changed(seen: Seen) -> Iterator[Found]:
    different = seen.part("environment").get("different")
    if different:
        path = seen.about["environment_file"]
        sentence = f"{path} holds other values than the inventory of: {', '.join(different)}."
        yield Found(sentence, (), (seen.deploy,), POSSIBLE if seen.works else LIKELY)
