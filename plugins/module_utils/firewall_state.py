# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one look at a host says of its firewall, and of the way in."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.ridgetop.aidis.plugins.module_utils.firewall_found import Found, found


@dataclass
class State:
    """What files/look.sh of the role found. The defaults are those of a ufw that was never touched."""

    installed: bool = False
    # yes, no, or partly: for IPv4 and not for IPv6.
    running: str = "no"
    enabled: bool = False
    boot: bool = False
    # A change is waiting for its proof.
    pending: bool = False
    # It did not come, and what was there before is back.
    fired: bool = False
    policy: str = "drop"
    logging: str = "low"
    # Whether ufw sees to IPv6, and whether the kernel speaks it.
    ipv6: bool = True
    kernel_ipv6: bool = False
    # Address and port of both ends of the connection of ssh, as SSH_CONNECTION has them; empty where there is none.
    connection: str = ""
    ssh_ports: list[str] = field(default_factory=list)
    rules: list[Found] = field(default_factory=list)
    addresses: dict[str, list[str]] = field(default_factory=dict)


def read(look: str, connection: str = "") -> State:
    """The state of a host; ``connection`` is what its user said of it, where root could not find it out."""
    facts = [line.partition(" ")[::2] for line in look.splitlines()]
    last = {name: value.strip() for name, value in facts if value.strip()}
    listed = [value.split() for name, value in facts if name == "address" and len(value.split()) == 2]
    state = State(
        installed=last.get("installed") == "yes",
        running=last.get("running", "no"),
        enabled=last.get("enabled", "no").lower() == "yes",
        boot=last.get("boot") == "enabled",
        pending=last.get("pending") == "active",
        fired=last.get("fired") == "yes",
        policy=last.get("policy", "drop").lower(),
        logging=last.get("logging", "low").lower(),
        ipv6=last.get("ipv6", "yes").lower() == "yes",
        kernel_ipv6=last.get("kernel_ipv6") == "yes",
        connection=last.get("connection") or connection.strip(),
        rules=[rule for name, value in facts if name == "rule" and (rule := found(value))],
    )
    for name, address in listed:
        state.addresses.setdefault(name, []).append(address)
    state.ssh_ports = list(dict.fromkeys(_ssh_ports(facts, state.connection)))
    return state


def _ssh_ports(facts: list[tuple[str, str]], connection: str) -> Iterator[str]:
    """Ports that ssh comes in by: that of the connection, and those that sshd listens on for other hosts."""
    ends = connection.split()
    if len(ends) == 4:
        yield ends[3]
    listens = [value.split()[0] for name, value in facts if name == "sshd_listenaddress" and value.split()]
    for address in listens:
        host, _colon, port = address.rpartition(":")
        if not _is_loopback(host.strip("[]")):
            yield port
    if not listens:
        yield from (value.strip() for name, value in facts if name == "sshd_port" and value.strip())


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
