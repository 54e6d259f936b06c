# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to change for a firewall to hold what is wanted. The lines of rules are those that ufw 0.36.2 writes."""

from __future__ import annotations

import binascii
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.ridgetop.aidis.plugins.filter.firewall_plan import FilterModule

firewall_plan = FilterModule().filters()["firewall_plan"]

CONNECTION = "192.0.2.9 50022 192.0.2.10 22"
SETTINGS = """enabled yes
logging low
ipv6 yes
policy DROP
kernel_ipv6 yes
boot enabled
pending inactive"""
SSHD = f"sshd_port 22\nsshd_listenaddress [::]:22\nsshd_listenaddress 0.0.0.0:22\nconnection {CONNECTION}"
MCP = {"title": "MCP", "port": 3001, "from": ["10.0.0.0/8"]}


def mark(title: str) -> str:
    return " comment=" + binascii.hexlify(f"aidis: {title}".encode()).decode()


WAY_IN = [f"tcp 22 0.0.0.0/0 any 0.0.0.0/0 in{mark('ssh')}", f"tcp 22 ::/0 any ::/0 in{mark('ssh')}"]


def look(*rules: str, settings: str = SETTINGS, running: str = "yes", sshd: str = SSHD) -> str:
    """What look.sh prints on a host with these rules."""
    return "\n".join(["installed yes", settings, f"running {running}", *(f"rule {rule}" for rule in rules), sshd])


def deployed(*rules: str, **more: str) -> str:
    """The same, of a host that ssh is let in to."""
    return look(*(f"allow {rule}" for rule in WAY_IN), *rules, **more)


def texts(plan: dict[str, Any], name: str) -> list[str]:
    return [command["text"] for command in plan[name]]


# ---- Nothing to do ----


def test_a_deployed_host_stays_as_it_is() -> None:
    plan = firewall_plan(deployed(f"allow tcp 3001 0.0.0.0/0 any 10.0.0.0/8 in{mark('MCP')}"), [MCP])
    assert plan["changes"] == plan["problems"] == plan["others"] == plan["add"] == plan["remove"] == []
    assert not plan["cuts"] and not plan["enable"] and plan["connection"] == CONNECTION


@pytest.mark.parametrize("source", ["10.1.2.3/8", "10.0.0.0/255.0.0.0"])
def test_networks_are_compared_as_ufw_reads_them(source: str) -> None:
    rule = f"allow tcp 3001 0.0.0.0/0 any 10.0.0.0/8 in{mark('MCP')}"
    assert firewall_plan(deployed(rule), [{**MCP, "from": [source]}])["changes"] == []


@pytest.mark.parametrize("source", ["2001:DB8:0::1", "2001:db8::1/128"])
def test_addresses_are_compared_as_ufw_reads_them(source: str) -> None:
    rule = f"allow tcp 3001 ::/0 any 2001:db8::1 in{mark('MCP')}"
    assert firewall_plan(deployed(rule), [{**MCP, "from": [source]}])["changes"] == []


def test_a_rule_for_nobody_opens_nothing() -> None:
    assert firewall_plan(deployed(), [{**MCP, "from": []}])["changes"] == []


# ---- Rules to make ----


def test_a_bare_host_gets_everything() -> None:
    bare = f"enabled \nlogging \nipv6 \npolicy \nkernel_ipv6 yes\nboot \npending inactive\n{SSHD}"
    plan = firewall_plan(bare, [MCP])
    assert plan["changes"] == [
        "allow ssh: 22/tcp from anywhere",
        "allow MCP: 3001/tcp from 10.0.0.0/8",
        "install ufw",
        "start the firewall at boot",
        "switch the firewall on",
    ]
    assert plan["cuts"] and not plan["was_active"] and not plan["policy"]


