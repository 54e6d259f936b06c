# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One event is one line, whatever is written in it; and where a connection came from, whoever became root in it."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import accounting
from ansible_collections.ridgetop.aidis.plugins.module_utils.accounting import Origin
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

set_hypothesis_home_dir(Path(__file__).resolve().parents[4] / ".cache" / "hypothesis")

# No time limits: the machine is shared. No database of examples: a run depends on the code alone.
COMMON = settings(deadline=None, database=None)

RUN = {"machine": "m", "host": "ctl", "pid": 4711, "started": "10"}
ME = pwd.getpwuid(os.getuid()).pw_name
CONNECTION = "192.0.2.10 51234 192.0.2.1 22"


def account(path: Path | str = "/x", **options: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"path": str(path), "action": "deploy", "result": None, "failed": [], "details": {}}
    return {**told, "user": "zoe", "append_only": False, **options}


def entry(event: str = "begin", what: str = "deployment of v1", by: str = "zoe@ctl", **options: Any) -> dict[str, Any]:
    more = {name: options.pop(name) for name in ("result", "failed") if name in options}
    return accounting.entry(event, account(**options), RUN, by, what, **more)


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket of a journal that only the test reads."""
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(5)
        monkeypatch.setattr(accounting, "JOURNAL", str(path))
        yield listener


# ---- A line ----


def test_a_line_says_who_what_when_from_where_and_how_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounting, "origin", lambda: Origin("192.0.2.10", "debian"))
    told = json.loads(
        accounting.line(entry("end", result="failed", failed=["app1: Migrate"], details={"backup": "b1"}))
    )
    token = told.pop("run")
    assert len(token) == 32 and told.pop("at").endswith("Z")
    assert told == {
        "event": "end",
        "action": "deploy",
        "what": "deployment of v1",
        "result": "failed",
        "failed": ["app1: Migrate"],
        "by": "zoe@ctl",
        "user": "zoe",
        "controller": "ctl",
        "address": "192.0.2.10",
        "login": "debian",
        "details": {"backup": "b1"},
        "pid": 4711,
    }


def test_what_is_not_known_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounting, "origin", Origin)
    told = entry(what="", details={"backup": "", "release": None, "database": "x"}, user=None)
    assert told["details"] == {"database": "x"}
    assert not {"what", "result", "failed", "address", "login", "user"} & told.keys()
    assert "details" not in entry(details={"backup": ""})


# Whatever people, inventories and ledgers hold: control characters, other ends of lines, halves of pairs.
TEXTS = st.text(st.characters(), max_size=40) | st.sampled_from(
    [
        "\n",
        "\r\n",
        '"}\n{"event": "end"',
        "\x1b[2J",
        "\x85",
        "\u2028",
        "\u202e",
        "\ud800",
        "\x7f",
        "\0",
        "\\",
        "x" * 5_000,
    ]
)


@COMMON
@given(what=TEXTS, by=TEXTS, failed=st.lists(TEXTS, max_size=3), details=st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_one_event_is_one_line(what: str, by: str, failed: list[str], details: dict[str, str]) -> None:
    told = entry("end", what, by, result="ok", failed=failed, details=details)
    line = accounting.line(told)
    assert line.endswith(b"\n") and len(line.decode("ascii").splitlines()) == 1
    assert all(32 <= byte < 127 for byte in line[:-1])
    assert json.loads(line) == told
    assert len(line) < 32_768


@COMMON
@given(what=TEXTS, by=TEXTS, details=st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_one_event_is_one_message_and_nobody_adds_a_field_to_it(what: str, by: str, details: dict[str, str]) -> None:
    message = accounting.text(entry("end", what, by, result="failed", details=details))
    assert message.isprintable() and message.encode()
    assert message.startswith("event=end action=deploy ")
    # Outside of quotes there is one result, the real one.
    plain, quoted, escaped = "", False, False
    for one in message:
        if not quoted:
            plain += one
        quoted = quoted ^ (one == '"' and not escaped)
        escaped = one == "\\" and not escaped and quoted
    assert not quoted
    assert [word for word in plain.split() if word.startswith("result=")] == ["result=failed"]


def test_a_message_quotes_what_would_run_into_the_next() -> None:
    told = {"at": "now", "event": "end", "what": 'v1" result="ok', "failed": ["a: b", "c"], "details": {"a b": "\n"}}
    assert accounting.text(told) == (
        'event=end what="v1\\" result=\\"ok" failed="a: b; c" details.a_b="\N{REPLACEMENT CHARACTER}"'
    )


def test_a_password_that_its_place_gives_away_is_hidden() -> None:
    told = entry(what="from https://bob:hunter22@git.example.org/x.git", details={"why": "password=hunter22 was wrong"})
    assert "hunter22" not in str(told) and told["what"] == "from https://bob:***@git.example.org/x.git"
    # A long text, too, wherever it is cut.
    for length in range(250, 330):
        assert "hunter" not in str(entry(what=f"{'x' * length} https://bob:hunter22hunter22@x"))


def test_a_text_is_cut_and_so_are_many() -> None:
    told = entry("end", "x" * 1000, result="failed", failed=[str(number) for number in range(99)])
    assert len(told["what"]) == accounting.TEXT_MAX and told["what"].endswith("...")
    assert len(told["failed"]) == accounting.PARTS_MAX


# ---- Where it is written ----


def test_a_line_and_a_message(tmp_path: Path, journal: socket.socket) -> None:
    path = tmp_path / "new" / "accounting.log"
    failed = entry("end", result="failed")
    assert accounting.record(account(path), [entry(), failed]) == []
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["begin", "end"]
    first, second = journal.recv(65536).decode(), journal.recv(65536).decode()
    assert first == f"<85>aidis-accounting[{os.getpid()}]: {accounting.text(entry())}"
    assert second.startswith("<84>aidis-accounting[") and " result=failed " in second


def test_the_journal_is_told_where_the_file_cannot_be_written(tmp_path: Path, journal: socket.socket) -> None:
    (tmp_path / "accounting.log").mkdir()
    (problem,) = accounting.record(account(tmp_path / "accounting.log"), [entry()])
    assert "The begin of this run is not in" in problem and journal.recv(65536)


@pytest.mark.parametrize("kind", ["missing", "deaf"])
def test_the_file_is_written_where_the_journal_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(accounting, "JOURNAL", str(tmp_path / "log"))
    monkeypatch.setattr(accounting, "TIMEOUT", 0.05)
    path = tmp_path / "accounting.log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf, contextlib.ExitStack() as stack:
        if kind == "deaf":
            deaf.bind(str(tmp_path / "log"))
            sender = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            sender.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    sender.sendto(b"x", str(tmp_path / "log"))
        (problem,) = accounting.record(account(path), [entry()])
    assert "The begin of this run is not in the journal" in problem
    assert path.read_text().count("\n") == 1


def test_a_path_that_is_none_is_a_problem_and_no_error(journal: socket.socket) -> None:
    (problem,) = accounting.record(account("/x\0y"), [entry()])
    assert "null" in problem


# ---- Where a connection came from ----


@pytest.fixture
def proc(tmp_path: Path) -> Any:
    """Make processes, each the child of the one before; return the last one's number and where they are."""

    def make(*processes: tuple[str, str | None]) -> tuple[int, str]:
        for number, (name, connection) in enumerate(processes, 1):
            directory = tmp_path / "proc" / str(number)
            directory.mkdir(parents=True)
            (directory / "stat").write_text(f"{number} ({name}) S {number - 1} 1 1 0 -1")
            if connection is not None:
                variables = [b"HOME=/root", b"SSH_CONNECTION=" + connection.encode()] if connection else [b"HOME=/root"]
                (directory / "environ").write_bytes(b"\0".join(variables) + b"\0")
        return len(processes), str(tmp_path / "proc")

    return make


