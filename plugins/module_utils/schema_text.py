# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SQL text in one form, however PostgreSQL or a person wrote it.

PostgreSQL prints with an empty search path, which no connection can change: all names are qualified but
those of ``pg_catalog``. Here ``public.`` is taken away again, so that contracts stay readable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<string>[eE]'(?:[^'\\]|''|\\.)*' | (?:[bBxX]|[uU]&)?'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\d[\d.]*(?:[eE][+-]?\d+)?)
    | (?P<cast>::)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_SIMPLE = re.compile(r"[a-z_][a-z0-9_]*")

# Keywords of some of PostgreSQL 14 to 18 and not of others: as names they are quoted by some only.
_YOUNG_KEYWORDS = frozenset(
    "json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize "
    "json_table json_value merge_action system_user".split()
)

_TYPE_ALIASES = {
    "bool": "boolean",
    "char": "character",
    "dec": "numeric",
    "decimal": "numeric",
    "float": "double precision",
    "float4": "real",
    "float8": "double precision",
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "varbit": "bit varying",
    "varchar": "character varying",
}
_ALIASED = re.compile(r"(\w+)\s*(\([\d\s,]*\))?\s*((?:\[\d*\])*)")
_TIMES = {
    "timestamp": ("timestamp", "without"),
    "timestamptz": ("timestamp", "with"),
    "time": ("time", "without"),
    "timetz": ("time", "with"),
}

_AFTER_FROM = ("WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT", "OFFSET", "FETCH", "FOR")
_DISTINCT = (["IS", "DISTINCT"], ["NOT", "DISTINCT"])


class Token(NamedTuple):
    """A token of SQL; ``space`` is what stands before it."""

    kind: str
    text: str
    space: str = ""


def tokens(text: str) -> list[Token]:
    """Take SQL apart; whitespace goes to the token that follows it, and at the end is lost."""
    found = []
    space = ""
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind == "space":
            space = match.group()
        else:
            found.append(Token(kind, match.group(), space))
            space = ""
    return found


def _joined(parts: Iterable[Token], lines: bool = False) -> str:
    """Put tokens together again, whitespace as one space (with ``lines``: lines stay lines)."""

    def space(token: Token) -> str:
        return "\n" if lines and "\n" in token.space else " " if token.space else ""

    return "".join(space(token) + token.text for token in parts).strip()


def identifier(name: str) -> str:
    """A name as it stands in SQL text of a contract: quoted where it is not simple."""
    return name if _SIMPLE.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def _is_name(token: Token) -> bool:
    return token.kind in ("word", "quoted")


def _unqualified(parts: Sequence[Token]) -> list[Token]:
    """Without ``public.``, in names and in the text of a regclass; young keywords without quotes."""
    kept: list[Token] = []
    skip = 0
    for index, token in enumerate(parts):
        following = parts[index + 1 : index + 3]
        if skip:
            skip -= 1
        elif token.text == "public" and len(following) == 2 and following[0].text == "." and _is_name(following[1]):
            # The space before the qualifier is the name's now.
            skip = 2
            kept.append(_plain(following[1])._replace(space=token.space))
        elif token.text.startswith("'public.") and [part.text for part in following] == ["::", "regclass"]:
            kept.append(token._replace(text="'" + token.text.removeprefix("'public.")))
        else:
            kept.append(_plain(token))
    return kept


def _plain(token: Token) -> Token:
    if token.kind == "quoted" and token.text[1:-1] in _YOUNG_KEYWORDS:
        return token._replace(kind="word", text=token.text[1:-1])
    return token


def _without_parentheses(parts: Sequence[Token]) -> Sequence[Token]:
    """Without parentheses around the whole."""
    while len(parts) > 2 and parts[0].text == "(" and _closing(parts, 0) == len(parts) - 1:
        parts = parts[1:-1]
    return parts


def _closing(parts: Sequence[Token], start: int) -> int:
    """Where the parenthesis that opens at ``start`` closes; the end where it does not."""
    depth = 0
    for index in range(start, len(parts)):
        depth += {"(": 1, ")": -1}.get(parts[index].text, 0)
        if depth == 0:
            return index
    return len(parts)


@lru_cache(maxsize=8192)
def expression(text: str) -> str:
    """An expression in its one form: on one line, without parentheses around the whole."""
    return _joined(_without_parentheses(_unqualified(tokens(text))))


@lru_cache(maxsize=8192)
def name(text: str) -> str:
    """A name, a signature or a definition that PostgreSQL printed, on one line."""
    return _joined(_unqualified(tokens(text)))


@lru_cache(maxsize=8192)
def squeezed(text: str) -> str:
    """What two texts have in common that differ only in whitespace and in the case of what is not quoted."""
    return "\x1f".join(part.text.lower() if part.kind == "word" else part.text for part in tokens(text))


