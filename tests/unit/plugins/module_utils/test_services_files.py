# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on a real file system: what differs, that all are valid before any is replaced, and what is shown of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import services_files
from ansible_collections.ridgetop.aidis.plugins.module_utils.host_io import Host
from ansible_collections.ridgetop.aidis.plugins.module_utils.services import File, ServicesError

ME = {"owner": str(os.getuid()), "group": str(os.getgid())}


def file(path: Path, content: bytes | None = b"new\n", **options: Any) -> File:
    return File(str(path), content, **{**ME, **options})


def differing(*files: File, check_mode: bool = False) -> list[services_files.Change]:
    return services_files.changes(files, check_mode)


def write(*files: File) -> None:
    services_files.write(differing(*files), Host())


def tree(path: Path) -> list[str]:
    return sorted(str(one.relative_to(path)) for one in path.rglob("*"))


def test_a_file_is_made_with_the_directories_above_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.conf"
    before = os.umask(0o077)
    try:
        write(file(path, mode=0o640))
    finally:
        os.umask(before)
    assert path.read_bytes() == b"new\n" and path.stat().st_mode & 0o7777 == 0o640
    assert path.parent.stat().st_mode & 0o7777 == 0o755 and path.parent.parent.stat().st_mode & 0o7777 == 0o755
    assert tree(tmp_path) == ["a", "a/b", "a/b/c.conf"]
    assert not differing(file(path, mode=0o640)), "a second run has nothing to do"


@pytest.mark.parametrize("options", [{"content": b"other"}, {"mode": 0o600}, {"content": b""}])
def test_a_file_that_differs_is_replaced(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "a"
    write(file(path))
    before = path.stat()
    os.utime(path, (1, 1))
    write(file(path, **options))
    after = path.stat()
    assert after.st_ino != before.st_ino, "whoever has it open goes on reading the old one"
    assert after.st_mtime > 1, "what reads it has something new to read"
    assert not differing(file(path, **options)) and tree(tmp_path) == ["a"]


def test_another_owner_is_a_difference(tmp_path: Path) -> None:
    write(file(tmp_path / "a"))
    (change,) = differing(file(tmp_path / "a", owner=str(os.getuid() + 1)))
    assert change.owner == (os.getuid() + 1, os.getgid())


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target, path = tmp_path / "target", tmp_path / "a"
    target.write_text("new\n")
    target.chmod(0o644)
    path.symlink_to(target)
    (change,) = differing(file(path))
    assert services_files.diff(change)["before"] == f"symbolic link to {target}\n", "its target may be a secret one"
    write(file(path))
    assert not path.is_symlink() and path.read_text() == "new\n"
    path.unlink()
    path.symlink_to(target)
    write(file(path, None))
    assert not path.is_symlink() and target.read_text() == "new\n"


def test_what_is_to_go_goes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert not differing(file(path, None))
    path.write_text("old")
    write(file(path, None))
    assert not path.exists() and not differing(file(path, None))


@pytest.mark.parametrize("content", [b"new", None])
def test_a_directory_or_a_pipe_is_not_replaced(tmp_path: Path, content: bytes | None) -> None:
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("a", "pipe"):
        with pytest.raises(ServicesError, match="neither a file nor a link"):
            differing(file(tmp_path / name, content))


def test_a_file_in_place_of_a_directory_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(ServicesError, match="no directory"):
        differing(file(tmp_path / "a" / "b"))


def test_users_that_are_not_there_are_named_all_and_are_to_come_in_a_dry_run(tmp_path: Path) -> None:
    files = [file(tmp_path / "a", owner="aidis-nobody-1"), file(tmp_path / "b", group="aidis-nobody-2")]
    with pytest.raises(ServicesError, match="no group aidis-nobody-2 and no user aidis-nobody-1"):
        differing(*files)
    assert [change.owner for change in differing(*files, check_mode=True)] == [None, None]
    (tmp_path / "a").write_bytes(b"new\n")
    (tmp_path / "a").chmod(0o644)
    assert len(differing(files[0], check_mode=True)) == 1, "whoever has it now is not the user to come"


def test_all_are_valid_before_any_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old\n")
    (tmp_path / "gone").write_text("old\n")
    files = [
        file(tmp_path / "a", validate=("grep", "new", "%s")),
        file(tmp_path / "gone", None),
        file(tmp_path / "sub" / "b", validate=("grep", "-c", "old", "%s")),
    ]
    with pytest.raises(ServicesError, match="Nothing was changed") as error:
        write(*files)
    assert f"{tmp_path}/sub/b is refused by grep (status 1): 0" in str(error.value)
    assert tree(tmp_path) == ["a", "gone"] and (tmp_path / "a").read_text() == "old\n"


def test_a_validator_sees_every_new_file_beside_its_place_and_no_shell(tmp_path: Path) -> None:
    look = "import os, sys; print(sys.argv[1], *os.listdir(os.path.dirname(sys.argv[2])), sep=', '); sys.exit(1)"
    files = [file(tmp_path / "a"), file(tmp_path / "b", validate=("python3", "-c", look, "$(id); %s", "%s"))]
    with pytest.raises(ServicesError, match=r"\$\(id\); .*/b, .*\.a\.") as error:
        write(*files)
    assert f"$(id); {tmp_path}/b," in str(error.value), "the path is told that it is to have"
    assert tree(tmp_path) == []


def test_the_validator_of_what_does_not_differ_is_not_run(tmp_path: Path) -> None:
    write(file(tmp_path / "a"))
    assert not differing(file(tmp_path / "a", validate=("false", "%s")))


def test_a_validator_that_is_not_there_is_said(tmp_path: Path) -> None:
    changed = differing(file(tmp_path / "a", validate=("aidis-no-such", "%s")))
    (said,) = services_files.without_validator(changed, Host())
    assert said == f"{tmp_path}/a: aidis-no-such, which is to validate it, is not on this host"
    assert not services_files.predict_refusals(changed, Host()), "a dry run may be before it is installed"


def test_a_dry_run_tells_a_refusal_and_leaves_nothing(tmp_path: Path) -> None:
    changed = differing(
        file(tmp_path / "sub" / "a", validate=("grep", "old", "%s")),
        file(tmp_path / "b", validate=("grep", "-q", "new", "%s")),
        file(tmp_path / "c", None),
    )
    (said,) = services_files.predict_refusals(changed, Host())
    assert said == f"{tmp_path}/sub/a is refused by grep (status 1): it said nothing"
    assert tree(tmp_path) == []


def test_a_validator_has_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services_files, "VALIDATE_SECONDS", 0.1)
    with pytest.raises(ServicesError, match="sh did not end within"):
        write(file(tmp_path / "a", b"x", validate=("sh", "-c", "sleep 60", "%s")))
    assert tree(tmp_path) == []


