# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Attributes that every module of the collection declares."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and predict its result without changing the target.
  diff_mode:
    description: Returns details of what has changed, or would change in C(check_mode), when in diff mode.
  idempotent:
    description: Running it again with the same options changes nothing and says so.
"""
