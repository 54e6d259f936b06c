# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action of ridgetop.aidis.services: makes on the controller what the files are to hold, and sends it with the rest."""

from __future__ import annotations

import os
import platform
import pwd
import time
import typing as t

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template
from ansible_collections.ridgetop.aidis.plugins.module_utils import services

MODULE = "ridgetop.aidis.services"


def managed(path: str, name: str) -> str:
    """Return the words of ``ansible_managed`` as ansible.builtin.template makes them of the setting. Raises OSError."""
    about = os.stat(path)
    try:
        owner = pwd.getpwuid(about.st_uid).pw_name
    except KeyError:
        owner = str(about.st_uid)
    setting = str(constants.config.get_config_value("DEFAULT_MANAGED_STR"))
    return time.strftime(setting.format(host=platform.node(), uid=owner, file=name), time.localtime(about.st_mtime))


class ActionModule(ActionBase):
    """Render and read what the files are to hold, and run the module once."""

    _VALID_ARGS = frozenset(("files", "units", "timeout"))

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return what the module returns. Raises AnsibleActionFail."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        given = {name: value for name, value in self._task.args.items() if value is not None}
        try:
            files = [services.source_of(file) for file in services.listed(given.get("files"), "files")]
            services.check_paths([str(file["path"]) for file in files])
            present = [file for file in files if "state" not in file]
            contents = {str(file["path"]): self._content(file, task_vars or {}) for file in present}
        except (services.ServicesError, AnsibleError, OSError, UnicodeError) as error:
            raise AnsibleActionFail(to_native(error)) from error
        # What the files are to hold goes in an option of its own that is never shown or logged.
        told = [{name: value for name, value in file.items() if name != "content"} for file in files]
        arguments = {**given, "files": told, "contents": services.packed(contents)}
        result.update(self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars))
        return result

    def _content(self, file: dict[str, t.Any], task_vars: dict[str, t.Any]) -> bytes:
        """Return what a file is to hold. Raises AnsibleError, OSError and UnicodeError."""
        if "content" in file:
            return bytes(to_bytes(file["content"], errors="surrogate_or_strict"))
        if "src" in file:
            with open(self._loader.get_real_file(self._find_needle("files", file["src"])), "rb") as stream:
                return stream.read()
        return self._rendered(file["template"], str(file["path"]), task_vars)

    def _rendered(self, name: str, path: str, task_vars: dict[str, t.Any]) -> bytes:
        """Return a template's text, made with the settings of ansible.builtin.template. Raises AnsibleActionFail."""
        source = self._find_needle("templates", name)
        roots = [*task_vars.get("ansible_search_path", []), self._loader.get_basedir(), os.path.dirname(source)]
        search = [place for root in roots for place in (os.path.join(root, "templates"), root)]
        about = {"template_path": name, "template_fullpath": source, "template_destpath": path}
        variables = {"ansible_managed": managed(source, name), **task_vars, **about}
        templar = self._templar.copy_with_new_env(searchpath=search, available_variables=variables)
        try:
            text = templar.template(
                trust_as_template(self._loader.get_text_file_contents(source)),
                escape_backslashes=False,
                overrides={"trim_blocks": True},
            )
        except AnsibleError as error:
            raise AnsibleActionFail(f"The template {name} of {path}: {to_native(error)}") from error
        return bytes(to_bytes("" if text is None else text, errors="surrogate_or_strict"))
