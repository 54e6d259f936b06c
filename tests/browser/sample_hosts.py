# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Made-up hosts: healthy, not so, many, hostile, and one of which little is known."""

from __future__ import annotations

import random
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.latency import summarise

Values = dict[str, Any]
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror="window.hostile = true">',
    "]]><script>window.hostile = true</script>",
    "\x1b[31mred\x1b[0m \x00 \x07",
    "\u202egnihtemos\u2066\u200b",
    "x" * 9000,
    "a `<b onclick=window.hostile=true>` b",
    "</style><style>* { display: none }</style>",
    "{{ 7 * 7 }} {% raw %} ${7*7}",
]


def check(name: str, title: str, status: str = "pass", **more: str) -> Values:
    """A check; its category is what its id begins with."""
    category = name.partition(".")[0]
    values = {"severity": "critical", "expected": "active", "observed": "active", "hint": "", **more}
    return {"id": name, "title": title, "category": category, "status": status, **values}


def latency(seed: str, name: str, title: str, middle: float, limit: float) -> Values:
    """Calls that took about ``middle`` ms, a few of them much longer."""
    chance = random.Random(seed)  # noqa: S311 - the same picture each time, and no secret
    samples = [
        round(chance.lognormvariate(0, 0.28) * middle + (chance.random() > 0.97) * middle, 2) for _ in range(200)
    ]
    return {
        "id": name,
        "title": title,
        "limits": {"p95": limit},
        "measured": summarise(samples, 0),
        "samples_ms": samples,
    }


def healthy(name: str, middle: float = 17) -> Values:
    """A host on which everything is well."""
    checks = [
        check("system.memory", "Memory", expected="at least 2048 MB", observed="3914 MB"),
        check("system.disk:/", "Free space on /", expected="at least 5120 MB", observed="18231 MB"),
        check("system.time", "Clock is kept", expected="synchronised", observed="synchronised"),
        check("service.unit", "Unit aidis-production.service"),
        check("service.journal", "Errors in the journal", severity="warning", expected="0 lines", observed="0 lines"),
        check("network.mcp", "Port 3001 (MCP)", expected="listens on 127.0.0.1", observed="127.0.0.1:3001"),
        check("network.http", "Port 8080 (HTTP)", expected="listens on 127.0.0.1", observed="127.0.0.1:8080"),
        check("database.schema", "Schema", expected="as its contract says", observed="no difference"),
        check("database.extension:vector", "Extension vector", expected="0.7 or newer", observed="0.8.0"),
        check("database.rows", "System project", expected="1 row", observed="1 row"),
        check("backup.age", "Age of the last backup", expected="at most 26 hours", observed="5 hours"),
        check("backup.readable", "The last backup can be read", expected="readable", observed="readable, 48 tables"),
        check("protocol.session_new", "session_new answers", expected="no error", observed="200 of 200 calls answered"),
    ]
    release = {"id": "1.4.0-3f2a9c1", "version": "1.4.0", "commit": "3f2a9c1d", "since": "2026-11-24T21:04:11Z"}
    ledger = [
        {**release, "result": "good", "when": "2026-11-24T21:03:52Z", "by": "deploy@controller", "active": True},
        {"id": "1.3.2-b81e07d", "version": "1.3.2", "commit": "b81e07d4", "result": "good",
         "when": "2026-11-10T20:11:37Z", "by": "deploy@controller", "active": False},
        {"id": "1.3.1-09cc512", "version": "1.3.1", "commit": "09cc5120", "result": "rolled_back",
         "when": "2026-11-09T21:40:02Z", "by": "deploy@controller", "active": False},
    ]  # fmt: skip
    ledger[0].pop("since")
    return {
        "groups": ["aidis_app", "aidis_db"],
        "checks": checks,
        "latency": [
            latency(f"{name}.new", "session_new", "session_new", middle, 50),
            latency(f"{name}.search", "context_search", "context_search", middle * 1.9, 80),
        ],
        "release": release,
        "ledger": ledger,
        "timings": [
            {"stage": "host", "seconds": 2.31}, {"stage": "database", "seconds": 1.84},
            {"stage": "protocol", "seconds": 9.42}, {"stage": "validation", "seconds": 14.05},
        ],
    }  # fmt: skip


