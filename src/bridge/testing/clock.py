"""A clock that tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock


class FakeClock:
    """Stands still until moved; sleeping moves it."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._lock = Lock()

    def now(self) -> datetime:
        """The present, as far as this clock is concerned."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move the present forward."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
