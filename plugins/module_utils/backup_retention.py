# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which backups go: never the last one that was proved, nor one that somebody still needs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from ansible_collections.ridgetop.aidis.plugins.module_utils import backup_ledger
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import Document, moment
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import Config


def to_remove(config: Config, ledger: Document, protected: Collection[str], at: datetime) -> list[str]:
    """The ids of the backups to remove, oldest first.

    A proved one goes when ``keep_count`` newer proved ones stay and it is older than ``keep_days``; one that was
    never proved, or is damaged, by its age alone. Those stay that a replaced database refers to, while it is there.
    """
    needed = {backup for swap in backup_ledger.replaced(ledger) for backup in swap["backups"]}
    present = backup_ledger.present(ledger)
    proved = [one["id"] for one in present if one["proved_at"]]
    kept = {*protected, *needed, *proved[: max(1, config.keep_count)]}
    limit = at - timedelta(days=config.keep_days)
    old = [one["id"] for one in present if one["id"] not in kept and moment(one["at"]) < limit]
    return old[::-1]
