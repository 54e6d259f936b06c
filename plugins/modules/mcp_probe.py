#!/usr/bin/python
# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mcp_probe
short_description: Probe an MCP server by connections, HTTP requests and tool calls
version_added: 0.1.0
author:
  - Ridgetop Developers (@ridgetop)
description:
  - Asks a server questions and holds the answers against what is expected. It can open a connection, make an
    HTTP request, call a tool of the Model Context Protocol, and list the tools.
  - Serves as the gate after a restart, where O(wait) repeats failing probes until they pass, and as a measuring
    tool, where O(probes[].count) calls are timed and held against O(probes[].limits).
  - An answer counts only when it is the right one. A tool's result with C(isError), a JSON-RPC error, an HTTP
    status that is not listed, or an answer in another protocol is a failure.
  - Every step ends in time. A server that accepts and never answers, answers garbage, closes half way or sends
    without end leads to an error that says so.
notes:
  - Needs nothing but Python's standard library on the host it runs on.
  - Results and messages quote at most 200 characters of an answer.
  - Connects directly. A proxy that the environment names is not used.
extends_documentation_fragment:
  - ridgetop.aidis.attributes
attributes:
  check_mode:
    support: partial
    details:
      - Connections, tool lists, HTTP requests of the methods V(GET), V(HEAD) and V(OPTIONS), and tool calls with
        O(probes[].read_only=true) are made. All other probes are skipped, with the reason in the check.
  diff_mode:
    support: none
    details:
      - The module only observes; the probes that it keeps may hold tokens and are not shown.
  idempotent:
    support: partial
    details:
      - The only change that the module reports is that of O(probes_file). A tool that creates something does so at each
        call, see O(probes[].cleanup).
