# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Causes in the service: its ports, its configuration, and whether it is meant to run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import (
    CERTAIN,
    LIKELY,
    POSSIBLE,
    Found,
    Mend,
    Seen,
    Signatures,
    journal,
)

SERVICE = Signatures()
# EX_CONFIG of sysexits.h.
_CONFIGURATION = 78


@SERVICE.add(
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


@SERVICE.add(
    "app.configuration",
    "The application refuses its configuration: it ends with the status 78, ``EX_CONFIG``. What it says is shown.",
    "a deployment, with the variables of the inventory mended where they are what it refuses",
)
def configuration(seen: Seen) -> Iterator[Found]:
    if seen.ended_with(_CONFIGURATION):
        lines = journal([one for one in seen.recent() if one["by"] != "systemd"], 6)
        sentence = "The application refuses its configuration (exit status 78, EX_CONFIG)."
        yield Found(sentence, lines, (seen.deploy,))


@SERVICE.add(
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


@SERVICE.add(
    "unit.disabled",
    "The unit is not enabled, so it does not start with the host.",
    "``systemctl enable``",
)
def disabled(seen: Seen) -> Iterator[Found]:
    if seen.unit.get("UnitFileState") == "disabled":
        mend = Mend(f"sudo systemctl enable --now {shlex.quote(seen.about['unit'])}")
        yield Found(f"{seen.about['unit']} is disabled: it does not start when the host boots.", (), (mend,))


@SERVICE.add(
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


@SERVICE.add(
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
