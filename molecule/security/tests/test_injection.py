# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostile values of a live deployment: names that are more than a name are refused before anything is touched, and free
texts arrive as they are. What may stand where is tried by tests/unit/roles/injection, text by text."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.molecule.shared import playbook

SERVER = "aidis-security-server"
CANARY = "/tmp/aidis-canary"
RUN = f"touch {CANARY}"
# Everything that a shell, systemd, SQL, YAML and Jinja give a meaning to, in one line. The name of a variable has no
# braces: those of the application's probes are placeholders.
TEXT = f"""it's "q" \\ $HOME $({RUN}) `{RUN}`; {RUN} && x | y %n %i {{{{ 7*7 }}}} {{% raw %}} '; DROP TABLE x; -- é #"""
LINES = f"{TEXT}\n{TEXT}\\\n  {TEXT}\t"

# Names, by what is hostile in them. Each is refused, and named.
REFUSED: dict[str, dict[str, Any]] = {
    "commands": {
        "aidis_user": f"x;{RUN}",
        "aidis_root": f"/opt/$({RUN})",
        "aidis_service": f"x`{RUN}`",
        "app_build_user": f"x|{RUN}",
        "app_version": f"v1';{RUN};'",
        "app_subdirectory": f'x";{RUN};"',
        "app_typescript_minimum": f"5;{RUN}",
        "app_extra_packages": [f"x' -o APT::Update::Pre-Invoke::={RUN}"],
        "firewall_ssh_networks": ["any", f"x/;1e {RUN};s/a"],
        "backup_schedule": f"daily;{RUN}",
    },
    "lines": {
        "aidis_log_dir": f"/var/log/x\nExecStartPre=/bin/{RUN}",
        "aidis_reload_command": f"/bin/true\nExecStartPre=/bin/{RUN}",
        "systemd_description": "x\\",
        "systemd_exec_start": f"/usr/bin/node\rExecStartPre=/bin/{RUN}",
        "systemd_limits": {f"LimitNOFILE=1\nExecStartPre=/bin/{RUN}\nLimitNPROC": 1},
        "postgres_clients": ["192.0.2.1/32 trust\nhost all all 0.0.0.0/0"],
        "postgres_hba_extra": ["local all all trust \\"],
        "postgres_settings": {"archive_command = 'x'\nwork_mem": 1},
        "logrotate_entries": [{"name": "x", "paths": ["/a"], "user": "root\npostrotate", "group": "root"}],
        "app_operator": "me\nroot",
    },
    "options, ways up and statements": {
        "aidis_lock_host": f"-oProxyCommand={RUN}",
        "app_repository": f"--upload-pack={RUN}",
        "app_migration_directory": "../../etc",
        "app_build_products": ["../../../etc/shadow"],
        "backup_dir": "/var/../etc",
        "aidis_database": "dbname=x host=192.0.2.1",
        "app_project_table": 'x"; DROP TABLE projects; --',
        "postgres_extensions": ['x"; DROP DATABASE x; --'],
        "app_environment_extra": {"A=B\nC": 1},
        "aidis_mcp_port": 65536,
    },
}
# What a run that is refused must not touch, and what the health check writes there by itself.
TREES = "/etc /opt/aidis /usr/local /var/lib/aidis /var/backups/aidis /var/lib/postgresql/*/*/postgresql.auto.conf"
OTHERS = "-path /var/lib/aidis/health -prune"


