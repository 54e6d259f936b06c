# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""host_check inside a real machine: systemd, its journal, timers, sockets, a firewall, as root and as nobody."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ansible
import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.module_utils import host_checks
from ansible_collections.ridgetop.aidis.plugins.modules import host_check
from ansible_collections.ridgetop.aidis.tests.integration.application import PODMAN, container, image
from ansible_collections.ridgetop.aidis.tests.integration.clusters import completed

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = "/srv/library"
# What npm answered, recorded: the registries of development machines need not answer such questions.
NPM = "/srv/npm"
# What Ansible would send along: its own module_utils, and the collection.
VOLUMES = [
    f"--volume={Path(ansible.__file__).parent}:{LIBRARY}/ansible:ro",
    f"--volume={ROOT}/plugins:{LIBRARY}/ansible_collections/ridgetop/aidis/plugins:ro",
    f"--volume={ROOT}/tests/unit/plugins/module_utils/npm:{NPM}:ro",
]
# As molecule/shared/create.yml has it.
MACHINE = ["--systemd=always", "--cap-add=NET_ADMIN", "--cap-add=SYS_ADMIN", "--hostname=host-check"]

LISTENING = """
until python3 -c 'import socket; [socket.create_connection(("127.0.0.1", p)) for p in (4001, 4002)]' 2>/dev/null; do
  sleep 0.1
done
"""
# A service that listens and writes to the journal, one that fails, one that is off, and timers.
SETUP = r"""
unit() { cat >"/etc/systemd/system/$1"; }
unit good.service <<'END'
[Service]
ExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 4001
[Install]
WantedBy=multi-user.target
END
unit everywhere.service <<'END'
[Service]
ExecStart=/usr/bin/python3 -m http.server --bind :: 4002
END
unit bad.service <<'END'
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo "<3>it went wrong"; echo "<4>a warning"; exit 1'
SyslogLevelPrefix=true
END
unit tick.service <<'END'
[Service]
Type=oneshot
ExecStart=/bin/true
END
unit tick.timer <<'END'
[Timer]
OnCalendar=*-*-* 03:00:00
[Install]
WantedBy=timers.target
END
unit boot.timer <<'END'
[Timer]
Unit=tick.service
OnUnitActiveSec=1d
OnBootSec=1d
[Install]
WantedBy=timers.target
END
unit off.timer <<'END'
[Timer]
Unit=tick.service
OnCalendar=daily
[Install]
WantedBy=timers.target
END
systemctl daemon-reload
systemctl enable --quiet --now good.service everywhere.service tick.timer boot.timer 2>/dev/null
systemctl start everywhere.service
systemctl start bad.service || true
useradd --system --shell /usr/sbin/nologin --home-dir /srv/data worker
install -d -o worker -g worker -m 0750 /srv/data
printf 'URL=secret-value\n' >/srv/data/env
chown root:worker /srv/data/env
chmod 0640 /srv/data/env
ln -s data /srv/current
journalctl --sync
"""

Check = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def machine() -> Iterator[str]:
    """The name of a machine that has booted and holds what the tests look at."""
    with container("host", *MACHINE, *VOLUMES, image()) as name:
        inside(
            name, "until [ -S /run/systemd/private ]; do sleep 0.1; done; systemctl is-system-running --wait || true"
        )
        inside(name, SETUP + LISTENING)
        yield name


def inside(name: str, script: str) -> str:
    """Run a script in a container as root and return what it printed."""
    return completed([PODMAN, "exec", name, "timeout", "60", "sh", "-euc", script])


