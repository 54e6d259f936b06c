#!/usr/bin/python
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: database_check
short_description: Hold the answers of queries against what is expected
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Connects once, makes a list of queries, and tells for each whether its answer is the expected one. The connection
    is a check of its own. Where there is none, all others are skipped.
  - Only reads. Each query has a read-only transaction of its own, which is rolled back, so one that fails does not
    disturb the others, and one that writes is not met.
  - A query that the role may not make is skipped with the server's message. Any other error is an answer that is not
    the expected one.
extends_documentation_fragment:
  - ridgetop.aidis.attributes
  - ridgetop.aidis.postgres
attributes:
  check_mode:
    support: full
    details: Changes nothing, so it does the same in check mode.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  timeout:
    description:
      - Seconds for one query, waits for locks included. A server that does not keep this limit itself is given up some
        seconds later. That is a connection that was lost.
    type: float
    default: 10.0
  connection:
    description:
      - The check that stands for the connection, O(session_role) included. It is met when the connection is made and
        not lost, and otherwise tells the server's message.
    type: dict
    suboptions:
      id:
        description: Name of the check.
        type: str
        default: database.connection
      title:
        description: What the check is about, for people.
        type: str
        default: Connection to the database
      category:
        description: Heading under which a report lists the check.
        type: str
        default: database
      severity:
        description: A connection that fails has the status C(fail) when this is V(critical), else C(warn).
        type: str
        choices: [critical, warning, info]
        default: critical
      hint:
        description: What to do when the connection fails. Part of the failure message.
        type: str
        default: ''
  checks:
    description: The queries, made in this order.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: Name of the check, unique in the list.
        type: str
        required: true
      title:
        description: What the check is about, for people. O(checks[].id) when not given.
        type: str
      category:
        description: Heading under which a report lists the check.
        type: str
        default: database
      severity:
        description: What is not met has the status C(fail) when this is V(critical), else C(warn).
        type: str
        choices: [critical, warning, info]
        default: critical
      hint:
        description: What to do when the answer is not the expected one. Part of the failure message.
        type: str
        default: ''
      query:
        description:
          - One statement that gives at most one row. Its first column is the value that is compared. A second one is
            text that is told beside the value. No row is as good as null, and several are an error.
          - Without O(checks[].parameters) a V(%) is itself.
        type: str
        required: true
      parameters:
        description:
          - Values for placeholders C(%(name\)s) of psycopg2 in O(checks[].query), where V(%) is then written C(%%). A
            list becomes an array.
        type: dict
      operator:
        description:
          - Comparison of the observed value with O(checks[].expected), in this order, the same as that of the kind
            V(value) of M(ridgetop.aidis.host_check). Null meets nothing but V(unset).
        type: str
        choices: [set, unset, eq, ne, lt, le, gt, ge, in, not_in, contains, match, no_match]
        default: eq
      expected:
        description: Value to compare with. Required unless O(checks[].operator) is V(set) or V(unset).
        type: raw
      skip_when_null:
        description:
          - Why the check is skipped where the query gives null or no row, such as that there is nothing to judge.
            Not skipped when not given.
        type: str
      timeout:
        description: Seconds for this query. O(timeout) when not given.
        type: float
  fail:
    description: Whether the task fails when a check has the status C(fail), naming each in one message.
    type: bool
    default: false
notes:
  - >-
    Numbers of every type compare as numbers, and a C(numeric) with a fraction has the precision of a
    C(double precision). C(true) does not equal C(1). Text is no number; cast what C(current_setting(\)) gives.
  - >-
    Moments compare as moments. The session's time zone is UTC, in which a C(timestamp) and an expected moment without
    zone are read, and a C(date) is its midnight. An C(interval) is its seconds, a month of it 30 days.
  - >-
    Arrays are lists, and C(json) is what it holds. Of other types, such as C(uuid), compares the text; an array of them
    is to be cast to C(text[]).
  - >-
    Where the observed value is a number, a boolean or a moment, an expected text is read as one, so that variables
    given on the command line compare, too.
  - Queries, parameters and expected values are part of the task's arguments. None of them may hold a secret.
  - What works beside the tables, such as C(pg_terminate_backend(\)), a read-only transaction does not prevent.
