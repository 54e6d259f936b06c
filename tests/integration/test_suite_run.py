# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""suite_run inside a real machine: units of systemd, what they may write, and how they end."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.tests.integration.application import PODMAN, container, image
from ansible_collections.ridgetop.aidis.tests.integration.test_host_check import MACHINE, VOLUMES, entered, inside

Suite = Callable[..., dict[str, Any]]

SETUP = r"""
useradd --system --shell /usr/sbin/nologin --home-dir /srv/app worker
install -d -o worker -g worker /srv/app /var/log/app
mkdir /home/app && chown worker /home/app
install -m 0600 /dev/stdin /etc/app.env <<'END'
SECRET='a long secret $HOME'
PORT=3001
END
ln -s app /srv/current
"""
COUNTS = "echo Total Tests: 20; echo Passed: 19"


@pytest.fixture(scope="module", params=["bookworm-prebaked", "trixie-prebaked"])
def machine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a machine that has booted and has a user for the suite."""
    with container("suite", *MACHINE, *VOLUMES, image(request.param)) as name:
        booted = "until [ -S /run/systemd/private ]; do sleep 0.1; done; systemctl is-system-running --wait || true"
        inside(name, booted)
        inside(name, SETUP)
        yield name


@pytest.fixture
def suite(machine: str) -> Suite:
    """Run a suite in the machine and return the result."""

    def run(command: str, **options: Any) -> dict[str, Any]:
        given = {"command": command, "chdir": "/srv/current", "user": "worker", **options}
        line = [PODMAN, *entered(machine, "root"), "python3", "-B", "-m"]
        line += ["ansible_collections.ridgetop.aidis.plugins.modules.suite_run"]
        sent = json.dumps({"ANSIBLE_MODULE_ARGS": {"environment_file": ["/etc/app.env"], **given}})
        done = subprocess.run(line, input=sent, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    return run


def test_it_has_the_user_the_directory_and_the_configuration(suite: Suite) -> None:
    command = f"""
        [ "$SECRET" = 'a long secret $HOME' ] && [ "$(id -un) $(id -gn)" = "worker worker" ] && [ "$PWD" = /srv/app ] &&
        echo "$PORT $EXTRA $HOME $((1 + 1)) %n $SECRET" >&2 && printf '\\033[32m' && {COUNTS} && exit 3
    """
    result = suite(command, environment={"EXTRA": "x y%n"})
    (check,) = result["checks"]
    assert (check["status"], check["observed"]) == ("pass", "19 of 20 passed (95 %), exit status 3"), result
    assert result["output"].splitlines()[0] == "3001 x y%n /tmp 2 %n ********"


# Whatever the user may write to there; only directories can be looked for, as a device is no place to leave something.
WRITABLE = r"find / \( -path /proc -o -path /sys \) -prune -o -type d -writable -print 2>/dev/null | sort"


def test_it_can_write_to_its_temporary_directories_alone(suite: Suite, machine: str) -> None:
    result = suite(f"touch /tmp/suite-was-here /var/tmp/suite-was-here; {WRITABLE}; {COUNTS}")
    writable = {line for line in result["output"].splitlines() if line.startswith("/")}
    assert writable == {"/tmp", "/var/tmp"}
    assert "/srv/app" in inside(machine, f"setpriv --reuid=worker --clear-groups sh -c '{WRITABLE}'")
    assert inside(machine, "find /tmp /var/tmp -name suite-was-here") == ""
    result = suite("systemctl --version >/dev/null && grep CapBnd /proc/self/status; " + COUNTS)
    assert "CapBnd:\t0000000000000000" in result["output"]


def test_it_ends_in_time_with_all_that_it_started(suite: Suite, machine: str) -> None:
    start = time.monotonic()
    stubborn = f"trap '' TERM; setsid sleep 4321 & {COUNTS}; while :; do sleep 1; done"
    result = suite(stubborn, timeout=2)
    (check,) = result["checks"]
    assert check["status"] == "fail" and check["observed"].startswith("it did not end within 2 s; it ends: Total")
    assert time.monotonic() - start < 60
    left = "pgrep -f 'sleep 432[1]' || true; systemctl list-units --all 'aidis-suite-*' --no-legend"
    assert inside(machine, left) == ""
    quick = suite(f"setsid sleep 4321 >/dev/null 2>&1 & {COUNTS}")
    assert quick["checks"][0]["status"] == "pass"
    assert inside(machine, "pgrep -f 'sleep 432[1]' || true") == ""
    # One that ends well when it is told to end was late all the same.
    polite = suite(f"trap 'exit 0' TERM; {COUNTS}; while :; do sleep 1; done", timeout=2)
    assert "did not end within 2 s" in polite["checks"][0]["observed"]


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"user": "nobody-such"}, "217; it ends: Finished with result: exit-code"),
        ({"chdir": "/srv/none"}, "200; it ends: Finished with result: exit-code"),
        ({"environment_file": ["/etc/none.env"]}, "1; it ends: Finished with result: resources"),
    ],
)
def test_what_cannot_be_started_is_not_met(suite: Suite, options: dict[str, Any], seen: str) -> None:
    (check,) = suite(**{"command": COUNTS, **options})["checks"]
    assert check["status"] == "fail", check
    assert check["observed"].startswith(f"no counts in its output, exit status {seen}"), check


def test_a_command_that_is_not_there_has_said_nothing(suite: Suite) -> None:
    (check,) = suite("no-such-command")["checks"]
    assert (check["status"], check["reason"]) == (
        "skip",
        "the shell did not find what runs it; it ends: /bin/sh: 2: no-such-command: not found",
    )


def test_much_output(suite: Suite) -> None:
    result = suite(f"yes 'a line of the suite' | head -c 20000000; {COUNTS}")
    assert result["checks"][0]["observed"] == "19 of 20 passed (95 %), exit status 0"


def test_without_root_it_is_not_met(suite: Suite, machine: str) -> None:
    line = [PODMAN, *entered(machine, "nobody"), "python3", "-B", "-m"]
    line += ["ansible_collections.ridgetop.aidis.plugins.modules.suite_run"]
    given = {"command": COUNTS, "chdir": "/", "user": "worker", "environment_file": ["/etc/app.env"]}
    done = subprocess.run(
        line, input=json.dumps({"ANSIBLE_MODULE_ARGS": given}), capture_output=True, text=True, timeout=120, check=False
    )
    (check,) = json.loads(done.stdout)["checks"]
    assert check["status"] == "fail" and "Failed to start transient service unit" in check["observed"]