def test_commands_are_as_the_module_takes_them() -> None:
    plan = firewall_plan(look(), [{**MCP, "from": ["10.0.0.0/8", "2001:db8::1"]}])
    keys = ("rule", "from_ip", "to_port", "proto", "comment")
    assert [tuple(command[key] for key in keys) for command in plan["add"]] == [
        ("allow", "any", "22", "tcp", "aidis: ssh"),
        ("allow", "10.0.0.0/8", "3001", "tcp", "aidis: MCP"),
        ("allow", "2001:db8::1", "3001", "tcp", "aidis: MCP"),
    ]


def test_more_that_is_allowed_cuts_nobody() -> None:
    plan = firewall_plan(deployed(), [MCP])
    assert texts(plan, "add") == ["MCP: 3001/tcp from 10.0.0.0/8"] and not plan["cuts"]


def test_the_half_that_is_missing_is_made() -> None:
    plan = firewall_plan(look(f"allow {WAY_IN[0]}"), [])
    assert [command["from_ip"] for command in plan["add"]] == ["::/0"]


def test_without_ipv6_there_are_no_rules_for_it() -> None:
    plan = firewall_plan(look(settings=SETTINGS.replace("kernel_ipv6 yes", "")), [{**MCP, "from": ["2001:db8::1"]}])
    assert [command["from_ip"] for command in plan["add"]] == ["0.0.0.0/0"] and not plan["ipv6"]


def test_another_title_is_written_over_the_old_one() -> None:
    plan = firewall_plan(deployed(f"allow tcp 3001 0.0.0.0/0 any 10.0.0.0/8 in{mark('old')}"), [MCP])
    assert texts(plan, "add") == ["MCP: 3001/tcp from 10.0.0.0/8"] and plan["remove"] == []


def test_of_two_rules_that_want_the_same_the_first_counts() -> None:
    plan = firewall_plan(deployed(), [MCP, {**MCP, "title": "other"}])
    assert texts(plan, "add") == ["MCP: 3001/tcp from 10.0.0.0/8"]


def test_names_are_what_the_host_says_they_are() -> None:
    said = deployed() + "\naddress app.example.org 192.0.2.21\naddress app.example.org 2001:db8::21"
    plan = firewall_plan(said, [{**MCP, "from": ["app.example.org"]}])
    assert [command["from_ip"] for command in plan["add"]] == ["192.0.2.21", "2001:db8::21"]


def test_ranges_and_protocols() -> None:
    rule = {"title": "range", "port": "6000:6010", "proto": "udp", "from": ["any"]}
    assert texts(firewall_plan(deployed(), [rule]), "add") == ["range: 6000:6010/udp from anywhere"]
    there = [
        f"allow udp 6000:6010 {any_} any {any_} in{mark('range')}" for any_ in ("0.0.0.0/0", "::/0")
    ]  # fmt: skip
    assert firewall_plan(deployed(*there), [rule])["changes"] == []


# ---- The way in ----


@pytest.mark.parametrize(
    ("sshd", "more", "ports"),
    [
        ("connection 192.0.2.9 50022 192.0.2.10 2222\nsshd_listenaddress 0.0.0.0:22", [], {"2222", "22"}),
        ("sshd_port 22\nsshd_listenaddress 0.0.0.0:2200\nsshd_listenaddress [::]:2200", [], {"2200"}),
        ("sshd_port 22\nsshd_port 2022", [], {"22", "2022"}),
        ("sshd_listenaddress 127.0.0.1:2022\nsshd_listenaddress [::1]:2022\nsshd_listenaddress [::]:22", [], {"22"}),
        ('sshd_listenaddress [::]:22 rdomain "mgmt"', [2299], {"22", "2299"}),
    ],
)
def test_ssh_comes_in_by_what_it_uses_and_what_sshd_listens_on(sshd: str, more: list[int], ports: set[str]) -> None:
    plan = firewall_plan(look(sshd=sshd), [], ssh_ports=more)
    assert {command["to_port"] for command in plan["add"]} == ports


def test_the_connection_may_be_known_from_the_user() -> None:
    plan = firewall_plan(look(sshd=""), [], connection=CONNECTION)
    assert plan["connection"] == CONNECTION and texts(plan, "add") == ["ssh: 22/tcp from anywhere"]


