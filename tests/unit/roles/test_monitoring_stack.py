# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role `monitoring` writes on hosts of different inventories: who is asked, who listens where, who gets in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.tests.unit import promtools
from ansible_collections.ridgetop.aidis.tests.unit.roles.injection import corpus

ETC = "/etc/prometheus/aidis"
PASSWORD = r"""a:b\c '"%$@/{{ x }} d"""
EXPORTERS = {"node", "postgres", "blackbox"}
PROBES = {"aidis_tcp", "aidis_mcp", "aidis_ready", "aidis_metrics"}
JOBS = {*EXPORTERS, *PROBES, "prometheus", "alertmanager", "aidis"}


class Files(Mapping[str, str]):
    """The files of a host by their paths, each rendered when it is asked for."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables
        found = corpus.evaluate("monitoring", "{{ __monitoring_files }}", **variables)
        self.about = {str(file["path"]): file for file in found}

    def __getitem__(self, path: str) -> str:
        file = self.about[path]
        if "template" in file:
            return corpus.render("monitoring", file["template"], **self.variables)
        return str(file["content"])

    def __iter__(self) -> Iterator[str]:
        return iter(self.about)

    def __len__(self) -> int:
        return len(self.about)


class Inventory:
    """Groups of hosts that have the addresses 192.0.2.1 and on, in the order of their first mention."""

    def __init__(self, db: str, app: str, monitor: str, **variables: Any) -> None:
        self.groups = {"aidis_db": db.split(), "aidis_app": app.split(), "aidis_monitor": monitor.split()}
        self.hosts = list(dict.fromkeys(host for group in self.groups.values() for host in group))
        self.addresses = {host: f"192.0.2.{number}" for number, host in enumerate(self.hosts, 1)}
        self.variables = variables

    def of(self, host: str, **more: Any) -> dict[str, Any]:
        """The variables of a host."""
        return {
            "groups": {**self.groups, "all": self.hosts},
            "hostvars": {name: {} for name in self.hosts},
            "aidis_addresses": self.addresses,
            "inventory_hostname": host,
            "aidis_address": self.addresses[host],
            "monitoring_database_password": PASSWORD,
            **self.variables,
            **more,
        }

    def value(self, host: str, name: str, **more: Any) -> Any:
        """What a variable comes to on a host."""
        return corpus.evaluate("monitoring", f"{{{{ {name} }}}}", **self.of(host, **more))

    def files(self, host: str, **more: Any) -> Files:
        """What the files of a host hold."""
        return Files(self.of(host, **more))

    def targets(self, host: str, **more: Any) -> dict[str, list[str]]:
        """Whom a host asks, by job; each target bears the labels that all jobs have in common."""
        files, found = self.files(host, **more), {}
        for path in files:
            if "/targets/" in path:
                entries = yaml.safe_load(files[path])
                for entry in entries:
                    assert entry["labels"]["instance"] in self.hosts
                    assert entry["labels"].keys() == {"deployment", "instance"}
                found[Path(path).stem] = [target for entry in entries for target in entry["targets"]]
        return found


ONE = Inventory("one", "one", "one")
FLEET = Inventory("db", "app1 app2", "watch")
TWO = Inventory("db", "app1 app2", "watch1 watch2")
OTHER = Inventory(
    "one", "one", "one",
    aidis_service="mcp.workspaces", aidis_database="Aidis-Prod 2", aidis_database_port=5544, aidis_mcp_port=4105,
    aidis_http_port=4106, aidis_state_dir="/srv/mcp/state", monitoring_app_metrics_path="",
    monitoring_ready_path="/status", monitoring_mcp_send='{"method": "workspace_list", "params": {"a": "$1"}}',
    monitoring_mcp_expect=r'^\{"result":\{"workspaces":\[',
)  # fmt: skip


# ---- Who is asked ----


def test_one_machine_asks_itself_by_loopback() -> None:
    assert ONE.targets("one") == {
        "node": ["127.0.0.1:9100"],
        "postgres": ["127.0.0.1:9187"],
        "prometheus": ["127.0.0.1:9090"],
        "alertmanager": ["127.0.0.1:9093"],
        "blackbox": ["127.0.0.1:9115"],
        "aidis": ["127.0.0.1:8080"],
        "aidis_tcp": ["127.0.0.1:3001"],
        "aidis_mcp": ["127.0.0.1:3001"],
        "aidis_ready": ["http://127.0.0.1:8080/readyz"],
        "aidis_metrics": ["http://127.0.0.1:8080/metrics"],
    }


def test_a_watcher_asks_each_host_for_what_runs_there() -> None:
    assert FLEET.targets("watch") == {
        "node": ["192.0.2.1:9100", "192.0.2.2:9100", "192.0.2.3:9100", "127.0.0.1:9100"],
        "postgres": ["192.0.2.1:9187"],
        "prometheus": ["127.0.0.1:9090"],
        "alertmanager": ["127.0.0.1:9093"],
        "blackbox": ["127.0.0.1:9115"],
        "aidis": ["192.0.2.2:8080", "192.0.2.3:8080"],
        "aidis_tcp": ["192.0.2.2:3001", "192.0.2.3:3001"],
        "aidis_mcp": ["192.0.2.2:3001", "192.0.2.3:3001"],
        "aidis_ready": ["http://192.0.2.2:8080/readyz", "http://192.0.2.3:8080/readyz"],
        "aidis_metrics": ["http://192.0.2.2:8080/metrics", "http://192.0.2.3:8080/metrics"],
    }


def test_watchers_ask_each_other() -> None:
    targets = TWO.targets("watch2")
    assert targets["prometheus"] == ["192.0.2.4:9090", "192.0.2.5:9090"]
    assert targets["alertmanager"] == ["192.0.2.4:9093", "192.0.2.5:9093"]
    assert targets["blackbox"] == ["127.0.0.1:9115"]
    # It listens on its own address for the other one, and so asks itself there, too.
    assert targets["node"][-2:] == ["192.0.2.4:9100", "192.0.2.5:9100"]


def test_a_port_may_differ_by_host_and_an_address_may_be_of_ipv6() -> None:
    more = {"hostvars": {"db": {}, "app1": {"aidis_mcp_port": 3999}, "app2": {}, "watch": {}}}
    addresses = FLEET.addresses | {"app1": "2001:db8::2"}
    assert FLEET.targets("watch", aidis_addresses=addresses, **more)["aidis_tcp"] == [
        "[2001:db8::2]:3999",
        "192.0.2.3:3001",
    ]


def test_another_application_is_told_by_its_inventory() -> None:
    targets = OTHER.targets("one")
    assert targets["aidis"] == []
    assert targets["aidis_mcp"] == ["127.0.0.1:4105"]
    assert targets["aidis_ready"] == ["http://127.0.0.1:4106/status"]
    assert 'deployment: "mcp.workspaces"' in OTHER.files("one")[f"{ETC}/targets/node.yml"]
    query = yaml.safe_load(OTHER.files("one")[f"{ETC}/blackbox.yml"])["modules"]["aidis_mcp"]["tcp"]["query_response"]
    # A dollar would stand for a part of what was matched before.
    assert query == [
        {"send": '{"method": "workspace_list", "params": {"a": "$$1"}}'},
        {"expect": r'^\{"result":\{"workspaces":\['},
    ]


def test_what_an_application_does_not_have_is_not_asked() -> None:
    none = {"monitoring_app_metrics_path": "", "monitoring_ready_path": "", "monitoring_mcp_send": ""}
    config = yaml.safe_load(ONE.files("one", **none)[f"{ETC}/prometheus.yml"])
    not_asked = {"aidis", "aidis_metrics", "aidis_mcp", "aidis_ready"}
    assert {one["job_name"] for one in config["scrape_configs"]} == JOBS - not_asked
    assert all(ONE.targets("one", **none)[job] == [] for job in not_asked)


# ---- What Prometheus is told ----


@pytest.mark.parametrize(("inventory", "host"), [(ONE, "one"), (FLEET, "watch"), (TWO, "watch1"), (OTHER, "one")])
def test_prometheus_takes_its_configuration(inventory: Inventory, host: str, tmp_path: Path) -> None:
    files = inventory.files(host)
    for path in files:
        if path.startswith(ETC) and "/consoles/" not in path:
            place = tmp_path / path.removeprefix(f"{ETC}/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(files[path].replace(ETC, str(tmp_path)), encoding="utf-8")
    status, said = promtools.run("promtool", "check", "config", tmp_path / "prometheus.yml")
    assert status == 0, said
    assert "does not exist" not in said and said.count("rules found") == 2
    config = yaml.safe_load((tmp_path / "prometheus.yml").read_text(encoding="utf-8"))
    for one in config["scrape_configs"]:
        assert one["file_sd_configs"] == [{"files": [f"{tmp_path}/targets/{one['job_name']}.yml"]}]
        assert ("relabel_configs" in one) == (one["job_name"] in PROBES)


def test_a_target_has_no_more_time_than_there_is_between_two_looks() -> None:
    files = ONE.files("one", monitoring_scrape_interval=3)
    assert yaml.safe_load(files[f"{ETC}/prometheus.yml"])["global"]["scrape_timeout"] == "3s"


GOOD = [
    '{"method":"project_list","result":{"projects":[]}}',
    '{"method":"project_list","result":{}}',
    '{"jsonrpc":"2.0","id":1,"result":{"projects":[{"error":"a name"}]}}',
    '{"jsonrpc": "2.0", "id": "a", "result": {}}',
    '{"id":null,"method":"project_list","result":[]}',
    '{"result":{"workspaces":[]}}',
]
BAD = [
    '{"method":"project_list","error":{"code":-32000,"message":"too many tool calls","data":{"code":"limit"}}}',
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}',
    '{"jsonrpc":"2.0","id":1,"error":{"message":"x","data":{"result":{}}}}',
    '{"error":"no \\"result\\": here","result2":{}}',
    "HTTP/1.1 400 Bad Request",
    "",
]


def expected() -> str:
    blackbox = yaml.safe_load(ONE.files("one")[f"{ETC}/blackbox.yml"])
    return str(blackbox["modules"]["aidis_mcp"]["tcp"]["query_response"][1]["expect"])


@pytest.mark.parametrize("line", GOOD)
def test_a_good_answer_is_taken_for_one(line: str) -> None:
    assert re.search(expected(), line)


@pytest.mark.parametrize("line", BAD)
def test_an_error_is_not_taken_for_a_good_answer(line: str) -> None:
    assert not re.search(expected(), line)


SAMPLES = [
    "# HELP up Whether.\n# TYPE up gauge\nup 1\n",
    'http_requests_total{path="/a b{}",status="200"} 1027 1395066363000\n',
    "a:b_total -1.5e+03\n",
    "x\t+Inf\n",
    "ratio NaN",
]
OTHER_PAGES = [
    "<!DOCTYPE html>\n<title>Metrics 1</title>\n<p>up 1</p>\n",
    '{"metrics": {"up": 1}}\n',
    '{\n  "up 1": 1\n}\n',
    "# nothing was counted yet\n",
    "",
]


def samples() -> str:
    blackbox = yaml.safe_load(ONE.files("one")[f"{ETC}/blackbox.yml"])
    (found,) = blackbox["modules"]["aidis_metrics"]["http"]["fail_if_body_not_matches_regexp"]
    return str(found)


@pytest.mark.parametrize("page", SAMPLES)
def test_a_page_of_metrics_is_taken_for_one(page: str) -> None:
    assert re.search(samples(), page)


@pytest.mark.parametrize("page", OTHER_PAGES)
def test_another_page_is_not_taken_for_metrics(page: str) -> None:
    assert not re.search(samples(), page)


# ---- Units ----

UNITS = {
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-node-exporter",
    "prometheus-postgres-exporter",
    "prometheus-blackbox-exporter",
}


def drop_ins(inventory: Inventory, host: str, **more: Any) -> dict[str, str]:
    files = inventory.files(host, **more)
    paths = [path for path in files if path.startswith("/etc/systemd/system/")]
    return {Path(path).parent.name.removesuffix(".service.d"): files[path] for path in paths}


def units(inventory: Inventory, host: str, **more: Any) -> set[str]:
    return {unit["name"].partition(".")[0] for unit in inventory.value(host, "__monitoring_units", **more)}


def listens(text: str) -> str:
    found = re.findall(r'"--web\.listen-address=([^"]*)"', text)
    assert len(found) == 1
    return str(found[0])


def test_each_host_has_what_it_needs() -> None:
    apt = {"prometheus-node-exporter-apt"}
    assert set(drop_ins(ONE, "one")) == UNITS
    assert units(ONE, "one") == UNITS | apt
    assert units(FLEET, "db") == {"prometheus-node-exporter", "prometheus-postgres-exporter"} | apt
    assert units(FLEET, "app2") == {"prometheus-node-exporter"} | apt
    assert units(FLEET, "watch") == UNITS - {"prometheus-postgres-exporter"} | apt


@pytest.mark.parametrize(("inventory", "host"), [(ONE, "one"), (FLEET, "db"), (FLEET, "watch"), (OTHER, "one")])
def test_what_runs_is_restarted_and_read_anew_for_files_that_are_written(inventory: Inventory, host: str) -> None:
    files = inventory.files(host)
    for unit in inventory.value(host, "__monitoring_units"):
        for path in [*unit.get("restart_on", []), *unit.get("reload_on", [])]:
            assert path in files, (unit["name"], path)
        drop_in = f"/etc/systemd/system/{unit['name']}.d/aidis.conf"
        assert (drop_in in files) == (drop_in in unit.get("restart_on", []))


def test_who_listens_where() -> None:
    assert {listens(text).rpartition(":")[0] for text in drop_ins(ONE, "one").values()} == {"127.0.0.1"}
    app = drop_ins(FLEET, "app1")
    assert listens(app["prometheus-node-exporter"]) == "192.0.2.2:9100"
    assert listens(drop_ins(FLEET, "db")["prometheus-postgres-exporter"]) == "192.0.2.1:9187"
    assert {listens(text).rpartition(":")[0] for text in drop_ins(FLEET, "watch").values()} == {"127.0.0.1"}
    # A name may stand for any address of the host.
    assert listens(drop_ins(FLEET, "app1", aidis_address="app1.example.org")["prometheus-node-exporter"]) == ":9100"
    assert listens(drop_ins(FLEET, "app1", aidis_address="2001:db8::2")["prometheus-node-exporter"]) == (
        "[2001:db8::2]:9100"
    )


def test_prometheus_is_on_loopback_until_somebody_is_let_in() -> None:
    asked = {"monitoring_web_networks": ["198.51.100.0/24"]}
    assert listens(drop_ins(ONE, "one", **asked)["prometheus"]) == "192.0.2.1:9090"
    assert listens(drop_ins(ONE, "one", **asked)["prometheus-node-exporter"]) == "127.0.0.1:9100"
    assert ONE.targets("one", **asked)["prometheus"] == ["192.0.2.1:9090"]
    assert listens(drop_ins(TWO, "watch1")["prometheus"]) == "192.0.2.4:9090"


@pytest.mark.parametrize("unit", sorted(UNITS))
def test_each_unit_is_in_a_sandbox_with_limits_and_comes_back(unit: str) -> None:
    lines = drop_ins(ONE, "one")[unit].splitlines()
    for line in (
        "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "SystemCallFilter=@system-service",
        "Restart=always", "StartLimitIntervalSec=0", "EnvironmentFile=", "ExecStart=",
    ):  # fmt: skip
        assert line in lines, line
    assert [line for line in lines if line.startswith("MemoryMax=")]
    home = "ProtectHome=read-only" if unit == "prometheus-node-exporter" else "ProtectHome=yes"
    assert home in lines


def test_limits_and_directives_can_be_replaced_one_by_one() -> None:
    text = drop_ins(
        ONE, "one", monitoring_limits={"prometheus": {"MemoryMax": "3G", "TasksMax": None}},
        monitoring_sandbox={"prometheus": {"PrivateTmp": None, "ProtectHome": "tmpfs"}},
    )["prometheus"]  # fmt: skip
    lines = text.splitlines()
    assert "MemoryMax=3G" in lines and "LimitNOFILE=32768" in lines and "ProtectHome=tmpfs" in lines
    assert not [line for line in lines if line.startswith(("TasksMax", "PrivateTmp"))]


def test_an_argument_is_what_it_was_before_systemd_read_it() -> None:
    text = drop_ins(ONE, "one", monitoring_units_include='a\\.b "c" %n $HOME|d$')["prometheus-node-exporter"]
    assert r'"--collector.systemd.unit-include=a\\.b \"c\" %%n $$HOME|d$$"' in text


@pytest.mark.parametrize("text", corpus.accepted("line"))
def test_any_line_stays_one_argument(text: str) -> None:
    begin = '  "--collector.systemd.unit-include='
    lines = drop_ins(ONE, "one", monitoring_units_include=text)["prometheus-node-exporter"].splitlines()
    found = [line for line in lines if line.startswith(begin)]
    assert len(found) == 1 and found[0].endswith('" \\')
    quoted = found[0].removeprefix(begin).removesuffix('" \\')
    assert re.sub(r'\\(["\\])|%(%)|\$(\$)', lambda match: "".join(filter(None, match.groups())), quoted) == text


@pytest.mark.parametrize("text", [text for text in corpus.accepted("line") if text])
def test_any_line_is_sent_as_it_is(text: str) -> None:
    files = ONE.files("one", monitoring_mcp_send=text, monitoring_mcp_expect=text)
    query = yaml.safe_load(files[f"{ETC}/blackbox.yml"])["modules"]["aidis_mcp"]["tcp"]["query_response"]
    assert query == [{"send": text.replace("$", "$$")}, {"expect": text}]


def test_the_exporter_reads_the_text_files_of_all_roles() -> None:
    handed = {"monitoring_role_textfile_directories": ["/var/lib/aidis/metrics"]}
    text = drop_ins(ONE, "one", **handed)["prometheus-node-exporter"]
    assert 'ExecStartPre=/bin/ln -sfn "/var/lib/aidis/metrics" /run/aidis-node-exporter/1\n' in text
    assert 'ExecStartPre=/bin/ln -sfn "/var/lib/prometheus/node-exporter" /run/aidis-node-exporter/2\n' in text
    assert '"--collector.textfile.directory=/run/aidis-node-exporter/*"' in text


# ---- Secrets ----


def test_the_password_is_in_one_file_that_root_reads() -> None:
    files = OTHER.files("one")
    with_it = [path for path in files if "/consoles/" not in path and "$@/{{ x }} d" in files[path]]
    assert with_it == [f"{ETC}/secrets/pgpass"]
    assert files[f"{ETC}/secrets/pgpass"] == r"""*:*:*:*:a\:b\\c '"%$@/{{ x }} d""" + "\n"
    found = [one for one in OTHER.value("one", "__monitoring_files") if "/secrets/" in one["path"]]
    assert [(one["mode"], one["secret"]) for one in found] == [("0600", True)]


