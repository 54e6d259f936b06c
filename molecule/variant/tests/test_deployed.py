# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another release under other names, looked at on the host. Run after the first deployment and after all others."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

testinfra_hosts = ["ansible://aidis-variant?sudo=true"]

SERVICE = "mcp.workspaces"
USER = "mcp.svc-1"
ROOT = "/home/mcp.svc-1/aidis"
LOGS = f"{ROOT}/logs"
EXCHANGE = "/home/mcp.svc-1/exchange"
DATABASE = "Aidis-Prod 2"
PROJECT = 'Everybody\'s "desk"'
ENVIRONMENT_FILE = "/etc/opt/mcp/workspaces.conf"
SCENARIO = Path(__file__).resolve().parents[1]
PROJECT_ROOT = SCENARIO.parent.parent
TEMPLATE = PROJECT_ROOT / "roles/app/templates/etc/aidis/production.env.j2"


class Loader(yaml.SafeLoader):
    """YAML as Ansible's, where a value may be tagged !unsafe."""


def as_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


Loader.add_constructor("!unsafe", as_text)
INVENTORY = (SCENARIO / "inventory/group_vars/all.yml").read_text(encoding="utf-8")
GIVEN: dict[str, Any] = yaml.load(INVENTORY, Loader)  # noqa: S506 - a SafeLoader
# What the inventory writes as templates, and what is no text there.
MEANT = {
    "PGHOST": "localhost",
    "PGPORT": "5544",
    "PGUSER": USER,
    "PGDATABASE": DATABASE,
    "LISTEN": "127.0.0.1:4105",
    "HEALTH_LISTEN": "127.0.0.1:4106",
    "PGPASSWORD": GIVEN["aidis_database_password"],
    "FLAG": "true",
    "NUMBER": "0.5",
    "LIST": '[1, "two", "it\'s"]',
}
VARIABLES = {
    name: MEANT.get(name, value)
    for name, value in {**GIVEN["app_environment"], **GIVEN["app_secret_environment"]}.items()
    if value is not None
}


@pytest.fixture(scope="module")
def sql(host: Any) -> Any:
    """Ask the database as its superuser; one row as a list of texts."""

    def ask(query: str) -> list[list[str]]:
        command = "cd / && sudo -u postgres psql -XAtF '|' -p 5544 -v ON_ERROR_STOP=1 -d %s -c %s"
        answered = host.run(command, DATABASE, query)
        assert answered.rc == 0, answered.stderr
        return [line.split("|") for line in answered.stdout.splitlines()]

    return ask


@pytest.fixture(scope="module")
def pid(host: Any) -> str:
    """The service's main process."""
    shown = host.run("systemctl show -P MainPID %s", SERVICE)
    number = str(shown.stdout).strip()
    assert number != "0", "the service does not run"
    return number


@pytest.fixture(scope="module")
def inside(host: Any, pid: str) -> Any:
    """Run a command in the service's mount namespace, as its user: it sees the files that the service sees."""

    def run(command: str) -> Any:
        enter = "nsenter --target %s --mount setpriv --reuid %s --regid %s --clear-groups sh -c %s"
        return host.run(enter, pid, USER, USER, command)

    return run


@pytest.fixture(scope="module")
def environment(host: Any, pid: str) -> dict[str, str]:
    """The environment that systemd gave to the service; bytes that are no UTF-8 would fail here."""
    raw = host.run("cat /proc/%s/environ", pid).stdout_bytes
    return dict(entry.split("=", 1) for entry in raw.decode().split("\0") if entry)


@pytest.fixture(scope="module")
def ledger(host: Any) -> dict[str, Any]:
    """The ledger of releases."""
    loaded: dict[str, Any] = json.loads(host.file("/srv/mcp/state/releases.json").content_string)
    return loaded


@pytest.fixture(scope="module")
def release(ledger: dict[str, Any]) -> str:
    """The directory of the running release."""
    return f"{ROOT}/releases/{ledger['running']['id']}"


# Configuration


