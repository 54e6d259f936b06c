#!/usr/bin/python
# Copyright (c) Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: source_archive
short_description: Pack a source directory so that equal content gives an equal checksum
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Makes a gzipped tar of a directory, without what depends on when and by whom it was packed - times, owners, order -
    so that the checksum tells one source from another.
  - An archive is taken as it stands.
  - Runs where the source is, usually the controller.
attributes:
  check_mode:
    support: none
    description: The archive is a cache; a dry run needs its checksum as well.
  diff_mode:
    support: none
    description: There is nothing to show.
options:
  path:
    description: The directory, or a tar or zip file.
    type: path
    required: true
  exclude:
    description: Names of files and directories that are left out, at any depth.
    type: list
    elements: str
    default: []
  dest:
    description: Directory that keeps the archives made. It is made where it is missing.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Pack the source on the controller
  ridgetop.aidis.source_archive:
    path: ~/src/aidis
    exclude: [.git, node_modules]
    dest: ~/.cache/ridgetop-aidis/artifacts
  delegate_to: localhost
  register: source
"""

RETURN = r"""
path:
  description: The archive.
  returned: success
  type: str
checksum:
  description: SHA-256 of the archive, or of the packed content before compression.
  returned: success
  type: str
"""

import gzip
import hashlib
import os
import tarfile
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_native


class Digest:
    """A stream that hashes what is written to it on its way to another."""

    def __init__(self, target: t.IO[bytes]) -> None:
        self.target = target
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Hash and pass on."""
        self.sha256.update(data)
        return self.target.write(data)


def neutral(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Take from an entry what is not content: time, owner and the bits of its mode other than executable."""
    entry.mtime = 0
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def members(root: str, exclude: t.Collection[str]) -> t.Iterator[str]:
    """Yield the paths below root, sorted, without the excluded names. Links are members, not followed."""
    for directory, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name not in exclude)
        links = [name for name in names if os.path.islink(os.path.join(directory, name))]
        for name in sorted(files + names):
            if name not in exclude:
                yield os.path.relpath(os.path.join(directory, name), root)
        names[:] = [name for name in names if name not in links]


def pack(root: str, exclude: t.Collection[str], dest: str) -> tuple[str, str]:
    """Write the archive and return its path and checksum. Raises OSError."""
    os.makedirs(dest, mode=0o700, exist_ok=True)
    temporary = os.path.join(dest, f".source-{os.getpid()}.part")
    try:
        with open(temporary, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
            stream = Digest(t.cast("t.IO[bytes]", packed))
            with tarfile.open(mode="w|", fileobj=t.cast("t.IO[bytes]", stream), format=tarfile.PAX_FORMAT) as archive:
                for name in members(root, exclude):
                    archive.add(os.path.join(root, name), name, recursive=False, filter=neutral)
        checksum = stream.sha256.hexdigest()
        path = os.path.join(dest, f"source-{checksum}.tar.gz")
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    return path, checksum


def checksum_of(path: str) -> str:
    """Return the SHA-256 of a file. Raises OSError."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "exclude": {"type": "list", "elements": "str", "default": []},
            "dest": {"type": "path", "required": True},
        },
    )
    path = module.params["path"]
    try:
        if os.path.isdir(path):
            archive, checksum = pack(path, set(module.params["exclude"]), module.params["dest"])
        else:
            archive, checksum = path, checksum_of(path)
    except OSError as error:
        module.fail_json(msg=f"the source {path} cannot be packed: {to_native(error)}")
    module.exit_json(changed=False, path=archive, checksum=checksum)


if __name__ == "__main__":
    main()
