"""Stand in for the get-pip that ansible-test fetches: the same pip, installed by uv from wherever uv installs."""

from __future__ import annotations

import os
import subprocess
import sys

# Of pip's options it is given, uv needs none; ansible-test passes the environment on only in part.
wanted = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
environment = {**os.environ, "UV_SYSTEM_CERTS": "true"}
command = ["uv", "pip", "install", "--quiet", "--python", sys.executable, *wanted]
sys.exit(subprocess.run(command, env=environment, check=False).returncode)
