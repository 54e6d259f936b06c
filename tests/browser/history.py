#!/usr/bin/env python3
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make what a real Prometheus needs to serve the console page: the page, a week of made-up history, and some alerts.

history.py DIRECTORY PROMTOOL

Three deployments: `aidis-production` has all that the page shows; `fleet` has three hosts, one of them down and with a
name that no page may take for markup; of `bare` nothing is told but that it is watched.
"""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ansible_collections.ridgetop.aidis.tests.unit.roles import monitoring_pages

DAY = 86400
STEP = 120
HOSTILE = '<b onclick="x">"\\ {{ 7 }}'
ALERTS = [
    ("MemoryCritical", "critical", "fleet", "app1", "Memory of app1 is almost used up", "97.2 % of it are in use."),
    ("ResponseSlow", "warning", "fleet", "app1", "Requests take long on app1", "183 ms on average, more than 100 ms."),
    ("AidisDown", "critical", "fleet", HOSTILE, f"{HOSTILE} is down", "<img src=x onerror=alert(1)>"),
    ("RebootRequired", "info", "aidis-production", "one", "one waits for a reboot", "Since 2 days."),
]

Curve = Callable[[float], float | None]


def wave(middle: float, swing: float, noise: float, hour: float = 14) -> Curve:
    """A curve of days: highest at an hour, with noise."""
    rng = random.Random(f"{middle}{swing}")  # noqa: S311 - no secret

    def value(at: float) -> float:
        turn = math.cos((at % DAY - hour * 3600) / DAY * 2 * math.pi)
        return max(0.0, middle + swing * turn + rng.gauss(0, noise))

    return value


def flat(value: float) -> Curve:
    return lambda _at: value


def ramp(start: float, end: float, begin: float, over: float = 7 * DAY) -> Curve:
    return lambda at: start + (end - start) * (at - begin) / over


def seen(curve: Curve, missing: Callable[[float], bool]) -> Curve:
    """A curve with holes."""
    return lambda at: None if missing(at) else curve(at)


def production(now: float) -> Iterator[tuple[str, dict[str, str], Curve]]:
    one, begin = {"deployment": "aidis-production", "instance": "one"}, now - 7 * DAY
    spike = now - 2.2 * 3600

    def burst(low: float, high: float, width: float = 500) -> Curve:
        calm = wave(low, low / 5, low / 12)
        return lambda at: (calm(at) or 0) + high * math.exp(-(((at - spike) / width) ** 2))

    hole = seen(wave(3.2, 2.4, 0.15), lambda at: now - 4.6 * 3600 < at < now - 4 * 3600)
    for name, curve in {
        "up": flat(1),
        "availability:avg1d": flat(0.99954),
        "uptime_seconds": lambda at: at - (now - 3.8 * 3600),
        "latency:deviation": flat(1.08),
        "users_active:1d": flat(23),
        "projects_created:1d": flat(4),
        "requests:rate5m": hole,
        "traffic:usual": wave(3.1, 2.3, 0.01),
        "errors:ratio5m": burst(0.004, 0.071),
        "latency_seconds:p50_5m": burst(0.011, 0.02),
        "latency_seconds:p95_5m": burst(0.042, 0.09),
        "latency_seconds:mean5m": burst(0.017, 0.04),
        "sessions_active": lambda at: round(wave(14, 9, 0)(at) or 0),
        "projects": lambda at: round(ramp(181, 214, begin)(at) or 0),
        "sessions_created:ratio1h": lambda at: 1 - (burst(0.004, 0.06, 2500)(at) or 0),
        "projects_assigned:ratio1h": flat(1),
        "memory_used:ratio": wave(0.58, 0.06, 0.004),
        "cpu_used:ratio5m": wave(0.21, 0.13, 0.02),
        "process_memory:bytes": wave(1.9e8, 2e7, 2e6),
        "heap_used:bytes": wave(9e7, 1e7, 6e6),
        "eventloop_lag_seconds:p99": wave(0.012, 0.002, 0.0008),
        "db_connections:used": lambda at: round(wave(14, 5, 0.8)(at) or 0),
        "db_connections:max": flat(100),
        "db_pool:total": flat(10),
        "db_pool:idle": lambda at: round(wave(6, -2, 0.6)(at) or 0),
        "db_pool:waiting": flat(0),
        "db_longest_transaction_seconds": wave(0.4, 0.2, 0.1),
    }.items():
        yield f"aidis:{name}", one, curve
    root = {**one, "mountpoint": "/"}
    yield "aidis:disk_free:bytes", root, ramp(9.4e9, 6.1e9, begin)
    yield "aidis:disk_free:predict4d", root, ramp(7.4e9, 4.2e9, begin)
    yield "aidis_health_journal_entries", {**one, "level": "error"}, lambda at: 3.0 if abs(at - spike) < 500 else 0.0
    yield "aidis_release_info", {**one, "release": "1.4.0-7f3c2a1", "version": "1.4.0"}, flat(1)
    yield "aidis_release_active_timestamp_seconds", {**one, "release": "1.4.0-7f3c2a1"}, flat(now - 3.8 * 3600)
    yield "aidis_backup_last_success_timestamp_seconds", {**one, "database": "aidis_production"}, flat(now - 7 * 3600)
    yield "aidis_certificate_not_after_timestamp_seconds", {**one, "path": "/etc/ssl/a.pem"}, flat(now + 71 * DAY)
    for hours, kind, release in (
        (150, "deploy", "1.3.0-09be11c"),
        (29, "deploy", "1.3.1-e3d01b2"),
        (28, "failed", "1.3.1-e3d01b2"),
        (27.8, "rollback", "1.3.0-09be11c"),
        (3.8, "deploy", "1.4.0-7f3c2a1"),
    ):
        yield (
            "aidis_release_mark_timestamp_seconds",
            {**one, "kind": kind, "release": release},
            flat(now - hours * 3600),
        )
    for job in ("aidis", "node", "postgres", "prometheus", "alertmanager", "blackbox", "aidis_tcp", "aidis_mcp"):
        yield "up", {**one, "job": job}, flat(1)


def others(now: float) -> Iterator[tuple[str, dict[str, str], Curve]]:
    for host, up in (("app1", 1), ("app2", 1), (HOSTILE, 0)):
        labels = {"deployment": "fleet", "instance": host}
        yield "up", {**labels, "job": "node"}, flat(1)
        yield "up", {**labels, "job": "aidis"}, flat(up)
        yield "aidis:up", labels, flat(up)
        for number in range(6):
            disk = {**labels, "mountpoint": f"/srv/{number}"}
            yield "aidis:disk_free:bytes", disk, ramp(2e9 * (number + 1), 1e9 * (number + 1), now - 7 * DAY)
        yield "aidis:memory_used:ratio", labels, wave(0.9 if host == "app1" else 0.5, 0.05, 0.004)
        yield "aidis_release_info", {**labels, "release": f"2.0.0-{HOSTILE}"}, flat(1)
        mark = {**labels, "kind": HOSTILE, "release": HOSTILE}
        yield "aidis_release_mark_timestamp_seconds", mark, flat(now - 1800)
    yield "up", {"deployment": "bare", "instance": "one", "job": "prometheus"}, flat(1)


def openmetrics(now: float) -> Iterator[str]:
    """The history as text, each family in one piece."""
    families: dict[str, list[tuple[dict[str, str], Curve]]] = {}
    for name, labels, curve in (*production(now), *others(now)):
        families.setdefault(name, []).append((labels, curve))
    for name, series in families.items():
        yield f"# TYPE {name} gauge"
        for labels, curve in series:
            # A label's value is escaped as JSON escapes text.
            label = ",".join(f"{key}={json.dumps(value)}" for key, value in labels.items())
            for at in range(int(now - 7 * DAY), int(now), STEP):
                if (value := curve(at)) is not None:
                    yield f"{name}{{{label}}} {value:.12g} {at}"
    yield "# EOF"


def rules() -> str:
    found = [
        {
            "alert": name,
            "expr": "vector(1)",
            "labels": {"severity": severity, "deployment": deployment, "instance": host.replace("{{", "{{`{{`}}")},
            "annotations": {
                "summary": summary.replace("{{", "{{`{{`}}"),
                "description": description,
                "runbook_url": f"http://127.0.0.1/runbooks#{name}",
            },
        }
        for name, severity, deployment, host, summary, description in ALERTS
    ]
    # JSON is YAML.
    return json.dumps({"groups": [{"name": "made-up", "interval": "1s", "rules": found}]})


def main(directory: Path, promtool: str) -> None:
    directory.mkdir(parents=True)
    now = time.time()
    (directory / "history.txt").write_text("\n".join(openmetrics(now)) + "\n", encoding="utf-8")
    made = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=168h"]
    subprocess.run([*made, directory / "history.txt", directory / "data"], check=True, stdout=subprocess.DEVNULL)
    (directory / "rules.yml").write_text(rules(), encoding="utf-8")
    (directory / "prometheus.yml").write_text("rule_files: [rules.yml]\n", encoding="utf-8")
    (directory / "consoles").mkdir()
    page = monitoring_pages.render(monitoring_pages.CONSOLE)
    (directory / "consoles/aidis.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
