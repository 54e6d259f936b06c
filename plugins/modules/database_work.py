#!/usr/bin/python
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: database_work
short_description: Back up, restore, swap and drill with the program that the host's timers use
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Starts C(aidis-database), the program that the role P(ridgetop.aidis.backup#role) installs on the host of the
    database, and returns what it says. What it knows of the database is in its configuration.
  - It runs as a transient unit of systemd and not as a child of the connection, so a restore or a swap goes on to its
    end when the controller is lost.
attributes:
  check_mode:
    support: full
    description: What only reads is done in check mode, too; of the rest only the change is predicted.
  diff_mode:
    support: none
    description: Databases have no diff.
options:
  command:
    description:
      - V(backup) takes a backup and proves that it can be read. V(verify) proves one again.
      - V(plan) tells what the database would return to, V(restore) restores that into a scratch database and proves it,
        V(lost) counts again what would be lost, V(swap) lets it take the name, V(discard) drops it.
      - V(drill) restores a backup, proves and drops it. V(prune) removes what is too old. V(list) and V(state) tell
        what there is.
    type: str
    required: true
    choices: [backup, discard, drill, list, lost, plan, prune, restore, state, swap, verify]
  arguments:
    description: Its arguments, as on a command line.
    type: list
    elements: str
    default: []
  program:
    description: Path of the program.
    type: path
    default: /usr/local/sbin/aidis-database
  config:
    description: Path of its configuration.
    type: path
    default: /etc/aidis/database.json
  user:
    description: User to run it as, who owns the backups and is let in by the database.
    type: str
    default: postgres
  credentials:
    description: Files that it gets a copy of, by name, which its user could not read.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Back the database up
  ridgetop.aidis.database_work:
    command: backup
    arguments: [--reason, manual]
  register: taken

- name: Drill the restore of that backup
  ridgetop.aidis.database_work:
    command: drill
    arguments: ["{{ taken.result.id }}"]
"""

RETURN = r"""
result:
  description: What the program says, by command; empty where it was not run in check mode.
  returned: success
  type: dict
  sample: {id: 20260101T021500Z-daily, bytes: 1048576, seconds: 2.5, proved: true}
"""

import json
import typing as t

from ansible.module_utils.basic import AnsibleModule

# These change nothing.
READING = ("list", "lost", "plan", "state", "verify")


def unit(params: t.Mapping[str, t.Any]) -> list[str]:
    """Return the command that runs the program as a unit, and waits for it."""
    credentials = [f"--property=LoadCredential={name}:{path}" for name, path in sorted(params["credentials"].items())]
    options = ["--wait", "--pipe", "--collect", "--quiet", "--service-type=exec", "--working-directory=/"]
    described = f"--description=AIDIS database: {params['command']}"
    started = [params["program"], "--config", params["config"], params["command"], *params["arguments"]]
    # systemd would put the value of a variable in the place of its name.
    return [
        *("systemd-run", *options, described, f"--uid={params['user']}", *credentials),
        *(word.replace("$", "$$") for word in started),
    ]


def said(out: str) -> dict[str, t.Any]:
    """Return the object that the program printed, empty where it printed none."""
    try:
        found = json.loads(out)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "command": {
                "type": "str",
                "required": True,
                "choices": [
                    *("backup", "discard", "drill", "list", "lost", "plan"),
                    *("prune", "restore", "state", "swap", "verify"),
                ],
            },
            "arguments": {"type": "list", "elements": "str", "default": []},
            "program": {"type": "path", "default": "/usr/local/sbin/aidis-database"},
            "config": {"type": "path", "default": "/etc/aidis/database.json"},
            "user": {"type": "str", "default": "postgres"},
            "credentials": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    params = module.params
    changes = params["command"] not in READING
    if module.check_mode and changes:
        module.exit_json(changed=True, result={})
    status, out, err = module.run_command(unit(params), expand_user_and_vars=False)
    result = said(out)
    if status != 0 or not result:
        told = result.get("msg") or err.strip() or out.strip() or f"it ended with status {status}"
        module.fail_json(
            msg=f"aidis-database {params['command']}: {told}", rc=status, stderr=err[-2000:], result=result
        )
    module.exit_json(changed=changes, result=result)


if __name__ == "__main__":
    main()
