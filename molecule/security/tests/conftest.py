# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine behind the firewall, the one that tries its ports, and deployments of nothing but the firewall."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import testinfra
from ansible_collections.ridgetop.aidis.molecule.shared import playbook

SERVER, CLIENT = "aidis-security-server", "aidis-security-client"
ADDRESS = "10.201.49.10"
# Of a port that nothing is said about, a packet is dropped: there is no answer at all.
TRY = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()
    print("open")
except TimeoutError:
    print("silent")
except OSError as error:
    print(error)
"""


@pytest.fixture(scope="session")
def inventory(request: pytest.FixtureRequest) -> Path:
    """The scenario's inventory."""
    return Path(request.config.getoption("--ansible-inventory"))


@pytest.fixture(scope="session")
def on(inventory: Path) -> Callable[..., str]:
    """Run a command as root on a host; it must succeed."""

    def run(name: str, command: str, *arguments: str) -> str:
        host = testinfra.get_host(f"ansible://{name}?sudo=true", ansible_inventory=str(inventory))
        return str(host.check_output(command, *arguments))

    return run


@pytest.fixture(scope="session")
def inside() -> Callable[[str, str], str]:
    """Run a script as root on the server, with an input; by podman: ssh and sudo would write down what it holds."""
    podman = [str(playbook.PROJECT / "molecule/shared/bin/podman"), "exec", "--interactive", SERVER]

    def run(script: str, given: str) -> str:
        done = subprocess.run([*podman, "sh", "-c", script], input=given, capture_output=True, text=True, check=True)
        return done.stdout

    return run


@pytest.fixture(scope="session")
def seen(on: Any) -> Callable[..., str]:
    """How a port of the server looks to the client: open, silent, or an error."""
    return lambda port, address=ADDRESS: on(CLIENT, "python3 -c %s %s %s", TRY, address, str(port))


@pytest.fixture(scope="session")
def deploy(inventory: Path) -> Callable[..., playbook.Ran]:
    """Deploy the firewall and nothing else, as a user does."""

    def run(*arguments: str, **variables: Any) -> playbook.Ran:
        where = playbook.inventories(inventory)
        arguments = ("--tags", "firewall", *arguments)
        return playbook.run("deploy", where, *arguments, environment=playbook.AS_A_USER, **variables)

    return run


@pytest.fixture
def state(on: Any) -> Callable[[], str]:
    """All that a change of the firewall may touch, and what of it the kernel has."""
    look = (
        "cat /etc/default/ufw /etc/ufw/ufw.conf /etc/ufw/user.rules /etc/ufw/user6.rules; ufw status verbose;"
        " iptables -S; ip6tables -S; ls -d /run/aidis-firewall* 2>&1; systemctl is-active aidis-firewall-revert.timer"
    )
    return lambda: on(SERVER, f"{look} || true")


@pytest.fixture
def listener(on: Any) -> Iterator[int]:
    """Something on the server that listens, on a port that no role knows."""
    on(SERVER, "systemd-run --quiet --unit=listener python3 -m http.server 9999")
    on(SERVER, "timeout 20 bash -c 'until : < /dev/tcp/127.0.0.1/9999; do sleep 0.2; done' 2>/dev/null")
    yield 9999
    on(SERVER, "systemctl stop listener")


@pytest.fixture
def others(on: Any, deploy: Any) -> Iterator[Callable[..., None]]:
    """Let ufw make rules as somebody else does, in their order before ours; they are taken away again."""
    made: list[str] = []

    def make(*rules: str) -> None:
        on(SERVER, "ufw disable")
        for rule in rules:
            made.append(rule)
            on(SERVER, f"ufw {rule}")

    yield make
    on(SERVER, "ufw disable")
    for rule in made:
        on(SERVER, f"ufw delete {rule.removeprefix('prepend ')}")
    assert deploy().status == 0
