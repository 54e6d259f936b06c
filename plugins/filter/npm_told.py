# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: npm_told
short_description: What npm's audits of a release come to
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Takes what C(npm audit --json) and C(npm audit signatures --json) printed, and returns it in a line each, and why a
    deployment must not go on with the release.
  - What is no report of npm is not known, whatever the exit status of the command, and never counts as a good answer.
    A release without a lockfile of npm was not asked about.
options:
  _input:
    description:
      - Results of a loop over C(ansible.builtin.command). C(about) of the item of each is V(vulnerabilities) or
        V(signatures).
    type: list
    elements: dict
    required: true
  threshold:
    description: Least severity of a vulnerability that is a problem.
    type: str
    choices: [none, info, low, moderate, high, critical]
    default: none
  signatures:
    description: Least that is a problem with signatures, where V(missing) means that wrong ones are, too.
    type: str
    choices: [none, invalid, missing]
    default: none
  required:
    description: Whether it is a problem that nothing is known.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Tell what npm says
  ansible.builtin.debug:
    msg: "{{ (answers.results | ridgetop.aidis.npm_told(threshold='high')).lines }}"
"""

RETURN = r"""
_value:
  description: C(lines), what is told, and C(problems), why the release is not accepted, by default nothing.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.ridgetop.aidis.plugins.module_utils.npm_told import Limits, tell


def npm_told(
    results: t.Sequence[t.Mapping[str, t.Any]],
    threshold: str = "none",
    signatures: str = "none",
    required: bool = False,
) -> dict[str, list[str]]:
    """Tell the results; what is wrong with them or with the limits is an error of the filter."""
    try:
        told = tell(results, Limits(threshold, signatures, required))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise AnsibleFilterError(f"npm_told: {error!r}") from error
    return {"lines": told.lines, "problems": told.problems}


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"npm_told": npm_told}