def changed(host: Values, *checks: Values) -> Values:
    """A host with some of its checks replaced, or more of them."""
    new = {one["id"]: one for one in checks}
    kept = [new.pop(one["id"], one) for one in host["checks"]]
    return {**host, "checks": [*kept, *new.values()]}


FINDINGS = (
    check(
        "service.unit",
        "Unit aidis-production.service",
        "fail",
        observed="failed since 01:12:09 (exit status 5/TRAP)",
        hint="Look at `journalctl -u aidis-production -n 50`, mend what it says, and "
        "`systemctl restart aidis-production`.",
    ),
    check(
        "backup.age",
        "Age of the last backup",
        "fail",
        expected="at most 26 hours",
        observed="74 hours",
        hint="Look why the timer did not run: `systemctl status aidis-backup.timer`.",
    ),
    check(
        "service.journal",
        "Errors in the journal",
        "fail",
        severity="warning",
        expected="0 lines",
        observed="2 lines\n01:12:09 aidis[812]: Error: connect ECONNREFUSED 127.0.0.1:5432\n"
        "01:12:09 aidis[812]: at TCPConnectWrap.afterConnect",
        hint="Read the lines.",
    ),
    check(
        "system.disk:/",
        "Free space on /",
        "warn",
        severity="warning",
        expected="at least 5120 MB",
        observed="4402 MB",
        hint="Remove old backups or logs: `du -xh / | sort -h | tail`.",
    ),
    check(
        "system.limits",
        "Limit of memory",
        "skip",
        severity="info",
        expected="512 MB",
        observed="",
        reason="The kernel of this host keeps no limits of memory.",
    ),
    check(
        "network.tls",
        "Certificate of the database",
        "skip",
        expected="valid for 14 days",
        observed="",
        reason="The database is on the same host.",
    ),
)


def fleet(count: int) -> Values:
    """Many hosts, some of them not well."""
    hosts: Values = {}
    for number in range(1, count + 1):
        name = f"app{number:02}.example.org"
        host = healthy(name, 14 + number % 7)
        host["groups"] = ["aidis_app"]
        if number % 9 == 0:
            host = changed(host, {**FINDINGS[1], "observed": f"{60 + number} hours"}, *FINDINGS[4:])
        if number % 4 == 0:
            host = changed(host, FINDINGS[3])
        if number == 23:
            host = changed({**host, "latency": [latency("slow", "session_new", "session_new", 44, 50)]}, FINDINGS[0])
        hosts[name] = host
    return hosts


def hostile() -> Values:
    """A host that sends what it can think of, everywhere."""
    checks = []
    for number, text in enumerate(HOSTILE):
        status = "fail" if number % 2 else "warn"
        one = check(f"{text[:40]}.{number}", text, status, expected=text, observed=text, hint=text)
        checks.append({**one, "category": text[:30]})
    checks.append(check("skip.x", HOSTILE[0], "skip", reason=HOSTILE[1], observed=""))
    measured = latency("x", HOSTILE[0], HOSTILE[1], 10, 50)
    values = dict(zip(HOSTILE, HOSTILE, strict=True))
    return {
        HOSTILE[1]: {
            "groups": HOSTILE,
            "checks": checks,
            "latency": [measured, {**measured, "id": HOSTILE[2], "samples_ms": []}],
            "release": values,
            "ledger": [values],
            "timings": [{"stage": text, "seconds": 1} for text in HOSTILE],
        }
    }


def nothing() -> Values:
    """A host of which little is known."""
    return {"db1": {"checks": [check("system.memory", "Memory")]}}
