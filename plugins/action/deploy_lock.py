# Copyright (c) Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action of ridgetop.aidis.deploy_lock: tells the module which run it works for, and whether another one is dead."""

from __future__ import annotations

import getpass
import hashlib
import multiprocessing
import os
import platform
import subprocess
import typing as t
import uuid

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.validation import check_type_int
from ansible.plugins.action import ActionBase

MODULE = "ridgetop.aidis.deploy_lock"
# Fields of /proc/PID/stat after the name of the program, which ends with the last bracket: proc_pid_stat(5).
STATE, STARTED = 3 - 3, 22 - 3


def machine() -> str:
    """Return a digest that is the same for two processes only where each can look for the other by its pid.

    The machine id alone does not tell: images of containers and clones of machines share theirs.
    """
    parts = [_content("/etc/machine-id")]
    if not parts[0]:
        node = uuid.getnode()
        # Where there is no network card the number is a random one, another in each process: the bit says so.
        parts = [platform.node(), "" if node >> 40 & 1 else str(node)]
    parts.append(_content("/proc/sys/kernel/random/boot_id"))
    try:
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:
        parts.append("")
    # The machine id is not meant to be shown, and the lock can be read by anybody on the host.
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _content(path: str) -> str:
    """Return the text of a small file; nothing where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read().strip()
    except OSError:
        return ""


def process(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; none where they cannot be read."""
    return _content(f"/proc/{pid}/stat").rpartition(")")[2].split()


def started(pid: int) -> str:
    """Return when a process was started, in whatever unit the system has; empty where that is not known."""
    if os.path.exists("/proc/self/stat"):
        fields = process(pid)
        return fields[STARTED] if len(fields) > STARTED else ""
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    try:
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout.strip()


def main_pid() -> int:
    """Return the pid of the process that runs the playbook: tasks run in processes forked from it.

    It is not asked for as the parent, which is another process as soon as the real one is dead.
    """
    parent = multiprocessing.parent_process()
    return (parent and parent.pid) or os.getpid()


def this_run() -> dict[str, t.Any]:
    """Return the identity of this run, as the option ``run`` of the module has it."""
    pid = main_pid()
    return {"machine": machine(), "host": platform.node(), "pid": pid, "started": started(pid)}


def user() -> str:
    """Return the name of the person at the controller, or the number where there is no name."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def is_gone(pid: t.Any, since: t.Any) -> bool:
    """Tell whether the process that was started then is no more. Where that is not certain, it is there."""
    if not isinstance(pid, int) or pid < 1:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # It is there, and somebody else's.
    except OverflowError:
        return False
    # Killed, and not yet asked for by its parent: in containers that can be for ever.
    if process(pid)[STATE : STATE + 1] == ["Z"]:
        return True
    seen = started(pid)
    return bool(seen and since) and seen != since


def ended(result: dict[str, t.Any], run: dict[str, t.Any]) -> str:
    """Return the token of the run that holds the lock where it was one of this controller and is dead, or nothing."""
    holder = result.get("held_by")
    controller = holder.get("controller") if isinstance(holder, dict) else None
    if not holder or not controller or controller.get("machine") != run["machine"]:
        return ""
    return str(holder["token"]) if is_gone(controller.get("pid"), controller.get("started")) else ""


def with_run(given: dict[str, t.Any], run: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the options with the run that they are for, and with somebody who owns it."""
    told = {**given, "owner": given.get("owner") or f"{user()}@{run['host']}", "run": run}
    account = told.pop("account", None)
    # The owner may be anything that the inventory says; who it was at the controller is told beside it.
    return {**told, "account": {**account, "user": user()}} if account else told


def acquire(
    ask: t.Callable[[dict[str, t.Any]], dict[str, t.Any]], given: dict[str, t.Any], check_mode: bool
) -> dict[str, t.Any]:
    """Return the module's last answer: there is no use in waiting for a run before it is known to be alive.

    ``ask`` runs the module with options. Raises AnsibleActionFail where the time to wait is no number.
    """
    try:
        wait = check_type_int(given.get("wait", 0))
    except TypeError as error:
        raise AnsibleActionFail(f"wait is no number of seconds: {error}") from error
    result = ask({**given, "wait": min(wait, 0)})
    dead = ended(result, given["run"])
    if result.get("held_by") and not dead and wait > 0 and not check_mode:
        result = ask(given)
        dead = ended(result, given["run"])
    return ask({**given, "ended": dead}) if dead else result


class ActionModule(ActionBase):
    """Run the module, and once more where the run that holds the lock turns out to be dead."""

    _VALID_ARGS = frozenset(("path", "state", "reason", "owner", "lease", "wait", "takeover", "account"))

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return what the module returns. Raises AnsibleActionFail where the time to wait is no number."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)

        def ask(arguments: dict[str, t.Any]) -> dict[str, t.Any]:
            answer: dict[str, t.Any] = self._execute_module(
                module_name=MODULE, module_args=arguments, task_vars=task_vars
            )
            return answer

        given = with_run({name: value for name, value in self._task.args.items() if value is not None}, this_run())
        if given.get("state", "acquired") == "acquired":
            result.update(acquire(ask, given, self._task.check_mode))
        else:
            result.update(ask(given))
        return result
