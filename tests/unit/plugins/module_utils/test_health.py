# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sections of aidis-health and its metrics: met, not met, not to be told, and hostile texts."""

from __future__ import annotations

import copy
import json
import os
import re
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    health_config,
    health_database,
    health_journal,
    health_metrics,
    health_release,
    health_sections,
    pg_wire,
    program,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_base import (
    CannotTellError,
    NeedsRightsError,
    Sample,
    Section,
    moment,
    stamp,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import Ran, TooSlowError
from ansible_collections.ridgetop.aidis.tests.unit.plugins.module_utils.health_samples import (
    ACTIVE,
    FORBIDDEN,
    LEDGER,
    UNIT,
    FakeHost,
    entries,
)


def values(samples: list[Sample]) -> dict[str, float]:
    """The samples as the lines of a file of metrics."""
    lines = health_metrics.text(samples, {}).splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


# ---- Units, memory, disks ----


def test_a_unit_that_runs(tmp_path: Path) -> None:
    found = health_sections.service(Config(units=[UNIT]), FakeHost(tmp_path))
    assert found.status == "ok"
    assert found.lines == [f"{UNIT}: active (running) since Thu 2026-01-01 00:00:00 UTC"]
    assert found.facts["units"][UNIT]["restarts"] == 2


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (ACTIVE.replace("=active", "=failed"), "failed (running)"),
        (ACTIVE.replace("=active", "=activating"), "activating"),
        ("LoadState=not-found\nActiveState=inactive\n", "there is no such unit"),
    ],
)
def test_a_unit_that_does_not_run(tmp_path: Path, told: str, line: str) -> None:
    found = health_sections.service(Config(units=[UNIT]), FakeHost(tmp_path, systemctl=told))
    assert found.status == "failed" and line in found.lines[0]


@pytest.mark.parametrize(
    "answer", [Ran(1, "", "Failed to connect to bus"), None, TooSlowError("systemctl did not end within 5 s")]
)
def test_a_unit_that_cannot_be_asked_about(tmp_path: Path, answer: Any) -> None:
    with pytest.raises(CannotTellError):
        health_sections.service(Config(units=[UNIT]), FakeHost(tmp_path, systemctl=answer))


@pytest.mark.parametrize(("available", "status"), [(100, "ok"), (99, "failed"), (1000, "ok"), (0, "failed")])
def test_memory_by_its_limit(tmp_path: Path, available: int, status: str) -> None:
    found = health_sections.memory(Config(memory_percent=90), FakeHost(tmp_path, available))
    assert found.status == status and found.facts["used_percent"] == 100 - available / 10


@pytest.mark.parametrize("text", ["", "MemTotal: 0 kB\nMemAvailable: 0 kB\n", "MemTotal: x\n", "garbage"])
def test_memory_that_is_not_told(tmp_path: Path, text: str) -> None:
    host = FakeHost(tmp_path)
    (tmp_path / "proc" / "meminfo").write_text(text, encoding="utf-8")
    with pytest.raises(CannotTellError):
        health_sections.memory(Config(), host)


def test_disks_by_their_limit(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    found = health_sections.disk(Config(disk_mb=0, disk_paths=["/", "/proc", "/not/there"]), host)
    assert found.status == "ok"
    # One file system, once.
    assert [one["path"] for one in found.facts["file_systems"]] == ["/"]
    found = health_sections.disk(Config(disk_mb=1e12, disk_paths=["/"]), host)
    assert found.status == "failed" and "less than" in found.lines[0]


def test_a_disk_that_cannot_be_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: str) -> os.statvfs_result:
        raise PermissionError(13, "Permission denied")

    host = FakeHost(tmp_path)
    monkeypatch.setattr(os, "statvfs", refuse)
    with pytest.raises(CannotTellError, match="Permission denied"):
        health_sections.disk(Config(disk_paths=["/"]), host)


# ---- The journal ----


