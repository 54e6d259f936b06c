# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the module tests."""

from __future__ import annotations

from ansible_collections.ridgetop.aidis.tests.unit.plugins.modules.mcp_servers import (
    mcp,
    serve,
    web,
)

__all__ = ["mcp", "serve", "web"]
