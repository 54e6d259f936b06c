# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of ``aidis-database``."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Sequence
from typing import NoReturn

from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_base import BackupError
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_config import DEFAULT_PATH
from ansible_collections.ridgetop.aidis.plugins.module_utils.backup_names import REASONS


class _Parser(ArgumentParser):
    """One whose errors are told as all others are."""

    def error(self, message: str) -> NoReturn:
        raise BackupError(f"{message} (see {self.prog} --help)")


def parse(argv: Sequence[str]) -> Namespace:
    """Understand the words behind the program's name. Raises BackupError, and SystemExit for --help."""
    parser = _Parser(prog="aidis-database", description="Backups of the database: made, proved, restored, swapped in.")
    parser.add_argument("--config", default=DEFAULT_PATH, help="default: %(default)s")
    parser.add_argument("--text", action="store_true", help="print for people instead of JSON")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    def command(name: str, text: str) -> ArgumentParser:
        made: ArgumentParser = commands.add_parser(name, help=text, description=text)
        # Also behind the command, where people write them; here without a default, which would undo the one before.
        made.add_argument("--config", default=SUPPRESS, help="default: " + DEFAULT_PATH)
        made.add_argument("--text", action="store_true", default=SUPPRESS, help="print for people instead of JSON")
        return made

    one = command("backup", "make a backup and prove it")
    one.add_argument("--reason", choices=REASONS, required=True)
    one.add_argument("--release", default="", help="the release that the database belongs to")
    one.add_argument("--by", default="", help="who asked for it")
    _protect(one)
    command("list", "the backups, the databases beside the live one, and the last drill")
    command("verify", "prove a backup again").add_argument("source", metavar="ID|newest")
    one = command("plan", "what a rollback would do; changes nothing")
    one.add_argument("--fingerprint", default="", help="of the schema to come back to")
    one.add_argument("--migrations-digest", default="")
    one.add_argument("--source", default="auto", metavar="none|auto|ID|DATABASE")
    command("restore", "make a database of a backup beside the live one").add_argument("source", metavar="ID|DATABASE")
    command("lost", "rows that the live database has and another has not").add_argument("scratch")
    one = command("swap", "put a database in the place of the live one")
    one.add_argument("scratch")
    one.add_argument("--reason", default="")
    one.add_argument("--expect-lost", choices=("none", "any"), default="any")
    command("discard", "drop a database beside the live one").add_argument("scratch")
    _protect(command("prune", "remove old backups and databases beside the live one"))
    command("drill", "restore a backup, prove it, drop it").add_argument(
        "source", nargs="?", default="newest", metavar="ID|newest"
    )
    command("hold-lock", "hold the lock of migrations until SIGTERM")
    command("state", "schema, migrations and rows of the live database")
    return parser.parse_args(argv)


def _protect(parser: ArgumentParser) -> None:
    parser.add_argument("--protect", action="append", default=[], metavar="ID", help="a backup not to remove")
