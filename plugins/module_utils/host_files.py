# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requirements on files and users."""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat

from ansible_collections.ridgetop.aidis.plugins.module_utils import append_file
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import (
    MAX_FILE_BYTES,
    CannotCheckError,
    Host,
)
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_kind import (
    Kind,
    ParameterError,
    joined,
    pattern,
)

# The capability to set attributes of files: capabilities(7).
LINUX_IMMUTABLE = 1 << 9
TYPES = {
    "file": stat.S_ISREG,
    "directory": stat.S_ISDIR,
    "link": stat.S_ISLNK,
    "socket": stat.S_ISSOCK,
}


def octal(text: str) -> int:
    """A mode written in octal digits. Raises ParameterError."""
    if not re.fullmatch(r"[0-7]{3,5}", text):
        raise ParameterError(f"a mode must be a quoted string of octal digits, not '{text}'")
    return int(text, 8)


def mode_text(mode: int) -> str:
    """A mode in four octal digits."""
    return f"{mode:04o}"


class File(Kind):
    """A file's presence, type, mode, owner and content."""

    name, category = "file", "files"
    required = ("path",)
    optional = (
        "absent",
        "type",
        "mode",
        "mode_at_most",
        "owner",
        "group",
        "target",
        "contains",
        "excludes",
        "append_only",
    )

    def prepare(self) -> None:
        if not os.path.isabs(self.params["path"]):
            raise ParameterError("path must be absolute")
        for name in ("mode", "mode_at_most"):
            if self.params[name] is not None:
                octal(self.params[name])
        for text in [*(self.params["contains"] or []), *(self.params["excludes"] or [])]:
            pattern(text)
        others = [name for name in self.optional if name != "absent" and self.params[name]]
        if self.params["absent"] and others:
            raise ParameterError(f"absent does not go with {', '.join(others)}")

    def title(self) -> str:
        return f"File {self.params['path']}"

    def expected(self) -> str:
        if self.params["absent"]:
            return "absent"
        words = {"mode": "mode", "mode_at_most": "mode at most", "owner": "owner", "group": "group"}
        words["target"] = "link to"
        parts = [f"{word} {self.params[n]}" for n, word in words.items() if self.params[n]]
        parts += [f"containing /{text}/" for text in self.params["contains"] or []]
        parts += [f"without /{text}/" for text in self.params["excludes"] or []]
        parts += ["append-only where that can be"] if self.params["append_only"] else []
        return joined([self.params["type"] or "present", *parts])

    def look(self, host: Host) -> tuple[bool, str]:
        path = host.at(self.params["path"])
        as_link = self.params["type"] == "link" or self.params["target"] is not None
        try:
            status = os.lstat(path) if as_link or self.params["absent"] else os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return bool(self.params["absent"]), "absent"
        except OSError as error:
            raise CannotCheckError(f"cannot look at it: {error.strerror}") from None
        if self.params["absent"]:
            return False, "present"
        wrong, seen = self._attributes(status)
        if self.params["target"] is not None:
            target = os.readlink(path) if stat.S_ISLNK(status.st_mode) else "no link"
            seen.append(f"link to {target}")
            wrong = wrong or target != self.params["target"]
        if self.params["append_only"]:
            refused, state = self._append_only(host)
            seen.append(state)
            wrong = wrong or refused
        for problem in self._content(host):
            seen.append(problem)
            wrong = True
        return not wrong, joined(seen)

    def _attributes(self, status: os.stat_result) -> tuple[bool, list[str]]:
        kind = next((name for name, test in TYPES.items() if test(status.st_mode)), "special")
        mode = stat.S_IMODE(status.st_mode)
        owner, group = user_name(status.st_uid), group_name(status.st_gid)
        wrong = (
            self.params["type"] not in (None, kind)
            or (self.params["mode"] is not None and mode != octal(self.params["mode"]))
            or (self.params["mode_at_most"] is not None and mode & ~octal(self.params["mode_at_most"]) != 0)
            or self.params["owner"] not in (None, owner, str(status.st_uid))
            or self.params["group"] not in (None, group, str(status.st_gid))
        )
        return wrong, [kind, f"mode {mode_text(mode)}", f"owner {owner}", f"group {group}"]

    def _append_only(self, host: Host) -> tuple[bool, str]:
        """Whether a file can be more than added to though that could be kept from it, and what it is."""
        try:
            if append_file.is_append_only(host.at(self.params["path"])):
                return False, "append-only"
        except OSError as error:
            if error.errno not in append_file.NO_ATTRIBUTES:
                raise CannotCheckError(f"cannot ask whether it is append-only: {error.strerror}") from None
            return False, "not append-only, for which its file system has no attribute"
        if not self._may_be_set(host):
            return False, "not append-only, which this machine may not set"
        return True, "not append-only"

    @staticmethod
    def _may_be_set(host: Host) -> bool:
        """Whether root of this machine may set the attribute: most containers' may not (capabilities(7))."""
        try:
            found = re.search(r"^CapBnd:\s+([0-9a-f]+)$", host.read("/proc/self/status"), re.MULTILINE)
        except OSError:
            return True
        return found is None or bool(int(found.group(1), 16) & LINUX_IMMUTABLE)

    def _content(self, host: Host) -> list[str]:
        """What is wrong with the content; the content itself is never shown."""
        wanted, unwanted = self.params["contains"] or [], self.params["excludes"] or []
        if not wanted and not unwanted:
            return []
        try:
            text = host.read(self.params["path"])
        except OSError as error:
            raise CannotCheckError(f"cannot read it: {error.strerror}") from None
        # What stands behind what was read may hold it or not.
        if len(text) >= MAX_FILE_BYTES:
            raise CannotCheckError(f"it is larger than {MAX_FILE_BYTES} bytes")
        absent = [f"without /{one}/" for one in wanted if not re.search(one, text, re.MULTILINE)]
        present = [f"containing /{one}/" for one in unwanted if re.search(one, text, re.MULTILINE)]
        return absent + present


