# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the values of a contract's attributes are written, each in its one form."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import schema_text, versions
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_kinds import (
    OWNER,
    PRIVILEGES,
    Attribute,
    Kind,
)


def shown(value: Any) -> str:
    """A value as JSON, for people."""
    return json.dumps(value, ensure_ascii=False)


def wrong(wanted: str, value: Any) -> ValueError:
    """What was wanted and what was written."""
    quote = ""
    if isinstance(value, (bool, int, float)):
        quote = ": put it in quotes" if "text" in wanted else ""
    text = shown(value)
    return ValueError(f"must be {wanted}, not {text if len(text) <= 60 else text[:57] + '...'}{quote}")


def text(value: Any) -> str:
    """Text that is not empty and that PostgreSQL can hold."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise wrong("text", value)
    return value


def flag(value: Any) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise wrong("true or false", value)
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong("a whole number", value)
    return value


def _sql(value: Any) -> str:
    """SQL; numbers and booleans of YAML are the same in SQL."""
    return json.dumps(value) if isinstance(value, (bool, int)) else text(value)


def names(value: Any) -> list[str]:
    """A list of texts."""
    if not isinstance(value, list):
        raise wrong("a list of texts", value)
    return [text(item) for item in value]


def _pair(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) != 2:
        raise wrong("a list of a table and a column", value)
    return names(value)


def _version(value: Any) -> str:
    written = str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)
    versions.parse(written)
    return written


_FORMS: dict[str, Callable[[Any], Any]] = {
    "text": text,
    "source": text,
    "flag": flag,
    "integer": _integer,
    "names": names,
    "pair": _pair,
    "version": _version,
    "type": lambda value: schema_text.type_name(text(value)),
    "name": lambda value: schema_text.name(_sql(value)),
    "expression": lambda value: schema_text.expression(_sql(value)),
    "view": lambda value: schema_text.view(text(value)),
    "elements": lambda value: [schema_text.element(item) for item in names(value)],
    "fields": lambda value: [schema_text.name(item) for item in names(value)],
}


def canonical(attribute: Attribute, kind: str, value: Any) -> Any:
    """A value in its one form; nothing stands for the default. Raises ValueError."""
    if value is None:
        return attribute.default
    if attribute.form == "choice":
        return choice(value, attribute.choices)
    if attribute.form == "access":
        return access(value, kind)
    return _FORMS[attribute.form](value)


def choice(value: Any, choices: tuple[str, ...]) -> str:
    """One of several words."""
    found = value.lower() if isinstance(value, str) else value
    if found not in choices:
        raise wrong(f"one of {', '.join(choices)}", value)
    return str(found)


def access(value: Any, kind: str) -> str | list[str]:
    """What the application's role may do: ``owner``, or a list of privileges."""
    if value == OWNER:
        return OWNER
    if not isinstance(value, list):
        raise wrong(f"{OWNER} or a list of privileges", value)
    return sorted({choice(item, PRIVILEGES[kind]) for item in value})


def sparse(kind: Kind, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a live object in their one form, without those that have their default."""
    found = {}
    for name, value in attributes.items():
        attribute = kind.attributes[name]
        one = canonical(attribute, kind.name, value)
        if one != attribute.default:
            found[name] = one
    return found
