# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of every role: specified, documented, of its own name, with one default."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
# A directory that holds templates or files alone is none yet.
ROLES = sorted({path.parent.name for part in ("tasks", "defaults") for path in (ROOT / "roles").glob(f"*/{part}")})
SHARED = "aidis"
TYPES = {"str", "int", "float", "bool", "list", "dict", "path", "raw", "jsonarg", "json", "bytes", "bits"}
READ = ("tasks", "handlers", "defaults", "vars", "templates")
HEADING = re.compile(r"# *-{2,}.*")


class Loader(yaml.SafeLoader):
    """YAML as Ansible's, where a value may be tagged !unsafe or !vault."""


def as_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


for tag in ("!unsafe", "!vault"):
    Loader.add_constructor(tag, as_text)


def load(path: Path) -> dict[str, Any]:
    found = yaml.load(path.read_text(encoding="utf-8"), Loader) if path.exists() else None  # noqa: S506 - a SafeLoader
    return found or {}


def defaults_of(role: str) -> dict[str, Any]:
    return load(ROOT / "roles" / role / "defaults" / "main.yml")


def options_of(role: str) -> dict[str, Any]:
    specs = load(ROOT / "roles" / role / "meta" / "argument_specs.yml")
    options: dict[str, Any] = specs["argument_specs"]["main"].get("options", {})
    return options


def same(one: Any, other: Any) -> bool:
    """Equality in which 1, 1.0, true and "1" all differ."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def typed(options: dict[str, Any], path: str = "") -> Iterator[str]:
    """Options, nested ones too, without a type, elements or a description."""
    for name, option in options.items():
        here = f"{path}{name}"
        if option.get("type") not in TYPES:
            yield f"{here} has no type"
        if option.get("type") == "list" and option.get("elements") not in TYPES:
            yield f"{here} has no type of its elements"
        if not option.get("description"):
            yield f"{here} has no description"
        yield from typed(option.get("options", {}), f"{here}.")


def none(problems: Iterable[str]) -> None:
    """Fail with every problem on a line of its own."""
    found = list(problems)
    assert not found, "\n".join(["", *found])


def test_there_are_roles() -> None:
    assert ROLES, "no roles were found: every other test here would pass on nothing"


@pytest.mark.parametrize("role", ROLES)
def test_every_option_has_a_type_and_a_description(role: str) -> None:
    none(typed(options_of(role)))


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_specification_are_equal(role: str) -> None:
    defaults, options = defaults_of(role), options_of(role)
    specified = {name: option["default"] for name, option in options.items() if "default" in option}
    problems = [f"{name} is not in the specification" for name in defaults if name not in options]
    problems += [f"{name} has no default in the specification" for name in defaults.keys() & options - specified.keys()]
    problems += [f"{name} has a default in the specification alone" for name in specified if name not in defaults]
    problems += [
        f"{name} is {defaults[name]!r} in defaults and {specified[name]!r} in the specification"
        for name in defaults.keys() & specified.keys()
        if not same(defaults[name], specified[name])
    ]
    problems += [f"{name} is required and has a default" for name in defaults if options.get(name, {}).get("required")]
    none(problems)


@pytest.mark.parametrize("role", ROLES)
def test_every_default_has_a_comment_above_it(role: str) -> None:
    path = ROOT / "roles" / role / "defaults" / "main.yml"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    bare = [
        line.partition(":")[0]
        for above, line in zip(["", *lines], lines, strict=False)
        if re.match(r"\w+:", line) and (not re.match(r"# *\S", above) or HEADING.fullmatch(above))
    ]
    none(bare)


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_bears_the_name_of_its_role(role: str) -> None:
    none(name for name in defaults_of(role) if not name.startswith(f"{role}_"))
    # A role may state which of the shared variables it cannot do without.
    none(name for name in options_of(role) if not name.startswith((f"{role}_", f"{SHARED}_")))
    files = (ROOT / "roles" / role / "vars").rglob("*.yml")
    allowed = (f"__{role}_", f"{role}_")
    none(name for file in files for name in load(file) if not name.startswith(allowed))


def foreign(role: str, text: str) -> set[str]:
    """Names in a text that bear the prefix of another role; those of the shared one only if internal.

    What follows a dot, a slash or a hyphen is a key, a module or a file.
    """
    others = "|".join(sorted((other for other in ROLES if other != role), key=len, reverse=True))
    names = re.findall(rf"(?<![\w./-])((?:__)?(?:{others})_\w+)", text)
    # The longest prefix tells whose a name is: app_db_x is that of a role app_db, not of app.
    return {name for name in names if owner(name) != role and not name.startswith(f"{SHARED}_")}


def owner(name: str) -> str | None:
    bare = name.removeprefix("__")
    return next((role for role in sorted(ROLES, key=len, reverse=True) if bare.startswith(f"{role}_")), None)


def code_of(path: Path) -> str:
    """A file without its comments."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    if "templates" in path.parts:
        # What is outside of expressions is the target's own language.
        return "\n".join(re.findall(r"\{\{.*?\}\}|\{%.*?%\}", text, flags=re.DOTALL))
    return re.sub(r"(?m)(^|\s)#.*$", "", text)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_reads_the_variables_of_another(role: str) -> None:
    files = [path for part in READ for path in (ROOT / "roles" / role / part).rglob("*") if path.is_file()]
    none(f"{path.relative_to(ROOT)}: {name}" for path in files for name in sorted(foreign(role, code_of(path))))


def test_the_search_for_foreign_names_finds_them() -> None:
    role, other = "app", "postgres"
    if not {role, other} <= set(ROLES):
        pytest.fail("the roles of this example are gone: choose two others")
    text = "{{ postgres_version + __postgres_x }} {{ aidis_user }} {{ app_x }} {{ x.postgres_y }} {{ d['__aidis_z'] }}"
    assert foreign(role, text) == {"postgres_version", "__postgres_x", "__aidis_z"}
    assert foreign(other, text) == {"app_x", "__aidis_z"}
