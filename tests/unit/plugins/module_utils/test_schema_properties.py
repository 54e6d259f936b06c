# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any schema: its export verifies clean, and one change of it is one finding that names it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.module_utils import schema_contract
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_compare import compare
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_findings import Finding, object_name
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_fingerprint import fingerprint
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_forms import canonical, sparse
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_kinds import (
    EXTENSION,
    PRIVILEGES,
    SCHEMA,
    TABLE,
    Attribute,
    Document,
    Kind,
    Observed,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_text import identifier
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

set_hypothesis_home_dir(Path(__file__).resolve().parents[4] / ".cache" / "hypothesis")

# No time limits: the machine is shared. No database of examples: a run depends on the code alone. A failure is shown
# as it was found, for making it smaller takes minutes.
quick = settings(
    max_examples=50,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)

HOSTILE = [
    'quote"d',
    "apo'strophe",
    "Ünïcödé 数据",
    "UPPER Case",
    "select",
    "on",
    "a.b",
    "x" * 63,
    "é" * 31,
    " ",
    "(",
    "null",
    "1",
]
# PyYAML changes some control characters of what it writes itself.
CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])
NAMES = st.one_of(
    st.sampled_from(HOSTILE),
    st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True),
    st.text(CHARACTERS, min_size=1, max_size=12),
)
SQL = st.builds(
    "{} {} {}".format,
    NAMES.map(identifier),
    st.sampled_from(["=", "<>", "IS DISTINCT FROM", "||", "COLLATE"]),
    st.sampled_from(["'a''b'::text", "now()", "public.f(desk.g(1))", "(1 + 2)", '"json"', "'\\'::text", "NULL"]),
)
TYPES = st.sampled_from(["text", "timestamptz", "varchar(20)", "public.vector(384)", 'desk."Mood"[]', "numeric(10,2)"])
FORMS: dict[str, st.SearchStrategy[Any]] = {
    "flag": st.booleans(),
    "text": NAMES,
    "source": st.text(CHARACTERS, min_size=1),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "names": st.lists(NAMES, max_size=3),
    "pair": st.lists(NAMES, min_size=2, max_size=2),
    "fields": st.lists(st.builds("{} {}".format, NAMES.map(identifier), TYPES), max_size=3),
    "elements": st.lists(
        st.builds(
            "{}{}{}".format,
            st.one_of(NAMES.map(identifier), st.just("lower(x)")),
            st.sampled_from(["", ' COLLATE "C"', " text_pattern_ops"]),
            st.sampled_from(["", " DESC", " NULLS FIRST", " desc nulls last"]),
        ),
        min_size=1,
        max_size=3,
    ),
    "type": TYPES,
    "expression": SQL,
    "name": SQL,
    "view": SQL.map("SELECT t.a,\n    {0} AS b\n   FROM public.t\n  WHERE {0};".format),
    "version": st.from_regex(r"[1-9]\.\d{1,2}", fullmatch=True),
}


def attribute_values(attribute: Attribute, kind: Kind) -> st.SearchStrategy[Any]:
    if attribute.form == "choice":
        return st.sampled_from(attribute.choices)
    if attribute.form == "access":
        return st.one_of(st.just("owner"), st.lists(st.sampled_from(PRIVILEGES[kind.name]), min_size=1, max_size=3))
    return FORMS[attribute.form]


@st.composite
def things(draw: st.DrawFn, kind: Kind) -> Document:
    """An object as the catalog gives it, in its one form."""
    raw = {}
    for name, attribute in kind.attributes.items():
        if attribute.required or draw(st.booleans()):
            raw[name] = draw(attribute_values(attribute, kind))
    found = sparse(kind, raw)
    for section in kind.sections:
        if draw(st.integers(0, 3)) == 0:
            inner = draw(sections(section))
            if inner:
                found[section.section] = inner
    return found


@st.composite
def sections(draw: st.DrawFn, kind: Kind) -> Document:
    found: Document = draw(st.dictionaries(NAMES, things(kind), max_size=3))
    if not kind.by_definition:
        return found
    # Twins could stand for each other: then one change is rightly told in another way.
    unique: dict[str, str] = {}
    for name, thing in found.items():
        unique.setdefault(json.dumps(kind.definition(thing), sort_keys=True).lower().replace(" ", ""), name)
    return {name: found[name] for name in unique.values()}


