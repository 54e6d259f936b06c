# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documented examples are accepted by their modules."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.module_utils import host_checks
from ansible_collections.ridgetop.aidis.plugins.modules import host_check, mcp_probe


def examples(module: ModuleType) -> list[dict[str, Any]]:
    name = "ridgetop.aidis." + module.__name__.rpartition(".")[2]
    return [task[name] for task in yaml.safe_load(module.EXAMPLES)]


@pytest.mark.parametrize("args", examples(mcp_probe))
def test_mcp_probe(run_module: Any, args: dict[str, Any]) -> None:
    probes = [{**probe, "port": 1} for probe in args["probes"]]
    result = run_module(mcp_probe, {**args, "probes": probes, "port": 1, "wait": 0, "fail_on_error": False})
    assert not result["failed"], result["msg"]
    ids = [probe["id"] for probe in probes]
    assert [check["id"] for check in result["checks"]] == ["list_tools"] * bool(args.get("list_tools")) + ids


@pytest.mark.parametrize("args", examples(host_check))
def test_host_check(args: dict[str, Any]) -> None:
    assert len(host_checks.read(args["checks"], 10)) == len(args["checks"])
