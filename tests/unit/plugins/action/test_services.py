# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the files hold is made on the controller as a template of Ansible is, and is shown by nobody."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible_collections.ridgetop.aidis.plugins.action import services as action
from ansible_collections.ridgetop.aidis.plugins.module_utils import services

ROOT = Path(__file__).resolve().parents[4]
Play = Callable[..., tuple[int, str]]
NAME = "ridgetop.aidis.services"


def sent(**options: Any) -> dict[str, Any]:
    """What the module is given for these options of a task."""
    task = mock.MagicMock(args=options, async_val=0, check_mode=False)
    plugin = action.ActionModule(task, mock.MagicMock(), mock.MagicMock(), None, None, None)
    with mock.patch.object(plugin, "_execute_module", return_value={"changed": True}) as module:
        assert plugin.run(task_vars={})["changed"]
    assert module.call_args.kwargs["module_name"] == NAME
    given: dict[str, Any] = module.call_args.kwargs["module_args"]
    return given


def test_contents_go_in_an_option_of_their_own() -> None:
    file = {"path": "/etc/a", "content": "hidden ä", "mode": None, "state": "present"}
    given = sent(files=[file, {"path": "/etc/b", "state": "absent"}], units=[{"name": "a.service"}], timeout=None)
    assert given["files"] == [{"path": "/etc/a"}, {"path": "/etc/b", "state": "absent"}]
    assert services.unpacked(given.pop("contents")) == {"/etc/a": "hidden ä".encode()}
    assert given["units"] == [{"name": "a.service"}] and "timeout" not in given and "hidden" not in str(given)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ("x", "files is to be a list"),
        ([{"content": ""}], "needs a path"),
        ([{"path": "a", "content": ""}], "no plain absolute path"),
        ([{"path": "/a", "content": ""}, {"path": "/a", "content": ""}], "same path"),
        ([{"path": "/a"}], "given: none"),
    ],
)
def test_files_that_make_no_sense_go_nowhere(files: Any, said: str) -> None:
    with pytest.raises(AnsibleActionFail, match=said):
        sent(files=files)


@pytest.mark.parametrize("option", ["contents", "typo"])
def test_a_task_has_the_options_that_are_documented(option: str) -> None:
    with pytest.raises(AnsibleActionFail, match=option):
        sent(files=[], **{option: "x"})


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run a role of one task; return how that ended and what was printed, the arguments of modules included."""
    role = tmp_path / "roles" / "some"
    for name, text in {
        "templates/etc/a.j2": "{{ ansible_managed | comment }}\n{% if 1 %}\n{{ word }}\n{% endif %}\n{% include 'b' %}",
        "templates/b": "of {{ template_destpath | basename }}\n",
        "templates/bad.j2": "{{ nothing_of_that_name }}\n",
        "templates/worse.j2": "{% if %}\n",
        "files/data": "\udcff\0 {{ word }}",
    }.items():
        (role / name).parent.mkdir(parents=True, exist_ok=True)
        (role / name).write_bytes(text.encode(errors="surrogateescape"))

    def run(files: list[dict[str, Any]], *options: str) -> tuple[int, str]:
        mine = {"owner": str(os.getuid()), "group": str(os.getgid())}
        task = {"name": "Write", NAME: {"files": [{**mine, **file} for file in files]}}
        (role / "tasks").mkdir(exist_ok=True)
        (role / "tasks" / "main.yml").write_text(yaml.safe_dump([task]))
        hosts = {"hosts": "localhost", "connection": "local", "gather_facts": False, "roles": ["some"]}
        (tmp_path / "play.yml").write_text(yaml.safe_dump([{**hosts, "vars": {"word": "a hidden word"}}]))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")} | {
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_NOCOLOR": "1",
        }
        command = ["ansible-playbook", "play.yml", *options]
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return ran.returncode, ran.stdout + ran.stderr

    return run


def test_a_template_is_one_of_ansible_and_a_secret_is_not_told(play: Play, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, said = play(
        [
            {"path": f"{out}/one", "template": "etc/a.j2", "secret": True},
            {"path": f"{out}/two", "content": "{{ word }}", "mode": "0600"},
            {"path": f"{out}/three", "src": "data"},
        ],
        *("--diff", "-vvv"),
    )
    assert status == 0, said
    assert (out / "one").read_text() == "#\n# Ansible managed\n#\na hidden word\nof one"
    assert (out / "two").read_text() == "a hidden word"
    assert (out / "three").read_bytes() == b"\xff\0 {{ word }}"
    assert "hidden word" not in said and f"{out}/one" in said, "neither in the difference nor in the invocation"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"template": "bad.j2"}, "The template bad.j2 of .*nothing_of_that_name"),
        ({"template": "worse.j2"}, "The template worse.j2 of "),
        ({"src": "none"}, "none"),
    ],
)
def test_a_source_with_an_error_is_named_and_nothing_is_written(
    play: Play, tmp_path: Path, source: dict[str, str], said: str
) -> None:
    first = {"path": f"{tmp_path}/out/one", "template": "etc/a.j2"}
    status, printed = play([first, {"path": f"{tmp_path}/out/two", **source}])
    assert status != 0 and re.search(said, printed) and "Traceback" not in printed, printed
    assert not (tmp_path / "out").exists()


def test_the_words_of_managed_files_are_those_of_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.j2"
    path.write_text("")
    setting = mock.Mock(get_config_value=mock.Mock(return_value="By {file} of %Y"))
    monkeypatch.setattr(constants, "config", setting)
    os.utime(path, (86400 * 180, 86400 * 180))
    assert action.managed(str(path), "etc/a.j2") == "By etc/a.j2 of 1970"