options:
  probes_file:
    description:
      - File on the host that keeps probes, readable by its owner alone, since they may hold tokens.
    type: path
  probes_file_use:
    description:
      - V(write) keeps O(probes) in O(probes_file) once all of them have passed.
      - V(read) asks the probes that O(probes_file) holds; O(probes) where there is no such file.
    type: str
    choices: [read, write]
    default: read
  probes:
    description:
      - What to ask, in this order. A probe that fails does not keep the later ones from running.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: Name of the probe, unique in the list, used in results and messages.
        type: str
        required: true
      title:
        description: What the probe is about, for people. Made from the other options when not given.
        type: str
      category:
        description: Heading under which a report lists the check.
        type: str
        default: health
      severity:
        description:
          - A probe that does not succeed has the status C(fail) when this is V(critical), else C(warn).
        type: str
        choices: [critical, warning, info]
        default: critical
      hint:
        description: What to do when the probe fails. Part of the failure message.
        type: str
        default: ''
      kind:
        description:
          - V(tcp) opens a connection and closes it.
          - V(http) makes a request and looks at the answer's status and JSON values.
          - V(tool) calls a tool.
          - V(list_tools) lists the tools.
        type: str
        choices: [tcp, http, tool, list_tools]
        required: true
      host:
        description: Name or address of the server. O(host) of the module when not given.
        type: str
      port:
        description: Port of the server. O(port) of the module when not given.
        type: int
      tls:
        description: Whether to use TLS. O(tls) of the module when not given.
        type: bool
      validate_certs:
        description: Whether the server's certificate must be valid. O(validate_certs) of the module when not given.
        type: bool
      ca_path:
        description: File of CA certificates to trust instead of the system's. O(ca_path) of the module when not given.
        type: path
      token:
        description: Bearer token for HTTP. O(token) of the module when not given.
        type: str
      path:
        description:
          - Path of the request, with the query. The default is V(/) for O(probes[].kind=http), V(/mcp) for
            O(probes[].transport=http) and V(/mcp/tools/{tool}) for O(probes[].transport=post), where C({tool}) is
            filled.
        type: str
      headers:
        description: Further HTTP headers. They are not hidden in logs, see O(probes[].token).
        type: dict
        default: {}
      method:
        description: Method of O(probes[].kind=http).
        type: str
        default: GET
      body:
        description:
          - Body of O(probes[].kind=http). Text is sent as it is, anything else as JSON.
          - For O(probes[].transport=post) the template of the body, in which C({tool}) and C({arguments}) are
            filled. The default there is C({"arguments":) the arguments C(}).
        type: raw
      status:
        description: HTTP statuses of O(probes[].kind=http) that are right.
        type: list
        elements: int
        default: [200]
      json:
        description:
          - Values that the JSON body of an answer to O(probes[].kind=http) must hold, by dotted path, such as
            V(checks.database) or V(items.0.name). C(true) does not equal C(1).
        type: dict
        default: {}
      transport:
        description:
          - V(tcp) is JSON-RPC, one message a line.
          - V(http) is MCP's streamable HTTP with its session header, answered by JSON or by a stream of events.
          - V(post) is one plain POST per tool, see O(probes[].path) and O(probes[].body). C(error), C(success) equal
            to C(false) and C(isError) in its answer are failures; C(result), where there is one, is the result.
        type: str
        choices: [tcp, http, post]
        default: tcp
      initialize:
        description:
          - Whether to begin with MCP's C(initialize) handshake, for the transports V(tcp) and V(http). Not timed.
        type: bool
        default: true
      envelope:
        description:
          - V(tools_call) calls the tool by the method C(tools/call), as MCP does.
          - V(method) calls a JSON-RPC method of the tool's name.
          - V(bare) sends C({"method":) the tool C(}) alone, with C(params) when there are arguments, without
            handshake or id, and takes the next line as the answer. Only for O(probes[].transport=tcp).
        type: str
        choices: [tools_call, method, bare]
        default: tools_call
      tool:
        description: Tool to call. Required for O(probes[].kind=tool).
        type: str
      tools:
        description: Tools that O(probes[].kind=list_tools) must find.
        type: list
        elements: str
        default: []
      arguments:
        description:
          - Arguments of the tool. C({n}) in a string is the number of the call, from 1 and warm-up included,
            C({uuid}) a new random UUID. A string that is only one of them becomes a value of its type.
        type: dict
        default: {}
      expect:
        description:
          - Values that the result of the tool must hold, by dotted path. A path is looked up in the result, then in
            its C(structuredContent), then in each text of its C(content) that is JSON. The first found counts.
          - C({n}), C({uuid}) and the names that were captured are filled, other braces stay.
        type: dict
        default: {}
      expect_match:
        description:
          - Regular expressions, by path as in O(probes[].expect), to be found in the value there. A value that is
            not text is matched as JSON.
        type: dict
        default: {}
      capture:
        description:
          - Values to take from the result for O(probes[].cleanup). Each is a name with a path as in
            O(probes[].expect), or with a mapping of C(path) and C(regex), whose first group is taken.
          - A value that is not there is a failure.
        type: dict
        default: {}
      cleanup:
        description:
          - Call that takes back what the tool created. It is made after each answered call, warm-up included,
            in time of its own beyond O(timeout) (at most O(answer_timeout)), and is not timed.
        type: dict
        suboptions:
          tool:
            description: Tool to call.
            type: str
            required: true
          arguments:
            description: Arguments, where also the names of O(probes[].capture) are filled, such as C({session}).
            type: dict
            default: {}
          required:
            description: Whether a clean-up that goes wrong fails the probe. It is a warning otherwise.
            type: bool
            default: true
      first:
        description:
          - Calls to make once, before the first of the counted ones, on the same connection, such as what makes the
            thing that is used. They are not timed. What they make is taken back when all calls are done.
        type: list
        elements: dict
        default: []
        suboptions:
          tool:
            description: Tool to call.
            type: str
            required: true
          arguments:
            description: Arguments, where also the names that were captured before are filled.
            type: dict
            default: {}
          expect:
            description: As O(probes[].expect).
            type: dict
            default: {}
          expect_match:
            description: As O(probes[].expect_match).
            type: dict
            default: {}
          capture:
            description: As O(probes[].capture), for the calls after this one, too.
            type: dict
            default: {}
          cleanup:
            description: As O(probes[].cleanup).
            type: dict
            suboptions:
              tool:
                description: Tool to call.
                type: str
                required: true
              arguments:
                description: Arguments, where also the names that were captured are filled.
                type: dict
                default: {}
              required:
                description: Whether a clean-up that goes wrong fails the probe. It is a warning otherwise.
                type: bool
                default: true
      then:
        description:
          - Further calls to make after each answered call, in this order, on the same connection, such as what uses
            the thing that was made. They are not timed. What they make is taken back in the opposite order, before
            what O(probes[].cleanup) takes back.
        type: list
        elements: dict
        default: []
        suboptions:
          tool:
            description: Tool to call.
            type: str
            required: true
          arguments:
            description: Arguments, where also the names that were captured before are filled.
            type: dict
            default: {}
          expect:
            description: As O(probes[].expect).
            type: dict
            default: {}
          expect_match:
            description: As O(probes[].expect_match).
            type: dict
            default: {}
          capture:
            description: As O(probes[].capture), for the calls after this one, too.
            type: dict
            default: {}
          cleanup:
            description: As O(probes[].cleanup).
            type: dict
            suboptions:
              tool:
                description: Tool to call.
                type: str
                required: true
              arguments:
                description: Arguments, where also the names that were captured are filled.
                type: dict
                default: {}
              required:
                description: Whether a clean-up that goes wrong fails the probe. It is a warning otherwise.
                type: bool
                default: true
      count:
        description: Calls, requests or connections to make and to time, one after another.
        type: int
        default: 1
      warmup:
        description: Calls to make first that are not timed. Their errors count.
        type: int
        default: 0
      max_errors:
        description: Calls that may fail. After 3 broken connections the probe stops in any case.
        type: int
        default: 0
      limits:
        description:
          - Limits in milliseconds. Percentiles are by nearest rank. Failed calls have no time and count as errors.
        type: dict
        suboptions:
          p50:
            description: Limit of the median, in milliseconds.
            type: float
          p95:
            description: Limit of the 95th percentile, in milliseconds.
            type: float
          p99:
            description: Limit of the 99th percentile, in milliseconds.
            type: float
          max:
            description: Limit of the slowest call, in milliseconds.
            type: float
          mean:
            description: Limit of the mean, in milliseconds.
            type: float
      read_only:
        description: Whether the tool changes nothing, so that it may be called in check mode.
        type: bool
        default: false
  host:
    description: Name or address of the server.
    type: str
    default: 127.0.0.1
  port:
    description: Port of the server. Required where a probe has none of its own.
    type: int
  tls:
    description: Whether to use TLS.
    type: bool
    default: false
  validate_certs:
    description: Whether the server's certificate must be valid for its name.
    type: bool
    default: true
  ca_path:
    description: File of CA certificates, PEM, to trust instead of the system's.
    type: path
  token:
    description: Bearer token sent with every HTTP request.
    type: str
  connect_timeout:
    description: Seconds for name resolution, connection and TLS handshake of one connection.
    type: float
    default: 5.0
  answer_timeout:
    description: Seconds for one request from its first byte sent to the last byte of its answer.
    type: float
    default: 10.0
  timeout:
    description: Seconds for one round of all probes. What it does not reach fails.
    type: float
    default: 60.0
  wait:
    description:
      - Seconds during which failing probes are tried again. V(0) tries once. A round that has begun is finished, so
        the whole takes at most O(wait) and O(timeout) together.
      - Probes whose severity is not V(critical) are not waited for.
    type: float
    default: 0.0
  wait_interval:
    description: Seconds between two rounds.
    type: float
    default: 1.0
  max_answer_bytes:
    description: Largest answer, in bytes, headers included. A larger one is a failure and is not read on.
    type: int
    default: 4194304
  list_tools:
    description:
      - Whether to list the tools first, as a probe with the id V(list_tools) that connects as the first probe of
        the kind V(tool) does.
    type: bool
    default: false
  fail_on_error:
    description: Whether the task fails when a check has the status C(fail). The results are returned either way.
    type: bool
    default: true
