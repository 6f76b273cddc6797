"""Looking at a running bridge from within: is every site read, does the work go on, what waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bridge.engine.intake.reader import Reader
from bridge.model.ports import Clock
from bridge.model.vitals import ChoreVitals, RouteVitals, SiteVitals, Vitals
from bridge.store.chores import Chore
from bridge.store.ledger import Ledger, Transaction

IDLE_BUDGET = timedelta(minutes=10)
"""How long no worker may come round before work counts as stopped: twice as long as a hand is held."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Watch:
    """Tells how bridge is. `budgets` say for how long each site may go unread. Thread-safe."""

    ledger: Ledger
    routes: Iterable[str]
    budgets: Mapping[str, timedelta]
    clock: Clock
    _since: datetime = field(init=False)
    _round_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._since = self._round_at = self.clock.now()

    def came_round(self) -> None:
        """A worker came round to look for work."""
        self._round_at = self.clock.now()

    def look(self, readers: Mapping[str, Reader]) -> Vitals:
        """Everything as it is now. Reads the ledger, so it also fails when that cannot be read."""
        now = self.clock.now()
        with self.ledger.begin() as transaction:
            oldest_at = transaction.journal.oldest_unconfirmed_at()
            return Vitals(
                sites=tuple(self._site(reader, now) for reader in readers.values()),
                routes=self._routes(transaction),
                operations=transaction.journal.count(),
                notifications=transaction.notifications.count(),
                unconfirmed_s=_age_s(transaction.now, oldest_at) or 0.0,
                conflicts=len(transaction.links.all_conflicts()),
                brakes=Counter((one.route, one.kind.value) for one in transaction.brakes.all()),
                suspended=len(transaction.hands.suspensions()),
                chores=tuple(_chore(one, now) for one in transaction.chores.all()),
                idle_s=(now - self._round_at).total_seconds(),
                idle_budget_s=IDLE_BUDGET.total_seconds(),
            )

    def _site(self, reader: Reader, now: datetime) -> SiteVitals:
        unread_s = (now - (reader.read_at or self._since)).total_seconds()
        return SiteVitals(reader.site, unread_s, self.budgets[reader.site].total_seconds(), reader.hints_waiting)

    def _routes(self, transaction: Transaction) -> tuple[RouteVitals, ...]:
        waiting = transaction.hands.count_due_by_route()
        found = []
        for route in sorted({*self.routes, *waiting}):
            due, since = waiting.get(route, (0, None))
            found.append(RouteVitals(route, due, _age_s(transaction.now, since) or 0.0))
        return tuple(found)


def _chore(one: Chore, now: datetime) -> ChoreVitals:
    found = {name: value for name, value in one.result.items() if isinstance(value, int)}
    return ChoreVitals(one.site, one.kind, _age_s(now, one.ended_at), bool(one.problem), found)


def _age_s(now: datetime, at: datetime | None) -> float | None:
    return None if at is None else max(0.0, (now - at).total_seconds())


@dataclass(frozen=True, slots=True)
class Pulse:
    """Tells somebody outside, every so often, that work goes on; says nothing while it does not. Whoever listens raises
    the alarm when the pulse stops, which also covers a machine that is gone. `send` raises OSError."""

    send: Callable[[], None]
    every: timedelta

    def beat(self, look: Callable[[], Vitals]) -> bool:
        """One beat if all is well; whether it was sent."""
        if troubles := look().troubles():
            log.warning("heartbeat.withheld", why=troubles)
            return False
        try:
            self.send()
        except OSError as error:
            log.warning("heartbeat.unsent", why=type(error).__name__)
            return False
        return True
