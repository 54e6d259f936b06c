# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment file of the application, encrypted for a certificate; readable to nobody else."""

from __future__ import annotations

import os

from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_programs import run

FILE_NAME = "environment.cms"
# The name of systemd's credential: the program itself may not read the file.
CREDENTIAL = "environment"
_ENCRYPT = "openssl cms -encrypt -binary -aes-256-cbc -outform DER".split()


def add(config: Config, directory: str) -> str:
    """Put the encrypted file into a backup and say what became of it. Raises BackupError."""
    if not config.environment_file:
        return "left out: not asked for"
    if not config.environment_recipient:
        return "left out: no certificate to encrypt it for"
    credential = os.path.join(os.environ.get("CREDENTIALS_DIRECTORY", ""), CREDENTIAL)
    path = credential if os.path.isabs(credential) and os.path.exists(credential) else config.environment_file
    try:
        with open(path, "rb") as stream:
            run([*_ENCRYPT, "-out", os.path.join(directory, FILE_NAME), config.environment_recipient], stream)
    except FileNotFoundError:
        # Before the first deployment.
        return "left out: there is none"
    except PermissionError:
        raise BackupError(f"{path} may not be read; give it as systemd's credential {CREDENTIAL}") from None
    return "encrypted"
