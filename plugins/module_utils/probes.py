# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes of a server: one round of them, and rounds repeated until all pass or time is over."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils.answers import (
    AnswerError,
    capture,
    expect,
    fill,
    fill_known,
    placeholders,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.checks import Check, Subject
from ansible_collections.ridgetop.aidis.plugins.module_utils.latency import exceeded, samples, summarise
from ansible_collections.ridgetop.aidis.plugins.module_utils.mcp import (
    Server,
    Session,
    Settings,
    open_session,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.net import (
    Deadline,
    HttpConnection,
    NetError,
    connect,
    excerpt,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.probe_http import http_answer

RECONNECTS = 3


@dataclass(frozen=True)
class Cleanup:
    """The call that takes back what a call of a tool created."""

    tool: str
    arguments: Mapping[str, Any]
    required: bool = True


@dataclass(frozen=True)
class Step:
    """A further call of a tool, with what the calls before it captured."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    expect: Mapping[str, Any] = field(default_factory=dict)
    expect_match: Mapping[str, str] = field(default_factory=dict)
    capture: Mapping[str, Any] = field(default_factory=dict)
    cleanup: Cleanup | None = None


@dataclass(frozen=True)
class Probe:
    """One probe; times in seconds, limits in milliseconds."""

    subject: Subject
    kind: str
    settings: Settings
    transport: str = "tcp"
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    method: str = "GET"
    body: Any = None
    status: tuple[int, ...] = (200,)
    json: Mapping[str, Any] = field(default_factory=dict)
    expect: Mapping[str, Any] = field(default_factory=dict)
    expect_match: Mapping[str, str] = field(default_factory=dict)
    capture: Mapping[str, Any] = field(default_factory=dict)
    cleanup: Cleanup | None = None
    first: tuple[Step, ...] = ()
    then: tuple[Step, ...] = ()
    count: int = 1
    warmup: int = 0
    max_errors: int = 0
    limits: Mapping[str, float | None] = field(default_factory=dict)
    read_only: bool = False

    def steps(self) -> tuple[Probe | Step, ...]:
        """Its calls of tools, in their order."""
        return (*self.first, self, *self.then)

    def changes_nothing(self) -> bool:
        """Whether the probe may run in check mode."""
        if self.kind == "http":
            return self.method in ("GET", "HEAD", "OPTIONS")
        return self.kind != "tool" or self.read_only

    def expected(self) -> str:
        """What the probe expects, for people."""
        where = str(self.settings.endpoint)
        limits = [f"{name} <= {v:g} ms" for name, v in self.limits.items() if v is not None]
        what = {
            "tcp": f"{where} accepts a connection",
            "http": f"{self.method} {self.settings.path} on {where} answers " + " or ".join(map(str, self.status)),
            "tool": f"tool {' and then '.join(one.tool for one in self.steps())} on {where} answers without error",
            "list_tools": f"{where} lists its tools",
        }[self.kind]
        if self.json or any(one.expect or one.expect_match for one in self.steps()):
            what += " with the expected values"
        if self.tools:
            what += ", among them " + ", ".join(self.tools)
        return ", ".join([what, *limits])


@dataclass
class Outcome:
    """What a probe found."""

    check: Check
    latency: dict[str, float | int | None] | None = None
    samples: list[float] | None = None
    server: Server | None = None
    tools: list[str] | None = None


@dataclass
class Report:
    """What a run of probes found, each by its last attempt, in the order of the probes."""

    outcomes: dict[str, Outcome]
    elapsed: float
    rounds: int
    limits: dict[str, dict[str, float]] = field(default_factory=dict)

    def checks(self) -> list[Check]:
        """One check a probe."""
        return [outcome.check for outcome in self.outcomes.values()]

    def spent(self) -> str:
        """How long it was tried, for people."""
        return f"in {self.elapsed:.1f} s and {self.rounds} round{'s' if self.rounds > 1 else ''}"

    def result(self) -> dict[str, Any]:
        """The module's return values."""
        outcomes = self.outcomes.values()
        server = next((o.server for o in outcomes if o.server is not None), None)
        return {
            "checks": [check.as_dict() for check in self.checks()],
            "latency_ms": {
                name: outcome.latency for name, outcome in self.outcomes.items() if outcome.latency is not None
            },
            "samples_ms": {
                name: outcome.samples for name, outcome in self.outcomes.items() if outcome.samples is not None
            },
            "limits": self.limits,
            "tools": next((o.tools for o in outcomes if o.tools is not None), []),
            "server": vars(server) if server is not None else {},
            "elapsed": round(self.elapsed, 3),
            "rounds": self.rounds,
        }


def unknown_placeholders(probe: Probe) -> set[str]:
    """Names in templates that nothing will fill: those of a call, and those of its clean-up."""
    known = {"n", "uuid"}
    wanted: set[str] = set()
    for step in probe.steps():
        # The calls of a probe are made in this order, and each may use what those before it captured.
        wanted |= placeholders(dict(step.arguments)) - known
        known |= set(step.capture)
        if step.cleanup is not None:
            wanted |= placeholders(dict(step.cleanup.arguments)) - known
    if probe.transport == "post" and probe.kind == "tool":
        wanted |= placeholders([probe.settings.path, probe.settings.body]) - {"tool", "arguments"}
    return wanted


def run(
    probes: Iterable[Probe],
    *,
    timeout: float,
    wait: float = 0.0,
    interval: float = 1.0,
    check_mode: bool = False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """Run the probes, and those that failed again until they pass or ``wait`` seconds are over.

    One round takes at most ``timeout`` seconds; what it does not reach fails.
    """
    start = clock()
    outcomes: dict[str, Outcome] = {}
    pending = list(probes)
    limits = {probe.subject.id: {n: v for n, v in probe.limits.items() if v is not None} for probe in pending}
    rounds = 0
    failed_before = False
    while True:
        rounds += 1
        deadline = Deadline(timeout, clock)
        for probe in pending:
            outcomes[probe.subject.id] = attempt(probe, deadline, check_mode)
        states = {outcomes[probe.subject.id].check.status for probe in pending}
        pending = [p for p in pending if outcomes[p.subject.id].check.status in ("fail", "warn")]
        left = start + wait - clock()
        # Warnings alone are not waited for, but those met while others failed get one more try.
        if left <= 0 or not pending or not ("fail" in states or failed_before):
            return Report(outcomes, clock() - start, rounds, limits)
        failed_before = "fail" in states
        sleep(min(interval, left))


def attempt(probe: Probe, deadline: Deadline, check_mode: bool = False) -> Outcome:
    """Run one probe once."""
    expected = probe.expected()
    if check_mode and not probe.changes_nothing():
        reason = "not run in check mode: the call may change something (see read_only)"
        return Outcome(probe.subject.skipped(expected, reason))
    if deadline.passed():
        late = f"not reached within {deadline} (timeout)"
        return Outcome(probe.subject.result(False, expected, late))
    action = {"tcp": _tcp, "http": _http, "tool": _tool, "list_tools": _list_tools}[probe.kind]
    return action(probe, deadline)


@dataclass
class _Calls:
    """Calls made so far: what each took in ms, and what went wrong."""

    took: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    broken: int = 0

    def timed(self, action: Callable[[], Any]) -> Any:
        """Run a call and keep its time when it succeeds."""
        start = time.perf_counter()
        value = action()
        self.took.append(1000 * (time.perf_counter() - start))
        return value


def _repeated(probe: Probe, deadline: Deadline, once: Callable[[_Calls, int], None]) -> _Calls:
    """Make the warm-up calls and the counted ones; errors of both count, times of the latter."""
    calls = _Calls()
    for number in range(probe.warmup + probe.count):
        if deadline.passed():
            calls.errors.append(f"stopped by the time limit after {number} calls (timeout)")
            break
        try:
            once(calls if number >= probe.warmup else _Calls(), number)
        except AnswerError as error:
            calls.errors.append(str(error))
        except RecursionError:
            # Nested just so far that it could still be read, and no further.
            calls.errors.append("the answer is nested too deeply")
        except NetError as error:
            calls.errors.append(str(error))
            calls.broken += 1
            if calls.broken >= RECONNECTS or len(calls.errors) > probe.max_errors:
                break
    return calls


def _judged(probe: Probe, calls: _Calls, extra: str = "") -> Outcome:
    """Hold the calls made against the errors allowed and the limits."""
    latency = summarise(calls.took, len(calls.errors))
    broken = exceeded(latency, probe.limits) if calls.took else []
    met = len(calls.errors) <= probe.max_errors and not broken
    parts = [extra] if extra else []
    if calls.errors:
        made = len(calls.took) + len(calls.errors)
        parts.append(calls.errors[0] if made == 1 else f"{len(calls.errors)} of {made} calls failed")
        if made > 1:
            parts.append(f"first: {calls.errors[0]}")
    parts += broken
    if len(calls.took) == 1 and not broken:
        parts.append(f"{latency['max']:g} ms")
    elif calls.took and not broken:
        parts.append(f"p50 {latency['p50']:g} ms, p95 {latency['p95']:g} ms")
    took = samples(calls.took) if probe.count > 1 else None
    return Outcome(probe.subject.result(met, probe.expected(), "; ".join(parts)), latency, took)


def _tcp(probe: Probe, deadline: Deadline) -> Outcome:
    limit = probe.settings.connect_timeout

    def once(calls: _Calls, _number: int) -> None:
        calls.timed(lambda: connect(probe.settings.endpoint, deadline.within(limit))).close()

    return _judged(probe, _repeated(probe, deadline, once))


def _http(probe: Probe, deadline: Deadline) -> Outcome:
    settings = probe.settings
    connection = HttpConnection(settings.endpoint, settings.connect_timeout, settings.max_answer_bytes)

    def once(calls: _Calls, _number: int) -> None:
        connection.prepare(deadline)
        limited = deadline.within(settings.answer_timeout)
        calls.timed(
            lambda: http_answer(connection, settings, probe.method, probe.body, probe.status, probe.json, limited)
        )

    try:
        return _judged(probe, _repeated(probe, deadline, once))
    finally:
        connection.close()


def _tool(probe: Probe, deadline: Deadline) -> Outcome:
    session = open_session(probe.transport, probe.settings)
    debris: list[str] = []
    prepared: dict[str, Any] = {"n": 0, "uuid": str(uuid.uuid4())}
    made_first: list[Cleanup] = []

    def once(calls: _Calls, number: int) -> None:
        values: dict[str, Any] = {**prepared, "n": number + 1, "uuid": str(uuid.uuid4())}
        session.prepare(deadline)
        arguments = fill(dict(probe.arguments), values)
        result = calls.timed(lambda: session.call(probe.tool, arguments, deadline))
        made: list[Cleanup] = []
        try:
            _taken(probe, result, values, made)
            for step in probe.then:
                _step(step, session, values, made, deadline)
        except (AnswerError, NetError):
            calls.took.pop()
            raise
        finally:
            # What was made last goes first: it may belong to what was made before it.
            for cleanup in reversed(made):
                debris.extend(_clean_up(cleanup, probe, session, values))

    try:
        if probe.first:
            session.prepare(deadline)
        for step in probe.first:
            _step(step, session, prepared, made_first, deadline)
        outcome = _judged(probe, _repeated(probe, deadline, once))
    except (AnswerError, NetError) as error:
        outcome = Outcome(probe.subject.result(False, probe.expected(), f"before the calls: {error}"))
    finally:
        for cleanup in reversed(made_first):
            debris.extend(_clean_up(cleanup, probe, session, prepared))
        session.close()
    outcome.server = session.server
    if debris and outcome.check.status == "pass":
        outcome.check = _littered(probe, outcome.check, debris)
    return outcome


def _littered(probe: Probe, check: Check, debris: list[str]) -> Check:
    """A probe that could not take back what it created."""
    observed = f"{len(debris)} of its clean-ups failed, first: {debris[0]}; {check.observed}"
    required = all(step.cleanup.required for step in probe.steps() if step.cleanup is not None)
    if required:
        return probe.subject.result(False, check.expected, observed)
    return replace(check, status="warn", observed=observed)


def _taken(step: Probe | Step, result: Any, values: dict[str, Any], made: list[Cleanup]) -> None:
    """Capture from a result, note what takes back what was made, and look at the values. Raises AnswerError."""
    values.update(capture(result, step.capture))
    if step.cleanup is not None:
        made.append(step.cleanup)
    expect(result, fill_known(dict(step.expect), values), fill_known(dict(step.expect_match), values, re.escape))


def _step(step: Step, session: Session, values: dict[str, Any], made: list[Cleanup], deadline: Deadline) -> None:
    """Make a further call, which is not timed. Raises AnswerError, with the name of the tool, and NetError."""
    try:
        _taken(step, session.call(step.tool, fill(dict(step.arguments), values), deadline), values, made)
    except AnswerError as error:
        raise AnswerError(f"{step.tool}: {error}") from None


def _clean_up(cleanup: Cleanup, probe: Probe, session: Session, values: Mapping[str, Any]) -> list[str]:
    """Take back what a call created, in time of its own beyond the round's; what went wrong."""
    try:
        grace = Deadline(probe.settings.answer_timeout)
        session.call(cleanup.tool, fill(dict(cleanup.arguments), values), grace)
    except (AnswerError, NetError) as error:
        return [f"{cleanup.tool}: {error}"]
    return []


def _list_tools(probe: Probe, deadline: Deadline) -> Outcome:
    session = open_session(probe.transport, probe.settings)
    names: list[str] = []

    def once(calls: _Calls, _number: int) -> None:
        session.prepare(deadline)
        names[:] = calls.timed(lambda: session.tools(deadline))
        absent = [name for name in probe.tools if name not in names]
        if absent:
            calls.took.pop()
            offered = excerpt(", ".join(names)) or "none"
            raise AnswerError(f"not offered: {', '.join(absent)} (offered: {offered})")

    try:
        outcome = _judged(probe, _repeated(probe, deadline, once))
    finally:
        session.close()
    outcome.server = session.server
    outcome.tools = names
    return outcome
