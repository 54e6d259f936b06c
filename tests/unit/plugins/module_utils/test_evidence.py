# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The evidence: what is read of files, journals and units, and what becomes of a part that cannot be had."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    evidence_database,
    evidence_files,
    evidence_gather,
    evidence_machine,
    evidence_units,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.evidence_base import LONGEST, About, Looker
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host, Ran, TooSlowError


class Answers(Host):
    """A host whose commands answer what a test says."""

    def __init__(self, **answers: Ran | str) -> None:
        super().__init__()
        self.answers = answers
        self.asked: list[list[str]] = []

    def find_command(self, name: str) -> str | None:
        return f"/usr/bin/{name}" if name in self.answers else None

    def run(self, argv: Any, seconds: float) -> Ran:
        self.asked.append(list(argv))
        answer = self.answers.get(argv[0])
        if answer is None:
            raise CannotCheckError(f"there is no command {argv[0]} on this host")
        return Ran(0, answer, "") if isinstance(answer, str) else answer


def test_a_part_that_fails_keeps_no_other_from_being_had() -> None:
    def slow(looker: Looker) -> None:
        raise TooSlowError("journalctl did not end within 10 s")

    def broken(looker: Looker) -> None:
        raise ZeroDivisionError("a fault of the part")

    found = evidence_gather.gather(About(), [], {"slow": slow, "broken": broken, "fine": lambda _looker: [1]})
    assert found["fine"] == [1] and found["slow"] is None
    assert found["missing"] == {
        "slow": "journalctl did not end within 10 s",
        "broken": "ZeroDivisionError: a fault of the part",
    }


def test_all_that_is_gathered_is_masked_before_it_is_cut() -> None:
    secret = "k" * 20
    about = About(password="the password", secrets={"JWT_SECRET": secret})
    long = "x" * (LONGEST - 10) + secret
    parts: dict[str, Any] = {
        "one": lambda _looker: {"a": [f"the password, {secret}", "further one"]},
        "two": lambda _looker: long,
    }
    found = evidence_gather.gather(about, ["further one"], parts)
    assert found["one"] == {"a": ["***, ***", "***"]}
    assert "k" not in found["two"] and "k" * 3 not in json.dumps(found)


def test_a_whole_gathering_ends_on_any_machine() -> None:
    about = About(
        service="no-such", root="/no/such", state_dir="/no/such", exec_start="/no/such x", paths=({"path": "/no"},)
    )
    found = evidence_gather.gather(about, [])
    assert set(found) == {*evidence_gather.PARTS, "about", "missing"}
    assert found["files"][0]["wrong"] == ["missing"] and found["runtime"]["there"] is False


def test_properties_of_units() -> None:
    cluster = "Id=postgresql@17-main.service\nActiveState=failed\nExecStart={ path=/x ; a=b }\n"
    out = f"Id=a.service\nActiveState=active\n\n{cluster}"
    host = Answers(systemctl=out)
    found = evidence_units.units(Looker(About(service="a", units=("b.timer",)), host))
    assert [one["Id"] for one in found] == ["a.service", "postgresql@17-main.service"]
    assert found[1]["ExecStart"] == "{ path=/x ; a=b }"
    assert "b.timer" in host.asked[1]


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(CannotCheckError, match="systemctl ended with status 1: Failed to connect to bus"):
        evidence_units.units(Looker(About(service="a"), Answers(systemctl=Ran(1, "", "Failed to connect to bus\n"))))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            {"MESSAGE": "text", "PRIORITY": "3", "SYSLOG_IDENTIFIER": "node", "_SYSTEMD_INVOCATION_ID": "r"},
            ("text", 3, "node", "r"),
        ),
        ({"MESSAGE": [104, 105], "_COMM": "sh", "INVOCATION_ID": "s"}, ("hi", 6, "sh", "s")),
        ({"MESSAGE": None}, ("", 6, "", "")),
    ],
)
def test_an_entry_of_a_journal(told: dict[str, Any], expected: tuple[str, int, str, str]) -> None:
    found = evidence_units.entry_of(json.dumps({"__REALTIME_TIMESTAMP": "1795657013430108", **told}))
    assert (found["text"], found["priority"], found["by"], found["run"]) == expected
    assert found["at"] == "2026-11-26T01:36:53Z"


@pytest.mark.parametrize("line", ["", "no JSON", "{}", '{"__REALTIME_TIMESTAMP": "x"}'])
def test_a_line_that_is_no_entry(line: str) -> None:
    assert evidence_units.entry_of(line) == {}


def test_the_end_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join(f"line {number} of a log\n" for number in range(9000)))
    (found,) = evidence_units.logs(Looker(About(logs=(f"{tmp_path}/*.log",), lines=3)))
    assert found == {"path": str(path), "lines": [f"line {number} of a log" for number in (8997, 8998, 8999)]}