@st.composite
def databases(draw: st.DrawFn) -> Observed:
    schemas = draw(sections(SCHEMA))
    for place in places(SCHEMA, schemas):
        # The catalog's rows leave out what goes without saying.
        if place.thing.get("references_schema") == place.path[0]:
            del place.thing["references_schema"]
    extensions = draw(st.dictionaries(NAMES.filter(lambda name: name != "plpgsql"), things(EXTENSION), max_size=2))
    return Observed("d", schemas=schemas, extensions=extensions, role="app", role_exists=True)


def written(observed: Observed) -> Any:
    """The export, through YAML as a file of the controller."""
    exported = schema_contract.exported(observed, None)
    return yaml.safe_load(yaml.safe_dump(exported, allow_unicode=True))


def verified(contract: Any, observed: Observed, **options: Any) -> list[Finding]:
    return compare(schema_contract.read(contract, **options), observed)


@quick
@given(databases())
def test_an_export_verifies_clean_and_is_the_same_again(observed: Observed) -> None:
    contract = written(observed)
    assert verified(contract, observed) == []
    read = schema_contract.read(contract)
    assert (read.schemas, read.extensions) == (observed.schemas, observed.extensions)


@quick
@given(databases(), st.randoms())
def test_order_matters_neither_to_the_export_nor_to_the_fingerprint(observed: Observed, random: Any) -> None:
    def shuffled(document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        keys = list(document)
        random.shuffle(keys)
        return {key: shuffled(document[key]) for key in keys}

    other = Observed("d", schemas=shuffled(observed.schemas), extensions=shuffled(observed.extensions))
    assert json.dumps(schema_contract.exported(observed, None)) == json.dumps(schema_contract.exported(other, None))
    assert fingerprint(other.schemas, other.extensions) == fingerprint(observed.schemas, observed.extensions)


class Place(NamedTuple):
    """An object: its kind, its path, and the mapping that holds it."""

    kind: Kind
    path: tuple[str, ...]
    holder: Document

    @property
    def thing(self) -> Document:
        thing: Document = self.holder[self.path[-1]]
        return thing

    def name(self) -> str:
        return object_name(self.path, self.kind.name)


def places(kind: Kind, holder: Document, path: tuple[str, ...] = ()) -> Iterator[Place]:
    for name, thing in holder.items():
        yield Place(kind, (*path, name), holder)
        for section in kind.sections:
            yield from places(section, thing.get(section.section, {}), (*path, name))


def every(_place: Place) -> bool:
    return True


@st.composite
def changed(
    draw: st.DrawFn, fits: Callable[[Place], bool] = every, needed: Kind | None = None
) -> tuple[Any, Observed, Place]:
    """A contract, a copy of its database, and an object of the copy, chosen to be changed."""
    observed = draw(databases())
    if needed is not None:
        # What would be rare is put in.
        table = draw(things(TABLE))
        table[needed.section] = {"one": draw(things(needed))}
        observed.schemas["needed"] = {"tables": {"one": table}}
    contract = written(observed)
    observed = copy.deepcopy(observed)
    found = [*places(SCHEMA, observed.schemas), *places(EXTENSION, observed.extensions)]
    found = [place for place in found if fits(place)]
    assume(found)
    return contract, observed, draw(st.sampled_from(found))


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, [finding.line() for finding in findings]
    return findings[0]


def mark(findings: list[Finding]) -> tuple[str, str, str]:
    finding = only(findings)
    return finding.kind, finding.object, finding.severity


@quick
@given(changed())
def test_what_is_dropped_is_missing(change: tuple[Any, Observed, Place]) -> None:
    contract, observed, place = change
    before = fingerprint(observed.schemas, observed.extensions)
    del place.holder[place.path[-1]]
    assert mark(verified(contract, observed)) == (place.kind.name, place.name(), "missing")
    assert fingerprint(observed.schemas, observed.extensions) != before


@quick
@given(changed())
def test_what_the_contract_does_not_name_is_extra(change: tuple[Any, Observed, Place]) -> None:
    contract, observed, place = change
    target = schema_contract.read(contract)
    wanted = Observed("d", schemas=target.schemas, extensions=target.extensions)
    contract_place = next(
        found
        for found in [*places(SCHEMA, wanted.schemas), *places(EXTENSION, wanted.extensions)]
        if (found.kind, found.path) == (place.kind, place.path)
    )
    del contract_place.holder[place.path[-1]]
    assert mark(verified(written(wanted), observed)) == (place.kind.name, place.name(), "extra")
    assert verified(written(wanted), observed, partial=True) == []


def by_definition(place: Place) -> bool:
    return place.kind.by_definition


@quick
@given(st.sampled_from(TABLE.sections[1:7]).flatmap(lambda kind: changed(by_definition, kind)))
def test_what_has_another_name_is_renamed(change: tuple[Any, Observed, Place]) -> None:
    contract, observed, place = change
    place.holder["another name"] = place.holder.pop(place.path[-1])
    finding = only(verified(contract, observed))
    assert (finding.kind, finding.object, finding.severity) == (place.kind.name, place.name(), "renamed")
    assert (finding.expected, finding.observed) == (place.path[-1], "another name")


def mutated(attribute: Attribute, value: Any) -> Any:
    """Another value of an attribute than the one it has."""
    if attribute.form == "flag":
        return not value
    if attribute.form == "choice":
        return next(choice for choice in attribute.choices if choice != value)
    if attribute.form == "integer":
        return 7 if value != 7 else 8
    if attribute.form in ("names", "elements"):
        return [*(value or []), "mutant"]
    if attribute.form == "fields":
        return [*(value or []), "mutant text"]
    if attribute.form == "pair":
        return ["mutant", *(value or ["mutant"])[:1]]
    if attribute.form == "version":
        return "0.1"
    if attribute.form == "view":
        return "SELECT mutant"
    return "mutant"


@quick
@given(changed(), st.data())
def test_one_changed_attribute_is_found_and_named(change: tuple[Any, Observed, Place], data: st.DataObject) -> None:
    contract, observed, place = change
    before = fingerprint(observed.schemas, observed.extensions)
    names = [
        name
        for name, attribute in place.kind.attributes.items()
        if attribute.form != "access" and (name in place.thing or not attribute.optional)
    ]
    assume(names)
    name = data.draw(st.sampled_from(names))
    attribute = place.kind.attributes[name]
    old = place.thing.get(name, attribute.default)
    new = canonical(attribute, place.kind.name, mutated(attribute, old))
    place.thing.pop(name, None)
    if new != attribute.default:
        place.thing[name] = new
    finding = only(verified(contract, observed))
    severity = "invalid" if attribute.state and old is True else "different"
    assert (finding.kind, finding.object) == (place.kind.name, place.name())
    assert (finding.attribute, finding.severity, finding.status) == (name, severity, "fail")
    if name != "min_version":
        assert fingerprint(observed.schemas, observed.extensions) != before


def with_privileges(place: Place) -> bool:
    return place.thing.get("access") not in (None, "owner")


@quick
@given(changed(with_privileges), st.data())
def test_a_changed_privilege_is_found_and_counts_not_in_the_fingerprint(
    change: tuple[Any, Observed, Place], data: st.DataObject
) -> None:
    contract, observed, place = change
    before = fingerprint(observed.schemas, observed.extensions)
    held = place.thing["access"]
    lost = data.draw(st.sampled_from(held))
    place.thing["access"] = [privilege for privilege in held if privilege != lost]
    finding = only(verified(contract, observed))
    assert (finding.kind, finding.object, finding.severity) == ("privilege", place.name(), "missing")
    assert lost.upper() in finding.hint
    assert fingerprint(observed.schemas, observed.extensions) == before


@quick
@given(databases(), st.data())
def test_any_part_of_an_export_is_a_partial_contract(observed: Observed, data: st.DataObject) -> None:
    def part(kind: Kind, holder: Document) -> Document:
        found = {}
        for name, thing in holder.items():
            if not data.draw(st.booleans()):
                continue
            kept = {one: value for one, value in thing.items() if one in kind.attributes and data.draw(st.booleans())}
            for section in kind.sections:
                kept[section.section] = part(section, thing.get(section.section, {}))
            found[name] = kept
        return found

    contract = {"schemas": part(SCHEMA, observed.schemas), "extensions": part(EXTENSION, observed.extensions)}
    findings = verified(contract, observed, partial=True)
    assert [finding.line() for finding in findings if finding.severity != "renamed"] == []


@pytest.mark.parametrize("kind", [kind for kind in TABLE.sections if kind.by_definition], ids=lambda kind: kind.name)
def test_definitions_leave_out_whether_a_thing_works(kind: Kind) -> None:
    states = {name for name, attribute in kind.attributes.items() if attribute.state}
    assert states
    assert not states & set(kind.definition(dict.fromkeys(kind.attributes, "x")))
