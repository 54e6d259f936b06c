#!/usr/bin/python
# Copyright (c) Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: deploy_lock
short_description: Take, renew and release the lock of a deployment, and tell who holds it
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Keeps two runs of Ansible from working on the same host at once. The lock is a JSON file that says who holds it,
    why, from which controller and until when. Taking it is atomic, and a reader never sees half a file.
  - A lock belongs to a run, which is one process of C(ansible-playbook). All tasks of the run have it, whatever hosts
    they are delegated to, and may take it again.
  - A lock whose lease has ended is taken over, and so is one that a run of the same controller left behind when it was
    killed. Both are said in a warning.
attributes:
  check_mode:
    support: full
    description: Tells what it would do and writes nothing. A lock that cannot be had is a warning, no failure.
  diff_mode:
    support: full
    description: Returns the file before and after.
  action:
    support: full
    description: An action tells the module which run it works for, and whether the run that holds the lock is dead.
options:
  path:
    description:
      - The file of the lock. Its directory is made, with the mode 0755, when the lock is taken.
      - A hidden file beside it, its name with C(.guard), stays there.
    type: path
    required: true
  state:
    description:
      - V(acquired) takes the lock, or renews it where this run has it already.
      - V(renewed) renews the lease, and fails where this run no longer has the lock. Another run may then be at work,
        so put it before steps that must not be done twice.
      - V(released) gives up the lock of this run. The lock of another run is left alone.
      - V(query) changes nothing.
    type: str
    choices: [acquired, renewed, released, query]
    default: acquired
  reason:
    description: What the run does, for those who find the lock held.
    type: str
  owner:
    description:
      - The person who holds the lock.
      - By default the user and the name of the controller.
    type: str
  lease:
    description:
      - For how long the lock counts without being renewed, in seconds, from 1 to 31536000. Too short, and another run
        may start while a long task runs; too long, and a lock that was left behind stands in the way for longer.
      - A run does not shorten its own lease.
      - A file that is no lock counts as held by somebody unknown, for this long after it was written.
    type: int
    default: 1800
  wait:
    description:
      - For how long to wait for another run to release the lock, in seconds. Used with O(state=acquired), and not in
        check mode.
    type: int
    default: 0
  takeover:
    description: Whether to take the lock over, whoever holds it. The run that held it fails when it renews its lease.
    type: bool
    default: false
  account:
    description:
      - Where to account for the run, and how it ended, in the same round trip. Taking the lock writes that the run
        begins, and from whom it took the lock over; V(released) writes that it ends, also where the run did not have
        the lock. Nothing is written in check mode.
      - A line that cannot be written is a warning, no failure.
      - The lines are those of M(ridgetop.aidis.account).
    type: dict
    suboptions:
      path:
        description: The file.
        type: path
        required: true
      action:
        description: What kind of work the run does, such as V(deploy) or V(rollback).
        type: str
        required: true
      result:
        description: How the run ended. Required with V(released).
        type: str
        choices: [ok, failed]
      failed:
        description: What failed. Used with V(released).
        type: list
        elements: str
        default: []
      details:
        description: What else is known of the work, as names and values.
        type: dict
        default: {}
      append_only:
        description: Whether the file is to be one that can only be added to, where the file system can.
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
        description: When the process was started, as the controller's kernel counts; empty where that is not known.
        type: str
        required: true
  ended:
    description: Token of a run that is known to be dead. The action sets it; it is no option of a task.
    type: str
notes:
  - Leases are counted by the clock of the host. A lock whose times lie in its future, because the clock was set back,
    is held as long as it says.
  - A controller is the same one when its machine id, its boot and its namespace of processes are. After a restart of
    the controller, or from a container that is made anew, a lock that was left behind is kept until its lease ends.
  - A run that was killed hard can leave one task at work on the host, which the next run does not wait for.
seealso:
  - module: ridgetop.aidis.account
"""

EXAMPLES = r"""
- name: Take the lock
  ridgetop.aidis.deploy_lock:
    path: /var/lib/aidis/deploy.lock
    reason: deploy v1.1.0
    lease: 3600
    wait: 60

- name: Make sure that this run still has the lock before it changes the database
  ridgetop.aidis.deploy_lock:
    path: /var/lib/aidis/deploy.lock
    state: renewed
    lease: 3600

- name: Release the lock
  ridgetop.aidis.deploy_lock:
    path: /var/lib/aidis/deploy.lock
    state: released

- name: Release the lock, and account for how the run ended
  ridgetop.aidis.deploy_lock:
    path: /var/lib/aidis/deploy.lock
    state: released
    account:
      path: /var/log/aidis-accounting.log
      action: deploy
      result: failed
      failed: ["app1: Wait until the release answers"]

- name: See who holds the lock
  ridgetop.aidis.deploy_lock:
    path: /var/lib/aidis/deploy.lock
    state: query
  register: lock
"""

RETURN = r"""
owner:
  description: Who holds the lock after the task; null where nobody does.
  returned: when the lock could be read
  type: str
  sample: operator@controller
