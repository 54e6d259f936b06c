#!/usr/bin/python
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: schema_verify
short_description: Compare the schema of a live PostgreSQL database with a contract
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Compares a live database with a contract, which says in YAML what must be there. Tells everything that is missing,
    different, invalid or extra, by name.
  - Writes the contract of a live database, and computes a fingerprint of its schema.
  - Reads the catalog in about a dozen queries, however big the schema is, in one read-only transaction that sees the
    database as it was at one moment. Data is not read, but for the names of the migrations recorded.
  - Nothing is locked but as a reader locks, so the application goes on. A migration that runs meanwhile waits for a
    moment at most, and where each waits for the other it is the module that gives way.
  - What a migration holds in the mode C(ACCESS EXCLUSIVE), or drops while it is read, is tried again for O(timeout).
  - Needs no superuser, and no right to read the tables. PostgreSQL 14 and later.
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
  state:
    description:
      - V(verified) compares the database with O(contract).
      - V(exported) returns its contract. An export agrees with the database that it was made of, and two of them can
        be compared line by line.
      - V(fingerprinted) returns its fingerprint alone. The other two return it as well.
    type: str
    choices: [verified, exported, fingerprinted]
    default: verified
  contract:
    description:
      - What must be in the database, required where O(state=verified). Best begun with an export; see the notes for
        its form.
      - Text is read as JSON. With thousands of tables that takes less time than a mapping, which Ansible copies.
    type: raw
  partial:
    description:
      - Whether only what the contract names is compared, and of that only what it writes. Nothing is extra then.
      - Otherwise an attribute that is not written must have its default.
      - The default is what the contract's own key C(partial) says, and V(false) where it says nothing.
    type: bool
  schemas:
    description:
      - Schemas to look at beside those that the contract names.
      - Without it, V(public) where O(contract) names none.
    type: list
    elements: str
  extra:
    description:
      - What becomes of objects, privileges and migrations that the contract does not name, where it is not partial.
    type: str
    choices: [warn, fail, ignore]
    default: warn
  fail_on_findings:
    description: Whether the task fails where a finding has the status C(fail).
    type: bool
    default: true
  role:
    description:
      - The application's role, whose ownership and privileges are compared with C(access) in the contract. An export
        tells them where it is given.
      - A contract that speaks of C(access) fails without it.
    type: str
  migrations:
    description:
      - Where migrations are recorded, and which must be. Overrules the key C(migrations) of the contract, value by
        value. Without RV(ignore:expected) and RV(ignore:minimum) any one will do.
    type: dict
    suboptions:
      schema:
        description: Schema of the table, V(public) where the contract does not say either.
        type: str
      table:
        description: Table that records them.
        type: str
      column:
        description: Column that tells one from another.
        type: str
      expected:
        description: All that must be recorded. Others are extra, unless the contract is partial.
        type: list
        elements: str
      minimum:
        description: One that must be recorded, or a later one. Numbers in it count as numbers.
        type: str
notes:
  - >-
    A contract has the keys C(format) (1), C(partial), C(extensions), C(schemas), C(migrations) and C(access). Below
    C(schemas) stand the schemas by name, in them C(tables), C(views), C(materialized_views), C(enums), C(domains),
    C(composite_types), C(sequences) and C(functions) by name, and in a table C(columns), C(primary_key), C(unique),
    C(checks), C(foreign_keys), C(exclusions), C(indexes), C(triggers) and C(policies).
  - >-
    Keys, other constraints and indexes are compared by what they are. One that has another name satisfies the contract
    and is reported as C(renamed); a list in place of the mapping gives them no names at all. An index that backs a key
    counts as an index, too.
  - >-
    SQL in a contract is as PostgreSQL prints it with an empty search path, without V(public.). Case, whitespace and
    parentheses around the whole do not matter; the usual short names of types, such as V(timestamptz), are understood.
    The dimensions of a vector are part of its type, V(vector(384)).
  - >-
    C(access) is V(owner) or a list of privileges that the role must have, by whatever membership; in a partial
    contract at least. It stands at an object, or in the key C(access) of the contract for all that it names, below
    C(database), C(schemas), C(tables), C(views), C(materialized_views) and C(sequences).
  - >-
    What is there and does not work is C(invalid): an index that was not finished, or that partitions lack; a constraint
    that was not validated; one whose triggers are disabled, as C(ALTER TABLE ... DISABLE TRIGGER ALL) leaves a foreign
    key; a materialized view without data.
  - >-
    Not compared are the order of columns, comments, the sequences of identity columns, storage and its parameters,
    tablespaces, replica identities, rules, range types, statistics objects, privileges on single columns and on
    functions, the privilege C(MAINTAIN), publications, and what belongs to an extension. What a partition has from its
    parent is the parent's; a trigger that is enabled otherwise than its parent's is its own.
  - >-
    Migrations that the role may not read, or not all of them for row security, are C(unseen), never missing.
  - >-
    The fingerprint is of the schemas looked at. It ignores data, owners and privileges, versions of extensions, the
    order of columns, and such names of constraints, indexes and serial columns' sequences as PostgreSQL makes by
    itself, for these are numbered in the order of creation.