def test_who_may_come_in_is_chosen() -> None:
    plan = firewall_plan(deployed(), [], ssh_networks=["198.51.100.0/24"])
    assert texts(plan, "add") == ["ssh: 22/tcp from 198.51.100.0/24"]
    assert texts(plan, "remove") == ["ssh: 22/tcp from anywhere"] and plan["cuts"]


@pytest.mark.parametrize(("sshd", "networks"), [("", ["any"]), (SSHD, [])])
def test_without_a_way_in_nothing_is_done(sshd: str, networks: list[str]) -> None:
    (problem,) = firewall_plan(look(sshd=sshd), [], ssh_networks=networks)["problems"]
    assert "No way in" in problem
    assert firewall_plan(look(sshd=sshd), [], ssh_networks=networks, by_ssh=False)["problems"] == []


# ---- Rules that are no longer wanted, and those of others ----


def test_what_is_no_longer_wanted_is_taken_away() -> None:
    old = [f"allow tcp 9000 {any_} any {any_} in{mark('old')}" for any_ in ("0.0.0.0/0", "::/0")]
    plan = firewall_plan(deployed(*old, f"allow tcp 3001 0.0.0.0/0 any 10.9.9.9 in{mark('MCP')}"), [MCP])
    assert [(command["from_ip"], command["to_port"]) for command in plan["remove"]] == [
        ("any", "9000"),
        ("10.9.9.9", "3001"),
    ]
    assert plan["cuts"]


OTHERS = {
    "allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in": "allow 80/tcp",
    "allow any 53 ::/0 any ::/0 in": "allow 53",
    "limit tcp 22 0.0.0.0/0 any 0.0.0.0/0 SSH - in": "limit to any app 'SSH'",
    "allow tcp 80,443 ::/0 any ::/0 WWW%20Full - in comment=7072696e74": "allow to any app 'WWW Full' comment 'print'",
    "deny any 25 1.2.3.4 any 0.0.0.0/0 out_eth0": "deny out on eth0 to 1.2.3.4 port 25",
    "allow any any 0.0.0.0/0 any 192.168.1.0/24 in_eth0": "allow in on eth0 from 192.168.1.0/24",
    "route:allow any 80 10.0.0.9 99 10.9.0.0/16 in_eth0!out_eth1": (
        "route allow in on eth0 out on eth1 from 10.9.0.0/16 port 99 to 10.0.0.9 port 80"
    ),
    "deny_log tcp 23 10.0.0.1 any 0.0.0.0/0 in": "deny log to 10.0.0.1 port 23 proto tcp",
    "reject any any 0.0.0.0/0 any 203.0.113.0/24 in": "reject from 203.0.113.0/24",
    "allow esp any 0.0.0.0/0 any 1.1.1.1 in": "allow from 1.1.1.1 proto esp",
    # With our mark, but nothing that is made here.
    f"allow_log tcp 80 0.0.0.0/0 any 0.0.0.0/0 in{mark('x')}": "allow log 80/tcp comment 'aidis: x'",
}


@pytest.mark.parametrize("rule", OTHERS)
def test_a_rule_of_somebody_else_is_named_and_left_alone(rule: str) -> None:
    plan = firewall_plan(deployed(rule), [])
    assert plan["others"] == [OTHERS[rule]] and plan["changes"] == plan["problems"] == []


def test_a_rule_of_both_families_is_named_once() -> None:
    plan = firewall_plan(deployed(*(f"allow tcp 80 {any_} any {any_} in" for any_ in ("0.0.0.0/0", "::/0"))), [])
    assert plan["others"] == ["allow 80/tcp"]


