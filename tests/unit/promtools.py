# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""promtool and amtool, as tools/promtools brings them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


def run(program: str, *arguments: str | Path) -> tuple[int, str]:
    """Run one of them; return its status, and all that it said. Raises FileNotFoundError where it is not there."""
    cache = os.environ.get("AIDIS_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME", "~/.cache") + "/ridgetop-aidis"
    places = [os.environ.get("PATH", ""), str(Path(cache).expanduser() / "promtools")]
    found = shutil.which(program, path=os.pathsep.join(places))
    if not found:
        raise FileNotFoundError(f"there is no {program}; get it with: tools/promtools")
    ran = subprocess.run([found, *map(str, arguments)], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr
