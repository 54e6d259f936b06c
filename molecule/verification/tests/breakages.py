# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single ways to break a deployed host: what is done, which checks find it, and what mends it.

Those that have nothing to do with each other are broken together, and one verification finds each under its own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.ridgetop.aidis.molecule.shared import hooks

SERVICE = "aidis-production"
UNIT = f"/etc/systemd/system/{SERVICE}.service"
ENVIRONMENT = "/etc/aidis/production.env"
LEDGER = "/var/backups/aidis/backups.json"
HEALTH = "/var/lib/aidis/health/state.json"
ACCOUNT = "/var/log/aidis-accounting.log"
# Mended by the first command that the hint of the check names.
BY_HINT = ""


@dataclass(frozen=True)
class Breakage:
    """One thing that is wrong; commands are run by root's shell on the host."""

    broken_by: str
    found_by: frozenset[str]
    mended_by: str = BY_HINT
    # What the hint says, where it is not its command that mends.
    hint: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    # Whether the service is to be restarted when all is mended: what it serves was not there, or it wrote errors.
    restart: bool = False
    # Nothing else may be broken meanwhile: other checks would say that they follow from its own, or could not look.
    alone: bool = False
    # What no other may change meanwhile: what finds it, and what its commands work on.
    changes: frozenset[str] = frozenset()

    def fits(self, other: Breakage) -> bool:
        """Whether both may be there together."""
        return not (self.alone or other.alone or self.changes & other.changes)


def broken(
    command: str, *found_by: str, mend: str = BY_HINT, hint: str = "", changes: str = "", restart: bool = False
) -> Breakage:
    """A breakage that may be there together with others, found by the checks of these ids."""
    changed = frozenset({*found_by, *changes.split()})
    return Breakage(command, frozenset(found_by), mend, hint, restart=restart, changes=changed)


def broken_alone(
    command: str, *found_by: str, mend: str = BY_HINT, hint: str = "", restart: bool = False, **variables: Any
) -> Breakage:
    """A breakage that must be the only one, found by the checks of these ids."""
    return Breakage(command, frozenset(found_by), mend, hint, variables, restart, alone=True)


def batches(breakages: Mapping[str, Breakage], together: bool) -> list[dict[str, Breakage]]:
    """The breakages that are there at the same time, as few times as it takes; ``together`` or each by itself."""
    found: list[dict[str, Breakage]] = []
    for name, breakage in breakages.items():
        for batch in found if together else ():
            if all(breakage.fits(other) for other in batch.values()):
                batch[name] = breakage
                break
        else:
            found.append({name: breakage})
    return found


def sql(statement: str) -> str:
    """A command that runs a statement as the database's superuser."""
    return f"cd / && sudo -u postgres psql -qXv ON_ERROR_STOP=1 -d aidis_production -c {_quoted(statement)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def hooked(body: str) -> str:
    """A command that restarts the server with what it writes to connections of lines changed by JavaScript."""
    return f"{hooks.hook(SERVICE, 3001, body)} && {RESTART}"


# What looks at it next must find it answering, and none of the errors that it wrote meanwhile.
READY = "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/readyz')"
RESTART = (
    f"systemctl reset-failed {SERVICE} && systemctl restart {SERVICE} && "
    f'timeout 60 sh -c "until python3 -c \\"{READY}\\" 2>/dev/null; do sleep 0.2; done"'
)
UNHOOK = f"{hooks.unhook(SERVICE)} && {RESTART}"
DEPLOY = "deploy.yml"


def edited(file: str, expression: str) -> str:
    """A command that changes a file and keeps what it was, with owner and mode."""
    return f"cp -a {file} {file}.kept && sed -i {_quoted(expression)} {file}"


def put_back(file: str) -> str:
    """The command that undoes that."""
    return f"mv {file}.kept {file}"


def older(path: str) -> str:
    """A command that makes times in the ledger of backups a year older."""
    return f'cp -a {LEDGER} {LEDGER}.kept && sed -i -E \'s/("{path}": ")20[0-9]{{2}}/\\12020/\' {LEDGER}'


