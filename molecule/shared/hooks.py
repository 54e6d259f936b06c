# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that misbehaves: what it sends to connections of a port passes through JavaScript first, until a restart."""

from __future__ import annotations

import shlex

# Calls write later: the server is slow.
LATER = "setTimeout(() => write.call(this, data, ...rest), {milliseconds}); return true;"
SCRIPT = """
const net = require('net'), write = net.Socket.prototype.write;
net.Socket.prototype.write = function (data, ...rest) {{
  if (this.localPort !== {port}) return write.call(this, data, ...rest);
  const line = String(data);
  {body}
}};
"""


def hook(service: str, port: int, body: str) -> str:
    """A command that has a service of Node.js begin with that at its next start; ``body`` returns what write does."""
    directory = f"/run/systemd/system/{service}.service.d"
    script = shlex.quote(SCRIPT.format(port=port, body=body))
    return (
        f"mkdir -p {directory} && echo {script} > /run/hook.cjs && "
        f"printf '[Service]\\nEnvironment=NODE_OPTIONS=--require=/run/hook.cjs\\n' > {directory}/hook.conf && "
        "systemctl daemon-reload"
    )


def unhook(service: str) -> str:
    """The command that undoes that; it, too, counts from a restart on."""
    return f"rm /run/systemd/system/{service}.service.d/hook.conf && systemctl daemon-reload"
