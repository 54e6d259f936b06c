# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listening TCP sockets and their owners, by /proc (proc_net_tcp(5))."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host

LISTEN = "0A"
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


@dataclass(frozen=True)
class Socket:
    """A listening socket."""

    address: str
    port: int
    inode: str
    uid: int = 0

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}"


@dataclass(frozen=True)
class Owner:
    """A process that holds a socket: its command name, and the units its control group lies in."""

    command: str
    units: tuple[str, ...]


def address_of(hexadecimal: str) -> str:
    """An address as the kernel prints it: words in the machine's (little-endian) order."""
    raw = bytes.fromhex(hexadecimal)
    words = [raw[i : i + 4][::-1] for i in range(0, len(raw), 4)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def parse(table: str) -> list[Socket]:
    """The listening sockets of a table."""
    found = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == LISTEN:
            address, _colon, port = fields[1].partition(":")
            found.append(Socket(address_of(address), int(port, 16), fields[9], int(fields[7])))
    return found


def listening(host: Host, port: int) -> list[Socket]:
    """The sockets that listen on a port. Raises CannotCheckError when /proc cannot be read."""
    return [socket for socket in all_listening(host) if socket.port == port]


def all_listening(host: Host) -> list[Socket]:
    """All sockets that listen. Raises CannotCheckError when /proc cannot be read."""
    found: list[Socket] = []
    unread = []
    for path in TABLES:
        try:
            found += parse(host.read(path))
        except OSError as error:
            unread.append(f"cannot read {path}: {error.strerror}")
    if len(unread) == len(TABLES):
        raise CannotCheckError(unread[0])
    return found


def matches(address: str, wanted: str) -> bool:
    """Whether an address is the wanted one; ``loopback`` and ``any`` stand for both families."""
    if wanted == "loopback":
        return ipaddress.ip_address(address).is_loopback
    if wanted == "any":
        return ipaddress.ip_address(address).is_unspecified
    return ipaddress.ip_address(address) == ipaddress.ip_address(wanted)


def owners(host: Host, sockets: list[Socket]) -> list[Owner]:
    """The processes that hold the sockets, as far as the user may see them."""
    pids = dict.fromkeys(pid for pids in holders(host, sockets).values() for pid in pids)
    return [owner(host, pid) for pid in sorted(pids)]


def holders(host: Host, sockets: list[Socket]) -> dict[str, list[str]]:
    """The pids that hold each socket, by its inode, as far as the user may see them."""
    inodes = {f"socket:[{socket.inode}]": socket.inode for socket in sockets}
    found: dict[str, list[str]] = {socket.inode: [] for socket in sockets}
    for pid in host.names("/proc"):
        for inode in {inodes[name] for name in _descriptors(host, pid) if name in inodes} if pid.isdigit() else ():
            found[inode].append(pid)
    return found


def owner(host: Host, pid: str) -> Owner:
    """What a process is."""
    return Owner(_line(host, f"/proc/{pid}/comm"), _units(host, pid))


def _descriptors(host: Host, pid: str) -> list[str]:
    """What the descriptors of a process are; none where they cannot be seen."""
    try:
        numbers = host.names(f"/proc/{pid}/fd")
    except OSError:
        return []
    return [_target(host, f"/proc/{pid}/fd/{number}") for number in numbers]


def _target(host: Host, path: str) -> str:
    try:
        return host.link(path)
    except OSError:
        return ""


def _line(host: Host, path: str) -> str:
    try:
        return host.read(path).strip()
    except OSError:
        return ""


def _units(host: Host, pid: str) -> tuple[str, ...]:
    """Units in the path of the control group, on version 2 or in systemd's own hierarchy."""
    groups = _line(host, f"/proc/{pid}/cgroup").splitlines()
    paths = [line.split(":", 2) for line in groups if line.count(":") >= 2]
    names = [
        name
        for number, controllers, path in paths
        if number == "0" or controllers == "name=systemd"
        for name in path.split("/")
        if name.endswith((".service", ".socket", ".scope"))
    ]
    return tuple(dict.fromkeys(names))
