# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is so on a host after anything that can happen to a deployment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.ridgetop.aidis.tests.drills.machine import RELEASES, Observation

# What a server says of itself where its version is no tag.
NUMBERS = {"main": "1.1.0"}


def faults(seen: Observation, version: str) -> list[str]:
    """What is not as it must be, where a version is to run and no run is under way."""
    ledger = seen["ledger"]
    running = (ledger["running"] or {}).get("id", "")
    entry: dict[str, Any] = next((one for one in ledger["releases"] if one["id"] == running), {})
    return [
        *_active(seen, running, entry, version),
        *_database(seen, entry),
        *_remains(seen),
        *_lock(seen["lock"]),
    ]


def _active(seen: Observation, running: str, entry: dict[str, Any], version: str) -> Iterator[str]:
    if entry.get("version") != version:
        yield f"{running} runs by the ledger, and not {version}"
    if entry.get("result") != "good":
        yield f"{running} is {entry.get('result')} in the ledger"
    if seen["link"] != f"releases/{running}":
        yield f"the ledger says {running}, the link {seen['link']}"
    if seen["active"] != "active" or seen["directory"] != f"{RELEASES}/{running}/mcp-server":
        yield f"the service is {seen['active']}, in {seen['directory']}"
    told = seen["health"]["json"].get("version")
    if told != NUMBERS.get(version, version.removeprefix("v")):
        yield f"/healthz says version {told}"
    if seen["ready"]["status"] != 200:
        yield f"/readyz: {seen['ready']}"
    if "result" not in seen["tool"]:
        yield f"a tool does not answer: {seen['tool']}"


def _database(seen: Observation, entry: dict[str, Any]) -> Iterator[str]:
    if seen["ledger"]["underway"] is not None:
        yield f"migrations are under way: {seen['ledger']['underway']}"
    database = seen["database"]
    for mine, theirs in (("fingerprint", "fingerprint"), ("migrations", "migrations_digest")):
        if entry.get(mine) != database.get(theirs):
            yield f"the ledger says {mine} {entry.get(mine)}, the database {database.get(theirs)}"


def _remains(seen: Observation) -> Iterator[str]:
    scratch = [name for name in seen["databases"] if "_restore_" in name]
    for what in (scratch, seen["parts"], seen["temporary"], seen["failed_units"], seen["migrating_units"]):
        if what:
            yield f"left behind: {what}"


def _lock(lock: dict[str, Any] | None) -> Iterator[str]:
    if lock is not None:
        yield f"the lock is held: {lock}"
