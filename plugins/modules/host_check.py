#!/usr/bin/python
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_check
short_description: Check a list of requirements on a host in one go
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Looks at memory, disks, processors, commands and packages, units, timers, sockets, files, users, the firewall,
    the journal and more, and tells for each requirement whether it is met. Only reads.
  - A requirement that the host offers no way to check is skipped with the reason. It never counts as met.
  - Each kind takes its own parameters, others are an error. Kinds and what they require are listed at
    O(checks[].kind).
notes:
  - Needs nothing but Python's standard library. Kinds that ask a tool (V(package), V(unit), V(timer), V(journal),
    V(firewall), V(npm_audit), V(output), V(root_login), V(security_updates), V(reboot)) are skipped where the tool is
    missing.
  - Works for an unprivileged user. What such a user may not see is skipped with the reason.
  - Values given to the kind V(value) are part of the task's arguments. Pass the length or the strength of a
    secret, never the secret.
extends_documentation_fragment:
  - ridgetop.aidis.attributes
attributes:
  check_mode:
    support: full
    details:
      - The module only reads, in either mode.
  diff_mode:
    support: none
    details:
      - The module changes nothing.
  idempotent:
    support: full
options:
  checks:
    description: The requirements. They are looked at side by side, and reported in this order.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Name of the check, unique in the list.
        type: str
        required: true
      kind:
        description:
          - V(clock) is synchronised, by the kernel's own measure.
          - V(command) needs O(checks[].name), a name or path of a command that may be run.
          - V(command_version) needs O(checks[].argv) and O(checks[].minimum) or O(checks[].maximum), takes
            O(checks[].regex).
          - V(cpus) needs O(checks[].minimum), the processors that may be used.
          - V(disk) needs O(checks[].path) and at least one of O(checks[].minimum_mb), O(checks[].minimum_percent)
            and O(checks[].minimum_inodes), free at the path or at its nearest existing parent.
          - V(distribution) needs O(checks[].allowed).
          - V(file) needs O(checks[].path), takes O(checks[].absent), O(checks[].type), O(checks[].mode),
            O(checks[].mode_at_most), O(checks[].owner), O(checks[].group), O(checks[].target),
            O(checks[].contains), O(checks[].excludes), O(checks[].append_only).
          - V(firewall) takes O(checks[].backend) and O(checks[].active).
          - V(journal) has no entries, takes O(checks[].unit), O(checks[].priority), O(checks[].minutes),
            O(checks[].current), O(checks[].exclude), O(checks[].maximum_entries).
          - V(listening) needs O(checks[].port), takes O(checks[].address), O(checks[].only), O(checks[].process).
            TCP only.
          - V(memory) needs O(checks[].minimum_mb) or O(checks[].minimum_percent), takes O(checks[].available).
          - V(npm_audit) needs O(checks[].argv), a command that prints what C(npm audit --json) does, takes
            O(checks[].threshold). Skipped where it prints no such report, as where the registry cannot be asked.
          - V(output) needs O(checks[].argv), a command that only reads, takes O(checks[].exit_status),
            O(checks[].contains), O(checks[].excludes).
          - V(package) needs O(checks[].name), takes O(checks[].state), O(checks[].minimum), O(checks[].maximum),
            O(checks[].major_of). Debian packages.
          - V(port_free) needs O(checks[].port), takes O(checks[].unit) and O(checks[].process), which may hold it.
          - V(python) needs O(checks[].minimum) or O(checks[].maximum), the interpreter that runs the module.
          - V(reboot) is not due, by C(/run/reboot-required) and by Debian's kernels that are installed.
          - V(root_login) by ssh is not possible with a password alone, by C(sshd -T) for an address that no rule of
            its configuration is about.
          - V(security_updates) are not pending by the package lists that are there, takes O(checks[].maximum_days).
          - V(swap) needs O(checks[].minimum_mb) or O(checks[].maximum_mb).
          - V(tcp) needs O(checks[].port), takes O(checks[].host) and O(checks[].reachable).
          - V(timer) needs O(checks[].name), takes O(checks[].enabled), O(checks[].active), O(checks[].next).
          - V(unit) needs O(checks[].name) and at least one of O(checks[].active), O(checks[].enabled),
            O(checks[].sub) and O(checks[].properties).
          - V(url) needs O(checks[].url), takes O(checks[].status), O(checks[].method), O(checks[].validate_certs),
            O(checks[].ca_path), O(checks[].use_proxy).
          - V(user) needs O(checks[].name), takes O(checks[].absent), O(checks[].shell), O(checks[].home),
            O(checks[].groups), O(checks[].locked).
          - V(value) needs O(checks[].observed), takes O(checks[].operator) and O(checks[].expected), so that what
            the controller knows can stand in the same report.
        type: str
        required: true
        choices:
          - clock
          - command
          - command_version
          - cpus
          - disk
          - distribution
          - file
          - firewall
          - journal
          - listening
          - memory
          - npm_audit
          - output
          - package
          - port_free
          - python
          - reboot
          - root_login
          - security_updates
          - swap
          - tcp
          - timer
          - unit
          - url
          - user
          - value
      title:
        description: What the check is about, for people. Made from the parameters when not given.
        type: str
      category:
        description: Heading under which a report lists the check. By kind when not given.
        type: str
      severity:
        description: A requirement that is not met has the status C(fail) when this is V(critical), else C(warn).
        type: str
        choices: [critical, warning, info]
        default: critical
      hint:
        description: What to do when the requirement is not met. Part of the failure message.
        type: str
        default: ''
      timeout:
        description: Time limit of this check in seconds. O(timeout) of the module when not given.
        type: float
      absent:
        description: Whether the file or user must not exist.
        type: bool
      active:
        description:
          - Whether the unit or timer is active. Not looked at for a V(unit) when not given.
          - The default is V(true) for V(timer) and V(firewall).
        type: bool
      address:
        description:
          - Addresses, one of which must be listened on. V(any) stands for the wildcard address and V(loopback) for a
            loopback address, of either family.
        type: list
        elements: str
      allowed:
        description: Distributions, each with C(id) and, if wanted, C(version) and C(codename), as in os-release.
        type: list
        elements: dict
      append_only:
        description:
          - Whether the file must be one that can only be added to, as C(chattr +a) makes it. Met where its file system
            has no such attribute, and where root of this machine may not set it, as in most containers.
        type: bool
      argv:
        description: Command and arguments that print a version, or whose output is looked at. Run without a shell.
        type: list
        elements: str
      available:
        description: Whether available memory counts instead of the total.
        type: bool
      backend:
        description: Firewall to look at. The default is V(any).
        type: str
        choices: [any, ufw, nft]
      ca_path:
        description: File of CA certificates, PEM, to trust instead of the system's.
        type: path
      contains:
        description:
          - Regular expressions that must be found in the file, or in the output. A file above 4 MiB is not looked
            through, and the check skipped.
        type: list
        elements: str
      current:
        description: Whether only entries of the unit's current run count.
        type: bool
      enabled:
        description: Whether the unit or timer is enabled. The default is V(true) for V(timer).
        type: bool
      exclude:
        description:
          - Regular expressions. An entry of the journal in which one is found does not count. The check is skipped
            where there are 1000 entries or more and too few of the last 1000 count to tell.
        type: list
        elements: str
      excludes:
        description:
          - Regular expressions that must not be found in the file, whose content is never shown, or in the output.
            A file above 4 MiB is not looked through, and the check skipped.
        type: list
        elements: str
      exit_status:
        description: Exit statuses of the command that are right. The default is V([0]).
        type: list
        elements: int
      expected:
        description: Value to compare with. Required unless O(checks[].operator) is V(set) or V(unset).
        type: raw
      group:
        description: Group of the file, by name or number.
        type: str
      groups:
        description: Groups that the user must be in.
        type: list
        elements: str
      home:
        description: Home directory of the user.
        type: path
      host:
        description: Host to connect to. The default is V(127.0.0.1).
        type: str
      locked:
        description: Whether the password of the user is locked. Needs the right to read the shadow file.
        type: bool
      maximum:
        description:
          - Highest version, compared in as many numbers as it has, so that V(20) admits 20.19.
        type: str
      maximum_days:
        description:
          - Age in days up to which the package lists of the security archive tell. The check is skipped where they are
            older, or not there. The default is V(7).
        type: int
      major_of:
        description:
          - Another package, for the major version of whose installed or available version C(%s) in O(checks[].name)
            stands.
        type: str
      maximum_entries:
        description: Entries that the journal may have. The default is V(0).
        type: int
      maximum_mb:
        description: Most swap space in MiB.
        type: int
      method:
        description: Method of the request. The default is V(GET). The body is not read.
        type: str
        choices: [GET, HEAD]
      minimum:
        description:
          - Lowest version, or number of processors. Versions are dotted numbers. Those of packages are compared by
            dpkg, where the epoch counts only when it is given. Quote it, YAML takes 3.10 for 3.1.
        type: str
      minimum_inodes:
        description: Least free inodes. Met where the file system counts none.
        type: int
      minimum_mb:
        description:
          - Least memory, swap or free disk space in MiB. A machine sold with 4 GB shows some 3800 MiB.
        type: int
      minimum_percent:
        description: Least free disk space, or available memory, in percent.
        type: int
      minutes:
        description: Age in minutes up to which entries of the journal count. The default is V(5).
        type: float
      mode:
        description: Exact mode of the file, a quoted string of octal digits.
        type: str
      mode_at_most:
        description: Mode that the file's must not exceed in any bit, a quoted string of octal digits.
        type: str
      name:
        description: Name of the command, package, unit, timer or user.
        type: str
      next:
        description: Whether the timer has a next time. The default is V(true).
        type: bool
      observed:
        description: Value that was observed. Never a secret.
        type: raw
      only:
        description: Whether nothing may listen on the port at other addresses than O(checks[].address).
        type: bool
      operator:
        description:
          - Comparison of C(observed) with C(expected), in this order. The default is V(eq). C(true) does not equal
            C(1).
        type: str
        choices: [set, unset, eq, ne, lt, le, gt, ge, in, not_in, contains, match, no_match]
      owner:
        description: Owner of the file, by name or number.
        type: str
      path:
        description: Absolute path.
        type: path
      port:
        description: TCP port.
        type: int
      priority:
        description: Lowest priority of entries that count, such as V(warning). The default is V(err).
        type: str
      process:
        description: Command name of the process, at most 15 characters, as in C(/proc/<pid>/comm).
        type: str
      properties:
        description: Properties of the unit as C(systemctl show) prints them, such as C(NRestarts) equal to V(0).
        type: dict
      reachable:
        description: Whether the port must accept a connection. The default is V(true).
        type: bool
      regex:
        description: Regular expression whose first group, or whole, is the version. By default the first number.
        type: str
      shell:
        description: Shells, one of which the user must have.
        type: list
        elements: str
      state:
        description:
          - Whether the package must be V(installed), or be V(available), the version that apt would install.
            The default is V(available).
        type: str
        choices: [available, installed]
      status:
        description: HTTP statuses that are right. Any below 500 when not given.
        type: list
        elements: int
      sub:
        description: Sub state of the unit, such as V(running).
        type: str
      target:
        description: Target of the symbolic link.
        type: str
      threshold:
        description: Least severity of a vulnerability that is not accepted. The default is V(high).
        type: str
        choices: [info, low, moderate, high, critical]
      type:
        description: Type of the file. Links are followed unless V(link) or O(checks[].target) is given.
        type: str
        choices: [directory, file, link, socket]
      unit:
        description: Unit of the journal, or the unit that may hold the port. The latter may be a pattern.
        type: str
      url:
        description: URL of the schemes http and https.
        type: str
      use_proxy:
        description: Whether to use the proxy that the environment names. The default is V(true).
        type: bool
      validate_certs:
        description: Whether the server's certificate must be valid. The default is V(true).
        type: bool
  timeout:
    description: Time limit of one check in seconds. A check that does not end in time is not met.
    type: float
    default: 10.0
  fail:
    description: Whether the task fails when a check has the status C(fail), naming each in one message.
    type: bool
    default: false
