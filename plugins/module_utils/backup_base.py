# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every part of ``aidis-database`` uses: its error, moments, and files that are replaced as a whole."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import whole_file

Document = dict[str, Any]


class BackupError(Exception):
    """What was asked cannot be done; the text is meant for a person and holds no secret and no row."""


class StoppedError(BackupError):
    """A signal asked to stop, or the time is over."""


def now() -> datetime:
    """This moment in UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def written(moment: datetime) -> str:
    """A moment as it stands in the ledger and in manifests: ``2026-01-31T23:59:59Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """The moment that ``written`` wrote. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def say(text: str) -> None:
    """Tell the person who watches, or the journal."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def load(path: str) -> Any:
    """The JSON in a file. Raises FileNotFoundError, and BackupError where it cannot be read."""
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise BackupError(f"{path} cannot be read: {error}") from None


def save(path: str, content: Any) -> None:
    """Write JSON as ``replace`` does."""
    replace(path, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def replace(path: str, text: str, mode: int = 0o600) -> None:
    """Replace a file by another text. Raises OSError."""
    whole_file.replace(path, text.encode(), mode)