def test_no_lines_are_wanted(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("a line\n")
    (found,) = evidence_units.logs(Looker(About(logs=(f"{tmp_path}/*.log",), lines=0)))
    assert found["lines"] == []


def test_a_log_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("what only root may read\n")
    (tmp_path / "a.log").symlink_to(tmp_path / "secret")
    (found,) = evidence_units.logs(Looker(About(logs=(f"{tmp_path}/*.log",))))
    assert "what only root" not in str(found) and "cannot be read" in found["lines"][0]


def test_files_that_differ(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "file").chmod(0o644)
    (tmp_path / "17").mkdir(mode=0o755)
    path = str(tmp_path / "file")
    wanted = {"path": path, "type": "file", "owner": str(os.getuid() + 1), "mode": "0640"}
    found = evidence_files.file(wanted)
    assert set(found["wrong"]) == {"owner", "mode"} and found["found"]["mode"] == "0644"
    assert evidence_files.file({"path": f"{tmp_path}/gone", "type": "file"})["wrong"] == ["missing"]
    assert evidence_files.file({"path": str(tmp_path / "17"), "type": "file"})["wrong"] == ["type"]
    about = About(paths=({"path": f"{tmp_path}/1*", "type": "directory"}, {"path": f"{tmp_path}/2*", "type": "file"}))
    assert [one["wrong"] for one in evidence_files.files(Looker(about))] == [[], ["missing"]]


ENVIRONMENT = """# Ansible managed
A=plain
B='single # quoted'
C="dou\\"ble \\\\ \\$x
second line"
JWT_SECRET=abcdef123456
 D = no variable
DATABASE_URL=postgresql://ridgetop:p%40ss@db.example.org:5433/aidis?sslmode=disable
API_TOKEN=abc
"""


def test_the_environment_file(tmp_path: Path) -> None:
    (tmp_path / "env").write_text(ENVIRONMENT)
    given = evidence_files.variables(ENVIRONMENT)
    assert given["B"] == "single # quoted" and given["C"] == 'dou"ble \\ $x\nsecond line'
    about = About(
        environment_file=str(tmp_path / "env"),
        secrets={"DATABASE_URL": given["DATABASE_URL"], "A": "other", "GONE": "x"},
    )
    found = evidence_files.environment(Looker(about))
    assert found["different"] == ["A", "GONE"]
    assert {"A=***", "JWT_SECRET=***", "DATABASE_URL=***", "API_TOKEN=***"} < set(found["lines"])
    (url,) = found["databases"]
    assert url == {
        "name": "DATABASE_URL",
        "host": "db.example.org",
        "port": 5433,
        "user": "ridgetop",
        "database": "aidis",
        "has_password": True,
    }


def test_no_environment_file(tmp_path: Path) -> None:
    assert evidence_files.environment(Looker(About(environment_file=str(tmp_path / "env")))) == {"there": False}


def test_releases(tmp_path: Path) -> None:
    (tmp_path / "releases" / "v1" / "app").mkdir(parents=True)
    (tmp_path / "current").symlink_to("releases/v1")
    ledger = {"schema": 1, "running": {"id": "v1"}, "underway": None, "releases": [{"id": "v1", "result": "good"}]}
    (tmp_path / "releases.json").write_text(json.dumps(ledger))
    about = About(root=str(tmp_path), state_dir=str(tmp_path), working_directory=f"{tmp_path}/current/app")
    found = evidence_files.releases(Looker(about))
    assert (
        found["running"] == "v1" and found["reaches"] and found["working_directory"] and found["directories"] == ["v1"]
    )
    (tmp_path / "releases.json").write_text("half a led")
    assert "cannot be read as a ledger" in evidence_files.releases(Looker(about))["ledger_broken"]


def test_the_lock(tmp_path: Path) -> None:
    looker = Looker(About(lock=f"{tmp_path}/deploy.lock"))
    assert evidence_files.lock(looker) == {"path": f"{tmp_path}/deploy.lock", "held": False}
    (tmp_path / "deploy.lock").write_text("garbage")
    assert evidence_files.lock(looker)["held"] is True


def test_disks_are_named_once_with_all_their_paths(tmp_path: Path) -> None:
    about = About(root=str(tmp_path), paths=({"path": f"{tmp_path}/gone/file"}, {"path": f"{tmp_path}/file"}))
    found = evidence_machine.disks(Looker(about))
    assert len({one["mount"] for one in found}) == len(found)
    (of_ours,) = [one for one in found if str(tmp_path) in one["paths"]]
    assert of_ours["bytes"] > 0 and of_ours["paths"].count(str(tmp_path)) == 1


def test_the_superuser_is_asked_without_names_in_statements() -> None:
    database = {"here": True, "port": 5432, "name": 'it\'s "mine"', "user": "u"}
    answer = json.dumps({"databases": {database["name"]: {}}, "roles": {}})
    host = Answers(runuser=answer)
    found = evidence_database.superuser(Looker(About(database=database), host))
    assert found["port"] == 5432 and "database" in found
    statement = host.asked[1][-1]
    assert "mine" not in statement and "dbname='it\\'s \"mine\"' port=5432" in host.asked[1][-3]


def test_the_application_without_a_password() -> None:
    about = About(service="a", database={"host": "h", "port": 1, "name": "n", "user": "u", "tls": False})
    with pytest.raises(CannotCheckError, match="gives no password"):
        evidence_database.application(Looker(about))


def test_the_application_where_nothing_listens() -> None:
    database = {"host": "127.0.0.1", "port": 1, "name": "n", "user": "u", "tls": False, "ca_file": ""}
    found = evidence_database.application(Looker(About(service="a", database=database, password="x")))
    assert found["in"] is False and found["error"] == "Connection refused" and found["code"] == ""
