# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second place of a backup: a local directory, or another host by rsync over ssh."""

from __future__ import annotations

import os
import re
import shlex
import shutil

from ansible_collections.ridgetop.aidis.plugins.module_utils import backup_manifest
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_programs import run
from ansible_collections.ridgetop.aidis.plugins.module_utils.whole_file import sync_directory

_REMOTE = re.compile(r"(?P<host>[^/:-][^/:]*):(?P<directory>.+)", re.DOTALL)
# Nobody is there to type a password.
_SSH = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]


def copy(config: Config, backup_id: str) -> None:
    """Copy a backup; it has its name there only when it is whole. Raises BackupError and OSError."""
    home = os.path.join(config.directory, backup_id)
    remote = _REMOTE.fullmatch(config.copy_to)
    if remote is None:
        _local(home, config.copy_to, backup_id)
        return
    host, directory = remote["host"], remote["directory"]
    part, whole = f"{directory}/.{backup_id}.part", f"{directory}/{backup_id}"
    rsync = ["rsync", "--archive", "--delete", "--protect-args", "--timeout=120", f"--rsh={shlex.join(_SSH)}"]
    run([*rsync, "--", f"{home}/", f"{host}:{part}/"])
    # rsync has compared checksums of all that it sent.
    run([*_SSH, "--", host, f"sync -f -- {shlex.quote(part)} && mv -T -- {shlex.quote(part)} {shlex.quote(whole)}"])


def _local(home: str, directory: str, backup_id: str) -> None:
    part, whole = os.path.join(directory, f".{backup_id}.part"), os.path.join(directory, backup_id)
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    try:
        shutil.copytree(home, part)
        backup_manifest.settle(part)
        backup_manifest.check(part, backup_manifest.read(part))
        backup_manifest.sync(os.path.join(part, backup_manifest.FILE_NAME))
        os.rename(part, whole)
    except shutil.Error as error:
        # Its text is a list of all files.
        raise BackupError(f"{directory}: {error.args[0][0][2]}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    sync_directory(directory)


def remove(config: Config, backup_id: str) -> None:
    """Remove the copy of a backup. Raises BackupError and OSError."""
    remote = _REMOTE.fullmatch(config.copy_to)
    if remote is not None:
        run([*_SSH, "--", remote["host"], f"rm -rf -- {shlex.quote(remote['directory'] + '/' + backup_id)}"])
    elif config.copy_to:
        part = os.path.join(config.copy_to, f".{backup_id}.part")
        os.rename(os.path.join(config.copy_to, backup_id), part)
        shutil.rmtree(part)
