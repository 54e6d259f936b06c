# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""host_check as a whole, on a scripted host: files below a temporary root, commands by script."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    append_file,
    host_checks,
    host_io,
    host_machine,
    host_policy,
    host_systemd,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import (
    CannotCheckError,
    Host,
    Ran,
)
from ansible_collections.ridgetop.aidis.plugins.modules import host_check
from ansible_collections.ridgetop.aidis.tests.unit.plugins.module_utils import npm_samples

Run = Callable[..., dict[str, Any]]


class ScriptedHost(Host):
    """Commands answer by script: the first whose beginning matches; others do not exist."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))
        self.script: dict[str, Ran] = {}
        self.ran: list[str] = []

    def says(self, command: str, out: str = "", err: str = "", status: int = 0) -> None:
        self.script[command] = Ran(status, out, err)

    def holds(self, path: str, text: str) -> Path:
        file = Path(self.at(path))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def find_command(self, name: str) -> str | None:
        known = any(command.split()[0] == name for command in self.script)
        return f"/usr/bin/{name}" if known else None

    def run(self, argv: Sequence[str], seconds: float) -> Ran:
        line = " ".join(argv)
        self.ran.append(line)
        for command, answer in self.script.items():
            if line.startswith(command):
                return answer
        if self.find_command(argv[0]):
            raise AssertionError(f"not in the script: {line}")
        raise CannotCheckError(f"there is no command {argv[0]} on this host")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedHost:
    scripted = ScriptedHost(tmp_path)
    monkeypatch.setattr(host_check, "Host", lambda: scripted)
    return scripted


@pytest.fixture
def check(run_module: Any) -> Run:
    """Check one requirement and return its check."""

    def one(kind: str, **params: Any) -> dict[str, Any]:
        result = run_module(host_check, {"checks": [{"id": "x", "kind": kind, **params}]})
        assert not result["failed"], result.get("msg")
        (found,) = result["checks"]
        assert isinstance(found, dict)
        return found

    return one


def outcome(found: dict[str, Any]) -> tuple[str, str]:
    return found["status"], found["reason" if found["status"] == "skip" else "observed"]


# --- the report


def test_report(run_module: Any, host: ScriptedHost) -> None:
    host.holds("/proc/meminfo", "MemTotal: 2097152 kB\nMemAvailable: 1048576 kB\n")
    checks = [
        {"id": "enough", "kind": "memory", "minimum_mb": 2048},
        {"id": "short", "kind": "memory", "minimum_mb": 2049, "hint": "Buy more."},
        {"id": "free", "kind": "memory", "minimum_mb": 1025, "available": True, "severity": "info"},
        {"id": "unit", "kind": "unit", "name": "a.service", "active": True},
    ]
    result = run_module(host_check, {"checks": checks})
    assert [found["status"] for found in result["checks"]] == ["pass", "fail", "warn", "skip"]
    assert result["failed_ids"] == ["short"]
    assert result["summary"] == {"total": 4, "pass": 1, "fail": 1, "warn": 1, "skip": 1}
    assert not result["changed"]
    assert result["checks"][1] == {
        "id": "short",
        "title": "Memory",
        "category": "resources",
        "severity": "critical",
        "status": "fail",
        "expected": "at least 2049 MiB",
        "observed": "2048 MiB",
        "hint": "Buy more.",
    }
    assert result["checks"][3]["reason"] == "there is no command systemctl on this host"
    failing = run_module(host_check, {"checks": checks, "fail": True})
    assert failing["failed"]
    assert failing["msg"] == (
        "1 of 4 requirements failed:\n- short (Memory): expected at least 2049 MiB; observed 2048 MiB. Buy more."
    )
    assert failing["checks"] == result["checks"]


# --- machine


def test_swap(check: Run, host: ScriptedHost) -> None:
    host.holds("/proc/meminfo", "SwapTotal: 1048576 kB\n")
    assert outcome(check("swap", minimum_mb=1024)) == ("pass", "1024 MiB")
    assert check("swap", maximum_mb=0)["status"] == "fail"


def test_memory_that_cannot_be_read_is_skipped(check: Run, host: ScriptedHost) -> None:
    assert outcome(check("memory", minimum_mb=1))[0] == "skip"
    host.holds("/proc/meminfo", "MemTotal: 1024 kB\n")
    assert outcome(check("memory", minimum_mb=1, available=True))[0] == "skip"


def test_memory_by_its_share(check: Run, host: ScriptedHost) -> None:
    host.holds("/proc/meminfo", "MemTotal: 4096000 kB\nMemAvailable: 1024000 kB\n")
    met = check("memory", available=True, minimum_percent=25)
    assert (met["status"], met["expected"], met["observed"]) == ("pass", "at least 25 %", "1000 MiB, 25 %")
    assert check("memory", available=True, minimum_percent=26)["status"] == "fail"
    assert check("memory", available=True, minimum_mb=1001, minimum_percent=1)["status"] == "fail"


@pytest.mark.usefixtures("host")
def test_disk_of_the_nearest_existing_parent(check: Run) -> None:
    assert check("disk", path="/not/there", minimum_mb=0)["observed"].endswith("free at /")
    assert check("disk", path="/", minimum_mb=10**9)["status"] == "fail"
    assert check("disk", path="/", minimum_percent=101)["status"] == "fail"
    assert check("disk", path="/", minimum_mb=0, minimum_percent=0)["status"] == "pass"


def test_cpus(check: Run) -> None:
    assert check("cpus", minimum=1)["status"] == "pass"
    assert check("cpus", minimum=100000)["status"] == "fail"


def test_distribution(check: Run, host: ScriptedHost) -> None:
    host.holds("/etc/os-release", 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n#x\n')
    allowed = [{"id": "debian", "version": 12}, {"id": "debian", "version": "13"}]
    assert outcome(check("distribution", allowed=allowed)) == ("pass", "debian 12 bookworm")
    assert check("distribution", allowed=[{"id": "debian"}])["status"] == "pass"
    assert check("distribution", allowed=[{"id": "debian", "codename": "trixie"}])["status"] == ("fail")
    assert check("distribution", allowed=[{"id": "ubuntu"}])["expected"] == "ubuntu"


def test_clock(check: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_machine.Clock, "read", staticmethod(lambda: 500_000))
    assert outcome(check("clock")) == ("pass", "synchronised, error at most 500 ms")
    monkeypatch.setattr(host_machine.Clock, "read", staticmethod(lambda: 16_000_000))
    assert check("clock")["status"] == "fail"


def test_the_kernel_answers_adjtimex() -> None:
    assert host_machine.kernel_clock_error() >= 0


@pytest.mark.parametrize(
    ("observed", "operator", "expected", "met"),
    [
        (5, "ge", 5, True),
        (4, "ge", 5, False),
        (5, "gt", 5, False),
        (5, "le", 5, True),
        (5, "lt", 5, False),
        ("a", "eq", "a", True),
        ("a", "ne", "a", False),
        ("a", "in", ["a", "b"], True),
        ("c", "not_in", ["a", "b"], True),
        (["a"], "contains", "a", True),
        ("v1.2", "match", r"^v\d", True),
        ("v1.2", "no_match", r"^v\d", False),
        ("", "set", None, False),
        (None, "set", None, False),
        (0, "set", None, True),
        ("", "unset", None, True),
        ("text", "ge", 5, False),
        (True, "eq", 1, False),
        (1, "in", [True, "1"], False),
        ([1], "contains", True, False),
        ({"a": 1}, "contains", "a", True),
        (5, "contains", 5, False),
        (1, "eq", 1.0, True),
    ],
)
def test_value(check: Run, observed: Any, operator: str, expected: Any, met: bool) -> None:
    found = check("value", observed=observed, operator=operator, expected=expected)
    assert found["status"] == ("pass" if met else "fail")


# --- software


def test_command(check: Run, host: ScriptedHost) -> None:
    host.says("psql")
    assert outcome(check("command", name="psql")) == ("pass", "/usr/bin/psql")
    assert outcome(check("command", name="pg_dump")) == ("fail", "absent")


def test_output(check: Run, host: ScriptedHost) -> None:
    host.says("lsclusters", out="17 main 5432 online\n")
    host.says("broken", err="no such file\nand more", status=2)
    host.says("find", out="")
    assert outcome(check("output", argv=["lsclusters"])) == ("pass", "exit status 0, 17 main 5432 online")
    wanted = check("output", argv=["lsclusters"], contains=[r"main\s+5432\s+online"], excludes=["down"])
    assert wanted["status"] == "pass"
    assert wanted["expected"] == r"exit status 0, output with main\s+5432\s+online, output without down"
    unmet = check("output", argv=["lsclusters"], contains=["5433"], excludes=["on.*"])
    assert outcome(unmet) == ("fail", "exit status 0, without 5433, with online")
    assert outcome(check("output", argv=["broken"])) == ("fail", "exit status 2, no such file and more")
    assert check("output", argv=["broken"], exit_status=[0, 2])["status"] == "pass"
    assert check("output", argv=["find"], excludes=["."])["status"] == "pass"
    assert check("output", argv=["absent"])["status"] == "skip"


def test_command_version(check: Run, host: ScriptedHost) -> None:
    host.says("node --version", out="v20.19.2\n")
    host.says("tsc -v", out="Version 5.4.5\n")
    host.says("odd --version", err="no numbers here")
    node = {"argv": ["node", "--version"]}
    assert outcome(check("command_version", **node, minimum=18)) == ("pass", "20.19.2")
    assert check("command_version", **node, minimum="20.19.3")["status"] == "fail"
    assert check("command_version", **node, maximum="20")["status"] == "pass"
    assert check("command_version", **node, maximum="20.18")["status"] == "fail"
    tsc = check("command_version", argv=["tsc", "-v"], regex=r"Version (\S+)", minimum="5")
    assert outcome(tsc) == ("pass", "5.4.5")
    half = check("command_version", argv=["tsc", "-v"], regex=r"Version(\d)?", minimum="5")
    assert outcome(half) == ("fail", "no version in its output: Version 5.4.5")
    odd = check("command_version", argv=["odd", "--version"], minimum="1")
    assert outcome(odd) == ("fail", "no version in its output: no numbers here")
    assert outcome(check("command_version", argv=["gone"], minimum="1")) == ("fail", "absent")


POLICY = """{name}:
  Installed: {installed}
  Candidate: {candidate}
  Version table:
     17+278 500
