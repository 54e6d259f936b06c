# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages name exists: variables, targets of make, playbooks, roles, modules, files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.module_utils import backup_metrics, health_metrics

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path.parents[1].name for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.rst")),
    *sorted((ROOT / "roles").glob("*/README.md")),
]
GROUPS = {"aidis_db", "aidis_app", "aidis_build", "aidis_monitor"}
# Parts of other names: the database, a directory, entry points of the design.
OTHERS = {
    *("aidis_production", "lock_take", "lock_release"),
    # Facts that a role leaves for the playbook.
    *("app_backup_wanted", "app_migrations_pending", "backup_failure", "backup_plan", "backup_swapped", "backup_taken"),
}
NAME = re.compile(rf"(?<![\w./-])((?:{'|'.join(ROLES)})_[a-z_]+)\b(?!\.html|\.rst|\.prom|_module)")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def options() -> set[str]:
    names: set[str] = set()
    for role in ROLES:
        specs = yaml.safe_load(text_of(ROOT / "roles" / role / "meta" / "argument_specs.yml"))
        names |= specs["argument_specs"]["main"].get("options", {}).keys()
    return names


def exported() -> set[str]:
    """What the roles hand to others, beside their options."""
    files = (ROOT / "roles").glob("*/vars/**/*.yml")
    return {name for file in files for name in yaml.safe_load(text_of(file)) or {} if not name.startswith("_")}


def metrics() -> set[str]:
    """What the programs write for the node exporter, and what the database is asked for."""
    queries = yaml.safe_load(text_of(ROOT / "roles" / "health" / "defaults" / "main.yml"))["health_queries"]
    return health_metrics.HELP.keys() | backup_metrics.HELP.keys() | {query["metric"] for query in queries}


def watched() -> set[str]:
    """The jobs of Prometheus, and the series that they bring."""
    series: dict[str, dict[str, str]] = yaml.safe_load(text_of(ROOT / "molecule" / "shared" / "series.yml"))
    return set(series).union(*series.values())


def tags_of(tasks: Any) -> Iterator[str]:
    for task in tasks or []:
        tags = task.get("tags", [])
        yield from [tags] if isinstance(tags, str) else tags


def tags() -> set[str]:
    files = (ROOT / "roles").glob("*/tasks/*.yml")
    return {tag for file in files for tag in tags_of(yaml.safe_load(text_of(file)))}


def targets() -> set[str]:
    return set(re.findall(r"(?m)^([a-z][a-z-]*):", text_of(ROOT / "Makefile")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_exist(page: Path) -> None:
    text = text_of(page)
    unknown = set(NAME.findall(text)) - options() - exported() - tags() - metrics() - watched() - GROUPS - OTHERS
    unknown |= {f"make {name}" for name in re.findall(r"(?m)(?:^ +|`)make ([a-z][a-z-]+)", text)} - {
        f"make {name}" for name in targets()
    }
    for name in re.findall(r"ridgetop\.aidis\.([a-z_]+)", text):
        places = (f"roles/{name}", f"playbooks/{name}.yml", f"plugins/modules/{name.removesuffix('_module')}.py")
        if name != "docsite" and not any((ROOT / place).exists() for place in places):
            unknown.add(f"ridgetop.aidis.{name}")
    files = re.findall(r"\]\(([^)#:]+)\)", text) if page.suffix == ".md" else []
    unknown |= {file for file in files if not (page.parent / file).exists()}
    unknown |= {
        file
        for file in re.findall(r"(?:playbooks|inventories|molecule|tests)/[\w./-]*\w", text)
        if not (ROOT / file).exists()
    }
    assert sorted(unknown) == []


def examples(page: Path) -> Iterator[str]:
    """The YAML in a page."""
    text = text_of(page)
    yield from re.findall(r"(?ms)^```yaml\n(.*?)^```", text)
    for block in re.findall(r"(?m)^\.\. code-block:: yaml\n\n((?:   .*\n|\n)+)", text):
        yield re.sub(r"(?m)^   ", "", block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_are_yaml(page: Path) -> None:
    for example in examples(page):
        assert yaml.safe_load(example), example


def test_every_example_of_releases_sets_known_variables() -> None:
    page = ROOT / "docs" / "docsite" / "rst" / "releases_that_differ.rst"
    found = list(examples(page))
    assert len(found) > 10, "the examples were not found: this test would pass on nothing"
    assert {name for example in found for name in yaml.safe_load(example)} - options() == set()


def test_every_role_is_linked_from_the_readme() -> None:
    text = text_of(ROOT / "README.md")
    assert [role for role in ROLES if f"(roles/{role}/README.md)" not in text] == []