seealso:
  - module: ansible.builtin.setup
  - module: ridgetop.aidis.mcp_probe
"""

EXAMPLES = r"""
- name: Check that the host is fit
  ridgetop.aidis.host_check:
    fail: true
    checks:
      - id: distribution
        kind: distribution
        allowed:
          - {id: debian, version: "12"}
          - {id: debian, version: "13"}
      - id: memory
        kind: memory
        minimum_mb: 3700
        hint: Give the machine 4 GB of memory or lower preflight_memory_mb.
      - id: disk
        kind: disk
        path: /opt/aidis
        minimum_mb: 10240
      - id: cpus
        kind: cpus
        minimum: "2"
        severity: warning
      - id: nodejs
        kind: package
        name: nodejs
        minimum: "18"
      - id: registry
        kind: url
        url: https://registry.example.org/
      - id: mcp_port
        kind: port_free
        port: 3001
        unit: aidis-production.service
      - id: password
        kind: value
        title: Length of the database password
        observed: "{{ aidis_database_password | length }}"
        operator: ge
        expected: 16

- name: Check the running service without failing
  ridgetop.aidis.host_check:
    checks:
      - id: unit
        kind: unit
        name: aidis-production.service
        active: true
        enabled: true
        properties:
          NRestarts: 0
      - id: journal
        kind: journal
        unit: aidis-production.service
        minutes: 5
        exclude:
          - "DeprecationWarning"
      - id: environment
        kind: file
        path: /etc/aidis/production.env
        mode: "0640"
        owner: root
        group: ridgetop
        excludes:
          - "your_secure_password"
  register: verified
