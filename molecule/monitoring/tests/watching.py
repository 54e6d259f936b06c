# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the watcher tells: the notifications that arrived."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from ansible_collections.ridgetop.aidis.molecule.shared.prometheus import FETCH, Run

# Seconds to wait for a notification. Whether it came in its time is another question, and asked of what it says.
PATIENCE = 120.0


@dataclass(frozen=True)
class Told:
    """An alert in a notification: when it arrived, by which path, and since or until when it holds."""

    at: float
    path: str
    name: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts: float
    ends: float

    def shows(self, labels: dict[str, str]) -> bool:
        """Whether it bears all these labels."""
        return labels.items() <= self.labels.items()


@dataclass
class Receiver:
    """The receiver of notifications on the watcher."""

    run: Run
    port: int

    def mark(self) -> int:
        """A place to listen from: everything before it is past."""
        return int(self._get(0, 0)["next"])

    def since(self, mark: int) -> list[Told]:
        """Everything that arrived after a mark."""
        return _told(self._get(mark, 0))

    def wait(self, mark: int, name: str, status: str, /, **labels: str) -> Told:
        """Wait for an alert, firing or resolved, that arrives after a mark."""
        end, place = PATIENCE, mark
        seen: list[Told] = []
        while end > 0:
            step = min(end, 10)
            said = self._get(place, step)
            seen += _told(said)
            for one in seen:
                if (one.name, one.status) == (name, status) and one.shows(labels):
                    return one
            # What comes at once has cost no time: counted are the waits that were in vain, and a little for the rest.
            end -= step if said["next"] == place else 0.5
            place = said["next"]
        came = sorted({(one.name, one.status, one.labels.get("instance", "")) for one in seen})
        raise AssertionError(f"{name} {labels} is not told as {status} within {PATIENCE:.0f} s, but {came}")

    def _get(self, after: int, seconds: float) -> Any:
        url = f"http://127.0.0.1:{self.port}/?{urlencode({'after': after, 'seconds': seconds})}"
        return json.loads(self.run("python3 -c %s %s", FETCH, url))


def _told(said: dict[str, Any]) -> list[Told]:
    return [
        Told(
            kept["at"],
            kept["path"],
            alert["labels"]["alertname"],
            alert["status"],
            alert["labels"],
            alert["annotations"],
            moment(alert["startsAt"]),
            moment(alert["endsAt"]),
        )
        for kept in said["kept"]
        for alert in kept["alerts"]
    ]


def moment(text: str) -> float:
    """Seconds since 1970; of an alert that still fires no end is told."""
    if text.startswith("0001"):
        return 0.0
    return datetime.fromisoformat(text).timestamp()
