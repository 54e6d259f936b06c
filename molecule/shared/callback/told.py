# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps what the task `diagnosis` returned, for the tests: people read the text."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: told
type: aggregate
short_description: Keep what the task diagnosis returned
description: Writes it as JSON to the file that the environment names.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Listens to one task."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "told"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        """Write the result."""
        found = result.result if hasattr(result, "result") else result._result
        if result.task.action.endswith("diagnosis"):
            with open(os.environ["TOLD"], "w", encoding="utf-8") as file:
                json.dump({"hosts": found["hosts"], "bundle": found["bundle"]}, file, default=str)
