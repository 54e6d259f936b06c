# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The evidence of a host that is well, and what systemd, PostgreSQL and applications say when it is not."""

from __future__ import annotations

import copy
from typing import Any

UNIT = "aidis-production.service"
CLUSTER = "postgresql@17-main.service"
RUN, EARLIER = "af6fd043752241428272bada9edc70a9", "71a887766a234b0b9ae2a712b98b1961"
ENVIRONMENT = "/etc/aidis/production.env"
RELEASE = "v1.1.0-e0e9500"

Evidence = dict[str, Any]


def entry(text: str, by: str = "systemd", run: str = RUN, priority: int = 6) -> dict[str, Any]:
    """A line of a journal."""
    return {"at": "2026-11-26T01:36:53Z", "by": by, "priority": priority, "run": run, "text": text}


def file(path: str, kind: str = "file", mode: str = "0644", owner: str = "root", group: str = "root") -> dict[str, Any]:
    """A file that is as it should be."""
    attributes = {"type": kind, "owner": owner, "group": group, "mode": mode}
    return {"path": path, "wanted": {"path": path, **attributes}, "found": attributes, "wrong": []}


def process(pid: int, command: str, *units: str) -> dict[str, Any]:
    """A process that holds a socket."""
    return {"pid": pid, "command": command, "units": list(units)}


_WELL: Evidence = {
    "about": {
        "service": "aidis-production",
        "unit": UNIT,
        "user": "ridgetop",
        "root": "/opt/aidis",
        "environment_file": ENVIRONMENT,
        "working_directory": "/opt/aidis/current/mcp-server",
        "exec_start": "/usr/bin/node dist/server.js",
        "runtime_minimum": "18",
        "ports": [3001, 8080],
        "database": {
            "host": "localhost",
            "port": 5432,
            "name": "aidis_production",
            "user": "ridgetop",
            "tls": False,
            "here": True,
            "schemas": ["public"],
        },
        "extensions": ["uuid-ossp", "vector", "pg_trgm"],
    },
    "missing": {},
    "system": {"os": "Debian GNU/Linux 13 (trixie)", "time": 1795657910.2, "clock_offset": 0.4, "clock_doubt": 0.6},
    "units": [
        {
            "Id": UNIT,
            "LoadState": "loaded",
            "ActiveState": "active",
            "SubState": "running",
            "UnitFileState": "enabled",
            "Result": "success",
            "ExecMainCode": "0",
            "ExecMainStatus": "0",
            "InvocationID": RUN,
            "User": "ridgetop",
            "DropInPaths": "",
            "WorkingDirectory": "/opt/aidis/current/mcp-server",
            "ExecStart": "{ path=/usr/bin/node ; argv[]=/usr/bin/node dist/server.js ; ignore_errors=no ; pid=1966 }",
            "ActiveEnterTimestamp": "Thu 2026-11-26 01:36:53 UTC",
            "InactiveEnterTimestamp": "",
        },
        {
            "Id": CLUSTER,
            "LoadState": "loaded",
            "ActiveState": "active",
            "SubState": "running",
            "Result": "success",
            "InactiveEnterTimestamp": "",
        },
    ],
    "unit_file": ["[Service]"],
    "journal_service": [entry("Started aidis-production.service - AIDIS Production Server.")],
    "journal_postgres": [],
    "journal_timers": [],
    "journal_kernel": [],
    "journal_errors": [],
    "clusters": [{"version": "17", "name": "main", "port": "5432", "status": "online", "log": "/l", "lines": []}],
    "logs": [],
    "sockets": [
        {"address": "::", "port": 3001, "user": "ridgetop", "processes": [process(1966, "node", UNIT)]},
        {"address": "::", "port": 8080, "user": "ridgetop", "processes": [process(1966, "node", UNIT)]},
        {"address": "127.0.0.1", "port": 5432, "user": "postgres", "processes": [process(75, "postgres", CLUSTER)]},
    ],
    "superuser": {
        "port": 5432,
        "roles": {
            "postgres": {"login": True, "superuser": True, "expired": False, "limit": -1},
            "ridgetop": {"login": True, "superuser": False, "expired": False, "limit": -1},
        },
        "databases": {
            "postgres": {"owner": "postgres", "connections": True},
            "aidis_production": {"owner": "ridgetop", "connections": True},
        },
        "connections": {"ridgetop": 2, "postgres": 1},
        "max_connections": 100,
        "refused": [],
        "database": {
            "extensions": {"plpgsql": "1.0", "uuid-ossp": "1.1", "vector": "0.8.0", "pg_trgm": "1.6"},
            "available": ["pg_trgm", "uuid-ossp", "vector"],
            "rights": {"ridgetop": {"connect": True, "schemas": {"public": True}, "denied": 0}},
            "tables": 10,
        },
    },
    "application": {
        "host": "localhost",
        "port": 5432,
        "name": "aidis_production",
        "user": "ridgetop",
        "tls": False,
        "in": True,
        "code": "",
        "error": "",
        "as": "ridgetop in aidis_production",
    },
    "disks": [
        {
            "mount": "/",
            "paths": ["/", "/opt/aidis", "/var/log/aidis"],
            "bytes": 40 << 30,
            "bytes_free": 20 << 30,
            "inodes": 2_600_000,
            "inodes_free": 2_400_000,
            "read_only": False,
        }
    ],
    "memory": {"total": 3900, "available": 2100, "swap": 0, "swap_free": 0, "processes": []},
    "clock": {"synchronised": True, "error_ms": 20.0, "can_ntp": True, "ntp": True},
    "runtime": {
        "path": "/usr/bin/node",
        "there": True,
        "may_run": True,
        "version": "20.19.2",
        "first": "/usr/bin/node",
        "first_version": "20.19.2",
        "shadowed": False,
        "package": "nodejs",
    },
    "files": [
        file("/opt/aidis", "directory", "0755"),
        file("/var/log/aidis", "directory", "0750", "ridgetop", "ridgetop"),
        file(ENVIRONMENT, "file", "0640", "root", "ridgetop"),
        file("/etc/logrotate.d/aidis-production"),
    ],
    "environment": {"there": True, "lines": ["DATABASE_URL=***", "LOG_LEVEL=info"], "different": [], "databases": []},
    "releases": {
        "link": "/opt/aidis/current",
        "target": f"releases/{RELEASE}",
        "there": True,
        "reaches": True,
        "working_directory": True,
        "directories": [RELEASE],
        "ledger_there": True,
        "running": RELEASE,
        "underway": None,
        "entries": [
            {"id": RELEASE, "result": "good", "built_at": "2026-11-26T01:36:22Z", "good_at": "2026-11-26T01:36:58Z"}
        ],
    },
    "backups": {"newest": [], "swaps": [], "drill": None},
    "lock": {"path": "/var/lib/aidis/deploy.lock", "held": False},
}


