# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every public variable of every role is given every hostile text, and looked at as the role preflight does: it is
refused, or it is of a class that may hold it for a reason."""

from __future__ import annotations

import functools
from typing import Any
from unittest import mock

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.ridgetop.aidis.plugins.action import check_variables
from ansible_collections.ridgetop.aidis.plugins.module_utils import variable_rules
from ansible_collections.ridgetop.aidis.tests.unit.roles.injection import corpus

HOSTS = {"groups": {"all": ["db", "app"], "aidis_db": ["db"], "aidis_app": ["app"]}}


SPEC_OF, RULES_OF = functools.cache(check_variables.spec_of), functools.cache(check_variables.rules_of)


@pytest.fixture(autouse=True)
def _files_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read no file of a role twice."""
    monkeypatch.setattr(check_variables, "spec_of", SPEC_OF)
    monkeypatch.setattr(check_variables, "rules_of", RULES_OF)


def checked(values: dict[str, Any]) -> list[dict[str, Any]]:
    """What the action finds when an inventory has these values; nothing in them is a template."""
    roles = [role for role in corpus.ROLES if set(check_variables.spec_of(role)) & set(values)]
    task = mock.MagicMock(args={"roles": roles}, async_val=0, check_mode=False)
    templar = Templar(DataLoader(), {})
    action = check_variables.ActionModule(task, mock.MagicMock(), mock.MagicMock(), DataLoader(), templar, None)
    checks: list[dict[str, Any]] = action.run(task_vars={**HOSTS, **values})["checks"]
    return [check for check in checks if check["status"] == "fail"]


def refused(values: dict[str, Any]) -> set[str]:
    """The names of the variables that the action refuses."""
    return {check["id"].removeprefix("variable.").partition(".")[0] for check in checked(values)}


def test_every_variable_has_a_rule_a_type_that_refuses_or_a_class() -> None:
    typed = {name for name, option in corpus.specs().items() if corpus.by_type(option)}
    ruled, free = set(corpus.rules()), set(corpus.ANYTHING)
    assert set(corpus.specs()) - typed - ruled - free == set(), "say in meta/values.yml of which kind they are"
    assert (ruled | free) - set(corpus.specs()) == set(), "there is no such variable"
    assert free & ruled == set() and free & typed == set()


def test_the_rules_are_rules() -> None:
    for name, rule in corpus.rules().items():
        kinds = [kind for kind, _put in corpus.leaves(rule)]
        assert kinds and set(kinds) <= set(variable_rules.KINDS), name
    assert set(corpus.ALLOWED) == set(variable_rules.KINDS)


@pytest.mark.parametrize("kind", sorted(corpus.ALLOWED))
def test_a_kind_lets_in_what_it_is_for_and_nothing_hostile_behind_or_before_it(kind: str) -> None:
    good = corpus.ALLOWED[kind]
    assert list(variable_rules.faults("x", kind, good, ["db"])) == []
    for where in ("{}", f"{good}{{}}", f"{{}}{good}"):
        let_in = {
            title
            for title, text in corpus.HOSTILE.items()
            if not list(variable_rules.faults("x", kind, where.replace("{}", text), ["db"]))
        }
        # Behind a name, a dash is a part of it; before one, a backslash is not at the end.
        behind: set[str] = {"{}": set(), f"{good}{{}}": {"end of options", "option"}}.get(
            where, {"backslash at the end"}
        )
        assert let_in - behind <= corpus.MEANT[kind], where


@pytest.mark.parametrize("title", corpus.CORPUS)
def test_a_hostile_text_is_refused_or_of_a_class(title: str) -> None:
    """At each place that a rule names."""
    text = corpus.CORPUS[title]
    todo = {name: list(corpus.leaves(rule)) for name, rule in corpus.rules().items()}
    for number in range(max(map(len, todo.values()))):
        places = {name: places[number] for name, places in todo.items() if number < len(places)}
        values = {name: put(text) for name, (_kind, put) in places.items()}
        if number == 0:
            values.update({name: text for name in corpus.specs() if name not in corpus.rules()})
        left = set(values) - refused(values) - set(corpus.ANYTHING)
        meant = {name for name, (kind, _put) in places.items() if title in {*corpus.MEANT[kind], *corpus.STRANGE}}
        assert left - meant == set()


def test_an_empty_text_is_refused_where_a_name_must_stand() -> None:
    names = {
        name
        for name, rule in corpus.rules().items()
        if corpus.specs()[name]["type"] == "str" and rule not in ("line", "line_of_file", "addresses")
    }
    let_in = names - refused(dict.fromkeys(names, ""))
    assert let_in == {name for name in names if str(corpus.rules()[name]).endswith("?")}


def test_of_no_secret_is_anything_told() -> None:
    secret = "seen\x00secret\nseen"
    hidden: dict[str, Any] = {name: secret for name, option in corpus.specs().items() if option.get("no_log")}
    hidden["app_secret_environment"] = {"A": secret}
    found = checked({**hidden, "app_repository": "https://user:seensecret@host/a b"})
    assert {"variable.aidis_database_password", "variable.app_repository"} <= {one["id"] for one in found}
    assert "seen" not in str(found)


def test_what_follows_from_others_is_looked_at_too() -> None:
    hostile = {"ansible_host": "db\nhost all all 0.0.0.0/0 trust", "inventory_hostname": "db"}
    assert "aidis_address" in refused({**hostile, "aidis_keep_releases": 3})


def test_a_secret_may_hold_whatever_a_line_can() -> None:
    hostile = [text for title, text in corpus.HOSTILE.items() if title in corpus.MEANT["password"]]
    secret = "".join(hostile)
    assert "aidis_database_password" not in refused({"aidis_database_password": secret})
    assert "app_jwt_secret" not in refused({"app_jwt_secret": f"{secret}\nline two"})
    values = {
        f"V{number}": f"{text} a strong one: 1!"
        for number, text in enumerate(corpus.CORPUS.values())
        if "\0" not in text
    }
    names = ("app_environment", "app_environment_extra", "app_secret_environment", "app_build_environment")
    assert not refused(dict.fromkeys(names, values)) & set(names)
