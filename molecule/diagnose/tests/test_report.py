# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bundle and the text: no secret in them, whatever happened; hosts that are away, or on which nothing is."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from ansible_collections.ridgetop.aidis.molecule.diagnose.tests.conftest import HOST, REMARKS, UNIT, texts_of

testinfra_hosts = ["ansible://aidis-diagnose?sudo=true"]

FURTHER = "a further secret, 42%"


class Loader(yaml.SafeLoader):
    """YAML as Ansible's, where a value may be tagged !unsafe."""


def as_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


Loader.add_constructor("!unsafe", as_text)


@pytest.fixture(scope="session")
def secrets(request: pytest.FixtureRequest) -> list[str]:
    """The secrets of the inventory."""
    inventory = Path(request.config.getoption("--ansible-inventory"))
    found = yaml.load((inventory / "group_vars/all/secrets.yml").read_text(), Loader)  # noqa: S506 - a SafeLoader
    return [*found.values(), FURTHER]


def forms(secret: str) -> list[str]:
    raw = secret.encode()
    return [secret, quote(secret, safe=""), quote(secret), base64.b64encode(raw).decode(), json.dumps(secret)[1:-1]]


def test_no_secret_anywhere(host: Any, diagnose: Any, secrets: list[str]) -> None:
    """Secrets stand in the journal of the service, in its log, in PostgreSQL's log, in the unit."""
    lines = "\n".join(f"it says {form}" for secret in secrets for form in forms(secret))
    host.run_expect([0], f"cat >> /var/log/aidis/production.log <<'END'\n{lines}\nEND\n")
    host.run_expect([0], f"mkdir -p /run/systemd/system/{UNIT}.d")
    host.run_expect([0], f"cat > /tmp/lines <<'END'\n{lines}\nEND\n")
    text = f"[Service]\nExecStartPre=/bin/cat /tmp/lines\nPrivateTmp=no\nEnvironment=OTHER_PASSWORD={'x' * 9}y\n"
    host.run_expect([0], "printf '%%s' %s > /run/systemd/system/%s.d/x.conf", text, UNIT)
    host.run_expect([0], f"systemctl daemon-reload; systemctl restart {UNIT}; sleep 3")
    statement = f"CREATE ROLE somebody PASSWORD '{secrets[0].replace(chr(39), chr(39) * 2)}'; DROP ROLE somebody"
    host.run_expect([0], "cd / && sudo -u postgres psql -Xqc %s", statement)
    try:
        found = diagnose("-vvv", diagnose_secrets=[FURTHER, "abc"])
    finally:
        host.run_expect(
            [0], f"rm -r /run/systemd/system/{UNIT}.d /tmp/lines; sed -i '/^it says/d' /var/log/aidis/*.log"
        )
        host.run_expect([0], f"systemctl daemon-reload; systemctl restart {UNIT}; sleep 3")
    assert found.status == 0 and found.bundle, found.output
    texts = texts_of(found.bundle)
    assert any("it says ***" in text for text in texts.values()), (
        "the journal was not gathered: this would prove nothing"
    )
    assert any("PASSWORD '***'" in text for text in texts.values())
    everything = {**texts, "the output": found.output}
    # The last argument of the run itself, which this test chose, is printed by nothing.
    leaks = [
        (name, form) for name, text in everything.items() for one in secrets for form in forms(one) if form in text
    ]
    leaks += [(name, "unit") for name, text in everything.items() if "xxxxxxxxxy" in text]
    assert leaks == []
    assert found.bundle.stat().st_mode & 0o777 == 0o600


def test_the_bundle_has_every_topic_and_a_dry_run_says_the_same(diagnose: Any) -> None:
    real, dry = diagnose(), diagnose("--check", "--diff")
    assert real.status == dry.status == 0 and real.order == dry.order, dry.output
    assert set(real.order) <= REMARKS
    assert (
        real.bundle and dry.bundle and set(map(topic, texts_of(real.bundle))) == set(map(topic, texts_of(dry.bundle)))
    )
    texts = {topic(name): text for name, text in texts_of(real.bundle).items()}
    assert {"summary", "units", "journal-service", "sockets", "database", "disks", "files", "environment"} <= set(texts)
    assert "DATABASE_URL=***" in texts["environment"] and "JWT_SECRET=***" in texts["environment"]
    assert "LOG_LEVEL=info" in texts["environment"] and "could not be had" not in "".join(texts.values())
    assert "nothing wrong was found" in real.output


def topic(name: str) -> str:
    return Path(name).stem


def test_nothing_is_written_on_the_host(host: Any, diagnose: Any) -> None:
    start = host.check_output("date --iso-8601=ns")
    diagnose()
    changed = host.check_output("find / -xdev -newermt %s ! -type d ! -path '/proc/*' ! -path '/sys/*'", start).split()
    # What logging in leaves on any host, what the service and PostgreSQL write for themselves, and the latter's log.
    anyway = ("/var/log/", "/run/", "/var/lib/postgresql/", "/dev/")
    assert [path for path in changed if not path.startswith(anyway)] == []


def test_a_host_to_which_nothing_was_deployed(diagnose: Any) -> None:
    """The same machine for a deployment of another name."""
    names = ("root", "config_dir", "log_dir", "state_dir")
    elsewhere = {f"aidis_{name}": f"/srv/other/{name}" for name in names}
    found = diagnose(
        **elsewhere, aidis_service="other", aidis_user="other", aidis_database="other", backup_dir="/srv/other/backups",
        app_cache_dir="/srv/other/cache", aidis_database_program="/srv/other/program", backup_schedule="",
        health_program="/srv/other/health",
        aidis_mcp_port=13001, aidis_http_port=18080,
    )  # fmt: skip
    assert found.status == 0 and found.order[0] == "deploy.none", found.output
    assert "Nothing was ever deployed to this host" in found.output


def test_an_inventory_without_secrets(diagnose: Any) -> None:
    found = diagnose(aidis_database_password="{{ no_such_variable }}", app_jwt_secret="{{ no_such_variable }}")
    assert found.status == 0 and "gives no password of the database" in found.output, found.output


def test_a_host_that_cannot_be_reached_stops_no_other(diagnose: Any, inventories: list[str], tmp_path: Path) -> None:
    options = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_retries": 0}
    away = json.dumps(options)
    (tmp_path / "away.yml").write_text(f"aidis_app: {{hosts: {{aidis-away: {away}}}}}\n")
    found = diagnose(inventory=[*inventories, f"--inventory={tmp_path / 'away.yml'}"])
    assert found.status == 0 and "aidis-away: cannot be reached" in found.output, found.output
    assert f"{HOST}: nothing wrong was found" in found.output
    alone = diagnose("--limit", "aidis-away", inventory=[*inventories, f"--inventory={tmp_path / 'away.yml'}"])
    assert alone.status != 0 and "No host could be looked at" in alone.output, alone.output


def test_a_host_without_python_is_said(diagnose: Any) -> None:
    found = diagnose(ansible_python_interpreter="/nowhere/python3")
    assert found.status == 2 and "could not be looked at" in found.output and "/nowhere/python3" in found.output


def test_a_bundle_that_cannot_be_written_is_a_failure(diagnose: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = diagnose(diagnose_dest=str(tmp_path / "file" / "below"))
    assert found.status == 2 and "cannot be written" in found.output, found.output
    assert "nothing wrong was found" in found.output, "what was found is told all the same"
