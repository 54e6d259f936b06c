# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documented examples of the modules that need a database, run as they stand, and their connections with TLS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible.plugins.filter.core import to_nice_yaml
from ansible_collections.ridgetop.aidis.plugins.modules import schema_verify, system_project
from ansible_collections.ridgetop.aidis.tests.integration.clusters import Cluster
from ansible_collections.ridgetop.aidis.tests.integration.conftest import PASSWORD, Database, RunModule
from ansible_collections.ridgetop.aidis.tests.integration.test_schema_verify import GUIDE, contract_of, deploy

# An authority, the server's certificate by it, and an authority of the same name that has made none.
CERTIFICATES = """
umask 077
make="openssl req -x509 -newkey rsa:2048 -nodes -days 2"
for name in ca other; do
  $make -subj /CN=tests -keyout "$name.key" -out "$name.pem" -addext basicConstraints=critical,CA:TRUE
done
$make -CA ca.pem -CAkey ca.key -subj /CN=server -keyout server.key -out server.pem \
  -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE
chmod 0644 *.pem
"""


@pytest.fixture(scope="module")
def authority(cluster: Cluster) -> Iterator[Path]:
    """The certificate of the authority that the server's is by; the server speaks TLS meanwhile."""
    cluster.run("bash", "-ec", f"mkdir {cluster.home}/tls; cd {cluster.home}/tls; {CERTIFICATES}")
    admin = Database(cluster, "postgres")
    files = {"ssl_cert_file": "server.pem", "ssl_key_file": "server.key"}
    for name, value in {**{key: f"{cluster.home}/tls/{file}" for key, file in files.items()}, "ssl": "on"}.items():
        admin.query(f"ALTER SYSTEM SET {name} = '{value}'")
    reloaded(admin, "on")
    yield cluster.home / "tls" / "ca.pem"
    for name in (*files, "ssl"):
        admin.query(f"ALTER SYSTEM RESET {name}")
    reloaded(admin, "off")


def reloaded(admin: Database, ssl: str) -> None:
    """Have the server read its settings again, and wait until it has."""
    admin.query("SELECT pg_reload_conf()")
    end = time.monotonic() + 60
    while admin.query("SHOW ssl") != [(ssl,)]:
        assert time.monotonic() < end, "the settings were not read"
        time.sleep(0.05)


@pytest.fixture
def login(database: Database, authority: Path) -> dict[str, Any]:
    """What stands in the examples for a real host, role, and authority."""
    place = {"login_host": "localhost", "login_port": database.cluster.port, "login_db": database.name}
    return {**place, "login_user": "app", "login_password": PASSWORD, "ca_cert": str(authority)}


def examples(module: ModuleType) -> list[dict[str, Any]]:
    """The tasks of the module among its examples."""
    name = "ridgetop.aidis." + module.__name__.rpartition(".")[2]
    return [task[name] for task in yaml.safe_load(module.EXAMPLES) if name in task]


def placed(args: dict[str, Any], database: Database, login: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an example, at this database instead of its own."""
    if "login_host" in args:
        return {**args, **login}
    return {**args, **database.login()}


def test_tls_is_what_was_asked_for(run_module: RunModule, login: dict[str, Any]) -> None:
    def message(**more: Any) -> str:
        return str(run_module("schema_verify", {"state": "fingerprinted", **login, **more}).get("msg", ""))

    assert message(ssl_mode="verify-full") == message(ssl_mode="require") == message(ssl_mode="disable") == ""
    other = login["ca_cert"].replace("ca.pem", "other.pem")
    assert "certificate verify failed" in message(ssl_mode="verify-full", ca_cert=other)
    assert "does not match host name" in message(ssl_mode="verify-full", login_host="127.0.0.1")
    assert message(ssl_mode="verify-ca", login_host="127.0.0.1") == ""


@pytest.mark.parametrize("number", range(len(examples(schema_verify))))
def test_schema_verify(database: Database, run_module: RunModule, login: dict[str, Any], number: int) -> None:
    args = placed(examples(schema_verify)[number], database, login)
    deploy(database)
    if isinstance(args.get("contract"), str):
        args = {**args, "contract": contract_of(GUIDE)}
    if "role" in args:
        args["role"] = "app"
    result = run_module("schema_verify", args)
    assert not result["failed"], result["msg"]
    if args.get("state") == "exported":
        # The example that follows it keeps the contract as this filter writes it.
        kept = yaml.safe_load(to_nice_yaml(result["contract"], indent=2))
        again = run_module("schema_verify", {**database.login(), "contract": kept, "extra": "fail"})
        assert again["findings"] == [], again["msg"]
    elif "contract" in args:
        assert result["findings"] == []
        database.query("DROP TABLE contexts CASCADE")
        assert run_module("schema_verify", args)["failed"]


TABLES = """
CREATE TABLE projects (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text, description text, status text);
CREATE SCHEMA core;
CREATE TABLE core.workspaces (workspace_id serial PRIMARY KEY, title text, enabled boolean, settings jsonb);
GRANT SELECT, INSERT ON projects TO app;
GRANT USAGE ON SCHEMA core TO app;
GRANT SELECT, INSERT ON core.workspaces TO app;
GRANT USAGE ON SEQUENCE core.workspaces_workspace_id_seq TO app;
"""


@pytest.mark.parametrize("number", range(len(examples(system_project))))
def test_system_project(database: Database, run_module: RunModule, login: dict[str, Any], number: int) -> None:
    args = placed(examples(system_project)[number], database, login)
    if "session_role" in args:
        args["session_role"] = "app"
    database.query(TABLES)
    assert run_module("system_project", args, check=True)["created"]
    made = run_module("system_project", args)
    assert made["created"] and made["project"]["id"], made
    assert not run_module("system_project", args)["changed"]
    query = "SELECT workspace_id::text, title, enabled::text FROM core.workspaces"
    if args.get("schema") != "core":
        query = "SELECT id::text, name, status FROM projects"
    assert database.query(query) == [tuple(made["project"].values())]
