"""The connectors of a process: one of each site for each thread, since the vendors' clients cannot be shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import Lock, local

from bridge.connect.port import Connector, SiteSettings


class Connections:
    """Hands every thread its own connector to a site."""

    def __init__(
        self,
        openers: Mapping[str, Callable[[], Connector]],
        settings: Mapping[str, SiteSettings],
        offset: Callable[[str], timedelta] = lambda site: timedelta(),
    ) -> None:
        self._openers = openers
        self.settings = settings
        self.offset = offset
        """How far a site's clock is ahead of ours."""
        self._local = local()
        self._all: list[Connector] = []
        self._lock = Lock()

    @property
    def sites(self) -> tuple[str, ...]:
        """The names of all sites."""
        return tuple(self._openers)

    def to(self, site: str) -> Connector:
        """This thread's connector to a site."""
        mine: dict[str, Connector] = self._local.__dict__.setdefault("connectors", {})
        if site not in mine:
            mine[site] = self._openers[site]()
            with self._lock:
                self._all.append(mine[site])
        return mine[site]

    def close(self) -> None:
        """Close every connector of every thread; no thread uses one any more."""
        with self._lock:
            for connector in self._all:
                connector.close()
            self._all.clear()