BREAKAGES = {
    # The service
    "service-stopped": broken_alone(f"systemctl stop {SERVICE}", "service.active"),
    "service-disabled": broken_alone(
        f"systemctl disable -q {SERVICE}", "service.enabled", mend=f"systemctl enable -q {SERVICE}"
    ),
    "service-masked": broken_alone(
        f"mv {UNIT} {UNIT}.kept && ln -s /dev/null {UNIT} && systemctl daemon-reload",
        "service.enabled",
        mend=f"rm {UNIT} && mv {UNIT}.kept {UNIT} && systemctl daemon-reload && systemctl enable -q {SERVICE}",
        hint="unmask",
    ),
    "unit-not-read": broken_alone(
        f"cp -a {UNIT} {UNIT}.kept && sleep 1 && echo '# by hand' >> {UNIT}",
        "configuration.unit",
        mend=f"mv {UNIT}.kept {UNIT} && systemctl daemon-reload",
        hint="systemctl daemon-reload",
    ),
    "port-closed": broken_alone(
        "nft add table inet closed && nft 'add chain inet closed in { type filter hook input priority -1; }' && "
        "nft add rule inet closed in tcp dport 3001 drop",
        "service.port_mcp_open",
        mend="nft delete table inet closed",
        hint="nft list ruleset",
    ),
    "server-slow": broken_alone(
        hooked(hooks.LATER.format(milliseconds=700)),
        *("performance.session_create", "performance.project_resolve"),
        mend=UNHOOK,
        hint="limit",
        # Its hundred calls would take minutes.
        app_acceptance_command="",
    ),
    "server-answers-errors": broken_alone(
        hooked("return write.call(this, line.replace('\"result\":', '\"error\":'), ...rest);"),
        "functionality.mcp",
        mend=UNHOOK,
        hint="journalctl",
    ),
    "server-cannot-write": broken_alone(
        sql("ALTER ROLE ridgetop SET default_transaction_read_only = on") + f" && {RESTART}",
        *(
            "functionality.sessions",
            "functionality.projects",
            "functionality.contexts",
            "functionality.acceptance_suite",
            "security.database_limits",
        ),
        mend=sql("ALTER ROLE ridgetop RESET default_transaction_read_only"),
        restart=True,
    ),
    # Releases
    "link-moved": broken_alone(
        "readlink /opt/aidis/current > /run/link && ln -sfn releases/none /opt/aidis/current",
        "release.active",
        mend='ln -sfn "$(cat /run/link)" /opt/aidis/current',
        hint=DEPLOY,
    ),
    "build-gone": broken_alone(
        "mv /opt/aidis/current/mcp-server/dist /opt/aidis/current/mcp-server/kept",
        "requirements.build:dist",
        mend="mv /opt/aidis/current/mcp-server/kept /opt/aidis/current/mcp-server/dist",
        hint=DEPLOY,
    ),
    "dependency-gone": broken_alone(
        "mv /opt/aidis/current/mcp-server/node_modules/zod /opt/aidis/current/mcp-server/kept",
        "requirements.dependencies",
        mend="mv /opt/aidis/current/mcp-server/kept /opt/aidis/current/mcp-server/node_modules/zod",
        hint="deploy again",
        # It needs what is gone, too.
        app_acceptance_command="",
    ),
    "release-writable": broken(
        "chmod o+w /opt/aidis/current/mcp-server/dist/server.js", "security.releases", hint="chmod -R go-w"
    ),
    "node-of-another-version": broken_alone(
        "printf '#!/bin/sh\\necho v12.22.0\\n' > /usr/local/bin/node && chmod 0755 /usr/local/bin/node",
        "requirements.nodejs",
        mend="rm /usr/local/bin/node",
        hint="type -a node",
    ),
    # Configuration
    "environment-changed": broken(
        edited(ENVIRONMENT, "s/^LOG_LEVEL=.*/LOG_LEVEL=debug/"),
        "release.inputs",
        mend=put_back(ENVIRONMENT),
        hint=DEPLOY,
        changes="environment",
    ),
    "environment-incomplete": broken(
        edited(ENVIRONMENT, "/^JWT_SECRET=/d"),
        "configuration.environment",
        mend=put_back(ENVIRONMENT),
        hint=DEPLOY,
        changes="environment",
    ),
    "environment-of-the-manual": broken(
        edited(ENVIRONMENT, "s/^JWT_SECRET=.*/JWT_SECRET=your_jwt_secret_here/"),
        "configuration.placeholders",
        mend=put_back(ENVIRONMENT),
        hint="Set the variables",
        changes="environment",
    ),
    "environment-of-another-project": broken(
        edited(ENVIRONMENT, "s/^DEFAULT_PROJECT_ID=.*/DEFAULT_PROJECT_ID=00000000-0000-4000-8000-000000000000/"),
        "configuration.project",
        mend=put_back(ENVIRONMENT),
        hint=DEPLOY,
        changes="environment",
    ),
    # Permissions
    "environment-readable": broken(f"chmod 0644 {ENVIRONMENT}", "security.environment_file"),
    "config-writable": broken("chmod 0777 /etc/aidis", "security.config_directory"),
    "state-writable": broken("chmod 0777 /var/lib/aidis", "security.state_directory"),
    "backups-readable": broken("chmod 0755 /var/backups/aidis", "security.backup_directory"),
    "log-readable": broken("chmod 0644 /var/log/aidis/production.log", "security.log_files"),
    "accounting-writable": broken(
        f"chmod 0666 {ACCOUNT}", "security.accounting", mend=f"chmod 0640 {ACCOUNT}", hint="chmod 0640"
    ),
    "accounting-gone": broken(
        f"mv {ACCOUNT} {ACCOUNT}.kept", "security.accounting", mend=f"mv {ACCOUNT}.kept {ACCOUNT}", hint="deployment"
    ),
    "user-with-a-shell": broken("usermod --shell /bin/bash ridgetop", "security.service_user"),
    # The host's own policy
    "root-with-a-password": broken(
        "printf 'PermitRootLogin yes\\nPasswordAuthentication yes\\n' > /etc/ssh/sshd_config.d/00-root.conf",
        "security.root_login",
    ),
    "restart-due": broken(
        "echo libc6 > /run/reboot-required.pkgs; touch /run/reboot-required",
        "security.reboot",
        mend="rm /run/reboot-required /run/reboot-required.pkgs",
        hint="systemctl reboot",
    ),
    # Schema and data
    "index-dropped": broken(
        sql("DROP INDEX idx_sessions_agent_type"),
        "schema.indexes",
        mend=sql("SET ROLE ridgetop; CREATE INDEX idx_sessions_agent_type ON sessions (agent_type)"),
        hint="migrations",
    ),
    "index-invalid": broken(
        sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_contexts_type'::regclass"),
        "schema.indexes",
        mend=sql("UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'idx_contexts_type'::regclass"),
    ),
    "foreign-key-dropped": broken(
        sql("ALTER TABLE contexts DROP CONSTRAINT contexts_session_id_fkey"),
        "schema.foreign_keys",
        mend=sql(
            "SET ROLE ridgetop; ALTER TABLE contexts ADD CONSTRAINT contexts_session_id_fkey"
            " FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE SET NULL"
        ),
        changes="contexts",
    ),
    "extension-missing": broken_alone(
        sql("DROP EXTENSION pg_trgm"), "schema.extensions", mend=sql("CREATE EXTENSION pg_trgm"), restart=True
    ),
    "table-of-another": broken_alone(
        sql("ALTER TABLE contexts OWNER TO postgres"),
        "database.ownership",
        mend=sql("ALTER TABLE contexts OWNER TO ridgetop"),
        restart=True,
        hint="OWNER TO",
    ),
    "migrations-not-recorded": broken_alone(
        sql("SET ROLE ridgetop; CREATE TABLE kept AS TABLE migrations; DELETE FROM migrations"),
        "schema.migrations",
        mend=sql("INSERT INTO migrations SELECT * FROM kept; DROP TABLE kept"),
        restart=True,
    ),
    "project-missing": broken_alone(
        sql("UPDATE projects SET name = 'kept' WHERE name = 'System Default'"),
        "data.system_project",
        mend=sql("UPDATE projects SET name = 'System Default' WHERE name = 'kept'"),
        restart=True,
        hint=DEPLOY,
    ),
    "project-archived": broken_alone(
        sql("UPDATE projects SET status = 'archived' WHERE name = 'System Default'"),
        "data.system_project",
        mend=sql("UPDATE projects SET status = 'active' WHERE name = 'System Default'"),
        restart=True,
        hint=DEPLOY,
    ),
    # The database's server
    "database-stopped": broken_alone(
        "systemctl stop postgresql@17-main",
        "database.service",
        mend="systemctl start postgresql@17-main",
        restart=True,
    ),
    "database-password-changed": broken_alone(
        sql("ALTER ROLE ridgetop PASSWORD 'another one'"),
        "database.login",
        mend="sudo -u postgres psql -qX -d aidis_production -f /run/kept.sql",
        restart=True,
        hint=DEPLOY,
    ),
    "database-disabled": broken("systemctl disable -q postgresql", "database.enabled"),
    "role-of-a-superuser": broken(
        sql("ALTER ROLE ridgetop SUPERUSER"),
        "security.database_role",
        mend=sql("ALTER ROLE ridgetop NOSUPERUSER"),
        hint=DEPLOY,
    ),
    "access-without-password": broken(
        edited("/etc/postgresql/17/main/pg_hba.conf", "1i hostssl all all 192.0.2.1/32 trust"),
        "security.database_access",
        mend=put_back("/etc/postgresql/17/main/pg_hba.conf"),
        hint="pg_hba.conf",
    ),
    "schema-open-to-all": broken(
        sql("GRANT CREATE ON SCHEMA public TO PUBLIC"),
        "security.database_public",
        mend=sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
        hint="REVOKE",
    ),
    "connections-not-logged": broken(
        sql("ALTER SYSTEM SET log_connections = off") + " && " + sql("SELECT pg_reload_conf()"),
        "security.audit_logging",
        mend=sql("ALTER SYSTEM RESET log_connections") + " && " + sql("SELECT pg_reload_conf()"),
        hint=DEPLOY,
    ),
    # Backups, logs, the machine
    "backup-timer-disabled": broken("systemctl disable -q --now aidis-backup.timer", "backup.timer"),
    "health-check-old": broken(
        edited(HEALTH, 's/"at": "20/"at": "19/'),
        "monitoring.health_check",
        mend=put_back(HEALTH),
        hint="aidis-health.service",
    ),
    "backup-old": broken(older("at"), "backup.recent", mend=put_back(LEDGER), hint="backup.yml", changes="ledger"),
    "drill-old": broken(
        older("last_success_at"),
        "backup.restore_drill",
        mend=put_back(LEDGER),
        hint="restore_drill.yml",
        changes="ledger",
    ),
    "backup-program-gone": broken_alone(
        "mv /usr/local/sbin/aidis-database /run/kept",
        "backup.program",
        mend="mv /run/kept /usr/local/sbin/aidis-database",
        hint=DEPLOY,
    ),
    "rotation-gone": broken(
        f"mv /etc/logrotate.d/{SERVICE} /run/kept",
        f"logs.rotation:{SERVICE}",
        mend=f"mv /run/kept /etc/logrotate.d/{SERVICE}",
        hint=DEPLOY,
    ),
    "rotation-timer-disabled": broken("systemctl disable -q --now logrotate.timer", "logs.rotation_timer"),
    "journal-with-errors": broken_alone(
        f"group=/sys/fs/cgroup$(systemctl show -P ControlGroup {SERVICE}) && "
        'sh -c "echo \\$\\$ > $group/cgroup.procs && exec systemd-cat -p err sh -c \\"echo it broke; sleep 1\\""',
        "logs.journal",
        mend=RESTART,
        hint="journalctl",
    ),
    "disk-nearly-full": broken(
        "mkdir -p /srv/full && mount -t tmpfs -o size=1m tmpfs /srv/full",
        "host.disk:/srv/full",
        mend="umount /srv/full",
        hint="Make room",
    ),
    "firewall-off": broken(
        "ufw disable",
        "security.firewall",
        mend="ufw --force enable",
        hint="ufw enable",
        changes="firewall",
    ),
    "firewall-open": broken("ufw default allow incoming", "security.firewall_policy", changes="firewall"),
    "firewall-without-ipv6": broken(
        "sed -i s/^IPV6=.*/IPV6=no/ /etc/default/ufw",
        "security.firewall_policy",
        mend="sed -i s/^IPV6=.*/IPV6=yes/ /etc/default/ufw",
        hint="by a deployment",
        changes="firewall",
    ),
    "firewall-without-a-rule": broken(
        "ufw delete allow from 192.0.2.99 to any port 3001 proto tcp",
        "security.firewall_rules",
        mend="ufw allow from 192.0.2.99 to any port 3001 proto tcp comment 'aidis: MCP'",
        hint=DEPLOY,
        changes="firewall",
    ),
    "firewall-not-at-boot": broken("systemctl disable -q ufw.service", "security.firewall_boot", changes="firewall"),
}
