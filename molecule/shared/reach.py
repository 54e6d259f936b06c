# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a host lets another in: a program to run there, given its own address, the other one and a port."""

TRY = """
import socket, sys
try:
    socket.create_connection((sys.argv[2], int(sys.argv[3])), 3, (sys.argv[1], 0)).close()
    print("open")
except OSError as error:
    print("silent" if isinstance(error, TimeoutError) else error)
"""