def test_environment_file_is_for_the_service_alone(host: Any) -> None:
    file = host.file(ENVIRONMENT_FILE)
    assert (file.user, file.group, file.mode) == ("root", USER, 0o640)
    assert not host.file("/etc/opt/mcp/migration.env").exists


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_variable_reaches_the_process_as_it_was_written(environment: dict[str, str], name: str) -> None:
    assert environment[name] == VARIABLES[name]


def test_no_other_application_is_configured(environment: dict[str, str]) -> None:
    assert "NOTHING" not in environment, "a null leaves a variable out"
    assert not {"DATABASE_URL", "JWT_SECRET", "MCP_PORT", "DEFAULT_PROJECT_ID", "ENV_FILE"} & set(environment)


def test_the_unit_own_environment(environment: dict[str, str]) -> None:
    assert environment["UNIT_TEXT"] == GIVEN["systemd_environment"]["UNIT_TEXT"]


def hostile_texts() -> list[str]:
    """Every text of up to two of the characters that readers tell apart, and long ones of any characters."""
    significant = "'\"\\`$ \t\n\r#;=%{!~&|<(*?[nxé"
    short = ["".join(pair) for length in (0, 1, 2) for pair in itertools.product(significant, repeat=length)]
    chance = random.Random(21)  # noqa: S311 - the same texts at each run
    characters = list(significant) * 20 + [chr(code) for code in (*range(1, 0x250), 0x2028, 0x1F3D4)]
    return short + ["".join(chance.choices(characters, k=chance.randint(3, 80))) for _ in range(300)]


def escaped(text: str) -> str:
    """Every character by its number, as YAML's double quotes take it."""
    return "".join(f"\\U{ord(character):08x}" for character in text)


