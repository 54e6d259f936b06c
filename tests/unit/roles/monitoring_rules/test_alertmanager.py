# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is told of what: Alertmanager's configuration, read by amtool, and as data where amtool does not look."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.tests.unit import promtools
from ansible_collections.ridgetop.aidis.tests.unit.roles.injection import corpus

TEMPLATE = "etc/prometheus/aidis/alertmanager.yml.j2"
SEVERITIES = ("critical", "warning", "info")
SECRET = "s3cret-of-a-receiver"
MAIL = {
    "to": ["a@example.org", "b@example.org"],
    "from": "aidis@example.org",
    "smarthost": "mail.example.org:587",
    "username": "aidis",
    "password": SECRET,
}
WEBHOOK = {"url": "https://hooks.example.org/alerts", "token": SECRET}
SLACK = {"url": f"https://slack.example.org/{SECRET}", "channel": "#operations"}
SETS: dict[str, dict[str, Any]] = {
    "none": {},
    "mail": {"mail": MAIL},
    "mail without a login": {"mail": {**MAIL, "username": "", "password": "", "require_tls": False}},
    "webhook": {"webhook": WEBHOOK},
    "webhook by severity": {"webhook": {"url": {one: f"http://127.0.0.1:9999/{one}" for one in SEVERITIES}}},
    "slack": {"slack": SLACK},
    "all": {"mail": MAIL, "webhook": WEBHOOK, "slack": SLACK},
    "for one severity": {"mail": MAIL, "slack": {**SLACK, "severities": ["critical"]}},
}
KINDS = {"mail": "email_configs", "webhook": "webhook_configs", "slack": "slack_configs"}


def rendered(receivers: dict[str, Any], **given: Any) -> str:
    return corpus.render("monitoring", TEMPLATE, monitoring_receivers=receivers, **given)


def configured(receivers: dict[str, Any], **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(rendered(receivers, **given))
    return found


def kinds(config: dict[str, Any], severity: str) -> set[str]:
    """By which ways the receiver of a severity is told."""
    (receiver,) = (one for one in config["receivers"] if one["name"] == f"aidis-{severity}")
    return {kind for kind, key in KINDS.items() if receiver.get(key)}


@pytest.mark.parametrize("receivers", SETS.values(), ids=SETS)
def test_amtool_takes_it(tmp_path: Path, receivers: dict[str, Any]) -> None:
    (tmp_path / "alertmanager.yml").write_text(rendered(receivers))
    status, said = promtools.run("amtool", "check-config", tmp_path / "alertmanager.yml")
    assert status == 0, said
    assert " - 3 receivers" in said


def routed(config: Path, *labels: str) -> tuple[int, str]:
    """Who gets an alert with these labels by ``amtool config routes test``, and its status; warnings come after it."""
    status, said = promtools.run("amtool", "config", "routes", "test", f"--config.file={config}", *labels)
    return status, said.partition("\n")[0]


@pytest.mark.parametrize("receivers", SETS.values(), ids=SETS)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_each_severity_has_its_receiver(tmp_path: Path, receivers: dict[str, Any], severity: str) -> None:
    config = tmp_path / "alertmanager.yml"
    config.write_text(rendered(receivers))
    labels = [f"severity={severity}", "alertname=Any", "deployment=aidis-production", "instance=one"]
    assert routed(config, f"--verify.receivers=aidis-{severity}", *labels) == (0, f"aidis-{severity}")


def test_amtool_tells_a_wrong_receiver(tmp_path: Path) -> None:
    config = tmp_path / "alertmanager.yml"
    config.write_text(rendered(SETS["all"]))
    assert routed(config, "--verify.receivers=aidis-critical", "severity=warning")[0] != 0


def test_an_alert_without_a_known_severity_is_not_lost(tmp_path: Path) -> None:
    config = tmp_path / "alertmanager.yml"
    config.write_text(rendered(SETS["all"]))
    assert routed(config, "severity=odd") == (0, "aidis-warning")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("none", [set(), set(), set()]),
        ("mail", [{"mail"}] * 3),
        ("webhook by severity", [{"webhook"}] * 3),
        ("all", [{"mail", "webhook", "slack"}] * 3),
        ("for one severity", [{"mail", "slack"}, {"mail"}, {"mail"}]),
    ],
)
def test_who_is_told(name: str, expected: list[set[str]]) -> None:
    config = configured(SETS[name])
    assert [kinds(config, severity) for severity in SEVERITIES] == expected
    told = corpus.evaluate("monitoring", "{{ __monitoring_receivers_there }}", monitoring_receivers=SETS[name])
    assert told is (name != "none")


def test_a_webhook_by_severity_gets_each_at_its_own_address() -> None:
    config = configured(SETS["webhook by severity"])
    urls = [one["webhook_configs"][0]["url"] for one in config["receivers"]]
    assert urls == [f"http://127.0.0.1:9999/{severity}" for severity in SEVERITIES]
    only = configured({"webhook": {"url": {"info": "http://127.0.0.1:9999/info"}}})
    assert [kinds(only, severity) for severity in SEVERITIES] == [set(), set(), {"webhook"}]