"""

RETURN = r"""
checks:
  description: One result a check, in their order.
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
      description: What was seen.
      type: str
    hint:
      description: The check's hint.
      type: str
  sample:
    - id: memory
      title: Memory
      category: resources
      severity: critical
      status: fail
      expected: at least 3700 MiB
      observed: 1989 MiB
      hint: Give the machine 4 GB of memory or lower preflight_memory_mb.
failed_ids:
  description: Ids of the checks whose status is V(fail).
  returned: always, unless the options are wrong
  type: list
  elements: str
  sample: [memory]
summary:
  description: Number of checks by status, and in all.
  returned: always, unless the options are wrong
  type: dict
  sample: {total: 9, pass: 7, fail: 1, warn: 0, skip: 1}
elapsed:
  description: Seconds that it took.
  returned: always, unless the options are wrong
  type: float
  sample: 0.4
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import (
    failed,
    failure_message,
    summary,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_checks import read, run
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import Host
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_kind import ParameterError


def main() -> None:
    begun = time.monotonic()
    module = AnsibleModule(
        argument_spec={
            "checks": {"type": "list", "elements": "dict", "required": True},
            "timeout": {"type": "float", "default": 10.0},
            "fail": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        requirements = read(module.params["checks"], module.params["timeout"])
    except ParameterError as error:
        module.fail_json(msg=str(error))
    checks = run(requirements, Host())
    result = {
        "checks": [check.as_dict() for check in checks],
        "failed_ids": [check.id for check in failed(checks)],
        "summary": summary(checks),
        "elapsed": round(time.monotonic() - begun, 3),
    }
    if module.params["fail"] and result["failed_ids"]:
        module.fail_json(msg=failure_message(checks, "requirements"), **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
