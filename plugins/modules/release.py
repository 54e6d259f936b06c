#!/usr/bin/python
# Copyright (c) Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Stage, activate, accept, fail and prune releases, and keep their ledger
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
    description: Name of the release, that of its directory below O(root)/releases.
    type: str
    required: true
  state:
    description:
      - V(query) changes nothing.
      - V(staged) records that the directory of the release holds a whole build.
      - V(active) lets C(current) name the release.
      - V(good) records that the release runs and was accepted, what it was started from, and removes the oldest
        releases beyond O(keep).
      - V(failed) records that the release failed, and why. It touches neither directory nor link.
    type: str
    choices: [query, staged, active, good, failed]
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
    description: What the database recorded of migrations when the release was accepted, as a digest.
    type: str
  by:
    description: Who deploys.
    type: str
  reason:
    description: Why the release failed.
    type: str
  inputs:
    description: Files that the service runs from, beside the release itself. Used with V(active) and V(good).
    type: list
    elements: path
    default: []
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

- name: Restart the service where what it runs from has changed
  ansible.builtin.systemd_service:
    name: aidis-production.service
    state: "{{ 'restarted' if activation.restart else 'started' }}"
"""

RETURN = r"""
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
active:
  description: Id of the release that C(current) names; null where it names none.
  returned: success
  type: str
last_good:
  description: Id of the newest accepted release other than the active one; null where there is none.
  returned: success
  type: str
restart:
  description: Whether the service would run from something else than it was started from.
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
from ansible_collections.ridgetop.aidis.plugins.module_utils import release_dir


def now() -> str:
    """Return the time in UTC, to the microsecond: releases are ordered by it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def desired(
    module: AnsibleModule, before: book.Ledger, active: str | None, digest: str
) -> tuple[book.Ledger, list[str]]:
    """Return the ledger that the state asks for, and the releases to remove."""
    params = module.params
    entry = book.find(before, params["id"])
    facts = {key: params[key] for key in ("version", "commit", "checksum", "by", "reason", "migrations")}
    if params["state"] == "staged":
        return book.record(before, params["id"], "staged", now(), facts), []
    if params["state"] == "failed":
        return book.record(before, params["id"], "failed", now(), facts), []
    if params["state"] != "good":
        return before, []
    after = before
    told = params["migrations"] or ""
    if entry is None or entry["result"] != "good" or (told and entry.get("migrations") != told):
        after = book.record(after, params["id"], "good", now(), facts)
    if (after["running"] or {}).get("digest") != digest:
        after = book.running_as(after, params["id"], digest, now())
    removable = book.to_prune(after, max(params["keep"], 1), active)
    return (book.pruned(after, removable, now()) if removable else after), removable


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Read, compare, apply unless in check mode, and return the result. Raises LedgerError and OSError."""
    params = module.params
    release_id = book.check_id(params["id"])
    path = os.path.join(params["state_dir"], book.FILE_NAME)
    before = book.load(path)
    active = release_dir.active(params["root"])
    digest = book.digest_of(release_id, params["inputs"])
    directory = release_dir.path_of(params["root"], release_id)

    staged = book.is_built(book.find(before, release_id)) and os.path.isdir(directory)
    if params["state"] == "staged" and not module.check_mode and not os.path.isdir(directory):
        raise book.LedgerError(f"{directory} is not there, so it cannot be recorded as a whole build")
    if params["state"] in ("active", "good") and not staged:
        raise book.LedgerError(f"{release_id} is not a whole build on this host; a deployment builds it")
    if params["state"] == "good" and active != release_id and not module.check_mode:
        raise book.LedgerError(f"{release_id} cannot be accepted: the active release is {active}")

    after, removable = desired(module, before, active, digest)
    link = release_id if params["state"] == "active" else active
    if not module.check_mode:
        if after != before:
            book.save(path, after)
        if link != active and link is not None:
            release_dir.activate(params["root"], link)
        for name in removable:
            shutil.rmtree(release_dir.path_of(params["root"], name))

    entry = book.find(after, release_id)
    return {
        "changed": after != before or link != active,
        "release": entry,
        "staged": staged or params["state"] == "staged",
        "good": entry is not None and entry["result"] == "good" and link == release_id,
        "active": link,
        "last_good": book.last_good(after, link or ""),
        "restart": link != active or (before["running"] or {}).get("digest") != digest,
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
            "id": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "default": "query",
                "choices": ["query", "staged", "active", "good", "failed"],
            },
            "version": {"type": "str"},
            "commit": {"type": "str"},
            "checksum": {"type": "str"},
            "migrations": {"type": "str"},
            "by": {"type": "str"},
            "reason": {"type": "str"},
            "inputs": {"type": "list", "elements": "path", "default": []},
            "keep": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    try:
        with release_dir.locked(
            module.params["state_dir"], write=module.params["state"] != "query" and not module.check_mode
        ):
            result = run(module)
    except (book.LedgerError, OSError) as error:
        module.fail_json(msg=to_native(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
