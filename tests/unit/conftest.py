# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole modules, run as Ansible runs them: arguments in, JSON on standard output, exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

RunModule = Callable[..., dict[str, Any]]


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str]) -> RunModule:
    """Run a module to its real exit and return what it printed; failed=True where it failed."""

    def run(module: ModuleType, args: dict[str, Any], **modes: bool) -> dict[str, Any]:
        capsys.readouterr()
        given = {**args, **{f"_ansible_{name}": value for name, value in modes.items()}}
        with patch_module_args(given), pytest.raises(SystemExit) as stopped:
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert bool(stopped.value.code) == bool(result.get("failed"))
        result.setdefault("failed", False)
        return result

    return run
