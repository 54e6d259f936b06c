# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Causes in the machine: full disks, too little memory, the clock."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from ansible_collections.ridgetop.aidis.plugins.module_utils.cause import (
    LIKELY,
    POSSIBLE,
    REMARK,
    Found,
    Mend,
    Seen,
    Signatures,
    journal,
    megabytes,
)

MACHINE = Signatures()
# A disk is full where less than this share of it, and less than these bytes, are free.
FULL_SHARE, FULL_BYTES, LEAST_BYTES = 0.01, 1 << 30, 1 << 19
_AFTER_FULL = (
    "postgres.stopped postgres.refused postgres.starting port.closed unit.start_limit app.configuration deploy.failed"
    " timer.failed"
).split()
_KILLED = re.compile(r"[Kk]illed process (\d+) \(([^)]*)\)")


@MACHINE.add(
    "disk.full",
    "A file system that the deployment uses has no room left.",
    "making room: the command lists what takes it",
    explains=tuple(_AFTER_FULL),
)
def full(seen: Seen) -> Iterator[Found]:
    lines = (*seen.said("ENOSPC", "No space left", "no space left"), *_said_by_postgres(seen, "No space left"))
    for disk in seen.rows("disks"):
        size, free = disk["bytes"], disk["bytes_free"]
        if (
            size
            and free < max(min(size * FULL_SHARE, FULL_BYTES), min(size / 8, LEAST_BYTES))
            and not disk["read_only"]
        ):
            mount = shlex.quote(disk["mount"])
            mend = Mend(
                f"sudo du --one-file-system --all --human-readable --max-depth=2 {mount} | sort -h | tail -n 20"
            )
            paths = ", ".join(disk["paths"])
            sentence = f"{disk['mount']} is full: {megabytes(free)} of {megabytes(size)} are free. On it: {paths}."
            yield Found(sentence, lines, (mend,))


def _said_by_postgres(seen: Seen, text: str) -> tuple[str, ...]:
    return tuple(line for one in seen.rows("clusters") for line in one["lines"] if text in line)[-2:]


@MACHINE.add(
    "disk.inodes",
    "A file system that the deployment uses has room, and no inode left for another file.",
    "removing files: the command counts them by directory",
    explains=tuple(_AFTER_FULL),
)
def inodes(seen: Seen) -> Iterator[Found]:
    for disk in seen.rows("disks"):
        if disk["inodes"] and disk["inodes_free"] < max(1, min(disk["inodes"] // 1000, 100)):
            mount = shlex.quote(disk["mount"])
            mend = Mend(f"sudo du --inodes --one-file-system --max-depth=2 {mount} | sort -n | tail -n 20")
            sentence = (
                f"{disk['mount']} has {disk['inodes_free']} of {disk['inodes']} inodes left: it holds too many files."
            )
            yield Found(sentence, seen.said("ENOSPC", "No space left"), (mend,))


@MACHINE.add(
    "disk.read_only",
    "A file system that has to be written to is mounted read-only, often after an error of the disk.",
    "looking for the error in the kernel's journal, then remounting it",
    certainty=LIKELY,
    explains=tuple(_AFTER_FULL),
)
def read_only(seen: Seen) -> Iterator[Found]:
    for disk in seen.rows("disks"):
        if disk["read_only"]:
            mend = Mend(f"sudo mount -o remount,rw {shlex.quote(disk['mount'])}")
            yield Found(f"{disk['mount']} is mounted read-only. On it: {', '.join(disk['paths'])}.", (), (mend,))


@MACHINE.add(
    "memory.oom",
    "The kernel killed the service, or PostgreSQL, since there was no memory left.",
    "more memory, or other limits in ``systemd_limits``; then a restart",
    explains=("postgres.stopped", "postgres.refused", "unit.start_limit"),
)
def out_of_memory(seen: Seen) -> Iterator[Found]:
    memory = seen.part("memory")
    left = f" {memory['available']} of {memory['total']} MiB are available now." if memory else ""
    lines = seen.said("OOM killer", "oom-kill")
    units = [one for one in seen.rows("units") if one.get("Result") == "oom-kill"]
    kernel = [one for one in seen.rows("journal_kernel") if _KILLED.search(one["text"])]
    ours = [one for one in kernel if any(name in one["text"] for name in ("(node)", "(postgres)", *_program(seen)))]
    if units or (lines and not seen.works):
        name = units[0]["Id"] if units else seen.about["unit"]
        sentence = f"{name} was ended by the kernel since memory ran out.{left}"
        yield Found(sentence, (*lines, *journal(kernel, 2)), (seen.restart,))
    elif ours:
        match = _KILLED.search(ours[-1]["text"])
        killed = f"{match[2]} (pid {match[1]})" if match else "a process"
        sentence = f"The kernel killed {killed} at {ours[-1]['at']} since memory ran out.{left}"
        yield Found(sentence, journal(ours, 3), (seen.restart,), POSSIBLE if seen.works else LIKELY)


def _program(seen: Seen) -> list[str]:
    path = seen.part("runtime").get("path", "")
    return [f"({path.rpartition('/')[2]})"] if path else []


@MACHINE.add(
    "clock.off",
    "The clock of the host is not that of the controller: certificates, tokens and leases of locks are judged wrongly.",
    "``timedatectl set-ntp true``",
)
def clock_off(seen: Seen) -> Iterator[Found]:
    system = seen.part("system")
    offset, doubt = system.get("clock_offset", 0.0), system.get("clock_doubt", 0.0)
    if abs(offset) > seen.commands.clock_tolerance + doubt:
        way = "ahead of" if offset > 0 else "behind"
        sentence = f"The clock is {abs(offset):.0f} s {way} that of the controller."
        yield Found(sentence, (f"measured to within {doubt:.1f} s",), _synchronised(seen))


@MACHINE.add(
    "clock.unsynchronised",
    "Nothing keeps the clock right; it is not wrong yet.",
    "``timedatectl set-ntp true``, with a service for it installed",
    certainty=REMARK,
)
def clock_unsynchronised(seen: Seen) -> Iterator[Found]:
    if seen.part("clock").get("synchronised") is False:
        yield Found("The clock is not synchronised.", (), _synchronised(seen))


def _synchronised(seen: Seen) -> tuple[Mend, ...]:
    install = () if seen.part("clock").get("can_ntp", True) else (Mend("sudo apt-get install systemd-timesyncd"),)
    return (*install, Mend("sudo timedatectl set-ntp true"))
