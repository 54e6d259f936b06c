# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program of one file, made of this collection's own Python: what timers run on a host without Ansible."""

from __future__ import annotations

import ast
import io
import os
import typing as t
import zipfile

PACKAGE = "ansible_collections.ridgetop.aidis.plugins.module_utils"
DIRECTORY = os.path.dirname(__file__)
INTERPRETER = b"#!/usr/bin/python3\n"
# The least that the format knows, and nothing compressed, which another zlib does in another way: the same sources are
# the same program, whenever and wherever it is built.
TIME = (1980, 1, 1, 0, 0, 0)


def imported(source: str) -> t.Iterator[str]:
    """Yield the names of this collection's own modules that a source imports. Raises SyntaxError."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name.removeprefix(f"{PACKAGE}.") for name in node.names if name.name.startswith(PACKAGE))
        elif isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{PACKAGE}."):
            yield node.module.removeprefix(f"{PACKAGE}.")


def sources(entry: str) -> dict[str, str]:
    """Return the sources of a module and of all that it imports of this collection. Raises OSError and SyntaxError."""
    found: dict[str, str] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        with open(os.path.join(DIRECTORY, f"{name}.py"), encoding="utf-8") as handle:
            found[name] = handle.read()
        waiting.extend(imported(found[name]))
    return found


def build(entry: str) -> bytes:
    """Return the program that calls ``main(arguments)`` of a module. Raises OSError and SyntaxError."""
    files = {f"{PACKAGE.replace('.', '/')}/{name}.py": text for name, text in sources(entry).items()}
    parts = PACKAGE.split(".")
    files.update({f"{'/'.join(parts[:depth])}/__init__.py": "" for depth in range(1, len(parts) + 1)})
    files["__main__.py"] = f"import sys\n\nfrom {PACKAGE}.{entry} import main\n\nsys.exit(main(sys.argv[1:]))\n"
    buffer = io.BytesIO()
    buffer.write(INTERPRETER)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, TIME), files[name], zipfile.ZIP_STORED)
    return buffer.getvalue()