def test_everything_is_told_again_when_it_is_over() -> None:
    for receiver in configured(SETS["all"])["receivers"]:
        assert all(receiver[key][0]["send_resolved"] is True for key in KINDS.values())


def test_secrets_are_files() -> None:
    text = rendered(SETS["all"])
    assert SECRET not in text
    named = set(re.findall(r"/run/credentials/prometheus-alertmanager\.service/(\w+)", text))
    given = corpus.evaluate("monitoring", "{{ __monitoring_credentials }}", monitoring_receivers=SETS["all"])
    assert given == {"mail_password": SECRET, "webhook_token": SECRET, "slack_url": SLACK["url"]}
    assert named == given.keys()


@pytest.mark.parametrize("name", ["none", "mail without a login", "webhook by severity"])
def test_no_file_is_named_that_is_not_there(name: str) -> None:
    assert "/run/credentials" not in rendered(SETS[name])
    given = corpus.evaluate("monitoring", "{{ __monitoring_credentials }}", monitoring_receivers=SETS[name])
    assert given == {}


def test_times_are_the_guides() -> None:
    config = configured({})
    assert config["route"]["group_by"] == ["deployment", "severity"]
    waits = [(one["group_wait"], one["repeat_interval"]) for one in config["route"]["routes"]]
    # At once; well within the hour; once a day, where a day exactly would skip every other one.
    assert waits == [("5s", "1h"), ("1m", "6h"), ("10m", "23h")]
    assert config["route"]["routes"][2]["group_interval"] == "1d"


def test_single_times_are_variables() -> None:
    given = {"critical": {"group_wait": "1s"}, "info": {"group_interval": "2s", "repeat_interval": "3s"}}
    critical, warning, info = configured({}, monitoring_routing=given)["route"]["routes"]
    assert (critical["group_wait"], critical["group_interval"]) == ("1s", "1m")
    assert (warning["group_wait"], info["group_wait"]) == ("1m", "10m")
    assert (info["group_interval"], info["repeat_interval"]) == ("2s", "3s")


# ---- What hides what ----


def matched(matchers: list[str], labels: dict[str, str]) -> bool:
    """Whether labels fit matchers, as Alertmanager reads them."""
    for matcher in matchers:
        read = re.fullmatch(r'(\w+) (=~?) "(.*)"', matcher)
        assert read, matcher
        name, operator, value = read.groups()
        fits = labels.get(name) == value if operator == "=" else re.fullmatch(value, labels.get(name, ""))
        if not fits:
            return False
    return True


def hidden(source: dict[str, str], target: dict[str, str]) -> bool:
    """Whether one alert hides another."""
    return any(
        matched(rule["source_matchers"], source)
        and matched(rule["target_matchers"], target)
        and all(source.get(name) == target.get(name) for name in rule["equal"])
        for rule in configured({})["inhibit_rules"]
    )


def alert(name: str, instance: str = "one", deployment: str = "a", **labels: str) -> dict[str, str]:
    return {"alertname": name, "instance": instance, "deployment": deployment, **labels}


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (alert("MemoryCritical"), alert("MemoryHigh")),
        (alert("DiskCritical", mountpoint="/"), alert("DiskFillsUp", mountpoint="/")),
        *((alert("AidisDown"), alert(name)) for name in ("ErrorRateHigh", "ResponseSlow", "TrafficUnusual")),
        (alert("AidisDown"), alert("TargetDown", job="aidis")),
        (alert("DatabaseDown", instance="db"), alert("ErrorRateHigh")),
        (alert("TargetDown", job="node"), alert("HealthCheckStale")),
    ],
    ids=lambda one: one["alertname"],
)
def test_what_follows_from_another_is_hidden(source: dict[str, str], target: dict[str, str]) -> None:
    assert hidden(source, target)
    assert not hidden(target, source)
    assert not hidden({**source, "deployment": "b"}, target)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (alert("MemoryCritical", instance="two"), alert("MemoryHigh")),
        (alert("DiskCritical", mountpoint="/"), alert("DiskFillsUp", mountpoint="/var")),
        (alert("AidisDown"), alert("MemoryHigh")),
        (alert("AidisDown"), alert("TargetDown", job="node")),
        (alert("AidisDown"), alert("DatabaseDown")),
        (alert("TargetDown", job="aidis"), alert("HealthCheckStale")),
        (alert("MemoryHigh"), alert("MemoryHigh")),
    ],
    ids=lambda one: one["alertname"],
)
def test_what_does_not_is_told(source: dict[str, str], target: dict[str, str]) -> None:
    assert not hidden(source, target)


def test_rules_name_alerts_that_exist_and_never_hide_what_is_critical() -> None:
    own: dict[str, Any] = corpus.evaluate("monitoring", "{{ __monitoring_alerts }}")
    for rule in corpus.evaluate("monitoring", "{{ __monitoring_inhibitions }}"):
        targets = rule["target"].split("|")
        assert {rule["source"], *targets} <= own.keys()
        assert [name for name in targets if own[name]["severity"] == "critical"] == []
