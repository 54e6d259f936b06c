# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of a firewall, as they are wanted."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Python 3.9 of a host makes no such type with `|` when it is run.
Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]  # noqa: UP007

ANYWHERE: dict[int, Network] = {4: ipaddress.IPv4Network("0.0.0.0/0"), 6: ipaddress.IPv6Network("::/0")}
PROTOCOLS = ("tcp", "udp")
# ufw takes the title within quotes, on a command line.
TITLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/()+-]*")
PORT = re.compile(r"(\d+)(?::(\d+))?")


class RuleError(Exception):
    """A rule that cannot be wanted."""


@dataclass(frozen=True)
class Opening:
    """What a rule lets in: connections to a port, from a network."""

    proto: str
    port: str
    network: Network

    @property
    def source(self) -> str:
        """The network as ufw takes it; of the whole of one family not `any`, which stands for both."""
        return str(self.network.network_address) if self.network.num_addresses == 1 else str(self.network)


@dataclass(frozen=True)
class Wanted:
    """Openings that are wanted, each with the title of its rule, and what is wrong with the rules."""

    openings: dict[Opening, str]
    problems: list[str]


def wanted(
    rules: Sequence[Mapping[str, t.Any]], addresses: Mapping[str, Sequence[str]], versions: Sequence[int]
) -> Wanted:
    """What rules let in, in their order; ``addresses`` are those of host names, ``versions`` those of IP in use.

    Where two rules want the same, the title of the first counts.
    """
    openings: dict[Opening, str] = {}
    problems: list[str] = []
    for rule in rules:
        try:
            title, proto, port, sources = _read(rule)
        except RuleError as problem:
            problems.append(str(problem))
            continue
        for source in sources:
            networks = _networks(source, addresses)
            if not networks:
                problems.append(f"{title}: this host does not know the address of {source}")
            for network in networks:
                if network.version in versions:
                    openings.setdefault(Opening(proto, port, network), title)
    return Wanted(openings, problems)


def _read(rule: Mapping[str, t.Any]) -> tuple[str, str, str, list[str]]:
    """Title, protocol, port and sources of a rule. Raises RuleError."""
    unknown = sorted(set(rule) - {"title", "port", "proto", "from"})
    missing = sorted({"title", "port", "from"} - set(rule))
    if unknown or missing:
        what = [f"has no {', '.join(missing)}"] * bool(missing) + [f"knows no {', '.join(unknown)}"] * bool(unknown)
        raise RuleError(f"a rule {' and '.join(what)}: {dict(rule)}")
    title, proto, port = str(rule["title"]), str(rule.get("proto") or "tcp"), str(rule["port"])
    if not TITLE.fullmatch(title):
        raise RuleError(f"'{title}' is no title of a rule: letters, digits, blanks and ._:/()+- may stand in it")
    if proto not in PROTOCOLS:
        raise RuleError(f"{title}: '{proto}' is no protocol: {', '.join(PROTOCOLS)}")
    bounds = PORT.fullmatch(port)
    numbers = [int(bound) for bound in bounds.groups() if bound] if bounds else []
    if not numbers or not all(1 <= number <= 65535 for number in numbers) or numbers != sorted(set(numbers)):
        raise RuleError(f"{title}: '{port}' is no port, and no range of ports as 6000:6010")
    if not isinstance(rule["from"], list):
        raise RuleError(f"{title}: '{rule['from']}' is no list of networks, addresses and host names")
    return title, proto, ":".join(map(str, numbers)), [str(source) for source in rule["from"]]


def _networks(source: str, addresses: Mapping[str, Sequence[str]]) -> list[Network]:
    """The networks that a source stands for; none where it is a name without an address."""
    if source == "any":
        return list(ANYWHERE.values())
    texts = [source] if network_of(source) else addresses.get(source, [])
    return [network for network in map(network_of, texts) if network]


def network_of(text: str) -> Network | None:
    """A network of a text, as ufw reads it: host bits do not count. None where it is none."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