"""


@pytest.fixture
def apt(host: ScriptedHost) -> Callable[..., None]:
    """Let apt know a package; versions are compared by the real dpkg."""

    def know(name: str, installed: str = "(none)", candidate: str = "(none)") -> None:
        text = POLICY.format(name=name, installed=installed, candidate=candidate)
        host.says(f"apt-cache policy -- {name}", out=text)
        real = Host()

        def run(argv: Sequence[str], seconds: float) -> Ran:
            if argv[0] == "dpkg":
                return real.run(argv, seconds)
            return ScriptedHost.run(host, argv, seconds)

        host.run = run  # type: ignore[method-assign]

    return know


def test_package(check: Run, host: ScriptedHost, apt: Callable[..., None]) -> None:
    host.holds("/var/lib/apt/lists/deb.example.org_dists_main_binary-amd64_Packages", "")
    apt("postgresql", candidate="17+278")
    assert outcome(check("package", name="postgresql", minimum="14")) == ("pass", "17+278")
    assert check("package", name="postgresql", minimum="18")["status"] == "fail"
    assert check("package", name="postgresql", maximum="17")["status"] == "pass"
    installed = check("package", name="postgresql", state="installed")
    assert outcome(installed) == ("fail", "not installed")
    apt("redis", installed="5:7.0.15-1", candidate="5:7.0.15-1")
    assert check("package", name="redis", minimum="8")["status"] == "fail"
    assert check("package", name="redis", minimum="7")["status"] == "pass"
    assert check("package", name="redis", minimum="4:9")["status"] == "pass"
    assert check("package", name="redis", maximum="7.0")["status"] == "pass"
    apt("none")
    assert outcome(check("package", name="none")) == ("fail", "not available")


@pytest.mark.usefixtures("host")
def test_package_without_lists_is_skipped(check: Run, apt: Callable[..., None]) -> None:
    apt("postgresql")
    assert "run apt-get update" in outcome(check("package", name="postgresql"))[1]


@pytest.mark.usefixtures("host")
def test_package_without_apt_is_skipped(check: Run) -> None:
    assert outcome(check("package", name="bash"))[0] == "skip"


def test_python(check: Run) -> None:
    assert check("python", minimum="3.8")["status"] == "pass"
    assert check("python", maximum="3.7")["status"] == "fail"


# --- network

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   104        0 111 1
   1: 00000000:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000   104        0 222 1
   2: 0100007F:0BB9 0100007F:9999 01 00000000:00000000 00:00000000 00000000   104        0 333 1
"""
TCP6 = """  sl  local_address remote_address st tx rx tr uid timeout inode
   0: 00000000000000000000000001000000:1538 00000000000000000000000000000000:0000 0A 0:0 00:0 0 104 0 444 1
   1: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A 0:0 00:0 0 104 0 555 1
"""