SERVER = [("systemd", ""), ("sshd", ""), ("sshd", "")]


@pytest.mark.parametrize("server", ["sshd", "sshd-session", "dropbear"])
def test_it_is_found_behind_sudo(proc: Any, server: str) -> None:
    chain = [*SERVER[:2], (server, ""), ("sh", CONNECTION), ("sudo", ""), ("sh", ""), ("python3", "")]
    assert accounting.origin(*proc(*chain)) == Origin("192.0.2.10", ME)


def test_what_a_process_was_given_by_its_user_does_not_count(proc: Any) -> None:
    chain = [*SERVER, ("sh", "2001:db8::1 1 2001:db8::2 22"), ("env", "10.9.9.9 1 10.0.0.1 22"), ("python3", "")]
    assert accounting.origin(*proc(*chain)).address == "2001:db8::1"


def test_what_the_server_was_started_with_does_not_count(proc: Any) -> None:
    chain = [("systemd", ""), ("sshd", CONNECTION), ("sshd-session", CONNECTION), ("python3", "")]
    assert accounting.origin(*proc(*chain)) == Origin()


@pytest.mark.parametrize("connection", ["", " ", "UNKNOWN 65535 UNKNOWN 65535", "\n", "1.2.3.4\nx"])
def test_what_is_no_address_is_not_told(proc: Any, connection: str) -> None:
    found = accounting.origin(*proc(("sh", connection), ("python3", "")))
    assert found.address in ("", "1.2.3.4"), "the first word, or nothing"


def test_a_process_that_may_not_be_looked_into_is_passed(proc: Any) -> None:
    assert (
        accounting.origin(*proc(*SERVER, ("sh", CONNECTION), ("sudo", None), ("python3", ""))).address == "192.0.2.10"
    )


def test_a_name_with_brackets_does_not_shift_the_fields(proc: Any) -> None:
    assert accounting.origin(*proc(("sh", CONNECTION), ("a) S 9 (b", ""), ("python3", ""))).address == "192.0.2.10"


def test_a_circle_has_an_end(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text("7 (sh) S 7 1")
    assert accounting.origin(7, str(tmp_path)) == Origin()


def test_without_proc_nothing_is_known(tmp_path: Path) -> None:
    assert accounting.origin(1, str(tmp_path)) == Origin()


def test_of_real_processes() -> None:
    if accounting.origin().address:
        pytest.skip("these tests run in an ssh session, which counts before what a test says")
    code = f"import sys; sys.path[:0] = {sys.path!r}\nfrom {accounting.__name__} import origin\nprint(*origin())"
    inner = ["env", "-i", sys.executable, "-c", code]
    outer = [sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))", *inner]
    environment = {**os.environ, "SSH_CONNECTION": CONNECTION}
    ran = subprocess.run(outer, env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["192.0.2.10", ME]
