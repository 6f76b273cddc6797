"""The highest issue key known of each part of a site, so that a create of unknown outcome can be looked for behind it.

Vendors number the issues of a project upwards; one that a lost reply left behind has a higher number than any key known
before the request was sent.
"""

from __future__ import annotations

import re
from threading import Lock

from bridge.engine.route import RouteSide
from bridge.store.ledger import Transaction

_NUMBERED = re.compile(r"^(.*?)(\d+)$")


class Keys:
    """Highest known keys, by site and prefix. Thread-safe; starts from what the ledger knows."""

    def __init__(self) -> None:
        self._highest: dict[str, dict[str, int]] = {}
        self._lock = Lock()

    def saw(self, site: str, key: str) -> None:
        """A ticket with this key exists."""
        match = _NUMBERED.match(key)
        if match is None:
            return
        with self._lock:
            prefixes = self._highest.setdefault(site, {})
            prefixes[match[1]] = max(prefixes.get(match[1], 0), int(match[2]))

    def highest(self, end: RouteSide, transaction: Transaction) -> str:
        """The highest key known where this end of a route creates, "" if none is known."""
        with self._lock:
            known = end.site in self._highest
        if not known:
            with self._lock:
                self._highest.setdefault(end.site, {})
            for key in transaction.readings.keys(end.site):
                self.saw(end.site, key)
        with self._lock:
            prefixes = self._highest[end.site]
            homes = {f"{value}-" for value in end.scope.values()}
            mine = {prefix: number for prefix, number in prefixes.items() if prefix in homes}
        if not mine:
            return ""
        prefix, number = max(mine.items(), key=lambda pair: pair[1])
        return f"{prefix}{number}"
