# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Prometheus that runs on a scenario's machine, asked there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

Run = Callable[..., str]
Sample = tuple[dict[str, str], float]

FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=300).read().decode())"
# Asks on the host itself until there is an answer, or no more time: one login, however long it takes.
UNTIL = """
import sys, time, urllib.request
end = time.monotonic() + float(sys.argv[2])
while True:
    said = urllib.request.urlopen(sys.argv[1], timeout=30).read().decode()
    if '"result":[]' not in said or time.monotonic() > end:
        break
    time.sleep(0.5)
print(said)
"""


@dataclass
class Prometheus:
    """A server at an address, asked by commands on the host that ``run`` runs them on."""

    run: Run
    address: str

    def get(self, path: str, **options: str) -> Any:
        """What the API says."""
        return json.loads(self.run("python3 -c %s %s", FETCH, self._url(path, options)))["data"]

    def page(self, path: str) -> str:
        """A page, as text."""
        return self.run("python3 -c %s %s", FETCH, f"http://{self.address}{path}")

    def query(self, expression: str) -> list[Sample]:
        """The value of an expression: labels and number of each sample."""
        return _samples(self.get("query", query=expression))

    def until(self, expression: str, seconds: float = 60) -> list[Sample]:
        """The value of an expression as soon as it has one; which it must have in time."""
        url = self._url("query", {"query": expression})
        found = _samples(json.loads(self.run("python3 -c %s %s %s", UNTIL, url, str(seconds)))["data"])
        if not found:
            raise AssertionError(f"{expression} has no value after {seconds} s")
        return found

    def since(self, expression: str, moment: float) -> int:
        """The second from which on an expression had a value without a break until a moment, in seconds since 1970."""
        end = int(moment)
        found = self.get("query_range", query=expression, start=str(end - 3600), end=str(end), step="1")
        seconds = {int(value[0]) for series in found["result"] for value in series["values"]}
        if end not in seconds:
            raise AssertionError(f"{expression} has no value at {end}")
        return next(second + 1 for second in range(end, end - 3602, -1) if second not in seconds)

    def names(self) -> set[str]:
        """The names of all series."""
        return set(self.get("label/__name__/values"))

    def alerts(self) -> dict[str, dict[str, Any]]:
        """The rules of alerts by their names, with their durations in seconds."""
        groups = self.get("rules", type="alert")["groups"]
        return {rule["name"]: rule for group in groups for rule in group["rules"]}

    def _url(self, path: str, options: dict[str, str]) -> str:
        return f"http://{self.address}/api/v1/{path}?{urlencode(options)}"


def _samples(data: dict[str, Any]) -> list[Sample]:
    return [(one["metric"], float(one["value"][1])) for one in data["result"]]
