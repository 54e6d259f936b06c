# Copyright (c) Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action of ridgetop.aidis.check_variables: the options are documented with the module of this name."""

from __future__ import annotations

import glob
import os
import typing as t

import yaml
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template
from ansible_collections.ridgetop.aidis.plugins.module_utils import variable_rules, variables

ROLES = os.path.join(os.path.dirname(__file__), "..", "..", "roles")
Spec = dict[str, dict[str, t.Any]]


def spec_of(role: str) -> Spec:
    """Return the options of a role's main entry point. Raises AnsibleError where there is no such role."""
    path = os.path.join(ROLES, role, "meta", "argument_specs.yml")
    try:
        with open(path, encoding="utf-8") as handle:
            return dict(yaml.safe_load(handle)["argument_specs"]["main"].get("options", {}))
    except OSError as error:
        raise AnsibleError(f"{role} is no role of this collection: {error}") from error


def _known_to_any(strange: list[variables.Check]) -> set[str]:
    """Return the options of all roles, where there is anything to look up in them."""
    paths = glob.glob(os.path.join(ROLES, "*", "meta", "argument_specs.yml")) if strange else []
    return {name for path in paths for name in spec_of(os.path.basename(os.path.dirname(os.path.dirname(path))))}


def rules_of(role: str) -> dict[str, variable_rules.Rule]:
    """Return of which kinds the values of a role's variables are; a role may say nothing of it."""
    path = os.path.join(ROLES, role, "meta", "values.yml")
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as handle:
        return dict(yaml.safe_load(handle))


def trusted(value: t.Any) -> t.Any:
    """Return a default of a spec as one of a role's defaults/main.yml: its strings may be templates."""
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {key: trusted(part) for key, part in value.items()}
    if isinstance(value, list):
        return [trusted(part) for part in value]
    return value


class ActionModule(ActionBase):
    """Compare the variables with the specs, one by one."""

    _requires_connection = False
    _VALID_ARGS = frozenset(("roles", "secrets", "secret_length"))

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the checks that failed; the task itself does not."""
        super().run(tmp, task_vars)
        _result, arguments = self.validate_argument_spec(
            argument_spec={
                "roles": {"type": "list", "elements": "str", "required": True},
                "secrets": {"type": "list", "elements": "str", "default": []},
                "secret_length": {"type": "int", "default": 12},
            },
        )
        given = dict(task_vars or {})
        spec: Spec = {}
        self._rules: dict[str, variable_rules.Rule] = {}
        for role in arguments["roles"]:
            spec.update(spec_of(role))
            self._rules.update(rules_of(role))
        self._hosts = given.get("groups", {}).get("all", [])
        # Roles that come later in the playbook have not brought their defaults yet.
        defaults = {name: trusted(option["default"]) for name, option in spec.items() if "default" in option}
        self._templar.available_variables = {**defaults, **given}
        checks: list[variables.Check] = []
        for name, option in spec.items():
            checks.extend(self._look(name, option, given, arguments))
        prefixes = arguments["roles"]
        strange = list(variables.unknown((n for n in given if isinstance(n, str)), spec, prefixes))
        # On a host that only watches, say, some are known to roles that it does not need.
        elsewhere = _known_to_any(strange)
        checks.extend(one for one in strange if one["id"].removeprefix("variable.") not in elsewhere)
        requirements: list[t.Any] = []
        for name in (f"{role}_requirements" for role in arguments["roles"]):
            if name not in spec:
                continue
            try:
                requirements.extend(self._templar.template(self._templar.available_variables[name]))
            except AnsibleError as error:
                hint = "Mend the variables that it is made of."
                checks.append(variables.check(name, "a list", f"cannot be templated: {error}", hint))
        return {"changed": False, "checks": checks, "requirements": requirements}

    def _look(
        self, name: str, option: dict[str, t.Any], given: dict[str, t.Any], arguments: dict[str, t.Any]
    ) -> t.Iterator[variables.Check]:
        """Yield what is wrong with one option."""
        hidden = bool(option.get("no_log"))
        if name not in given:
            if option.get("required"):
                yield variables.missing(name, given)
            elif name in self._rules and "default" in option:
                yield from self._look_at_default(name, hidden)
            return
        try:
            value = self._templar.template(given[name])
        except AnsibleError as error:
            # The text names variables; a secret's value cannot stand in it, since it could not be made.
            yield variables.check(
                name, "a value", f"cannot be templated: {error}", "Set what it refers to in the inventory."
            )
            return
        if option.get("required") and value in (None, ""):
            yield variables.missing(name, set(given) - {name})
            return
        faults = ArgumentSpecValidator({name: {**option, "required": False, "no_log": False}}).validate({name: value})
        for fault in faults.error_messages:
            yield variables.check(
                name,
                str(option.get("type")),
                "a value of another kind" if hidden else fault,
                str(_first(option.get("description"))),
            )
        yield from variables.values(name, option, self._rules.get(name), value, self._hosts)
        if hidden or name in arguments["secrets"]:
            parts = {f"{name}.{key}": part for key, part in value.items()} if isinstance(value, dict) else {name: value}
            for part_name, part in parts.items():
                failed = variables.secret(part_name, part, arguments["secret_length"]) if part else None
                if failed:
                    yield failed

    def _look_at_default(self, name: str, hidden: bool) -> t.Iterator[variables.Check]:
        """Yield what is wrong with a value that follows from others, facts and the inventory's hosts among them."""
        try:
            value = self._templar.template(self._templar.available_variables[name])
        except AnsibleError:
            return  # It is made of what only its role knows, or of what is told by itself.
        yield from variables.values(name, {"no_log": hidden}, self._rules[name], value, self._hosts)


def _first(description: t.Any) -> t.Any:
    """Return the first sentence of a description, which may be a list."""
    return description[0] if isinstance(description, list) and description else description or ""
