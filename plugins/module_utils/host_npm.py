# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requirements on what npm's registry says of the packages that a host has."""

from __future__ import annotations

from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host, TooSlowError
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_kind import Kind, ParameterError
from ansible_collections.ridgetop.aidis.plugins.module_utils.npm_audit import (
    Answer,
    UnknownError,
    reaches,
    vulnerable,
    vulnerable_text,
)


class NpmAudit(Kind):
    """The vulnerabilities that the registry knows of today."""

    name, category = "npm_audit", "security"
    required = ("argv",)
    optional = ("threshold",)

    def prepare(self) -> None:
        if not self.params["argv"]:
            raise ParameterError("argv must hold a command")

    def title(self) -> str:
        return "Known vulnerabilities"

    def expected(self) -> str:
        return f"no vulnerability known that is {self.params['threshold']} or worse"

    def look(self, host: Host) -> tuple[bool, str]:
        # A registry that does not answer says nothing of the packages, neither good nor bad.
        try:
            ran = host.run(self.params["argv"], self.seconds)
            found = vulnerable(Answer(ran.status, ran.out, ran.err))
        except (TooSlowError, UnknownError) as reason:
            raise CannotCheckError(f"not known: {reason}") from None
        return not reaches(found.values(), self.params["threshold"]), vulnerable_text(found)


KINDS: tuple[type[Kind], ...] = (NpmAudit,)
