# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: collected
short_description: Checks, latencies and times out of the results of several modules
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Takes the registered results of modules that return checks, by the name of the stage that they are of, and returns
    what a report wants to know of the host.
  - A stage whose module failed without checks becomes a check that is not met, with the module's message.
  - Where nothing was found, since the host was not reached, the one check says that.
positional: made, skipped
options:
  _input:
    description: Results by stage. Null stands for a host that was not reached.
    type: dict
    required: true
  made:
    description: Checks that were made before.
    type: list
    elements: dict
    default: []
  skipped:
    description: Checks that cannot be made, each with C(id), C(title), C(category) and C(reason).
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Collect the checks of this host
  ansible.builtin.set_fact:
    found: "{{ {'host': host_result, 'probes': probe_result} | ridgetop.aidis.collected }}"
"""

RETURN = r"""
_value:
  description: C(checks), C(latency) of the probes that were repeated, and C(timings) by stage in seconds.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.ridgetop.aidis.plugins.module_utils.verify_collect import Result, collect, unreachable


def collected(
    results: t.Mapping[str, Result] | None,
    made: t.Sequence[Result] = (),
    skipped: t.Sequence[t.Mapping[str, str]] = (),
) -> dict[str, t.Any]:
    """Collect results; what is wrong with them is an error of the filter."""
    try:
        return unreachable() if results is None else collect(results, made, skipped)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise AnsibleFilterError(f"collected: {error!r}") from error


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"collected": collected}