def test_a_journal_without_errors(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, journalctl=entries("a", "b"))
    found = health_journal.journal(Config(units=[UNIT]), host, [])
    assert found.status == "ok" and found.lines == ["No recent errors (in the last 5 min)"]
    assert values(health_journal.samples(found)) == {
        'aidis_health_journal_entries{level="error"}': 0,
        'aidis_health_journal_entries{level="all"}': 2,
        "aidis_health_journal_window_seconds": 300,
    }
    assert all(f"--unit={UNIT}" in one and "--since=-5min" in one for one in host.asked)


def test_a_journal_with_errors(tmp_path: Path) -> None:
    bad = entries("harmless", "lost the \x1b[2J base", "the password is pencil7")
    host = FakeHost(tmp_path, journalctl=bad + entries("fine"), priority=bad)
    config = Config(units=[UNIT], journal_exclude=["^harm"])
    found = health_journal.journal(config, host, ["pencil7"])
    assert found.status == "failed" and found.facts == {"errors": 2, "entries": 4, "window_seconds": 300}
    # What everybody may read holds no message, and what only some may no secret and nothing that a terminal acts upon.
    assert "lost" not in json.dumps(found.document())
    assert found.private[0] == "lost the [2J base" and "pencil7" not in found.private[1]
    allowed = health_journal.journal(Config(units=[UNIT], journal_errors=3), host, [])
    assert allowed.status == "ok"


@pytest.mark.parametrize(
    "answer", [Ran(0, "", FORBIDDEN), Ran(1, "", "Hint: You are currently not seeing messages from other users")]
)
def test_a_journal_that_may_not_be_read(tmp_path: Path, answer: Ran) -> None:
    with pytest.raises(NeedsRightsError):
        health_journal.journal(Config(units=[UNIT]), FakeHost(tmp_path, journalctl=answer), [])


def test_no_journal_at_all_is_not_one_without_errors(tmp_path: Path) -> None:
    with pytest.raises(NeedsRightsError):
        health_journal.journal(Config(units=[UNIT]), FakeHost(tmp_path, lines=""), [])


def test_a_journal_that_fails(tmp_path: Path) -> None:
    with pytest.raises(CannotTellError, match="Bad message"):
        health_journal.journal(Config(units=[UNIT]), FakeHost(tmp_path, journalctl=Ran(1, "", "Bad message")), [])


# ---- The database ----


class FakeSession:
    """A session that answers what a test says, by the statement."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def query(self, statement: str) -> Any:
        self.asked.append(statement)
        answer = self.answers.get(statement, [])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def renew(self) -> None:
        """It has time."""


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A database that answers what the test says; the logins that were tried."""
    session, logins = FakeSession({}), []
    refused: list[Exception] = []

    @contextmanager
    def fake(login: pg_wire.Login) -> Iterator[FakeSession]:
        logins.append(login)
        if refused:
            raise refused[0]
        yield session

    secret = tmp_path / "password"
    secret.write_text("it's \\ {{ x }}", encoding="utf-8")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr(pg_wire, "session", fake)
    config = Config(database_host="localhost", database="Aidis-Prod 2", user="mcp.svc-1", password_file=str(secret))
    return type("Base", (), {"session": session, "logins": logins, "refused": refused, "config": config})


def with_queries(config: Config, *queries: dict[str, Any]) -> Config:
    return Config(**{**vars(config), "sql": True, "queries": list(queries)})


def test_a_login(base: Any) -> None:
    section, samples, left_out = health_database.asked(base.config)
    assert section.status == "ok" and section.lines[0].startswith("Connected to Aidis-Prod 2 on localhost:5432 in ")
    assert (samples, left_out) == ([], [])
    assert base.logins[0].password == "it's \\ {{ x }}" and base.logins[0].tls is None


def test_a_login_that_is_refused(base: Any) -> None:
    base.refused.append(pg_wire.RefusedError('password authentication failed for user "x"', "28P01"))
    section, samples, _left_out = health_database.asked(with_queries(base.config))
    assert section.status == "failed" and "password authentication failed" in section.lines[0]
    assert samples == [Sample("aidis_sql_up", 0)]


def test_a_password_that_may_not_be_read(base: Any) -> None:
    with pytest.raises(NeedsRightsError):
        health_database.asked(Config(**{**vars(base.config), "password_file": "/not/there"}))


