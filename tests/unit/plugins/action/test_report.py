# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action: what it returns, what it writes, and that no value of a host does anything but be shown."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest import mock
from xml.etree import ElementTree as Xml

import jsonschema
import junitparser
import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible_collections.ridgetop.aidis.plugins.action import report as action
from ansible_collections.ridgetop.aidis.plugins.modules import report as documented

ROOT = Path(__file__).resolve().parents[4]
SCHEMA = json.loads((ROOT / "roles" / "verify" / "files" / "report.schema.json").read_text())
NOW = datetime(2026, 11, 26, 1, 30, tzinfo=UTC)
Result = dict[str, Any]
Call = Callable[..., Result]

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror="alert(1)">',
    "a line of a journal ]]> and more",
    "\x00\x1b[2J\x1b]0;title\x07",
    "\u202egnp.exe\u2066",
    "y" * 100_000,
    "{{ 7 * 7 }}{% endraw %}",
    "' onmouseover='alert(1)",
    "</style><b>",
]


def check(name: str, status: str = "pass", severity: str = "critical", **more: str) -> dict[str, str]:
    return {
        "id": name,
        "title": f"Title of {name}",
        "category": name.partition(".")[0],
        "severity": severity,
        "status": status,
        "expected": "active",
        "observed": "failed" if status == "fail" else "active",
        "hint": "Run `systemctl restart x`.",
        **more,
    }


CALLS = {
    "id": "new",
    "title": "New session",
    "limits": {"p95": 50},
    "measured": {"count": 3, "errors": 0, "p50": 17.1, "p95": 61.5, "p99": 61.5, "max": 61.5, "mean": 31.0},
    "samples_ms": [15.3, 17.1, 61.5],
}
HOSTS = {
    "db1": {
        "groups": ["aidis_db"],
        "checks": [
            check("service.a", "fail"),
            check("service.b", "fail", "warning"),
            check("system.c", "warn"),
            check("system.d", "skip", reason="There is none here."),
        ],
        "latency": [CALLS],
        "release": {"id": "1.4.0-abc", "version": "1.4.0"},
        "ledger": [{"id": "1.4.0-abc", "result": "good", "active": True}],
        "timings": [{"stage": "host", "seconds": 2.25}],
    },
    "app1": {"checks": [check("service.a", "fail", observed="dead"), check("service.e")]},
}