def module(command: list[str], checks: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    """Run the module as a process in a container, its arguments by standard input."""
    given = json.dumps({"ANSIBLE_MODULE_ARGS": {"checks": checks, **options}})
    name = "ansible_collections.ridgetop.aidis.plugins.modules.host_check"
    line = [PODMAN, *command, "python3", "-B", "-m", name]
    done = subprocess.run(line, input=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip(), done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert bool(done.returncode) == bool(result.get("failed")), done.stderr
    return result


def entered(name: str, user: str) -> list[str]:
    """How a user of a container begins a command in it."""
    return ["exec", "--interactive", f"--user={user}", f"--env=PYTHONPATH={LIBRARY}", name]


@pytest.fixture
def check(machine: str) -> Check:
    """Look at requirements in the machine and return the checks."""

    def look(*wanted: dict[str, Any], user: str = "root") -> list[dict[str, Any]]:
        numbered = [{"id": f"n{number}", **one} for number, one in enumerate(wanted)]
        checks: list[dict[str, Any]] = module(entered(machine, user), numbered)["checks"]
        return checks

    return look


MET: list[dict[str, Any]] = [
    {"kind": "unit", "name": "good.service", "active": True, "enabled": True, "sub": "running"},
    {"kind": "unit", "name": "good.service", "properties": {"NRestarts": 0, "Result": "success"}},
    {"kind": "unit", "name": "bad.service", "active": False, "properties": {"Result": "exit-code"}},
    {"kind": "unit", "name": "no-such.service", "active": False, "enabled": False},
    {"kind": "timer", "name": "tick"},
    {"kind": "timer", "name": "boot.timer"},
    {"kind": "timer", "name": "off", "active": False, "enabled": False, "next": False},
    {"kind": "journal", "unit": "good.service", "minutes": 60},
    {"kind": "journal", "unit": "bad.service", "minutes": 60, "exclude": ["went wrong", "Failed to start"]},
    {"kind": "journal", "unit": "good.service", "current": True, "minutes": 60},
    {"kind": "listening", "port": 4001, "address": ["127.0.0.1"], "only": True, "process": "python3"},
    {"kind": "listening", "port": 4002, "address": ["any"]},
    {"kind": "port_free", "port": 4003},
    {"kind": "port_free", "port": 4001, "unit": "good.service"},
    {"kind": "port_free", "port": 4001, "process": "python3"},
    {"kind": "tcp", "port": 4002},
    {"kind": "tcp", "port": 4003, "reachable": False},
    {"kind": "url", "url": "http://127.0.0.1:4001/", "use_proxy": False},
    {"kind": "file", "path": "/srv/data/env", "type": "file", "mode": "0640", "owner": "root", "group": "worker"},
    {"kind": "file", "path": "/srv/data/env", "contains": ["^URL="], "excludes": ["your_"], "mode_at_most": "0640"},
    {"kind": "file", "path": "/srv/current", "target": "data"},
    {"kind": "file", "path": "/srv/none", "absent": True},
    {"kind": "file", "path": "/run/systemd/private", "type": "socket"},
    {"kind": "user", "name": "worker", "shell": ["/usr/sbin/nologin"], "home": "/srv/data", "groups": ["worker"]},
    {"kind": "user", "name": "worker", "locked": True},
    {"kind": "package", "name": "nodejs", "state": "installed", "minimum": "18", "maximum": "30"},
    {"kind": "command", "name": "node"},
    {"kind": "command_version", "argv": ["node", "--version"], "minimum": "18"},
    {"kind": "output", "argv": ["systemctl", "is-enabled", "ssh"], "contains": ["enabled"]},
    {"kind": "distribution", "allowed": [{"id": "debian", "version": "13", "codename": "trixie"}]},
    {"kind": "python", "minimum": "3.11"},
    {"kind": "memory", "minimum_mb": 1},
    {"kind": "memory", "minimum_mb": 1, "available": True},
    {"kind": "swap", "minimum_mb": 0},
    {"kind": "disk", "path": "/srv/not/there", "minimum_mb": 1, "minimum_percent": 0, "minimum_inodes": 1},
    {"kind": "cpus", "minimum": 1},
    {"kind": "npm_audit", "argv": ["cat", f"{NPM}/none.json"], "threshold": "low"},
]
UNMET: list[dict[str, Any]] = [
    {"kind": "unit", "name": "good.service", "active": False},
    {"kind": "unit", "name": "everywhere.service", "enabled": True},
    {"kind": "unit", "name": "bad.service", "active": True},
    {"kind": "unit", "name": "good.service", "properties": {"NRestarts": 1}},
    {"kind": "unit", "name": "no-such.service", "active": True},
    {"kind": "timer", "name": "off"},
    {"kind": "timer", "name": "no-such"},
    {"kind": "timer", "name": "tick", "enabled": False},
    {"kind": "journal", "unit": "bad.service", "minutes": 60},
    {
        "kind": "journal",
        "unit": "bad.service",
        "minutes": 60,
        "priority": "warning",
        "exclude": ["went wrong", "Failed"],
    },
    {"kind": "listening", "port": 4003},
    {"kind": "listening", "port": 4001, "address": ["any"]},
    {"kind": "listening", "port": 4002, "address": ["loopback"], "only": True},
    {"kind": "listening", "port": 4001, "process": "node"},
    {"kind": "port_free", "port": 4001},
    {"kind": "port_free", "port": 4001, "unit": "everywhere.service"},
    {"kind": "tcp", "port": 4003},
    {"kind": "tcp", "port": 4001, "reachable": False},
    {"kind": "url", "url": "http://127.0.0.1:4001/none", "status": [200], "use_proxy": False},
    {"kind": "file", "path": "/srv/data/env", "mode": "0600"},
    {"kind": "file", "path": "/srv/data/env", "owner": "worker"},
    {"kind": "file", "path": "/srv/data/env", "group": "root"},
    {"kind": "file", "path": "/srv/data/env", "excludes": ["secret"]},
    {"kind": "file", "path": "/srv/current", "target": "other"},
    {"kind": "file", "path": "/srv/none"},
    {"kind": "user", "name": "worker", "shell": ["/bin/bash"]},
    {"kind": "user", "name": "nobody-such"},
    {"kind": "package", "name": "nodejs", "state": "installed", "minimum": "99"},
    {"kind": "package", "name": "nginx", "state": "installed"},
    {"kind": "command", "name": "no-such"},
    {"kind": "command_version", "argv": ["node", "--version"], "minimum": "99"},
    {"kind": "output", "argv": ["systemctl", "is-enabled", "ssh"], "excludes": ["enabled"]},
    {"kind": "distribution", "allowed": [{"id": "debian", "version": "12"}]},
    {"kind": "python", "maximum": "3.10"},
    {"kind": "memory", "minimum_mb": 10**9},
    {"kind": "swap", "minimum_mb": 10**9},
    {"kind": "disk", "path": "/", "minimum_mb": 10**9},
    {"kind": "cpus", "minimum": 10**6},
    {"kind": "npm_audit", "argv": ["cat", f"{NPM}/vulnerable.json"], "threshold": "high"},
]
# What a user without rights may not see there, and what the reason says.
HIDDEN: list[tuple[dict[str, Any], str]] = [
    ({"kind": "journal", "unit": "bad.service"}, "journal"),
    ({"kind": "listening", "port": 4001, "process": "python3"}, "not permitted to see which process"),
    ({"kind": "port_free", "port": 4001, "unit": "good.service"}, "not permitted to see by which process"),
    ({"kind": "file", "path": "/srv/data/env"}, "Permission denied"),
    ({"kind": "file", "path": "/etc/shadow", "contains": ["root"]}, "Permission denied"),
    ({"kind": "user", "name": "root", "locked": True}, "cannot read /etc/shadow"),
    ({"kind": "firewall", "backend": "ufw"}, "need to be root"),
    ({"kind": "firewall", "backend": "nft"}, "nft list ruleset"),
]


def told(checks: list[dict[str, Any]], status: str) -> list[dict[str, Any]]:
    """The checks that have another status than they should have."""
    return [one for one in checks if one["status"] != status]


def test_what_is_met(check: Check) -> None:
    assert told(check(*MET), "pass") == []


def test_what_is_not_met(check: Check) -> None:
    checks = check(*UNMET)
    assert told(checks, "fail") == []
    assert all(one["observed"] for one in checks)
    assert "secret-value" not in json.dumps(checks)


def test_what_a_user_may_not_see_is_skipped_with_the_reason(check: Check) -> None:
    checks = check(*(wanted for wanted, _reason in HIDDEN), user="nobody")
    assert told(checks, "skip") == []
    for one, (_wanted, reason) in zip(checks, HIDDEN, strict=True):
        assert reason in one["reason"], one


def test_what_anyone_may_see(check: Check) -> None:
    kinds = ("unit", "timer", "tcp", "url", "memory", "disk", "cpus", "command", "distribution", "package")
    assert told(check(*(one for one in MET if one["kind"] in kinds), user="nobody"), "pass") == []


def test_every_kind_is_looked_at_in_the_machine() -> None:
    """But for the clock, which is the host's, the value, which is nobody's, and what has a test of its own."""
    own = {"firewall", "reboot", "root_login", "security_updates"}
    for checks in (MET, UNMET):
        assert set(host_checks.KINDS) - {one["kind"] for one in checks} == {"clock", "value", *own}


def test_firewall(machine: str, check: Check) -> None:
    def states(**more: Any) -> list[str]:
        wanted = [{"kind": "firewall", "backend": backend, **more} for backend in ("any", "ufw", "nft")]
        return [one["status"] for one in check(*wanted)]

    assert states() == ["fail", "fail", "fail"]
    assert states(active=False) == ["pass", "pass", "pass"]
    inside(
        machine, "nft add table inet t; nft add chain inet t in '{ type filter hook input priority 0; policy drop; }'"
    )
    try:
        assert states() == ["pass", "fail", "pass"]
    finally:
        inside(machine, "nft flush ruleset")
    inside(machine, "ufw --force enable")
    try:
        assert states()[:2] == ["pass", "pass"]
    finally:
        inside(machine, "ufw --force disable")


def test_root_login(machine: str, check: Check) -> None:
    def status() -> str:
        return str(check({"kind": "root_login"})[0]["status"])

    file = "/etc/ssh/sshd_config.d/00-root.conf"
    assert status() == "pass"
    inside(machine, f"printf 'PermitRootLogin yes\\nPasswordAuthentication yes\\n' >{file}")
    try:
        assert status() == "fail"
        inside(machine, f"echo 'AuthenticationMethods publickey,password' >>{file}")
        assert status() == "pass"
    finally:
        inside(machine, f"rm {file}")


def test_reboot(machine: str, check: Check) -> None:
    (found,) = check({"kind": "reboot"})
    assert found["status"] == "skip" and "no kernel is installed" in found["reason"]
    inside(machine, "echo libc6 >/run/reboot-required.pkgs; touch /run/reboot-required")
    try:
        (found,) = check({"kind": "reboot"})
        assert found["status"] == "fail" and "libc6" in found["observed"]
    finally:
        inside(machine, "rm /run/reboot-required /run/reboot-required.pkgs")


# An archive for security in a directory, with one package, which is all that apt knows of.
ARCHIVE = r"""
mkdir -p /srv/archive && cd /srv/archive
{{ echo 'Package: bash'; echo 'Version: {version}'; echo 'Architecture: amd64'; echo 'Filename: ./bash.deb'
  echo 'Size: 1'; printf 'SHA256: %064d\n' 0; }} >Packages
{{ echo 'Label: Debian-Security'; echo 'Suite: stable-security'; echo "Date: $(date -Ru --date '{age} days ago')"
  echo 'SHA256:'; echo " $(sha256sum Packages | cut -d ' ' -f 1) $(stat -c %s Packages) Packages"; }} >Release
# With the lists, too: apt keeps what is newer than what it finds.
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*
echo 'deb [trusted=yes] file:/srv/archive ./' >/etc/apt/sources.list.d/archive.list
apt-get -qq update
"""
APT = "find /var/lib/apt /var/cache/apt /var/lib/dpkg -printf '%p %s %T@\n' | sort"


def test_security_updates(machine: str, check: Check) -> None:
    def found(version: str, age: int) -> dict[str, Any]:
        inside(machine, ARCHIVE.format(version=version, age=age))
        before = inside(machine, APT)
        (one,) = check({"kind": "security_updates", "maximum_days": 7})
        assert inside(machine, APT) == before, "it writes nothing"
        return one

    assert found("99", age=1)["status"] == "fail"
    assert found("99", age=1)["observed"].startswith("1 pending: bash, by the lists of ")
    assert found("0.1", age=1)["status"] == "pass"
    old = found("99", age=30)
    assert old["status"] == "skip" and "`apt-get update`" in old["reason"]


def test_a_lost_service_is_seen(machine: str, check: Check) -> None:
    wanted = [
        {"kind": "unit", "name": "everywhere.service", "active": True},
        {"kind": "listening", "port": 4002},
        {"kind": "tcp", "port": 4002},
    ]
    assert told(check(*wanted), "pass") == []
    inside(machine, "systemctl stop everywhere.service")
    try:
        assert told(check(*wanted), "fail") == []
    finally:
        inside(machine, f"systemctl start everywhere.service; {LISTENING}")


def test_without_systemd_and_tools() -> None:
    """In a container that runs nothing but the module."""
    checks: list[dict[str, Any]] = [
        {"id": "unit", "kind": "unit", "name": "good.service", "active": True},
        {"id": "timer", "kind": "timer", "name": "tick"},
        {"id": "journal", "kind": "journal"},
        {"id": "package", "kind": "package", "name": "nginx"},
        {"id": "memory", "kind": "memory", "minimum_mb": 1},
    ]
    with container("bare", *VOLUMES, image(), "sleep", "infinity") as name:
        result = module(entered(name, "root"), checks)
    assert [one["status"] for one in result["checks"]] == ["skip", "skip", "skip", "skip", "pass"], result["checks"]
    assert all(one["reason"] for one in result["checks"][:4])


def examples() -> list[dict[str, Any]]:
    return [task["ridgetop.aidis.host_check"] for task in yaml.safe_load(host_check.EXAMPLES)]


@pytest.mark.parametrize("args", examples(), ids=range(len(examples())))
def test_examples(machine: str, args: dict[str, Any]) -> None:
    """As they are documented, on a machine where nothing is deployed: each check has an answer, none breaks."""
    known = {"observed": 20, "use_proxy": False}
    checks = [{**one, **{name: value for name, value in known.items() if _takes(one, name)}} for one in args["checks"]]
    result = module(entered(machine, "root"), checks)
    assert [one["id"] for one in result["checks"]] == [one["id"] for one in checks]
    statuses = {one["id"]: one["status"] for one in result["checks"]}
    if "distribution" in statuses:
        met = ("distribution", "nodejs", "mcp_port", "password")
        assert {statuses[name] for name in met} == {"pass"}, result["checks"]
        assert statuses["registry"] == "fail"
        failing = module(entered(machine, "root"), checks, fail=args["fail"])
        assert failing["failed"] and "registry" in failing["msg"]
    else:
        assert (statuses["unit"], statuses["environment"]) == ("fail", "fail")
        assert statuses["journal"] == "pass"


def _takes(one: dict[str, Any], name: str) -> bool:
    return (one["kind"], name) in (("value", "observed"), ("url", "use_proxy"))
