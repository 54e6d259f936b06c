#!/usr/bin/python
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: system_project
short_description: Make sure that the default project exists once and is active
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Makes sure that a table of projects holds exactly one row of a name and that this row is active, whoever else
    does the same at the same time. Returns its id.
  - A row that is missing is inserted, one whose status differs gets the active one. Other columns of a row that
    exists are left as they are.
  - No unique constraint is needed. Runs exclude each other by an advisory lock, and other writers by a lock of
    the table in the mode C(SHARE ROW EXCLUSIVE), which is left out where the role may only insert. A run that has
    nothing to change takes neither.
  - More than one row of the name is an error that names their ids. The module never chooses or deletes one.
extends_documentation_fragment:
  - ridgetop.aidis.attributes
  - ridgetop.aidis.postgres
attributes:
  check_mode:
    support: full
    details:
      - Reads in a read-only transaction and takes no lock.
      - Where the table is not there yet, as before the first migration, the row is reported as one to be created.
        It is an error outside of check mode.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  schema:
    description: Schema of the table.
    type: str
    default: public
  table:
    description: Table of the projects.
    type: str
    default: projects
  columns:
    description:
      - Columns of the table by their meaning. An empty one is neither read nor written.
    type: dict
    default: {}
    suboptions:
      id:
        description: Column of the key, returned as RV(project.id).
        type: str
        default: id
      name:
        description: Column of the name. Cannot be empty.
        type: str
        default: name
      description:
        description: Column of the description.
        type: str
        default: description
      status:
        description: Column of the status. Without one every row counts as active.
        type: str
        default: status
  name:
    description: Name of the project.
    type: str
    default: System Default
  description:
    description: Description of the project, written when it is created.
    type: str
    default: Default system project for new sessions
  active_value:
    description: Value of the status column that means active, such as V(active) or V(true).
    type: raw
    default: active
  values:
    description:
      - Further columns with their values, written when the project is created. Mappings and lists are written as
        JSON.
      - The key may be among them. Without it the column's default makes the key, or for a column of the type
        C(uuid) without default a random UUID.
    type: dict
    default: {}
seealso:
  - module: community.postgresql.postgresql_query
"""

EXAMPLES = r"""
- name: Make sure of the default project
  ridgetop.aidis.system_project:
    login_host: db.example.org
    login_user: ridgetop
    login_password: "{{ vault_aidis_database_password }}"
    login_db: aidis_production
    ssl_mode: verify-full
    ca_cert: /etc/aidis/ca.pem
  register: system_project

- name: Use a table with other columns, by the local socket
  ridgetop.aidis.system_project:
    login_db: aidis_production
    session_role: ridgetop
    schema: core
    table: workspaces
    columns:
      id: workspace_id
      name: title
      description: ""
      status: enabled
    active_value: true
    values:
      settings: {default: true}
  become: true
  become_user: postgres
"""

RETURN = r"""
project:
  description: The project, null where there is none yet, in check mode.
  returned: success
  type: dict
  contains:
    id:
      description: The value of the key column as text, null where there is no such column.
      type: str
    name:
      description: The project's name.
      type: str
    status:
      description: The value of the status column as text, null where there is no such column.
      type: str
  sample: {id: 5f4c0e0a-7a3e-4b7e-9d55-0a5b6a1f2c11, name: System Default, status: active}
created:
  description: Whether the row was created, or would be.
  returned: success
  type: bool
  sample: true
diff:
  description: The row before and after, with the columns that matter here. Empty before it is created.
  returned: success
  type: dict
  sample:
    before: {}
    after: {id: 5f4c0e0a-7a3e-4b7e-9d55-0a5b6a1f2c11, name: System Default, status: active}
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.ridgetop.aidis.plugins.module_utils import postgres
from ansible_collections.ridgetop.aidis.plugins.module_utils.project import (
    ProjectError,
    Result,
    Wanted,
    ensure,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.project_store import SqlStore


def main() -> None:
    names = ("id", "name", "description", "status")
    columns = {name: {"type": "str", "default": name} for name in names}
    module = AnsibleModule(
        argument_spec={
            **postgres.argument_spec(),
            "schema": {"type": "str", "default": "public"},
            "table": {"type": "str", "default": "projects"},
            "columns": {"type": "dict", "default": {}, "options": columns},
            "name": {"type": "str", "default": "System Default"},
            "description": {"type": "str", "default": "Default system project for new sessions"},
            "active_value": {"type": "raw", "default": "active"},
            "values": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    if postgres.PSYCOPG2_ERROR is not None:
        module.fail_json(msg=missing_required_lib("psycopg2"), exception=str(postgres.PSYCOPG2_ERROR))
    params = module.params
    problem = postgres.problem(params)
    if problem:
        module.fail_json(msg=problem)

    def run() -> Result:
        with postgres.transaction(params, read_only=module.check_mode) as cursor:
            return ensure(SqlStore(cursor, wanted), wanted, module.check_mode)

    try:
        wanted = Wanted.of(params)
        limit = params["connect_timeout"] + params["timeout"]
        result = postgres.bounded(limit, run)
    except (ProjectError, postgres.DatabaseError) as error:
        module.fail_json(msg=f"system project in {params['login_db']}: {error}")
    module.exit_json(**result.returned(wanted))


if __name__ == "__main__":
    main()