def test_the_exporter_reaches_a_database_of_any_name() -> None:
    names = {"monitoring_database": "Main tenance", "monitoring_database_user": "moni tor"}
    lines = drop_ins(OTHER, "one", **names)["prometheus-postgres-exporter"].splitlines()
    assert 'Environment="PGDATABASE=Main tenance"' in lines
    assert 'Environment="PGUSER=moni tor"' in lines
    assert "Environment=DATA_SOURCE_NAME=postgresql://127.0.0.1:5544/?sslmode=disable" in lines
    assert OTHER.value("one", "monitoring_hba", **names) == [{"database": "Main tenance", "user": "moni tor"}]


def test_the_exporter_has_no_right_that_a_backup_of_the_application_would_hold() -> None:
    assert OTHER.value("one", "monitoring_hba") == [{"database": "postgres", "user": "aidis_monitor"}]


def test_the_line_of_access_is_for_this_host_this_database_and_this_user() -> None:
    rendered = corpus.render(
        "postgres", "etc/postgresql/pg_hba.conf.j2", postgres_clients=[],
        postgres_role_hba=[{"database": 'A "b', "user": "aidis_monitor"}],
    )  # fmt: skip
    lines = [line for line in rendered.splitlines() if "aidis_monitor" in line]
    assert lines == ['host     "A ""b" "aidis_monitor" 127.0.0.1/32 scram-sha-256']


