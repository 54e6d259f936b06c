# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: firewall_plan
short_description: What has to change for ufw to hold the rules that are wanted
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Takes what the role C(firewall) found on a host, and the rules that are wanted, and returns the difference.
  - Rules of this collection bear a mark in their comment; those that are no longer wanted are to be removed. Rules of
    others are named and left alone. One of them that lets in just what is wanted serves, one that refuses it is a
    problem.
positional: rules
options:
  _input:
    description: What the role's C(look.sh) printed.
    type: str
    required: true
  rules:
    description: Rules that are wanted, each with C(title), C(port), C(from), a list, and C(proto).
    type: list
    elements: dict
    required: true
  connection:
    description: C(SSH_CONNECTION) of the user on the host, for where root could not find it out.
    type: str
    default: ''
  ssh_ports:
    description: Ports of ssh beside the one of the connection and those that C(sshd) names.
    type: list
    elements: int
    default: []
  ssh_networks:
    description: Who may come in by ssh.
    type: list
    elements: str
    default: [any]
  by_ssh:
    description: Whether the host is reached by ssh. It is a problem then when no way in is left for it.
    type: bool
    default: true
  logging:
    description: How much ufw logs.
    type: str
    default: low
"""

EXAMPLES = r"""
- name: Tell what would change
  ansible.builtin.debug:
    msg: "{{ (look.stdout | ridgetop.aidis.firewall_plan([{'title': 'web', 'port': 443, 'from': ['any']}])).changes }}"
"""

RETURN = r"""
_value:
  description:
    - C(add) and C(remove), the rules as M(community.general.ufw) takes them; C(ipv6), C(policy), C(logging), C(boot),
      C(enable), what else has to change; C(changes), all of it in words; C(cuts), whether it could cut a connection.
    - C(others), the rules of others; C(problems), why nothing can be done; C(connection), that of this look;
      C(pending), whether a change waits for its proof, and C(fired), whether it was taken back as none came; C(left),
      C(changes) without that; C(was_active), whether ufw runs.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.ridgetop.aidis.plugins.module_utils.firewall_plan import plan
from ansible_collections.ridgetop.aidis.plugins.module_utils.firewall_state import read


def firewall_plan(
    look: str,
    rules: t.Sequence[t.Mapping[str, t.Any]],
    connection: str = "",
    ssh_ports: t.Sequence[int] = (),
    ssh_networks: t.Sequence[str] = ("any",),
    by_ssh: bool = True,
    logging: str = "low",
) -> dict[str, t.Any]:
    """Plan the change of a firewall; what is wrong with the arguments is an error of the filter."""
    try:
        return plan(read(look, connection), rules, ssh_ports, ssh_networks, by_ssh, logging)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise AnsibleFilterError(f"firewall_plan: {error!r}") from error


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"firewall_plan": firewall_plan}
