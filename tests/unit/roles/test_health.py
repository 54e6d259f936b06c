# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role health writes: a configuration that the program takes, and units that say what was meant."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.module_utils import health_config, variable_rules
from ansible_collections.ridgetop.aidis.tests.unit.roles.injection import corpus
from ansible_collections.ridgetop.aidis.tests.unit.roles.injection.test_injection_rendered import directives

SERVICE, TIMER = (f"etc/systemd/system/aidis-health.{kind}.j2" for kind in ("service", "timer"))
TMPFILES, CRON = "etc/tmpfiles.d/aidis-health.conf.j2", "etc/cron.d/aidis-health.j2"
PASSWORD = "9fQ '\"%\\ $@/`{{ x }} #;&?"


class Loader(yaml.SafeLoader):
    """YAML in which a value may be no template."""


def as_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


Loader.add_constructor("!unsafe", as_text)

# Hosts by what they are.
ALL_IN_ONE: dict[str, Any] = {"aidis_database_password": PASSWORD, "aidis_lock_host": "one"}
GROUPS = {"all": ["db", "app", "app2"], "aidis_db": ["db"], "aidis_app": ["app", "app2"]}
FLEET = {
    name: {**ALL_IN_ONE, "inventory_hostname": name, "groups": GROUPS, "aidis_addresses": {"db": "192.0.2.5"}}
    | {"aidis_lock_host": "db"}
    for name in GROUPS["all"]
}
with (corpus.ROOT / "molecule/variant/inventory/group_vars/all.yml").open(encoding="utf-8") as file:
    VARIANT = {name: value for name, value in yaml.load(file, Loader).items() if name.startswith("aidis_")}  # noqa: S506
ODD = {**ALL_IN_ONE, **VARIANT}
HOSTS = {"all in one": ALL_IN_ONE, "odd names": ODD, **FLEET}


def config(host: dict[str, Any], **variables: Any) -> dict[str, Any]:
    """The configuration as it is written, read again."""
    files = corpus.evaluate("health", "{{ __health_files }}", **host, **variables)
    (content,) = [one["content"] for one in files if one["path"].endswith("health.json")]
    found: dict[str, Any] = json.loads(content)
    return found