def test_a_missing_password_is_told_before_anything_is_changed() -> None:
    def password(host: str, **more: Any) -> list[str]:
        found = FLEET.value(host, "monitoring_requirements", **more)
        return [one["observed"] for one in found if one["id"] == "monitoring.password"]

    assert password("db", monitoring_database_password="") == [""]
    assert password("db") == ["set"]
    assert password("app1") == []
    assert password("db", monitoring_exporters=False) == []


# ---- Who is let in ----


def opened(inventory: Inventory, host: str, **more: Any) -> dict[int, list[str]]:
    rules = inventory.value(host, "monitoring_firewall_rules", **more)
    return {int(rule["port"]): rule["from"] for rule in rules if rule["from"]}


def test_the_watchers_are_let_in_and_nobody_else() -> None:
    assert opened(ONE, "one") == {}
    assert opened(FLEET, "db") == {9100: ["192.0.2.4"], 9187: ["192.0.2.4"]}
    assert opened(FLEET, "app1") == {9100: ["192.0.2.4"], 3001: ["192.0.2.4"], 8080: ["192.0.2.4"]}
    assert opened(FLEET, "watch") == {}
    assert opened(TWO, "watch1") == {9100: ["192.0.2.5"], 9090: ["192.0.2.5"], 9093: ["192.0.2.5"]}
    assert opened(FLEET, "watch", monitoring_web_networks=["any"]) == {9090: ["any"], 9093: ["any"]}


