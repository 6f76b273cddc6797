"""Which connectors are installed: found through the entry-point group `bridge.connectors`."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import cast

from bridge.connect.port import ConnectorKind
from bridge.errors import ConfigurationError, Place

GROUP = "bridge.connectors"


def find_kinds() -> Mapping[str, ConnectorKind]:
    """Every installed connector by name. Imports them all. Raises ConfigurationError for one that cannot be loaded."""
    found = {entry.name: _load(entry) for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}
    return MappingProxyType(found)


def find_kind(name: str, place: Place | None = None) -> ConnectorKind:
    """The connector an admin named. Raises ConfigurationError, with the nearest name, when there is none."""
    entries = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in entries:
        raise unknown_kind(name, entries, place)
    return _load(entries[name])


def unknown_kind(name: str, known: Mapping[str, object], place: Place | None = None) -> ConfigurationError:
    """The error for a connector nobody installed."""
    near = get_close_matches(name.lower(), known, n=1)
    names = ", ".join(sorted(known)) or "none"
    suggestion = f"did you mean {near[0]}?" if near else f"installed: {names}"
    return ConfigurationError(f"there is no connector {name!r}", place, suggestion)


def _load(entry: EntryPoint) -> ConnectorKind:
    try:
        return cast(ConnectorKind, entry.load())
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"the connector {entry.name!r} is installed and cannot be loaded: {error}",
            suggestion=f"install the package behind {entry.value} again",
        ) from error
