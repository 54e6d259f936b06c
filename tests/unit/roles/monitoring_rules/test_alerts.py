# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every alert, by promtool: fires at its limit after its time, not just below and not a moment earlier, and resolves.

The cases are data, in cases.yml, which says what its words mean. Each is run twice: with the defaults, and with every
limit and every time changed, so that none of them is written into a rule.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.tests.unit import promql, promtools
from ansible_collections.ridgetop.aidis.tests.unit.roles.injection import corpus

HERE = Path(__file__).resolve().parent
RULES = "etc/prometheus/aidis/rules"
SEVERITIES = ("critical", "warning", "info")
DATA = yaml.safe_load((HERE / "cases.yml").read_text(encoding="utf-8"))
CASES = [(alert, case) for alert, cases in DATA["cases"].items() for case in cases]
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
URL = "http://one:9090"
Case = dict[str, Any]


def seconds(duration: str) -> int:
    return int(duration[:-1]) * SECONDS[duration[-1]]


@functools.cache
def own() -> dict[str, Any]:
    """The alerts of the role."""
    found: dict[str, Any] = corpus.evaluate("monitoring", "{{ __monitoring_alerts }}")
    return found


def later() -> dict[str, str]:
    """The time of each alert, a step of its cases longer."""
    steps = {alert: step(case) for alert, case in CASES}
    return {alert: f"{seconds(own()[alert]['for']) + steps[alert]}s" for alert in own()}


@functools.cache
def rendered(changed: bool) -> dict[str, str]:
    """Both files of rules."""
    given = {"monitoring_thresholds": DATA["changed"], "monitoring_for": later()} if changed else {}
    names = ("aidis-recording.yml", "aidis-alerts.yml")
    return {
        name: corpus.render("monitoring", f"{RULES}/{name}.j2", monitoring_external_url=URL, **given) for name in names
    }


