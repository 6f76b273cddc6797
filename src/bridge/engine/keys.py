"""The highest issue key known of each part of a site, so that a create of unknown outcome can be looked for behind it.

Vendors number the issues of a project upwards; one that a lost reply left behind has a higher number than any key known
before the request was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from threading import Lock

from bridge.engine.route import RouteSide
from bridge.store.ledger import Transaction

_NUMBERED = re.compile(r"^(.*?)(\d+)$")


class Keys:
    """Highest known keys, by site and prefix. Thread-safe; starts from what the ledger knows."""

    def __init__(self) -> None:
        self._at_opening: dict[str, dict[str, int]] = {}
        self._highest: dict[str, dict[str, int]] = {}
        self._lock = Lock()

    def open(self, transaction: Transaction, sites: Iterable[str]) -> None:
        """Learn what the ledger knows, before anything else is seen."""
        with self._lock:
            for site in sites:
                for key in transaction.readings.keys(site):
                    _count(self._at_opening.setdefault(site, {}), key)
                for prefix, number in self._at_opening.get(site, {}).items():
                    _count(self._highest.setdefault(site, {}), f"{prefix}{number}")

    def saw(self, site: str, key: str) -> None:
        """A ticket with this key exists."""
        with self._lock:
            _count(self._highest.setdefault(site, {}), key)

    def highest(self, end: RouteSide) -> str:
        """The highest key known where this end of a route creates, "" if none is known."""
        return self._of(self._highest, end)

    def at_opening(self, end: RouteSide) -> str:
        """The highest key that the ledger knew there when this process took over."""
        return self._of(self._at_opening, end)

    def _of(self, known: Mapping[str, Mapping[str, int]], end: RouteSide) -> str:
        with self._lock:
            homes = {f"{value}-" for value in end.scope.values()}
            mine = {prefix: number for prefix, number in known.get(end.site, {}).items() if prefix in homes}
        if not mine:
            return ""
        prefix, number = max(mine.items(), key=lambda pair: pair[1])
        return f"{prefix}{number}"


def _count(prefixes: dict[str, int], key: str) -> None:
    match = _NUMBERED.match(key)
    if match is not None:
        prefixes[match[1]] = max(prefixes.get(match[1], 0), int(match[2]))