def hostile() -> dict[str, Any]:
    """A host all whose texts are hostile."""
    checks = [
        {**check(str(number), "fail" if number % 2 else "warn"), "id": text, "title": text, "category": text,
         "expected": text, "observed": text, "hint": text}
        for number, text in enumerate(HOSTILE)
    ]  # fmt: skip
    texts = dict(zip(HOSTILE, HOSTILE, strict=True))
    return {
        text: {
            "groups": HOSTILE,
            "checks": [*checks, {**check("z", "skip", reason=text), "title": text}],
            "latency": [{**CALLS, "id": text, "title": text}],
            "release": texts,
            "ledger": [texts],
            "timings": [{"stage": text, "seconds": 1} for text in HOSTILE],
        }
        for text in HOSTILE
    }


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the action into a directory of the test; return its result."""

    def run(hosts: Any = HOSTS, when: datetime = NOW, check_mode: bool = False, **options: Any) -> Result:
        monkeypatch.setattr(action, "now", lambda: when)
        given = {"dest": str(tmp_path / "reports"), "inventory": "prod", "hosts": hosts, **options}
        task = mock.MagicMock(args=given, async_val=0, check_mode=check_mode)
        plugin = action.ActionModule(task, mock.MagicMock(), mock.MagicMock(), None, None, None)
        result: Result = plugin.run(task_vars={})
        assert not result.get("failed")
        return result

    return run


def test_the_options_are_those_that_are_documented() -> None:
    options = yaml.safe_load(documented.DOCUMENTATION)["options"]
    specified = {
        name: {key: option[key] for key in ("type", "required", "default") if key in option}
        for name, option in options.items()
    }
    assert specified == action.ARGUMENTS


def test_what_is_returned_is_documented(call: Call) -> None:
    assert call().keys() - {"changed"} == yaml.safe_load(documented.RETURN).keys()


def test_the_example_makes_a_report(call: Call) -> None:
    (task, _assertion) = yaml.safe_load(documented.EXAMPLES)
    given = task["ridgetop.aidis.report"]
    result = call(given["hosts"], command=given["command"])
    assert result["verdict"] == "fail" and "service.unit" in result["msg"]


def test_a_report_is_three_files_and_a_link(call: Call, tmp_path: Path) -> None:
    result = call()
    path = tmp_path / "reports" / "20261126T013000Z"
    assert result["changed"] and result["path"] == str(path)
    assert result["files"] == [str(path / name) for name in ("junit.xml", "report.html", "report.json")]
    assert os.readlink(path.parent / "latest") == path.name


def test_the_verdict_and_every_failed_critical_check(call: Call) -> None:
    result = call()
    assert result["verdict"] == "fail"
    assert [(one["host"], one["id"], one["observed"]) for one in result["failed_checks"]] == [
        ("db1", "service.a", "failed"),
        ("app1", "service.a", "dead"),
    ]
    message = result["msg"]
    assert message.startswith("2 critical checks failed on 2 hosts:\n- db1: Title of service.a (service.a): expected")
    assert "- app1: " in message and "dead" in message and "Run `systemctl restart x`." in message
    assert message.endswith(f"The report: {result['path']}/report.html")
    assert {name: count for name, count in result["summary"].items() if name != "hosts"} == {
        "total": 6, "pass": 1, "fail": 3, "warn": 1, "skip": 1,
    }  # fmt: skip
    assert result["summary"]["hosts"]["db1"]["service"] == {"pass": 0, "fail": 2, "warn": 0, "skip": 0}


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ([check("a")], "pass"),
        ([check("a"), check("b", "skip", reason="x")], "pass"),
        ([check("a", "warn")], "warn"),
        ([check("a", "fail", "warning")], "warn"),
        ([check("a", "fail", "info"), check("b", "fail")], "fail"),
        ([check("a", "skip", reason="x")], "warn"),
        ([], "warn"),
    ],
)
def test_a_verdict(call: Call, checks: list[dict[str, str]], verdict: str) -> None:
    result = call({"db1": {"checks": checks}})
    assert result["verdict"] == verdict
    assert result["failed_checks"] == [] or verdict == "fail"


def test_the_terminal_tells_failures_first(call: Call) -> None:
    result = call()
    text = result["text"]
    parts = ["AIDIS verification: FAIL", "Failed (3)", "Warnings (1)", "Skipped (1)", "Latency (ms)", "Checks (6)",
             "Time by stage", f"Report: {result['path']}/report.html"]  # fmt: skip
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "  FAIL  db1  Title of service.a (service.a)\n        expected  active\n        observed  failed" in text
    assert text.index("app1  Title of service.a") < text.index("FAIL (warning)  db1  Title of service.b")
    assert "      1  There is none here." in text
    rows = [line for line in text.splitlines() if line.startswith(("  host  ", "  db1   ", "        system"))]
    assert len({row.rindex("  ") for row in rows[1:]}) <= len(rows), "aligned columns"
    assert re.search(r"(?m)^  host  category  pass  fail  warn  skip$", text)
    assert re.search(r"(?m)^  db1   service      -     2     -     -$", text)


@pytest.mark.parametrize("options", [{"write": False}, {"check_mode": True}])
def test_nothing_is_written_where_nothing_may_be(call: Call, tmp_path: Path, options: dict[str, bool]) -> None:
    result = call(**options)
    assert not result["changed"] and result["path"] == "" and result["files"] == []
    assert result["verdict"] == "fail" and "report.html" not in result["text"] + result["msg"]
    assert list(tmp_path.iterdir()) == []


def data(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(result["path"]) / "report.json").read_text())
    return found


@pytest.mark.parametrize("hosts", [HOSTS, {"a": {}}, hostile()], ids=["hosts", "nothing", "hostile"])
def test_the_data_are_as_their_schema_says(call: Call, hosts: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    call(hosts, NOW - timedelta(days=1))
    written = data(call(hosts))
    jsonschema.Draft202012Validator(SCHEMA).validate(written)
    assert len(written["trend"]) == 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate({**written, "hosts": {"a": {}}})


def test_junit_is_what_its_readers_read(call: Call) -> None:
    file = f"{call()['path']}/junit.xml"
    suites = list(junitparser.JUnitXml.fromfile(file))
    assert [(suite.name, suite.tests, suite.failures, suite.skipped) for suite in suites] == [
        ("db1", 4, 2, 1),
        ("app1", 2, 1, 0),
    ]
    failed, other, warned, skipped = suites[0]
    assert (failed.classname, failed.name) == ("db1.service", "service.a: Title of service.a")
    assert failed.result[0].type == "critical" and "to do: Run" in failed.result[0].text
    assert other.is_failure and other.result[0].type == "warning"
    assert warned.is_passed and warned.system_out.startswith("WARNING\nexpected: active")
    assert skipped.is_skipped and skipped.result[0].text == "There is none here."
    named = {one.get("name"): one.get("value") for one in Xml.parse(file).iter("property")}  # noqa: S314 - made here
    assert named["release.id"] == "1.4.0-abc" and named["seconds.host"] == "2.250"
    assert suites[0].time == 2.25 and named["latency.new.p95"] == "61.5"


class Page(HTMLParser):
    """What a page has: elements, attributes, and the text outside of the style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def page(result: Result) -> Page:
    return Page((Path(result["path"]) / "report.html").read_text())


