# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of checks names what verify.yml makes, and nothing else, and every line of the guide's checklists."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    database_checks,
    schema_findings,
    suite_check,
    verify_collect,
)
from jinja2 import Environment, nodes

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "docsite" / "rst" / "checks.rst"
VERIFY = ROOT / "roles" / "verify"
SEVERITIES = {"critical", "warning", "info"}
ID = re.compile(r"[a-z]+\.[a-z_]+(?::[A-Z]+)?|verify\.STAGE")

# The guide's checklists, line by line, its numbered steps, and what they look at.
GUIDE = """
Issue Resolution: All 21 TS014 critical issues must be resolved
Environment Setup: Production PostgreSQL database ready
Testing Validation: Full TS014 test suite passing at 95%+ success rate
Backup Strategy: Complete backup and recovery procedures in place
PostgreSQL 14+ installed and running
Database aidis_production created
User ridgetop with appropriate permissions
All migrations applied successfully
Performance indexes created
Backup strategy configured
Node.js 18+ installed
TypeScript 5+ installed
All npm dependencies installed
Environment variables configured
SSL certificates ready (if required)
Log directory permissions set
RAM: Minimum 4GB available
Disk Space: 10GB minimum free space
CPU: 2+ cores recommended
Network: Stable internet connection
Monitoring: System monitoring configured
1.1 Create Production Database
1.2 Enable Required Extensions
1.3 Verify Database Connection
2.1 Apply All Migrations
2.2 Verify Schema Integrity
2.3 Create Performance Indexes
3.1 Verify Foreign Key Constraints
3.2 Create Default System Project
4.1 Create Production Environment File
4.2 Update System Project ID
5.1 Install Production Dependencies
Verify build success: ls -la dist/
5.2 Service Configuration
5.3 Log Directory Setup
6.1 Start Production Services
Check service logs
6.2 Verify Service Health
Test database connectivity from application
7.1 Run Production Validation Tests
7.2 Performance Validation
7.3 Integration Testing
8.1 System Monitoring Configuration
Check service status
Check database connectivity
Check memory usage
Check disk space
Check recent logs for errors
8.2 Create Automated Health Checks
AIDIS production service running and enabled
Database service running and accessible
All required ports open and secure
Log files being created and rotated properly
Monitoring script working correctly
TS014 test suite passing at 95%+ success rate
Session creation and management working
Project assignment and switching functional
Database operations completing successfully
MCP tool integration working
Analytics and pattern detection operational
Session creation < 50ms
Project resolution < 25ms
Database queries optimized
Memory usage within acceptable limits
No performance bottlenecks detected
All sensitive files properly secured
Database access restricted to authorized users
Network access properly configured
Audit logging enabled and working
Backup and recovery procedures tested
listen_addresses = 'localhost'
port = 5432
ssl = on
log_connections = on
log_disconnections = on
log_statement = 'ddl'
local aidis_production ridgetop md5
host aidis_production ridgetop 127.0.0.1/32 md5
chmod 600 .env.production
chmod -R 755 dist
chmod 644 logs/*
ufw allow 22/tcp
ufw allow 3001/tcp
ufw allow 5432/tcp from 127.0.0.1
Verify firewall status
""".strip().splitlines()


# ---- What verify.yml makes ----


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def variables() -> dict[str, Any]:
    """All variables of all roles, as they are written."""
    found: dict[str, Any] = {}
    for role in sorted((ROOT / "roles").iterdir()):
        for part in ("defaults", "vars"):
            for file in sorted((role / part).rglob("*.yml")):
                found |= loaded(file) or {}
    return found


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


def reached(start: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """The variables that some values are made of, and those that these are made of, and so on."""
    found: dict[str, Any] = {}
    left = [start]
    while left:
        for text in strings(left.pop()):
            for name in set(re.findall(r"\w+", text)) & known.keys() - found.keys():
                found[name] = known[name]
                left.append(known[name])
    return found


def constant(node: nodes.Node) -> Any:
    return node.value if isinstance(node, nodes.Const) else None


def literal(node: nodes.Dict) -> dict[str, Any]:
    """The items of a mapping in an expression, None for those that are expressions themselves."""
    return {constant(item.key): constant(item.value) for item in node.items}


def begins(node: nodes.Node) -> str:
    """The text that an expression begins with."""
    texts = [node, *node.find_all(nodes.Const)]
    return next((str(one.value) for one in texts if isinstance(one, nodes.Const)), "")


def of_expression(text: str) -> Iterator[dict[str, Any]]:
    """The checks in an expression: mappings with an id, and those that a list of names is made into."""
    tree = Environment(autoescape=True).parse(text)
    for one in tree.find_all(nodes.Dict):
        yield from ({**literal(one), "id": begins(item.value)} for item in one.items if constant(item.key) == "id")
    for made_of in tree.find_all(nodes.Filter):
        if made_of.name != "map" or [constant(one) for one in made_of.args[:1]] != ["combine"] or not made_of.node:
            continue
        names = [str(one.value) for one in made_of.node.find_all(nodes.Const)]
        for more in made_of.args[1:]:
            if isinstance(more, nodes.Dict):
                yield from ({**literal(more), "id": name} for name in names if re.fullmatch(r"[a-z]+\.[a-z_]+:", name))


def of_value(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, str):
        if "{{" in value:
            yield from of_expression(value)
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, dict) and "id" in one:
                yield one
            else:
                yield from of_value(one)