def test_the_credential_of_the_unit_goes_over_the_file(
    base: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "database-password").write_text("of the unit", encoding="utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert health_config.password(base.config) == "of the unit"


def test_a_certificate_that_is_missing_is_told(base: Any) -> None:
    with pytest.raises(NeedsRightsError, match="not/there"):
        health_database.asked(Config(**{**vars(base.config), "database_ca": "/not/there"}))


def test_numbers_of_the_database(base: Any) -> None:
    base.session.answers = {"one": [["active", "3"], ['a "b"\n\\', "0"], ["none", None]], "two": [["1.5"]]}
    queries: list[dict[str, Any]] = [
        {"metric": "aidis_sql_sessions", "labels": ["status"], "query": "one"},
        {"metric": "x", "query": "two"},
    ]
    _section, samples, left_out = health_database.asked(with_queries(base.config, *queries))
    found = values(samples)
    assert found.pop("aidis_sql_query_seconds") >= 0 and left_out == []
    assert found == {
        'aidis_sql_sessions{status="active"}': 3,
        'aidis_sql_sessions{status="a \\"b\\"\\n\\\\"}': 0,
        "x": 1.5,
        "aidis_sql_up": 1,
    }
    assert base.session.asked[1] == "SET default_transaction_read_only = on; SET statement_timeout = 5000"


@pytest.mark.parametrize(
    ("query", "answer", "reason"),
    [
        ({}, pg_wire.RefusedError('relation "sessions" does not exist', "42P01"), "does not exist"),
        ({}, pg_wire.RefusedError("canceling statement due to statement timeout", "57014"), "timeout"),
        ({}, [["a", "b"]], "a row of 2 columns instead of 1"),
        ({}, [["many"]], "could not convert"),
        ({}, [["NaN"]], "no number"),
        ({"metric": "no name"}, [], "no name of a metric"),
        ({"metric": None}, [], "no name of a metric"),
        ({"labels": ["a-b"]}, [], "no names of labels"),
        ({"labels": "status"}, [], "no names of labels"),
        ({"query": " "}, [], "no query"),
        ({"query": 1}, [], "no query"),
    ],
)
def test_a_query_that_does_not_tell_is_left_out_alone(
    base: Any, query: dict[str, Any], answer: Any, reason: str
) -> None:
    base.session.answers = {"bad": answer, "good": [["1"]]}
    bad, good = {"metric": "bad", "query": "bad", **query}, {"metric": "good", "query": "good"}
    section, samples, left_out = health_database.asked(with_queries(base.config, bad, good))
    assert section.status == "ok" and len(left_out) == 1 and reason in left_out[0]
    assert values(samples).keys() == {"good", "aidis_sql_query_seconds", "aidis_sql_up"}


def test_a_connection_that_ends_leaves_the_rest_out(base: Any) -> None:
    base.session.answers = {"a": pg_wire.RefusedError("the server closed the connection"), "b": [["1"]]}
    queries = [{"metric": name, "query": name} for name in ("a", "b")]
    _section, samples, left_out = health_database.asked(with_queries(base.config, *queries))
    assert len(left_out) == 2 and "b" not in base.session.asked and "b" not in values(samples)


def test_a_port_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config = Config(database_host="127.0.0.1", database_port=port, timeout=2)
        assert health_database.reached(config).status == "ok"
    found = health_database.reached(config)
    assert found.status == "failed" and f"127.0.0.1:{port}: Connection refused" in found.lines[0]


# ---- Releases, the lock, certificates ----


@pytest.fixture
def ledger_file(tmp_path: Path) -> Any:
    """Write a ledger; its path."""

    def write(content: Any) -> str:
        path = tmp_path / "releases.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    return write


def test_the_numbers_of_a_ledger(ledger_file: Any) -> None:
    book = health_release.load(ledger_file(LEDGER))
    samples, left_out = health_release.samples(book)
    name = "v1.0.0-aaaaaaa"
    assert left_out == []
    assert values(samples) == {
        f'aidis_release_info{{release="{name}",version="v1.0.0",commit="{"a" * 40}",result="good"}}': 1,
        f'aidis_release_active_timestamp_seconds{{release="{name}"}}': 1767225660,
        f'aidis_release_mark_timestamp_seconds{{release="{name}",kind="deploy"}}': 1767225660,
        'aidis_release_mark_timestamp_seconds{release="v1.1.0-bbbbbbb",kind="failed"}': 1767312060.5,
        "aidis_release_failed": 1,
        'aidis_release_acceptance_latency_seconds{stat="p50"}': 0.002,
        'aidis_release_acceptance_latency_seconds{stat="p95"}': 0.0045,
    }


def test_a_release_that_became_good_since_is_no_failure(ledger_file: Any) -> None:
    book = copy.deepcopy(LEDGER)
    book["releases"][1]["good_at"] = "2026-01-03T00:00:00.000000Z"
    assert values(health_release.samples(health_release.load(ledger_file(book)))[0])["aidis_release_failed"] == 0


def test_a_rollback_since_is_no_failure(ledger_file: Any) -> None:
    book = copy.deepcopy(LEDGER)
    book["releases"][0]["rolled_back_at"] = "2026-01-03T00:00:00.000000Z"
    assert values(health_release.samples(health_release.load(ledger_file(book)))[0])["aidis_release_failed"] == 0


def test_marks_are_the_newest_ones(ledger_file: Any) -> None:
    book = copy.deepcopy(LEDGER)
    book["releases"] = [
        {"id": f"r{day}", "rolled_back_at": f"2026-01-{day:02}T00:00:00Z", "result": "rolled_back"}
        for day in range(1, 31)
    ]
    samples, left_out = health_release.samples(health_release.load(ledger_file(book)))
    marks = [one.labels for one in samples if one.name == "aidis_release_mark_timestamp_seconds"]
    assert marks[0] == {"release": "r30", "kind": "rollback"} and len(marks) == 20
    assert "acceptance_latency" in left_out[0]


def test_a_host_without_releases() -> None:
    book = health_release.load("/not/there/releases.json")
    assert health_release.running(book) == {}
    assert values(health_release.samples(book)[0]) == {"aidis_release_failed": 0}


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"schema": 2, "releases": []}', '{"schema": 1, "releases": [1]}',
     '{"schema": 1, "releases": [{}]}', '{"schema": 1, "releases": [], "running": 1}',
     '{"schema": 1, "releases": [], "running": {}}', "[" * 100_000],
)  # fmt: skip
def test_a_garbled_ledger(ledger_file: Any, content: str) -> None:
    with pytest.raises(CannotTellError):
        health_release.load(ledger_file(content))


