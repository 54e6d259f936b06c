# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is named gets in and nothing else does; and no rules, whoever made them, lock the one out who deploys."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.security.tests.conftest import CLIENT, SERVER
from ansible_collections.ridgetop.aidis.molecule.shared.playbook import PROJECT
from ansible_collections.ridgetop.aidis.molecule.shared.verification import run as verify

# ssh, MCP, which the client is let in to; HTTP, PostgreSQL and a port that nothing listens on.
PORTS = {22: "open", 3001: "open", 8080: "silent", 5432: "silent", 9100: "silent"}
# Addresses for documentation: no machine of this scenario has one.
ELSEWHERE = ["198.51.100.0/24"]
SECONDS = 10
NO_CONNECTION = f"no fresh connection from this controller came through within {SECONDS} seconds"
REVERT = PROJECT / "roles/firewall/files/revert.sh"


@pytest.fixture
def taken(on: Any) -> Callable[[], float]:
    """Seconds that the last return took from being armed, by the host's journal."""

    def seconds() -> float:
        told = on(SERVER, "journalctl --unit 'aidis-firewall-revert.*' --output json --no-pager").splitlines()
        entries = [(int(one["__REALTIME_TIMESTAMP"]) / 1e6, str(one["MESSAGE"])) for one in map(json.loads, told)]
        armed = max(at for at, text in entries if text.startswith("Started aidis-firewall-revert.timer"))
        return min(at for at, text in entries if at > armed and text.startswith("The firewall is what it was")) - armed

    return seconds


def all_seen(seen: Any, *where: str) -> dict[int, str]:
    return {port: seen(port, *where) for port in PORTS}


# ---- What gets in ----


def test_only_what_is_named_gets_in(seen: Any) -> None:
    assert all_seen(seen) == PORTS


def test_by_ipv6_it_is_the_same(seen: Any, on: Any) -> None:
    """But for MCP, which the client is let in to by its address of IPv4 alone."""
    found = on(SERVER, "ip -6 -o addr show dev eth0 scope link").split()
    if not found:
        pytest.skip("the containers of this host have no IPv6")
    address = found[found.index("inet6") + 1].partition("/")[0]
    assert all_seen(seen, f"{address}%eth0") == {**PORTS, 3001: "silent"}


def test_after_a_restart_it_is_the_same(seen: Any, on: Any) -> None:
    podman = str(PROJECT / "molecule/shared/bin/podman")
    subprocess.run([podman, "restart", "--time", "30", SERVER], check=True, capture_output=True)
    # Podman gives it another hardware address, which the others learn when it speaks to them.
    speak = "timeout 2 bash -c ': < /dev/tcp/10.201.49.1/9; : < /dev/tcp/10.201.49.20/9' 2>/dev/null"
    waited = f"until [ -S /run/systemd/private ]; do sleep 0.1; done; systemctl is-system-running --wait && ! {speak}"
    subprocess.run([podman, "exec", SERVER, "timeout", "90", "sh", "-c", waited], check=True, capture_output=True)
    assert "Status: active" in on(SERVER, "ufw status")
    # The application takes a moment longer.
    on(SERVER, "timeout 60 bash -c 'until : < /dev/tcp/127.0.0.1/3001; do sleep 0.2; done' 2>/dev/null")
    assert all_seen(seen) == PORTS


def test_it_is_verified(inventory: Path, tmp_path: Path) -> None:
    found = verify(inventory, tmp_path, verify_categories=["security"])
    for name in ("firewall", "firewall_policy", "firewall_rules", "firewall_boot"):
        check = found.hosts[SERVER][f"security.{name}"]
        assert check["status"] == "pass", check
    assert "ufw active" in found.hosts[SERVER]["security.firewall"]["observed"]


# ---- What changes ----


def test_a_second_run_changes_nothing(deploy: Any, state: Any) -> None:
    before = state()
    again = deploy()
    assert again.status == 0 and again.says("changed=0"), again.output[-4000:]
    assert state() == before


@pytest.mark.usefixtures("listener")
def test_a_rule_comes_and_goes_and_those_of_others_stay(deploy: Any, seen: Any, on: Any) -> None:
    rules = [{"title": "extra", "port": 9999, "from": [CLIENT]}]
    on(SERVER, "ufw allow 7777/tcp")
    try:
        assert seen(9999) == "silent"
        dry = deploy("--check", "--diff", firewall_rules=rules)
        assert dry.status == 0 and dry.says("allow extra: 9999/tcp from 10.201.49.20"), dry.output[-4000:]
        assert seen(9999) == "silent"
        made = deploy(firewall_rules=rules)
        assert made.status == 0 and made.says("Name the rules of others", "allow 7777/tcp"), made.output[-4000:]
        assert seen(9999) == "open"
        gone = deploy()
        assert gone.status == 0 and gone.says("allow 7777/tcp"), gone.output[-4000:]
        assert seen(9999) == "silent"
        added = on(SERVER, "ufw show added")
        assert "extra" not in added and "ufw allow 7777/tcp" in added
    finally:
        on(SERVER, "ufw delete allow 7777/tcp")


