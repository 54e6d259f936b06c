# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the values of variables may look like, by kinds: a text that reaches a file, a command line or a statement as a
name there must not be able to be anything else.

A role says of its variables in ``meta/values.yml`` of which kind they are. A rule is

- the name of a kind, with a ``?`` behind it where an empty text is one, too;
- a list of one rule: each element of a list keeps it;
- a mapping of rules: the value at each of these keys keeps its rule. ``<name>`` stands for the keys of a free mapping,
  ``<value>`` for its values.

A kind holds for every text and number in a value, lists included; booleans and nulls have no text.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from ansible_collections.ridgetop.aidis.plugins.module_utils import firewall_rules

# Python 3.9 of a host makes no such type with `|` when it is run.
Rule = t.Union[str, list[t.Any], dict[str, t.Any]]  # noqa: UP007

KEYS, VALUES = "<name>", "<value>"
# What is shown of a value that is refused.
SHOWN = 60


class RuleError(Exception):
    """A rule that is none."""


@dataclass(frozen=True)
class Kind:
    """What a text of this kind is, for people, and whether one is of it."""

    allowed: str
    fits: Callable[[str], bool]


@dataclass(frozen=True)
class Fault:
    """A text that is not of its kind: where it stands, what is allowed there, the text, and whether it is a key."""

    path: str
    allowed: str
    found: str
    of_a_name: bool = False


def _kind(allowed: str, *patterns: str, most: int = 1000) -> Kind:
    """The kind of texts that one of these patterns describes, of at most so many bytes."""
    compiled = [re.compile(pattern) for pattern in patterns]
    return Kind(
        allowed,
        lambda text: (
            len(text.encode("utf-8", "surrogatepass")) <= most and any(one.fullmatch(text) for one in compiled)
        ),
    )


# Letters and digits of all scripts; no quote, no blank, nothing that a shell, systemd (`%`, `:`), logrotate or SQL
# gives a meaning to.
_SEGMENT = r"(?!\.\.?(?:/|\Z))[\w.@+=~][\w.@+,=~-]*"
_SEGMENT_BLANKS = r"(?!\.\.(?:/|\Z))[\w.@+=~][\w.@+,=~-]*(?: +[\w.@+,=~][\w.@+,=~-]*)*"
_SEGMENT_PATTERN = r"(?!\.\.?(?:/|\Z))(?!.*\{\{)[\w.@+=~*?\[\]][\w.@+,=~*?\[\]{}-]*(?: +[\w.@+,=~*?\[\]{}-]+)*"
_PATH = rf"(?:/+{_SEGMENT})+/*"
_PATH_BLANKS = rf"(?:/+{_SEGMENT_BLANKS})+/*"
_HOST = r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*\.?"
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_UNIT = r"[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,199}"
_URL = rf"[a-z][a-z0-9+.-]*://[^\s'\"`\\<>{{}}|^{_CONTROL}]+"
_PGP = r"-----BEGIN PGP PUBLIC KEY BLOCK-----\n[A-Za-z0-9+/=:., ()\n-]*\n-----END PGP PUBLIC KEY BLOCK-----\n?"
_LINE_OF_FILE = rf"(?:[^\\\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]|\\[^{_CONTROL}])*"
_NO_CONTROL = rf"[^{_CONTROL}]*"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return bool(len(text) <= 253 and re.fullmatch(_HOST, text))
    return "%" not in text


def _is_peer(text: str) -> bool:
    return (firewall_rules.network_of(text) is not None and "%" not in text) or _is_address(text.removeprefix("."))


def _is_port(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,5}", text)) and 1 <= int(text) <= 65535


def _is_ports(text: str) -> bool:
    return all(map(_is_port, text.split(":"))) and text.count(":") <= 1


