# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the variables let in is rendered with the real templates and read again as the program that reads the file does:
it has added no line, no directive, no entry and no option, and it says what was meant.

The environment file has a reader and tests of its own, in test_environment_template.py.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import variable_rules
from ansible_collections.ridgetop.aidis.tests.unit.roles.injection import corpus
from ansible_collections.ridgetop.aidis.tests.unit.roles.test_environment_template import read as read_environment

UNIT, TIMER, TIMED = (f"etc/systemd/system/{name}.j2" for name in ("aidis.service", "timer.timer", "timer.service"))
TEXTS = [text for text in corpus.CORPUS.values() if "\0" not in text]
Directives = list[tuple[str, str]]


def let_in(rule: variable_rules.Rule) -> pytest.MarkDecorator:
    """Each text that a rule lets in, alone and behind one that it is for."""
    kind = str(rule).removesuffix("?")
    behind = [corpus.ALLOWED[kind] + text for text in TEXTS]
    texts = [text for text in [*TEXTS, *behind] if not list(variable_rules.faults("x", rule, text, ["db"]))]
    return pytest.mark.parametrize("text", texts, ids=lambda text: repr(text[:40]))


def directives(unit: str) -> Directives:
    """A unit as systemd reads it: \\n and \\r end a line, a backslash before them does not, # and ; begin comments."""
    found: Directives = []
    pending = ""
    for line in re.split(r"[\n\r\0]", unit):
        if not pending and line.lstrip()[:1] in ("#", ";"):
            continue
        whole = pending + line
        if whole.endswith("\\") and not whole.endswith("\\\\"):
            pending = whole[:-1] + " "
            continue
        pending = ""
        name, equals, value = whole.strip().partition("=")
        if name:
            found.append((name, value.strip() if equals else ""))
    assert not pending
    return found


def plain(value: str) -> str:
    """A value of a unit whose specifiers are expanded: none may be left."""
    assert not re.search(r"(?<!%)(?:%%)*%(?!%)", value), value
    return value.replace("%%", "%")


def unquoted(value: str) -> str:
    """A word of a unit within double quotes, with its escapes, which are C's."""
    quoted = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', value)
    assert quoted, value
    escapes = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
    return re.sub(r"\\(.)", lambda match: escapes[match.group(1)], quoted.group(1))


def names(found: Directives) -> list[str]:
    return [name for name, _value in found]


@pytest.fixture(scope="module")
def usual() -> Directives:
    """The unit of the defaults."""
    return directives(corpus.render("systemd", UNIT))


@let_in(corpus.rules()["systemd_description"])
def test_a_description_is_the_units_description(usual: Directives, text: str) -> None:
    found = directives(corpus.render("systemd", UNIT, systemd_description=text))
    assert names(found) == names(usual)
    assert plain(dict(found)["Description"]) == text.strip()


@pytest.mark.parametrize(
    ("variable", "directive"),
    [
        ("systemd_exec_start", "ExecStart"),
        ("systemd_working_directory", "WorkingDirectory"),
        ("aidis_user", "User"),
        ("aidis_group", "Group"),
        ("aidis_environment_file", "EnvironmentFile"),
    ],
)
def test_a_name_is_one_directive(usual: Directives, variable: str, directive: str) -> None:
    """A command is what systemd makes of it, specifiers and all; but it is one directive."""
    rule = corpus.rules()[variable]
    for text in (text for text in TEXTS if not list(variable_rules.faults("x", rule, text, []))):
        found = directives(corpus.render("systemd", UNIT, **{variable: text}))
        assert names(found) == names(usual)
        assert dict(found)[directive] == text.strip()


def test_the_environment_of_a_unit_is_what_was_meant(usual: Directives) -> None:
    values = {f"V{number}": text for number, text in enumerate(TEXTS)}
    found = directives(corpus.render("systemd", UNIT, systemd_environment=values))
    words = [unquoted(plain(value)) for name, value in found if name == "Environment"]
    assert dict(word.split("=", 1) for word in words) == values
    assert {*names(found)} == {*names(usual)}


def test_limits_and_sandbox_are_one_directive_a_value() -> None:
    rule = corpus.rules()["systemd_sandbox"]
    values = [text for text in TEXTS if not list(variable_rules.faults("x", rule, {"A": text}, []))]
    found = directives(corpus.render("systemd", UNIT, systemd_sandbox={"ReadOnlyPaths": values}, systemd_limits={}))
    assert [value for name, value in found if name == "ReadOnlyPaths"] == [text.strip() for text in values]


@let_in(corpus.rules()["systemd_writable_paths"])
def test_a_path_of_the_sandbox_is_one_word(text: str) -> None:
    found = directives(corpus.render("systemd", UNIT, systemd_writable_paths=[text], aidis_log_dir="/var/log/x"))
    assert [value for name, value in found if name == "ReadWritePaths"] == ["/var/log/x", text]
    assert len(text.split()) == 1 and ":" not in text and "%" not in text


@let_in("line_of_file")
def test_timers_have_one_directive_a_value(text: str) -> None:
    timer = {"name": "x", "calendar": "daily", "user": "postgres", "credentials": {"a": "/b"}}
    for template in (TIMER, TIMED):
        usual = directives(corpus.render("systemd", template, item=[{**timer, "description": "x", "command": "/y"}]))
        found = directives(
            corpus.render("systemd", template, item=[{**timer, "description": text, "command": f"/y {text}"}])
        )
        assert names(found) == names(usual)
        assert plain(dict(found)["Description"]) == text.strip()


# ---- The environment file ----


