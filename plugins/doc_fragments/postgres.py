# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of a connection to PostgreSQL, named as those of community.postgresql."""

    DOCUMENTATION = r"""
options:
  login_host:
    description: Host of the server. A local connection by socket when empty.
    type: str
    default: ''
    aliases: [host]
  login_port:
    description: Port of the server.
    type: int
    default: 5432
    aliases: [port]
  login_unix_socket:
    description: Directory of the server's socket. Used when O(login_host) is empty or V(localhost).
    type: path
    default: ''
    aliases: [unix_socket]
  login_user:
    description: Role to log in as.
    type: str
    default: postgres
    aliases: [login]
  login_password:
    description: Password of O(login_user).
    type: str
    default: ''
  login_db:
    description: Database to connect to.
    type: str
    required: true
    aliases: [db]
  session_role:
    description: Role to take on after the login. O(login_user) must be a member of it.
    type: str
  ssl_mode:
    description:
      - How TLS is negotiated, as libpq's C(sslmode). Only V(verify-full) proves that the server is the one named.
    type: str
    default: prefer
    choices: [allow, disable, prefer, require, verify-ca, verify-full]
  ca_cert:
    description: File of CA certificates that must have signed the server's.
    type: path
    aliases: [ssl_rootcert]
  ssl_cert:
    description: File of the client's certificate.
    type: path
  ssl_key:
    description: File of the key of O(ssl_cert).
    type: path
  connect_timeout:
    description: Seconds for the connection.
    type: int
    default: 10
  timeout:
    description:
      - Seconds for one statement, waits for locks included. A server that does not even keep this limit is given
        up after O(connect_timeout) and O(timeout) together.
    type: float
    default: 30.0
requirements:
  - psycopg2 (Debian package python3-psycopg2) on the host that runs the module
notes:
  - The default connects as C(postgres) by the local socket, which needs C(become_user=postgres).
"""
