# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What npm's audits say, and that nothing else is taken for an answer."""

from __future__ import annotations

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import npm_audit
from ansible_collections.ridgetop.aidis.plugins.module_utils.npm_audit import Answer, NoLockError, UnknownError
from ansible_collections.ridgetop.aidis.tests.unit.plugins.module_utils.npm_samples import NONE, RECORDED, of

# Why nothing is known, by what was recorded.
UNKNOWN = {
    "login_page": "invalid json response body at https://registry.example.org/",
    "no_endpoint_npm11": "405 Method Not Allowed - POST https://registry.example.org/-/npm/v1/security/advisories/bulk",
    "no_endpoint_npm9": "405 Method Not Allowed - POST https://registry.example.org/-/npm/v1/security/audits/quick",
    "no_key": "good@1.2.3 has a registry signature with keyid",
    "no_keys": "found no dependencies to audit that where installed from a supported registry",
    "no_lock": "the release has no lockfile of npm",
    "refused": "connect ECONNREFUSED",
    "unavailable": "503 Service Unavailable",
}
READERS = (npm_audit.vulnerable, npm_audit.signatures)


def answer(out: str, status: int = 0, err: str = "") -> Answer:
    return Answer(status, out, err)


# ---- Vulnerabilities ----


@pytest.mark.parametrize("status", [0, 1])
def test_the_worst_come_first_whatever_the_exit_status(status: int) -> None:
    found = npm_audit.vulnerable(answer(RECORDED["vulnerable"], status))
    assert list(found.items()) == [("leaf", "critical"), ("middle", "critical"), ("good", "moderate")]
    assert npm_audit.vulnerable_text(found) == (
        "2 critical, 1 moderate: leaf (critical), middle (critical), good (moderate)"
    )


def test_none_are_known() -> None:
    found = npm_audit.vulnerable(answer(NONE))
    assert found == {} and npm_audit.vulnerable_text(found) == "no known vulnerabilities"
    assert not npm_audit.reaches(found.values(), "info")


def test_only_the_first_are_named() -> None:
    found = npm_audit.vulnerable(answer(of(**{f"p{number}": "low" for number in range(7)})))
    assert npm_audit.vulnerable_text(found).endswith("p4 (low) and 2 more")


@pytest.mark.parametrize(("threshold", "reached"), [("low", True), ("high", True), ("critical", False)])
def test_a_threshold_is_reached_by_what_is_as_bad_or_worse(threshold: str, reached: bool) -> None:
    assert npm_audit.reaches(["low", "high"], threshold) is reached


def test_a_severity_that_is_not_known_is_the_worst() -> None:
    found = npm_audit.vulnerable(answer(of(a="critical", b="catastrophic")))
    assert list(found) == ["b", "a"] and npm_audit.reaches(["catastrophic"], "critical")
    assert npm_audit.vulnerable_text(found).startswith("1 catastrophic, 1 critical")


def test_names_cannot_write_to_the_terminal() -> None:
    found = npm_audit.vulnerable(answer(of(**{"a\x1b[2J\nb": "high"})))
    assert npm_audit.vulnerable_text(found) == "1 high: a [2J b (high)"


# ---- Signatures ----


@pytest.mark.parametrize("version", ["npm9", "npm11"])
def test_wrong_and_missing_signatures(version: str) -> None:
    found = npm_audit.signatures(answer(RECORDED[f"wrong_{version}"]))
    assert (found.invalid, found.missing) == (("middle@2.0.0",), ("leaf@1.0.0",))
    assert npm_audit.signatures_text(found) == "1 wrong: middle@2.0.0; 1 missing: leaf@1.0.0"


def test_missing_signatures() -> None:
    found = npm_audit.signatures(answer(RECORDED["unsigned"], 1))
    assert (found.invalid, found.missing) == ((), ("leaf@1.0.0",))


def test_right_signatures() -> None:
    assert npm_audit.signatures_text(npm_audit.signatures(answer(RECORDED["signed"]))) == "all right"


# ---- No answer ----


def test_every_recording_is_looked_at() -> None:
    assert set(RECORDED) == {*UNKNOWN, "none", "vulnerable", "signed", "unsigned", "wrong_npm9", "wrong_npm11"}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("status", [0, 1])
def test_what_is_no_report_is_not_known(reader: object, name: str, status: int) -> None:
    assert callable(reader)
    with pytest.raises(UnknownError) as caught:
        reader(answer(RECORDED[name], status))
    assert UNKNOWN[name] in str(caught.value)
    assert isinstance(caught.value, NoLockError) is (name == "no_lock")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "out", ["", "found 0 vulnerabilities", "[]", "null", "{}", '{"vulnerabilities": {}}', '{"invalid": []}', "{"]
)
def test_what_only_looks_like_one_is_not_known(reader: object, out: str) -> None:
    assert callable(reader)
    with pytest.raises(UnknownError):
        reader(answer(out))


def test_one_report_is_not_taken_for_the_other() -> None:
    with pytest.raises(UnknownError):
        npm_audit.signatures(answer(NONE))
    with pytest.raises(UnknownError):
        npm_audit.vulnerable(answer(RECORDED["signed"]))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (answer("", 127, "sh: 1: npm: not found\n"), "sh: 1: npm: not found"),
        (answer("", 124), "npm got no answer in time"),
        (answer("", 3), "npm printed nothing and ended with 3"),
        (answer('{"message": "404 - POST https://u:p@registry.example.org/x"}'), "404 - POST https://***@registry"),
    ],
)
def test_the_reason_is_what_was_said_and_holds_no_password(given: Answer, reason: str) -> None:
    with pytest.raises(UnknownError) as caught:
        npm_audit.vulnerable(given)
    assert str(caught.value).startswith(reason)
