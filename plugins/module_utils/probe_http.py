# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTTP request of a probe, and what its answer must be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.answers import (
    MISSING,
    AnswerError,
    look_up,
    same,
    shown,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.mcp import Settings
from ansible_collections.ridgetop.aidis.plugins.module_utils.net import (
    Deadline,
    HttpConnection,
    excerpt,
)


def http_answer(
    connection: HttpConnection,
    settings: Settings,
    method: str,
    body: Any,
    statuses: tuple[int, ...],
    values: Mapping[str, Any],
    deadline: Deadline,
) -> None:
    """Send a request and hold its answer against a status and JSON values.

    Raises NetError when there is no whole answer, AnswerError when it is not the expected one.
    """
    headers = settings.http_headers()
    sent = body.encode() if isinstance(body, str) else None
    if body is not None and sent is None:
        sent = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **headers}
    response = connection.request(method, settings.path, headers, sent, deadline)
    received = connection.read(response)
    if response.status not in statuses:
        seen = f"HTTP {response.status} {excerpt(received) or excerpt(response.reason)}".strip()
        raise AnswerError(seen)
    if values:
        _compare(received, values)


def _compare(received: bytes, values: Mapping[str, Any]) -> None:
    try:
        document = json.loads(received)
    except (ValueError, RecursionError):
        raise AnswerError(f"the body is not JSON: {excerpt(received) or 'empty'}") from None
    for path, value in values.items():
        observed = look_up(document, path)
        if observed is MISSING:
            raise AnswerError(f"nothing at '{path}' in {shown(document)}")
        if not same(value, observed):
            raise AnswerError(f"'{path}' is {shown(observed)}, expected {shown(value)}")
