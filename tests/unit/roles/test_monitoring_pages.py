# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The console page and Grafana's dashboard: both show the same, of series that exist, with the limits of the inventory.

How the console page looks and what it does is tested in a browser: tests/browser/console.test.js.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.tests.unit import promql
from ansible_collections.ridgetop.aidis.tests.unit.roles import monitoring_pages as pages
from ansible_collections.ridgetop.aidis.tests.unit.roles.injection import corpus

PANELS = pages.panels()
IDS = [panel["id"] for panel in PANELS]
TONES = {"pass", "warn", "fail"}
KEYS = {
    "tile": {"id", "title", "kind", "expr", "unit", "words", "word", "none", "base", "limits"},
    "list": {"id", "title", "kind", "expr", "columns", "value", "none"},
    "chart": {"id", "title", "kind", "queries", "unit", "max", "base", "limits"},
}
UNITS = {"ratio", "seconds", "bytes", "rate", "number", "word"}
# Prometheus makes these itself.
OWN = {"up", "ALERTS"}


def plain(expr: str) -> str:
    """An expression of the panels or of the dashboard as PromQL."""
    for scope in ("$scope", 'deployment="$deployment",instance=~"$instance"', "$service", 'deployment="$deployment"'):
        expr = expr.replace(scope, 'deployment="x"')
    return expr


def expressions(panel: dict[str, Any]) -> list[str]:
    return [query["expr"] for query in panel.get("queries", [panel])]


def known() -> set[str]:
    """The series that are recorded, and those that are scraped."""
    recorded = set(corpus.evaluate("monitoring", "{{ __monitoring_series.keys() | list }}"))
    scraped = yaml.safe_load((corpus.ROOT / "molecule/shared/series.yml").read_text(encoding="utf-8"))
    return recorded | OWN | {name for names in scraped.values() for name in names}


def given(page: str) -> dict[str, Any]:
    """The data of the console page."""
    found = re.search(r'<script type="application/json" id="given">\n(.*?)\n</script>', page, re.DOTALL)
    assert found
    read: dict[str, Any] = json.loads(found[1])
    return read


@pytest.fixture(scope="module", name="console")
def console_page() -> str:
    return pages.render(pages.CONSOLE)


@pytest.fixture(scope="module", name="dashboard")
def grafana_dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(pages.render(pages.DASHBOARD))
    return read


# ---- The panels ----


def test_each_panel_has_its_own_name() -> None:
    assert len(set(IDS)) == len(IDS)
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)


@pytest.mark.parametrize("panel", PANELS, ids=IDS)
def test_a_panel_says_only_what_both_pages_understand(panel: dict[str, Any]) -> None:
    assert panel.keys() <= KEYS[panel["kind"]]
    assert panel.get("unit", "word") in UNITS
    assert (panel.get("unit") == "word") == ("word" in panel or ("words" in panel and panel["base"] == "fail"))
    for query in panel.get("queries", []):
        assert query.keys() <= {"legend", "expr", "labels", "dashed"}
    tones = [limit["tone"] for limit in panel.get("limits", [])]
    assert {*tones, panel.get("base", "pass")} <= TONES


@pytest.mark.parametrize("panel", PANELS, ids=IDS)
def test_the_limits_of_a_panel_are_those_of_the_alerts(panel: dict[str, Any]) -> None:
    limits = corpus.evaluate("monitoring", "{{ __monitoring_limits }}")
    values = []
    for limit in panel.get("limits", []):
        assert ("value" in limit) != ("threshold" in limit)
        values.append(limit["value"] if "value" in limit else limits[limit["threshold"]] * limit.get("times", 1))
    assert values == sorted(values)


@pytest.mark.parametrize("panel", PANELS, ids=IDS)
def test_a_panel_asks_for_series_that_exist(panel: dict[str, Any]) -> None:
    for expr in expressions(panel):
        assert promql.names(plain(expr)) <= known()


@pytest.mark.parametrize("panel", PANELS, ids=IDS)
def test_a_panel_asks_for_one_deployment(panel: dict[str, Any]) -> None:
    for selector in itertools.chain.from_iterable(promql.selectors(plain(expr)) for expr in expressions(panel)):
        assert ("deployment", "=", "x") in selector.matchers


# ---- The console page ----


def test_the_console_shows_the_panels(console: str) -> None:
    shown = [panel["id"] for section in given(console)["sections"] for panel in section["panels"]]
    assert shown == IDS


def test_what_the_console_asks_besides_exists(console: str) -> None:
    asked = re.findall(r'\bnow\("([^"]+)"', console)
    asked += [json.loads(text) for text in re.findall(r'\{\{ range query ("(?:\\.|[^"\\])+")', console)]
    assert len(asked) >= 6
    for expr in asked:
        assert promql.names(plain(expr)) <= known()