seealso:
  - module: ansible.builtin.wait_for
  - module: ansible.builtin.uri
  - name: Model Context Protocol, transports
    description: The specification of the protocol.
    link: https://modelcontextprotocol.io/specification/2025-06-18/basic/transports
"""

EXAMPLES = r"""
- name: Wait until the server answers a real tool call
  ridgetop.aidis.mcp_probe:
    port: 3001
    wait: 60
    probes:
      - id: mcp_port
        kind: tcp
      - id: ready
        kind: http
        port: 8080
        path: /readyz
      - id: session_new
        kind: tool
        tool: session_new
        arguments:
          user: "gate-{uuid}"
        expect:
          session.status: active
        capture:
          session: session.id
        cleanup:
          tool: session_end
          arguments:
            session_id: "{session}"
            purge: true

- name: Measure the creation of sessions over streamable HTTP
  ridgetop.aidis.mcp_probe:
    port: 8080
    token: "{{ vault_aidis_token }}"
    list_tools: true
    probes:
      - id: session_creation
        title: Session creation < 50 ms
        category: performance
        kind: tool
        transport: http
        tool: session_new
        arguments:
          title: "call {n} {uuid}"
        capture:
          session: session.id
        cleanup:
          tool: session_end
          arguments:
            session_id: "{session}"
            purge: true
        count: 100
        warmup: 5
        limits:
          p95: 50
  register: measured