class Sample:
    """The evidence of a host that is well, to be changed into that of one that is not."""

    def __init__(self) -> None:
        self.evidence = copy.deepcopy(_WELL)

    def part(self, name: str, **changes: Any) -> Sample:
        """Change fields of a part."""
        self.evidence[name].update(changes)
        return self

    def unit(self, **changes: str) -> Sample:
        """Change properties of the service's unit."""
        self.evidence["units"][0].update(changes)
        return self

    def failed(self, status: int, *lines: str, **changes: str) -> Sample:
        """The service ended with a status, and waits to be started again."""
        self.unit(ActiveState="activating", SubState="auto-restart", Result="exit-code", ExecMainStatus=str(status))
        self.unit(**changes)
        self.evidence["journal_service"] = [entry(line) for line in lines]
        self.evidence["sockets"] = self.evidence["sockets"][2:]
        return self

    def said(self, *lines: str) -> Sample:
        """The service says something."""
        self.evidence["journal_service"] += [entry(line, by="node") for line in lines]
        return self

    def login(self, error: str, code: str = "") -> Sample:
        """The application does not get in."""
        return self.part("application", **{"in": False, "error": error, "code": code})

    def cluster(self, status: str, **changes: str) -> Sample:
        """The state of PostgreSQL's cluster."""
        self.evidence["clusters"][0]["status"] = status
        self.evidence["units"][1].update(changes)
        return self

    def file(self, path: str, found: dict[str, str] | None, *wrong: str) -> Sample:
        """A file that is not as it should be."""
        one = next(one for one in self.evidence["files"] if one["path"] == path)
        one["found"] = None if found is None else {**one["found"], **found}
        one["wrong"] = list(wrong)
        return self

    def without(self, *parts: str) -> Sample:
        """Parts that could not be had."""
        for part in parts:
            self.evidence[part] = None
            self.evidence["missing"][part] = "there is no command x on this host"
        return self