@pytest.mark.parametrize("options", [{"secret": True}, {"mode": 0o600}])
def test_what_a_validator_says_of_a_secret_file_is_not_shown(tmp_path: Path, options: dict[str, Any]) -> None:
    cat = ("sh", "-c", 'cat "$0"; exit 3', "%s")
    with pytest.raises(ServicesError, match=r"status 3") as error:
        write(file(tmp_path / "a", b"hidden word", validate=cat, **options))
    assert "hidden" not in str(error.value)
    with pytest.raises(ServicesError, match=r"hidden word"):
        write(file(tmp_path / "a", b"hidden word", validate=cat))


def test_a_failure_on_the_way_leaves_no_half_written_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b").write_text("old")
    changed = differing(file(tmp_path / "new" / "a"), file(tmp_path / "b"))
    (tmp_path / "b").unlink()
    (tmp_path / "b").mkdir()
    with pytest.raises(OSError, match="directory"):
        services_files.write(changed, Host())
    assert tree(tmp_path) == ["b", "new", "new/a"]


def shown(change: services_files.Change) -> str:
    return "".join(str(value) for value in services_files.diff(change).values())


def test_a_diff_shows_content_and_what_else_differs(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old\n")
    (tmp_path / "a").chmod(0o664)
    (change,) = differing(file(tmp_path / "a"))
    assert services_files.diff(change) == {
        "before_header": f"{tmp_path}/a (owner {ME['owner']}, group {ME['group']}, mode 0664)",
        "after_header": f"{tmp_path}/a (owner {ME['owner']}, group {ME['group']}, mode 0644)",
        "before": "old\n",
        "after": "new\n",
    }
    (change,) = differing(file(tmp_path / "a", b"old\n"))
    assert "mode 0664" in services_files.diff(change)["before"] and "mode 0644" in services_files.diff(change)["after"]
    (change,) = differing(file(tmp_path / "b"))
    assert services_files.diff(change)["before"] == "" and services_files.diff(change)["after"] == "new\n"
    (change,) = differing(file(tmp_path / "a", None))
    assert services_files.diff(change)["before"] == "old\n" and services_files.diff(change)["after"] == ""


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        (0o644, {"secret": True}),
        (0o644, {"mode": 0o600}),
        (0o600, {}),
        (0o600, {"content": None}),
        (0o644, {"content": None, "secret": True}),
    ],
)
def test_a_diff_shows_nothing_of_a_secret(tmp_path: Path, mode: int, options: dict[str, Any]) -> None:
    (tmp_path / "a").write_text("old word\n")
    (tmp_path / "a").chmod(mode)
    (change,) = differing(file(tmp_path / "a", **{"content": b"new word\n", **options}))
    assert "word" not in shown(change) and f"mode {mode:04o}" in shown(change)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", b"x" * (services_files.MAX_DIFF_BYTES + 1)])
def test_a_diff_shows_nothing_of_what_is_no_text_or_long(tmp_path: Path, content: bytes) -> None:
    (change,) = differing(file(tmp_path / "a", content))
    assert shown(change).startswith(f"{tmp_path}/a: absent -> owner") and len(shown(change)) < 500


def test_the_lines_of_secret_files_are_known(tmp_path: Path) -> None:
    files = [
        file(tmp_path / "a", b" one \n\ntwo", secret=True),
        file(tmp_path / "b", b"open"),
        file(tmp_path / "c", None),
    ]
    assert services_files.known(files) == ["one", "two"]
