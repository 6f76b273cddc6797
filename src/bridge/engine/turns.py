"""Which route a free worker serves next, so that none waits behind another's backlog, nor for another's slow site.

A turn is a batch of one route's groups. The route with the fewest workers on it comes first, of those the one that was
served longest ago. While others wait, a turn is short. The last free worker goes to no route that has one already, and
to none that takes much longer than the quickest: routes whose sites are slow never hold every worker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from threading import Lock

from bridge.engine.sending.delivery import LEASE_S
from bridge.model.ports import Clock
from bridge.store.hands import Hand
from bridge.store.ledger import Ledger

TAKE = 20
"""Groups a turn: enough to share reads, few enough that other workers find work too."""
LEAST = 4
"""Groups a turn when many routes wait."""
SLICE = timedelta(seconds=5)
"""How long a turn may last while others wait; the group in hand is always finished."""
LOOK = timedelta(milliseconds=250)
"""For how long it is believed which routes have something due."""
SLOW = 4
"""How many times as long as the quickest a route may take for a group before it counts as slow."""
QUICK_S = 0.5
"""Less than this is never slow."""
WEIGHT = 0.3
"""Of the newest turn in what a route is known to take."""


@dataclass(slots=True)
class Turn:
    """Groups in hand, all of one route. `worked` is how many of them were worked on, told by who did."""

    route: str
    hands: list[Hand]
    ends_at: datetime
    worked: int = 0


class Turns:
    """Shares the `workers` of a process out among its `routes` (how many there are). Thread-safe."""

    def __init__(self, ledger: Ledger, clock: Clock, *, workers: int, routes: int) -> None:
        self._ledger = ledger
        self._clock = clock
        self._keeps_one = workers > 1 and routes > 1
        self._workers = workers
        self._lock = Lock()
        self._on: Counter[str] = Counter()
        self._served: dict[str, int] = {}
        self._number = count(1)
        self._takes_s: dict[str, float] = {}
        self._due: set[str] = set()
        self._looked_at: datetime | None = None

    @contextmanager
    def turn(self, holder: str) -> Iterator[Turn | None]:
        """The next turn, None if there is nothing to do for this worker now. The caller works on its hands inside."""
        with self._lock:
            turn = self._next(holder)
        if turn is None:
            yield None
            return
        begun_at = self._clock.now()
        try:
            yield turn
        finally:
            took_s = (self._clock.now() - begun_at).total_seconds() / max(1, turn.worked)
            with self._lock:
                self._on[turn.route] -= 1
                known_s = self._takes_s.get(turn.route, took_s)
                self._takes_s[turn.route] = known_s + WEIGHT * (took_s - known_s)

    def is_over(self, turn: Turn) -> bool:
        """Whether the turn has lasted long enough, and another route waits."""
        now = self._clock.now()
        if now < turn.ends_at:
            return False
        with self._lock:
            self._look(now)
            return bool(self._due - {turn.route})

    def _next(self, holder: str) -> Turn | None:
        now = self._clock.now()
        self._look(now)
        while route := self._choose():
            take = max(LEAST, TAKE // len(self._due))
            with self._ledger.begin() as transaction:
                hands = transaction.hands.claim(holder, lease_s=LEASE_S, limit=take, route=route)
            if hands:
                self._on[route] += 1
                self._served[route] = next(self._number)
                return Turn(route, hands, now + SLICE)
            self._due.discard(route)
        return None

    def _look(self, now: datetime) -> None:
        """See which routes have something due, unless that was seen just now. With nothing known it is always seen."""
        if self._due and self._looked_at is not None and now - self._looked_at < LOOK:
            return
        with self._ledger.begin() as transaction:
            self._due = set(transaction.hands.due_routes())
        self._looked_at = now

    def _choose(self) -> str | None:
        is_last = self._keeps_one and self._workers <= self._on.total() + 1
        open_to = [route for route in self._due if not is_last or (not self._on[route] and not self._is_slow(route))]
        return min(open_to, key=lambda route: (self._on[route], self._served.get(route, 0), route), default=None)

    def _is_slow(self, route: str) -> bool:
        mine_s = self._takes_s.get(route, 0.0)
        return mine_s > max(QUICK_S, SLOW * min(self._takes_s.values(), default=0.0))
