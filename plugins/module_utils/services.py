# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a set of services is to be: its files and its units, read from the options of a task."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import typing as t
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SOURCES = ("template", "content", "src")
# systemd.unit(5): the characters of a name, and the types whose units can stay active.
UNIT_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]{1,240}\.(service|socket|timer|path|mount|automount|target)")
MODE = re.compile(r"[0-7]{4}")


class ServicesError(Exception):
    """What was asked for makes no sense, or cannot be had on this host; the text says why."""


@dataclass(frozen=True)
class File:
    """A file as it is to be; without content it is not to be there."""

    path: str
    content: bytes | None
    owner: str = "root"
    group: str = "root"
    mode: int = 0o644
    validate: tuple[str, ...] = ()
    secret: bool = False


@dataclass(frozen=True)
class Unit:
    """A unit of systemd as it is to be, and the files that it reads at its start and when it is reloaded."""

    name: str
    restart_on: tuple[str, ...] = ()
    reload_on: tuple[str, ...] = ()
    enabled: bool = True
    started: bool = True


def listed(given: t.Any, option: str) -> list[dict[str, t.Any]]:
    """Return an option that is a list of mappings, without what they leave open. Raises ServicesError."""
    if not isinstance(given or [], list):
        raise ServicesError(f"{option} is to be a list, not {given!r}")
    for one in given or []:
        if not isinstance(one, Mapping):
            raise ServicesError(f"each of {option} is to be a mapping, not {type(one).__name__}")
    return [{name: value for name, value in one.items() if value is not None} for one in given or []]


def source_of(file: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a file that says in one way where its content comes from, with ``state`` only where it is to go.

    Raises ServicesError.
    """
    path = file.get("path")
    if not path:
        raise ServicesError("each of files needs a path")
    state = file.get("state", "present")
    if state not in ("present", "absent"):
        raise ServicesError(f"{path}: state is present or absent, not {state}")
    named = [name for name in SOURCES if name in file]
    if state == "absent" and named:
        raise ServicesError(f"{path}: a file that is to be absent has no {' and no '.join(named)}")
    if state == "present" and len(named) != 1:
        said = " and ".join(named) if named else "none"
        raise ServicesError(f"{path}: one of template, content and src says what it holds; given: {said}")
    if "content" in file and not isinstance(file["content"], str):
        raise ServicesError(f"{path}: content is to be a text, not {type(file['content']).__name__}")
    return {name: value for name, value in file.items() if name != "state" or state == "absent"}


def check_paths(paths: Sequence[str]) -> None:
    """Raise ServicesError where a path is relative, no plain one, or named twice."""
    for path in paths:
        if not os.path.isabs(path) or os.path.normpath(path) != path or "\0" in path or path.startswith("//"):
            raise ServicesError(f"{path!r} is no plain absolute path")
    doubled = sorted({path for path in paths if list(paths).count(path) > 1})
    if doubled:
        raise ServicesError(f"{', '.join(doubled)}: the same path is named more than once")


def packed(contents: Mapping[str, bytes]) -> str:
    """Return contents by path as one text, which nothing that is shown or logged can be found in."""
    texts = {path: content.decode("latin-1") for path, content in contents.items()}
    return base64.b64encode(zlib.compress(json.dumps(texts).encode())).decode()


def unpacked(text: str) -> dict[str, bytes]:
    """Return contents by path. Raises ServicesError."""
    try:
        texts = json.loads(zlib.decompress(base64.b64decode(text, validate=True)))
        return {path: content.encode("latin-1") for path, content in texts.items()}
    except (ValueError, AttributeError, zlib.error):
        raise ServicesError("the action of this module did not run, so there are no contents of the files") from None


def file_of(given: Mapping[str, t.Any], contents: Mapping[str, bytes]) -> File:
    """Return a file as the options say it. Raises ServicesError."""
    path, mode = given["path"], given["mode"]
    absent = given["state"] == "absent"
    if not absent and path not in contents:
        raise ServicesError(f"{path}: nothing says what it holds")
    if not MODE.fullmatch(mode):
        raise ServicesError(f'{path}: mode is four octal digits in quotes, such as "0644", not {mode}')
    try:
        words = tuple(shlex.split(given["validate"] or ""))
    except ValueError as error:
        raise ServicesError(f"{path}: validate is no command: {error}") from None
    if words and not any("%s" in word for word in words):
        raise ServicesError(f"{path}: validate needs %s, which stands for the file")
    return File(
        path,
        None if absent else contents[path],
        given["owner"],
        given["group"],
        int(mode, 8),
        words,
        given["secret"],
    )


def unit_of(given: Mapping[str, t.Any]) -> Unit:
    """Return a unit as the options say it. Raises ServicesError."""
    name = given["name"]
    if not UNIT_NAME.fullmatch(name):
        raise ServicesError(f"{name!r} is no name of a unit, with its suffix, that can stay active")
    for path in [*given["restart_on"], *given["reload_on"]]:
        if not os.path.isabs(path):
            raise ServicesError(f"{name}: {path!r} is no absolute path")
    return Unit(
        name, tuple(given["restart_on"]), tuple(given["reload_on"]), given["enabled"], given["state"] == "started"
    )


def files_of(given: Sequence[Mapping[str, t.Any]], contents: str) -> list[File]:
    """Return the files. Raises ServicesError."""
    check_paths([one["path"] for one in given])
    texts = unpacked(contents) if contents else {}
    return [file_of(one, texts) for one in given]


def units_of(given: Sequence[Mapping[str, t.Any]]) -> list[Unit]:
    """Return the units. Raises ServicesError."""
    units = [unit_of(one) for one in given]
    names = [unit.name for unit in units]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ServicesError(f"{', '.join(doubled)}: the same unit is named more than once")
    return units