- name: Send the line of the deployment guide and look at the answer
  ridgetop.aidis.mcp_probe:
    port: 3001
    fail_on_error: false
    probes:
      - id: project_list
        kind: tool
        envelope: bare
        tool: project_list
        read_only: true
"""

RETURN = r"""
checks:
  description: One check a probe, in their order, by its last attempt.
  returned: always, unless the options are wrong
  type: list
  elements: dict
  contains:
    id:
      description: The probe's id.
      type: str
    title:
      description: The probe's title.
      type: str
    category:
      description: The probe's category.
      type: str
    severity:
      description: The probe's severity.
      type: str
    status:
      description: V(pass), V(fail), V(warn) or V(skip).
      type: str
    reason:
      description: Why it was skipped.
      type: str
      returned: when the status is V(skip)
    expected:
      description: What was expected.
      type: str
    observed:
      description: What was seen, with an excerpt of the answer or the latency.
      type: str
    hint:
      description: The probe's hint.
      type: str
  sample:
    - id: session_new
      title: Tool session_new answers
      category: health
      severity: critical
      status: fail
      expected: tool session_new on 127.0.0.1:3001 answers without error
      observed: "the tool answered isError: no project"
      hint: ''
latency_ms:
  description:
    - For each probe that ran, by its id, C(count), C(errors), C(p50), C(p95), C(p99), C(max) and C(mean) in
      milliseconds, and C(rate) in calls a second. Values are null when no call succeeded.
  returned: always, unless the options are wrong
  type: dict
  sample: {session_new: {count: 100, errors: 0, p50: 3.1, p95: 6.0, p99: 9.4, max: 9.9, mean: 3.4, rate: 294.1}}
samples_ms:
  description:
    - For each probe that ran with O(probes[].count) above 1, by its id, the times in milliseconds of the calls that
      succeeded, in the order of the calls and rounded to 3 places.
    - Of more than 1000, 1000 at equal distances are told, the first and the last among them. The measures in
      RV(latency_ms) are of all.
  returned: always, unless the options are wrong
  type: dict
  sample: {session_new: [3.112, 2.954, 3.307]}
limits:
  description:
    - For each probe, by its id, the limits in milliseconds that it was given, empty where there are none. Also of
      probes that did not run.
  returned: always, unless the options are wrong
  type: dict
  sample: {session_new: {p95: 50.0}}
tools:
  description: Names of the tools that the server lists, empty when they were not asked for.
  returned: always, unless the options are wrong
  type: list
  elements: str
  sample: [ping, session_new]
server:
  description: C(name), C(version) and C(protocol) of the first handshake, empty without one.
  returned: always, unless the options are wrong
  type: dict
  sample: {name: aidis, version: 1.0.0, protocol: '2025-06-18'}
elapsed:
  description: Seconds that the probes took, waiting included.
  returned: always, unless the options are wrong
  type: float
  sample: 1.28
rounds:
  description: Rounds of probes that were made.
  returned: always, unless the options are wrong
  type: int
  sample: 2
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ridgetop.aidis.plugins.module_utils import probe_file
from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import (
    failed,
    failure_message,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.probe_options import (
    OptionError,
    argument_spec,
    build,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.probes import run


def asked(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters with the probes that are to be asked. Raises OSError and ValueError."""
    if params["probes_file"] is None or params["probes_file_use"] != "read":
        return params
    kept = probe_file.read(params["probes_file"])
    return params if kept is None else {**params, "probes": kept}


def kept(params: dict[str, Any], check_mode: bool) -> bool:
    """Keep the probes where that is asked for; whether they are others than before. Raises OSError."""
    if params["probes_file"] is None or params["probes_file_use"] != "write":
        return False
    try:
        differs = probe_file.read(params["probes_file"]) != params["probes"]
    except ValueError:
        differs = True
    if differs and not check_mode:
        probe_file.write(params["probes_file"], params["probes"])
    return bool(differs)


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    params = module.params
    try:
        params = asked(params)
        probes = build(params)
    except (OptionError, OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    report = run(
        probes,
        timeout=params["timeout"],
        wait=params["wait"],
        interval=params["wait_interval"],
        check_mode=module.check_mode,
    )
    checks = report.checks()
    if params["fail_on_error"] and failed(checks):
        module.fail_json(msg=failure_message(checks, "probes", report.spent()), **report.result())
    try:
        changed = not failed(checks) and kept(params, module.check_mode)
    except OSError as error:
        module.fail_json(msg=f"the probes cannot be kept: {error}", **report.result())
    module.exit_json(changed=changed, **report.result())


if __name__ == "__main__":
    main()