def test_systemd_reads_every_text_as_it_was_written(host: Any, tmp_path: Path) -> None:
    """The role's template by Ansible's own module, read by the systemd of the host into a process."""
    meant = {f"HOSTILE_{number}": text for number, text in enumerate(hostile_texts())}
    # Tagged only where it would be a template: PyYAML finds no constructor for a tagged "=".
    tags = {name: "!unsafe " if "{" in text else "" for name, text in meant.items()}
    lines = [f'  {name}: {tags[name]}"{escaped(text)}"' for name, text in meant.items()]
    variables = tmp_path / "variables.yml"
    variables.write_text("\n".join(["__app_variables:", *lines]) + "\n", encoding="utf-8")
    file = "/run/hostile.env"
    command = [
        *("ansible", "aidis-variant", "--become", "--extra-vars", f"@{variables}"),
        *("-i", str(PROJECT_ROOT / "molecule/shared/inventory"), "-i", str(SCENARIO / "inventory")),
        *("-m", "ansible.builtin.template", "-a", json.dumps({"src": str(TEMPLATE), "dest": file, "mode": "0600"})),
    ]
    written = subprocess.run(command, cwd=PROJECT_ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert written.returncode == 0, written.stdout + written.stderr
    given = host.run("systemd-run --quiet --pipe --wait --property EnvironmentFile=%s env -0; rm %s", file, file)
    assert given.stderr == ""
    read = dict(entry.split("=", 1) for entry in given.stdout_bytes.decode().split("\0") if entry)
    assert {name: text for name, text in read.items() if name in meant} == meant


# Database


def test_the_migrations_of_all_versions_are_recorded_in_their_order(sql: Any) -> None:
    recorded = sql('SELECT version FROM "Upkeep".schema_history ORDER BY applied_at')
    assert [version for [version] in recorded][:3] == ["1.0.0", "1.9.0", "1.10.0"]


def test_one_project_and_its_id_in_the_configuration(sql: Any, environment: dict[str, str]) -> None:
    rows = sql("SELECT workspace_id, label, state FROM desk.workspaces")
    assert rows == [[environment["DEFAULT_WORKSPACE"], PROJECT, "open"]]


def test_database_belongs_to_the_user(sql: Any) -> None:
    assert sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()") == [[USER]]
    assert sql("SELECT extname FROM pg_extension ORDER BY 1") == [["citext"], ["pgaudit"], ["plpgsql"]]


# Release


def test_what_changes_the_schema_is_audited(host: Any, sql: Any) -> None:
    assert sql("SHOW pgaudit.log") == [["ddl"]]
    logged = host.check_output("cat /var/log/postgresql/postgresql-*.log")
    assert "AUDIT: SESSION," in logged and ",DDL,CREATE TABLE," in logged


def test_the_release_is_what_the_ledger_says(host: Any, ledger: dict[str, Any], release: str) -> None:
    assert host.file(f"{ROOT}/current").linked_to == release
    entry = next(one for one in ledger["releases"] if one["id"] == ledger["running"]["id"])
    assert entry["result"] == "good" and entry["commit"].startswith(entry["id"].rsplit("-", 1)[1])
    assert host.file(release).user == "mcp.builder"
    assert json.loads(host.file(f"{release}/build/built.json").content_string)["pg"], "the command after the install"


def test_what_only_the_migrations_needed_is_gone(host: Any, release: str) -> None:
    assert host.file(f"{release}/node_modules/pg").is_directory
    assert not host.file(f"{release}/node_modules/compare-versions").exists


# Process


def test_unit(host: Any) -> None:
    service = host.service(SERVICE)
    assert service.is_running and service.is_enabled
    shown = host.run("systemctl show %s -p NRestarts,User,Result,UMask,Wants,After,LimitNOFILE", SERVICE).stdout
    values = dict(line.split("=", 1) for line in shown.splitlines())
    assert (values["User"], values["Result"], values["NRestarts"]) == (USER, "success", "0")
    assert (values["UMask"], values["LimitNOFILE"]) == ("0077", "4096")
    assert "logrotate.timer" in values["Wants"].split() and "logrotate.timer" in values["After"].split()
    assert not host.service("aidis-production").exists


def test_command_line_and_directory(host: Any, pid: str, release: str) -> None:
    command = host.run("cat /proc/%s/cmdline", pid).stdout_bytes.decode()
    assert command.split("\0")[:-1] == ["/usr/bin/node", "--max-old-space-size=256", "build/main.js"]
    assert host.run("readlink /proc/%s/cwd", pid).stdout.strip() == release


def test_runtime_and_state_directories(host: Any, pid: str) -> None:
    assert host.file("/run/mcp-workspaces/server.pid").content_string.strip() == pid
    assert int(host.file("/var/lib/mcp-workspaces/starts").content_string) >= 1
    for directory in ("/run/mcp-workspaces", "/var/lib/mcp-workspaces"):
        assert host.file(directory).user == USER


# Sandbox


def test_directives_are_overridden_one_by_one(host: Any) -> None:
    unit = host.file(f"/etc/systemd/system/{SERVICE}.service").content_string
    assert "PrivateDevices" not in unit and "ProtectHostname=no" in unit
    assert re.findall(r"^RestrictAddressFamilies=(.*)$", unit, re.MULTILINE) == ["AF_INET", "AF_INET6"]
    assert "NoNewPrivileges=yes" in unit and "ProtectSystem=strict" in unit, "the others stay"


def test_it_sees_its_own_tree_and_no_other_home(host: Any, inside: Any, release: str) -> None:
    home = "/home/somebody-else"
    made = host.run("install -d -m 0755 %s && install -m 0644 /etc/hostname %s", home, f"{home}/file")
    assert made.rc == 0, made.stderr
    assert inside(f"cat {release}/build/main.js").rc == 0
    assert inside("ls /home").stdout.split() == [USER]
    assert sorted(inside(f"ls /home/{USER}").stdout.split()) == ["aidis", "exchange"]
    assert inside(f"cat {home}/file").rc != 0
    assert host.run("rm -r %s", home).rc == 0


@pytest.mark.parametrize(
    "path",
    [
        f"{ROOT}/current/file",
        f"{ROOT}/current/build/main.js",
        f"{ROOT}/file",
        f"/home/{USER}/file",
        "/etc/file",
        "/opt/file",
    ],
)
def test_it_cannot_write(inside: Any, host: Any, pid: str, path: str) -> None:
    assert inside(f"echo >> {path}").rc != 0
    # As root in the same namespace, so that it is the file system and not a mode that forbids it.
    root = host.run("nsenter --target %s --mount sh -c %s", pid, f"echo >> {path}")
    assert root.rc != 0 and "Read-only" in root.stderr


@pytest.mark.parametrize("directory", [LOGS, EXCHANGE, "/run/mcp-workspaces", "/var/lib/mcp-workspaces", "/tmp"])
def test_it_can_write(inside: Any, host: Any, directory: str) -> None:
    written = inside(f"echo > {directory}/written && cat {directory}/written && rm {directory}/written")
    assert written.rc == 0, written.stderr


def test_what_it_writes_to_its_logs_is_there_for_all(inside: Any, host: Any) -> None:
    assert inside(f"echo line > {LOGS}/test.log").rc == 0
    assert host.file(f"{LOGS}/test.log").content_string == "line\n"
    rotated = host.run("logrotate --force /etc/logrotate.d/%s", SERVICE)
    assert rotated.rc == 0, rotated.stderr
    assert host.file(f"{LOGS}/test.log").size == 0
    assert host.file(f"{LOGS}/test.log.1").content_string == "line\n"
    assert host.run("rm %s %s", f"{LOGS}/test.log", f"{LOGS}/test.log.1").rc == 0


def test_system_calls_are_filtered(host: Any) -> None:
    shown = host.run("systemctl show %s -P SystemCallFilter", SERVICE).stdout.split()
    assert "pkey_alloc" in shown and "read" in shown and "mount" not in shown


# It serves


@pytest.fixture(scope="module")
def call(host: Any) -> Any:
    """Send one line to the server and return the line that it answers."""
    script = (
        "import socket, sys; s = socket.create_connection(('127.0.0.1', 4105), 10); s.settimeout(10);"
        "s.sendall(sys.argv[1].encode() + b'\\n'); print(s.makefile().readline())"
    )

    def send(message: dict[str, Any]) -> dict[str, Any]:
        answered = host.run("python3 -c %s %s", script, json.dumps(message))
        assert answered.rc == 0, answered.stderr
        answer: dict[str, Any] = json.loads(answered.stdout)
        return answer

    return send


def test_what_is_stored_is_in_the_database(call: Any, sql: Any) -> None:
    opened = call({"jsonrpc": "2.0", "id": 1, "method": "thread_open", "params": {"topic": "molecule"}})
    thread = opened["result"]["thread"]["thread_id"]
    call({"method": "note_add", "params": {"thread_id": thread, "body": "It's stored"}})
    assert sql(f"SELECT body FROM desk.notes WHERE thread_id = '{thread}'") == [["It's stored"]]
    assert call({"method": "thread_drop", "params": {"thread_id": thread}}) == {"result": {"dropped": thread}}


def test_the_gate_left_nothing_behind(sql: Any) -> None:
    assert sql("SELECT count(*) FROM desk.threads WHERE topic LIKE 'gate %'") == [["0"]]


def test_it_speaks_of_its_configuration(call: Any) -> None:
    answer = call({"method": "greeting"})["result"]
    assert answer["workspace"] == PROJECT
    assert [answer["banner"], answer["prompt"]] == [VARIABLES["BANNER"], VARIABLES["PROMPT"]]


def test_nothing_failed_on_the_host(host: Any) -> None:
    assert host.run("systemctl --failed --no-legend").stdout == ""
    noted = host.run("journalctl --no-pager --quiet --boot --priority warning --unit %s", f"{SERVICE}.service")
    assert noted.stdout == ""


def test_the_timer_of_the_drill_takes_the_newest_backup(host: Any) -> None:
    """Backups by hand alone here: the daily one has no calendar and so no timer."""
    assert not host.file("/etc/systemd/system/aidis-backup.timer").exists
    assert host.check_output("systemctl is-active aidis-restore-drill.timer") == "active"
    program = "cd / && sudo -u postgres aidis-database --config /etc/opt/mcp/database.json"
    taken = json.loads(host.check_output(f"{program} backup --reason manual"))
    assert host.file(f"/srv/mcp/backups/{taken['id']}/database.dump").exists
    started = host.run("systemctl start aidis-restore-drill.service")
    assert started.rc == 0, host.run("journalctl --no-pager -u aidis-restore-drill.service -n 20").stdout
    drilled = json.loads(host.check_output(f"{program} list"))["backups"][0]
    assert drilled["id"] == taken["id"] and drilled["drill"]["ok"] is True