def unsafe(value: Any) -> str:
    """A value as YAML whose texts are no templates."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)}: {unsafe(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(unsafe, value)) + "]"
    return f"!unsafe {json.dumps(value)}" if isinstance(value, str) else json.dumps(value)


@pytest.fixture
def given(tmp_path: Path) -> Any:
    """The option that gives variables to a playbook, as an inventory does that marks them as `!unsafe`."""

    def option(variables: Mapping[str, Any]) -> str:
        path = tmp_path / "values.yml"
        path.write_text("".join(f"{name}: {unsafe(value)}\n" for name, value in variables.items()), encoding="utf-8")
        return f"--extra-vars=@{path}"

    return option


@pytest.fixture(autouse=True)
def _no_canary_sings(on: Any) -> Iterator[None]:
    """Neither on the host nor on the controller."""
    yield
    assert on(SERVER, f"ls -d {CANARY}* 2>/dev/null || true") == ""
    assert not Path(CANARY).exists()


def state(on: Any) -> str:
    """Every file below the trees that a deployment writes to: its owner, mode, size and time."""
    return str(on(SERVER, f"find {TREES} {OTHERS} -o -printf '%p %m %u %g %s %T@\\n' 2>/dev/null | sort"))


@pytest.mark.parametrize("kind", REFUSED)
def test_a_name_that_is_more_than_one_is_refused_before_anything_is_touched(
    on: Any, inventory: Path, given: Any, kind: str
) -> None:
    before = state(on)
    ran = playbook.run("deploy", playbook.inventories(inventory), "--check", given(REFUSED[kind]))
    assert ran.failed and ran.says("Not fit for a deployment; nothing was changed."), ran.output[-3000:]
    assert [name for name in REFUSED[kind] if f"(variable.{name})" not in ran.output] == []
    assert state(on) == before


@pytest.fixture(scope="module")
def hostile(on: Any) -> dict[str, Any]:
    """All free texts of a deployment at once. The version is a commit, so that a release is built with them."""
    commit = on(SERVER, "git --git-dir=/srv/git/aidis.git rev-parse 'v1.1.0^{commit}'").strip()
    return {
        "app_version": commit,
        "aidis_database_password": f"{TEXT}\t9Zq",
        "app_jwt_secret": f"{LINES}9Zq",
        "app_project_name": TEXT,
        "app_project_description": LINES,
        "app_operator": f"-{TEXT}",
        "app_verify_user": 'it\'s "v" $(x) {{ 7*7 }} %n',
        "lock_owner": TEXT,
        "lock_reason": f"-{TEXT}",
        "systemd_description": TEXT,
        "systemd_environment": {
            "NODE_ENV": "production",
            "ENV_FILE": "/etc/aidis/production.env",
            "UNIT_TEXT": LINES,
        },
        "app_environment_extra": {"EXTRA_TEXT": TEXT, "EXTRA_LINES": LINES},
        "app_build_environment": {"npm_config_cache": "/var/cache/npm-shared", "BUILD_TEXT": TEXT},
        "app_post_install_commands": ['printf %s "$BUILD_TEXT" > built-with'],
        "postgres_role_settings": {"statement_timeout": "60s", "aidis.text": TEXT},
        "postgres_settings": {"aidis.text": TEXT},
    }


@pytest.fixture
def deployed(inventory: Path, on: Any, given: Any, hostile: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A deployment with them; afterwards the values of the inventory return."""
    where = playbook.inventories(inventory)
    ran = playbook.run("deploy", where, given(hostile))
    assert ran.status == 0, ran.output[-5000:]
    yield hostile
    again = playbook.run("deploy", where)
    sql(on, f"DELETE FROM projects WHERE name LIKE '%{CANARY}%'")
    assert again.status == 0, again.output[-5000:]


def sql(on: Any, query: str) -> str:
    return str(on(SERVER, "runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -d aidis_production -c %s", query))


def test_free_texts_arrive_as_they_are(
    deployed: dict[str, Any], inventory: Path, on: Any, given: Any, tmp_path: Path
) -> None:
    process = on(SERVER, "systemctl show --property=MainPID --value aidis-production").strip()
    words = base64.b64decode(on(SERVER, f"base64 --wrap=0 /proc/{process}/environ")).split(b"\0")
    environment = dict(word.decode().split("=", 1) for word in words if word)
    wanted = {
        **deployed["app_environment_extra"],
        **deployed["systemd_environment"],
        "JWT_SECRET": deployed["app_jwt_secret"],
    }
    assert {name: environment.get(name) for name in wanted} == wanted
    shown = on(SERVER, "systemctl show --property=Description --value aidis-production")
    assert shown.rstrip("\n") == deployed["systemd_description"]

    projects = json.loads(sql(on, "SELECT json_agg(json_build_array(name, description, id::text)) FROM projects"))
    found = [one for one in projects if one[0] == deployed["app_project_name"]]
    assert [one[1] for one in found] == [deployed["app_project_description"]]
    assert environment["DEFAULT_PROJECT_ID"] == found[0][2]
    assert sql(on, "SHOW aidis.text").rstrip("\n") == TEXT

    ledger = json.loads(on(SERVER, "cat /var/lib/aidis/releases.json"))
    (release,) = [one for one in ledger["releases"] if one["version"] == deployed["app_version"]]
    assert release["by"] == deployed["app_operator"]
    built = on(SERVER, f"cat /opt/aidis/releases/{release['id']}/mcp-server/built-with")
    assert built == TEXT
    lines = [json.loads(line) for line in on(SERVER, "cat /var/log/aidis-accounting.log").splitlines()]
    assert any(str(line.get("what", "")).startswith('-it\'s "q"') for line in lines[-4:])

    # What else bears such texts: a backup, and what verify.yml makes and takes back.
    where = playbook.inventories(inventory)
    backup = playbook.run("backup", where, given(deployed))
    assert backup.status == 0, backup.output[-3000:]
    taken = json.loads(on(SERVER, "/usr/local/sbin/aidis-database --config /etc/aidis/database.json list"))
    assert [one["by"] for one in taken["backups"] if one.get("by") == deployed["app_operator"]]
    looked = {"app_acceptance_command": "", "verify_categories": ["functionality"], "verify_report_dir": str(tmp_path)}
    verified = playbook.run("verify", where, given({**deployed, **looked}))
    assert verified.status == 0, verified.output[-3000:]