def test_the_page_tells_it_all(call: Call) -> None:
    shown = page(call(command="ansible-playbook x"))
    for text in (
        "2 critical checks failed", "2026-11-26 01:30 UTC", "ansible-playbook x", "There is none here.",
        "systemctl restart x", "1.4.0-abc", "61.5", "This is the first report",
    ):  # fmt: skip
        assert text in shown.text, text
    assert {"header", "nav", "main", "footer", "svg", "details"} <= set(shown.elements)


def test_hostile_values_are_shown_and_nothing_else(call: Call) -> None:
    call(hostile(), NOW - timedelta(days=1))
    result = call(hostile(), title=HOSTILE[0], command=HOSTILE[1], inventory="prod")
    path = Path(result["path"])
    shown = page(result)
    plain = page(call({"db1": {"checks": [check("a")]}}, NOW + timedelta(days=1)))
    assert not {"script", "img", "b", "link", "iframe"} & set(shown.elements) - set(plain.elements) - {"b"}
    assert "script" not in shown.elements and "img" not in shown.elements and shown.elements.count("style") == 1
    assert not [name for name, _value in shown.attributes if name.startswith("on") or name in ("style", "src")]
    assert "<script>alert(1)</script>" in shown.text and "{{ 7 * 7 }}" in shown.text and "49" not in result["text"]
    Xml.parse(path / "junit.xml")  # noqa: S314 - it was made here
    everything = "".join(file.read_text() for file in path.iterdir()) + result["text"] + result["msg"]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", everything)
    assert "\\x1b[2J" in result["text"] and "\\u202e" in everything
    assert max(map(len, result["text"].splitlines())) < 1000


def test_the_page_allows_its_own_style_and_nothing_else(call: Call) -> None:
    text = (Path(call()["path"]) / "report.html").read_text()
    (style,) = re.findall(r"(?s)<style>(.*?)</style>", text)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = dict(page(call()).attributes)
    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'" in text
    assert "unsafe" not in str(policy)
    assert not re.search(r"""(?:src|href)=["']?(?:\w+:|//)""", text) and "url(" not in style and "@import" not in style


