# Copyright (c) Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of an inventory's variables against the argument specs of roles, in the common check shape."""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible_collections.ridgetop.aidis.plugins.module_utils import variable_rules

Check = dict[str, t.Any]

# Texts that manuals put where a secret has to stand; matched in the whole value, in any case.
PLACEHOLDERS = re.compile(
    r"(your|my)[ _-]?(\w+[ _-])*(password|secret|key|token|id)(_?here)?"
    r"|(change|replace)[ _-]?(me|this|it)|<[^>]*>|todo|fixme|xxx+|example|placeholder"
    r"|(secret|password|passwort|admin|postgres|ridgetop|aidis|test|default|letmein|qwerty)\d*",
    re.IGNORECASE,
)


def check(name: str, expected: str, observed: str, hint: str, severity: str = "critical") -> Check:
    """Return a failed check of one variable."""
    return {
        "id": f"variable.{name}",
        "title": f"Variable {name}",
        "category": "variables",
        "severity": severity,
        "status": "fail" if severity == "critical" else "warn",
        "expected": expected,
        "observed": observed,
        "hint": hint,
    }


def weakness(secret: str, least: int) -> str | None:
    """Return why a secret must not be used, without quoting it, or None.

    ``least`` is the number of characters asked for.
    """
    if PLACEHOLDERS.fullmatch(secret.strip()):
        return "a placeholder of a manual"
    if len(secret) < least:
        return f"{len(secret)} characters"
    if len(set(secret)) < 6:
        return f"only {len(set(secret))} different characters"
    return None


def values(
    name: str,
    option: t.Mapping[str, t.Any],
    rule: variable_rules.Rule | None,
    value: t.Any,
    hosts: t.Collection[str],
) -> t.Iterator[Check]:
    """Yield the failures of texts in a value that are not of the kind that its rule asks for.

    ``option`` is the variable's in its argument spec: of one that is ``no_log`` nothing is quoted. ``hosts`` are the
    names of the inventory.
    """
    hidden = bool(option.get("no_log"))
    if variable_rules.holds_nul(value):
        yield check(name, "no NUL in it", "a NUL", f"Take the NUL out of {name}: nothing on a host can hold it.")
        return
    if rule is None and option.get("type") in ("int", "float"):
        rule = "number"
    for fault in variable_rules.faults(name, rule, value, hosts) if rule else ():
        hint = f"Mend {fault.path} in the inventory."
        if "environment" in name and fault.of_a_name:
            hint = f"{hint} systemd leaves such a variable out."
        # The name of an environment variable is no secret, and what is to be mended.
        quoted = not hidden or fault.of_a_name
        yield check(name, fault.allowed, variable_rules.shown(fault.found) if quoted else "something else", hint)


def unknown(given: t.Iterable[str], known: t.Collection[str], prefixes: t.Collection[str]) -> t.Iterator[Check]:
    """Yield a warning for every variable that has the prefix of a role and stands so near to one of its options
    that it is most likely meant to be it."""
    for name in sorted(set(given) - set(known)):
        if not name.startswith(tuple(f"{prefix}_" for prefix in prefixes)):
            continue
        near = difflib.get_close_matches(name, known, 1, 0.85)
        if near:
            yield check(
                name,
                "the name of an option",
                "no role knows it",
                f"Did you mean {near[0]}? A misspelt variable is silently without effect.",
                "warning",
            )


def missing(name: str, given: t.Iterable[str]) -> Check:
    """Return the failure of a required variable that has no value, with the misspelling of it where there is one."""
    near = difflib.get_close_matches(name, sorted(set(given)), 1, 0.75)
    meant = f" The inventory has {near[0]}, which may be a misspelling of it." if near else ""
    return check(name, "a value", "not set", f"Set {name} in the inventory.{meant}")


def secret(name: str, value: t.Any, least: int) -> Check | None:
    """Return the failure of a secret that is weak, or None."""
    why = weakness(str(value), least)
    if why is None:
        return None
    return check(
        name,
        f"a secret of at least {least} characters",
        why,
        f"Put a random value into the vault: openssl rand -base64 {max(24, least)}",
    )
