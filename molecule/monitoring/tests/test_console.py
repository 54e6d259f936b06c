# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The console page in a browser, with real data: everything on it is drawn, and the browser has nothing to say."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.conftest import WATCHED, WATCHER
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.traffic import traffic
from ansible_collections.ridgetop.aidis.molecule.shared import playbook

LIST = yaml.safe_load((playbook.PROJECT / "roles/monitoring/files/panels.yml").read_text(encoding="utf-8"))
IDS = {panel["id"] for section in LIST["sections"] for panel in section["panels"]}
# They show what is wrong.
MAY_BE_EMPTY = {"alerts", "targets_down"}
# A copy for the documentation is taken from here by hand.
PICTURES = playbook.PROJECT / ".cache" / "monitoring"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The way to the page for somebody who is on no host: a tunnel, as the documentation says."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = f"{os.environ['AIDIS_CACHE_DIR']}/ssh/config"
    tunnel = ["ssh", "-F", config, "-N", "-o", "ExitOnForwardFailure=yes", "-L", f"{port}:127.0.0.1:9090", WATCHER]
    with subprocess.Popen(tunnel) as running:
        try:
            for _ in range(50):
                with socket.socket() as tried:
                    if tried.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/consoles/aidis.html?range=1h"
        finally:
            running.terminate()


@pytest.fixture(scope="module")
def shown(address: str, used: None, on: Any, prometheus: Any) -> dict[str, Any]:
    """What the page shows of a machine that is used."""
    del used
    PICTURES.mkdir(parents=True, exist_ok=True)
    with traffic(on, WATCHED, 5):
        prometheus.until(f'aidis:requests:rate5m{{instance="{WATCHED}"}} > 1')
    # A chart is drawn by points that lie apart; what is the youngest must have one.
    prometheus.until("aidis:sessions_created:ratio1h offset 40s and on () aidis:latency:deviation offset 40s", 120)
    command = [
        str(playbook.PROJECT / "tools" / "browser"),
        "console",
        address,
        str(PICTURES / "console.png"),
        "--width=1400",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_panel_is_drawn_with_data(shown: dict[str, Any]) -> None:
    panels = shown["panels"]
    assert {name: one["error"] for name, one in panels.items() if one["error"]} == {}
    assert {name for name, one in panels.items() if not one["series"]} <= MAY_BE_EMPTY
    assert set(panels) == IDS


def test_it_says_how_things_are(shown: dict[str, Any]) -> None:
    assert "aidis-production" in shown["deployment"] and shown["verdict"]


def test_deployments_are_marked(shown: dict[str, Any]) -> None:
    assert shown["marks"] > 0


def test_a_picture_of_it_is_kept(shown: dict[str, Any]) -> None:
    del shown
    assert (PICTURES / "console.png").read_bytes().startswith(b"\x89PNG")
