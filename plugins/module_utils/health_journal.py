# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The section of ``aidis-health`` about the journal, which only some users may read."""

from __future__ import annotations

import json
import re

from ansible_collections.ridgetop.aidis.plugins.module_utils.health_base import (
    FAILED,
    OK,
    CannotTellError,
    NeedsRightsError,
    Sample,
    Section,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_config import Config
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host, TooSlowError
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_systemd import UNREADABLE, messages
from ansible_collections.ridgetop.aidis.plugins.module_utils.masking import Mask
from ansible_collections.ridgetop.aidis.plugins.module_utils.net import excerpt

# Entries that are counted at most, and messages of errors that are shown.
MOST, SHOWN = 20000, 5


def journal(config: Config, host: Host, secrets: list[str]) -> Section:
    """Errors of the last minutes. Raises CannotTellError."""
    units = [f"--unit={unit}" for unit in config.units]
    window = [f"--since=-{config.journal_minutes:g}min", f"--lines={MOST}"]
    counted = len(_asked(config, host, [*units, *window, "--output-fields=PRIORITY"]))
    texts = messages("\n".join(_asked(config, host, [*units, *window, "--priority=err"])))
    # Without a readable journal journalctl prints nothing and exits 0.
    if not counted and not _asked(config, host, ["--lines=1"]):
        raise NeedsRightsError("there is no journal that can be read")
    errors = [text for text in texts if not any(re.search(one, text) for one in config.journal_exclude)]
    within = f"in the last {config.journal_minutes:g} min"
    line = f"{len(errors)} errors {within}, of {counted} entries" if errors else f"No recent errors ({within})"
    mask = Mask(secrets)
    facts = {"errors": len(errors), "entries": counted, "window_seconds": config.journal_minutes * 60}
    return Section(
        "journal",
        FAILED if len(errors) > config.journal_errors else OK,
        [line],
        facts,
        private=[mask.text(excerpt(text)) for text in errors[-SHOWN:]],
    )


def _asked(config: Config, host: Host, options: list[str]) -> list[str]:
    """The entries, one line of JSON each. Raises CannotTellError."""
    try:
        ran = host.run(["journalctl", "--no-pager", "--output=json", *options], config.timeout)
    except (CannotCheckError, TooSlowError) as error:
        raise CannotTellError(str(error)) from None
    if any(text in ran.err for text in UNREADABLE):
        raise NeedsRightsError("whoever asks may not read the journal")
    if ran.status != 0:
        raise CannotTellError(f"journalctl: {excerpt(ran.err or ran.out) or 'failed'}")
    return [line for line in ran.out.splitlines() if _is_entry(line)]


def _is_entry(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def samples(section: Section) -> list[Sample]:
    """The numbers of entries."""
    if section.name != "journal" or "entries" not in section.facts:
        return []
    counts = {"error": section.facts["errors"], "all": section.facts["entries"]}
    name = "aidis_health_journal_entries"
    return [
        *(Sample(name, count, {"level": level}) for level, count in counts.items()),
        Sample("aidis_health_journal_window_seconds", section.facts["window_seconds"]),
    ]
