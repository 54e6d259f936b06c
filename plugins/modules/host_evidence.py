#!/usr/bin/python
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_evidence
short_description: Gather what tells why a deployment does not work
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Looks at units and their journals, listening sockets, the database, disks, memory, the clock, files and their modes,
    the environment file, the ledgers and the lock, side by side and in one round trip. Only reads.
  - It is made for hosts on which anything may be broken. What cannot be looked at is said with the reason, and keeps
    nothing else from being looked at.
  - All that it returns is masked on the host. Known secrets are found as they are and as URLs, shells, JSON, SQL and
    base64 write them; besides, values of variables whose names look secret and passwords in URLs. Secrets of fewer than
    six characters are masked in the latter places only.
notes:
  - Needs nothing but Python's standard library.
  - It is an action that finds out the secrets on the controller. Give the task C(no_log=true).
extends_documentation_fragment:
  - ridgetop.aidis.attributes
attributes:
  check_mode:
    support: full
    details:
      - The module only reads, in either mode.
  diff_mode:
    support: none
    details:
      - The module changes nothing.
  idempotent:
    support: full
  action:
    support: full
    description: Its action makes the values of the secrets known to it, and compares the clock with the controller's.
options:
  service:
    description: Name of the service's unit, without its suffix. Empty where the application does not run on the host.
    type: str
    default: ''
  user:
    description: User that the service has to run as.
    type: str
    default: ''
  units:
    description: Further units to look at, with their suffixes. Clusters of PostgreSQL are always looked at.
    type: list
    elements: str
    default: []
  paths:
    description: What has to be on the host. A C(*) in a path stands for any name.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: str
        required: true
      type:
        description: What it is.
        type: str
        choices: [directory, file, link]
        default: file
      owner:
        description: Its owner. Any when not given.
        type: str
      group:
        description: Its group. Any when not given.
        type: str
      mode:
        description: Its mode in four octal digits, quoted. Any when not given.
        type: str
  root:
    description: Directory of the releases and of the link to the active one.
    type: str
    default: ''
  state_dir:
    description: Directory of the ledger of releases.
    type: str
    default: ''
  backups:
    description: Directory of the backups. Empty where there are none on the host.
    type: str
    default: ''
  environment_file:
    description: The service's environment file.
    type: str
    default: ''
  working_directory:
    description: Directory that the service has to be started in.
    type: str
    default: ''
  exec_start:
    description: Command that the service has to be started with; its first word is the program that is looked at.
    type: str
    default: ''
  runtime_minimum:
    description: Lowest version of that program. Empty for any.
    type: str
    default: ''
  lock:
    description: The lock of the deployment. Empty where it is not on the host.
    type: str
    default: ''
  ports:
    description: TCP ports that the service listens on.
    type: list
    elements: int
    default: []
  logs:
    description: Log files of the service, as patterns of paths. Links among them are not followed.
    type: list
    elements: path
    default: []
  database:
    description: The database. Empty to look at none.
    type: dict
    default: {}
    suboptions:
      host:
        description: Host that the application reaches it at.
        type: str
        required: true
      port:
        description: Its TCP port.
        type: int
        required: true
      name:
        description: Its name.
        type: str
        required: true
      user:
        description: The application's role.
        type: str
        required: true
      tls:
        description: Whether the application reaches it over TLS.
        type: bool
        default: false
      ca_file:
        description: File of the certificate that it is then verified against.
        type: str
        default: ''
      here:
        description: Whether it is on this host, so that its superuser can be asked.
        type: bool
        default: false
      schemas:
        description: Schemas that the application uses.
        type: list
        elements: str
        default: []
  extensions:
    description: Extensions that the database must have.
    type: list
    elements: str
    default: []
  lines:
    description: Lines of each log to return.
    type: int
    default: 60
  timeout:
    description: Time limit of each command in seconds.
    type: float
    default: 10.0
  password_variable:
    description: Name of the variable that holds the password of the application's role.
    type: str
    default: ''
  environment_variable:
    description: Name of the variable that maps names of variables of the environment file to their secret values.
    type: str
    default: ''
  secret_variables:
    description:
      - Names of further variables that hold secrets, as texts, lists or mappings. One that is not defined, or
        cannot be made, holds none.
    type: list
    elements: str
    default: []
  sealed:
    description: The secrets as JSON in base64. Written by the action; do not set it.
    type: str
    default: ''