def unit(template: str, host: dict[str, Any], **variables: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in directives(corpus.render("health", template, **host, **variables)):
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("name", HOSTS)
def test_the_program_takes_its_configuration(name: str) -> None:
    found = config(HOSTS[name])
    assert health_config.problems(found) == []
    # Every key is set: none is what the program thinks by itself.
    assert found.keys() == vars(health_config.Config()).keys()
    assert [health_config.fault_of_query(query) for query in found["queries"]] == [""] * len(found["queries"])
    assert PASSWORD not in json.dumps(found)


def test_what_is_where() -> None:
    told = {name: config(host) for name, host in HOSTS.items()}
    assert {name for name, one in told.items() if one["sql"]} == {"all in one", "odd names", "app"}
    assert {name for name, one in told.items() if one["queries"]} == {"all in one", "odd names", "app"}
    assert {name for name, one in told.items() if one["lock"]} == {"all in one", "odd names", "db"}
    assert {name for name, one in told.items() if not one["units"] and not one["user"] and not one["ledger"]} == {"db"}
    assert {name for name, one in told.items() if one["database_ca"]} == {"app", "app2"}
    assert told["app"]["database_host"] == "192.0.2.5" and told["db"]["database_host"] == "localhost"
    assert told["app"]["certificates"] == ["/etc/aidis/database-ca.crt"]


def test_odd_names() -> None:
    found = config(ODD)
    assert (found["database"], found["user"], found["database_port"]) == ("Aidis-Prod 2", "mcp.svc-1", 5544)
    assert found["units"] == ["mcp.workspaces.service"]
    assert found["state"] == "/srv/mcp/state/health/state.json"
    assert found["log"] == "/home/mcp.svc-1/aidis/logs/health-check.log"


@pytest.mark.parametrize("name", HOSTS)
def test_the_unit_runs_as_whom_it_should(name: str) -> None:
    host = HOSTS[name]
    found = unit(SERVICE, host)
    assert found["User"] == [{"db": "aidis-health", "odd names": "mcp.svc-1"}.get(name, "ridgetop")]
    assert found["SupplementaryGroups"] == ["systemd-journal"] and found["Type"] == ["oneshot"]
    assert any(one.startswith("database-password:") for one in found.get("LoadCredential", [])) == (name != "db")
    assert PASSWORD not in corpus.render("health", SERVICE, **host)
    assert (
        found["NoNewPrivileges"] == ["yes"] and found["ProtectSystem"] == ["strict"] and found["PrivateTmp"] == ["yes"]
    )


def test_the_unit_says_where_the_configuration_is(tmp_path: Any) -> None:
    path = tmp_path / "aidis-health.service"
    path.write_text(corpus.render("health", SERVICE, **ODD), encoding="utf-8")
    assert health_config.found(str(path)) == "/etc/opt/mcp/health.json"


def test_certificates_are_handed_to_the_unit() -> None:
    found = unit(SERVICE, FLEET["db"], health_role_certificates=["/etc/postgresql/tls/server.crt", "/x.crt"])
    assert found["LoadCredential"] == ["certificate-0:/etc/postgresql/tls/server.crt", "certificate-1:/x.crt"]
    # One that is not there keeps the check from nothing.
    assert found["SetCredential"] == ["certificate-0:missing", "certificate-1:missing"]


def test_what_lies_below_home_is_bound_into_the_sandbox() -> None:
    plain = unit(SERVICE, ALL_IN_ONE)
    assert plain["ProtectHome"] == ["yes"] and "BindPaths" not in plain and "BindReadOnlyPaths" not in plain
    found = unit(SERVICE, ODD)
    assert found["ProtectHome"] == ["tmpfs"]
    assert found["BindPaths"] == ["-/home/mcp.svc-1/aidis/logs"]
    assert found["BindReadOnlyPaths"] == ["-/home/mcp.svc-1/aidis"]
    assert found["ReadWritePaths"] == ["-/home/mcp.svc-1/aidis/logs", "-/srv/mcp/state/health"]


@pytest.mark.parametrize(
    ("name", "paths"), [("app", ["/var/lib/aidis/health"]), ("db", ["/var/lib/aidis/health", "/var/log/aidis"])]
)
def test_the_directories_that_are_made(name: str, paths: list[str]) -> None:
    lines = [line.split() for line in corpus.render("health", TMPFILES, **FLEET[name]).splitlines() if line[:1] == "d"]
    assert [line[1].strip('"') for line in lines] == paths
    owner = "ridgetop" if name == "app" else "aidis-health"
    assert [line[2:5] for line in lines] == [["0755" if "health" in path else "0750", owner, owner] for path in paths]


def test_the_timer() -> None:
    assert unit(TIMER, ALL_IN_ONE)["OnCalendar"] == ["*:0/5"]
    assert unit(TIMER, ALL_IN_ONE, health_schedule="hourly")["OnCalendar"] == ["hourly"]


@pytest.mark.parametrize("scheduler", ["timer", "cron"])
def test_either_the_timer_or_cron(scheduler: str) -> None:
    given = {**ALL_IN_ONE, "health_scheduler": scheduler}
    units = {one["name"]: one for one in corpus.evaluate("health", "{{ __health_units }}", **given)}
    files = {one["path"]: one for one in corpus.evaluate("health", "{{ __health_files }}", **given)}
    timed = scheduler == "timer"
    assert units["aidis-health.timer"]["enabled"] is timed
    assert units["aidis-health.timer"]["state"] == ("started" if timed else "stopped")
    assert ("cron.service" in units) is not timed
    assert files["/etc/cron.d/aidis-health"].get("state") == ("absent" if timed else None)
    assert config(given)["scheduler"] == scheduler


def test_cron_starts_the_unit_as_root() -> None:
    lines = corpus.render("health", CRON, **ALL_IN_ONE).splitlines()
    (line,) = [one for one in lines if one and not one.startswith("#")]
    assert line == "*/5 * * * * root /usr/bin/systemctl start --no-block aidis-health.service"


def test_the_password_is_a_file_of_root_alone() -> None:
    files = corpus.evaluate("health", "{{ __health_files }}", **ALL_IN_ONE)
    (found,) = [one for one in files if one.get("content") == PASSWORD]
    assert found == {"path": "/etc/aidis/health.password", "content": PASSWORD, "mode": "0600", "secret": True}
    others = [one for one in files if one is not found]
    assert "9fQ" not in json.dumps(others)
    assert "9fQ" not in str(corpus.evaluate("health", "{{ __health_files }}", **FLEET["db"]))


def test_metrics_have_the_names_that_are_scraped() -> None:
    names = [query["metric"] for query in config(ALL_IN_ONE)["queries"]]
    assert sorted(names) == sorted(set(names)) and all(re.fullmatch(r"aidis_sql_[a-z0-9_]+", name) for name in names)


@pytest.mark.parametrize(
    "variable", ["health_schedule", "health_cron_schedule", "health_user", "health_log", "health_dir"]
)
def test_what_the_rules_let_in_adds_no_line(variable: str) -> None:
    rule = corpus.rules()[variable]
    templates = (SERVICE, TIMER, CRON, TMPFILES)
    usual = [len(corpus.render("health", one, **ALL_IN_ONE).splitlines()) for one in templates]
    texts = corpus.accepted(rule)
    for text in [*texts, corpus.ALLOWED[str(rule)]]:
        assert not list(variable_rules.faults("x", rule, text, []))
        found = [len(corpus.render("health", one, **ALL_IN_ONE, **{variable: text}).splitlines()) for one in templates]
        assert found == usual