KINDS: dict[str, Kind] = {
    "number": _kind("a number", r"[+-]?[0-9]+(?:\.[0-9]+)?", most=20),
    "port": Kind("a port, 1 to 65535", _is_port),
    "ports": Kind("a port, 1 to 65535, or a range as 6000:6010", _is_ports),
    "address": Kind("a host name or an IP address", _is_address),
    "peer": Kind("an IP address, a network or a host name", _is_peer),
    "addresses": _kind("addresses or host names with commas between them, or *", r"[A-Za-z0-9_.:*, -]*"),
    "user": _kind("a user of Linux: letters, digits and ._-, at most 32", r"[A-Za-z_][A-Za-z0-9_.-]{0,31}"),
    "mode": _kind("a mode as 0640", r"[0-7]{3,4}"),
    "path": _kind(
        "an absolute path without blanks and .. (letters, digits and _.@+,=~-)",
        _PATH,
    ),
    "path_blanks": _kind(
        "an absolute path without .. (letters, digits, blanks and _.@+,=~-), or ~", rf"-?{_PATH_BLANKS}", "-?~"
    ),
    "path_mounted": _kind("an absolute path without .. (letters, digits, blanks and _.@+,=~-)", "/", _PATH_BLANKS),
    "path_home": _kind("a path, absolute or from ~ (letters, digits and _.@+,=~-)", rf"(?:~[\w.-]*)?{_PATH}"),
    "path_writable": _kind("an absolute path (letters, digits and _.@+,=~-), - or + before it", rf"-?\+?{_PATH}"),
    "path_pattern": _kind(
        "an absolute path or a pattern of paths, without .. (letters, digits, blanks and _.@+,=~-*?[]{})",
        rf"(?:/+{_SEGMENT_PATTERN})+",
    ),
    "path_inside": _kind(
        "a path below the directory, without .. (letters, digits, blanks and _.@+,=~-)",
        rf"{_SEGMENT_BLANKS}(?:/+{_SEGMENT_BLANKS})*/*",
    ),
    "directory_name": _kind("a name of directories, without blanks", rf"{_SEGMENT}(?:[/:]{_SEGMENT})*"),
    "file_name": _kind("a name of a file: letters, digits and _.@+-", r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*", most=200),
    "copy_to": _kind(
        "an absolute path, or user@host:directory",
        _PATH_BLANKS,
        rf"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?{_HOST}:[^-{_CONTROL}]{_NO_CONTROL}",
    ),
    "url": _kind("an address as https://host/path", _URL),
    "url_path": _kind("a path of an address as /metrics", rf"/[^\s'\"`\\<>{{}}|^#{_CONTROL}]*"),
    "bytes": _kind("a size as 512MB or 2GB", r"[1-9][0-9]*(?:B|KB|MB|GB|TB)"),
    "repository": _kind(
        "a repository as git takes it, without blanks and quotes: a URL, host:path or a path",
        # Not an option, no helper (`ext::`) and no host that ssh would take for an option.
        rf"(?!-)(?!\w+::)(?!.*(?://|@)-)(?!.*\.\.(?:/|\Z))[^\s'\"`\\$;|<>*!{_CONTROL}]+",
    ),
    "version": _kind(
        "a branch, a tag, a commit or a name: letters, digits, single blanks and ._+/@#,=:~-",
        r"(?!.*\.\.)\w[\w.+/@#,=:~-]*(?: \w[\w.+/@#,=:~-]*)*",
        most=200,
    ),
    "version_number": _kind("a version as 5 or 5.0", r"[0-9]+(?:\.[0-9A-Za-z+~-]+)*", most=50),
    "package": _kind(
        "a package of Debian, =version or /suite behind it",
        r"[A-Za-z0-9%](?:[A-Za-z0-9.+_:~*%-]*[A-Za-z0-9.+_*%])?(?:[/=<>]=?[A-Za-z0-9.+:~*-]+)?",
        most=200,
    ),
    "pg_name": _kind(
        "a name of PostgreSQL: letters, digits, inner blanks and _.@$+~-, at most 63 bytes",
        r"\w[\w.@$+~-]*(?: +[\w.@$+~-]+)*",
        most=63,
    ),
    "pg_cluster": _kind("a name of a cluster: letters, digits and _.-", r"[A-Za-z0-9_][A-Za-z0-9_.-]*", most=63),
    "pg_extension": _kind("a name of an extension: letters, digits and _-", r"[A-Za-z0-9_][A-Za-z0-9_-]*", most=63),
    "pg_setting": _kind("a name of a setting of PostgreSQL", r"[A-Za-z_][A-Za-z0-9_.$]*", most=127),
    "environment_name": _kind("a name of an environment variable: letters, digits and _", r"[A-Za-z_][A-Za-z0-9_]*"),
    "unit_name": _kind("a name of a unit of systemd without its suffix: letters, digits and _.:@-", _UNIT),
    "unit": _kind(
        "a unit of systemd with its suffix: letters, digits and _.:@-",
        r"(?:[A-Za-z0-9_]|\\x[0-9a-f]{2})(?:[A-Za-z0-9_.:@-]|\\x[0-9a-f]{2})*"
        r"\.(?:automount|device|mount|path|scope|service|slice|socket|swap|target|timer)",
    ),
    "directive": _kind("a name of a directive of systemd", r"[A-Z][A-Za-z0-9]*"),
    "calendar": _kind("a time as OnCalendar= of systemd takes it", r"[A-Za-z0-9*][A-Za-z0-9_*:.,/~ +-]*"),
    "cron": _kind(
        "five fields of cron: minute, hour, day, month, day of the week",
        r"[A-Za-z0-9*/,-]+(?: +[A-Za-z0-9*/,-]+){4}",
        most=200,
    ),
    "words": _kind("words: letters, digits and _-, with commas or blanks", r"[A-Za-z0-9_-][A-Za-z0-9_, -]*"),
    "compression": _kind("a compression as pg_dump takes it", r"[A-Za-z0-9][A-Za-z0-9:=,-]*"),
    "rotation": _kind("hourly, daily, weekly, monthly or yearly", r"hourly|daily|weekly|monthly|yearly"),
    "firewall_title": _kind("a title: letters, digits, blanks and ._:/()+-", firewall_rules.TITLE.pattern),
    "firewall_protocol": _kind("tcp or udp", "|".join(firewall_rules.PROTOCOLS)),
    "repository_key": _kind(
        "an address, an absolute path, or an armored key", _URL, _PATH, _PGP.replace(r"\n", r"\r?\n"), most=200_000
    ),
    "password": _kind("one line, whatever stands in it", r"[^\x00\n\r]*", most=100_000),
    "line": _kind("one line, without control characters", _NO_CONTROL, most=100_000),
    # A backslash at its end would make the next line of the file a part of it.
    "line_of_file": _kind(
        "one line, without control characters and without a backslash at its end", _LINE_OF_FILE, most=100_000
    ),
    # Needs the inventory: see _fits.
    "inventory_host": Kind("the name of a host in the inventory", bool),
}


def faults(name: str, rule: Rule, value: t.Any, hosts: Collection[str]) -> Iterator[Fault]:
    """Yield the texts in the value of a variable that are not of the kind that its rule asks for.

    ``hosts`` are the names of the inventory. What has another type than the rule tells of is no matter here. Raises
    RuleError for a rule that is none.
    """
    if isinstance(rule, str):
        yield from _texts(name, rule, value, hosts)
    elif isinstance(rule, list):
        if len(rule) != 1:
            raise RuleError(f"the rule of {name} is a list of {len(rule)} rules")
        for number, element in enumerate(value if isinstance(value, list) else [value]):
            yield from faults(f"{name}[{number}]", rule[0], element, hosts)
    elif isinstance(rule, Mapping):
        if isinstance(value, Mapping):
            yield from _entries(name, dict(rule), value, hosts)
    else:
        raise RuleError(f"the rule of {name} is {rule!r}")


def _entries(
    name: str, rule: dict[str, t.Any], value: Mapping[t.Any, t.Any], hosts: Collection[str]
) -> Iterator[Fault]:
    """Yield the faults of a mapping, of its keys, too."""
    for key, part in value.items():
        if KEYS in rule:
            for fault in _texts(name, rule[KEYS], key, hosts):
                yield replace(fault, of_a_name=True)
        inner = rule.get(str(key), rule.get(VALUES))
        if inner is not None:
            yield from faults(f"{name}.{shown(str(key)).strip(chr(39))}", inner, part, hosts)


def _texts(name: str, kind: str, value: t.Any, hosts: Collection[str]) -> Iterator[Fault]:
    """Yield the texts and numbers in a value that are not of a kind."""
    bare = kind.removesuffix("?")
    if bare not in KINDS:
        raise RuleError(f"there is no kind {bare}, which the rule of {name} names")
    for part in value if isinstance(value, list) else [value]:
        if part is None or isinstance(part, bool | Mapping | list):
            continue
        text = str(part)
        if not (text == "" and kind.endswith("?")) and not _fits(bare, text, hosts):
            yield Fault(name, KINDS[bare].allowed, text)


def _fits(kind: str, text: str, hosts: Collection[str]) -> bool:
    return text in {*hosts, "localhost"} if kind == "inventory_host" else KINDS[kind].fits(text)


def holds_nul(value: t.Any) -> bool:
    """Whether a NUL stands anywhere in a value: no file, no environment and no database takes it."""
    if isinstance(value, Mapping):
        return any(map(holds_nul, [*value.keys(), *value.values()]))
    if isinstance(value, list):
        return any(map(holds_nul, value))
    return isinstance(value, str) and "\0" in value


def shown(text: str) -> str:
    """A text for people: quoted, without control characters, shortened, and without the password of a URL."""
    masked = re.sub(r"//[^/@\s]*@", "//***@", text)
    return repr(masked if len(masked) <= SHOWN else f"{masked[:SHOWN]}...")