seealso:
  - module: community.postgresql.postgresql_query
  - module: ridgetop.aidis.system_project
"""

EXAMPLES = r"""
- name: Verify the schema after the migrations
  ridgetop.aidis.schema_verify:
    login_db: aidis_production
    contract: "{{ lookup('ansible.builtin.file', 'guide.yml') | from_yaml }}"
    role: ridgetop
    migrations:
      table: migrations
      column: filename
      minimum: "007"
  become: true
  become_user: postgres

- name: Verify a contract that is written in the playbook
  ridgetop.aidis.schema_verify:
    login_host: db.example.org
    login_user: ridgetop
    login_password: "{{ vault_aidis_database_password }}"
    login_db: aidis_production
    ssl_mode: verify-full
    ca_cert: /etc/aidis/ca.pem
    contract:
      partial: true
      extensions:
        vector: {min_version: "0.5"}
      schemas:
        public:
          tables:
            contexts:
              columns:
                embedding: {type: vector(384), nullable: false}
              foreign_keys:
                - {columns: [project_id], references: projects, on_delete: cascade, validated: true}
              indexes:
                idx_contexts_type: {columns: [context_type], where: null, valid: true}

- name: Export the contract of a database
  ridgetop.aidis.schema_verify:
    login_db: aidis_production
    state: exported
  become: true
  become_user: postgres
  register: aidis_schema

- name: Keep it beside the playbook, for the next release to be verified with
  ansible.builtin.copy:
    content: "{{ aidis_schema.contract | to_nice_yaml(indent=2) }}"
    dest: "{{ playbook_dir }}/contract.yml"
    mode: "0644"
  delegate_to: localhost

- name: Take the fingerprint, to see later whether the schema has changed
  ridgetop.aidis.schema_verify:
    login_db: aidis_production
    state: fingerprinted
  become: true
  become_user: postgres
  register: aidis_schema_before
"""

RETURN = r"""
findings:
  description: Every difference, in the order of the contract's names.
  returned: O(state=verified)
  type: list
  elements: dict
  contains:
    object:
      description: Full name of the object; of a constraint or an index that of its table comes first.
      type: str
    kind:
      description: Kind of the object, such as C(index), C(foreign_key), C(privilege) or C(migration).
      type: str
    severity:
      description:
        - C(missing), C(different), C(invalid) for what is there and does not work,
          C(unseen) for what could not be looked at, C(extra), or C(renamed).
      type: str
    attribute:
      description: What of the object it is about, empty where it is about all of it.
      type: str
    expected:
      description: What the contract says.
      type: str
    observed:
      description: What the database holds.
      type: str
    hint:
      description: What to do about it.
      type: str
    status:
      description: C(fail), or C(warn) for what is renamed, and by O(extra) for what is extra.
      type: str
  sample:
    - object: public.sessions.idx_sessions_agent_type
      kind: index
      severity: missing
      attribute: ''
      expected: 'columns: [agent_type]'
      observed: none
      hint: run the migrations; one of another name would do
      status: fail
checks:
  description: One check for each category of objects, in the common shape.
  returned: O(state=verified)
  type: list
  elements: dict
summary:
  description: How many checks have which status.
  returned: O(state=verified)
  type: dict
  sample: {total: 12, pass: 6, fail: 1, warn: 0, skip: 5}
fingerprint:
  description: Equal for equal schemas, on every version of PostgreSQL and whatever the order of creation.
  returned: success, or findings that fail
  type: str
  sample: 1-9c3f0a4be6e5c8d24f0b7e1de9a52c1f7a3b64f1d7a1c2a94e0f5f7f6f0b3a11
recorded:
  description: Names of the migrations recorded, in order of their text; null where they were not asked for, or there is
    no such table.
  returned: success, or findings that fail
  type: list
  elements: str
  sample: ["001_projects.sql", "002_sessions.sql"]
