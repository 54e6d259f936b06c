# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure schema_verify beside what one would run instead, and write the page of documentation.

bench_modules.py [--tables N]... [--page FILE]
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import median

from ansible_collections.ridgetop.aidis.tests.bench import schemas
from ansible_collections.ridgetop.aidis.tests.bench.contestants import CONTESTANTS, Measured, counted, measure
from ansible_collections.ridgetop.aidis.tests.integration.clusters import Cluster, running

# SQLAlchemy and setuptools as these releases were made for.
MIGRA = ["migradiff==1.7.2", "psycopg2-binary", "sqlalchemy<2.1", "setuptools<81"]
POSTGRESQL = "15"
LIMIT = 300.0
# Who is measured against whom: a module's process with processes, a playbook with a playbook.
OWN = {"postgresql_query for each kind": "schema_verify in a playbook"}

Results = dict[int, dict[str, Measured]]


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, flush=True)


def install_migra(directory: Path) -> None:
    """Into an environment of its own, gone with the directory."""
    target = directory / "migra"
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, str(target)], check=True)
    subprocess.run(["uv", "pip", "install", "--quiet", "--python", str(target / "bin" / "python"), *MIGRA], check=True)


def roomy(cluster: Cluster) -> None:
    """Restart with locks enough for pg_dump, which holds one on each table. schema_verify needs none of that."""
    connection = cluster.connect()
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET max_locks_per_transaction = 1024")
    connection.close()
    cluster.run(
        f"{cluster.programs}/pg_ctl",
        "--wait",
        "-D",
        f"{cluster.home}/data",
        "-l",
        f"{cluster.home}/log",
        "-m",
        "fast",
        "restart",
    )


def run(cluster: Cluster, directory: Path, sizes: list[int]) -> Results:
    """Run all, one after the other, on each size; the first run of each warms up and counts statements."""
    results: Results = {}
    for tables in sizes:
        database = f"bench_{tables}"
        say(f"Make {tables} tables")
        schemas.create(cluster, database, tables)
        results[tables] = {}
        for contestant in CONTESTANTS:
            command = contestant.prepare(cluster, database, directory)
            first = counted(cluster, database, command, LIMIT)
            runs = [] if first.late else [measure(command, LIMIT) for _ in range(3 if tables < 10000 else 2)]
            seconds = median([one.seconds for one in runs] or [first.seconds])
            measured = Measured(seconds, max(one.memory for one in [first, *runs]), first.queries, first.late)
            results[tables][contestant.name] = measured
            say(f"  {contestant.name:32} {seconds:8.2f} s {measured.memory:6.0f} MiB {measured.queries:7} queries")
    return results


def machine(cluster: Cluster) -> list[str]:
    """What it was measured on."""
    names = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    connection = cluster.connect()
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        server = cursor.fetchone()[0]
    connection.close()
    load = os.getloadavg()[0]
    return [
        f"{os.cpu_count()} processors {names[0] if names else platform.machine()}, {memory:.0f} GiB, "
        f"Linux {platform.release().split('-')[0]}; load at the start {load:.1f}",
        f"PostgreSQL {server}, without fsync; pg_dump of the same release",
        f"Python {platform.python_version()}, psycopg2 {version('psycopg2-binary')}, "
        f"ansible-core {version('ansible-core')}, {MIGRA[0].replace('==', ' ')}",
    ]


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """A table of reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [header, *rows]:
        lines += [f"   {'*' if index == 0 else ' '} - {cell}".rstrip() for index, cell in enumerate(row)]
    return [*lines, ""]


def seconds_text(measured: Measured) -> str:
    """Seconds, or that it took too long."""
    return f"more than {LIMIT:.0f} s" if measured.late else f"{measured.seconds:.2f} s"


def page(results: Results, measured_on: list[str]) -> str:
    """The page of documentation."""
    sizes = list(results)
    lines = [
        ":orphan:",
        "",
        ".. _ansible_collections.ridgetop.aidis.docsite.module_benchmarks:",
        "",
        "How fast schema_verify is",
        "=========================",
        "",
        "``make bench-modules`` writes this page. It makes databases of tables with 8 columns, 3 indexes, a primary",
        "and a foreign key each, and runs one after the other, in one go, what compares a schema or reads it.",
        "Shown are the median of several runs, of whole processes with all that they import and print, the memory of",
        "the biggest process, and the statements that the server wrote down.",
        "",
        *[f"- {line}" for line in measured_on],
        "",
    ]
    for tables in sizes:
        lines += [f"{tables:,} tables", "-" * len(f"{tables:,} tables"), ""]
        rows = []
        for contestant in CONTESTANTS:
            one = results[tables][contestant.name]
            own = results[tables][OWN.get(contestant.name, "schema_verify")]
            ratio = "" if "schema_verify" in contestant.name else f"{one.seconds / own.seconds:.1f}"
            names = [contestant.name, contestant.does, seconds_text(one), ratio]
            rows.append([*names, f"{one.memory:.0f} MiB", f"{one.queries:,}"])
        lines += table(["what", "does", "time", "times as long", "memory", "statements"], rows)
        lines += [verdict(results[tables]), ""]
    lines += [
        "The two last are compared with each other: both pay for the start of Ansible.",
        "",
        "Growth",
        "------",
        "",
        "Seconds for a thousand tables more, from one size to the next:",
        "",
    ]
    steps = list(pairwise(sizes))
    rows = [
        [name, *[per_thousand(results[low][name], results[high][name], high - low) for low, high in steps]]
        for name in results[sizes[0]]
    ]
    lines += table(["what", *[f"{low:,} to {high:,}" for low, high in steps]], rows)
    return "\n".join(lines).rstrip() + "\n"


def verdict(measured: dict[str, Measured]) -> str:
    """Who was faster than schema_verify, said as plainly as who was not."""
    own = {name: measured[OWN.get(name, "schema_verify")].seconds for name in measured if "schema_verify" not in name}
    ahead = {name: seconds - measured[name].seconds for name, seconds in own.items()}
    faster = [f"{name} was faster, by {lead:.2f} s" for name, lead in ahead.items() if lead > 0]
    return "; ".join(faster) + "." if faster else "schema_verify was faster than each of them."


def per_thousand(low: Measured, high: Measured, more: int) -> str:
    """What a thousand tables more cost."""
    return "" if high.late else f"{(high.seconds - low.seconds) / more * 1000:.2f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, action="append")
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running(POSTGRESQL) as cluster:
        directory = Path(name)
        roomy(cluster)
        measured_on = machine(cluster)
        say("Install migradiff")
        install_migra(directory)
        text = page(run(cluster, directory, options.tables or [100, 1000, 10000]), measured_on)
    if options.page:
        options.page.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
