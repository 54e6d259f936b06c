#!/usr/bin/python
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: account
short_description: Write down who did what to a deployment, when, from where, and how it ended
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Adds a line of JSON to a file that only grows, and sends the same to the journal, as C(aidis-accounting). One line
    when a run begins, one when it ends; a run that was killed has none that says how it ended.
  - What a run does that has the lock of the deployment is written by M(ridgetop.aidis.deploy_lock), in the same round
    trip. This module is for those that do not take it.
  - A line names the person and the controller as that one names itself, and beside it the address that the connection
    came from and the account it was let into, as this host saw them.
  - Texts are cut to 300 characters, and passwords in them hidden where their place gives them away. Whatever else
    stands in them can neither break a line nor make another one.
extends_documentation_fragment:
  - ridgetop.aidis.attributes
attributes:
  check_mode:
    support: full
    details:
      - Returns the line and writes nothing.
  diff_mode:
    support: none
    details:
      - The line is returned.
  idempotent:
    support: none
    details:
      - Each call is an event, and an event is a line.
  action:
    support: full
    description: An action tells the module which run it works for, and who started that.
options:
  path:
    description:
      - The file. It is made where it is not there, readable by the group C(adm), in a directory that nobody but root
        may write to.
      - It is not to be rotated by renaming it, which a file that can only be added to refuses. A thousand runs take
        less than 1 MiB.
    type: path
    required: true
  event:
    description: Whether the work begins or ends.
    type: str
    choices: [begin, end]
    required: true
  action:
    description: What kind of work it is, such as V(backup).
    type: str
    required: true
  what:
    description: The work in words.
    type: str
  by:
    description: The person. By default the user and the name of the controller.
    type: str
  result:
    description: How the work ended. Required with V(end), and not used with V(begin).
    type: str
    choices: [ok, failed]
  failed:
    description: What failed. Used with V(end).
    type: list
    elements: str
    default: []
  details:
    description: What else is known of it, as names and values. Empty values are left out.
    type: dict
    default: {}
  append_only:
    description:
      - Whether the file is to be one that can only be added to, as C(chattr +a) makes it. Where the file system has no
        such attribute, or the machine may not set it, the file stays as it is.
    type: bool
    default: true
  user:
    description: The user at the controller. The action sets it; it is no option of a task.
    type: str
  run:
    description: The run that the module works for. The action sets it; it is no option of a task.
    type: dict
    suboptions:
      machine:
        description: Digest that names the controller, its boot and its namespace of processes.
        type: str
        required: true
      host:
        description: Name of the controller.
        type: str
        required: true
      pid:
        description: Number of the process of C(ansible-playbook).
        type: int
        required: true
      started:
        description: When the process was started; empty where that is not known.
        type: str
        required: true
notes:
  - A line that cannot be written is a warning, no failure, so that work is possible on a host whose disk is full.
  - Needs nothing but Python's standard library.
seealso:
  - module: ridgetop.aidis.deploy_lock
"""

EXAMPLES = r"""
- name: Account for the beginning of a backup
  ridgetop.aidis.account:
    path: /var/log/aidis-accounting.log
    event: begin
    action: backup
    what: backup before the index is rebuilt

- name: Account for its end
  ridgetop.aidis.account:
    path: /var/log/aidis-accounting.log
    event: end
    action: backup
    what: backup before the index is rebuilt
    result: ok
    details:
      backup: 20260101T021500Z-manual
"""

RETURN = r"""
entry:
  description: What the line says.
  returned: success
  type: dict
  contains:
    at:
      description: When, in UTC, by the clock of the host.
      type: str
    event:
      description: V(begin) or V(end); V(takeover) of a lock is only written by M(ridgetop.aidis.deploy_lock).
      type: str
    action:
      description: The kind of work.
      type: str
    what:
      description: The work in words.
      type: str
    result:
      description: V(ok) or V(failed).
      type: str
      returned: where the work ends
    failed:
      description: What failed.
      type: list
      elements: str
      returned: where something did
    by:
      description: The person.
      type: str
    user:
      description: The user at the controller.
      type: str
    controller:
      description: The controller's name.
      type: str
    address:
      description: The address that the connection came from, as this host saw it.
      type: str
      returned: where the host was reached by ssh
    login:
      description: The account of this host that it was let into.
      type: str
      returned: where the host was reached by ssh
    details:
      description: What else is known of the work.
      type: dict
      returned: where something is
    pid:
      description: The process of C(ansible-playbook).
      type: int
    run:
      description: Token of the run, the same in all its lines and in its lock.
      type: str
  sample:
    at: "2026-01-01T00:00:00Z"
    event: begin
    action: backup
    what: backup before the index is rebuilt
    by: operator@controller
    user: operator
    controller: controller
    address: 192.0.2.10
    login: debian
    pid: 4711
    run: 0f343b0931126a20f133d67c2b018a3b
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ridgetop.aidis.plugins.module_utils import accounting, lock_options


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **accounting.ARGUMENTS,
            "event": {"type": "str", "required": True, "choices": ["begin", "end"]},
            "what": {"type": "str"},
            "by": {"type": "str"},
            "run": lock_options.RUN,
        },
        required_if=[("event", "end", ["result"])],
        supports_check_mode=True,
    )
    params = module.params
    if params["run"] is None:
        module.fail_json(msg="the action of this module did not run, so there is no run to account for")
    outcome = {"result": params["result"], "failed": params["failed"]} if params["event"] == "end" else {}
    entry = accounting.entry(
        params["event"], params, params["run"], params["by"] or "unknown", params["what"] or "", **outcome
    )
    if not module.check_mode:
        for text in accounting.record(params, [entry]):
            module.warn(text)
    module.exit_json(changed=True, entry=entry)


if __name__ == "__main__":
    main()
