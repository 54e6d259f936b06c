# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task may say of a set of services, and what is said of the rest."""

from __future__ import annotations

import base64
import re
import zlib
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import services
from ansible_collections.ridgetop.aidis.plugins.module_utils.services import File, ServicesError, Unit

FILE = {
    "path": "/etc/a", "state": "present", "owner": "root", "group": "root",
    "mode": "0644", "validate": None, "secret": False,
}  # fmt: skip
UNIT = {"name": "a.service", "restart_on": [], "reload_on": [], "enabled": True, "state": "started"}


def test_contents_come_as_they_were_sent() -> None:
    contents = {"/etc/a": bytes(range(256)), "/etc/ü": "ä€\n".encode(), "/etc/empty": b""}
    sent = services.packed(contents)
    assert services.unpacked(sent) == contents
    assert "etc" not in sent, "a message that is cleared of it must stay whole"


@pytest.mark.parametrize("wrong", ["x", "eA==", "", base64.b64encode(zlib.compress(b"[]")).decode()])
def test_contents_that_no_action_sent_are_refused(wrong: str) -> None:
    with pytest.raises(ServicesError, match="did not run"):
        services.unpacked(wrong)


def test_a_file_is_what_the_options_say() -> None:
    given = {**FILE, "owner": "prometheus", "mode": "0640", "validate": "check 'a b' --in=%s", "secret": True}
    (file,) = services.files_of([given], services.packed({"/etc/a": b"x"}))
    assert file == File("/etc/a", b"x", "prometheus", "root", 0o640, ("check", "a b", "--in=%s"), True)
    (gone,) = services.files_of([{**FILE, "state": "absent"}], "")
    assert gone.content is None


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("mode", "420", "four octal digits in quotes"),
        ("mode", "u=rw", "four octal digits"),
        ("mode", "0888", "four octal digits"),
        ("validate", "true", "needs %s"),
        ("validate", "echo 'open %s", "is no command"),
    ],
)
def test_a_file_that_makes_no_sense(option: str, value: str, said: str) -> None:
    with pytest.raises(ServicesError, match=said) as error:
        services.file_of({**FILE, option: value}, {"/etc/a": b""})
    assert "/etc/a" in str(error.value)


def test_a_file_without_content_is_refused() -> None:
    with pytest.raises(ServicesError, match="nothing says what it holds"):
        services.files_of([FILE], services.packed({"/etc/b": b""}))


@pytest.mark.parametrize("path", ["etc/a", "", "/etc/../a", "/etc/a/", "/etc//a", "//etc/a", "~/a", "/etc/a\0"])
def test_a_path_is_a_plain_absolute_one(path: str) -> None:
    with pytest.raises(ServicesError, match="no plain absolute path"):
        services.check_paths(["/etc/b", path])


def test_a_path_is_named_once() -> None:
    with pytest.raises(ServicesError, match=r"^/a: the same path"):
        services.check_paths(["/a", "/b", "/a"])


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ({}, "needs a path"),
        ({"path": ""}, "needs a path"),
        ({"path": "/a"}, "given: none"),
        ({"path": "/a", "template": "t", "src": "s"}, "given: template and src"),
        ({"path": "/a", "state": "absent", "content": ""}, "has no content"),
        ({"path": "/a", "state": "link"}, "present or absent, not link"),
        ({"path": "/a", "content": {"a": 1}}, "is to be a text, not dict"),
        ({"path": "/a", "content": 7}, "is to be a text, not int"),
    ],
)
def test_a_file_says_in_one_way_what_it_holds(file: dict[str, Any], said: str) -> None:
    with pytest.raises(ServicesError, match=said):
        services.source_of(file)


def test_state_is_told_only_of_what_is_to_go() -> None:
    assert services.source_of({"path": "/a", "content": "", "state": "present"}) == {"path": "/a", "content": ""}
    assert services.source_of({"path": "/a", "state": "absent"}) == {"path": "/a", "state": "absent"}


@pytest.mark.parametrize(("given", "said"), [("x", "a list"), ({"a": 1}, "a list"), (["x"], "a mapping, not str")])
def test_a_list_is_one_of_mappings(given: Any, said: str) -> None:
    with pytest.raises(ServicesError, match=f"files is to be {said}|each of files is to be {said}"):
        services.listed(given, "files")


def test_what_a_list_leaves_open_is_left_out() -> None:
    assert services.listed(None, "files") == []
    assert services.listed([{"path": "/a", "mode": None}], "files") == [{"path": "/a"}]


def test_a_unit_is_what_the_options_say() -> None:
    given = {**UNIT, "restart_on": ["/a"], "reload_on": ["/b"], "enabled": False, "state": "stopped"}
    assert services.units_of([given]) == [Unit("a.service", ("/a",), ("/b",), False, False)]


@pytest.mark.parametrize("name", ["a", "", "-H.service/x", "a b.service", "a.service ", "a.slice", "a/b.service"])
def test_a_name_is_that_of_a_unit(name: str) -> None:
    with pytest.raises(ServicesError, match=re.escape(repr(name))):
        services.unit_of({**UNIT, "name": name})


@pytest.mark.parametrize("option", ["restart_on", "reload_on"])
def test_files_of_a_unit_are_absolute_paths(option: str) -> None:
    with pytest.raises(ServicesError, match="no absolute path"):
        services.unit_of({**UNIT, option: ["etc/a"]})


def test_a_unit_is_named_once() -> None:
    with pytest.raises(ServicesError, match="same unit"):
        services.units_of([UNIT, UNIT])
