# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is run side by side on one database, each as a process of its own, as its user would."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.ridgetop.aidis.tests.integration.clusters import Cluster

# One query for each kind, as somebody would write them in a playbook.
QUERIES = {
    "extensions": "SELECT extname, extversion FROM pg_extension ORDER BY 1",
    "tables": "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
    "columns": "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns "
    "WHERE table_schema = 'public' ORDER BY 1, 2",
    "constraints": "SELECT conrelid::regclass::text AS t, conname, pg_get_constraintdef(oid) AS d FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2",
    "views": "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1",
    "sequences": "SELECT sequencename, data_type::text FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1",
    "enums": "SELECT enumtypid::regtype::text AS t, enumlabel FROM pg_enum ORDER BY 1, enumsortorder",
}


@dataclass(frozen=True)
class Measured:
    """One run: seconds, the biggest process's memory in MiB, statements that the server got."""

    seconds: float
    memory: float
    queries: int = 0
    late: bool = False


@dataclass(frozen=True)
class Contestant:
    """A way to the answer; ``prepare`` makes its command for a database."""

    name: str
    does: str
    prepare: Callable[[Cluster, str, Path], list[str]]


def measure(command: list[str], limit: float) -> Measured:
    """Run a command; of one that takes longer than ``limit`` seconds it is said. A failure ends the bench."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    late = False
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if not late and time.monotonic() - start > limit:
            late = True
            process.kill()
        time.sleep(0.005)
    seconds = time.monotonic() - start
    # It is waited for already.
    process.returncode = os.waitstatus_to_exitcode(status)
    errors = process.stderr.read().decode(errors="replace") if process.stderr else ""
    if process.returncode and not late:
        raise SystemExit(f"{shlex.join(command)[:200]}: exit status {process.returncode}\n{errors[-2000:]}")
    return Measured(seconds, usage.ru_maxrss / 1024, late=late)


def counted(cluster: Cluster, database: str, command: list[str], limit: float) -> Measured:
    """The same, with the server writing down each statement."""
    log = cluster.home / "log"
    connection = cluster.connect()
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE \"{database}\" SET log_statement = 'all'")
        start = log.stat().st_size
        measured = measure(command, limit)
        cursor.execute(f'ALTER DATABASE "{database}" RESET log_statement')
    connection.close()
    with log.open("rb") as file:
        file.seek(start)
        queries = len(re.findall(rb"LOG:  (?:statement|execute [^:]*):", file.read()))
    return Measured(measured.seconds, measured.memory, queries, measured.late)


def _module(cluster: Cluster, database: str, directory: Path, **args: Any) -> list[str]:
    file = directory / f"{database}-{args.get('state', 'verified')}.json"
    login = {"login_unix_socket": str(cluster.home), "login_port": cluster.port, "login_db": database, "timeout": 300}
    file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**login, **args}}), encoding="utf-8")
    return [sys.executable, "-m", "ansible_collections.ridgetop.aidis.plugins.modules.schema_verify", str(file)]


def contract(cluster: Cluster, database: str, directory: Path) -> str:
    """The contract of a database, as JSON."""
    command = _module(cluster, database, directory, state="exported")
    result = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return json.dumps(result["contract"])


def _verify(cluster: Cluster, database: str, directory: Path) -> list[str]:
    return _module(cluster, database, directory, contract=contract(cluster, database, directory))


def _fingerprint(cluster: Cluster, database: str, directory: Path) -> list[str]:
    return _module(cluster, database, directory, state="fingerprinted")


def _export(cluster: Cluster, database: str, directory: Path) -> list[str]:
    return _module(cluster, database, directory, state="exported")


def _dump(cluster: Cluster, database: str, directory: Path) -> list[str]:
    dump = f"{cluster.programs}/pg_dump -h {cluster.home} -p {cluster.port} -U postgres --schema-only {database}"
    one, two = directory / "one.sql", directory / "two.sql"
    # Newer releases print a random key, which is no difference.
    clean = "grep -vE '^.(un)?restrict '"
    script = f"{dump} | {clean} >{one} && {dump} | {clean} >{two} && diff {one} {two}"
    return ["bash", "-o", "pipefail", "-c", script]


def _migra(cluster: Cluster, database: str, directory: Path) -> list[str]:
    url = f"postgresql://postgres@/{database}?host={cluster.home}&port={cluster.port}"
    return [str(directory / "migra" / "bin" / "migra"), url, url]


def _playbook(directory: Path, name: str, cluster: Cluster, database: str, tasks: list[dict[str, Any]]) -> list[str]:
    login = {"login_unix_socket": str(cluster.home), "login_port": cluster.port, "login_user": "postgres"}
    for task in tasks:
        (module,) = (key for key in task if "." in key)
        task[module] |= {**login, "login_db": database}
    play = {"hosts": "localhost", "gather_facts": False, "connection": "local", "tasks": tasks}
    play["vars"] = {"ansible_python_interpreter": sys.executable}
    file = directory / f"{name}.yml"
    file.write_text(yaml.safe_dump([play]), encoding="utf-8")
    return ["ansible-playbook", "-i", "localhost,", str(file)]


def _queries(cluster: Cluster, database: str, directory: Path) -> list[str]:
    tasks = [
        {"name": f"Query {kind}", "community.postgresql.postgresql_query": {"query": query}, "register": kind}
        for kind, query in QUERIES.items()
    ]
    return _playbook(directory, "queries", cluster, database, tasks)


def _in_playbook(cluster: Cluster, database: str, directory: Path) -> list[str]:
    file = directory / f"{database}.contract.json"
    file.write_text(contract(cluster, database, directory), encoding="utf-8")
    text = f"{{{{ lookup('ansible.builtin.file', '{file}') }}}}"
    task = {"name": "Verify", "ridgetop.aidis.schema_verify": {"contract": text, "timeout": 300}}
    return _playbook(directory, "verify", cluster, database, [task])


CONTESTANTS = [
    Contestant("schema_verify", "compares with a contract", _verify),
    Contestant("schema_verify, exported", "writes the contract", _export),
    Contestant("schema_verify, fingerprinted", "computes the fingerprint", _fingerprint),
    Contestant("pg_dump twice, and diff", "compares two databases' text", _dump),
    Contestant("migradiff", "compares two databases", _migra),
    Contestant("schema_verify in a playbook", "compares with a contract", _in_playbook),
    Contestant("postgresql_query for each kind", "reads, compares nothing", _queries),
]