def test_ipv6_is_seen_to_where_it_was_not(deploy: Any, on: Any) -> None:
    look = "cat /etc/default/ufw /etc/ufw/user6.rules; ip6tables -S ufw6-user-input"
    before = on(SERVER, look)
    on(SERVER, "sed -i s/^IPV6=.*/IPV6=no/ /etc/default/ufw && ufw reload")
    mended = deploy()
    assert mended.status == 0, mended.output[-4000:]
    assert on(SERVER, look) == before


# ---- What would lock out ----


def test_nobody_is_locked_out(deploy: Any, state: Any, seen: Any, taken: Any) -> None:
    before = state()
    done = deploy(firewall_ssh_networks=ELSEWHERE, firewall_revert_seconds=SECONDS)
    assert done.failed, done.output[-6000:]
    assert done.says("The firewall of this host is what it was, active", NO_CONNECTION), done.output[-6000:]
    assert done.says("no longer allow ssh: 22/tcp from anywhere", "This run comes from"), done.output[-6000:]
    # Five more for each of the two changes.
    assert 1 <= taken() / (SECONDS + 2 * 5) < 1.5
    assert state() == before
    assert seen(22) == "open"
    assert deploy().says("changed=0"), "the lock was given back, and nothing is left to do"


def test_nobody_is_where_there_was_no_firewall(deploy: Any, state: Any, on: Any, seen: Any) -> None:
    on(SERVER, "ufw disable")
    before = state()
    done = deploy(firewall_ssh_networks=ELSEWHERE, firewall_revert_seconds=SECONDS)
    assert done.failed, done.output[-6000:]
    assert done.says("The firewall of this host is what it was, inactive", NO_CONNECTION), done.output[-6000:]
    assert state() == before and "Status: inactive" in before
    assert deploy().status == 0
    assert all_seen(seen) == PORTS


def test_nobody_is_by_rules_of_others_which_are_named(deploy: Any, others: Any, on: Any) -> None:
    halves = [f"deny proto tcp from {half} to any port 22" for half in ("0.0.0.0/1", "128.0.0.0/1")]
    others(*(f"prepend {half}" for half in halves))
    done = deploy(firewall_revert_seconds=SECONDS)
    assert done.failed and done.says(NO_CONNECTION, "deny from 0.0.0.0/1 to any port 22 proto tcp"), done.output[-6000:]
    assert "Status: inactive" in on(SERVER, "ufw status")


def test_a_rule_of_somebody_else_is_not_turned_into_its_contrary(deploy: Any, others: Any, on: Any) -> None:
    on(SERVER, "ufw disable && ufw delete allow 22/tcp")
    others("deny 22/tcp")
    done = deploy()
    assert done.failed and done.says("'deny 22/tcp' is somebody else's and refuses ssh"), done.output[-4000:]
    assert "ufw deny 22/tcp" in on(SERVER, "ufw show added")


def test_what_a_killed_run_left_unproved_is_proved_by_the_next(deploy: Any, state: Any, on: Any) -> None:
    before = state()
    on(SERVER, "sh -euc %s revert arm 300 </dev/null", REVERT.read_text(encoding="utf-8"))
    assert on(SERVER, "systemctl is-active aidis-firewall-revert.timer") == "active"
    done = deploy()
    assert done.status == 0, done.output[-4000:]
    assert state() == before


def test_what_nobody_proves_goes_back_and_stays_back(on: Any, state: Any, seen: Any) -> None:
    """Somebody's rule stands for a change after which the controller was gone."""
    before = state()
    program = REVERT.read_text(encoding="utf-8")
    on(SERVER, 'printf %%s %s >/run/program && sh -euc "$(cat /run/program)" revert arm 3 </run/program', program)
    on(SERVER, "ufw delete allow 22/tcp")
    on(SERVER, "timeout 30 sh -c 'until [ -e /run/aidis-firewall/fired ]; do sleep 0.5; done'")
    assert seen(22) == "open"
    on(SERVER, 'sh -euc "$(cat /run/program)" revert back && rm /run/program')
    assert state() == before
