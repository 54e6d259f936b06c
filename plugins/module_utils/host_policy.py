# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requirements on what is the host's own affair: how root gets in, updates for security, a restart that is due."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import CannotCheckError, Host
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_kind import Kind, ParameterError, joined
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_software import APT_LISTS, NO_LISTS
from ansible_collections.ridgetop.aidis.plugins.module_utils.net import excerpt

# Root, from an address that no rule is about: RFC 5737 and RFC 2606 keep these from being anybody's.
STRANGER = "user=root,host=stranger.invalid,addr=192.0.2.1"
# Ways to log in of which each is a password.
BY_PASSWORD = {"password", "keyboard-interactive"}
# Names that one line of a report may list.
NAMES_MAX = 5


def some(names: list[str]) -> str:
    """A list of names, of a long one the beginning and the number of the rest."""
    rest = len(names) - NAMES_MAX
    return ", ".join(names[:NAMES_MAX]) + (f" and {rest} more" if rest > 0 else "")


class RootLogin(Kind):
    """Whether sshd lets root in with a password alone, by the configuration that it would run with."""

    name, category = "root_login", "security"

    def title(self) -> str:
        return "Login of root"

    def expected(self) -> str:
        return "not by a password"

    def look(self, host: Host) -> tuple[bool, str]:
        ran = host.run(["sshd", "-T", "-C", STRANGER], self.seconds)
        if ran.status != 0:
            raise CannotCheckError(f"sshd -T: {excerpt(ran.err or ran.out) or 'failed'}")
        pairs = (line.partition(" ") for line in ran.out.splitlines())
        # sshd counts what it read first.
        told: dict[str, str] = {}
        for name, _blank, value in pairs:
            told.setdefault(name.lower(), value.strip().lower())
        if "permitrootlogin" not in told:
            raise CannotCheckError("sshd -T does not say whether root may log in")
        # What asks for a password through PAM, by its name since OpenSSH 8.7 and before.
        prompts = ("passwordauthentication", "kbdinteractiveauthentication", "challengeresponseauthentication")
        asked = [name for name in prompts if told.get(name) == "yes"]
        open_to_root = told["permitrootlogin"] == "yes" and bool(asked)
        methods = told.get("authenticationmethods", "any")
        met = not open_to_root or not self._enough(methods)
        seen = [f"permitrootlogin {told['permitrootlogin']}", *(f"{name} yes" for name in asked)]
        return met, joined([*seen, "" if methods == "any" else f"authenticationmethods {methods}"])

    @staticmethod
    def _enough(methods: str) -> bool:
        """Whether one of the lists of methods, all of which are asked for, is of passwords alone."""
        lists = [one.split(",") for one in methods.split()]
        return methods == "any" or any({name.partition(":")[0] for name in one} <= BY_PASSWORD for one in lists)


