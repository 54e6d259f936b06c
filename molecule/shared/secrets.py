# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets of a scenario's inventory, and the forms in which one could be found somewhere."""

from __future__ import annotations

import base64
import json
import shlex
from pathlib import Path
from urllib.parse import quote

import yaml


class Loader(yaml.SafeLoader):
    """YAML as Ansible's, where a value may be tagged !unsafe."""


def _as_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


Loader.add_constructor("!unsafe", _as_text)


def of(inventory: Path) -> dict[str, str]:
    """The secrets of an inventory by their variables."""
    text = (inventory / "group_vars" / "all" / "secrets.yml").read_text(encoding="utf-8")
    return dict(yaml.load(text, Loader))  # noqa: S506 - a SafeLoader


def forms(secret: str) -> list[str]:
    """The secret as it is, and as URLs, base64, JSON, shells and SQL write it."""
    literal = secret.replace("'", "''")
    written = [quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1], shlex.quote(secret)]
    return [secret, *written, literal, literal.replace("\\", "\\\\"), *_within_base64(secret.encode())]


def _within_base64(raw: bytes) -> list[str]:
    """What base64 makes of the bytes inside a longer text, at each of the three places that they can begin at.

    Letters that hold bits of what stands before and after are left out.
    """
    found = []
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw).decode()
        end = (before + len(raw)) * 8 // 6
        found.append(whole[(before * 8 + 5) // 6 : end])
    return found
