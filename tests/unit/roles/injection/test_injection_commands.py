# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a value is near a shell, a list of words or a regular expression, it is data there: run, with a canary."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    backup_config,
    backup_copy,
    firewall_rules,
    ledger,
    variable_rules,
)
from ansible_collections.ridgetop.aidis.plugins.modules import database_work
from ansible_collections.ridgetop.aidis.tests.unit.roles.injection import corpus

TEXTS = [text for text in corpus.CORPUS.values() if "\0" not in text]
SHORT = [text for text in TEXTS if len(text) < 1000]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory to run commands in, in which no canary sings afterwards."""
    yield tmp_path
    assert [path.name for path in tmp_path.rglob("*") if path.name.startswith(corpus.CANARY)] == []


def sh(place: Path, script: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *arguments],
        cwd=place,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        timeout=20,
        check=False,
    )
    return done.stdout.decode()


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_canary_sings_where_a_text_is_taken_for_a_command(tmp_path: Path) -> None:
    """Otherwise the tests below would pass on nothing."""
    sh(tmp_path, f"echo {corpus.CORPUS['command in parentheses']}")
    assert (tmp_path / corpus.CANARY).exists()


def commands(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The tasks that run a command, in blocks, too."""
    for task in tasks:
        for part in ("block", "rescue", "always"):
            yield from commands(task.get(part, []))
        if "ansible.builtin.command" in task:
            yield task


def test_no_command_of_a_role_is_changed_by_the_module() -> None:
    """It would put the values of variables into the words, and a shell would take them for its own text."""
    found = [
        task
        for path in (corpus.ROOT / "roles").glob("*/tasks/*.yml")
        for task in commands(yaml.safe_load(path.read_text(encoding="utf-8")))
    ]
    assert len(found) > 10
    assert [
        task["name"] for task in found if task["ansible.builtin.command"].get("expand_argument_vars") is not False
    ] == []
    assert [task["name"] for task in found if "argv" not in task["ansible.builtin.command"]] == []


@pytest.mark.parametrize("text", SHORT)
def test_a_version_of_typescript_is_compared_and_never_run(place: Path, text: str) -> None:
    program(place / "node_modules/.bin/tsc", "echo Version 5.9.2")
    sh(place, corpus.evaluate("app", "{{ __app_typescript_script }}", app_typescript_minimum=text))


def test_the_suite_gets_its_file_as_one_word(place: Path) -> None:
    """Text that no rule lets in is one word, too."""
    program(place / "node_modules/.bin/tsx", 'printf "%s." "$@"')
    for text in SHORT:
        command = corpus.evaluate("app", "{{ app_acceptance_command }}", app_acceptance_file=text)
        assert sh(place, command) == f"{text}."


def test_the_suite_is_looked_for_in_the_packages_directory_and_nowhere_else(place: Path) -> None:
    rule = corpus.rules()["app_subdirectory"]
    good = [corpus.ALLOWED["path_inside"] + text for text in SHORT]
    texts = [text for text in [*SHORT, *good] if not list(variable_rules.faults("x", rule, text, []))]
    assert "a b" in texts
    for number, text in enumerate(texts):
        program(place / str(number) / text / "node_modules/.bin/tsx", "echo found")
        command = corpus.evaluate("app", "{{ app_acceptance_command }}", app_subdirectory=text)
        assert sh(place / str(number), command) == "found\n"


def test_a_host_is_looked_up_and_never_run(place: Path) -> None:
    """The end of the program that looks at the firewall, which is given the names of hosts."""
    look = (corpus.ROOT / "roles/firewall/files/look.sh").read_text(encoding="utf-8")
    loop = look[look.index("for name in") :]
    fact = next(line for line in look.splitlines() if line.startswith("fact()"))
    program(place / "bin/getent", "echo 192.0.2.1 STREAM")
    found = sh(place, f"{fact}\n{loop}", *SHORT, PATH=f"{place}/bin:{os.environ['PATH']}")
    assert found == "".join(f"address {text} 192.0.2.1\n" for text in SHORT)


def test_the_work_of_the_database_gets_each_argument_as_one_word() -> None:
    for text in TEXTS:
        params = {"credentials": {}, "command": "backup", "program": "/p", "config": "/c", "user": "postgres"}
        words = database_work.unit({**params, "arguments": [f"--by={text}", "--reason=x"]})
        # systemd puts the value of a variable in the place of its name, and `$$` is a dollar.
        assert words[-2].replace("$$", "") == f"--by={text}".replace("$", "")
        assert words[-2].count("$") == 2 * text.count("$") and words[-1] == "--reason=x"


def test_who_takes_a_backup_may_begin_like_an_option() -> None:
    for text in TEXTS:
        told = corpus.evaluate("backup", "{{ __backup_told }}", backup_role_by=text, backup_role_release=text)
        assert told == [f"--by={text or 'ansible'}"] + ([f"--release={text}"] if text else [])


def test_a_copy_goes_to_its_directory(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run by a shell, as ssh does on the other host."""
    ran: list[list[str]] = []
    monkeypatch.setattr(backup_copy, "run", ran.append)
    program(place / "bin/sync", "true")
    program(place / "bin/mv", 'printf "%s" "$4" > "$0.told"')
    for text in SHORT:
        if not text:
            continue
        config = backup_config.Config(database="x", directory="/b", copy_to=f"me@vault:/d{text}")
        backup_copy.copy(config, "id")
        rsync, ssh = ran[-2:]
        assert (
            rsync[rsync.index("--") + 1 :] == ["/b/id/", f"me@vault:/d{text}/.id.part/"] and "--protect-args" in rsync
        )
        assert ssh[ssh.index("--") + 1] == "me@vault"
        sh(place, ssh[-1], PATH=f"{place}/bin:{os.environ['PATH']}")
        assert (place / "bin/mv.told").read_bytes() == f"/d{text}/id".encode()


def test_a_release_is_called_by_a_name_that_is_one() -> None:
    for text in TEXTS:
        name = corpus.evaluate("app", "{{ __app_release_id }}", app_version=f"v{text[:100]}", __app_commit="0123456789")
        assert ledger.check_id(name) == name
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name)


def test_a_title_of_a_rule_of_the_firewall_is_one(place: Path) -> None:
    """ufw's module puts it into quotes on a command line."""
    for text in TEXTS:
        rule = {"title": text, "port": 1, "from": ["any"]}
        found = firewall_rules.wanted([rule], {}, [4])
        assert found.problems or not re.search(r"['\"\\\n\r$`;]", text)