@functools.cache
def needed(alert: str, changed: bool) -> dict[str, Any]:
    """The rule of an alert with the recording rules that it is made of, and no others: weeks are evaluated sooner."""
    recording, alerts = (
        [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
        for text in rendered(changed).values()
    )
    (wanted,) = (rule for rule in alerts if rule["alert"] == alert)
    names: set[str] = set()
    more = promql.names(wanted["expr"])
    while more:
        names |= more
        of_these = [promql.names(rule["expr"]) for rule in recording if rule["record"] in more]
        more = set().union(*of_these) - names
    kept = [rule for rule in recording if rule["record"] in names]
    groups = {"recording": kept, own()[alert]["severity"]: [wanted]}
    return {"groups": [{"name": name, "rules": rules} for name, rules in groups.items() if rules]}


@pytest.fixture
def promtool(tmp_path: Path) -> Any:
    """Run promtool over some tests of an alert; what it says must be that they hold."""

    def run(alert: str, tests: list[dict[str, Any]], interval: str, changed: bool = False) -> None:
        rules = needed(alert, changed)
        (tmp_path / "rules.yml").write_text(json.dumps(rules))
        document = {
            "rule_files": ["rules.yml"],
            "evaluation_interval": interval,
            "group_eval_order": [group["name"] for group in rules["groups"]],
            "tests": tests,
        }
        (tmp_path / "tests.yml").write_text(json.dumps(document))
        status, said = promtools.run("promtool", "test", "rules", tmp_path / "tests.yml")
        assert status == 0, said

    return run


# ---- How a case is read ----


def step(case: Case) -> int:
    return seconds(case.get("step", "1m"))


def series_of(case: Case, course: str, hold: int) -> list[dict[str, str]]:
    """promtool's series of a case; ``course`` is what stands for the trouble: bad or edge."""
    return [
        {"series": hosts(name), "values": values(told, case.get("before", 10), course, hold)}
        for name, told in case["series"].items()
    ]


def hosts(text: str) -> str:
    return re.sub(r"\$(one|two)", r'deployment="aidis-production",instance="\1"', text)


def values(told: Any, before: int, course: str, hold: int) -> str:
    if not isinstance(told, dict):
        return f"{told}x2000"
    trouble = told[course] if course in told else told["ok"]
    if "ok" not in told:
        return str(trouble)
    if told.get("each"):
        grows = [told["ok"]] * before + [trouble] * hold + [told["ok"]] * 300
        return " ".join(f"{value:g}" for value in itertools.accumulate(grows))
    return f"{told['ok']}x{before - 1} {trouble}x{hold - 1} {told['ok']}x300"


def begins(case: Case) -> int:
    """The step at which the trouble begins; where the whole course is told, the first one."""
    whole = any(isinstance(told, dict) and "ok" not in told for told in case["series"].values())
    return 0 if whole else case.get("before", 10)


def firing(case: Case, alert: str, expected: dict[int, bool]) -> list[dict[str, Any]]:
    """promtool's questions whether the alert fires at some steps."""
    return [
        {
            "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
            "eval_time": f"{at * step(case)}s",
            "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
        }
        for at, fires in sorted(expected.items())
        if at >= 0
    ]


def asked(case: Case, course: str, hold: int, **questions: Any) -> dict[str, Any]:
    return {"interval": f"{step(case)}s", "input_series": series_of(case, course, hold), **questions}


def silent(case: Case, alert: str, course: str, hold: int) -> dict[str, Any]:
    """That the alert fires at no step."""
    # What is a whole course may be bad enough later.
    last = begins(case) + case.get("fires", 20) + (30 if begins(case) else 7)
    steps = dict.fromkeys(range(max(0, begins(case) - 1), last), False)
    return asked(case, course, hold, promql_expr_test=firing(case, alert, steps))


def notes(alert: str, labels: dict[str, str], description: str) -> dict[str, str]:
    summary = re.sub(r"\[\[ \$labels\.(\w+) \]\]", lambda match: labels[match.group(1)], own()[alert]["summary"])
    runbook = f"{URL}/consoles/runbooks.html#{alert.lower()}"
    return {"summary": summary, "description": description, "runbook_url": runbook}


def message(case: Case, alert: str, at: int) -> dict[str, Any]:
    """What is sent when it fires."""
    labels = {"deployment": "aidis-production", "instance": "one", **case.get("labels", {})}
    sent = {
        "exp_labels": {**labels, "severity": own()[alert]["severity"]},
        "exp_annotations": notes(alert, labels, case["description"]),
    }
    return {"alertname": alert, "eval_time": f"{at * step(case)}s", "exp_alerts": [sent]}


def named(value: Any) -> str:
    return value if isinstance(value, str) else str(value["title"])


# ---- The tests ----


def test_every_alert_has_a_case_that_fires_and_says_what() -> None:
    assert {alert for alert, case in CASES if "fires" in case and "description" in case} == own().keys()
    assert DATA["cases"].keys() == own().keys()


def test_every_limit_is_changed_once() -> None:
    limits = corpus.evaluate("monitoring", "{{ __monitoring_limits }}")
    assert DATA["changed"].keys() == limits.keys()
    assert [name for name, value in DATA["changed"].items() if value == limits[name]] == []


def test_limits_that_are_for_other_roles_too_may_be_texts_of_a_command_line() -> None:
    given = {"aidis_disk_free_mb": "2048", "aidis_memory_critical_percent": "95", "aidis_memory_warning_percent": "80"}
    limits = corpus.evaluate("monitoring", "{{ __monitoring_limits }}", **given)
    assert limits["disk_free_bytes"] == 2048 * 1024**2
    available = "{{ [verify_memory_percent, verify_memory_warning_percent] }}"
    assert corpus.evaluate("verify", available, **given) == [5, 20]


@pytest.mark.parametrize("changed", [False, True], ids=["default", "changed"])
def test_promtool_takes_the_rules(tmp_path: Path, changed: bool) -> None:
    for name, text in rendered(changed).items():
        (tmp_path / name).write_text(text)
        status, said = promtools.run("promtool", "check", "rules", "--lint-fatal", tmp_path / name)
        assert status == 0, said


@pytest.mark.parametrize(("alert", "case"), CASES, ids=named)
def test_alert(promtool: Any, alert: str, case: Case) -> None:
    begin, hold = begins(case), case.get("hold", 30)
    if case.get("never"):
        promtool(alert, [silent(case, alert, "bad", hold)], f"{step(case)}s")
        return
    at = begin + case["fires"]
    steps = {begin - 1: False, at - 1: False, at: True, at + 1: True}
    if "resolved" in case or begin:
        steps[case.get("resolved", begin + hold + case.get("resolves", 0))] = False
    questions: dict[str, Any] = {"promql_expr_test": firing(case, alert, steps)}
    if "description" in case:
        questions["alert_rule_test"] = [message(case, alert, at)]
    tests = [asked(case, "bad", hold, **questions)]
    if any(isinstance(told, dict) and "edge" in told for told in case["series"].values()):
        tests.append(silent(case, alert, "edge", hold))
    elif case.get("edge") is False:
        tests.append(silent(case, alert, "bad", case["brief"] if "brief" in case else case["fires"]))
    promtool(alert, tests, f"{step(case)}s")


@pytest.mark.parametrize(("alert", "case"), CASES, ids=named)
def test_alert_with_changed_limits_and_times(promtool: Any, alert: str, case: Case) -> None:
    hold = case.get("hold", 30)
    told = case.get("changed", {})
    if not told and "fires" in case and case.get("edge") is False:
        told = {"course": "bad", "fires": case["fires"] + 1}
    if told.get("fires"):
        at = begins(case) + told["fires"]
        steps = {at - 1: False, at: True}
        tests = [asked(case, told["course"], hold, promql_expr_test=firing(case, alert, steps))]
    elif told or case.get("never"):
        tests = [silent(case, alert, "bad", hold)]
    else:
        # Its limit is changed by another case of the same alert.
        assert any(one.get("changed") for name, one in CASES if name == alert)
        return
    promtool(alert, tests, f"{step(case)}s", changed=True)
