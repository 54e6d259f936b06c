#!/usr/bin/python
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnosis
short_description: Find the causes in the evidence of hosts, tell them, and bundle it
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Compares what M(ridgetop.aidis.host_evidence) found with the signatures of known causes, prints for each host the
    causes with the commands that mend them, and writes a bundle of texts on the controller.
  - Every known secret of all hosts is replaced in the bundle. It is read again before it takes its name, and where a
    secret is found, it is removed and the task fails.
  - Fails where no host could be looked at, or the bundle cannot be written. What is broken on a host is no failure.
attributes:
  check_mode:
    support: full
    description: Can run in check_mode and return changed status prediction without modifying target.
  diff_mode:
    support: none
    description: Nothing changes but the bundle, which is new each time.
  action:
    support: full
    description: It is an action, and needs no connection.
options:
  hosts:
    description: The results of M(ridgetop.aidis.host_evidence) by host, also those of hosts that were not reached.
    type: dict
    required: true
  dest:
    description: Directory of the bundle on the controller, made where it is missing.
    type: path
    required: true
  name:
    description: Name of the bundle, before its time.
    type: str
    required: true
  options:
    description: Options of C(ansible-playbook) in the commands that mend by a playbook.
    type: str
    default: ''
  clock_tolerance:
    description: Seconds that the clocks of host and controller may differ by.
    type: float
    default: 5.0
seealso:
  - module: ridgetop.aidis.host_evidence
"""

EXAMPLES = r"""
- name: Tell the causes
  ridgetop.aidis.diagnosis:
    hosts: "{{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars, 'found'))) }}"
    dest: reports/prod
    name: prod
  run_once: true
"""

RETURN = r"""
hosts:
  description: What was found on each host.
  returned: success
  type: dict
  sample:
    aidis.example.org:
      missing: ''
      causes:
        - id: postgres.stopped
          certainty: certain
          cause: "PostgreSQL does not run: postgresql@17-main.service is inactive since Mon 2026-01-05 02:15:00 UTC."
          lines: []
          mend:
            - command: sudo systemctl start postgresql@17-main.service
              where: on the host
          follows: ''
bundle:
  description: Path of the bundle.
  returned: success
  type: str
  sample: /home/me/reports/prod/prod-20260105T021700Z.tar.gz
"""