# ---- Without it, and with another Prometheus ----

NONE = Inventory("one", "one", "")


@pytest.mark.parametrize(
    ("inventory", "more"), [(NONE, {}), (ONE, {"monitoring_enabled": False})], ids=["no watcher", "switched off"]
)
def test_nothing_is_wanted_where_nobody_watches(inventory: Inventory, more: dict[str, Any]) -> None:
    assert inventory.value("one", "__monitoring_wanted", **more) is False
    for name in ("monitoring_requirements", "monitoring_firewall_rules", "monitoring_hba", "monitoring_checks"):
        assert inventory.value("one", name, **more) == [], name
    skipped = inventory.value("one", "monitoring_checks_skipped", **more)
    assert [one["id"] for one in skipped] == ["monitoring.configured"]


EXISTING = {
    "monitoring_stack": "existing",
    "monitoring_existing_rules_dir": "/etc/prometheus/rules.d",
    "monitoring_existing_targets_dir": "/etc/prometheus/targets.d",
    "monitoring_existing_consoles_dir": "/etc/prometheus/consoles",
}


def test_a_prometheus_that_is_there_gets_rules_targets_and_pages() -> None:
    files = FLEET.files("watch", **EXISTING)
    kinds = {str(Path(path).parent) for path in files if not path.startswith((ETC, "/etc/systemd/"))}
    assert kinds == {"/etc/prometheus/rules.d", "/etc/prometheus/targets.d", "/etc/prometheus/consoles"}
    assert f"{ETC}/prometheus.yml" not in files and f"{ETC}/alertmanager.yml" not in files
    scrape = yaml.safe_load(files["/etc/prometheus/targets.d/aidis-scrape.conf"])["scrape_configs"]
    assert {one["job_name"] for one in scrape} == JOBS - {"prometheus", "alertmanager"}
    for one in scrape:
        assert one["file_sd_configs"][0]["files"][0] in files
    assert units(FLEET, "watch", **EXISTING) == {
        "prometheus", "prometheus-node-exporter", "prometheus-node-exporter-apt", "prometheus-blackbox-exporter",
    }  # fmt: skip
    packages = FLEET.value("watch", "__monitoring_packages", **EXISTING)
    assert not {"prometheus", "prometheus-alertmanager"} & set(packages)
    assert units(FLEET, "db", **EXISTING) == units(FLEET, "db")


