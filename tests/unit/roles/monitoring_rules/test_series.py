# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules name series that somebody scrapes or records, of their own deployment, and every alert has its runbook."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.tests.unit import promql, promtools
from ansible_collections.ridgetop.aidis.tests.unit.roles.injection import corpus

FILES = "etc/prometheus/aidis"
OWN = ("deployment", "=", "aidis-production")


def rules(**given: Any) -> list[dict[str, Any]]:
    """All rules, recording ones first."""
    given = {"monitoring_external_url": "http://one:9090", **given}
    texts = [
        corpus.render("monitoring", f"{FILES}/rules/aidis-{name}.yml.j2", **given) for name in ("recording", "alerts")
    ]
    return [rule for text in texts for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def scraped() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = yaml.safe_load((corpus.ROOT / "molecule/shared/series.yml").read_text())
    return found


def asked() -> Iterator[tuple[str, promql.Selector]]:
    """Each selector of each rule, by the rule's name."""
    for rule in rules():
        for selector in promql.selectors(rule["expr"]):
            yield rule.get("record") or rule["alert"], selector


RULES = rules()
RECORDED = [rule["record"] for rule in RULES if "record" in rule]
ALERTS = [rule["alert"] for rule in RULES if "alert" in rule]


def test_no_name_stands_twice() -> None:
    assert len(RECORDED) == len(set(RECORDED)) > 30
    assert len(ALERTS) == len(set(ALERTS)) > 20


def test_every_series_that_a_rule_names_is_scraped_or_recorded() -> None:
    known = {name for names in scraped().values() for name in names} | set(RECORDED)
    assert sorted({(rule, selector.name) for rule, selector in asked() if selector.name not in known}) == []


def test_a_series_is_asked_for_from_the_job_that_has_it() -> None:
    wrong = []
    for rule, selector in asked():
        for label, operator, value in selector.matchers:
            jobs = value.split("|") if label == "job" and operator in ("=", "=~") else []
            wrong += [(rule, selector.name, job) for job in jobs if selector.name not in scraped()[job]]
    assert wrong == []


def test_every_raw_series_is_asked_for_by_its_job() -> None:
    raw = [(rule, one) for rule, one in asked() if one.name not in RECORDED and one.name != "up"]
    assert [(rule, one.name) for rule, one in raw if "job" not in {label for label, *_ in one.matchers}] == []


def test_every_rule_looks_at_its_own_deployment() -> None:
    assert [(rule, selector.name) for rule, selector in asked() if OWN not in selector.matchers] == []


def test_what_is_recorded_is_recorded_before_it_is_used() -> None:
    places = {name: place for place, name in enumerate(RECORDED)}
    for name, selector in asked():
        if name in places and selector.name in places:
            assert places[selector.name] < places[name], f"{name} uses {selector.name}"


def test_a_series_of_ones_own_takes_the_place_of_the_roles() -> None:
    given = {"aidis:heap_used:bytes": 'max by (deployment, instance) (x_heap{job="aidis",kind=~"a{2}"})'}
    expressions = {rule["record"]: rule["expr"] for rule in rules(monitoring_expressions=given) if "record" in rule}
    assert list(expressions) == RECORDED
    wanted = 'max by (deployment, instance) (x_heap{deployment="aidis-production",job="aidis",kind=~"a{2}"})'
    assert expressions["aidis:heap_used:bytes"] == wanted


def test_an_alert_can_be_left_out() -> None:
    left = [rule["alert"] for rule in rules(monitoring_alerts_off=["RebootRequired"]) if "alert" in rule]
    assert left == [name for name in ALERTS if name != "RebootRequired"]


def test_all_alerts_of_a_severity_can_be_left_out(tmp_path: Path) -> None:
    text = corpus.render(
        "monitoring",
        f"{FILES}/rules/aidis-alerts.yml.j2",
        monitoring_external_url="x",
        monitoring_alerts_off=ALERTS,
    )
    (tmp_path / "rules.yml").write_text(text)
    assert promtools.run("promtool", "check", "rules", tmp_path / "rules.yml")[0] == 0


def test_rules_of_ones_own_are_added(tmp_path: Path) -> None:
    text = "[[ $value ]] requests fail"
    mine = {"alert": "Mine", "expr": 'x{kind=~"[[:alpha:]]+"} > 1', "annotations": {"summary": text}}
    groups = [{"name": "mine", "rules": [mine]}]
    rendered = corpus.render(
        "monitoring",
        f"{FILES}/rules/aidis-alerts.yml.j2",
        monitoring_external_url="x",
        monitoring_extra_rules=groups,
    )
    (tmp_path / "rules.yml").write_text(rendered)
    status, said = promtools.run("promtool", "check", "rules", tmp_path / "rules.yml")
    assert status == 0, said
    added = yaml.safe_load(rendered)["groups"][-1]["rules"][0]
    assert added["annotations"]["summary"] == "{{ $value }} requests fail"
    assert added["expr"] == mine["expr"]


# ---- Runbooks ----


@pytest.mark.parametrize("rule", [rule for rule in RULES if "alert" in rule], ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_is_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    notes = rule["annotations"]
    assert "$labels.instance" in notes["summary"]
    assert "$value" in notes["description"]
    assert re.search(r"limit|usual is|of 1", notes["description"])
    assert notes["runbook_url"] == f"http://one:9090/consoles/runbooks.html#{rule['alert'].lower()}"
    assert "[[ " not in str(notes)


def test_every_runbook_is_on_the_page_that_prometheus_serves() -> None:
    page = corpus.render("monitoring", f"{FILES}/consoles/runbooks.html.j2")
    assert "{{" not in page and "`" not in page, "Prometheus takes it for a template"
    assert re.findall(r'<h2 id="([a-z]+)">', page) == [name.lower() for name in ALERTS]
    own: dict[str, Any] = corpus.evaluate("monitoring", "{{ __monitoring_alerts }}")
    plain = html.unescape(re.sub(r"<[^>]+>", "", page))
    for alert in own.values():
        texts = [*alert["look"], *(line.strip() for line in alert["commands"])]
        assert [text for text in texts if text.replace("`", "") not in plain] == []
        assert alert["look"] and alert["commands"] and alert["meaning"]


def test_the_page_is_of_the_deployment() -> None:
    page = corpus.render("monitoring", f"{FILES}/consoles/runbooks.html.j2", aidis_service="a<b")
    assert "journalctl -u a&lt;b.service" in page and "a<b" not in page
