#!/usr/bin/python
# Copyright (c) Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Stage, activate, accept, fail, return to and prune releases, and keep their ledger
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Keeps O(state_dir)/releases.json, the only truth about the releases of a host.
    Nothing is inferred from names, times of files or listings.
  - Switches O(root)/current by rename, so that it always names a whole release.
  - Tells whether the service has to be restarted, by comparing what it would run from with what the ledger says that
    it was started from. A run that was killed between a change and the restart is found out by the next one.
attributes:
  check_mode:
    support: full
    description: Can run in check_mode and return changed status prediction without modifying target.
  diff_mode:
    support: full
    description: Returns the ledger and the link before and after.
  action:
    support: full
    description: An action tells the module which run it works for, and waits for O(lock) where another run has it.
options:
  root:
    description: Directory that holds C(releases/) and C(current).
    type: path
    required: true
  state_dir:
    description: Directory of the ledger. It must be there.
    type: path
    required: true
  id:
    description:
      - Name of the release, that of its directory below O(root)/releases.
      - Without it the release is the one that O(to) finds. A query may do without both, for the ledger alone.
    type: str
  to:
    description:
      - The release to return to, by its id, its version, or its commit of seven characters or more. It must have been
        accepted once. Used where O(id) is not given.
      - Empty is what ran before a deployment that did not end, else the last good release before the active one.
    type: str
  state:
    description:
      - V(query) changes nothing.
      - V(staged) records that the directory of the release holds a whole build.
      - V(migrating) records that the release's migrations begin, and what the database was before, so that the next run
        knows what to return to, whatever becomes of this one.
      - V(active) lets C(current) name the release.
      - V(returned) lets C(current) name the release, puts the files it was accepted with in their places, and starts
        O(service) from them.
      - V(good) records that the release runs and was accepted, keeps a copy of what it was started from, and removes
        the oldest releases beyond O(keep), but not those copies; a release that is built again returns with them.
      - V(failed) records that the release failed, and why. It touches neither directory nor link.
    type: str
    choices: [query, staged, migrating, active, returned, good, failed]
    default: query
  version:
    description: What the release was built from, as the inventory names it.
    type: str
  commit:
    description: Commit, or checksum of the source, that it was built from.
    type: str
  checksum:
    description: SHA-256 of the artifact that it was unpacked from.
    type: str
  migrations:
    description: What the database records of migrations, as a digest.
    type: str
  fingerprint:
    description: Fingerprint of the database's schema.
    type: str
  latency:
    description:
      - Milliseconds that calls of the release took before it was accepted. With V(good) the ledger keeps their
        number, median and 95th percentile as C(latency_count), C(latency_p50_ms) and C(latency_p95_ms) when the release
        becomes good, so that later ones can be held against them.
    type: list
    elements: float
    default: []
  backup:
    description: Id of the backup that was taken before the migrations. Used with V(migrating).
    type: str
  mode:
    description: Whether the service was V(stopped) for the migrations or served on, V(online). Used with V(migrating).
    type: str
    choices: [stopped, online]
    default: stopped
  instead_of:
    description: Id of the release that this one was returned to from; it becomes C(rolled_back). Used with V(good).
    type: str
  unbuilt:
    description:
      - What becomes of V(returned) where the release is no whole build on this host. With V(skip) nothing is done, and
        RV(staged) tells it.
    type: str
    choices: [fail, skip]
    default: fail
  migration_files:
    description:
      - Patterns of paths below a release's directory; a C(*) stands for any characters. RV(migrations_same) tells
        whether all such files are the same as in the release that runs.
    type: list
    elements: str
    default: []
  by:
    description: Who deploys.
    type: str
  reason:
    description: Why the release failed, or was left.
    type: str
  inputs:
    description:
      - Files that the service runs from, beside the release itself. Used with V(active), V(returned) and V(good).
    type: list
    elements: path
    default: []
  secrets:
    description:
      - Text by the path of the file among O(inputs) that it belongs to, of variables as systemd's C(EnvironmentFile=)
        reads them. With V(returned) they have these values in the copy that is put back, so that a password that was
        changed since stays changed. A variable that the copy does not have is not added.
    type: dict
  service:
    description:
      - Unit of systemd that runs from the release. With V(returned) it is restarted where RV(restart) or
        O(force_restart), else started where it does not run; whether it answers then is not looked at. It is left alone
        while migrations are under way.
    type: str
  force_restart:
    description: Whether O(service) may have been started from something else than the ledger says.
    type: bool
    default: false
  lock:
    description:
      - The lock of the deployment, to be taken before anything else is looked at, in the same round trip. Its options
        mean what they do with M(ridgetop.aidis.deploy_lock), which is how the lock is waited for where another run has
        it. This run releases it with that module, whether this task fails or not.
    type: dict
    suboptions:
      path:
        description: The file of the lock, on this host.
        type: path
        required: true
      reason:
        description: What the run does, for those who find the lock held.
        type: str
      owner:
        description: The person who holds the lock; by default the user and the name of the controller.
        type: str
      lease:
        description: For how long the lock counts without being renewed, in seconds, from 1 to 31536000.
        type: int
        default: 1800
      wait:
        description: For how long to wait for another run to release the lock, in seconds. Not in check mode.
        type: int
        default: 0
      takeover:
        description: Whether to take the lock over, whoever holds it.
        type: bool
        default: false
      account:
        description: Where to account for the beginning of the run, as M(ridgetop.aidis.deploy_lock) does.
        type: dict
        suboptions:
          path:
            description: The file.
            type: path
            required: true
          action:
            description: What kind of work the run does, such as V(rollback).
            type: str
            required: true
          result:
            description: Not used here; M(ridgetop.aidis.deploy_lock) writes the end of the run.
            type: str
            choices: [ok, failed]
          failed:
            description: Not used here.
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
            description: When the process was started; empty where that is not known.
            type: str
            required: true
  keep:
    description:
      - How many built releases stay on the host. The active one and the last good one before it stay in any case.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: Point at the release
  ridgetop.aidis.release:
    root: /opt/aidis
    state_dir: /var/lib/aidis
    id: v1.1.0-0a1b2c3
    inputs: [/etc/aidis/production.env, /etc/systemd/system/aidis-production.service]
    state: active
  register: activation

