# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of a report, run as Ansible runs it, at a time that the test chooses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible_collections.ridgetop.aidis.plugins.action import report as action
from ansible_collections.ridgetop.aidis.tests.unit.plugins.action.report_samples import HOSTS

NOW = datetime(2026, 11, 26, 1, 30, tzinfo=UTC)
Result = dict[str, Any]
Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the action into a directory of the test; return its result."""

    def run(hosts: Any = HOSTS, when: datetime = NOW, check_mode: bool = False, **options: Any) -> Result:
        monkeypatch.setattr(action, "now", lambda: when)
        given = {"dest": str(tmp_path / "reports"), "inventory": "prod", "hosts": hosts, **options}
        task = mock.MagicMock(args=given, async_val=0, check_mode=check_mode)
        plugin = action.ActionModule(task, mock.MagicMock(), mock.MagicMock(), None, None, None)
        result: Result = plugin.run(task_vars={})
        assert not result.get("failed")
        return result

    return run
