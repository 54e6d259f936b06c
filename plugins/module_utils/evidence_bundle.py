# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bundle: a tar of texts that may be sent to others, searched for secrets before and after it is written."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections.abc import Mapping

from ansible_collections.ridgetop.aidis.plugins.module_utils.masking import Mask

SUFFIX = ".tar.gz"


class BundleError(Exception):
    """The bundle could not be written, or was not fit to be kept."""


def write(path: str, name: str, texts: Mapping[str, Mapping[str, str]], mask: Mask, at: int) -> None:
    """Write the texts of each host as ``name/host/topic.txt``, 0600, with the time ``at`` in seconds of the epoch.

    The file has its name only after it was read again and no known secret was found in it. Raises BundleError.
    """
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=SUFFIX, dir=os.path.dirname(path) or ".")
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            _pack(file, name, texts, mask, at)
        leaks = leaking(temporary, mask)
        if leaks:
            raise BundleError(f"a secret was found in {', '.join(leaks)} after it was masked; the bundle was removed")
        os.replace(temporary, path)
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def _pack(file: io.BufferedIOBase, name: str, texts: Mapping[str, Mapping[str, str]], mask: Mask, at: int) -> None:
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for host, topics in texts.items():
            for topic, text in topics.items():
                content = mask.text(text).encode("utf-8", "replace")
                member = tarfile.TarInfo(f"{name}/{mask.text(host)}/{topic}.txt".replace(os.pardir, "_"))
                member.size, member.mtime, member.mode = len(content), at, 0o600
                archive.addfile(member, io.BytesIO(content))


def leaking(path: str, mask: Mask) -> list[str]:
    """The files in a bundle in which a known secret stands, their names included. Raises OSError."""
    found = []
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member)
            text = content.read().decode("utf-8", "replace") if content else ""
            if mask.finds(text) or mask.finds(member.name):
                found.append(mask.text(member.name))
    return found
