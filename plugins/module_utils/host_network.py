# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requirements on the network: what can be reached, what listens, whether a firewall stands."""

from __future__ import annotations

import ipaddress
import json
from fnmatch import fnmatchcase

from ansible_collections.ridgetop.aidis.plugins.module_utils import host_sockets as sockets
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_kind import (
    Kind,
    ParameterError,
    joined,
    port_number,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.http_status import (
    Request,
    parsed,
    status_of,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.net import (
    Deadline,
    Endpoint,
    NetError,
    connect,
    excerpt,
)


class Url(Kind):
    """A URL that answers."""

    name, category = "url", "network"
    required = ("url",)
    optional = ("status", "method", "validate_certs", "ca_path", "use_proxy")

    def prepare(self) -> None:
        try:
            parsed(self.params["url"])
        except ValueError as error:
            raise ParameterError(str(error)) from None

    def title(self) -> str:
        return f"Reach {self.params['url']}"

    def expected(self) -> str:
        wanted = self.params["status"]
        return "status " + " or ".join(map(str, wanted)) if wanted else "an answer below status 500"

    def look(self, host: Host) -> tuple[bool, str]:
        request = Request(
            self.params["url"],
            self.params["method"].upper(),
            self.params["validate_certs"],
            self.params["ca_path"],
            self.params["use_proxy"],
            self.seconds,
        )
        try:
            status = status_of(request)
        except NetError as error:
            return False, str(error)
        wanted = self.params["status"]
        return status in wanted if wanted else status < 500, f"status {status}"


class Tcp(Kind):
    """A port that accepts connections, or does not."""

    name, category = "tcp", "network"
    required = ("port",)
    optional = ("host", "reachable")

    def prepare(self) -> None:
        port_number(self.params["port"])

    def title(self) -> str:
        return f"Connect to {self._endpoint()}"

    def expected(self) -> str:
        return "reachable" if self.params["reachable"] else "not reachable"

    def look(self, host: Host) -> tuple[bool, str]:
        try:
            connect(self._endpoint(), Deadline(self.seconds)).close()
        except NetError as error:
            return not self.params["reachable"], str(error)
        return bool(self.params["reachable"]), "reachable"

    def _endpoint(self) -> Endpoint:
        return Endpoint(self.params["host"], self.params["port"])


class Listening(Kind):
    """A port on which something listens, by address and process."""

    name, category = "listening", "network"
    required = ("port",)
    optional = ("address", "only", "process")

    def prepare(self) -> None:
        port_number(self.params["port"])
        for address in self.params["address"] or []:
            if address not in ("any", "loopback"):
                _checked_address(address)
        if self.params["only"] and not self.params["address"]:
            raise ParameterError("only needs address")

    def title(self) -> str:
        return f"Port {self.params['port']} listens"

    def expected(self) -> str:
        wanted = " or ".join(self.params["address"] or [])
        where = f"on {wanted}{' only' if self.params['only'] else ''}" if wanted else ""
        by = f"by {self.params['process']}" if self.params["process"] else ""
        return " ".join(part for part in ("listening", where, by) if part)

    def look(self, host: Host) -> tuple[bool, str]:
        found = sockets.listening(host, self.params["port"])
        if not found:
            return False, "nothing listens"
        seen = ", ".join(sorted({str(socket) for socket in found}))
        wanted = self.params["address"]
        right = [
            socket for socket in found if not wanted or any(sockets.matches(socket.address, one) for one in wanted)
        ]
        if not right or (self.params["only"] and len(right) < len(found)):
            return False, seen
        if self.params["process"] is None:
            return True, seen
        commands = sorted({owner.command for owner in sockets.owners(host, right)})
        if not commands:
            raise CannotCheckError("not permitted to see which process listens")
        return self.params["process"] in commands, f"{seen} by {', '.join(commands)}"


class PortFree(Kind):
    """A port on which nothing listens, or nothing but a given unit or process."""

    name, category = "port_free", "network"
    required = ("port",)
    optional = ("unit", "process")

    def prepare(self) -> None:
        port_number(self.params["port"])

    def title(self) -> str:
        return f"Port {self.params['port']} is free"

    def expected(self) -> str:
        allowed = [self.params[name] for name in ("unit", "process") if self.params[name]]
        return "free" + (f" or held by {' or '.join(allowed)}" if allowed else "")

    def look(self, host: Host) -> tuple[bool, str]:
        found = sockets.listening(host, self.params["port"])
        if not found:
            return True, "free"
        holders = sockets.owners(host, found)
        unit, process = self.params["unit"], self.params["process"]
        if not holders and (unit or process):
            raise CannotCheckError("the port is taken, and not permitted to see by which process")
        seen = sorted({" of ".join([o.command, *o.units[-1:]]) for o in holders})
        met = bool(holders) and all(self._allowed(owner) for owner in holders)
        return met, f"held by {', '.join(seen) or 'a process that is not visible'}"

    def _allowed(self, owner: sockets.Owner) -> bool:
        unit, process = self.params["unit"], self.params["process"]
        by_unit = bool(unit) and any(fnmatchcase(name, unit) for name in owner.units)
        return by_unit or (bool(process) and owner.command == process)


class Firewall(Kind):
    """A firewall that is active: ufw by its status, nftables by a chain on the input hook."""

    name, category = "firewall", "security"
    optional = ("backend", "active")

    def title(self) -> str:
        return "Firewall"

    def expected(self) -> str:
        backend = "" if self.params["backend"] == "any" else f"{self.params['backend']} "
        return f"{backend}{'active' if self.params['active'] else 'inactive'}"

    def look(self, host: Host) -> tuple[bool, str]:
        backends = {"ufw": self._ufw, "nft": self._nft}
        if self.params["backend"] != "any":
            backends = {self.params["backend"]: backends[self.params["backend"]]}
        states, reasons = {}, []
        for name, state in backends.items():
            try:
                states[name] = state(host)
            except CannotCheckError as reason:
                reasons.append(str(reason))
        active = any(states.values())
        if not states or (not active and reasons):
            raise CannotCheckError(joined(reasons))
        seen = [f"{name} {'active' if on else 'inactive'}" for name, on in states.items()]
        return active == self.params["active"], joined(seen)

    def _ufw(self, host: Host) -> bool:
        if host.find_command("ufw") is None:
            return False
        ran = host.run(["ufw", "status"], self.seconds)
        if ran.status != 0 or "Status:" not in ran.out:
            raise CannotCheckError(f"ufw status: {excerpt(ran.err or ran.out)}")
        return "Status: active" in ran.out

    def _nft(self, host: Host) -> bool:
        if host.find_command("nft") is None:
            return False
        ran = host.run(["nft", "-j", "list", "ruleset"], self.seconds)
        try:
            entries = json.loads(ran.out)["nftables"] if ran.status == 0 else None
        except (ValueError, KeyError, TypeError):
            entries = None
        if entries is None:
            raise CannotCheckError(f"nft list ruleset: {excerpt(ran.err or ran.out)}")
        return _filters_input(entries)


def _filters_input(entries: list[dict[str, dict[str, object]]]) -> bool:
    """Whether a filter chain on the input hook drops by policy or has rules of its own."""
    chains = [entry["chain"] for entry in entries if "chain" in entry]
    rules = [entry["rule"] for entry in entries if "rule" in entry]
    own = {(r.get("family"), r.get("table"), r.get("chain")) for r in rules}
    return any(
        chain.get("policy") == "drop" or (chain.get("family"), chain.get("table"), chain.get("name")) in own
        for chain in chains
        if chain.get("hook") == "input" and chain.get("type") == "filter"
    )


def _checked_address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise ParameterError(f"'{text}' is not an address, any or loopback") from None


KINDS: tuple[type[Kind], ...] = (Url, Tcp, Listening, PortFree, Firewall)
