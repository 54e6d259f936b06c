"""Take collections out of the community package, and hold what is installed against requirements.yml.

unpack_collections.py unpack WHEELS TARGET
unpack_collections.py check REQUIREMENTS TARGET
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "ansible_collections"


def required(requirements: Path) -> dict[str, SpecifierSet]:
    """Collection names and the versions allowed, as requirements.yml has them."""
    listed = yaml.safe_load(requirements.read_text(encoding="utf-8"))["collections"]
    return {entry["name"]: SpecifierSet(entry.get("version", "")) for entry in listed}


def installed(target: Path, name: str) -> Version | None:
    """The version of a collection below target, or None where it is not there."""
    manifest = target / PACKAGE / Path(*name.split(".")) / "MANIFEST.json"
    if not manifest.is_file():
        return None
    return Version(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])


def unpack(wheels: Path, target: Path) -> None:
    """Copy the subtrees of the required collections out of the one wheel in a directory."""
    (wheel,) = wheels.glob("ansible-*.whl")
    prefixes = tuple(f"{PACKAGE}/{name.replace('.', '/')}/" for name in required(ROOT / "requirements.yml"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target, [name for name in archive.namelist() if name.startswith(prefixes)])


def check(requirements: Path, target: Path) -> int:
    """Print each collection with its version; 1 where one is missing or out of range."""
    status = 0
    for name, allowed in required(requirements).items():
        version = installed(target, name)
        fits = version is not None and version in allowed
        print(f"{name} {version or 'is missing'}{'' if fits else f', but requirements.yml wants {allowed}'}")
        status |= not fits
    return status


def main(arguments: list[str]) -> int:
    match arguments:
        case ["unpack", wheels, target]:
            unpack(Path(wheels), Path(target))
            return 0
        case ["check", requirements, target]:
            return check(Path(requirements), Path(target))
        case _:
            print(__doc__, file=sys.stderr)
            return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
