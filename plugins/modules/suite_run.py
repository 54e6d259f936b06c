#!/usr/bin/python
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: suite_run
short_description: Run an acceptance suite as the service's user and count what passed
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Runs a command that tests the server, as its unprivileged user and with its configuration, and reads from the output
    how many tests there are and how many passed. Makes one check of that, in the shape that all checks have.
  - The exit status is told and never trusted. A suite without counts, without tests, or with more passed than there are
    is not met, nor is one that does not end in time.
  - A suite whose command the shell does not find is skipped, since nothing was said about the server.
  - It runs as a transient unit of systemd that can write nowhere but to temporary directories of its own. It reaches
    the network, and does to the server what its tests do.
extends_documentation_fragment:
  - ridgetop.aidis.attributes
attributes:
  check_mode:
    support: partial
    details: Nothing is run, as the suite calls the real server. The check is skipped with that reason.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: The module reports no change. What the suite leaves behind in the server is the suite's.
options:
  command:
    description: Command for C(/bin/sh -c). What it prints on either output is looked at.
    type: str
    required: true
  chdir:
    description:
      - Directory to run it in, an absolute path. Links in it are followed first, since some runners do nothing when
        they are started through one.
    type: path
    required: true
  requires:
    description:
      - File that the suite is, below O(chdir). Where it is not there, there is nothing to run, and the check is
        skipped.
    type: str
    default: ''
  user:
    description: User to run it as.
    type: str
    required: true
  group:
    description: Group to run it as, the user's own when not given.
    type: str
  environment_file:
    description:
      - Files of variables for it, as systemd's C(EnvironmentFile=) takes them, absolute paths. systemd reads them, so
        the user need not be able to. One that begins with V(-) may be missing. A later file wins.
    type: list
    elements: str
    default: []
  environment:
    description:
      - Further variables, over which those of O(environment_file) win. They are seen in the list of processes, so that
        secrets belong into a file.
      - C(HOME) is V(/tmp) unless it is given.
    type: dict
    default: {}
  timeout:
    description: Seconds after which all of its processes are ended.
    type: float
    default: 300.0
  total_regex:
    description:
      - Regular expression for the number of tests, which is its first group, or all of it. The last place where it is
        found counts. Colours and the like are removed before.
    type: str
    default: 'Total Tests:\s*(\d+)'
  passed_regex:
    description: Regular expression for the number of tests that passed, in the same way.
    type: str
    default: 'Passed:\s*(\d+)'
  required_percent:
    description: How many percent of the tests must pass. Exactly so many are enough.
    type: float
    default: 95.0
  id:
    description: Name of the check.
    type: str
    default: functionality.acceptance_suite
  title:
    description: What the check is about, for people. Also the description of the unit.
    type: str
    default: Acceptance suite
  category:
    description: Heading under which a report lists the check.
    type: str
    default: functionality
  severity:
    description: What is not met has the status C(fail) when this is V(critical), else C(warn).
    type: str
    choices: [critical, warning, info]
    default: critical
  hint:
    description: What to do when it is not met. Part of the failure message.
    type: str
    default: ''
  fail:
    description: Whether the task fails when the check has the status C(fail).
    type: bool
    default: false
notes:
  - Needs root and systemd. Where systemd does not run, or C(systemd-run) is missing, the check is skipped.
  - >-
    Values of O(environment_file) that have 8 characters or more are not shown, nor are shorter ones, and those of
    O(environment), whose name tells that they are secret. Where a file cannot be read, no output is shown.
  - The last 1 MiB of the output is looked at.
seealso:
  - module: ridgetop.aidis.mcp_probe
  - module: ridgetop.aidis.host_check
"""

EXAMPLES = r"""
- name: Run the acceptance suite of the release
  ridgetop.aidis.suite_run:
    command: npm run --silent test:acceptance
    chdir: /opt/aidis/current/mcp-server
    user: ridgetop
    group: ridgetop
    environment_file:
      - /etc/aidis/production.env
    environment:
      NODE_ENV: production
      npm_config_cache: /tmp/npm
    timeout: 600
    hint: Run it on the host, and look at what failed.
  register: suite

- name: Run a suite that counts in another way, and fail unless all of it passes
  ridgetop.aidis.suite_run:
    command: ./run-tests.sh
    chdir: /opt/aidis/current
    user: ridgetop
    total_regex: 'ran (\d+) tests'
    passed_regex: '(\d+) ok'
    required_percent: 100
    fail: true
"""

RETURN = r"""
checks:
  description: The one check.
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
      description: What was required.
      type: str
    observed:
      description: The counts and the exit status, or why there are none with the last lines of the output.
      type: str
    hint:
      description: The check's hint.
      type: str
  sample:
    - id: functionality.acceptance_suite
      title: Acceptance suite
      category: functionality
      severity: critical
      status: pass
      expected: at least 95 % of its tests pass
      observed: 20 of 21 passed (95.2 %), exit status 1
      hint: ''
failed_ids:
  description: The check's id where its status is V(fail).
  returned: always, unless the options are wrong
  type: list
  elements: str
  sample: []
summary:
  description: Number of checks by status, and in all.
  returned: always, unless the options are wrong
  type: dict
  sample: {total: 1, pass: 1, fail: 0, warn: 0, skip: 0}
output:
  description: The last lines of the output, at most 200 of them and 10000 characters. Empty where nothing was run.
  returned: always, unless the options are wrong
  type: str
  sample: "Total Tests: 21\nPassed: 20"
elapsed:
  description: Seconds that it took.
  returned: always, unless the options are wrong
  type: float
  sample: 3.2
"""

import os
import time
import uuid

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import Check, failed, failure_message, summary
from ansible_collections.ridgetop.aidis.plugins.module_utils.suite_check import (
    OptionError,
    Wanted,
    argument_spec,
    hidden_values,
    judged,
    read,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.suite_unit import run

# Here only where systemd is what the machine was started with.
BOOTED = "/run/systemd/system"


def obstacle(module: AnsibleModule) -> str:
    """Why the suite is not run, empty when it is."""
    if module.check_mode:
        return "not run in check mode: it calls the real server"
    requires = module.params["requires"]
    if requires and not os.path.exists(os.path.join(module.params["chdir"], requires)):
        return f"the release brings no {requires}"
    if module.get_bin_path("systemd-run") is None:
        return "there is no command systemd-run on this host"
    return "" if os.path.isdir(BOOTED) else "systemd does not run on this host"


def checked(wanted: Wanted) -> tuple[Check, str]:
    """Run the suite and judge it."""
    values: list[str] | None
    try:
        values = hidden_values(wanted.suite)
    except OSError:
        values = None
    return judged(wanted, run(wanted.suite, f"aidis-suite-{uuid.uuid4().hex[:12]}"), values)


def main() -> None:
    begun = time.monotonic()
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    try:
        wanted = read(module.params)
    except OptionError as error:
        module.fail_json(msg=str(error))
    reason = obstacle(module)
    check, output = (wanted.subject.skipped(wanted.expected(), reason), "") if reason else checked(wanted)
    # What is in the environment need not travel back.
    given = {**module.params, "environment": sorted(wanted.suite.environment)}
    result = {
        "checks": [check.as_dict()],
        "failed_ids": [one.id for one in failed([check])],
        "summary": summary([check]),
        "output": output,
        "elapsed": round(time.monotonic() - begun, 3),
        "invocation": {"module_args": given},
    }
    if module.params["fail"] and result["failed_ids"]:
        module.fail_json(msg=failure_message([check], "suites"), **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