seealso:
  - module: ridgetop.aidis.diagnosis
  - module: ridgetop.aidis.host_check
"""

EXAMPLES = r"""
- name: Gather the evidence
  ridgetop.aidis.host_evidence:
    service: aidis-production
    units: [aidis-backup.timer]
    root: /opt/aidis
    state_dir: /var/lib/aidis
    environment_file: /etc/aidis/production.env
    paths:
      - path: /etc/aidis/production.env
        owner: root
        group: ridgetop
        mode: "0640"
    database:
      host: localhost
      port: 5432
      name: aidis_production
      user: ridgetop
      here: true
    password_variable: aidis_database_password
  register: found
  no_log: true
"""

RETURN = r"""
evidence:
  description:
    - What was found, by its parts, masked. V(missing) in it maps the parts that could not be had to why.
  returned: success
  type: dict
known:
  description: The values of the secrets, for what has to search for them. The task must not be logged.
  returned: always
  type: list
  elements: str
"""

import base64
import json

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ridgetop.aidis.plugins.module_utils.evidence_base import About
from ansible_collections.ridgetop.aidis.plugins.module_utils.evidence_gather import gather

PATH = {
    "path": {"type": "str", "required": True},
    "type": {"type": "str", "choices": ["directory", "file", "link"], "default": "file"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str"},
}
DATABASE = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "name": {"type": "str", "required": True},
    "user": {"type": "str", "required": True},
    "tls": {"type": "bool", "default": False},
    "ca_file": {"type": "str", "default": ""},
    "here": {"type": "bool", "default": False},
    "schemas": {"type": "list", "elements": "str", "default": []},
}
TEXTS = "service user root state_dir backups environment_file working_directory exec_start lock".split()


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **{name: {"type": "str", "default": ""} for name in TEXTS},
            "runtime_minimum": {"type": "str", "default": ""},
            "units": {"type": "list", "elements": "str", "default": []},
            "paths": {"type": "list", "elements": "dict", "options": PATH, "default": []},
            "ports": {"type": "list", "elements": "int", "default": []},
            "logs": {"type": "list", "elements": "path", "default": []},
            "database": {"type": "dict", "options": DATABASE, "default": {}},
            "extensions": {"type": "list", "elements": "str", "default": []},
            "lines": {"type": "int", "default": 60},
            "timeout": {"type": "float", "default": 10.0},
            "password_variable": {"type": "str", "default": "", "no_log": False},
            "environment_variable": {"type": "str", "default": ""},
            "secret_variables": {"type": "list", "elements": "str", "default": [], "no_log": False},
            # In one piece: a list of secrets would have Ansible blank out each, be it one letter long.
            "sealed": {"type": "str", "default": "", "no_log": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    sealed = json.loads(base64.b64decode(params["sealed"]) or b"{}")
    about = About(
        **{name: params[name] for name in TEXTS},
        runtime_minimum=params["runtime_minimum"],
        units=tuple(params["units"]),
        paths=tuple(params["paths"]),
        ports=tuple(params["ports"]),
        logs=tuple(params["logs"]),
        extensions=tuple(params["extensions"]),
        database=params["database"],
        lines=params["lines"],
        seconds=params["timeout"],
        password=sealed.get("password"),
        secrets=sealed.get("environment", {}),
    )
    module.exit_json(changed=False, evidence=gather(about, sealed.get("others", [])))


if __name__ == "__main__":
    main()