recorded_digest:
  description: SHA-256 over these names, the same for the same names.
  returned: success, or findings that fail
  type: str
contract:
  description: The contract of the database, to be written with the filter P(ansible.builtin.to_nice_yaml#filter).
  returned: O(state=exported)
  type: dict
elapsed:
  description: Seconds that it took.
  returned: success, or findings that fail
  type: float
  sample: 0.4
statistics:
  description: What was read.
  returned: success, or findings that fail
  type: dict
  contains:
    queries:
      description: Statements sent, with the begin and the end of the transaction.
      type: int
    objects:
      description: How many objects of each kind the schemas hold.
      type: dict
    server_version:
      description: Version of the server, as in C(server_version_num).
      type: int
  sample: {queries: 14, server_version: 170006, objects: {schema: 1, table: 9, column: 71, index: 20}}
"""

import gc
import time
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.ridgetop.aidis.plugins.module_utils import (
    postgres,
    schema_compare,
    schema_contract,
    schema_findings,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import summary
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_contract import Contract, ContractError
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_fingerprint import fingerprint, migrations_digest
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_kinds import Observed
from ansible_collections.ridgetop.aidis.plugins.module_utils.schema_reader import read


def argument_spec() -> dict[str, Any]:
    """The module's options."""
    migrations = {
        **{name: {"type": "str"} for name in ("schema", "table", "column", "minimum")},
        "expected": {"type": "list", "elements": "str"},
    }
    return {
        **postgres.argument_spec(),
        "state": {"type": "str", "choices": ["verified", "exported", "fingerprinted"], "default": "verified"},
        "contract": {"type": "raw"},
        "partial": {"type": "bool"},
        "schemas": {"type": "list", "elements": "str"},
        "extra": {"type": "str", "choices": list(schema_compare.EXTRA), "default": "warn"},
        "fail_on_findings": {"type": "bool", "default": True},
        "role": {"type": "str"},
        "migrations": {"type": "dict", "options": migrations},
    }


def returned(observed: Observed) -> dict[str, Any]:
    """What every state returns."""
    statistics = {
        "queries": observed.queries,
        "objects": schema_findings.counts(observed.schemas),
        "server_version": observed.server_version,
    }
    return {
        "fingerprint": fingerprint(observed.schemas, observed.extensions),
        "recorded": observed.recorded,
        "recorded_digest": migrations_digest(observed.recorded or []),
        "statistics": statistics,
    }


def verified(params: Mapping[str, Any], contract: Contract, observed: Observed) -> dict[str, Any]:
    """What the comparison returns; failed where it is to be."""
    findings = schema_compare.compare(contract, observed, params["extra"])
    checks = schema_findings.checks(contract, findings)
    return {
        "failed": bool(params["fail_on_findings"] and schema_findings.failed(findings)),
        "msg": schema_findings.message(findings, observed.name),
        "findings": [finding.as_dict() for finding in findings],
        "checks": [check.as_dict() for check in checks],
        "summary": summary(checks),
    }


def main() -> None:
    # A process of seconds that makes no cycles: looking for them in a big contract takes as long as all the rest.
    gc.disable()
    begun = time.monotonic()
    module = AnsibleModule(
        argument_spec=argument_spec(),
        supports_check_mode=True,
        required_if=[("state", "verified", ["contract"])],
    )
    if postgres.PSYCOPG2_ERROR is not None:
        module.fail_json(msg=missing_required_lib("psycopg2"), exception=str(postgres.PSYCOPG2_ERROR))
    params = module.params
    # A big contract need not travel back.
    result: dict[str, Any] = {"changed": False, "invocation": {"module_args": {**params, "contract": "not shown"}}}
    problem = postgres.problem(params)
    if problem:
        module.fail_json(msg=problem, **result)
    try:
        contract = schema_contract.read(params["contract"] or {}, params["partial"], params["migrations"])
        schemas = {*contract.schemas, *(params["schemas"] or [])} or {"public"}
        limit = params["connect_timeout"] + params["timeout"]
        observed = postgres.bounded(limit, lambda: read(params, sorted(schemas), contract.migrations, params["role"]))
    except (ContractError, postgres.DatabaseError) as error:
        module.fail_json(msg=f"schema of {params['login_db']}: {error}", **result)
    result.update(returned(observed))
    if params["state"] == "exported":
        result["contract"] = schema_contract.exported(observed, contract.migrations)
    elif params["state"] == "verified":
        result.update(verified(params, contract, observed))
    result["elapsed"] = round(time.monotonic() - begun, 3)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
