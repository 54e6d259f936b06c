# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Causes in the program that runs the application, Node.js by default."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from ansible_collections.ridgetop.aidis.plugins.module_utils import versions
from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import (
    LIKELY,
    POSSIBLE,
    Found,
    Mend,
    Seen,
    Signatures,
)

RUNTIME = Signatures()


@RUNTIME.add(
    "node.missing",
    "The program that runs the application, Node.js by default, is not on the host, or may not be run.",
    "installing its package again, or a deployment where the package is missing, too",
    explains=("unit.exec",),
)
def node_missing(seen: Seen) -> Iterator[Found]:
    runtime = seen.part("runtime")
    if not runtime or not seen.deployed or (runtime["there"] and runtime["may_run"]):
        return
    what = "is there and may not be run" if runtime["there"] else "does not exist"
    package = runtime["package"]
    again = Mend(f"sudo apt-get install --reinstall --yes {shlex.quote(package)}")
    of = f" The package {package} is installed and should have it." if package else ""
    sentence = f"{runtime['path']}, which runs the application, {what}.{of}"
    yield Found(sentence, seen.said("Failed to execute", "EXEC"), (again, seen.restart) if package else (seen.deploy,))


@RUNTIME.add(
    "node.old",
    "The program that runs the application is older than ``app_node_minimum``.",
    "a newer package, then a deployment",
    certainty=LIKELY,
)
def node_old(seen: Seen) -> Iterator[Found]:
    runtime, least = seen.part("runtime"), str(seen.about.get("runtime_minimum", ""))
    version = runtime.get("version", "")
    if version and least and not versions.at_least(versions.parse(version), versions.parse(least)):
        sentence = f"{runtime['path']} is version {version}; the application needs at least {least}."
        yield Found(sentence, (), (seen.deploy,))


@RUNTIME.add(
    "node.shadowed",
    "Another program of that name comes first in ``PATH``: builds and migrations run with it, the service does not.",
    "moving it aside",
    certainty=POSSIBLE,
)
def node_shadowed(seen: Seen) -> Iterator[Found]:
    runtime = seen.part("runtime")
    if runtime.get("shadowed") and runtime.get("there"):
        first = runtime["first"]
        other = f" ({runtime['first_version']})" if runtime["first_version"] else ""
        own = f" ({runtime['version']})" if runtime["version"] else ""
        sentence = (
            f"{first}{other} comes before {runtime['path']}{own} in PATH: builds and migrations run with the former."
        )
        yield Found(sentence, (), (Mend(f"sudo mv {shlex.quote(first)} {shlex.quote(first)}.aside"),))
