# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What watches asks the application what its gate asks, where a single question without a secret will do."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.tests.unit.roles.injection import corpus

READY: dict[str, Any] = {"id": "ready", "kind": "http", "port": 8080, "path": "/status?deep=1"}
LINE: dict[str, Any] = {
    "id": "line", "kind": "tool", "port": 3001, "tool": "greeting", "envelope": "bare", "read_only": True,
}  # fmt: skip
# What cannot be asked in the same way, each by one difference.
NOT_READY: list[dict[str, Any]] = [
    {"kind": "tcp"}, {"port": 8081}, {"host": "192.0.2.1"}, {"tls": True}, {"token": "secret"}, {"headers": {"a": "b"}},
    {"method": "POST"}, {"status": [204]}, {"path": "/a b"}, {"path": "/{tool}"},
]  # fmt: skip
NOT_LINE: list[dict[str, Any]] = [
    {"kind": "list_tools"}, {"port": 3002}, {"host": "192.0.2.1"}, {"tls": True}, {"transport": "http"},
    {"envelope": "tools_call"}, {"arguments": {"n": "{n}"}}, {"read_only": False},
]  # fmt: skip


def path(*probes: dict[str, Any]) -> Any:
    return corpus.evaluate("app", "{{ app_monitoring_ready_path }}", app_health_probes=[*probes])


def line(*probes: dict[str, Any]) -> Any:
    return corpus.evaluate("app", "{{ app_monitoring_mcp_send }}", app_health_probes=[*probes])


def test_by_default_it_is_what_the_role_that_watches_asks_by_itself() -> None:
    for name in ("ready_path", "mcp_send"):
        asked = corpus.evaluate("app", f"{{{{ app_monitoring_{name} }}}}")
        assert asked and asked == corpus.evaluate("monitoring", f"{{{{ monitoring_role_{name} }}}}")


def test_the_first_that_fits_is_taken() -> None:
    later = {**READY, "path": "/later"}, {**LINE, "tool": "later"}
    assert path(LINE, READY, *later) == "/status?deep=1"
    assert line(READY, LINE, *later) == '{"method": "greeting"}'
    assert path({"kind": "http", "port": "8080"}) == "/"


@pytest.mark.parametrize("other", NOT_READY, ids=str)
def test_a_request_of_another_kind_is_not_taken(other: dict[str, Any]) -> None:
    assert path({**READY, **other}) == ""
    assert path({**READY, **other}, READY) == READY["path"]


@pytest.mark.parametrize("other", NOT_LINE, ids=str)
def test_a_call_of_another_kind_is_not_taken(other: dict[str, Any]) -> None:
    assert line({**LINE, **other}) == ""
    assert line({**LINE, **other}, LINE) == '{"method": "greeting"}'


def test_a_name_stays_a_text() -> None:
    assert line({**LINE, "tool": 'a"b'}) == '{"method": "a\\"b"}'


def test_of_no_probes_there_is_nothing_to_ask() -> None:
    assert (path(), line()) == ("", "")
