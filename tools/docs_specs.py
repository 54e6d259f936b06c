"""Rewrite argument specs for documentation tools.

docs_specs.py FILE...

A default of a role may be a template whose value has the option's type. Tools that check a default against its type
refuse that; here such a default becomes a sentence of the description.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml


def is_template(value: Any) -> bool:
    """Whether a value is made when it is used."""
    return isinstance(value, str) and "{{" in value


def readable(option: dict[str, Any]) -> dict[str, Any]:
    """An option without a default that is a template of another type than text."""
    if option.get("type", "str") == "str" or not is_template(option.get("default")):
        return option
    described = option["description"]
    lines = [described] if isinstance(described, str) else list(described)
    kept = {name: value for name, value in option.items() if name != "default"}
    return {**kept, "description": [*lines, "Its default is computed, see C(defaults/main.yml) of the role."]}


def rewrite(path: Path) -> None:
    """Rewrite one file."""
    specs = yaml.safe_load(path.read_text(encoding="utf-8"))
    for entry in specs["argument_specs"].values():
        entry["options"] = {name: readable(option) for name, option in entry.get("options", {}).items()}
    path.write_text(yaml.safe_dump(specs, sort_keys=False, allow_unicode=True), encoding="utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        rewrite(Path(argument))
