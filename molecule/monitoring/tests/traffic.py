# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to the application, as its agents send them: several at a time, for as long as a test needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Each agent waits a little after an answer, and begins anew where its connection was cut.
AGENTS = """
import socket, sys, threading, time

def agent():
    while True:
        try:
            with socket.create_connection(("127.0.0.1", 3001), 10) as connection:
                answers = connection.makefile()
                while True:
                    connection.sendall(b'{"method":"project_list","params":{}}\\n')
                    if not answers.readline():
                        break
                    time.sleep(0.1)
        except OSError:
            pass
        time.sleep(0.5)

for _ in range(int(sys.argv[1])):
    threading.Thread(target=agent).start()
"""


@contextmanager
def traffic(on: Any, host: str, agents: int = 20) -> Iterator[None]:
    """Let agents ask on a host while the body runs."""
    on(host, "systemd-run --quiet --unit=agents python3 -c %s %s", AGENTS, str(agents))
    try:
        yield
    finally:
        on(host, "systemctl stop agents")
