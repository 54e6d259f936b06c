# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups that are not what they were: named in a rollback, they are refused, and nothing is changed."""

from __future__ import annotations

import pytest
from ansible_collections.ridgetop.aidis.tests.drills.drill import OLD, Drills
from ansible_collections.ridgetop.aidis.tests.drills.machine import BACKUPS

FLIP = """
file=$(ls -S "$1"/database/*.dat* | head -n 1)
size=$(stat --format=%s "$file")
python3 - "$file" "$((size / 2))" <<'END'
import sys
with open(sys.argv[1], "r+b") as stream:
    stream.seek(int(sys.argv[2]))
    byte = stream.read(1)
    stream.seek(-1, 1)
    stream.write(bytes([byte[0] ^ 1]))
END
"""
TRUNCATE = """
file=$(ls -S "$1"/database/*.dat* | head -n 1)
truncate --size=-7 "$file"
"""
# The manifest of a newer server, and its hash in the ledger, as if it had been made there.
NEWER = """
python3 - "$1" <<'END'
import hashlib, json, os, sys
home = sys.argv[1]
path = os.path.join(home, "manifest.json")
manifest = json.load(open(path))
manifest["server_version"] += 10000
json.dump(manifest, open(path, "w"))
book = os.path.join(os.path.dirname(home), "backups.json")
ledger = json.load(open(book))
for entry in ledger["backups"]:
    if entry["id"] == os.path.basename(home):
        entry["server_version"] = manifest["server_version"]
        entry["manifest_sha256"] = hashlib.sha256(open(path, "rb").read()).hexdigest()
json.dump(ledger, open(book, "w"))
END
"""


@pytest.mark.parametrize(
    ("harm", "says"),
    [(FLIP, "damaged"), (TRUNCATE, "damaged"), (NEWER, "PostgreSQL 18")],
    ids=["one-flipped-byte", "truncated", "newer-major"],
)
def test_it_is_refused(drills: Drills, harm: str, says: str, request: pytest.FixtureRequest) -> None:
    with drills.drill(f"backup: {request.node.callspec.id}") as drill:
        backup = drill.machine.backups("deploy")[-1]
        drill.machine.run(harm, f"{BACKUPS}/{backup}")
        before = drill.machine.observe()
        outcome = drill.rollback(rollback_to=OLD, rollback_database=backup, rollback_confirm=True)
        assert outcome.failed and outcome.says(says), outcome.output[-6000:]
        after = drill.machine.observe()
        for unchanged in ("link", "pid", "databases", "ledger"):
            assert after[unchanged] == before[unchanged], unchanged
        drill.became("refused, nothing changed")