@pytest.fixture
def sockets(host: ScriptedHost) -> ScriptedHost:
    """5432 on both loopbacks by postgres, 3001 on any address by node, 8080 mapped."""
    host.holds("/proc/net/tcp", TCP)
    host.holds("/proc/net/tcp6", TCP6)
    slice_ = "/system.slice/system-postgresql.slice/postgresql@17-main.service"
    for pid, name, inode, group in (
        ("10", "postgres", "111", f"0::{slice_}\n"),
        ("11", "postgres", "444", f"4:memory:/x\n1:name=systemd:{slice_}\n0::/\n"),
        ("12", "node", "222", "0::/system.slice/aidis-production.service\n"),
    ):
        host.holds(f"/proc/{pid}/comm", f"{name}\n")
        host.holds(f"/proc/{pid}/cgroup", group)
        descriptor = Path(host.at(f"/proc/{pid}/fd/3"))
        descriptor.parent.mkdir()
        descriptor.symlink_to(f"socket:[{inode}]")
    return host


@pytest.mark.usefixtures("sockets")
def test_listening(check: Run) -> None:
    assert outcome(check("listening", port=5432)) == ("pass", "127.0.0.1:5432, [::1]:5432")
    only = check("listening", port=5432, address=["loopback"], only=True)
    assert only["status"] == "pass"
    half = check("listening", port=5432, address=["127.0.0.1"], only=True)
    assert outcome(half) == ("fail", "127.0.0.1:5432, [::1]:5432")
    assert outcome(check("listening", port=3001, address=["loopback"]))[0] == "fail"
    assert outcome(check("listening", port=3001, address=["any"], process="node")) == (
        "pass",
        "0.0.0.0:3001 by node",
    )
    assert check("listening", port=3001, process="nginx")["status"] == "fail"
    assert outcome(check("listening", port=22)) == ("fail", "nothing listens")
    assert check("listening", port=8080, address=["127.0.0.1"])["status"] == "pass"
    assert outcome(check("listening", port=8080, process="node"))[0] == "skip"


@pytest.mark.usefixtures("sockets")
def test_port_free(check: Run) -> None:
    assert outcome(check("port_free", port=22)) == ("pass", "free")
    assert outcome(check("port_free", port=3001)) == (
        "fail",
        "held by node of aidis-production.service",
    )
    ours = check("port_free", port=3001, unit="aidis-production.service")
    assert ours["status"] == "pass"
    assert check("port_free", port=3001, unit="other.service")["status"] == "fail"
    assert check("port_free", port=5432, unit="postgresql@*.service")["status"] == "pass"
    assert check("port_free", port=3001, process="node")["status"] == "pass"
    assert check("port_free", port=8080)["status"] == "fail"
    assert check("port_free", port=8080, process="node")["status"] == "skip"


@pytest.mark.usefixtures("host")
def test_no_proc_is_skipped(check: Run) -> None:
    assert outcome(check("listening", port=1))[0] == "skip"
    assert outcome(check("port_free", port=1))[0] == "skip"


