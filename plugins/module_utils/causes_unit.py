# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Causes that systemd names: why the service's unit cannot be started."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import (
    REMARK,
    Found,
    Mend,
    Seen,
    Signatures,
)

UNIT = Signatures()


def _mended(seen: Seen, differs: bool) -> tuple[Mend, ...]:
    """What gives the unit back its own directives: drop-ins are not the deployment's, and it leaves them alone."""
    if differs and seen.unit.get("DropInPaths"):
        return (Mend(f"sudo systemctl revert {shlex.quote(seen.about['unit'])}"), seen.restart)
    return (seen.deploy,)


def _drop_ins(seen: Seen) -> str:
    paths = seen.unit.get("DropInPaths", "")
    return f" Drop-in files change the unit: {paths}." if paths else ""


@UNIT.add(
    "unit.masked",
    "The service's unit is masked: it is linked to ``/dev/null``, and systemd refuses to start it.",
    "``systemctl unmask``, then a deployment, which writes the unit again",
    explains=("unit.stopped", "unit.disabled", "file.wrong"),
)
def masked(seen: Seen) -> Iterator[Found]:
    if seen.unit.get("LoadState") == "masked":
        unit = seen.about["unit"]
        mends = (Mend(f"sudo systemctl unmask {shlex.quote(unit)}"), seen.deploy)
        yield Found(f"{unit} is masked, so systemd refuses to start it.", (), mends)


@UNIT.add(
    "unit.missing",
    "There is no unit, although other parts of a deployment are there.",
    "a deployment, which writes it again",
    explains=("unit.stopped",),
)
def missing(seen: Seen) -> Iterator[Found]:
    if seen.unit.get("LoadState") == "not-found" and seen.deployed:
        yield Found(f"There is no unit {seen.about['unit']} on this host.", (), (seen.deploy,))


@UNIT.add(
    "unit.environment",
    "systemd cannot read the environment file: the unit fails with the result ``resources`` before anything runs.",
    "a deployment, which writes it again",
)
def environment(seen: Seen) -> Iterator[Found]:
    path = seen.about.get("environment_file")
    if seen.unit and seen.part("environment").get("there") is False and seen.deployed:
        lines = seen.said("Failed to load environment files", "environment")
        yield Found(
            f"The environment file {path} is missing, without which the service cannot start.", lines, (seen.deploy,)
        )


@UNIT.add(
    "unit.chdir",
    "The unit fails with ``200/CHDIR``: the service's user cannot enter its working directory.",
    "reverting drop-in files of the unit where they changed it, else a deployment",
)
def chdir(seen: Seen) -> Iterator[Found]:
    if not seen.ended_with(200):
        return
    directory = seen.unit.get("WorkingDirectory", "")
    differs = directory != seen.about.get("working_directory")
    why = f" The deployment wants {seen.about.get('working_directory')}." if differs else ""
    sentence = f"The unit fails with 200/CHDIR: {directory} is no directory that its user can enter.{why}"
    yield Found(f"{sentence}{_drop_ins(seen)}", seen.said("CHDIR"), _mended(seen, differs))


@UNIT.add(
    "unit.exec",
    "The unit fails with ``203/EXEC``: the program of ``ExecStart=`` is missing or may not be run.",
    "reverting drop-in files of the unit where they changed it, else a deployment",
)
def execute(seen: Seen) -> Iterator[Found]:
    if not seen.ended_with(203):
        return
    started = seen.unit.get("ExecStart", "").partition("argv[]=")[2].partition(" ;")[0]
    differs = bool(started) and started != seen.about.get("exec_start")
    why = f" The deployment wants {seen.about.get('exec_start')}." if differs else ""
    sentence = (
        f"The unit fails with 203/EXEC: the program of {started or 'ExecStart='} is missing or may not be run.{why}"
    )
    yield Found(f"{sentence}{_drop_ins(seen)}", seen.said("EXEC", "Failed to execute"), _mended(seen, differs))


@UNIT.add(
    "unit.user",
    "The unit fails with ``217/USER`` or ``216/GROUP``: the user or the group that it runs as is not on the host.",
    "reverting drop-in files of the unit where they changed it, else a deployment, which makes both",
)
def user(seen: Seen) -> Iterator[Found]:
    if seen.ended_with(217) or seen.ended_with(216):
        name = seen.unit.get("User", "")
        sentence = f"The unit fails with 217/USER: the host does not know the user {name} or its group."
        lines = seen.said("USER", "GROUP", "credentials")
        yield Found(f"{sentence}{_drop_ins(seen)}", lines, _mended(seen, name != seen.about.get("user")))


@UNIT.add(
    "unit.namespace",
    "The unit fails with ``226/NAMESPACE``: a path that its sandbox names does not exist, or cannot be mounted.",
    "making the directory, or a deployment",
)
def namespace(seen: Seen) -> Iterator[Found]:
    if not seen.ended_with(226):
        return
    lines = seen.said("namespac", "NAMESPACE")
    paths = [
        one["path"] for one in seen.rows("files") if not one["found"] and any(one["path"] in line for line in lines)
    ]
    which = (
        f"{paths[0]} does not exist" if paths else "a path that its sandbox names does not exist or cannot be mounted"
    )
    yield Found(f"The unit fails with 226/NAMESPACE: {which}.{_drop_ins(seen)}", lines, (seen.deploy,))


@UNIT.add(
    "unit.changed",
    "Drop-in files change the unit, which the deployment has none of; it leaves them alone.",
    "``systemctl revert``, where they are not wanted",
    certainty=REMARK,
)
def changed(seen: Seen) -> Iterator[Found]:
    paths = seen.unit.get("DropInPaths")
    if paths:
        mends = (Mend(f"sudo systemctl revert {shlex.quote(seen.about['unit'])}"), seen.restart)
        yield Found(f"Drop-in files change {seen.about['unit']}: {paths}.", (), mends)