@pytest.mark.parametrize("wrong", ["yesterday", 5, "2026-13-01T00:00:00Z", "2026-01-01T00:00:00"])
def test_moments_that_are_none_are_left_out(ledger_file: Any, wrong: Any) -> None:
    book = copy.deepcopy(LEDGER)
    book["running"]["at"] = book["releases"][0]["good_at"] = wrong
    book["releases"][0]["latency_p50_ms"] = "fast"
    samples, left_out = health_release.samples(health_release.load(ledger_file(book)))
    assert len(left_out) == 3
    assert "aidis_release_active_timestamp_seconds" not in {one.name for one in samples}


def test_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "deploy.lock"
    assert health_release.lock_held(str(path), 100.0).value == 0
    path.write_text("garbled", encoding="utf-8")
    os.utime(path, (1000, 1000))
    assert health_release.lock_held(str(path), 1060.0).value == 60
    path.unlink()
    path.symlink_to("elsewhere")
    with pytest.raises(CannotTellError, match="link"):
        health_release.lock_held(str(path), 100.0)


def test_the_end_of_a_certificate(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, openssl="notAfter=Jan  1 00:00:00 2036 GMT\n")
    found = health_metrics.certificate("/etc/a.crt", "/run/copy", host, 5)
    assert found == Sample("aidis_certificate_not_after_timestamp_seconds", 2082758400, {"path": "/etc/a.crt"})
    assert host.asked[0][-1] == "/run/copy"


