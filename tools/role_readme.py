#!/usr/bin/env python3
"""Write the table of variables in the README of each role from its argument spec.

role_readme.py [--check] [ROLE...]

The table stands between two markers; the rest of a README is written by people. With --check nothing is written, and
the status is 1 where a table is not what it would be.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- variables: written by tools/role_readme.py from meta/argument_specs.yml -->"
END = "<!-- /variables -->"
# A longer default is a template; it is read better where it is indented.
LONGEST = 70


def code(text: str) -> str:
    """Text as code in a cell of a table."""
    escaped = " ".join(text.split()).replace("|", "\\|")
    return f"`` {escaped} ``" if "`" in escaped else f"`{escaped}`"


def meaning(option: dict[str, Any]) -> str:
    """The description of an option as one paragraph, Ansible's markup as Markdown's."""
    described = option.get("description", [])
    text = " ".join([described] if isinstance(described, str) else described)
    text = re.sub(r"\b[CVOEPM]\(([^()]*(?:\([^()]*\)[^()]*)*)\)", r"`\1`", " ".join(text.split()))
    text = re.sub(r"\bB\(([^()]*)\)", r"**\1**", text)
    text = re.sub(r"\bI\(([^()]*)\)", r"*\1*", text)
    # What is in angle brackets outside of code would be taken for HTML.
    parts = re.split(r"(`[^`]*`)", text)
    text = "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts).replace("|", "\\|")
    if option.get("choices"):
        text += " One of " + ", ".join(code(str(choice)) for choice in option["choices"]) + "."
    return text + (" Secret." if option.get("no_log") else "")


def kind(option: dict[str, Any]) -> str:
    """The type of an option, that of its elements included."""
    name = str(option.get("type", "str"))
    return f"{name} of {option['elements']}" if option.get("elements") else name


def default(option: dict[str, Any]) -> str:
    """The default of an option, or where to read it."""
    if option.get("required"):
        return "**required**"
    if "default" not in option:
        return "none"
    value = option["default"]
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return code(text) if len(" ".join(text.split())) <= LONGEST else "see [defaults](defaults/main.yml)"


def table(options: dict[str, dict[str, Any]]) -> str:
    """The table of the options of a role, in their order, those that are required first."""
    rows = ["| variable | type | default | meaning |", "|---|---|---|---|"]
    for name, option in sorted(options.items(), key=lambda item: not item[1].get("required")):
        rows.append(f"| `{name}` | {kind(option)} | {default(option)} | {meaning(option)} |")
    return "\n".join(rows)


def options_of(role: Path) -> dict[str, dict[str, Any]]:
    """The options of a role's main entry point."""
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    options: dict[str, dict[str, Any]] = specs["argument_specs"]["main"].get("options", {})
    return options


def filled(readme: str, options: dict[str, dict[str, Any]]) -> str:
    """A README with the table of these options between its markers. Raises ValueError where it has not one pair."""
    head, begin, rest = readme.partition(BEGIN)
    _old, end, tail = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in tail:
        raise ValueError(f"needs one line {BEGIN} and after it one line {END}")
    return f"{head}{BEGIN}\n{table(options)}\n{END}{tail}"


def out_of_date(role: Path, write: bool) -> str:
    """What is wrong with a role's README, empty where nothing is; with ``write`` its table is mended."""
    path = role / "README.md"
    try:
        readme = path.read_text(encoding="utf-8")
        wanted = filled(readme, options_of(role))
    except (OSError, ValueError) as problem:
        return f"{path.relative_to(ROOT)}: {problem}"
    if readme == wanted:
        return ""
    if write:
        path.write_text(wanted, encoding="utf-8")
        return ""
    return f"{path.relative_to(ROOT)} is out of date; mend it with: tools/run tools/role_readme.py"


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    names = [argument for argument in arguments if argument != "--check"]
    specs = sorted((ROOT / "roles").glob("*/meta/argument_specs.yml"))
    roles = [path.parents[1] for path in specs if not names or path.parents[1].name in names]
    problems = [problem for role in roles if (problem := out_of_date(role, not check))]
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems or not roles else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
