# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of a firewall, as ufw keeps them in its files."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from ansible_collections.ridgetop.aidis.plugins.module_utils.firewall_rules import (
    ANYWHERE,
    PROTOCOLS,
    Opening,
    network_of,
)

# What the comment of a rule begins with that this collection has made.
MARK = "aidis: "
LETS_IN = ("allow", "limit")


@dataclass(frozen=True)
class Found:
    """A rule of ufw. It has no opening where it is of another form than the rules that are made here."""

    # With what it logs: allow, deny_log, route:allow.
    action: str
    opening: Opening | None
    comment: str
    # As `ufw show added` prints it.
    text: str

    @property
    def title(self) -> str | None:
        """The title of a rule of ours, None of one of somebody else."""
        ours = self.opening and "_" not in self.action and self.comment.startswith(MARK)
        return self.comment[len(MARK) :] if ours else None

    @property
    def lets_in(self) -> bool:
        return self.action.partition("_")[0] in LETS_IN


def found(line: str) -> Found | None:
    """The rule of a line that ufw keeps it in, without what such lines begin with; None where it cannot be read.

    ACTION[_log] PROTO PORT DESTINATION PORT SOURCE [APPLICATION APPLICATION] DIRECTION[_INTERFACE] [comment=HEX]
    """
    rule, _mark, encoded = line.partition(" comment=")
    fields = rule.split()
    if len(fields) not in (7, 9):
        return None
    action, proto, port, destination, source_port, source, *applications, direction = fields
    comment = _decoded(encoded.strip())
    to, from_ = (name.replace("%20", " ").removeprefix("-") for name in applications or ("-", "-"))
    short = not (to or from_) and direction == "in" and ":" not in action and source_port == "any" and port != "any"
    network = network_of(source) if short and _is_any(destination) and proto in PROTOCOLS else None
    if short and _is_any(destination) and _is_any(source):
        what = [f"{port}/{proto}".removesuffix("/any")]
    else:
        ends = [_end("from", source, source_port, from_), _end("to", destination, port, to)]
        what = [*ends, "" if any(ends) else "to any", "" if proto == "any" or to or from_ else f"proto {proto}"]
    words = [
        action.replace("route:", "route ").replace("_", " "),
        "" if direction == "in" else re.sub(r"_(\S+)", r" on \1", direction.replace("!", " ")),
        *what,
        f"comment '{comment}'" if comment else "",
    ]
    opening = Opening(proto, port, network) if network else None
    return Found(action, opening, comment, " ".join(word for word in words if word))


def _end(word: str, address: str, port: str, application: str) -> str:
    """One end of a connection; empty where it may be any."""
    at = f" app '{application}'" if application else "" if port == "any" else f" port {port}"
    return f"{word} {'any' if _is_any(address) else address}{at}" if at or not _is_any(address) else ""


def _is_any(address: str) -> bool:
    return network_of(address) in ANYWHERE.values()


def _decoded(encoded: str) -> str:
    """A comment, of the hexadecimal digits that it is kept in."""
    try:
        return binascii.unhexlify(encoded).decode("utf-8", "replace")
    except ValueError:
        return ""