def test_the_trend_is_made_of_earlier_reports(call: Call, tmp_path: Path) -> None:
    for day in range(5, 0, -1):
        call(when=NOW - timedelta(days=day))
    call(when=NOW - timedelta(hours=1), inventory="test")
    (tmp_path / "reports" / "20261125T013000Z" / "report.json").write_text("{")
    result = call(trend=3)
    written = data(result)
    assert [one["when"][:10] for one in written["trend"]] == ["2026-11-22", "2026-11-23", "2026-11-24"]
    assert [reason.partition(": ")[2] for reason in written["left_out"]] == [
        "report.json: it is no JSON",
        "report.json: it is of another inventory",
    ]
    assert "Earlier reports that the trend leaves out" in result["text"]
    shown = page(result)
    assert "2 earlier reports are left out" in shown.text
    assert ("href", "../20261124T013000Z/report.html") in shown.attributes


def test_only_so_many_reports_are_kept(call: Call, tmp_path: Path) -> None:
    for day in range(4):
        call(when=NOW + timedelta(days=day), keep=2)
    assert sorted(os.listdir(tmp_path / "reports")) == ["20261128T013000Z", "20261129T013000Z", "latest"]


def test_two_runs_in_one_second(call: Call) -> None:
    assert [Path(call()["path"]).name for _number in range(2)] == ["20261126T013000Z", "20261126T013000Z-2"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"hosts": {}}, "nothing was verified"),
        ({"hosts": {"db1": {"checks": 5}}}, "db1.checks: a list is expected"),
        ({"hosts": None}, "hosts"),
        ({"keep": 0}, "keep must be at least 1"),
        ({"trend": -1}, "trend must be at least 0"),
        ({"keep": "many"}, "keep"),
        ({"typo": 1}, "typo"),
    ],
)
def test_bad_input_is_told(call: Call, tmp_path: Path, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(AnsibleActionFail, match=problem):
        call(**options)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_told(call: Call, tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(AnsibleActionFail, match=f"{tmp_path}/reports"):
        call()


def test_a_directory_that_may_only_be_read_is_told(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reports").mkdir()
    # Root may write everywhere, so the system says no in its stead.
    refused = PermissionError(13, "Permission denied", f"{tmp_path}/reports/.report-x")
    monkeypatch.setattr(tempfile, "mkdtemp", mock.Mock(side_effect=refused))
    with pytest.raises(AnsibleActionFail, match=r"cannot be written below .*/reports: .*Permission denied"):
        call()


def test_in_a_play_values_stay_data(tmp_path: Path) -> None:
    """Values that came from a host, handed on as a playbook does, are not templated on the way."""
    (tmp_path / "sent.json").write_text(
        json.dumps({"db1": {"checks": [check("a", "warn", observed="{{ 7 * 7 }} \x1b[2J")]}})
    )
    report = {"dest": str(tmp_path / "reports"), "inventory": "prod", "hosts": "{{ sent.stdout | from_json }}"}
    ask = {"cmd": f"cat {tmp_path}/sent.json"}
    keep = {"content": "{{ report | to_json }}", "dest": str(tmp_path / "result"), "mode": "0600"}
    tasks = [
        {"name": "Ask", "ansible.builtin.command": ask, "register": "sent", "changed_when": False},
        {"name": "Report", "ridgetop.aidis.report": report, "register": "report"},
        {"name": "Keep", "ansible.builtin.copy": keep},
    ]
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")} | {
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
    }
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", "play.yml"]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    result = json.loads((tmp_path / "result").read_text())
    assert (
        result["verdict"] == "warn" and data(result)["hosts"]["db1"]["checks"][0]["observed"] == "{{ 7 * 7 }} \\x1b[2J"
    )
    assert "{{ 7 * 7 }}" in page(result).text