reason:
  description: What the run that holds the lock does; null where nobody holds it.
  returned: when the lock could be read
  type: str
  sample: deploy v1.1.0
since:
  description: Since when the lock is held, in UTC; null where nobody holds it.
  returned: when the lock could be read
  type: str
  sample: "2026-01-01T00:00:00Z"
lease:
  description: For how long the lock counts without being renewed, in seconds; null where nobody holds it.
  returned: when the lock could be read
  type: int
  sample: 1800
token:
  description: Names the run that holds the lock; null where nobody does, empty where the file is no lock.
  returned: when the lock could be read
  type: str
  sample: 0f343b0931126a20f133d67c2b018a3b
stale:
  description: Whether the lease of the lock has ended, so that the next run that asks takes it over.
  returned: when the lock could be read
  type: bool
taken_over:
  description: Whose lock was taken over, and why that could be; null where none was.
  returned: when the lock could be read
  type: dict
  sample:
    owner: operator@controller
    reason: deploy v1.0.0
    since: "2026-01-01T00:00:00Z"
    why: its lease of 1800 s ended at 2026-01-01T00:30:00Z (12 min ago)
held_by:
  description: The other run that holds the lock; null where none does. A failure returns it too.
  returned: when the lock could be read
  type: dict
  contains:
    token:
      description: Names the run; empty where the file is no lock.
      type: str
    owner:
      description: The person.
      type: str
    reason:
      description: What the run does.
      type: str
    since:
      description: When it took the lock, in UTC.
      type: str
    renewed:
      description: When it last renewed its lease, in UTC.
      type: str
    lease:
      description: For how long the lock counts without being renewed, in seconds.
      type: int
    ends:
      description: When the lease ends, in UTC.
      type: str
    stale:
      description: Whether the lease has ended.
      type: bool
    controller:
      description: Where the run is, as C(host), C(machine), C(pid) and C(started); empty where the file is no lock.
      type: dict
"""

import os
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_native
from ansible_collections.ridgetop.aidis.plugins.module_utils import lock_account, lock_file, lock_options

# Seconds between two looks at a lock that is waited for.
POLL = 1.0


def wish_of(params: dict[str, t.Any]) -> lock_file.Wish:
    """Return what the options ask for. Raises LockError where they are out of range."""
    if params["state"] == "released" and params["account"] and params["account"]["result"] is None:
        raise lock_file.LockError("account.result must say how the run ended that gives the lock back")
    return lock_options.wish_of(params, params["state"], params["ended"])


def settle(path: str, wish: lock_file.Wish, wait: int, write: bool) -> lock_file.Answer:
    """Return the answer, asking again for up to ``wait`` seconds. Raises LockError and OSError."""
    deadline = time.monotonic() + wait
    while True:
        answer = lock_file.attempt(path, wish, write)
        left = deadline - time.monotonic()
        if not answer.refused or wish.state != "acquired" or not write or left <= 0:
            return answer
        time.sleep(min(POLL, left))


def result_of(path: str, answer: lock_file.Answer, token: str) -> dict[str, t.Any]:
    """Return what the module returns, whether it fails or not."""
    lock = answer.after
    fields = ("owner", "reason", "lease", "token")
    view: dict[str, t.Any] = {field: getattr(lock, field) if lock else None for field in fields}
    view |= {
        "since": lock_file.stamp(lock.since) if lock else None,
        "stale": lock is not None and lock_file.is_stale(lock, answer.at),
    }
    held_by = None
    if lock and lock.token != token:
        held_by = {
            **view,
            "renewed": lock_file.stamp(lock.renewed),
            "ends": lock_file.stamp(lock.ends),
            "controller": lock.controller,
        }
    return {
        **view,
        "changed": answer.changed,
        "taken_over": answer.taken_over,
        "held_by": held_by,
        "diff": {
            "before_header": path,
            "after_header": path,
            "before": answer.before.text if answer.before else "",
            "after": lock.text if lock else "",
        },
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **lock_options.ARGUMENTS,
            "state": {"type": "str", "default": "acquired", "choices": list(lock_file.STATES)},
            "ended": {"type": "str"},
        },
        supports_check_mode=True,
    )
    path = os.path.abspath(module.params["path"])
    account = None if module.check_mode else module.params["account"]
    try:
        wish = wish_of(module.params)
        unwritten = lock_account.ended(account, wish, path)
        answer = settle(path, wish, module.params["wait"], write=not module.check_mode)
        unwritten += lock_account.begun(account, wish, answer)
    except (lock_file.LockError, OSError) as error:
        module.fail_json(msg=to_native(error))
    result = result_of(path, answer, wish.token)
    # Of a lease that is renewed nothing: a dry run has taken no lock that it could have lost.
    if wish.state == "acquired":
        for text in lock_options.warnings(path, answer, module.check_mode):
            module.warn(text)
    for text in unwritten:
        module.warn(text)
    if answer.refused and not module.check_mode:
        module.fail_json(msg=answer.refused, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
