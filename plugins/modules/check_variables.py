#!/usr/bin/python
# Copyright (c) Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: check_variables
short_description: Check the variables of a host against the argument specs of roles, and list every fault
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Runs on the controller. The checks that Ansible makes when a role starts end at the first role with a fault;
    this one looks at all roles at once, so that everything can be mended in one go.
  - Finds required variables that are missing, values of a wrong type or choice, values that cannot be templated,
    names that are most likely misspelt, and secrets that are weak or the placeholder of a manual.
  - Refuses values that would be more than a value where they go, as a path with a line end in a unit of systemd. What
    may stand in which variable is in C(meta/values.yml) of its role.
  - Collects what the roles require of a host, their options C(<role>_requirements), since a role's defaults are
    not known before it starts.
  - No value of a secret stands in the result.
attributes:
  check_mode:
    support: full
    description: It changes nothing in any mode.
  diff_mode:
    support: none
    description: There is nothing to show.
  action:
    support: full
    description: It is an action; nothing runs on the host.
options:
  roles:
    description: Names of roles of this collection.
    type: list
    elements: str
    required: true
  secrets:
    description:
      - Variables whose values must be strong. Those marked C(no_log) in an argument spec are looked at anyway.
      - Of a mapping, each value is looked at.
    type: list
    elements: str
    default: []
  secret_length:
    description: Least number of characters of a secret.
    type: int
    default: 12
"""

EXAMPLES = r"""
- name: Check the variables
  ridgetop.aidis.check_variables:
    roles: [aidis, postgres, app]
  register: variables
"""

RETURN = r"""
checks:
  description: What is wrong, one entry a fault, in the collection's common shape.
  returned: success
  type: list
  elements: dict
  sample:
    - id: variable.aidis_database_password
      title: Variable aidis_database_password
      category: variables
      severity: critical
      status: fail
      expected: a value
      observed: not set
      hint: Set aidis_database_password in the inventory.
requirements:
  description: The options C(<role>_requirements) of the roles, one after the other, for M(ridgetop.aidis.host_check).
  returned: success
  type: list
  elements: dict
"""
