# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state that the last run of the timer left, for those who may not look themselves."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.health_base import (
    FAILED,
    OK,
    SKIPPED,
    TITLES,
    UNKNOWN,
    CannotTellError,
    Document,
    Section,
    lasted,
    moment,
)

# A state is some kilobytes; what is much more is none.
MOST = 1 << 20


def recall(path: str) -> Document:
    """Read the state. Raises CannotTellError."""
    try:
        with open(path, encoding="utf-8") as handle:
            state = json.loads(handle.read(MOST))
        moment(state["at"])
        if not all(name in TITLES and _is_section(one) for name, one in state["sections"].items()):
            raise ValueError("a section that is none")
    except FileNotFoundError:
        raise CannotTellError(f"there was no run yet: there is no {path}") from None
    except OSError as error:
        raise CannotTellError(f"{path}: {error.strerror}") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise CannotTellError(f"{path} is no state of a run") from None
    found: Document = state
    return found


def _is_section(told: Any) -> bool:
    return (
        told["status"] in (OK, FAILED, UNKNOWN, SKIPPED)
        and isinstance(told["facts"], dict)
        and all(isinstance(line, str) for line in told["lines"])
    )


def recalled(name: str, reason: str, last: Document | None, now: float, max_age: float) -> Section:
    """The section as the last run found it, where that was at most so many seconds ago; else why it is not known."""
    if last is None:
        return Section(name, UNKNOWN, [reason])
    age = now - moment(last["at"])
    told = last["sections"].get(name)
    if told is None:
        return Section(name, UNKNOWN, [reason, "the last run says nothing of it"])
    if age > max_age:
        return Section(name, UNKNOWN, [reason, f"the last run was {lasted(age)} ago"])
    return Section(name, told["status"], told["lines"], told["facts"], age=age)