def test_of_a_prometheus_that_is_there_only_what_is_named_is_touched() -> None:
    bare = {"monitoring_stack": "existing", "monitoring_exporters": False, "monitoring_existing_unit": ""}
    assert list(FLEET.files("watch", **bare)) == [] and units(FLEET, "watch", **bare) == set()
    assert FLEET.value("db", "__monitoring_packages", **bare) == []


# ---- What verify.yml looks at ----


def checks(inventory: Inventory, host: str, **more: Any) -> set[str]:
    return {one["id"] for one in inventory.value(host, "monitoring_checks", **more)}


def test_what_is_looked_at_is_what_was_set_up() -> None:
    database = {"monitoring.exporter_database", "security.monitoring_password"}
    assert checks(FLEET, "app1") == {"monitoring.exporter"}
    assert checks(FLEET, "db") == {"monitoring.exporter"} | database
    watch = checks(FLEET, "watch")
    assert {"monitoring.configured", "monitoring.targets", "monitoring.receivers", "monitoring.probes"} <= watch
    assert checks(ONE, "one") == watch | database
    assert FLEET.value("watch", "monitoring_checks_skipped") == []
    assert checks(FLEET, "watch", **EXISTING) == {"monitoring.exporter", "monitoring.probes"}
    assert FLEET.value("watch", "monitoring_checks_skipped", **EXISTING)[0]["id"] == "monitoring.configured"


def test_prometheus_can_be_asked_what_does_not_answer(tmp_path: Path) -> None:
    argv = next(one["argv"] for one in OTHER.value("one", "monitoring_checks") if one["id"] == "monitoring.targets")
    assert argv[:4] == ["promtool", "query", "instant", "http://127.0.0.1:9090"]
    rule = {"record": "x:y", "expr": argv[4]}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "x", "rules": [rule]}]}), encoding="utf-8")
    status, said = promtools.run("promtool", "check", "rules", tmp_path / "rules.yml")
    assert status == 0, said
    assert 'deployment="mcp.workspaces"' in argv[4]


def test_no_receiver_is_a_warning() -> None:
    def told(**more: Any) -> tuple[str, str]:
        found = ONE.value("one", "monitoring_checks", **more)
        return next((one["severity"], one["observed"]) for one in found if one["id"] == "monitoring.receivers")

    assert told() == ("warning", "")
    assert told(monitoring_receivers={"webhook": {"url": "http://127.0.0.1:9999/"}}) == ("warning", "somebody")