@lru_cache(maxsize=8192)
def type_name(text: str) -> str:
    """A type as ``format_type`` prints it, from that or from one of its usual short names."""
    plain = name(text)
    match = _ALIASED.fullmatch(plain)
    if match is None:
        return plain
    word, size, array = match.group(1).lower(), (match.group(2) or "").replace(" ", ""), match.group(3) or ""
    array = re.sub(r"\d", "", array)[:2]
    if word in _TIMES:
        kind, zone = _TIMES[word]
        return f"{kind}{size} {zone} time zone{array}"
    if word in ("char", "bpchar") and not size:
        size = "(1)" if word == "char" else ""
    if word in ("dec", "decimal", "numeric") and size and "," not in size:
        size = f"{size[:-1]},0)"
    return f"{_TYPE_ALIASES.get(word, match.group(1))}{size}{array}"


@lru_cache(maxsize=8192)
def element(text: str) -> str:
    """A column or expression of an index with its options, without the ones that go without saying."""
    parts = _unqualified(tokens(text))
    words = [part.text.upper() for part in parts]
    nulls = direction = ""
    if len(words) > 2 and words[-2] == "NULLS" and words[-1] in ("FIRST", "LAST"):
        nulls, parts, words = words[-1], parts[:-2], words[:-2]
    if len(words) > 1 and words[-1] in ("ASC", "DESC"):
        direction, parts = words[-1], parts[:-1]
    if parts[:1] and parts[0].kind == "quoted" and _SIMPLE.fullmatch(parts[0].text[1:-1]):
        parts = [parts[0]._replace(text=parts[0].text[1:-1]), *parts[1:]]
    return element_of(_bracketed(parts), direction == "DESC", nulls == "FIRST" if nulls else direction == "DESC")


@lru_cache(maxsize=8192)
def key(text: str) -> str:
    """An expression of an index as PostgreSQL printed it."""
    return _bracketed(_unqualified(tokens(text)))


def _bracketed(parts: Sequence[Token]) -> str:
    """In one pair of parentheses, where there are any around the whole."""
    inner = _joined(_without_parentheses(parts))
    return f"({inner})" if parts and parts[0].text == "(" and inner != _joined(parts) else inner


def element_of(text: str, descending: bool, nulls_first: bool) -> str:
    """An element of an index from its parts."""
    if descending:
        return f"{text} DESC" if nulls_first else f"{text} DESC NULLS LAST"
    return f"{text} NULLS FIRST" if nulls_first else text


def view(text: str) -> str:
    """A view's query in its one form, lines kept.

    PostgreSQL before 16 qualifies the columns of a query of one relation, later ones do not: where
    there is but one relation the qualifier says nothing, and is taken away.
    """
    parts = _unqualified(tokens(text.strip().removesuffix(";")))
    return _joined(_unprefixed(parts), lines=True)


def _unprefixed(parts: Sequence[Token]) -> list[Token]:
    """Without the qualifiers of columns, outside of subqueries, where there is one relation."""
    nested = _inside(parts, lambda _index: True)
    words = ["" if inside else part.text.upper() for part, inside in zip(parts, nested, strict=True)]
    if {"UNION", "INTERSECT", "EXCEPT"} & set(words):
        return list(parts)
    start = _from(words)
    end = next((index for index in range(start, len(parts)) if words[index] in _AFTER_FROM), len(parts))
    if {",", "JOIN"} & set(words[start:end]):
        return list(parts)
    inner = _inside(parts, lambda index: _opens_query(parts, index))
    kept: list[Token] = []
    skip = False
    for index, token in enumerate(parts):
        free = not inner[index] and not start <= index < end
        if skip:
            skip = False
        elif free and _qualifies(parts, index):
            kept.append(Token("", "", token.space))
            skip = True
        else:
            kept.append(token)
    return kept


def _from(words: Sequence[str]) -> int:
    """Where the FROM of the query itself is; IS DISTINCT FROM is none."""
    found = (index for index, word in enumerate(words) if word == "FROM")
    return next((index for index in found if words[index - 2 : index] not in _DISTINCT), len(words))


def _opens_query(parts: Sequence[Token], index: int) -> bool:
    return index + 1 < len(parts) and parts[index + 1].text.upper() in ("SELECT", "WITH", "VALUES")


def _inside(parts: Sequence[Token], opens: Callable[[int], bool]) -> list[bool]:
    """For each token whether it is within parentheses of the kind that ``opens`` knows by its place."""
    found: list[bool] = []
    stack: list[bool] = []
    for index, token in enumerate(parts):
        if token.text == ")" and stack:
            stack.pop()
        found.append(any(stack))
        if token.text == "(":
            stack.append(opens(index))
    return found


def _qualifies(parts: Sequence[Token], index: int) -> bool:
    """Whether a token is the relation's name before a column's: no type's, function's or operator's schema."""
    if not _is_name(parts[index]) or len(parts) < index + 3:
        return False
    before = parts[index - 1].text if index else ""
    dot, column = parts[index + 1], parts[index + 2]
    after = parts[index + 3].text if len(parts) > index + 3 else ""
    return dot.text == "." and _is_name(column) and after not in ("(", ".") and before not in ("::", ".", "AS")
