# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts for reports: some that are not well, and one all whose texts mean harm."""

from __future__ import annotations

from typing import Any

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror="alert(1)">',
    "a line of a journal ]]> and more",
    "\x00\x1b[2J\x1b]0;title\x07",
    "\u202egnp.exe\u2066",
    "y" * 100_000,
    "{{ 7 * 7 }}{% endraw %}",
    "' onmouseover='alert(1)",
    "</style><b>",
]


def check(name: str, status: str = "pass", severity: str = "critical", **more: str) -> dict[str, str]:
    return {
        "id": name,
        "title": f"Title of {name}",
        "category": name.partition(".")[0],
        "severity": severity,
        "status": status,
        "expected": "active",
        "observed": "failed" if status == "fail" else "active",
        "hint": "Run `systemctl restart x`.",
        **more,
    }


CALLS = {
    "id": "new",
    "title": "New session",
    "limits": {"p95": 50},
    "measured": {"count": 3, "errors": 0, "p50": 17.1, "p95": 61.5, "p99": 61.5, "max": 61.5, "mean": 31.0},
    "samples_ms": [15.3, 17.1, 61.5],
}
HOSTS = {
    "db1": {
        "groups": ["aidis_db"],
        "checks": [
            check("service.a", "fail"),
            check("service.b", "fail", "warning"),
            check("system.c", "warn"),
            check("system.d", "skip", reason="There is none here."),
        ],
        "latency": [CALLS],
        "release": {"id": "1.4.0-abc", "version": "1.4.0"},
        "ledger": [{"id": "1.4.0-abc", "result": "good", "active": True}],
        "timings": [{"stage": "host", "seconds": 2.25}],
    },
    "app1": {"checks": [check("service.a", "fail", observed="dead"), check("service.e")]},
}


def hostile() -> dict[str, Any]:
    """A host all whose texts are hostile."""
    checks = [
        {**check(str(number), "fail" if number % 2 else "warn"), "id": text, "title": text, "category": text,
         "expected": text, "observed": text, "hint": text}
        for number, text in enumerate(HOSTILE)
    ]  # fmt: skip
    texts = dict(zip(HOSTILE, HOSTILE, strict=True))
    return {
        text: {
            "groups": HOSTILE,
            "checks": [*checks, {**check("z", "skip", reason=text), "title": text}],
            "latency": [{**CALLS, "id": text, "title": text}],
            "release": texts,
            "ledger": [texts],
            "timings": [{"stage": text, "seconds": 1} for text in HOSTILE],
        }
        for text in HOSTILE
    }