def of_variables() -> Iterator[dict[str, Any]]:
    """The checks in what verify.yml hands to the role, and in the role's own."""
    playbooks = ROOT / "playbooks"
    given = [loaded(playbooks / file) for file in loaded(playbooks / "verify.yml")[0]["vars_files"]]
    handed = {name: value for file in given for name, value in file.items() if name.startswith("verify_role_")}
    own = loaded(VERIFY / "vars" / "main.yml")
    wanted = reached(handed, variables()) | {"__verify_own_checks": own["__verify_own_checks"]}
    # What else has an id, such as a distribution, has no category in it.
    yield from (one for value in wanted.values() for one in of_value(value) if "." in one["id"])


def default(spec: dict[str, Any]) -> dict[str, Any]:
    return {name: spec[name]["default"] for name in ("id", "category", "severity")}


def of_modules() -> Iterator[dict[str, Any]]:
    """The checks that modules name themselves, with what the tasks say of them."""
    connection = default(database_checks.argument_spec()["connection"]["options"])
    for task in loaded(VERIFY / "tasks" / "look.yml"):
        if "ridgetop.aidis.database_check" in task:
            yield connection | task["ridgetop.aidis.database_check"]["connection"]
        if "ridgetop.aidis.suite_run" in task:
            yield default(suite_check.argument_spec()) | task["ridgetop.aidis.suite_run"]
    for name in schema_findings.CATEGORIES:
        yield {"id": f"schema.{name}", "category": "schema", "severity": "critical"}
    yield from verify_collect.unreachable()["checks"]
    broken = verify_collect.collect({"STAGE": {"failed": True, "msg": "broken"}}, [], [])
    yield from broken["checks"]


def made() -> dict[str, tuple[str, str]]:
    """Category and severity of every check by its id, or what that begins with. One only ever skipped is ``info``."""
    found: dict[str, tuple[str, str]] = {}
    for one in [*of_variables(), *of_modules()]:
        skipped = "reason" in one
        severity = "info" if skipped else one.get("severity") or "critical"
        if not skipped or one["id"] not in found:
            found[one["id"]] = (one["category"], severity)
    return found


# ---- What the page says ----


def tables(text: str) -> Iterator[list[list[str]]]:
    """The rows of each list-table, without its heading, each cell in one line."""
    for block in re.findall(r"(?m)^\.\. list-table::\n(?:   :.*\n)+\n((?:   .*\n)+)", text):
        rows: list[list[str]] = []
        for line in block.splitlines():
            if line.startswith("   * - "):
                rows.append([line[7:]])
            elif line.startswith("     - "):
                rows[-1].append(line[7:])
            else:
                rows[-1][-1] += f" {line.strip()}"
        yield rows[1:]


TABLES = list(tables(PAGE.read_text(encoding="utf-8")))
CHECKS = {row[0].strip("`"): row for row in TABLES[0]}
CHECKLISTS = [row for table in TABLES[1:] for row in table]
MADE = made()


def beginning(name: str) -> str:
    """``host.disk:`` of ``host.disk:PATH``."""
    return name.partition(":")[0] + ":" if ":" in name else name


def named(cell: str) -> list[str]:
    return [name for name in re.findall(r"``([^`]+)``", cell) if ID.fullmatch(name)]


def plain(cell: str) -> str:
    return cell.replace("``", "")


# ---- The two held together ----


def test_the_checks_are_found() -> None:
    assert len(MADE) > 80, "they were not found: the tests below would pass on less"
    for one in (
        "service.active",
        "host.disk:",
        "logs.rotation:",
        "requirements.build:",
        "database.login",
        "verify.STAGE",
    ):
        assert one in MADE
    assert all(category and severity in SEVERITIES for category, severity in MADE.values())


def test_no_check_stands_twice() -> None:
    assert len(CHECKS) == len(TABLES[0])


def test_every_check_is_on_the_page() -> None:
    assert sorted(MADE.keys() - {beginning(name) for name in CHECKS}) == []


def test_every_check_on_the_page_is_made() -> None:
    assert sorted({beginning(name) for name in CHECKS} - MADE.keys()) == []


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_the_page_says_how_a_check_is_made(name: str) -> None:
    assert len(CHECKS[name]) == 4 and ID.fullmatch(name)
    assert tuple(CHECKS[name][1:3]) == MADE[beginning(name)]


@pytest.mark.parametrize("line", GUIDE)
def test_every_line_of_the_guide_has_checks(line: str) -> None:
    rows = [row for row in CHECKLISTS if plain(row[0]) == line]
    assert len(rows) == 1
    assert named(rows[0][1]) != []


def test_the_lines_are_the_guides() -> None:
    assert [plain(row[0]) for row in CHECKLISTS] == GUIDE


@pytest.mark.parametrize("row", CHECKLISTS, ids=lambda row: plain(row[0]))
def test_what_looks_at_a_line_of_the_guide_exists(row: list[str]) -> None:
    assert len(row) == 2 and named(row[1]) != []
    assert [name for name in named(row[1]) if name not in CHECKS] == []


def test_only_what_is_always_skipped_is_said_to_be_skipped() -> None:
    never = {name for name, row in CHECKS.items() if row[2] == "info"}
    for line, cell in CHECKLISTS:
        names = set(named(cell))
        assert not names & never or cell.endswith(", skipped"), line
        assert not cell.endswith(", skipped") or names & never, line


def needs() -> list[tuple[str, str]]:
    return [
        (name, one)
        for name, wanted in loaded(VERIFY / "defaults" / "main.yml")["verify_needs"].items()
        for one in wanted
    ]


@pytest.mark.parametrize(("name", "needed"), needs())
def test_what_follows_from_what_exists(name: str, needed: str) -> None:
    assert fnmatch.filter(MADE, name) != []
    assert needed in MADE