class SecurityUpdates(Kind):
    """No update of the security archive is left out, by the package lists that are there."""

    name, category = "security_updates", "security"
    optional = ("maximum_days",)
    now: Callable[[], datetime] = staticmethod(lambda: datetime.now(UTC))

    # Nothing is written, the cache of the lists neither.
    command = (
        *("apt-get", "--simulate", "--quiet=2"),
        *("-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "dist-upgrade"),
    )

    def prepare(self) -> None:
        if self.params["maximum_days"] < 1:
            raise ParameterError("maximum_days must be at least 1")

    def title(self) -> str:
        return "Updates for security"

    def expected(self) -> str:
        return "none pending"

    def look(self, host: Host) -> tuple[bool, str]:
        made = self._lists_made(host)
        day = made.strftime("%Y-%m-%d")
        if self.now() - made > timedelta(days=self.params["maximum_days"]):
            limit = f"more than {self.params['maximum_days']} days old"
            raise CannotCheckError(f"the package lists of the security archive are of {day}, {limit}: `apt-get update`")
        ran = host.run(self.command, self.seconds)
        if ran.status != 0:
            raise CannotCheckError(f"apt-get: {excerpt(ran.err or ran.out) or 'failed'}")
        pending = [line.split()[1] for line in ran.out.splitlines() if _is_security(line)]
        lists = f"by the lists of {day}"
        return not pending, f"{len(pending)} pending: {some(pending)}, {lists}" if pending else f"none pending, {lists}"

    @staticmethod
    def _lists_made(host: Host) -> datetime:
        """When the archive made the oldest of its lists for security. Raises CannotCheckError without any.

        By what they say, for the times of the files are the archive's, too, and those of the directory anybody's.
        """
        try:
            names = [name for name in host.names(APT_LISTS) if name.endswith("Release")]
        except OSError:
            names = []
        if not names:
            raise CannotCheckError(NO_LISTS)
        dates = [date for name in names for date in _dates_of_security(host, f"{APT_LISTS}/{name}")]
        if not dates:
            raise CannotCheckError(f"none of the package lists in {APT_LISTS} is of a security archive")
        return min(dates)


def _dates_of_security(host: Host, path: str) -> Iterator[datetime]:
    """When a security archive made a list; nothing where it is another archive's, or does not say."""
    try:
        head = host.read(path)[:4000]
    except OSError:
        return
    fields = dict(re.findall(r"^(Label|Suite|Codename|Date): *(.+)$", head, re.MULTILINE))
    suites = (fields.get("Suite", ""), fields.get("Codename", ""))
    if fields.get("Label") != "Debian-Security" and not any(suite.endswith("-security") for suite in suites):
        return
    try:
        date = parsedate_to_datetime(fields["Date"])
    except (KeyError, ValueError):
        return
    yield date if date.tzinfo else date.replace(tzinfo=UTC)


def _is_security(line: str) -> bool:
    """Whether apt would install something from a security archive by a line of what it simulates."""
    return re.match(r"Inst \S+ .*(?:\bDebian-Security:|/[\w.-]+-security\b)", line) is not None


class Reboot(Kind):
    """No restart of the machine is due: nothing asks for one, and the kernel is the newest that is installed."""

    name, category = "reboot", "security"

    asked, packages = "/run/reboot-required", "/run/reboot-required.pkgs"
    installed = ("dpkg-query", "--show", r"--showformat=${db:Status-Status} ${Version} ${Package}\n", "linux-image-*")

    def title(self) -> str:
        return "Restart of the machine"

    def expected(self) -> str:
        return "not due"

    def look(self, host: Host) -> tuple[bool, str]:
        if os.path.exists(host.at(self.asked)):
            return False, f"asked for by {some(self._askers(host)) or 'a package'}"
        # Not every installation of Debian has what writes that file.
        running, release = self._running(host)
        kernels = self._kernels(host)
        if not kernels:
            raise CannotCheckError("no kernel is installed here, as in a container: the machine around it is restarted")
        if not running:
            raise CannotCheckError(f"the kernel that runs, {release}, is none of Debian's")
        newest = running
        for version in kernels:
            if self._is_newer(host, version, newest):
                newest = version
        if newest != running:
            return False, f"kernel {running} runs, {newest} is installed"
        return True, f"kernel {running} runs, none that is newer is installed"

    def _askers(self, host: Host) -> list[str]:
        try:
            return sorted(set(host.read(self.packages).split()))
        except OSError:
            return []

    @staticmethod
    def _running(host: Host) -> tuple[str, str]:
        """The version of the package that the running kernel is of, empty where it is none; and its release."""
        try:
            text = host.read("/proc/version")
        except OSError as error:
            raise CannotCheckError(f"cannot read /proc/version: {error.strerror}") from None
        release = re.match(r"Linux version (\S+)", text)
        package = re.search(r" Debian (\d\S*) \(", text)
        return package.group(1) if package else "", release.group(1) if release else "unknown"

    def _kernels(self, host: Host) -> list[str]:
        """Versions of the kernels that are installed; dpkg-query fails where it finds no package at all."""
        lines = (line.split() for line in host.run(self.installed, self.seconds).out.splitlines())
        return [
            fields[1]
            for fields in lines
            if len(fields) == 3 and fields[0] == "installed" and re.match(r"linux-image-\d\S*(?<!-dbg)$", fields[2])
        ]

    def _is_newer(self, host: Host, version: str, other: str) -> bool:
        return host.run(["dpkg", "--compare-versions", version, "gt", other], self.seconds).status == 0


KINDS: tuple[type[Kind], ...] = (RootLogin, SecurityUpdates, Reboot)
