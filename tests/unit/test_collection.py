# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as its users get it: built, installed, and called by name from a project of their own."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str, cwd: Path, collections: Path) -> str:
    """Run a command as a user would, with the collection from one place and what it needs from this tree."""
    paths = f"{collections}{os.pathsep}{ROOT / '.ansible' / 'collections'}"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    environment |= {"ANSIBLE_COLLECTIONS_PATH": paths, "ANSIBLE_NOCOLOR": "1"}
    ran = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the collection."""
    target = tmp_path_factory.mktemp("build")
    run("ansible-galaxy", "collection", "build", "--output-path", str(target), cwd=ROOT, collections=target)
    return next(target.glob("ridgetop-aidis-*.tar.gz"))


@pytest.fixture(scope="module")
def project(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project that has only an inventory named `prod`, with the collection installed beside it."""
    directory = tmp_path_factory.mktemp("project")
    installed = directory / "collections"
    install = ["ansible-galaxy", "collection", "install", str(tarball), "--no-deps", "--collections-path"]
    run(*install, str(installed), cwd=directory, collections=installed)
    hosts = "aidis_db: {hosts: {aidis.example.org: }}\naidis_app: {hosts: {aidis.example.org: }}\n"
    (directory / "prod").write_text(hosts)
    return directory


def test_the_tarball_holds_the_collection_and_no_more(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = archive.getnames()
    for wanted in ("playbooks/deploy.yml", "roles/app/tasks/main.yml", "plugins/modules/release.py", "README.md"):
        assert wanted in names
    for unwanted in (".venv", ".ansible", ".cache", ".git/", "node_modules", "secrets.yml", "tests/output"):
        assert not [name for name in names if unwanted in name], unwanted
    assert tarball.stat().st_size < 1 << 20


def test_the_playbook_runs_by_name_from_a_users_project(project: Path) -> None:
    tasks = run(
        "ansible-playbook", "ridgetop.aidis.deploy", "-i", "prod", "--list-tasks",
        cwd=project, collections=project / "collections",
    )  # fmt: skip
    for task in ("Check the host", "Make the database", "Write the unit", "Activate the release"):
        assert task in tasks


def test_the_collections_are_named_once_and_alike() -> None:
    needed = yaml.safe_load((ROOT / "galaxy.yml").read_text())["dependencies"]
    named = {
        one["name"]: one["version"] for one in yaml.safe_load((ROOT / "requirements.yml").read_text())["collections"]
    }
    assert needed.items() <= named.items()


def test_no_lock_names_a_registry() -> None:
    for lock in [*ROOT.glob("requirements/*.txt"), *ROOT.glob("tests/**/package-lock.json")]:
        if "node_modules" not in lock.parts:
            assert "://" not in "".join(
                line for line in lock.read_text().splitlines() if '"url"' not in line and not line.startswith("#")
            ), lock


@pytest.mark.parametrize("inventory", ["prod", "fleet"])
def test_the_example_inventories_hold_no_secret(inventory: str) -> None:
    directory = ROOT / "inventories" / inventory / "group_vars" / "all"
    example = yaml.safe_load((directory / "vault.yml.example").read_text())
    assert example and not any(example.values())
    text = (directory / "main.yml").read_text()
    for name in example:
        assert f"{{{{ {name} }}}}" in text
