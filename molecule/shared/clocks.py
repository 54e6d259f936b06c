# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts whose clock is another than the machine's: that of a container is the machine's own, and not to be touched.

What is changed is what the host's Python is told of the clock; all that is made of it is real.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# A directory with a file that Python reads before anything else, and the command that runs Python with it.
PLACE = "/usr/local/lib/another-clock"
WRAPPER = f"""#!/bin/sh
PYTHONPATH={PLACE} exec /usr/bin/python3 "$@"
"""
LATE = "import time; right = time.time; time.time = lambda: right() - 120"
# The kernel's answer to adjtimex(2): the maximum error of the clock, in microseconds.
KERNEL = """
import ctypes
library = ctypes.CDLL
class Kernel:
    def adjtimex(self, state):
        state._obj.maxerror = {error}
        return 0
ctypes.CDLL = lambda name, *rest, **options: library(name, *rest, **options) if name else Kernel()
"""


@contextmanager
def python(host: Any, text: str) -> Iterator[dict[str, str]]:
    """Let the host have a Python that runs a text first; yields the variables that make Ansible use it."""
    host.run_expect([0], f"mkdir {PLACE}; printf '%%s' %s > {PLACE}/sitecustomize.py", text)
    host.run_expect([0], f"printf '%%s' %s > {PLACE}/python; chmod 0755 {PLACE}/python", WRAPPER)
    try:
        yield {"ansible_python_interpreter": f"{PLACE}/python"}
    finally:
        host.run_expect([0], f"rm -r {PLACE}")