@pytest.mark.parametrize("answer", [Ran(1, "", "Could not open file"), "notAfter=never\n", "", None])
def test_a_certificate_that_cannot_be_read(tmp_path: Path, answer: Any) -> None:
    with pytest.raises(CannotTellError, match=r"/etc/a\.crt"):
        health_metrics.certificate("/etc/a.crt", "/etc/a.crt", FakeHost(tmp_path, openssl=answer), 5)


# ---- The file of metrics ----


def test_texts_in_metrics_are_escaped() -> None:
    text = health_metrics.text([Sample("x", 1, {"a": 'q"\\\n'})], {"x": "of\\ two\nlines"})
    assert text == '# HELP x of\\\\ two\\nlines\n# TYPE x gauge\nx{a="q\\"\\\\\\n"} 1\n'


def test_a_metric_stands_together_and_no_series_twice() -> None:
    samples = [Sample("a", 1), Sample("b", 2, {"x": "1"}), Sample("a", 3), Sample("b", 1767225660.25, {"x": "2"})]
    assert health_metrics.text(samples, {}).splitlines() == [
        *("# HELP a", "# TYPE a gauge", "a 1"),
        *("# HELP b", "# TYPE b gauge", 'b{x="1"} 2', 'b{x="2"} 1767225660.25'),
    ]


def test_of_what_cannot_be_told_there_is_no_metric() -> None:
    told = {"service": "ok", "memory": "failed", "journal": "unknown", "database": "skipped"}
    found = health_metrics.of_sections([Section(name, status, []) for name, status in told.items()])
    assert values(found) == {'aidis_health_ok{section="service"}': 1, 'aidis_health_ok{section="memory"}': 0}


def test_every_metric_of_the_program_has_its_help() -> None:
    sources = program.sources("health_main")
    names = {name for text in sources.values() for name in re.findall(r'"(aidis_[a-z_]+)"', text)}
    assert names == health_metrics.HELP.keys() and all(health_metrics.HELP.values())


# ---- The configuration, and the program ----


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ([], "a mapping"),
        ({"no": 1}, "no is not known"),
        ({"units": "x"}, "units must not be 'x'"),
        ({"units": [1]}, "units"),
        ({"queries": ["x"]}, "queries"),
        ({"timeout": True}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"sql": 1}, "sql"),
        ({"journal_exclude": ["("]}, "journal_exclude"),
        ({"log": None}, "log"),
    ],
)
def test_a_configuration_that_is_none(tmp_path: Path, raw: Any, fault: str) -> None:
    path = tmp_path / "health.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(CannotTellError, match=re.escape(fault)):
        health_config.read(str(path))


def test_where_the_configuration_is_the_unit_says(tmp_path: Path) -> None:
    unit = tmp_path / "aidis-health.service"
    assert health_config.found(str(unit)) == health_config.DEFAULT_PATH
    unit.write_text("[Service]\nExecStart=/usr/local/bin/aidis-health --config /etc/opt/mcp/health.json record\n")
    assert health_config.found(str(unit)) == "/etc/opt/mcp/health.json"
    unit.write_bytes(b"\xff\xfe")
    assert health_config.found(str(unit)) == health_config.DEFAULT_PATH


def test_moments() -> None:
    assert stamp(1767225660.9) == "2026-01-01T00:01:00Z" and moment("2026-01-01T00:01:00.250000Z") == 1767225660.25


def test_the_program_runs_without_the_collection(tmp_path: Path) -> None:
    path = tmp_path / "aidis-health"
    path.write_bytes(program.build("health_main"))
    with zipfile.ZipFile(path) as archive:
        assert not [name for name in archive.namelist() if "psycopg" in name or "mcp" in name]
    assert not [name for name, text in program.sources("health_main").items() if "from ansible." in text]
    config = tmp_path / "health.json"
    config.write_text(json.dumps({"disk_mb": 0, "memory_percent": 100, "state": str(tmp_path / "state.json")}))

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        # Isolated: neither PYTHONPATH nor the directory of the tests is looked at.
        command = [sys.executable, "-I", str(path), "--config", str(config), *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    shown = run("--json")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["sections"].keys() == {"memory", "disk"}
    assert run("--no-such").returncode == 64 and run("nothing").returncode == 64
    helped = run("--help")
    assert helped.returncode == 0 and "exit status" in helped.stdout