def test_the_environment_file_holds_what_was_meant() -> None:
    values = {f"V{number}": text for number, text in enumerate(TEXTS)}
    assert read_environment(corpus.render("app", "etc/aidis/production.env.j2", __app_variables=values)) == values


def test_a_password_is_part_of_the_address_of_the_database() -> None:
    from urllib.parse import unquote, urlsplit

    for text in TEXTS:
        url = urlsplit(corpus.evaluate("app", "{{ app_database_url }}", aidis_database_password=text))
        assert (url.scheme, url.username, url.hostname, url.port) == ("postgresql", "ridgetop", "localhost", 5432)
        assert unquote(url.password or "") == text and url.path == "/aidis_production" and not url.query


# ---- PostgreSQL ----


def settings(text: str) -> dict[str, str]:
    """postgresql.conf as guc-file.l reads it: names, and texts within single quotes."""
    found: dict[str, str] = {}
    escapes = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        read = re.fullmatch(r"([A-Za-z_][A-Za-z0-9_.$]*) = '((?:[^'\\\n]|\\.|'')*)'", line)
        assert read, line
        value = re.sub(
            r"''|\\(.)", lambda match: escapes.get(match.group(1), match.group(1)) if match.group(1) else "'", read[2]
        )
        assert read[1] not in found
        found[read[1]] = value
    return found


def test_settings_are_what_was_meant() -> None:
    values = {f"aidis.v{number}": text for number, text in enumerate(TEXTS)}
    usual = settings(corpus.render("postgres", "etc/postgresql/aidis.conf.j2"))
    found = settings(corpus.render("postgres", "etc/postgresql/aidis.conf.j2", postgres_settings=values))
    assert found == {**usual, **values}


def entries(text: str) -> list[list[str]]:
    """pg_hba.conf as hba.c reads it: words, those in double quotes with blanks, "" for a quote; a backslash goes on."""
    lines = re.sub(r"\\\n", "", text).split("\n")
    words = [re.findall(r'"((?:[^"]|"")*)"|([^\s,"]+)', line.partition("#")[0]) for line in lines]
    return [[quoted.replace('""', '"') or bare for quoted, bare in line] for line in words if line]


ACCESS = "etc/postgresql/pg_hba.conf.j2"


@let_in(corpus.rules()["aidis_database"])
def test_a_database_is_one_name_in_the_rules_of_access(text: str) -> None:
    usual = entries(corpus.render("postgres", ACCESS, aidis_database="plain"))
    found = entries(corpus.render("postgres", ACCESS, aidis_database=text))
    assert found == [[text if word == "plain" else word for word in line] for line in usual]
    # A name that begins so is a pattern, and one that holds it is a list of options to those who connect.
    assert not text.startswith(("/", "+", "@")) and "=" not in text


@let_in("peer")
def test_a_client_is_one_entry(text: str) -> None:
    usual = entries(corpus.render("postgres", ACCESS))
    found = entries(corpus.render("postgres", ACCESS, postgres_clients=[text]))
    (added,) = [line for line in found if line not in usual]
    assert added[0] == "hostssl" and len(added) == 5 and added[-1] == "scram-sha-256"


@let_in("line_of_file")
def test_a_further_line_is_one_line_before_the_last(text: str) -> None:
    usual = corpus.render("postgres", ACCESS).rstrip("\n").split("\n")
    found = re.sub(r"\\\n", "", corpus.render("postgres", ACCESS, postgres_hba_extra=[text])).rstrip("\n").split("\n")
    assert found == [*usual[:-2], text, *usual[-2:]]


# ---- Logs, backups ----


def test_a_file_of_logrotate_has_its_lines_and_no_more() -> None:
    entry = {
        "name": "x",
        "paths": ["/a"],
        "user": "u",
        "group": "g",
        "mode": "0640",
        "rotate": 3,
        "reload": "a.service",
    }
    usual = corpus.render("logrotate", "etc/logrotate.d/entry.j2", item=entry).split("\n")
    rule: Any = corpus.rules()["logrotate_entries"]
    for key in entry:
        kind = rule[0][key].removesuffix("?")
        texts = [*TEXTS, *(corpus.ALLOWED[kind] + text for text in TEXTS)]
        for text in (text for text in texts if not list(variable_rules.faults("x", kind, text, []))):
            value: Any = [text] if key == "paths" else text
            found = corpus.render("logrotate", "etc/logrotate.d/entry.j2", item={**entry, key: value}).split("\n")
            assert len(found) == len(usual)
            assert key == "paths" or (len(text.split()) == 1 and not re.search(r"[;&|$`<>(){}\"'\\]", text))
            assert '"' not in text


def test_the_configuration_of_the_backups_is_what_was_meant() -> None:
    written = "{{ __backup_config | to_nice_json(sort_keys=true) }}"
    for text in TEXTS:
        given = {"aidis_database": text, "backup_copy_to": text, "backup_dir": text, "backup_metrics_file": text}
        read = json.loads(json.dumps(corpus.evaluate("backup", "{{ __backup_config }}", **given)))
        assert read == json.loads(str(corpus.evaluate("backup", f"{written} ", **given)))
        assert [read[name] for name in ("database", "copy_to", "directory", "metrics_file")] == [text] * 4


def test_the_checker_of_a_unit_gets_one_name() -> None:
    rule = corpus.rules()["aidis_service"]
    for text in (text for text in TEXTS if not list(variable_rules.faults("x", rule, text, []))):
        command = corpus.evaluate("systemd", "{{ __systemd_validate }}", __systemd_file=f"{text}.service")
        assert command.split()[-1] == f"{text}.service"
