# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the action writes: data, JUnit and a page, in which no value of a host does anything but be shown."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import jsonschema
import junitparser
import pytest
import yaml
from ansible_collections.ridgetop.aidis.tests.unit.plugins.action.conftest import NOW, Call, Result
from ansible_collections.ridgetop.aidis.tests.unit.plugins.action.report_samples import HOSTILE, HOSTS, check, hostile

ROOT = Path(__file__).resolve().parents[4]
SCHEMA = json.loads((ROOT / "roles" / "verify" / "files" / "report.schema.json").read_text())


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


def test_in_a_play_values_stay_data(tmp_path: Path) -> None:
    """Values that came from a host, handed on as a playbook does, are not templated on the way."""
    (tmp_path / "sent.json").write_text(
        json.dumps({"db1": {"checks": [check("a", "warn", observed="{{ 7 * 7 }} \x1b[2J")]}})
    )
    report = {"dest": "reports", "inventory": "prod", "hosts": "{{ sent.stdout | from_json }}"}
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
    assert Path(result["path"]).parent == tmp_path / "reports", "where the playbook was started"
    assert (
        result["verdict"] == "warn" and data(result)["hosts"]["db1"]["checks"][0]["observed"] == "{{ 7 * 7 }} \\x1b[2J"
    )
    assert "{{ 7 * 7 }}" in page(result).text
