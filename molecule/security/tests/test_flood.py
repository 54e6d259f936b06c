# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whoever reaches the application may treat it badly: the host stays up, and the service is there, or there again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.security.tests.conftest import ADDRESS, CLIENT, SERVER
from ansible_collections.ridgetop.aidis.molecule.shared.verification import run as verify

FLOOD = (Path(__file__).resolve().parent / "flood.py").read_text(encoding="utf-8")
# Who floods a transport, and where. By HTTP nobody is let in but the host itself.
FROM = {"lines": (CLIENT, ADDRESS, 3001), "http": (SERVER, "127.0.0.1", 8080)}
# Connections that each way has to come to, since less would be no flood; and seconds of it.
WAYS = {"many": (400, 3), "large": (100, 3), "slow": (50, 6), "malformed": (100, 2)}
# A call that asks the database, over a fresh connection, and the greeting of the host's ssh, over another one.
CALL = """
import socket, sys, time
begun, deadline = time.monotonic(), float(sys.argv[2])
while True:
    try:
        with socket.create_connection((sys.argv[1], 3001), 20) as connection:
            connection.sendall(b'{"method":"project_list"}\\n')
            answer = connection.makefile().readline()
        assert '"result"' in answer, answer
        break
    except (OSError, AssertionError) as error:
        if time.monotonic() - begun >= deadline:
            sys.exit(f"no answer: {error}")
        time.sleep(0.2)
with socket.create_connection((sys.argv[1], 22), 20) as connection:
    assert connection.recv(4) == b"SSH-"
"""
# The unit, the memory of its process, and the connections of its role, as the host's own programs tell them.
LOOK = """
import json, subprocess
def said(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
names = "ActiveState,MainPID,NRestarts,StartLimitBurst,MemoryPeak,MemoryMax"
found = dict(line.split("=", 1) for line in said("systemctl", "show", "-p", names, "aidis-production").splitlines())
psql = ["runuser", "-u", "postgres", "--", "psql", "-XAtqd", "postgres", "-c"]
used = "(SELECT count(*) FROM pg_stat_activity WHERE usename = rolname)"
row = said(*psql, f"SELECT {used}, rolconnlimit FROM pg_roles WHERE rolname = 'ridgetop'")
found["Connections"], found["ConnectionLimit"] = row.strip().split("|")
try:
    with open(f"/proc/{found['MainPID']}/status") as status:
        found["ProcessPeak"] = next(line.split()[1] for line in status if line.startswith("VmHWM")) + "000"
except OSError:
    found["ProcessPeak"] = "0"
print(json.dumps(found))
"""

Look = Callable[[], dict[str, str]]


@pytest.fixture(scope="module")
def look(on: Any) -> Look:
    """See the server over ssh."""
    return lambda: dict(json.loads(on(SERVER, "cd / && python3 -c %s", LOOK)))


@pytest.fixture(scope="module")
def answers(on: Any) -> Callable[..., None]:
    """Have the client's call answered, at the latest after some seconds of trying."""

    def call(patience: float = 0) -> None:
        on(CLIENT, "python3 -c %s %s %s", CALL, ADDRESS, str(patience))

    return call


def peak(seen: dict[str, str]) -> int:
    """The most memory that was used: of the unit, or, where the kernel of a container counts none, of its process."""
    told = seen["MemoryPeak"]
    return int(told if told.isdigit() and int(told) < 2**63 else seen["ProcessPeak"])


def holds(seen: dict[str, str]) -> None:
    """No more memory and connections than it may have, and no more starts than its policy knows."""
    assert peak(seen) <= int(seen["MemoryMax"]), seen
    assert int(seen["ConnectionLimit"]) > 0 and int(seen["Connections"]) <= int(seen["ConnectionLimit"]), seen
    assert int(seen["NRestarts"]) < int(seen["StartLimitBurst"]), seen


@pytest.fixture
def before(on: Any, look: Look) -> Iterator[dict[str, str]]:
    """What it was; a start that this costs is not held against the next test."""
    yield look()
    on(SERVER, "systemctl reset-failed aidis-production")


@pytest.mark.parametrize("transport", FROM)
@pytest.mark.parametrize("way", WAYS)
def test_the_host_stays_up(
    on: Any, look: Look, answers: Callable[..., None], before: dict[str, str], transport: str, way: str
) -> None:
    (where, address, port), (least, seconds) = FROM[transport], WAYS[way]
    seen, silent = [], []
    with ThreadPoolExecutor() as pool:
        flood = pool.submit(
            on, where, "python3 -c %s %s %s %s %s %s", FLOOD, address, str(port), transport, way, str(seconds)
        )
        while not flood.done():
            seen.append(look())
            try:
                answers()
            except AssertionError as error:
                silent.append(str(error))
    did = json.loads(flood.result())
    assert did["opened"] >= least, did
    answers(60)
    seen.append(look())
    for one in seen:
        holds(one)
    assert seen[-1]["ActiveState"] == "active"
    # Either it bore that and answered others meanwhile, or systemd has started it anew.
    if seen[-1]["MainPID"] == before["MainPID"]:
        assert not silent, (did, silent)
    else:
        assert int(seen[-1]["NRestarts"]) > int(before["NRestarts"]), (before, seen[-1])


def test_after_all_that_it_does_its_work(inventory: Path, tmp_path: Path) -> None:
    found = verify(inventory, tmp_path, verify_categories=["service", "functionality"])
    assert found.status == 0 and found.not_met() == set(), found.output[-6000:]
