# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes in a file on the host: what a release was accepted with is what it is asked again when it returns."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import whole_file

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
    whole_file.replace(path, json.dumps(probes, indent=2, sort_keys=True).encode())