@pytest.mark.parametrize("action", ["allow", "limit", "allow_log"])
def test_a_rule_of_somebody_else_that_lets_the_same_in_serves(action: str) -> None:
    """ufw would put our comment on it, and it would be ours to take away."""
    plan = firewall_plan(look(f"{action} tcp 22 0.0.0.0/0 any 0.0.0.0/0 in", f"{action} tcp 22 ::/0 any ::/0 in"), [])
    assert plan["changes"] == [] and len(plan["others"]) == 1


@pytest.mark.parametrize("action", ["deny", "reject", "deny_log"])
def test_a_rule_of_somebody_else_that_refuses_the_same_is_a_problem(action: str) -> None:
    """ufw would turn it into its contrary."""
    (problem,) = firewall_plan(deployed(f"{action} tcp 3001 0.0.0.0/0 any 10.0.0.0/8 in"), [MCP])["problems"]
    assert "from 10.0.0.0/8 to any port 3001" in problem and "MCP: 3001/tcp from 10.0.0.0/8" in problem


def test_lines_that_are_none_are_passed_over() -> None:
    assert firewall_plan(deployed("allow", "allow tcp 22 in", ""), [])["others"] == []


# ---- The rest of the firewall ----


@pytest.mark.parametrize(
    ("settings", "running", "told"),
    [
        ("policy ACCEPT", "yes", "deny what no rule allows"),
        ("policy REJECT", "yes", ""),
        ("logging off", "yes", "log at the level low"),
        ("boot disabled", "yes", "start the firewall at boot"),
        ("enabled no", "yes", "switch the firewall on"),
        ("enabled yes", "no", "switch the firewall on"),
        ("ipv6 no", "yes", "filter IPv6, too"),
        ("ipv6 yes", "partly", "filter IPv6, too"),
    ],
)
def test_what_is_not_as_it_should_be_is_put_right(settings: str, running: str, told: str) -> None:
    plan = firewall_plan(deployed(settings=f"{SETTINGS}\n{settings}", running=running), [])
    assert plan["changes"] == ([told] if told else [])
    assert plan["cuts"] == (told not in ("", "log at the level low", "start the firewall at boot"))


def test_a_change_that_was_not_proved_is() -> None:
    plan = firewall_plan(deployed(settings=f"{SETTINGS}\npending active"), [])
    assert plan["pending"] and plan["cuts"] and plan["left"] == [] and len(plan["changes"]) == 1


def test_that_it_was_taken_back_is_seen() -> None:
    assert firewall_plan(f"{deployed()}\nfired yes", [])["fired"]
    assert not firewall_plan(deployed(), [])["fired"]


# ---- Rules that cannot be made ----


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"port": 1, "from": []}, "a rule has no title"),
        ({"title": "x", "port": 1}, "a rule has no from"),
        ({**MCP, "action": "deny"}, "knows no action"),
        ({**MCP, "title": "it's"}, "'it's' is no title"),
        ({**MCP, "title": "a\nb"}, "is no title"),
        ({**MCP, "proto": "icmp"}, "'icmp' is no protocol: tcp, udp"),
        ({**MCP, "port": "http"}, "'http' is no port"),
        ({**MCP, "port": 0}, "'0' is no port"),
        ({**MCP, "port": 65536}, "'65536' is no port"),
        ({**MCP, "port": "10:10"}, "'10:10' is no port"),
        ({**MCP, "port": "20:10"}, "'20:10' is no port"),
        ({**MCP, "from": "any"}, "'any' is no list"),
        ({**MCP, "from": ["nobody.example.org"]}, "does not know the address of nobody.example.org"),
        ({**MCP, "from": ["10.0.0.0/33"]}, "does not know the address of 10.0.0.0/33"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(rule: dict[str, Any], said: str) -> None:
    (problem,) = firewall_plan(deployed(), [rule])["problems"]
    assert said in problem


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert len(firewall_plan(deployed(), [{**MCP, "port": 0}, {**MCP, "proto": "x"}])["problems"]) == 2


def test_rules_that_are_none_are_an_error() -> None:
    with pytest.raises(AnsibleFilterError, match="firewall_plan"):
        firewall_plan(deployed(), ["22/tcp"])
