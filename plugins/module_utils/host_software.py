# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requirements on software: commands, their versions, Debian packages, Python."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

from ansible_collections.ridgetop.aidis.plugins.module_utils import versions
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_kind import (
    Kind,
    ParameterError,
    joined,
    pattern,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.net import excerpt

APT_LISTS = "/var/lib/apt/lists"
NO_LISTS = f"apt has no package lists in {APT_LISTS}: run apt-get update first"


def bounds(params: Mapping[str, Any]) -> str:
    """The minimum and maximum of a version, for people."""
    low = "" if params["minimum"] is None else f"at least {params['minimum']}"
    return joined([low, "" if params["maximum"] is None else f"at most {params['maximum']}"])


def check_numbers(params: Mapping[str, Any]) -> None:
    """Raise ParameterError unless minimum and maximum are dotted numbers."""
    for name in ("minimum", "maximum"):
        value = params[name]
        if value is not None and not re.fullmatch(r"\d+(\.\d+)*", value):
            raise ParameterError(f"{name} must be a version of dotted numbers, not '{value}'")


def within(version: tuple[int, ...], params: Mapping[str, Any]) -> bool:
    """Whether a version keeps the minimum and maximum."""
    low, high = params["minimum"], params["maximum"]
    return (low is None or versions.at_least(version, versions.parse(low))) and (
        high is None or versions.at_most(version, versions.parse(high))
    )


class Command(Kind):
    """A command that is there and may be run."""

    name, category = "command", "software"
    required = ("name",)

    def title(self) -> str:
        return f"Command {self.params['name']}"

    def expected(self) -> str:
        return "present"

    def look(self, host: Host) -> tuple[bool, str]:
        found = host.find_command(self.params["name"])
        return found is not None, found or "absent"


class CommandVersion(Kind):
    """The version that a command prints."""

    name, category = "command_version", "software"
    required = ("argv",)
    optional = ("regex",)
    one_of = ("minimum", "maximum")

    def prepare(self) -> None:
        check_numbers(self.params)
        if not self.params["argv"]:
            raise ParameterError("argv must hold a command")
        if self.params["regex"] is not None:
            pattern(self.params["regex"])

    def title(self) -> str:
        return f"Version of {self.params['argv'][0]}"

    def expected(self) -> str:
        return bounds(self.params)

    def look(self, host: Host) -> tuple[bool, str]:
        if host.find_command(self.params["argv"][0]) is None:
            return False, "absent"
        ran = host.run(self.params["argv"], self.seconds)
        text = f"{ran.out}\n{ran.err}"
        regex = re.compile(self.params["regex"] or r"\d+(?:\.\d+)+|\d+")
        match = regex.search(text)
        # A group that is optional may have taken no part.
        found = match.group(1 if regex.groups else 0) if match else None
        if found is None:
            return False, f"no version in its output: {excerpt(text) or 'empty'}"
        try:
            return within(versions.parse(found), self.params), found
        except ValueError:
            return False, f"no version in '{excerpt(found)}'"


class Output(Kind):
    """A command that ends as it should, and what it prints."""

    name, category = "output", "software"
    required = ("argv",)
    optional = ("exit_status", "contains", "excludes")

    def prepare(self) -> None:
        if not self.params["argv"]:
            raise ParameterError("argv must hold a command")
        self._wanted = [pattern(text) for text in self.params["contains"] or []]
        self._unwanted = [pattern(text) for text in self.params["excludes"] or []]

    def title(self) -> str:
        return f"Output of {self.params['argv'][0]}"

    def expected(self) -> str:
        statuses = " or ".join(map(str, self.params["exit_status"]))
        return joined(
            [
                f"exit status {statuses}",
                *(f"output with {found.pattern}" for found in self._wanted),
                *(f"output without {found.pattern}" for found in self._unwanted),
            ]
        )

    def look(self, host: Host) -> tuple[bool, str]:
        ran = host.run(self.params["argv"], self.seconds)
        if ran.status not in self.params["exit_status"]:
            return False, joined([f"exit status {ran.status}", excerpt(ran.err) or excerpt(ran.out)])
        absent = [found.pattern for found in self._wanted if not found.search(ran.out)]
        present = [match.group(0) for found in self._unwanted if (match := found.search(ran.out))]
        if absent or present:
            seen = [f"without {text}" for text in absent] + [f"with {excerpt(text)}" for text in present]
            return False, joined([f"exit status {ran.status}", *seen])
        return True, joined([f"exit status {ran.status}", excerpt(ran.out)])


class Package(Kind):
    """The version of a Debian package that is installed, or that apt would install."""

    name, category = "package", "software"
    required = ("name",)
    optional = ("minimum", "maximum", "state", "major_of")

    def prepare(self) -> None:
        if self.params["major_of"] and "%s" not in self.params["name"]:
            raise ParameterError("name must hold %s, which stands for the major version of major_of")

    def title(self) -> str:
        return f"Package {self.params['name']}"

    def expected(self) -> str:
        return joined([self.params["state"], bounds(self.params)])

    def look(self, host: Host) -> tuple[bool, str]:
        name = self.params["name"]
        if self.params["major_of"]:
            leader = self._policy(host, self.params["major_of"])
            version = leader[0] or leader[1]
            if not version and not self._has_lists(host):
                raise CannotCheckError(NO_LISTS)
            major = re.match(r"(?:\d+:)?(\d+)", version)
            if major is None:
                return False, f"{self.params['major_of']} is not available"
            name = name.replace("%s", major.group(1))
        installed, candidate = self._policy(host, name)
        if self.params["state"] == "installed":
            found = installed
        else:
            found = candidate or installed
            if not found and not self._has_lists(host):
                raise CannotCheckError(NO_LISTS)
        if not found:
            return False, f"{name} is not {self.params['state']}" if self.params[
                "major_of"
            ] else f"not {self.params['state']}"
        met = self._keeps(host, found, "ge", self.params["minimum"]) and self._keeps(
            host, found, "le", self.params["maximum"]
        )
        return met, found

    def _policy(self, host: Host, name: str) -> tuple[str, str]:
        ran = host.run(["apt-cache", "policy", "--", name], self.seconds)
        if ran.status != 0:
            raise CannotCheckError(f"apt-cache policy failed: {excerpt(ran.err)}")
        found = {"Installed": "", "Candidate": ""}
        for field in found:
            match = re.search(rf"^  {field}: (\S+)$", ran.out, re.MULTILINE)
            if match and match.group(1) != "(none)":
                found[field] = match.group(1)
        return found["Installed"], found["Candidate"]

    @staticmethod
    def _has_lists(host: Host) -> bool:
        try:
            return any("_Packages" in name for name in host.names(APT_LISTS))
        except OSError:
            return False

    def _keeps(self, host: Host, found: str, relation: str, limit: str | None) -> bool:
        """Compare as Debian does; without an epoch in the limit that of the package is ignored."""
        if limit is None:
            return True
        version = found if ":" in limit else found.partition(":")[2] or found
        if relation == "le" and re.fullmatch(r"\d+(\.\d+)*", limit):
            upstream = versions.parse(version.partition(":")[2] or version)
            return versions.at_most(upstream, versions.parse(limit))
        compare = ["dpkg", "--compare-versions", version, relation, limit]
        ran = host.run(compare, self.seconds)
        if ran.status > 1:
            raise CannotCheckError(f"dpkg cannot compare with '{limit}': {excerpt(ran.err)}")
        return ran.status == 0


class Python(Kind):
    """The version of the Python interpreter that runs the module."""

    name, category = "python", "software"
    one_of = ("minimum", "maximum")

    def prepare(self) -> None:
        check_numbers(self.params)

    def title(self) -> str:
        return "Python"

    def expected(self) -> str:
        return bounds(self.params)

    def look(self, host: Host) -> tuple[bool, str]:
        version = tuple(sys.version_info[:3])
        seen = ".".join(map(str, version))
        return within(version, self.params), f"{seen} ({sys.executable})"


KINDS: tuple[type[Kind], ...] = (Command, CommandVersion, Output, Package, Python)
