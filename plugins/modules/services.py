#!/usr/bin/python
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: services
short_description: Write the files of a set of services and let its units run with them
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Brings files, made of templates on the controller, to a host, and enables, starts, restarts, reloads and stops the
    units of systemd that read them, all in one round trip.
  - Nothing is changed before everything is known to be valid. All files that differ are written beside their places and
    validated, then all are put in place by rename, then systemd reads its unit files anew where that is needed, then
    the units are seen to, in the order given.
  - What a unit needs is told by what is there and not by what this run changed. A file newer than the unit's start
    needs a restart, whichever run or person wrote it, so that a run that was killed between is mended by the next one.
extends_documentation_fragment:
  - ridgetop.aidis.attributes
attributes:
  check_mode:
    support: full
    details:
      - A user, a group, a unit or a validator that is not there yet is no error, and counts as a change to come. What a
        validator that is there says against a file is a warning, for what the file refers to may not be there yet.
  diff_mode:
    support: full
    details:
      - Owner, group and mode are shown of all files, the content of secret ones, and of files that are no text or
        larger than 100 KiB, is not.
  idempotent:
    support: full
  action:
    support: full
    description: An action makes the contents on the controller.
options:
  files:
    description:
      - The files. A file that differs in content, owner, group or mode is replaced as a whole; who reads it sees the
        old one or the new one.
      - A symbolic link at its path is replaced by the file, and what it points to is left alone. Anything that is
        neither a file nor a link, such as a directory, is an error.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description:
          - Where it is, as a plain absolute path. Directories above it that are not there are made, owned by root, with
            the mode 0755.
        type: str
        required: true
      template:
        description:
          - The template on the controller, looked for and rendered as M(ansible.builtin.template) does by default.
          - One of O(files[].template), O(files[].content) and O(files[].src) is required, and none of them with
            O(files[].state=absent).
        type: str
      content:
        description: What it is to hold.
        type: str
      src:
        description: The file on the controller, looked for as M(ansible.builtin.copy) does. It may be no text.
        type: str
      state:
        description: Whether it is to be there.
        type: str
        choices: [present, absent]
        default: present
      owner:
        description: Name or number of its user.
        type: str
        default: root
      group:
        description: Name or number of its group.
        type: str
        default: root
      mode:
        description: Its mode, as four octal digits in quotes.
        type: str
        default: "0644"
      validate:
        description:
          - A command, run without a shell, that ends with 0 where C(%s), the path that the file has before it is put in
            place, holds something valid. It has 60 seconds.
          - The path is one beside the file's own, and its name another one, without the file's suffix.
          - It is only run where the file differs.
        type: str
      secret:
        description:
          - Whether its content is never shown, nor what its validator says. That is so anyhow for a file that nobody
            but its owner can read, or could before.
        type: bool
        default: false
  units:
    description: The units, in the order in which they are seen to.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name with the suffix. It must be one that stays active, such as no service of the type oneshot.
        type: str
        required: true
      restart_on:
        description:
          - Files, such as drop-ins of its unit, that it is to be restarted for where one is newer than its start, by
            the times of the host. A time in the future does not count.
          - One that this run removes counts, too, and one that is not there does not. A directory is newer when a file
            came to it, was replaced, or went.
        type: list
        elements: str
        default: []
      reload_on:
        description:
          - Files that it is to be reloaded for where one is newer than the last change of its state, which a reload is.
          - A unit that cannot be reloaded is restarted.
        type: list
        elements: str
        default: []
      enabled:
        description: Whether it is to be started at boot. A unit that has nothing to be enabled for is left as it is.
        type: bool
        default: true
      state:
        description: Whether it is to run.
        type: str
        choices: [started, stopped]
        default: started
  timeout:
    description:
      - For how long to wait until the units are active, in seconds. They are watched for some seconds more where any
        was started, restarted or reloaded, and one that ends then, or is started anew by systemd, is a failure.
    type: int
    default: 30
  contents:
    description: What the files are to hold. The action sets it; it is no option of a task.
    type: str
seealso:
  - module: ansible.builtin.template
  - module: ansible.builtin.systemd_service
"""

EXAMPLES = r"""
- name: Configure Prometheus and let it run with that
  ridgetop.aidis.services:
    files:
      - path: /etc/systemd/system/prometheus.service.d/aidis.conf
        template: etc/systemd/system/prometheus.service.d/aidis.conf.j2
      - path: /etc/prometheus/aidis/prometheus.yml
        template: etc/prometheus/aidis/prometheus.yml.j2
        validate: promtool check config --syntax-only %s
      - path: /etc/prometheus/aidis/secrets/database
        content: "{{ vault_database_password }}"
        mode: "0600"
        secret: true
    units:
      - name: prometheus.service
        restart_on:
          - /etc/systemd/system/prometheus.service.d/aidis.conf
          - /etc/prometheus/aidis/secrets/database
        reload_on:
          - /etc/prometheus/aidis/prometheus.yml

- name: Remove a timer
  ridgetop.aidis.services:
    files:
      - path: /etc/systemd/system/aidis-old.timer
        state: absent
    units:
      - name: aidis-old.timer
        enabled: false
        state: stopped
"""

RETURN = r"""
files:
  description: Paths of the files that were replaced or removed.
  returned: success
  type: list
  elements: str
  sample: [/etc/prometheus/aidis/prometheus.yml]
units:
  description:
    - What was done, by the names of the units. Of a unit that was enabled or disabled as well as started or stopped the
      latter is told.
  returned: success
  type: dict
  sample:
    prometheus.service: reloaded
daemon_reload:
  description: Whether systemd read its unit files anew.
  returned: success
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_native
from ansible_collections.ridgetop.aidis.plugins.module_utils import services, services_files, services_run
from ansible_collections.ridgetop.aidis.plugins.module_utils.masking import Mask


def main() -> None:
    """Run the module."""
    file = {
        "path": {"type": "str", "required": True},
        "template": {"type": "str"},
        "content": {"type": "str"},
        "src": {"type": "str"},
        "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
        "owner": {"type": "str", "default": "root"},
        "group": {"type": "str", "default": "root"},
        "mode": {"type": "str", "default": "0644"},
        "validate": {"type": "str"},
        "secret": {"type": "bool", "default": False, "no_log": False},
    }
    unit = {
        "name": {"type": "str", "required": True},
        "restart_on": {"type": "list", "elements": "str", "default": []},
        "reload_on": {"type": "list", "elements": "str", "default": []},
        "enabled": {"type": "bool", "default": True},
        "state": {"type": "str", "default": "started", "choices": ["started", "stopped"]},
    }
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "default": [], "options": file},
            "units": {"type": "list", "elements": "dict", "default": [], "options": unit},
            "timeout": {"type": "int", "default": 30},
            "contents": {"type": "str", "no_log": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    files: list[services.File] = []
    try:
        files = services.files_of(params["files"], params["contents"] or "")
        units = services.units_of(params["units"])
        done = services_run.run(files, units, params["timeout"], module.check_mode)
    except (services.ServicesError, OSError) as error:
        # The last lines of a journal may quote what the program read.
        module.fail_json(msg=Mask(services_files.known(files)).text(to_native(error)))
    for text in done.warnings:
        module.warn(text)
    shown = {"diff": [services_files.diff(change) for change in done.changes]} if module._diff else {}
    module.exit_json(
        changed=done.changed,
        files=[change.file.path for change in done.changes],
        units=done.units,
        daemon_reload=done.daemon_reload,
        **shown,
    )


if __name__ == "__main__":
    main()