def user_name(uid: int) -> str:
    """The name of a user, the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """The name of a group, the number where it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


class User(Kind):
    """A user: shell, home, groups, locked password."""

    name, category = "user", "security"
    required = ("name",)
    optional = ("absent", "shell", "home", "groups", "locked")

    def title(self) -> str:
        return f"User {self.params['name']}"

    def expected(self) -> str:
        if self.params["absent"]:
            return "absent"
        locked = {None: "", True: "password locked", False: "password not locked"}
        shells, groups = self.params["shell"] or [], self.params["groups"] or []
        return joined(
            [
                "present",
                f"shell {' or '.join(shells)}" if shells else "",
                f"home {self.params['home']}" if self.params["home"] else "",
                f"groups {' '.join(groups)}" if groups else "",
                locked[self.params["locked"]],
            ]
        )

    def look(self, host: Host) -> tuple[bool, str]:
        name = self.params["name"]
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            return bool(self.params["absent"]), "absent"
        if self.params["absent"]:
            return False, "present"
        groups = sorted(group_name(gid) for gid in os.getgrouplist(name, entry.pw_gid))
        seen = [f"shell {entry.pw_shell}", f"home {entry.pw_dir}", f"groups {' '.join(groups)}"]
        met = (
            (not self.params["shell"] or entry.pw_shell in self.params["shell"])
            and self.params["home"] in (None, entry.pw_dir)
            and set(self.params["groups"] or []) <= set(groups)
        )
        if self.params["locked"] is not None:
            locked = self._locked(host, name)
            met = met and locked == self.params["locked"]
            seen.append("password locked" if locked else "password not locked")
        return met, joined(seen)

    @staticmethod
    def _locked(host: Host, name: str) -> bool:
        try:
            lines = host.read("/etc/shadow").splitlines()
        except OSError as error:
            raise CannotCheckError(f"cannot read /etc/shadow: {error.strerror}") from None
        fields = next((line.split(":") for line in lines if line.startswith(f"{name}:")), None)
        if fields is None or len(fields) < 2:
            raise CannotCheckError(f"/etc/shadow does not know {name}")
        return fields[1].startswith(("!", "*"))


KINDS: tuple[type[Kind], ...] = (File, User)
