"""A clock that tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock


class FakeClock:
    """A `bridge.model.ports.Clock` that stands still until moved; sleeping moves it. `slept_s` lists the sleeps."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware time")
        self._now = start.astimezone(UTC)
        self._lock = Lock()
        self.slept_s: list[float] = []

    def now(self) -> datetime:
        """The present, as far as this clock is concerned: aware, in UTC."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.slept_s.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move the present forward."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
