# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Prometheus that was there before gets rules, targets and pages in directories of its own, and is reloaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.conftest import WATCHER
from ansible_collections.ridgetop.aidis.molecule.monitoring.tests.test_targets import JOBS
from ansible_collections.ridgetop.aidis.molecule.shared.prometheus import Prometheus

PLACE = "/srv/elsewhere"
ADDRESS = "127.0.0.1:19090"
START = f"""
install -d {PLACE}/rules {PLACE}/targets {PLACE}/consoles
install -d -o prometheus {PLACE}/data
echo 'rule_files: ["{PLACE}/rules/*.yml"]' > {PLACE}/prometheus.yml
systemd-run --quiet --unit=elsewhere --property=User=prometheus --property='ExecReload=/bin/kill -HUP $MAINPID' \
  prometheus --config.file={PLACE}/prometheus.yml --storage.tsdb.path={PLACE}/data \
  --web.listen-address={ADDRESS} --web.console.templates={PLACE}/consoles --web.console.libraries={PLACE}/consoles
timeout 20 bash -c 'until : < /dev/tcp/127.0.0.1/19090; do sleep 0.2; done' 2>/dev/null
"""
# This release of Prometheus knows no `scrape_config_files`.
SCRAPE = f"cat {PLACE}/targets/aidis-scrape.conf >> {PLACE}/prometheus.yml && systemctl reload elsewhere"
OWN = "cd /etc/prometheus/aidis && find . -type f -print0 | sort -z | xargs -0 sha256sum"


@pytest.fixture(scope="module")
def elsewhere(on: Any) -> Iterator[Prometheus]:
    """The other server, which knows nothing yet."""
    on(WATCHER, "bash -ec %s", START)
    yield Prometheus(lambda *words: on(WATCHER, *words), ADDRESS)
    on(WATCHER, f"systemctl stop elsewhere; rm -r {PLACE}")


@pytest.fixture(scope="module")
def given(elsewhere: Prometheus, play: Any, on: Any) -> Any:
    """What the playbook says; twice the same. Our own server's files are let alone."""
    before = on(WATCHER, OWN)

    def run() -> Any:
        return play(
            "monitoring",
            f"--limit={WATCHER}",
            "--tags=monitoring_configure",
            monitoring_stack="existing",
            monitoring_existing_rules_dir=f"{PLACE}/rules",
            monitoring_existing_targets_dir=f"{PLACE}/targets",
            monitoring_existing_consoles_dir=f"{PLACE}/consoles",
            monitoring_existing_unit="elsewhere.service",
        )

    first = run()
    assert first.status == 0 and on(WATCHER, OWN) == before, first.output[-6000:]
    return run


def test_it_has_the_rules(given: Any, elsewhere: Prometheus, prometheus: Prometheus) -> None:
    del given
    assert set(elsewhere.alerts()) == set(prometheus.alerts()) != set()


@pytest.mark.usefixtures("given")
def test_it_has_the_targets(elsewhere: Prometheus, on: Any) -> None:
    on(WATCHER, SCRAPE)
    wanted = sum(len(hosts) for job, hosts in JOBS.items() if job not in ("prometheus", "alertmanager"))
    elsewhere.until(f"count(up == 1) == {wanted}")


@pytest.mark.usefixtures("given")
def test_it_has_the_page(elsewhere: Prometheus) -> None:
    assert "<title>" in elsewhere.page("/consoles/aidis.html")


def test_again_it_changes_nothing(given: Any) -> None:
    again = given()
    assert again.status == 0 and "changed=0" in again.output, again.output[-6000:]
