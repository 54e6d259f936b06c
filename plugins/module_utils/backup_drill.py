# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``drill``: a backup is restored, proved and dropped again, and the result is recorded either way."""

from __future__ import annotations

import time

from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    backup_ledger,
    backup_metrics,
    backup_prune,
    backup_restore,
    backup_source,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import Document, now, say, written
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_server import connected


def drill(config: Config, ledger: Document, wanted: str) -> Document:
    """Restore a backup, or the newest, beside the live database and drop it again. Raises BackupError, recorded too."""
    begun = time.monotonic()
    backup_id = "" if wanted == backup_source.NEWEST else wanted
    try:
        # One that came from another host was never proved here; the restore does that.
        if wanted == backup_source.NEWEST:
            backup_id = backup_ledger.newest_there(ledger, config.directory)["id"]
        else:
            backup_id = backup_source.backup(config, ledger, wanted).id
        name = backup_restore.restore(config, ledger, backup_id)
        with connected(config) as cursor:
            backup_prune.discard(cursor, config, ledger, name)
    except BaseException as error:
        try:
            _record(config, ledger, backup_id, begun, str(error) or type(error).__name__)
        except OSError as further:
            say(f"the result is not recorded: {further}")
        raise
    return _record(config, ledger, backup_id, begun, "")


def _record(config: Config, ledger: Document, backup_id: str, begun: float, failure: str) -> Document:
    """Write the result into the ledger and the metrics; return it. Raises OSError."""
    at, seconds = written(now()), round(time.monotonic() - begun, 2)
    result: Document = {"id": backup_id, "at": at, "ok": not failure, "seconds": seconds, "msg": failure}
    entry = backup_ledger.backup(ledger, backup_id)
    if entry is not None:
        entry["drilled_at"], entry["drill"] = at, {"ok": not failure, "seconds": seconds, "msg": failure}
    before = (ledger["drill"] or {}).get("last_success_at")
    ledger["drill"] = {**result, "last_success_at": before if failure else at}
    backup_ledger.write(config.directory, ledger)
    backup_metrics.write(config, ledger)
    return result
