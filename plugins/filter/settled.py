# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: settled
short_description: What checks come to once it is known which of them follow from others
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Takes the checks of several hosts, in the shape that the modules of this collection return them, and applies what
    an inventory says about them.
  - A check that is not met, and that needs another one which is not met, is skipped with that one as the reason, so
    that a report names what is to be mended and not all that follows from it.
positional: needs
options:
  _input:
    description: List of checks by the name of their host.
    type: dict
    required: true
  needs:
    description:
      - Ids of the checks that a check needs, by its id or a pattern of ids. What is needed is looked for on the same
        host, and on all where that host has no such check.
    type: dict
    default: {}
  severities:
    description: Severity of a check, V(critical), V(warning) or V(info), by its id or a pattern of ids.
    type: dict
    default: {}
  waivers:
    description: Why it is accepted that a check is not met, by its id or a pattern of ids. It is skipped then.
    type: dict
    default: {}
  categories:
    description:
      - Categories of the checks to return. Empty returns all. That a host was not reached, or that checks could not be
        made, is returned in any case.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Settle the checks
  ansible.builtin.set_fact:
    settled: "{{ {'db1': checks} | ridgetop.aidis.settled({'functionality.*': ['service.active']}) }}"
"""

RETURN = r"""
_value:
  description: The checks by the name of their host.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.ridgetop.aidis.plugins.module_utils.settle import Checks, SettleError, settle


def settled(
    hosts: t.Mapping[str, Checks],
    needs: t.Mapping[str, t.Sequence[str]] | None = None,
    severities: t.Mapping[str, str] | None = None,
    waivers: t.Mapping[str, str] | None = None,
    categories: t.Sequence[str] = (),
) -> dict[str, list[dict[str, t.Any]]]:
    """Settle checks; what is wrong with them is an error of the filter."""
    try:
        return settle(hosts, needs or {}, severities or {}, waivers or {}, categories)
    except (SettleError, KeyError, TypeError, AttributeError) as error:
        raise AnsibleFilterError(f"settled: {error}") from error


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"settled": settled}