seealso:
  - module: ridgetop.aidis.schema_verify
  - module: ridgetop.aidis.host_check
  - module: community.postgresql.postgresql_query
"""

EXAMPLES = r"""
- name: Check what the database holds
  ridgetop.aidis.database_check:
    login_host: db.example.org
    login_user: ridgetop
    login_password: "{{ vault_aidis_database_password }}"
    login_db: aidis_production
    connection:
      hint: See whether PostgreSQL runs, and its rules of access.
    checks:
      - id: database.tables
        title: Tables
        query: >-
          SELECT count(*), string_agg(tablename, ', ' ORDER BY tablename)
            FROM pg_tables WHERE schemaname = 'public'
        operator: ge
        expected: 8
      - id: database.projects
        title: The default project is active
        query: SELECT status FROM projects WHERE name = %(name)s
        parameters:
          name: System Default
        expected: active
      - id: database.cache_hits
        title: Blocks found in memory, in percent
        category: performance
        severity: warning
        query: >-
          SELECT round(100.0 * blks_hit / nullif(blks_hit + blks_read, 0), 1)
            FROM pg_stat_database WHERE datname = current_database()
        operator: ge
        expected: 90
        skip_when_null: Nothing was read yet.
  register: verified

- name: Check settings by the local socket, and fail
  ridgetop.aidis.database_check:
    login_db: postgres
    fail: true
    checks:
      - id: database.encryption
        title: Passwords are kept as scram-sha-256
        category: security
        query: SHOW password_encryption
        expected: scram-sha-256
      - id: database.connections
        title: Room for connections
        query: SELECT current_setting('max_connections')::int
        operator: ge
        expected: 100
        timeout: 2
  become: true
  become_user: postgres
"""

RETURN = r"""
checks:
  description: That of the connection, then one result a query, in their order.
  returned: always, unless the options are wrong
  type: list
  elements: dict
  contains:
    id:
      description: The check's id.
      type: str
    title:
      description: The check's title.
      type: str
    category:
      description: The check's category.
      type: str
    severity:
      description: The check's severity.
      type: str
    status:
      description: V(pass), V(fail), V(warn) or V(skip).
      type: str
    reason:
      description: Why it was skipped.
      type: str
      returned: when the status is V(skip)
    expected:
      description: What was expected.
      type: str
    observed:
      description:
        - The value with its detail in parentheses, or why there is none. A value has at most 200 characters of its
          JSON, a detail 500.
      type: str
    hint:
      description: The check's hint.
      type: str
  sample:
    - id: database.tables
      title: Tables
      category: database
      severity: critical
      status: fail
      expected: at least 8
      observed: 2 (projects, sessions)
      hint: ''
failed_ids:
  description: Ids of the checks whose status is V(fail).
  returned: always, unless the options are wrong
  type: list
  elements: str
  sample: [database.tables]
summary:
  description: Number of checks by status, and in all.
  returned: always, unless the options are wrong
  type: dict
  sample: {total: 4, pass: 2, fail: 1, warn: 0, skip: 1}
elapsed:
  description: Seconds that it took.
  returned: always, unless the options are wrong
  type: float
  sample: 0.4
"""

import time

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.ridgetop.aidis.plugins.module_utils import postgres
from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import failed, failure_message, summary
from ansible_collections.ridgetop.aidis.plugins.module_utils.database_checks import (
    OptionError,
    argument_spec,
    read,
    run,
)


def main() -> None:
    begun = time.monotonic()
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    if postgres.PSYCOPG2_ERROR is not None:
        module.fail_json(msg=missing_required_lib("psycopg2"), exception=str(postgres.PSYCOPG2_ERROR))
    try:
        questions = read(module.params)
    except OptionError as error:
        module.fail_json(msg=str(error))
    checks = run(module.params, questions)
    result = {
        "checks": [check.as_dict() for check in checks],
        "failed_ids": [check.id for check in failed(checks)],
        "summary": summary(checks),
        "elapsed": round(time.monotonic() - begun, 3),
    }
    if module.params["fail"] and result["failed_ids"]:
        module.fail_json(msg=failure_message(checks, "checks of the database"), **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