def test_the_real_proc_shows_a_real_socket(check: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        own = Path("/proc/self/comm").read_text(encoding="utf-8").strip()
        assert check("listening", port=port, address=["127.0.0.1"], process=own)["status"] == ("pass")
        assert check("tcp", port=port)["status"] == "pass"
        assert check("tcp", port=port, reachable=False)["status"] == "fail"
    assert check("tcp", port=port, reachable=False)["status"] == "pass"
    assert "refused" in outcome(check("tcp", port=port))[1]


def test_url(check: Run, web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    good = f"http://127.0.0.1:{web.port}/readyz?x=1#part"
    assert outcome(check("url", url=f"http://127.0.0.1:{web.port}/readyz")) == (
        "pass",
        "status 200",
    )
    assert outcome(check("url", url=good)) == ("fail", "status 503")
    assert check("url", url=good, status=[503])["status"] == "pass"
    assert "refused" in outcome(check("url", url="http://127.0.0.1:1/"))[1]


def test_url_through_the_proxy_of_the_environment(check: Run, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []

    def proxy(connection: socket.socket) -> None:
        heads.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

    address = f"http://us%40er:pa%20ss@127.0.0.1:{serve(proxy).port}"
    monkeypatch.setenv("http_proxy", address)
    monkeypatch.setenv("https_proxy", address)
    monkeypatch.setenv("no_proxy", "")
    plain = check("url", url="http://registry.example.org/path")
    assert outcome(plain) == ("pass", "status 403")
    assert heads[0].startswith(b"GET http://registry.example.org/path HTTP/1.1\r\n")
    assert b"Host: registry.example.org\r\n" in heads[0]
    assert b"Proxy-Authorization: Basic dXNAZXI6cGEgc3M=\r\n" in heads[0]
    tunnel = check("url", url="https://registry.example.org/")
    assert tunnel["status"] == "fail"
    assert "refused: HTTP/1.1 403 No" in tunnel["observed"]
    assert heads[1].startswith(b"CONNECT registry.example.org:443 HTTP/1.1\r\n")
    assert "pa ss" not in str(tunnel)
    assert "dXNAZXI6cGEgc3M=" not in str(tunnel)


def test_url_of_a_silent_server_ends(check: Run, serve: Any) -> None:
    port = serve(lambda _connection: time.sleep(20)).port
    found = check("url", url=f"http://127.0.0.1:{port}/", timeout=0.5, use_proxy=False)
    assert found["status"] == "fail"
    assert "no answer within" in found["observed"]


def nft(*entries: dict[str, Any]) -> str:
    return json.dumps({"nftables": [{"metainfo": {}}, *entries]})


CHAIN = {"family": "inet", "table": "f", "name": "in", "type": "filter", "hook": "input"}
RULE = {"family": "inet", "table": "f", "chain": "in"}


def test_firewall(check: Run, host: ScriptedHost) -> None:
    assert outcome(check("firewall")) == ("fail", "ufw inactive, nft inactive")
    host.says("ufw status", out="Status: inactive\n")
    assert outcome(check("firewall", backend="ufw")) == ("fail", "ufw inactive")
    assert check("firewall", backend="ufw", active=False)["status"] == "pass"
    host.says("nft -j", out=nft({"chain": {**CHAIN, "policy": "accept"}}))
    assert check("firewall", backend="nft")["status"] == "fail"
    host.says("nft -j", out=nft({"chain": {**CHAIN, "policy": "drop"}}))
    assert check("firewall")["status"] == "pass"
    host.says("nft -j", out=nft({"chain": {**CHAIN, "policy": "accept"}}, {"rule": RULE}))
    assert check("firewall", backend="nft")["status"] == "pass"
    host.says("nft -j", err="Operation not permitted", status=1)
    assert check("firewall")["status"] == "skip"
    host.says("ufw status", out="Status: active\n")
    assert check("firewall")["status"] == "pass"
    host.says("ufw status", err="ERROR: You need to be root to run this script", status=1)
    assert "need to be root" in outcome(check("firewall", backend="ufw"))[1]


# --- systemd


def shows(host: ScriptedHost, **properties: str) -> None:
    lines = [f"{name}={value}" for name, value in {"LoadState": "loaded", **properties}.items()]
    host.says("systemctl show", out="\n".join(lines) + "\n")


def test_unit(check: Run, host: ScriptedHost) -> None:
    up = {"ActiveState": "active", "SubState": "running", "UnitFileState": "enabled"}
    shows(host, **up, NRestarts="0")
    unit = {"name": "aidis.service"}
    found = check("unit", **unit, active=True, enabled=True, sub="running")
    assert outcome(found) == ("pass", "active, running, enabled")
    assert host.ran[-1].endswith("-- aidis.service")
    assert check("unit", **unit, properties={"NRestarts": 0})["status"] == "pass"
    assert check("unit", **unit, properties={"NRestarts": 1})["status"] == "fail"
    assert check("unit", **unit, active=False)["status"] == "fail"
    shows(host, **{**up, "ActiveState": "activating"})
    assert check("unit", **unit, active=True)["status"] == "fail"
    shows(host, LoadState="not-found", ActiveState="inactive")
    assert outcome(check("unit", **unit, active=True)) == ("fail", "no such unit")
    assert check("unit", **unit, active=False)["status"] == "pass"
    host.says("systemctl show", err="Failed to connect to bus", status=1)
    assert "Failed to connect" in outcome(check("unit", **unit, active=True))[1]


def test_timer(check: Run, host: ScriptedHost) -> None:
    shows(
        host,
        ActiveState="active",
        UnitFileState="enabled",
        NextElapseUSecRealtime="Mon 2026-11-23 03:00:00 UTC",
        NextElapseUSecMonotonic="infinity",
        LastTriggerUSec="",
    )
    found = check("timer", name="aidis-backup")
    assert outcome(found)[0] == "pass"
    assert "next Mon 2026-11-23" in found["observed"]
    assert host.ran[-1].endswith("-- aidis-backup.timer")
    assert check("timer", name="aidis-backup", enabled=False)["status"] == "fail"
    shows(
        host,
        ActiveState="active",
        UnitFileState="enabled",
        NextElapseUSecRealtime="",
        NextElapseUSecMonotonic="infinity",
    )
    assert check("timer", name="a")["status"] == "fail"
    assert check("timer", name="a", next=False)["status"] == "pass"
    shows(host, LoadState="not-found")
    assert outcome(check("timer", name="a")) == ("fail", "no such unit")


def entries(*messages: Any) -> str:
    return "".join(json.dumps({"MESSAGE": message}) + "\n" for message in messages)


def test_journal(check: Run, host: ScriptedHost) -> None:
    any_entry = "journalctl --no-pager --output=json --lines=1"
    host.says("journalctl --no-pager --output=json --lines=1000", out="")
    host.says(any_entry, out=entries("something"))
    assert outcome(check("journal", unit="aidis.service")) == ("pass", "none")
    assert "--since=-5min --priority=err --unit=aidis.service" in host.ran[0]
    bad = entries("harmless warning", [98, 97, 100, 255])
    host.says("journalctl --no-pager --output=json --lines=1000", out=bad)
    assert outcome(check("journal")) == ("fail", "2, the last: bad\ufffd")
    assert check("journal", exclude=["harmless", "^bad"])["status"] == "pass"
    assert check("journal", maximum_entries=2)["status"] == "pass"
    shows(host, InvocationID="abc")
    check("journal", unit="a.service", current=True, minutes=60, priority="warning")
    assert host.ran[-1].endswith("--since=-60min --priority=warning _SYSTEMD_INVOCATION_ID=abc")


def test_journal_in_which_what_counts_may_stand_further_back_is_skipped(check: Run, host: ScriptedHost) -> None:
    host.says("journalctl", out=entries(*["harmless"] * host_systemd.MAX_ENTRIES))
    status, reason = outcome(check("journal", exclude=["harmless"]))
    assert status == "skip" and "only the last 1000" in reason
    assert check("journal")["status"] == "fail"


@pytest.mark.parametrize(
    "script",
    [
        {"out": ""},
        {"err": "Hint: You are currently not seeing messages from other users and the system."},
        {"err": "No journal files were found."},
        {"err": "Failed", "status": 1},
    ],
)
def test_journal_that_cannot_be_read_is_skipped(check: Run, host: ScriptedHost, script: dict[str, Any]) -> None:
    host.says("journalctl", **script)
    assert check("journal")["status"] == "skip"


# --- files and users


def test_file(check: Run, host: ScriptedHost) -> None:
    file = host.holds("/etc/aidis/production.env", "DATABASE_URL=secret-value\nJWT=ok\n")
    file.chmod(0o640)
    given = {"path": "/etc/aidis/production.env"}
    uid = str(os.getuid())
    right = check("file", **given, type="file", mode="0640", owner=uid, group=str(os.getgid()))
    assert right["status"] == "pass"
    assert check("file", **given, mode="0600")["status"] == "fail"
    assert check("file", **given, mode_at_most="0640")["status"] == "pass"
    assert check("file", **given, mode_at_most="0600")["status"] == "fail"
    assert check("file", **given, owner="nobody")["status"] == "fail"
    assert check("file", **given, type="directory")["status"] == "fail"
    assert check("file", **given, contains=["^JWT="], excludes=["your_"])["status"] == "pass"
    leaking = check("file", **given, excludes=["DATABASE_URL"], contains=["NONE"])
    assert leaking["status"] == "fail"
    assert "secret-value" not in str(leaking)
    assert outcome(check("file", **given, absent=True)) == ("fail", "present")
    assert outcome(check("file", path="/none", absent=True)) == ("pass", "absent")
    assert outcome(check("file", path="/none")) == ("fail", "absent")
    link = Path(host.at("/current"))
    link.symlink_to("releases/1")
    assert check("file", path="/current", target="releases/1")["status"] == "pass"
    assert check("file", path="/current", target="releases/2")["status"] == "fail"
    assert check("file", path="/current", type="link")["status"] == "pass"
    assert outcome(check("file", path="/current")) == ("fail", "absent")


@pytest.mark.parametrize(
    ("attribute", "capabilities", "status", "seen"),
    [
        (True, 1 << 9, "pass", "append-only"),
        (False, 1 << 9, "fail", "not append-only"),
        (False, 0, "pass", "not append-only, which this machine may not set"),
        (errno.ENOTTY, 1 << 9, "pass", "not append-only, for which its file system has no attribute"),
        (errno.EACCES, 1 << 9, "skip", "cannot ask whether it is append-only: Permission denied"),
    ],
)
def test_file_that_can_only_be_added_to(
    check: Run,
    host: ScriptedHost,
    monkeypatch: pytest.MonkeyPatch,
    attribute: bool | int,
    capabilities: int,
    status: str,
    seen: str,
) -> None:
    def asked(_path: str) -> bool:
        if isinstance(attribute, bool):
            return attribute
        raise OSError(attribute, os.strerror(attribute))

    monkeypatch.setattr(append_file, "is_append_only", asked)
    host.holds("/log", "x\n")
    host.holds("/proc/self/status", f"Name:\tpython3\nCapBnd:\t{capabilities:016x}\nCapAmb:\t{0:016x}\n")
    told, text = outcome(check("file", path="/log", append_only=True))
    assert told == status and text.endswith(seen)
    assert check("file", path="/log", append_only=None)["status"] == "pass"


def test_file_that_is_too_large_to_be_looked_through_is_skipped(check: Run, host: ScriptedHost) -> None:
    host.holds("/big", "early\n" + "x" * host_io.MAX_FILE_BYTES + "\nlate\n")
    for wanted in ({"excludes": ["late"]}, {"contains": ["late"]}, {"contains": ["early"], "excludes": ["none"]}):
        status, reason = outcome(check("file", path="/big", **wanted))
        assert status == "skip" and "larger than" in reason
    assert check("file", path="/big", type="file")["status"] == "pass"


def test_user(check: Run, host: ScriptedHost) -> None:
    root: dict[str, Any] = {"name": "root", "shell": ["/bin/bash", "/bin/sh"], "home": "/root"}
    assert check("user", **root)["status"] == "pass"
    nologin: dict[str, Any] = {"name": "root", "shell": ["/usr/sbin/nologin"]}
    assert check("user", **nologin)["status"] == "fail"
    assert check("user", name="root", groups=["root"])["status"] == "pass"
    assert check("user", name="root", groups=["no-such"])["status"] == "fail"
    assert check("user", name="no-such-user")["status"] == "fail"
    assert check("user", name="no-such-user", absent=True)["status"] == "pass"
    assert check("user", name="root", locked=True)["status"] == "skip"
    host.holds("/etc/shadow", "root:*:1::::::\n")
    assert check("user", name="root", locked=True)["status"] == "pass"
    host.holds("/etc/shadow", "root:$y$abc:1::::::\n")
    found = check("user", name="root", locked=True)
    assert found["status"] == "fail"
    assert "abc" not in str(found)


# --- the host's own policy


def sshd(host: ScriptedHost, **options: str) -> None:
    """What sshd -T says on Debian, with these options."""
    told = {"port": "22", "permitrootlogin": "without-password", "passwordauthentication": "yes"}
    told |= {"kbdinteractiveauthentication": "no", "authenticationmethods": "any", **options}
    host.says("sshd -T -C user=root,", "".join(f"{name} {value}\n" for name, value in told.items()))


@pytest.mark.parametrize(
    ("options", "met"),
    [
        ({}, True),
        ({"permitrootlogin": "no"}, True),
        ({"permitrootlogin": "forced-commands-only"}, True),
        ({"permitrootlogin": "yes"}, False),
        ({"permitrootlogin": "YES"}, False),
        ({"permitrootlogin": "yes", "passwordauthentication": "no"}, True),
        ({"permitrootlogin": "yes", "passwordauthentication": "no", "kbdinteractiveauthentication": "yes"}, False),
        ({"permitrootlogin": "yes", "authenticationmethods": "publickey"}, True),
        ({"permitrootlogin": "yes", "authenticationmethods": "publickey,password"}, True),
        ({"permitrootlogin": "yes", "authenticationmethods": "publickey password"}, False),
        ({"permitrootlogin": "yes", "authenticationmethods": "password,keyboard-interactive:pam publickey"}, False),
    ],
)
def test_root_login(check: Run, host: ScriptedHost, options: dict[str, str], met: bool) -> None:
    sshd(host, **options)
    found = check("root_login", severity="warning")
    assert found["status"] == ("pass" if met else "warn") and "permitrootlogin " in found["observed"]


def test_root_login_says_by_what(check: Run, host: ScriptedHost) -> None:
    sshd(host, permitrootlogin="yes")
    seen = "permitrootlogin yes, passwordauthentication yes"
    assert outcome(check("root_login")) == ("fail", seen)
    # What an old sshd calls it, and what is read first counts.
    host.says("sshd", "PermitRootLogin yes\nChallengeResponseAuthentication yes\npermitrootlogin no\n")
    host.script = dict(reversed(host.script.items()))
    assert outcome(check("root_login")) == ("fail", "permitrootlogin yes, challengeresponseauthentication yes")


def test_root_login_where_sshd_does_not_tell_is_skipped(check: Run, host: ScriptedHost) -> None:
    host.says("sshd", err="sshd: no hostkeys available -- exiting.", status=1)
    assert outcome(check("root_login")) == ("skip", "sshd -T: sshd: no hostkeys available -- exiting.")
    host.says("sshd", "port 22\n")
    assert check("root_login")["status"] == "skip"


NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)
SECURITY = "security.debian.org_debian-security_dists_trixie-security_InRelease"
UPDATES = """\
Inst bash [5.2.15-2+b8] (5.2.15-2+b13 Debian:13.3/stable [amd64])
Inst libssl3t64 [3.5.1-1] (3.5.1-1+deb13u1 Debian:13.3/stable, Debian-Security:13/stable-security [amd64])
Inst linux-image-6.12.60+deb13-amd64 (6.12.60-1 Debian-Security:13/stable-security [amd64]) []
Remv old-library [1.0-1]
Conf libssl3t64 (3.5.1-1+deb13u1 Debian-Security:13/stable-security [amd64])
Inst security [1-1] (2-1 Debian:13.3/stable [all])
"""


@pytest.fixture
def lists(host: ScriptedHost, monkeypatch: pytest.MonkeyPatch) -> ScriptedHost:
    """A host whose lists are two days old and whose apt would install UPDATES."""
    monkeypatch.setattr(host_policy.SecurityUpdates, "now", staticmethod(lambda: NOW))
    release(host, SECURITY, date="Sun, 08 Feb 2026 12:00:00 UTC")
    # Of last year, and of no account: it is the archive of the release itself.
    release(host, "deb.debian.org_debian_dists_trixie_InRelease", "Debian", "stable", "Sat, 06 Sep 2025 10:00:00 UTC")
    host.says("apt-get --simulate ", UPDATES)
    return host


def release(
    host: ScriptedHost, name: str, label: str = "Debian-Security", suite: str = "stable-security", date: str = ""
) -> None:
    head = f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nLabel: {label}\nSuite: {suite}\n"
    dated = f"Date: {date}\n" if date else ""
    host.holds(f"/var/lib/apt/lists/{name}", f"{head}Codename: trixie\n{dated}SHA256:\n {'0' * 64} 1 x/Date\n")


def test_security_updates(check: Run, lists: ScriptedHost) -> None:
    found = check("security_updates")
    pending = "libssl3t64, linux-image-6.12.60+deb13-amd64"
    assert outcome(found) == ("fail", f"2 pending: {pending}, by the lists of 2026-02-08")
    lists.says("apt-get --simulate ", "Inst bash [1] (2 Debian:13.3/stable [amd64])\n")
    assert outcome(check("security_updates")) == ("pass", "none pending, by the lists of 2026-02-08")
    many = "".join(f"Inst p{number} [1] (2 Debian-Security:13/stable-security [all])\n" for number in range(9))
    lists.says("apt-get --simulate ", many)
    assert check("security_updates")["observed"].startswith("9 pending: p0, p1, p2, p3, p4 and 4 more, ")
    assert {line.split()[-1] for line in lists.ran} == {"dist-upgrade"} and all(
        "--simulate" in line for line in lists.ran
    )


def test_security_updates_of_another_distribution(check: Run, lists: ScriptedHost) -> None:
    Path(lists.at(f"/var/lib/apt/lists/{SECURITY}")).unlink()
    release(lists, "archive.ubuntu.com_InRelease", "Ubuntu", "noble-security", "Mon, 09 Feb 2026 12:00:00 UTC")
    lists.says(
        "apt-get --simulate ", "Inst curl [1] (2 Ubuntu:24.04/noble-updates, Ubuntu:24.04/noble-security [amd64])\n"
    )
    assert outcome(check("security_updates")) == ("fail", "1 pending: curl, by the lists of 2026-02-09")


def test_security_updates_by_old_lists_are_skipped(check: Run, lists: ScriptedHost) -> None:
    release(lists, SECURITY, date="Tue, 03 Feb 2026 11:00:00 UTC")
    status, reason = outcome(check("security_updates"))
    assert status == "skip" and "2026-02-03" in reason and "apt-get update" in reason
    assert check("security_updates", maximum_days=8)["status"] == "fail"
    # The oldest of several tells.
    release(lists, SECURITY, date="Tue, 10 Feb 2026 11:00:00 UTC")
    release(lists, "mirror_InRelease", date="Tue, 03 Feb 2026 11:00:00 UTC")
    assert check("security_updates")["status"] == "skip"


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Feb 2026 12:00:00 UTC"])
def test_security_updates_by_lists_of_no_date_are_skipped(check: Run, lists: ScriptedHost, date: str) -> None:
    release(lists, SECURITY, date=date)
    assert "is of a security archive" in outcome(check("security_updates"))[1]


def test_security_updates_without_lists_are_skipped(check: Run, lists: ScriptedHost) -> None:
    lists.says("apt-get --simulate ", err="E: Unmet dependencies.", status=100)
    assert outcome(check("security_updates")) == ("skip", "apt-get: E: Unmet dependencies.")
    Path(lists.at(f"/var/lib/apt/lists/{SECURITY}")).unlink()
    assert check("security_updates")["status"] == "skip"
    Path(lists.at("/var/lib/apt/lists/deb.debian.org_debian_dists_trixie_InRelease")).unlink()
    assert "no package lists" in outcome(check("security_updates"))[1]


@pytest.fixture
def kernels(host: ScriptedHost) -> Callable[..., None]:
    """A host that runs a kernel, beside those that are installed."""

    def script(running: str, *installed: str) -> None:
        built = "(debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0)"
        build = f"#1 SMP PREEMPT_DYNAMIC Debian {running} (2026-02-01)" if running else "#1 SMP x"
        host.holds("/proc/version", f"Linux version 6.1.0-18-amd64 {built if running else '(me)'} {build}\n")
        lines = [f"installed {version} linux-image-{version}-amd64" for version in installed]
        lines += ["not-installed  linux-image-amd64", "installed 9.9-1 linux-image-amd64"]
        lines += ["config-files 9.8-1 linux-image-9.8-amd64", "installed 9.7-1 linux-image-9.7-amd64-dbg"]
        host.says("dpkg-query --show ", "\n".join(lines) if installed else "", status=0 if installed else 1)
        for version in installed:
            for other in (running, *installed):
                newer = [int(part) for part in re.findall(r"\d+", version)] > [
                    int(p) for p in re.findall(r"\d+", other)
                ]
                host.says(f"dpkg --compare-versions {version} gt {other}", status=0 if newer else 1)

    return script


def test_reboot(check: Run, host: ScriptedHost, kernels: Callable[..., None]) -> None:
    kernels("6.1.76-1", "6.1.76-1", "6.1.69-1")
    assert outcome(check("reboot")) == ("pass", "kernel 6.1.76-1 runs, none that is newer is installed")
    kernels("6.1.76-1", "6.1.90-1", "6.1.106-1", "6.1.76-1")
    assert outcome(check("reboot")) == ("fail", "kernel 6.1.76-1 runs, 6.1.106-1 is installed")
    # The packages of the running one are gone.
    kernels("6.1.76-1", "6.1.90-1")
    assert check("reboot")["status"] == "fail"


def test_reboot_that_a_package_asks_for(check: Run, host: ScriptedHost, kernels: Callable[..., None]) -> None:
    kernels("6.1.76-1", "6.1.76-1")
    host.holds("/run/reboot-required", "*** System restart required ***\n")
    assert outcome(check("reboot")) == ("fail", "asked for by a package")
    host.holds("/run/reboot-required.pkgs", "libc6\ndbus\nlibc6\n")
    assert outcome(check("reboot")) == ("fail", "asked for by dbus, libc6")


def test_reboot_of_what_is_around_a_container_is_skipped(
    check: Run, host: ScriptedHost, kernels: Callable[..., None]
) -> None:
    kernels("6.1.76-1")
    status, reason = outcome(check("reboot"))
    assert status == "skip" and "container" in reason
    kernels("", "6.1.76-1")
    status, reason = outcome(check("reboot"))
    assert status == "skip" and "6.1.0-18-amd64, is none of Debian's" in reason


# --- npm


def test_npm_audit(check: Run, host: ScriptedHost) -> None:
    host.says("npm audit", npm_samples.VULNERABLE, status=1)
    found = check("npm_audit", argv=["npm", "audit"])
    assert outcome(found) == ("fail", "2 critical, 1 moderate: leaf (critical), middle (critical), good (moderate)")
    assert found["expected"] == "no vulnerability known that is high or worse"
    host.says("npm audit", npm_samples.MODERATE)
    assert check("npm_audit", argv=["npm", "audit"])["status"] == "pass"
    assert check("npm_audit", argv=["npm", "audit"], threshold="moderate")["status"] == "fail"
    host.says("npm audit", npm_samples.NONE)
    assert outcome(check("npm_audit", argv=["npm", "audit"], threshold="info")) == ("pass", "no known vulnerabilities")


def test_npm_audit_without_an_answer_is_skipped(check: Run, host: ScriptedHost) -> None:
    host.says("npm audit", npm_samples.NO_ENDPOINT, status=1)
    status, told = outcome(check("npm_audit", argv=["npm", "audit"]))
    assert status == "skip" and told.startswith("not known: 405 Method Not Allowed")


def test_npm_audit_that_does_not_end_is_skipped(check: Run) -> None:
    found = check("npm_audit", argv=["sleep", "30"], timeout=0.3)
    assert outcome(found) == ("skip", "not known: sleep did not end within 0.3 s")


# --- what cannot be looked at

# Kinds that every Linux can tell about, whoever asks: they are met or not.
ALWAYS_TOLD = {"clock", "command", "cpus", "python", "tcp", "url", "value"}
CANNOT: dict[str, tuple[dict[str, Any], str]] = {
    "command_version": ({"argv": ["/broken"], "minimum": "1"}, "cannot run"),
    "disk": ({"path": "/", "minimum_mb": 1}, "cannot look at /"),
    "distribution": ({"allowed": [{"id": "debian"}]}, "no os-release"),
    "file": ({"path": "/loop"}, "cannot look at it"),
    "firewall": ({"backend": "ufw"}, "ufw status"),
    "journal": ({}, "no command journalctl"),
    "listening": ({"port": 1}, "cannot read /proc/net/tcp"),
    "memory": ({"minimum_mb": 1}, "cannot read /proc/meminfo"),
    "npm_audit": ({"argv": ["/broken"]}, "cannot run"),
    "output": ({"argv": ["/broken"]}, "cannot run"),
    "package": ({"name": "bash"}, "no command apt-cache"),
    "port_free": ({"port": 1}, "cannot read /proc/net/tcp"),
    "reboot": ({}, "cannot read /proc/version"),
    "root_login": ({}, "no command sshd"),
    "security_updates": ({}, "no package lists"),
    "swap": ({"minimum_mb": 1}, "cannot read /proc/meminfo"),
    "timer": ({"name": "a"}, "no command systemctl"),
    "unit": ({"name": "a", "active": True}, "no command systemctl"),
    "user": ({"name": "root", "locked": True}, "cannot read /etc/shadow"),
}


@pytest.mark.parametrize("kind", CANNOT)
def test_what_cannot_be_looked_at_is_skipped_with_the_reason(
    check: Run, host: ScriptedHost, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def refuse(_path: str) -> os.statvfs_result:
        raise PermissionError(13, "Permission denied")

    def cannot_run(argv: Sequence[str], seconds: float) -> Ran:
        if argv[0] == "/broken":
            raise CannotCheckError("cannot run /broken: Exec format error")
        return ScriptedHost.run(host, argv, seconds)

    monkeypatch.setattr(os, "statvfs", refuse)
    monkeypatch.setattr(host, "run", cannot_run)
    host.says("/broken")
    host.says("ufw status", status=1)
    Path(host.at("/loop")).symlink_to(host.at("/loop"))
    params, reason = CANNOT[kind]
    status, told = outcome(check(kind, **params))
    assert status == "skip" and reason in told


def test_every_kind_can_be_looked_at_or_is_skipped() -> None:
    assert set(CANNOT) | ALWAYS_TOLD == set(host_checks.KINDS)


def test_a_program_of_another_machine_cannot_be_run(check: Run, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    found = check("command_version", argv=[str(program)], minimum="1")
    assert outcome(found) == ("skip", f"cannot run {program}: Exec format error")


# --- time limits and broken checks


def test_command_that_does_not_end(check: Run) -> None:
    found = check("command_version", argv=["sleep", "30"], minimum="1", timeout=0.3)
    assert outcome(found) == ("fail", "sleep did not end within 0.3 s")


@pytest.mark.usefixtures("host")
def test_check_that_hangs_is_not_met_and_does_not_hold_the_others(
    run_module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_checks, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(host_checks, "PARALLEL", 1)
    monkeypatch.setattr(host_machine.Clock, "read", staticmethod(lambda: time.sleep(20)))
    checks = [
        {"id": "hangs", "kind": "clock", "timeout": 0.3},
        {"id": "cpus", "kind": "cpus", "minimum": 1, "timeout": 1},
    ]
    result = run_module(host_check, {"checks": checks})
    assert [found["status"] for found in result["checks"]] == ["fail", "pass"]
    assert result["checks"][0]["observed"] == "the check did not end within 0.3 s"


# --- parameters


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"kind": "memroy"}, "kind must be one of clock"),
        ({"kind": "memory"}, "kind memory needs one of minimum_mb, minimum_percent"),
        ({"kind": "memory", "minimum_mb": "much"}, "minimum_mb"),
        ({"kind": "memory", "minimum_mb": 1, "path": "/"}, "does not take path (it takes available"),
        ({"kind": "swap"}, "needs one of minimum_mb, maximum_mb"),
        ({"kind": "disk", "path": "here", "minimum_mb": 1}, "path must be absolute"),
        ({"kind": "file", "path": "/x", "mode": 416}, "quoted string of octal digits"),
        ({"kind": "file", "path": "/x", "mode": "rw"}, "octal digits, not 'rw'"),
        ({"kind": "file", "path": "/x", "excludes": ["("]}, "not a regular expression"),
        ({"kind": "file", "path": "/x", "absent": True, "owner": "a"}, "does not go with owner"),
        ({"kind": "url", "url": "ftp://x"}, "url must begin with http"),
        ({"kind": "url", "url": "https://u:p@x/"}, "must not hold credentials"),
        ({"kind": "tcp", "port": 0}, "between 1 and 65535"),
        ({"kind": "listening", "port": 1, "address": ["here"]}, "'here' is not an address"),
        ({"kind": "listening", "port": 1, "only": True}, "only needs address"),
        ({"kind": "command_version", "argv": ["a"], "minimum": "new"}, "dotted numbers"),
        ({"kind": "command_version", "argv": [], "minimum": "1"}, "argv must hold"),
        ({"kind": "npm_audit", "argv": []}, "argv must hold"),
        ({"kind": "npm_audit", "argv": ["npm"], "threshold": "none"}, "threshold must be one of"),
        ({"kind": "cpus", "minimum": "two"}, "whole number"),
        ({"kind": "cpus", "minimum": "\u00b2"}, "whole number"),
        ({"kind": "distribution", "allowed": []}, "at least one"),
        ({"kind": "distribution", "allowed": [{"name": "x"}]}, "allowed takes mappings with id"),
        ({"kind": "value", "observed": 1}, "operator eq needs expected"),
        ({"kind": "value", "observed": 1, "operator": "in", "expected": 1}, "needs a list"),
        ({"kind": "value"}, "kind value needs observed"),
        ({"kind": "unit", "name": "a"}, "needs one of active"),
        ({"kind": "journal", "minutes": 0}, "minutes must be above 0"),
        ({"kind": "journal", "priority": "bad"}, "priority must be one of"),
        ({"kind": "journal", "current": True}, "current needs unit"),
        ({"kind": "clock", "timeout": 0}, "timeout must be above 0"),
        ({"kind": "clock", "severity": "high"}, "severity"),
    ],
)
def test_wrong_parameters_name_the_check(run_module: Any, given: dict[str, Any], seen: str) -> None:
    result = run_module(host_check, {"checks": [{"id": "the_check", **given}]})
    assert result["failed"]
    assert result["msg"].startswith("check the_check: ")
    assert seen in result["msg"]


def test_all_wrong_checks_are_named_at_once(run_module: Any) -> None:
    checks = [{"kind": "clock"}, {"id": "a", "kind": "x"}, {"id": "a", "kind": "clock"}]
    message = run_module(host_check, {"checks": checks})["msg"]
    assert "check number 1: missing required arguments: id" in message
    assert "check a: kind must be one of" in message
    assert "check a: its id is used more than once" in message


def test_documentation_names_every_kind_and_parameter() -> None:
    options = yaml.safe_load(host_check.DOCUMENTATION)["options"]["checks"]["suboptions"]
    known = {**host_checks.COMMON, **host_checks.PARAMETERS}
    assert set(options) == set(known)
    for name, spec in known.items():
        for field in ("type", "elements", "required", "default"):
            assert options[name].get(field) == spec.get(field), (name, field)
        assert sorted(options[name].get("choices", [])) == sorted(spec.get("choices", [])), name
    kinds = "\n".join(options["kind"]["description"])
    for kind in host_checks.KINDS.values():
        (line,) = [text for text in kinds.split("\n") if text.startswith(f"V({kind.name})")]
        named = set(re.findall(r"O\(checks\[\]\.(\w+)\)", line))
        assert named == {*kind.required, *kind.optional, *kind.one_of}, kind.name


def test_defaults_by_kind_are_documented() -> None:
    options = yaml.safe_load(host_check.DOCUMENTATION)["options"]["checks"]["suboptions"]
    for kind, defaults in host_checks.DEFAULTS.items():
        for name, value in defaults.items():
            text = " ".join(
                [options[name]["description"]]
                if isinstance(options[name]["description"], str)
                else options[name]["description"]
            )
            shown = f"V({str(value).lower() if isinstance(value, bool) else value})"
            assert shown.replace(".0)", ")") in text, (kind, name)
