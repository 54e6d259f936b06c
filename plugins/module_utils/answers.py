# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values by path in JSON answers, templates in requests, and what makes a tool's answer bad."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.net import excerpt

MISSING = object()
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


class AnswerError(Exception):
    """The server answered, and the answer says no or is not what was expected."""


def look_up(document: Any, path: str) -> Any:
    """The value at a dotted path (``content.0.text``), or MISSING. A name may itself hold dots."""
    if path == "":
        return document
    if isinstance(document, Mapping):
        for name in sorted(document, key=len, reverse=True):
            if path == name:
                return document[name]
            if path.startswith(f"{name}."):
                found = look_up(document[name], path[len(name) + 1 :])
                if found is not MISSING:
                    return found
        return MISSING
    head, _dot, rest = path.partition(".")
    if isinstance(document, list) and head.isdigit() and int(head) < len(document):
        return look_up(document[int(head)], rest)
    return MISSING


def views(result: Any) -> Iterator[Any]:
    """A tool's result, then its structured content, then each text content that holds JSON."""
    yield result
    if not isinstance(result, Mapping):
        return
    if "structuredContent" in result:
        yield result["structuredContent"]
    content = result.get("content")
    for item in content if isinstance(content, list) else []:
        if isinstance(item, Mapping) and isinstance(item.get("text"), str):
            try:
                yield json.loads(item["text"])
            except (ValueError, RecursionError):
                continue


def find(result: Any, path: str) -> Any:
    """The first value at ``path`` in the views of a tool's result, or MISSING."""
    for view in views(result):
        value = look_up(view, path)
        if value is not MISSING:
            return value
    return MISSING


def same(expected: Any, observed: Any) -> bool:
    """Equality of JSON values, in which true is not 1."""
    if isinstance(expected, bool) or isinstance(observed, bool):
        return expected is observed
    if isinstance(expected, Mapping) and isinstance(observed, Mapping):
        return set(expected) == set(observed) and all(same(value, observed[name]) for name, value in expected.items())
    if isinstance(expected, list) and isinstance(observed, list):
        return len(expected) == len(observed) and all(map(same, expected, observed))
    return bool(expected == observed)


def expect(result: Any, expected: Mapping[str, Any], patterns: Mapping[str, str]) -> None:
    """Hold the values at paths against expected ones and regular expressions.

    Raises AnswerError for the first that differs.
    """
    for path, value in expected.items():
        observed = find(result, path)
        if observed is MISSING:
            raise AnswerError(f"nothing at '{path}' in {shown(result)}")
        if not same(value, observed):
            raise AnswerError(f"'{path}' is {shown(observed)}, expected {shown(value)}")
    for path, pattern in patterns.items():
        observed = find(result, path)
        if observed is MISSING or not re.search(pattern, text_of(observed)):
            seen = "absent" if observed is MISSING else shown(observed)
            raise AnswerError(f"'{path}' is {seen}, expected to match {pattern}")


def capture(result: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Take values out of a result: name -> path, or name -> {path, regex with one group}.

    Raises AnswerError when one is not there.
    """
    taken = {}
    for name, source in wanted.items():
        path, pattern = (source, None) if isinstance(source, str) else _path_and_regex(source)
        value = find(result, path)
        if value is MISSING:
            raise AnswerError(f"nothing at '{path}' to capture as {name} in {shown(result)}")
        if pattern is not None:
            match = re.search(pattern, text_of(value))
            # A group that is optional may have taken no part.
            if match is None or match.group(1 if match.re.groups else 0) is None:
                raise AnswerError(f"'{path}' is {shown(value)}, nothing matches {pattern}")
            value = match.group(1 if match.re.groups else 0)
        taken[name] = value
    return taken


def _path_and_regex(source: Mapping[str, Any]) -> tuple[str, str | None]:
    return str(source["path"]), source.get("regex")


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """Fill ``{name}`` in all strings of a structure; a string that is one name keeps its type.

    Raises KeyError for a name that is not among the values.
    """
    if isinstance(template, str):
        whole = _PLACEHOLDER.fullmatch(template)
        if whole:
            return values[whole.group(1)]
        return _PLACEHOLDER.sub(lambda match: text_of(values[match.group(1)]), template)
    if isinstance(template, Mapping):
        return {fill(name, values): fill(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [fill(value, values) for value in template]
    return template


def fill_known(template: Any, values: Mapping[str, Any], quote: Callable[[str], str] = str) -> Any:
    """Fill the names that are among the values and leave all others as they stand, since what is expected may hold
    braces of its own. What is put into a longer text is quoted."""
    if isinstance(template, str):
        whole = _PLACEHOLDER.fullmatch(template)
        if whole and whole.group(1) in values and quote is str:
            return values[whole.group(1)]
        return _PLACEHOLDER.sub(
            lambda match: quote(text_of(values[match.group(1)])) if match.group(1) in values else match.group(0),
            template,
        )
    if isinstance(template, Mapping):
        return {name: fill_known(value, values, quote) for name, value in template.items()}
    if isinstance(template, list):
        return [fill_known(value, values, quote) for value in template]
    return template


def placeholders(template: Any) -> set[str]:
    """The names that ``fill`` would need."""
    if isinstance(template, str):
        return set(_PLACEHOLDER.findall(template))
    if isinstance(template, Mapping):
        template = [*template.keys(), *template.values()]
    if isinstance(template, list):
        return set().union(*map(placeholders, template))
    return set()


def tool_result(result: Any) -> Any:
    """Return the result of a tool call. Raises AnswerError when it carries ``isError``."""
    if isinstance(result, Mapping) and result.get("isError"):
        raise AnswerError(f"the tool answered isError: {excerpt(_error_text(result))}")
    return result


def rpc_result(message: Mapping[str, Any]) -> Any:
    """Return the result of a JSON-RPC answer. Raises AnswerError for an error or neither."""
    error = message.get("error")
    if error is not None:
        raise AnswerError(f"the server answered an error: {_rpc_error(error)}")
    if "result" not in message:
        raise AnswerError(f"neither result nor error in {shown(message)}")
    return message["result"]


def plain_result(body: Any) -> Any:
    """Return the result of a plain answer: its ``result`` where it has one, else all of it.

    Raises AnswerError for ``error``, ``success: false`` or ``isError``.
    """
    if not isinstance(body, Mapping):
        return body
    if body.get("error"):
        raise AnswerError(f"the server answered an error: {_rpc_error(body['error'])}")
    if body.get("success") is False:
        raise AnswerError(f"the server answered success: false: {shown(body)}")
    return tool_result(tool_result(body).get("result", body))


def _rpc_error(error: Any) -> str:
    if isinstance(error, Mapping):
        code = error.get("code", "")
        return excerpt(f"{code} {error.get('message', '')}".strip() or shown(error))
    return excerpt(str(error))


def _error_text(result: Mapping[str, Any]) -> str:
    content = result.get("content")
    items = content if isinstance(content, list) else []
    texts = [str(item["text"]) for item in items if isinstance(item, Mapping) and "text" in item]
    return " ".join(texts) or json.dumps(result)


def text_of(value: Any) -> str:
    """A value as text: strings as they are, others as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def shown(value: Any) -> str:
    """A value as JSON, shortened, for a message."""
    return excerpt(json.dumps(value, ensure_ascii=False, default=str))
