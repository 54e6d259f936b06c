# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a kind of requirement is, and how its parameters are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import Host


class ParameterError(Exception):
    """A requirement that makes no sense as it is written."""


class Kind:
    """One kind of requirement. A subclass says what it takes, expects and sees."""

    name: ClassVar[str]
    category: ClassVar[str]
    required: ClassVar[tuple[str, ...]] = ()
    optional: ClassVar[tuple[str, ...]] = ()
    one_of: ClassVar[tuple[str, ...]] = ()

    def __init__(self, params: Mapping[str, Any], seconds: float) -> None:
        """Take converted parameters, None where not given, and a time limit.

        Raises ParameterError.
        """
        self.params = params
        self.seconds = seconds
        self.prepare()

    def prepare(self) -> None:
        """Look at the parameters. Raises ParameterError."""

    def title(self) -> str:
        """What the requirement is about, for people."""
        raise NotImplementedError

    def expected(self) -> str:
        """What is required, for people."""
        raise NotImplementedError

    def look(self, host: Host) -> tuple[bool, str]:
        """Whether the requirement is met, and what was seen.

        Raises CannotCheckError when the host offers no way to tell, TooSlowError.
        """
        raise NotImplementedError


def joined(parts: list[str]) -> str:
    """Parts of a sentence, those that are not empty."""
    return ", ".join(part for part in parts if part)


def pattern(text: str) -> re.Pattern[str]:
    """Compile a regular expression. Raises ParameterError."""
    try:
        return re.compile(text)
    except re.error as error:
        raise ParameterError(f"'{text}' is not a regular expression: {error}") from None


def port_number(value: int) -> int:
    """A port. Raises ParameterError outside 1 to 65535."""
    if not 0 < value < 65536:
        raise ParameterError("port must be between 1 and 65535")
    return value
