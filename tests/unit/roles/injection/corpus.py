# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostile texts, every public variable of every role, and what is done with those that may hold any text."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.ridgetop.aidis.plugins.action import check_variables
from ansible_collections.ridgetop.aidis.plugins.module_utils import variable_rules

ROOT = Path(__file__).resolve().parents[4]
ROLES = sorted(path.parents[1].name for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))

# The file that a text would make if anything took it for a command: relative, so that tests choose where.
CANARY = "canary-of-injection"

# Wherever these stand, they are more than a name.
HOSTILE = {
    "single quote": "a'b",
    "double quote": 'a"b',
    "backslash": "a\\b",
    "backslash at the end": "a\\",
    "newline": f"a\nExecStartPre=touch {CANARY}",
    "newline at the end": "a\n",
    "carriage return": f"a\rExecStartPre=touch {CANARY}",
    "tab": "a\tb",
    "NUL": "a\0b",
    "escape": "a\x1b[2Jb",
    "line separator": "a\u2028b",
    "command in parentheses": f"$(touch {CANARY})",
    "command in backticks": f"`touch {CANARY}`",
    "variable": "${HOME}",
    "next command": f"; touch {CANARY}",
    "command after success": f"&& touch {CANARY}",
    "pipe": f"| touch {CANARY}",
    "redirection": f"> {CANARY}",
    "specifiers": "%n %i",
    "program of sed": f"x/;1e touch {CANARY};s/a",
    "Jinja": "{{ 7*7 }}",
    "Jinja's raw": "{% raw %}",
    "SQL": "'; DROP TABLE projects; --",
    "quoted identifier": '"; DROP DATABASE x; --',
    "option": f"-oProxyCommand=touch {CANARY}",
    "option behind a blank": f" --upload-pack='touch {CANARY}'",
    "end of options": "--",
    "way up": "../../etc/shadow",
    "glob": "*",
    "comment": " # b",
    "very long": "a" * 200_001,
}
# These are names in some places.
STRANGE = {"blank": "a b", "not ASCII": "Zürich-ß", "empty": ""}
CORPUS = {**HOSTILE, **STRANGE}

# ---- The variables ----

# A text that each kind allows, to put hostile ones behind.
ALLOWED = {
    "address": "db.example.org",
    "addresses": "localhost",
    "bytes": "2GB",
    "calendar": "daily",
    "compression": "zstd",
    "copy_to": "backup@vault:dir",
    "cron": "*/5 * * * *",
    "directive": "MemoryMax",
    "directory_name": "aidis",
    "environment_name": "NAME",
    "file_name": "aidis",
    "firewall_protocol": "tcp",
    "firewall_title": "MCP",
    "inventory_host": "db",
    "line": "text",
    "line_of_file": "/usr/bin/node server.js",
    "mode": "0640",
    "number": "5",
    "package": "nodejs",
    "password": "text",
    "path": "/opt/aidis",
    "path_blanks": "/opt/aidis",
    "path_home": "~/.ssh/id_ed25519",
    "path_inside": "dist/server.js",
    "path_mounted": "/",
    "path_pattern": "/var/log/aidis/x.log",
    "path_writable": "/srv/x",
    "peer": "192.0.2.0/24",
    "pg_cluster": "main",
    "pg_extension": "uuid-ossp",
    "pg_name": "aidis",
    "pg_setting": "work_mem",
    "port": "3001",
    "ports": "6000:6010",
    "repository": "https://host/x.git",
    "repository_key": "/etc/keys/x.asc",
    "rotation": "daily",
    "unit": "redis.service",
    "unit_name": "aidis",
    "url": "https://host/x",
    "url_path": "/metrics",
    "user": "aidis",
    "version": "v1.0",
    "version_number": "5.0",
    "words": "ddl",
}

# What a kind allows of the hostile texts, since it is what such a value is for.
MEANT = {
    "password": {*HOSTILE} - {"newline", "newline at the end", "carriage return", "NUL", "very long"},
    "line": {*HOSTILE}
    - {"newline", "newline at the end", "carriage return", "tab", "escape", "line separator", "NUL"}
    - {"very long"},
    "line_of_file": {*HOSTILE}
    - {"newline", "newline at the end", "carriage return", "escape", "line separator", "NUL", "backslash at the end"}
    - {"very long"},
    # Any path of a server's own.
    "url_path": {"glob", "way up", "variable", "option", "end of options"},
    # A pattern of times, of names of packages and of files.
    "calendar": {"glob", "end of options", "way up"},
    # Within a field a star is what fits, and a dash a range.
    "cron": {"end of options", "glob"},
    # Its titles are shown, and never a path.
    "firewall_title": {"way up"},
    "package": {"glob"},
    "path_pattern": {"glob"},
    "addresses": {"glob", "end of options"},
    # Letters and dashes in any order are a word, and so are those of a name.
    "words": {"end of options"},
    # Behind the colon is a directory on another host; it is quoted for its shell, see test_injection_commands.py.
    "copy_to": {*HOSTILE}
    - {"newline", "newline at the end", "carriage return", "tab", "escape", "line separator"}
    - {"NUL", "very long"},
    # What is behind a first part, and so neither an option nor a way up.
    "repository": {"end of options"},
    "url": {"end of options", "glob", "way up", "variable", "option"},
}
for _kind in ALLOWED:
    MEANT.setdefault(_kind, set())