- name: Return to the release before
  ridgetop.aidis.release:
    root: /opt/aidis
    state_dir: /var/lib/aidis
    to: ""
    inputs: [/etc/aidis/production.env, /etc/systemd/system/aidis-production.service]
    service: aidis-production.service
    state: returned

- name: Return to a release by its version, alone
  ridgetop.aidis.release:
    root: /opt/aidis
    state_dir: /var/lib/aidis
    to: v1.0.0
    service: aidis-production.service
    lock:
      path: /var/lib/aidis/deploy.lock
      reason: rollback to v1.0.0
    state: returned

- name: Restart the service where what it runs from has changed
  ansible.builtin.systemd_service:
    name: aidis-production.service
    state: "{{ 'restarted' if activation.restart else 'started' }}"
"""

RETURN = r"""
id:
  description: The release that this is about; the one that O(to) found.
  returned: success
  type: str
release:
  description: The ledger's entry of the release; null where there is none.
  returned: success
  type: dict
  sample: {id: v1.1.0-0a1b2c3, result: good, version: v1.1.0, built_at: "2026-01-01T00:00:00Z"}
staged:
  description: Whether the release's directory is there and holds a whole build.
  returned: success
  type: bool
good:
  description: Whether the release is the active one and was accepted.
  returned: success
  type: bool
left:
  description: Id of another release that C(current) named before; null where it named this one or none.
  returned: success
  type: str
active:
  description: Id of the release that C(current) names; null where it names none.
  returned: success
  type: str
running:
  description: Id of the release that was accepted last, and so is to run; null where none was.
  returned: success
  type: str
underway:
  description:
    - The migrations that began and were neither accepted nor undone; null where there are none.
    - C(release), C(from), C(backup), C(fingerprint), C(migrations) and C(mode) of them, and since when.
  returned: success
  type: dict
migrations_same:
  description: Whether O(migration_files) match files, and the same ones in the release and in the one that runs.
  returned: success
  type: bool
restored:
  description: Files that were put back, with V(returned).
  returned: success
  type: list
  elements: str
last_good:
  description: Id of the newest accepted release other than the active one; null where there is none.
  returned: success
  type: str
restart:
  description: Whether the service would run from something else than it was started from.
  returned: success
  type: bool
started:
  description: Whether O(service) was seen to, so that it runs from the release that C(current) names.
  returned: success
  type: bool
removed:
  description: Ids of the releases whose directories were removed.
  returned: success
  type: list
  elements: str
ledger:
  description: The whole ledger.
  returned: success
  type: dict
