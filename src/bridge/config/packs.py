"""Rule packs and update templates that come with bridge, in a checkout as well as in an installed wheel."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import bridge
from bridge.errors import ConfigurationError, Place


@cache
def shipped() -> Path:
    """The directory that holds `mappings/` and `contracts/`: inside the installed package, or the checkout's root."""
    package = Path(bridge.__file__).parent
    inside = package / "packs"
    return inside if inside.is_dir() else package.parent.parent


def pack_names() -> tuple[str, ...]:
    """The names of all packs, sorted."""
    return tuple(sorted(path.stem for path in (shipped() / "mappings").glob("*.yaml")))


def pack_path(name: str) -> Path:
    """Where a pack's file is; it may not exist."""
    return shipped() / "mappings" / f"{name}.yaml"


def find_pack(name: str) -> tuple[str, str]:
    """The text of a pack, and how to show its path to people. Raises ConfigurationError for an unknown name."""
    path = pack_path(name)
    if name not in pack_names():
        raise ConfigurationError(f"there is no pack `{name}`", Place(f"mappings/{name}.yaml"))
    return path.read_text(encoding="utf-8"), f"mappings/{name}.yaml"


def contract_names() -> tuple[str, ...]:
    """The names of the contracts that come with bridge, sorted."""
    return tuple(sorted(path.stem for path in (shipped() / "contracts").glob("*.yaml")))


def contract_path(value: str, directory: Path) -> tuple[Path, str]:
    """Where the contract that a route names is, and how to show that; it may not exist.

    A name without slash and suffix is a contract that comes with bridge; a path starts at the config's `directory`.
    """
    if names_pack(value):
        return shipped() / "contracts" / f"{value}.yaml", f"contracts/{value}.yaml"
    return directory / value, str(directory / value)


def find_update(language: str, kind: str) -> str:
    """The text of the customer update template of this kind (`cause`, `workaround`, `delivered`).

    A language without templates gets the English ones. Raises ConfigurationError for an unknown kind.
    """
    root = shipped() / "mappings" / "updates"
    for tongue in (language, "en"):
        path = root / tongue / f"{kind}.j2"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise ConfigurationError(f"there is no update template `{kind}`", Place(f"mappings/updates/{language}/{kind}.j2"))


def names_pack(value: str) -> bool:
    """Whether a `mapping:` or `extends:` value names a pack; with a slash or a suffix it is a path."""
    return "/" not in value and "\\" not in value and not value.endswith((".yaml", ".yml"))
