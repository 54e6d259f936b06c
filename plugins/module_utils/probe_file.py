# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes in a file on the host: what a release was accepted with is what it is asked again when it returns."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

Probes = list[dict[str, Any]]


def read(path: str) -> Probes | None:
    """The probes of a file, None where there is no file. Raises OSError, and ValueError where it holds no probes."""
    try:
        with open(path, encoding="utf-8") as handle:
            found = json.load(handle)
    except FileNotFoundError:
        return None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"{path} holds no list of probes")
    return found


def write(path: str, probes: Probes) -> None:
    """Replace the file, which may hold tokens and is its owner's alone. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(os.path.dirname(path), 0o700)
    temporary = f"{path}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(probes, stream, indent=2, sort_keys=True)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)