"""

import datetime
import os
import shutil
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_native
from ansible_collections.ridgetop.aidis.plugins.module_utils import ledger as book
from ansible_collections.ridgetop.aidis.plugins.module_utils import lock_account, lock_file, lock_options, release_dir
from ansible_collections.ridgetop.aidis.plugins.module_utils import release_inputs as copies
from ansible_collections.ridgetop.aidis.plugins.module_utils.latency import summarise
from ansible_collections.ridgetop.aidis.plugins.module_utils.unit_start import StartError, start


def now() -> str:
    """Return the time in UTC, to the microsecond: releases are ordered by it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def measured(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return what the ledger keeps of the calls that were timed, single values as all of an entry are."""
    if not params["latency"]:
        return {}
    found = summarise(params["latency"], errors=0)
    return {"latency_count": found["count"], "latency_p50_ms": found["p50"], "latency_p95_ms": found["p95"]}


def desired(module: AnsibleModule, release_id: str, before: book.Ledger, digest: str) -> book.Ledger:
    """Return the ledger that the state asks for."""
    params = module.params
    state = params["state"]
    entry = book.find(before, release_id)
    told = ("version", "commit", "checksum", "by", "reason", "migrations", "fingerprint")
    facts = {key: params[key] for key in told}
    if state in ("staged", "failed"):
        return book.record(before, release_id, state, now(), facts)
    if state == "migrating":
        change = {key: params[key] for key in ("by", "backup", "fingerprint", "migrations", "mode")}
        return book.migrating(before, release_id, now(), change)
    if state != "good":
        return before
    after = before
    differs = any(facts[key] and (entry or {}).get(key) != facts[key] for key in ("migrations", "fingerprint"))
    if entry is None or entry["result"] != "good" or differs:
        after = book.record(after, release_id, "good", now(), facts | {"reason": None} | measured(params))
    if (after["running"] or {}).get("digest") != digest or after["underway"] is not None:
        after = book.running_as(after, release_id, digest, now())
    left = params["instead_of"]
    if left and left != release_id and book.find(after, left) is not None:
        after = book.record(after, left, "rolled_back", now(), {"by": params["by"], "reason": params["reason"]})
    return after


def inputs_to_save(params: dict[str, t.Any], release_id: str) -> list[copies.File] | None:
    """Return the files to keep a copy of, None where the copies are what they are. Raises LedgerError and OSError."""
    now_there = [copies.look(path) for path in params["inputs"]]
    return None if copies.saved(params["state_dir"], release_id) == now_there else now_there


def inputs_to_restore(module: AnsibleModule, release_id: str) -> list[copies.File]:
    """Return the copies, with the secrets of today, that differ from what is there now. Raises LedgerError, OSError."""
    params = module.params
    saved = copies.saved(params["state_dir"], release_id)
    if saved is None and params["inputs"]:
        module.warn(f"No files of {release_id} were kept, so it is started from those of today")
    secrets = params["secrets"] or {}
    saved = saved or []
    return copies.differing(copies.with_variables(file, secrets.get(file.path, "")) for file in saved)


def same_migrations(params: dict[str, t.Any], release_id: str, running: str | None) -> bool:
    """Tell whether the release carries the same migrations as the running one. Raises OSError."""
    if not params["migration_files"] or running is None:
        return False
    mine, other = (
        release_dir.files_digest(release_dir.path_of(params["root"], name), params["migration_files"])
        for name in (release_id, running)
    )
    return mine is not None and mine == other


def check_possible(module: AnsibleModule, state: str, release_id: str, staged: bool, active: str | None) -> None:
    """Raise LedgerError where the state cannot be had."""
    directory = release_dir.path_of(module.params["root"], release_id)
    if state == "staged" and not module.check_mode and not os.path.isdir(directory):
        raise book.LedgerError(f"{directory} is not there, so it cannot be recorded as a whole build")
    if state in ("active", "returned", "good") and not staged:
        raise book.LedgerError(f"{release_id} is not a whole build on this host; a deployment builds it")
    if state == "good" and active != release_id and not module.check_mode:
        raise book.LedgerError(f"{release_id} cannot be accepted: the active release is {active}")


def chosen(params: dict[str, t.Any], ledger: book.Ledger, active: str | None) -> str:
    """Return the id of the release that this is about, empty where a query names none. Raises LedgerError."""
    if params["id"] is not None:
        return book.check_id(params["id"])
    if params["to"] is not None:
        return book.target(ledger, active, params["to"])
    if params["state"] != "query":
        raise book.LedgerError("id or to must say which release this is about")
    return ""


def take_lock(module: AnsibleModule) -> None:
    """Take the lock that is asked for, if any; end the module where another run has it. Raises LockError, OSError."""
    asked = module.params["lock"]
    if asked is None:
        return
    path = os.path.abspath(asked["path"])
    wish = lock_options.wish_of(asked)
    answer = lock_file.attempt(path, wish, write=not module.check_mode)
    if answer.refused and not module.check_mode:
        module.fail_json(msg=answer.refused, lock_refused=True)
    unwritten = lock_account.begun(None if module.check_mode else asked["account"], wish, answer)
    for text in [*lock_options.warnings(path, answer, module.check_mode), *unwritten]:
        module.warn(text)


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Read, compare, apply unless in check mode, and return the result. Raises LedgerError and OSError."""
    params = module.params
    state, state_dir = params["state"], params["state_dir"]
    path = os.path.join(state_dir, book.FILE_NAME)
    before = book.load(path)
    active = release_dir.active(params["root"])
    release_id = chosen(params, before, active)
    directory = release_dir.path_of(params["root"], release_id)
    staged = book.is_built(book.find(before, release_id)) and os.path.isdir(directory)
    if state == "returned" and not staged and params["unbuilt"] == "skip":
        state = "query"
    check_possible(module, state, release_id, staged, active)

    restore = inputs_to_restore(module, release_id) if state == "returned" else []
    save = inputs_to_save(params, release_id) if state == "good" else None
    # A look at the ledger alone is about what is active.
    digest = book.digest_of(release_id or active or "", params["inputs"])
    after = desired(module, release_id, before, digest)
    removable = book.to_prune(after, max(params["keep"], 1), active) if state == "good" else []
    if removable:
        after = book.pruned(after, removable, now())
    link = release_id if state in ("active", "returned") else active
    restart = link != active or bool(restore) or (before["running"] or {}).get("digest") != digest
    serve = state == "returned" and params["service"] is not None and before["underway"] is None
    served = False
    if not module.check_mode:
        for file in restore:
            copies.restore(file)
        if link != active and link is not None:
            release_dir.activate(params["root"], link)
        # Before the ledger says that the release is good: what it says good of can be returned to whole.
        if save is not None:
            copies.save(state_dir, release_id, save)
        if after != before:
            book.save(path, after)
        for name in removable:
            shutil.rmtree(release_dir.path_of(params["root"], name))
        if serve:
            served = start(module.run_command, params["service"], restart or params["force_restart"], bool(restore))

    entry = book.find(after, release_id)
    running = (before["running"] or {}).get("id")
    return {
        "changed": after != before or link != active or bool(restore) or save is not None or served,
        "id": release_id,
        "release": entry,
        "staged": staged or state == "staged",
        "good": entry is not None and entry["result"] == "good" and link == release_id,
        "left": active if active != release_id else None,
        "active": link,
        "running": (after["running"] or {}).get("id"),
        "underway": after["underway"],
        "migrations_same": same_migrations(params, release_id, running) if staged else False,
        "restored": [file.path for file in restore],
        "last_good": book.last_good(after, link or ""),
        "restart": restart,
        "started": serve and not module.check_mode,
        "removed": removable,
        "ledger": after,
        "diff": {
            "before": f"current: {active}\n{book.dump(before)}",
            "after": f"current: {link}\n{book.dump(after)}",
        },
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "state_dir": {"type": "path", "required": True},
            "id": {"type": "str"},
            "to": {"type": "str"},
            "state": {
                "type": "str",
                "default": "query",
                "choices": ["query", "staged", "migrating", "active", "returned", "good", "failed"],
            },
            **{
                name: {"type": "str"}
                for name in (
                    *("version", "commit", "checksum", "migrations", "fingerprint", "backup"),
                    *("by", "reason", "instead_of"),
                )
            },
            "latency": {"type": "list", "elements": "float", "default": []},
            "mode": {"type": "str", "default": "stopped", "choices": ["stopped", "online"]},
            "unbuilt": {"type": "str", "default": "fail", "choices": ["fail", "skip"]},
            "migration_files": {"type": "list", "elements": "str", "default": []},
            "inputs": {"type": "list", "elements": "path", "default": []},
            "secrets": {"type": "dict", "no_log": True},
            "service": {"type": "str"},
            "force_restart": {"type": "bool", "default": False},
            "lock": {"type": "dict", "options": lock_options.ARGUMENTS},
            "keep": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    params = module.params
    write = params["state"] != "query" and not module.check_mode
    try:
        take_lock(module)
        with release_dir.locked(params["state_dir"], write=write):
            result = run(module)
    except (book.LedgerError, lock_file.LockError, StartError, OSError) as error:
        module.fail_json(msg=to_native(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
