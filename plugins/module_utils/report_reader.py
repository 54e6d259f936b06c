# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of which nothing is known, read one by one: each has its type, and an error names where it stands."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias, TypeVar

from ansible_collections.ridgetop.aidis.plugins.module_utils import report_clean

# In words, since a checker of Ansible takes them for additions otherwise.
Number: TypeAlias = "int | float"
Scalar: TypeAlias = "str | int | float | bool"
Part = TypeVar("Part")

# Beyond this a number is none that anything here measures or counts, and JSON's readers differ.
LARGEST = 10**15


class Reader:
    """Takes values out of a mapping. Every method raises ValueError, which names the place, where it cannot."""

    def __init__(self, value: Any, where: str) -> None:
        """``where`` is the place of the mapping, such as ``db1.checks[3]``."""
        if not isinstance(value, Mapping):
            raise wrong(where, "a mapping", value)
        self.where = where
        self._values = {report_clean.line(str(key)): part for key, part in value.items()}

    def names(self) -> list[str]:
        """Return the keys."""
        return list(self._values)

    def only(self, names: Collection[str]) -> Reader:
        """Return itself where no key has another name, which would be a misspelt one."""
        for name in self._values:
            if name not in names:
                raise ValueError(f"{self.where}: there is no key {name}; there are {', '.join(sorted(names))}")
        return self

    def line(self, key: str, default: str | None = None) -> str:
        """Return a text of one line. Without a default it has to be there."""
        return report_clean.line(self._text(key, default))

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text of any number of lines. Without a default it has to be there."""
        return report_clean.text(self._text(key, default))

    def choice(self, key: str, choices: Collection[str]) -> str:
        """Return one of these words."""
        value = self._text(key, None)
        if value not in choices:
            raise wrong(f"{self.where}.{key}", f"one of {', '.join(choices)}", value)
        return value

    def number(self, key: str) -> Number:
        """Return a number that is not negative."""
        return number(self._values.get(key), f"{self.where}.{key}")

    def numbers(self) -> dict[str, Number | None]:
        """Return all values as numbers; None is one that is not known."""
        return {
            name: None if value is None else number(value, f"{self.where}.{name}")
            for name, value in self._values.items()
        }

    def scalars(self) -> dict[str, Scalar]:
        """Return all values that are not null, a text as one line."""
        found = {name: scalar(value, f"{self.where}.{name}") for name, value in self._values.items()}
        return {
            name: report_clean.line(value) if isinstance(value, str) else value
            for name, value in found.items()
            if value is not None
        }

    def inner(self, key: str) -> Reader:
        """Return the reader of a mapping that is empty where it is missing."""
        value = self._values.get(key)
        return Reader({} if value is None else value, f"{self.where}.{key}")

    def each(self, key: str, make: Callable[[Any, str], Part]) -> list[Part]:
        """Return the elements of a list that is empty where it is missing; ``make`` takes a value and its place."""
        value = self._values.get(key)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise wrong(f"{self.where}.{key}", "a list", value)
        return [make(part, f"{self.where}.{key}[{index}]") for index, part in enumerate(value)]

    def _text(self, key: str, default: str | None) -> str:
        # YAML makes numbers and booleans of texts that look like them.
        value = scalar(self._values.get(key), f"{self.where}.{key}")
        if value is None:
            value = default
        if value is None:
            raise wrong(f"{self.where}.{key}", "a text", None)
        return str(value)


def scalar(value: Any, where: str) -> Scalar | None:
    """Return a value that is no collection. Raises ValueError."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | float) and abs(value) <= LARGEST:
        return _plain(value)
    raise wrong(where, "a text", value)


def number(value: Any, where: str) -> Number:
    """Return a number that is not negative. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LARGEST:
        raise wrong(where, "a number that is not negative", value)
    return _plain(value)


def _plain(value: Number) -> Number:
    # Ansible's own classes of numbers carry where they come from, and JSON has no need of that.
    return int(value) if isinstance(value, int) else float(value)


def wrong(where: str, wanted: str, value: Any) -> ValueError:
    """Return the error of a value that is not what is wanted."""
    kind = "nothing" if value is None else f"a value of type {type(value).__name__.removeprefix('_AnsibleTagged')}"
    if isinstance(value, str):
        kind = f"'{report_clean.line(value, 60)}'"
    elif isinstance(value, float) and not math.isfinite(value):
        kind = str(float(value))
    return ValueError(f"{report_clean.line(where)}: {wanted} is expected, not {kind}")
