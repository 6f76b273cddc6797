"""What was delivered lately, so that nothing is delivered twice."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

KEPT = timedelta(days=1)
MOST = 65_536
"""Names kept for one site; the oldest go first when there are more."""


class Delivered:
    """The names of one site's deliveries of the last day.

    Kept in this process only: after a restart, or at another machine, a delivery may come a second time. That costs at
    most a reading, since a hint is never believed and a ticket that is known already is not read again.
    """

    def __init__(self, *, kept: timedelta = KEPT, most: int = MOST) -> None:
        self._kept = kept
        self._most = most
        self._until: OrderedDict[bytes, datetime] = OrderedDict()

    def remember(self, names: tuple[bytes, ...], now: datetime) -> bool:
        """Keep a delivery's names. False, and nothing is kept, if any of them is known already."""
        self._expire(now)
        if any(name in self._until for name in names):
            return False
        for name in names:
            self._until[name] = now + self._kept
        while len(self._until) > self._most:
            self._until.popitem(last=False)
        return True

    def forget(self, names: tuple[bytes, ...]) -> None:
        """The delivery came to nothing: its sender may try again."""
        for name in names:
            self._until.pop(name, None)

    def __len__(self) -> int:
        return len(self._until)

    def _expire(self, now: datetime) -> None:
        while self._until:
            name, until = next(iter(self._until.items()))
            if until > now:
                return
            del self._until[name]
