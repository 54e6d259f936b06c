# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values by path, templates, and answers that say no."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import answers
from ansible_collections.ridgetop.aidis.plugins.module_utils.answers import MISSING, AnswerError

DOCUMENT = {"a": {"b.c": [1, {"d": None}]}, "a.b": 5, "list": [[7]]}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b.c.0", 1),
        ("a.b.c.1.d", None),
        ("a.b", 5),
        ("list.0.0", 7),
        ("list.1", MISSING),
        ("list.-1", MISSING),
        ("a.x", MISSING),
        ("a.b.c.0.x", MISSING),
        ("", DOCUMENT),
    ],
)
def test_look_up(path: str, value: Any) -> None:
    assert answers.look_up(DOCUMENT, path) is value or answers.look_up(DOCUMENT, path) == value


def test_find_looks_into_structured_content_and_json_texts() -> None:
    result = {
        "content": [{"type": "text", "text": "not json"}, {"type": "text", "text": '{"id": 1, "x": 2}'}],
        "structuredContent": {"id": 3},
    }
    assert answers.find(result, "id") == 3
    assert answers.find(result, "x") == 2
    assert answers.find(result, "content.0.text") == "not json"
    assert answers.find(result, "y") is MISSING
    assert answers.find("text", "y") is MISSING


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (True, 1, False),
        (1, 1.0, True),
        ({"a": [True]}, {"a": [True]}, True),
        ({"a": [True]}, {"a": [1]}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1], [1, 2], False),
        (None, None, True),
        ("1", 1, False),
    ],
)
def test_same(one: Any, other: Any, equal: bool) -> None:
    assert answers.same(one, other) is equal


def test_fill() -> None:
    values = {"n": 3, "arguments": {"x": [1]}, "uuid": "u"}
    template = {"k{n}": ["{n}", "number {n} {uuid}", "{arguments}", "{Not} {{n}}", 7, None]}
    filled = {"k3": [3, "number 3 u", {"x": [1]}, "{Not} {3}", 7, None]}
    assert answers.fill(template, values) == filled
    assert answers.placeholders(template) == {"n", "uuid", "arguments"}
    with pytest.raises(KeyError):
        answers.fill("{other}", values)


@pytest.mark.parametrize("pattern", ["x(a)?", "y"])
def test_capture_of_what_does_not_match(pattern: str) -> None:
    with pytest.raises(AnswerError, match="nothing matches"):
        answers.capture({"v": "x"}, {"name": {"path": "v", "regex": pattern}})


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ({"error": "no"}, "an error: no"),
        ({"error": {"code": 5, "message": "m"}}, "an error: 5 m"),
        ({"error": {"odd": 1}}, 'an error: {"odd": 1}'),
        ({"success": False}, "success: false"),
        ({"isError": True}, "isError"),
        ({"result": {"isError": True, "content": [{"text": "bad"}]}}, "isError: bad"),
    ],
)
def test_plain_answers_that_say_no(body: Any, seen: str) -> None:
    with pytest.raises(AnswerError, match=seen):
        answers.plain_result(body)


@pytest.mark.parametrize(("body", "result"), [({"a": 1}, {"a": 1}), ({"result": 2}, 2), ([1], [1])])
def test_plain_answers(body: Any, result: Any) -> None:
    assert answers.plain_result(body) == result