def test_the_limits_of_the_console_come_from_the_inventory() -> None:
    console = pages.render(pages.CONSOLE, monitoring_thresholds={"error_percent": 7}, monitoring_scrape_interval=20)
    assert given(console)["thresholds"]["error_percent"] == 7
    assert given(console)["thresholds"]["memory_warning_percent"] == 75
    assert given(console)["interval"] == 20


def test_the_console_asks_nobody_but_its_prometheus(console: str) -> None:
    names = ("http://www.w3.org/2000/svg", "https://www.gnu.org/licenses/")
    body = re.sub("|".join(map(re.escape, names)), "", console)
    assert not re.search(r"https?://|@import|url\(|//[a-z]+\.", body)
    assert "connect-src 'self'" in body and "default-src 'none'" in body


@pytest.mark.parametrize("name", ["aidis.css", "base.js", "charts.js", "page.js"])
def test_prometheus_takes_nothing_in_the_parts_for_a_template(name: str) -> None:
    """Its html/template reads scripts, too: of template literals it knew nothing in Debian 12."""
    text = (pages.PARTS / name).read_text(encoding="utf-8")
    assert "{{" not in text
    assert "`" not in text
    assert "</s" not in text


def test_no_value_of_the_panels_ends_the_data(console: str) -> None:
    data = console[console.index('id="given">') : console.index('<script type="module">')]
    assert "{{" not in data
    assert data.count("<") == 1


# ---- Grafana ----


def test_the_dashboard_shows_the_panels_of_the_console(dashboard: dict[str, Any]) -> None:
    shown = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert [panel["title"] for panel in shown] == [panel["title"] for panel in PANELS]
    for made, panel in zip(shown, PANELS, strict=True):
        asked = [plain(target["expr"].removesuffix(" * 1000")) for target in made["targets"]]
        assert asked == [plain(expr) for expr in expressions(panel)]


def test_grafana_can_read_the_dashboard(dashboard: dict[str, Any]) -> None:
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {panel["type"] for panel in panels} == {"row", "stat", "table", "timeseries"}
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    for panel in panels:
        if panel["type"] == "row":
            continue
        assert panel["datasource"]["uid"] == "${datasource}"
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
        overridden = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
        assert overridden <= set(references)
        for target in panel["targets"]:
            assert target["instant"] != target["range"]
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= variables
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert steps[0]["value"] is None
        assert all(isinstance(step["value"], int | float) for step in steps[1:])


def test_no_panel_of_the_dashboard_lies_on_another(dashboard: dict[str, Any]) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for cell in itertools.product(
            range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        ):
            assert cell not in taken, f"{panel['title']} lies on {taken.get(cell)}"
            taken[cell] = panel["title"]


def test_the_dashboard_marks_deploys_and_rollbacks(dashboard: dict[str, Any]) -> None:
    marks = dashboard["annotations"]["list"]
    kinds = []
    for mark in marks:
        assert mark["useValueForTime"] is True
        # Milliseconds.
        assert mark["expr"].endswith(" * 1000")
        (selector,) = promql.selectors(plain(mark["expr"]))
        assert selector.name == "aidis_release_mark_timestamp_seconds"
        kinds.append({label: value for label, _operator, value in selector.matchers}["kind"])
    assert sorted(kinds) == ["deploy", "failed", "rollback"]


def test_the_limits_of_the_dashboard_come_from_the_inventory() -> None:
    dashboard = json.loads(pages.render(pages.DASHBOARD, monitoring_thresholds={"error_percent": 7}))
    (errors,) = (panel for panel in dashboard["panels"] if panel["title"] == "Errors")
    assert errors["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"] == pytest.approx(0.07)
    assert errors["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"]["mode"] == "dashed"


def test_what_is_not_known_is_told_by_the_dashboard(dashboard: dict[str, Any]) -> None:
    texts = {
        panel["title"]: panel["fieldConfig"]["defaults"]["noValue"]
        for panel in dashboard["panels"][1:]
        if "targets" in panel
    }
    assert set(texts.values()) == {"not known"} | {panel["none"] for panel in PANELS if "none" in panel}


def test_grafana_finds_the_dashboard_and_prometheus() -> None:
    provider = yaml.safe_load(pages.render("etc/grafana/provisioning/dashboards/aidis.yml.j2"))["providers"][0]
    assert f"{provider['options']['path']}/aidis.json.j2" == f"/{pages.DASHBOARD}"
    text = pages.render(
        "etc/grafana/provisioning/datasources/aidis.yml.j2", monitoring_grafana_prometheus_url="http://p:1/$x"
    )
    (source,) = yaml.safe_load(text)["datasources"]
    assert source["url"] == "http://p:1/$$x"
    (chosen,) = (
        one for one in json.loads(pages.render(pages.DASHBOARD))["templating"]["list"] if one["name"] == "datasource"
    )
    assert chosen["current"] == {"text": source["name"], "value": source["uid"]}
