# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Causes that systemd knows of: why the service's unit does not run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import (
    CERTAIN,
    LIKELY,
    POSSIBLE,
    REMARK,
    Found,
    Mend,
    Seen,
    Signatures,
    journal,
)

UNIT = Signatures()
_CONFIGURATION = 78


def _status(seen: Seen, status: int) -> bool:
    """Whether the unit does not run and its last process ended with a status."""
    return bool(seen.unit) and not seen.works and seen.unit.get("ExecMainStatus") == str(status)


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
    if not _status(seen, 200):
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
    if not _status(seen, 203):
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
    if _status(seen, 217) or _status(seen, 216):
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
    if not _status(seen, 226):
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
    "port.taken",
    "Another process listens on a port of the service, which therefore ends with ``EADDRINUSE``.",
    "stopping the unit or the process that holds it, then a restart",
)
def port_taken(seen: Seen) -> Iterator[Found]:
    unit = seen.about.get("unit")
    lines = seen.said("EADDRINUSE", "ddress already in use")
    for socket in seen.rows("sockets"):
        others = [one for one in socket["processes"] if unit not in one["units"]]
        ours = len(others) < len(socket["processes"])
        if not unit or ours or socket["port"] not in seen.about.get("ports", []):
            continue
        by, stop = _holder(socket, others)
        # Where the process cannot be seen, the user that it is of must do.
        if others or socket["user"] != seen.unit.get("User"):
            sentence = f"Port {socket['port']} of the service is held by {by}."
            yield Found(sentence, lines, (Mend(stop), seen.restart), CERTAIN if lines or not seen.works else LIKELY)


def _holder(socket: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Who holds a socket, and the command that ends or shows it."""
    if not others:
        shows = f"sudo ss --listening --tcp --numeric --processes 'sport = :{socket['port']}'"
        return f"a process of the user {socket['user']} that could not be looked at", shows
    by = others[0]
    services = [name for name in by["units"] if name.endswith(".service")]
    if services:
        stop = f"sudo systemctl stop {shlex.quote(services[-1])}"
        return f"{by['command']} (pid {by['pid']}) of {services[-1]}", stop
    return f"{by['command']} (pid {by['pid']})", f"sudo kill {by['pid']}"


@UNIT.add(
    "app.configuration",
    "The application refuses its configuration: it ends with the status 78, ``EX_CONFIG``. What it says is shown.",
    "a deployment, with the variables of the inventory mended where they are what it refuses",
)
def configuration(seen: Seen) -> Iterator[Found]:
    if _status(seen, _CONFIGURATION):
        lines = journal([one for one in seen.recent() if one["by"] != "systemd"], 6)
        sentence = "The application refuses its configuration (exit status 78, EX_CONFIG)."
        yield Found(sentence, lines, (seen.deploy,))


@UNIT.add(
    "unit.stopped",
    "The unit does not run and did not fail: it was stopped by hand, or never started.",
    "``systemctl start``",
)
def stopped(seen: Seen) -> Iterator[Found]:
    unit = seen.unit
    if unit.get("ActiveState") == "inactive" and unit.get("LoadState") == "loaded" and unit.get("Result") == "success":
        since = unit.get("InactiveEnterTimestamp")
        how = f"was stopped at {since}" if since else "has not been started since the host booted"
        mend = Mend(f"sudo systemctl start {shlex.quote(seen.about['unit'])}")
        yield Found(f"{seen.about['unit']} {how}; it did not fail.", seen.said("Stopp", "Deactivated"), (mend,))


@UNIT.add(
    "unit.disabled",
    "The unit is not enabled, so it does not start with the host.",
    "``systemctl enable``",
)
def disabled(seen: Seen) -> Iterator[Found]:
    if seen.unit.get("UnitFileState") == "disabled":
        mend = Mend(f"sudo systemctl enable --now {shlex.quote(seen.about['unit'])}")
        yield Found(f"{seen.about['unit']} is disabled: it does not start when the host boots.", (), (mend,))


@UNIT.add(
    "unit.start_limit",
    "The service was started too often in a short time, and systemd starts it no more.",
    "mending what made it fail, then ``systemctl reset-failed`` and a start",
    symptom=True,
)
def start_limit(seen: Seen) -> Iterator[Found]:
    lines = seen.said("repeated too quickly")
    failed = seen.unit.get("ActiveState") == "failed"
    if failed and (seen.unit.get("Result") == "start-limit-hit" or lines):
        sentence = "The service failed so often in a short time that systemd does not start it any more."
        yield Found(sentence, lines, (seen.restart,))


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


@UNIT.add(
    "port.closed",
    "The service runs and does not listen on one of its ports. It may still be starting, or listen elsewhere.",
    "a restart; ``aidis_mcp_port`` and ``aidis_http_port`` where it listens elsewhere",
    certainty=POSSIBLE,
    symptom=True,
)
def port_closed(seen: Seen) -> Iterator[Found]:
    open_ports = {socket["port"] for socket in seen.rows("sockets")}
    closed = [str(port) for port in seen.about.get("ports", []) if port not in open_ports]
    if seen.unit.get("ActiveState") == "active" and seen.known("sockets") and closed:
        since = seen.unit.get("ActiveEnterTimestamp")
        sentence = f"The service runs since {since}, and nothing listens on {', '.join(closed)}."
        yield Found(sentence, journal(seen.recent(), 3), (seen.restart,))
