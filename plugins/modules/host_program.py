#!/usr/bin/python
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_program
short_description: Bring a program that is made of this collection's own Python to a host
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Makes one executable file of a module below C(plugins/module_utils) and of all that it imports of this collection,
    and copies it to the host, owned by root, with mode 0755. The same sources make the same file.
  - It is for what has to run without Ansible, such as backups started by a timer.
attributes:
  check_mode:
    support: full
    description: Can run in check_mode and return changed status prediction without modifying target.
  diff_mode:
    support: partial
    description: The program is no text, so only its name is shown.
  action:
    support: full
    description: It is an action, which ends in a copy.
options:
  entry:
    description: Name of the module, whose C(main) takes the arguments of the command line and returns the exit status.
    type: str
    required: true
  dest:
    description: Path of the program on the host.
    type: path
    required: true
seealso:
  - module: ansible.builtin.copy
"""

EXAMPLES = r"""
- name: Install the program that backs the database up
  ridgetop.aidis.host_program:
    entry: backup_main
    dest: /usr/local/sbin/aidis-database
"""

RETURN = r"""
dest:
  description: Path of the program.
  returned: success
  type: str
  sample: /usr/local/sbin/aidis-database
checksum:
  description: SHA-1 of the program, as M(ansible.builtin.copy) returns it.
  returned: success
  type: str
"""
