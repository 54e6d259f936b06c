# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to change for a firewall to hold what is wanted, and what of it could cut the way in."""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.ridgetop.aidis.plugins.module_utils.firewall_found import MARK, Found
from ansible_collections.ridgetop.aidis.plugins.module_utils.firewall_rules import ANYWHERE, Opening, Wanted, wanted
from ansible_collections.ridgetop.aidis.plugins.module_utils.firewall_state import State

SSH = "ssh"
Command = dict[str, str]
# An opening, the title of its rule, and what the rule does.
Entry = tuple[Opening, str, str]


def plan(
    state: State,
    rules: Sequence[Mapping[str, t.Any]],
    ssh_ports: Sequence[t.Any],
    ssh_networks: Sequence[str],
    by_ssh: bool,
    logging: str,
) -> dict[str, t.Any]:
    """What is to be done on a host in this state.

    ``by_ssh`` is whether the host is reached by ssh: it must not be without a port for it then.
    """
    ports = list(dict.fromkeys([*state.ssh_ports, *map(str, ssh_ports)]))
    ways_in = [{"title": SSH, "port": port, "from": list(ssh_networks)} for port in ports]
    want = wanted([*ways_in, *rules], state.addresses, (4, 6) if state.kernel_ipv6 else (4,))
    add, remove = _difference(want, state.rules)
    made: dict[str, t.Any] = {
        "installed": state.installed,
        "connection": state.connection,
        "add": _commands(add),
        "remove": _commands(remove),
        "ipv6": state.kernel_ipv6 and (not state.ipv6 or state.running == "partly"),
        "policy": state.policy not in ("drop", "reject"),
        "logging": state.logging != logging,
        "boot": not state.boot,
        "enable": state.running == "no" or not state.enabled,
        "pending": state.pending,
        "fired": state.fired,
        "was_active": state.running != "no",
        "others": list(dict.fromkeys(rule.text for rule in state.rules if rule.title is None)),
        "problems": want.problems + _contradictions(want, state.rules) + _no_way_in(want, by_ssh),
    }
    made["left"] = _told(made, logging)
    made["changes"] = made["left"] + ["prove what an earlier run changed and did not prove"] * state.pending
    made["cuts"] = any(bool(made[name]) for name in ("remove", "ipv6", "policy", "enable", "pending"))
    return made


def _difference(want: Wanted, rules: Sequence[Found]) -> tuple[list[Entry], list[Entry]]:
    """The rules to make, and those of ours to take away.

    ufw knows a rule by what it opens: a rule of somebody else that lets the same in would become ours, so it serves.
    """
    ours = {rule.opening: rule for rule in rules if rule.opening and rule.title is not None}
    served = {rule.opening for rule in rules if rule.opening and rule.title is None and rule.lets_in}
    add = [
        (opening, title, "allow")
        for opening, title in want.openings.items()
        if opening not in served and not (opening in ours and ours[opening].lets_in and ours[opening].title == title)
    ]
    unwanted = [rule for opening, rule in ours.items() if opening not in want.openings]
    return add, [(rule.opening, str(rule.title), rule.action) for rule in unwanted if rule.opening]


def _contradictions(want: Wanted, rules: Iterable[Found]) -> list[str]:
    """Rules of others that refuse just what is wanted: ufw would turn them into their contrary."""
    refusing = {rule.opening: rule for rule in rules if rule.opening and rule.title is None and not rule.lets_in}
    return [
        f"'{refusing[opening].text}' is somebody else's and refuses {_described(opening, title)}. Take one of them away"
        for opening, title in want.openings.items()
        if opening in refusing
    ]


def _no_way_in(want: Wanted, by_ssh: bool) -> list[str]:
    if not by_ssh or SSH in want.openings.values():
        return []
    return ["No way in is left for ssh: name its port in firewall_ssh_ports, and who may come in firewall_ssh_networks"]


def _commands(entries: Sequence[Entry]) -> list[Command]:
    """What community.general.ufw takes for each rule; one that is open to both families as a whole is one command."""
    whole = Counter((o.proto, o.port, title, action) for o, title, action in entries if _is_whole(o))
    made: dict[str, Command] = {}
    for opening, title, action in entries:
        both = _is_whole(opening) and whole[opening.proto, opening.port, title, action] == len(ANYWHERE)
        text = _described(opening, title, both)
        made[text] = {
            "rule": action,
            "from_ip": "any" if both else opening.source,
            "to_port": opening.port,
            "proto": opening.proto,
            "comment": f"{MARK}{title}",
            "text": text,
        }
    return list(made.values())


def _is_whole(opening: Opening) -> bool:
    return opening.network in ANYWHERE.values()


def _described(opening: Opening, title: str, both: bool = False) -> str:
    source = "anywhere" if both else opening.source
    return f"{title}: {opening.port}/{opening.proto} from {source}"


def _told(made: Mapping[str, t.Any], logging: str) -> list[str]:
    """What is to change, for people."""
    steps = (
        (not made["installed"], "install ufw"),
        (made["ipv6"], "filter IPv6, too"),
        (made["policy"], "deny what no rule allows"),
        (made["logging"], f"log at the level {logging}"),
        (made["boot"], "start the firewall at boot"),
        (made["enable"], "switch the firewall on"),
    )
    allowed = [f"allow {one['text']}" for one in made["add"]]
    removed = [f"no longer allow {one['text']}" for one in made["remove"]]
    return allowed + removed + [text for needed, text in steps if needed]