# Why a variable may hold any text. Each reason is proved, or it is what the variable is for.
COMMAND = "a command: documented to be run by a shell, or as a list of words"
PATTERN = "a pattern: compiled and matched by a module, which says what is none; never run"
PROBES = "checks and probes: data of a module that checks it by itself"
TEXT = "any text: written to a file, an environment or a column, quoted; see test_injection_rendered.py"
CONTENT = "the content of a file of its own"
CONTROLLER = "a path or a name on the controller, of the person who runs the playbook; never a command line"
EXPORTED = "made by a role for another one"
TOLD = "printed, or handed on by a playbook and compared"

CLASSES = {
    COMMAND: """app_install_command app_post_install_commands app_build_command app_prune_command app_migration_command
        app_audit_command app_audit_signatures_command
        app_migration_pending_command app_acceptance_command app_dependencies_command""",
    PATTERN: """app_source_exclude app_migration_files app_acceptance_total app_acceptance_passed app_journal_exclude
        health_journal_exclude""",
    PROBES: """app_health_probes health_queries app_functionality_probes app_performance_probes preflight_checks
        verify_checks
        verify_queries verify_probes verify_role_checks verify_role_queries verify_role_probes verify_role_suite
        verify_role_made verify_role_skipped""",
    TEXT: """monitoring_expressions monitoring_disk_selector monitoring_extra_rules monitoring_receivers
        app_jwt_secret app_project_name app_project_description app_project_status app_database_url
        app_log_file""",
    CONTENT: "aidis_database_ca app_role_database_ca postgres_tls_given",
    CONTROLLER: """app_source_path app_artifact_dir app_schema_contract verify_report_dir verify_inventory_name
        diagnose_dest diagnose_name diagnose_options diagnose_secrets verify_role_command""",
    EXPORTED: """app_requirements app_paths backup_requirements backup_paths firewall_requirements health_paths
        monitoring_requirements logrotate_paths
        postgres_requirements postgres_paths preflight_host_requirements systemd_unit_paths systemd_timer_paths""",
    TOLD: """app_role_backup app_role_database_failure app_return_lock lock_role_account verify_severities
        verify_waivers verify_needs verify_role_waivers verify_role_firewall verify_role_release diagnose_role_paths
        diagnose_role_timers diagnose_role_logs diagnose_role_backup_dir diagnose_role_working_directory
        diagnose_role_exec_start diagnose_role_runtime_minimum diagnose_role_extensions diagnose_role_schemas
        diagnose_role_secret_environment diagnose_role_secret_variables monitoring_secrets""",
}
ANYTHING = {name: reason for reason, names in CLASSES.items() for name in names.split()}


@functools.cache
def specs() -> dict[str, dict[str, Any]]:
    """The options of all roles, by their names."""
    return {name: option for role in ROLES for name, option in check_variables.spec_of(role).items()}


@functools.cache
def rules() -> dict[str, variable_rules.Rule]:
    """Of which kind the values of variables are, by their names."""
    return {name: rule for role in ROLES for name, rule in check_variables.rules_of(role).items()}


def by_type(option: dict[str, Any]) -> bool:
    """Whether the argument spec alone refuses every text that is no number, no choice and no boolean."""
    return option["type"] in ("int", "float", "bool") or "choices" in option


def leaves(rule: variable_rules.Rule) -> Iterator[tuple[str, Callable[[str], Any]]]:
    """The kinds in a rule, each with what makes a value of a text there."""
    if isinstance(rule, str):
        yield rule.removesuffix("?"), lambda text: text
    elif isinstance(rule, list):
        for kind, put in leaves(rule[0]):
            yield kind, lambda text, put=put: [put(text)]  # type: ignore[misc]
    else:
        for key, inner in rule.items():
            if key == variable_rules.KEYS:
                yield inner, lambda text: {text: "a value"}
                continue
            for kind, put in leaves(inner):
                name = "name" if key == variable_rules.VALUES else key
                yield kind, lambda text, put=put, name=name: {name: put(text)}  # type: ignore[misc]


# ---- Rendering ----


@functools.cache
def _loaded(path: Path) -> Any:
    return check_variables.trusted(yaml.safe_load(path.read_text(encoding="utf-8")) or {})


def variables_of(role: str) -> dict[str, Any]:
    """The defaults and the internal variables of a role, and the shared ones, on a host that is all in one."""
    found: dict[str, Any] = {}
    files = [ROOT / "roles/aidis/defaults/main.yml", ROOT / "roles" / role / "defaults/main.yml"]
    for path in [*files, *sorted((ROOT / "roles" / role / "vars").rglob("*.yml"))]:
        found.update(_loaded(path) if path.exists() else {})
    return {
        **found,
        "inventory_hostname": "one",
        "groups": {"all": ["one"], "aidis_db": ["one"], "aidis_app": ["one"]},
        "hostvars": {"one": {}},
        "ansible_managed": "Made by Ansible",
        "aidis_addresses": {"one": "192.0.2.1"},
    }


def render(role: str, template: str, **variables: Any) -> str:
    """A template of a role as the module `template` renders it; texts in ``variables`` are values, and no templates."""
    text = (ROOT / "roles" / role / "templates" / template).read_text(encoding="utf-8")
    return str(evaluate(role, text, **variables))


def evaluate(role: str, text: str, **variables: Any) -> Any:
    """What a template comes to with the variables of a role."""
    variables = {**variables_of(role), **variables}
    templar = Templar(DataLoader(), variables).copy_with_new_env(
        searchpath=[str(ROOT / "roles" / role / "templates")], available_variables=variables
    )
    return templar.template(trust_as_template(text), escape_backslashes=False, overrides={"trim_blocks": True})


def accepted(rule: variable_rules.Rule) -> list[str]:
    """The texts of the corpus that a rule of one text lets in."""
    return [
        text for text in CORPUS.values() if "\0" not in text and not list(variable_rules.faults("x", rule, text, []))
    ]
