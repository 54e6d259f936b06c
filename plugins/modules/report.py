#!/usr/bin/python
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Write the report of a verification on the controller
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Puts the checks of all hosts together, gives a verdict, and writes a report as data, as JUnit XML and as a page of
    HTML that is one file and needs nothing else.
  - A check that failed is no failure of this task. Use RV(verdict) to fail the play.
  - What hosts send is data, whatever it looks like. Control characters are made visible, and a text of more than 4000
    characters is cut.
  - It runs on the controller and asks no host for anything. Call it once for all hosts, with C(run_once).
attributes:
  check_mode:
    support: full
    description: Returns the same, and writes nothing.
  diff_mode:
    support: none
    description: A report is new each time.
  action:
    support: full
    description: It is an action, and nothing else.
options:
  dest:
    description:
      - Directory of the reports of one inventory, on the controller. It is made where it is missing. A relative one is
        looked for where C(ansible-playbook) was started.
      - Each run makes a directory named by its time, such as C(20261126T013000Z), with the mode 0750. It has its name
        only when it is complete. The link C(latest) leads to the newest one.
    type: path
    required: true
  inventory:
    description:
      - Name of the inventory, to be shown. The trend is made of reports with the same name.
    type: str
    default: ""
  title:
    description:
      - Title of the report.
    type: str
    default: AIDIS verification
  command:
    description:
      - The command line that repeats the verification, to be shown.
    type: str
    default: ""
  hosts:
    description:
      - The hosts by name, at least one. Each has C(groups), C(checks), C(latency), C(release), C(ledger) and
        C(timings), all of which can be left out.
      - C(groups) is a list of names.
      - C(checks) is a list of checks as the modules of this collection return them. C(id), C(title), C(category),
        C(severity) and C(status) are needed; C(expected), C(observed), C(hint) and, of a skipped one, C(reason) are
        shown. Commands between backticks in a hint are shown as code.
      - C(latency) is a list of calls that were measured, with C(id), C(title), C(limits) such as C(p95), C(measured) as
        M(ridgetop.aidis.mcp_probe) returns it, and C(samples_ms), the single times. All are milliseconds.
      - C(release) is a dictionary that describes the release that runs; C(ledger) is a list of such dictionaries.
      - C(timings) is a list of dictionaries with C(stage) and C(seconds).
    type: dict
    required: true
  keep:
    description:
      - How many reports stay in O(dest), the new one counted. Older ones are removed. Removed is only what has the name
        of a report and a C(report.json) that this action wrote.
    type: int
    default: 100
  trend:
    description:
      - How many earlier reports the trend is made of. One that is damaged or of another inventory is left out, and the
        report says so.
    type: int
    default: 20
  write:
    description:
      - Whether to write a report. With V(false) only the verdict is given.
    type: bool
    default: true
seealso:
  - module: ridgetop.aidis.host_check
  - module: ridgetop.aidis.mcp_probe
  - module: ridgetop.aidis.schema_verify
"""

EXAMPLES = r"""
- name: Write the report
  ridgetop.aidis.report:
    dest: reports/prod
    inventory: prod
    command: ansible-playbook ridgetop.aidis.verify -i prod
    hosts:
      aidis.example.org:
        groups: [aidis_app, aidis_db]
        checks:
          - id: service.unit
            title: Unit aidis-production.service
            category: service
            severity: critical
            status: fail
            expected: active
            observed: failed
            hint: Look at `journalctl -u aidis-production -n 50`.
        latency:
          - id: session_new
            title: New session
            limits: {p95: 50}
            measured: {count: 3, errors: 0, p50: 17.1, p95: 20.4, p99: 20.4, max: 20.4, mean: 17.6}
            samples_ms: [15.3, 17.1, 20.4]
        release: {id: 1.4.0-3f2a9c1, version: 1.4.0}
        timings: [{stage: host, seconds: 2.3}]
  run_once: true
  register: report

- name: Fail where a critical check failed
  ansible.builtin.assert:
    that: report.verdict != 'fail'
    fail_msg: "{{ report.msg }}"
  run_once: true
"""

RETURN = r"""
verdict:
  description: >-
    V(fail) where a check of severity C(critical) failed, V(warn) where another one failed or any warned, or where none
    could be made, V(pass) otherwise.
  returned: success
  type: str
  sample: pass
path:
  description: Directory of the report, an absolute path; empty where none was written.
  returned: success
  type: str
  sample: /home/deploy/reports/prod/20261126T013000Z
files:
  description: Paths of the files of the report.
  returned: success
  type: list
  elements: str
failed_checks:
  description: >-
    The critical checks that failed, over all hosts, with C(host), C(id), C(title), C(expected), C(observed) and
    C(hint).
  returned: success
  type: list
  elements: dict
summary:
  description: Counts of checks by status, with C(total), and in C(hosts) the same by host and category.
  returned: success
  type: dict
  sample: {total: 1, pass: 1, fail: 0, warn: 0, skip: 0, hosts: {db1: {service: {pass: 1, fail: 0, warn: 0, skip: 0}}}}
text:
  description: The report for the terminal, what failed first.
  returned: success
  type: str
msg:
  description: One message with all critical checks that failed, and the report to open.
  returned: success
  type: str
"""
