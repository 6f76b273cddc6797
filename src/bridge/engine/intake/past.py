"""Reading what happened: the sites' histories, kept as facts for the clocks of contracts.

The mirror never asks for them: it goes by what stands now. Clocks need what happened in between, by whom and when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bridge.connect.urgency import background
from bridge.engine.connections import Connections
from bridge.engine.route import Route
from bridge.errors import MissingError, RemoteError
from bridge.model.feed import Fact
from bridge.model.ports import Clock
from bridge.model.ticket import TicketRef
from bridge.store.facts import HISTORY
from bridge.store.ledger import Ledger

PAST = "past"
"""The name of this duty."""
EVERY = timedelta(seconds=30)
"""How often a site's history is read. Sites tell of events up to a minute late, so more often would find no more."""
AGAIN = timedelta(minutes=2)
"""How soon it is read again after the site could not be read."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chronicle:
    """Reads the histories of the sites whose routes run clocks."""

    ledger: Ledger
    connections: Connections
    routes: Mapping[str, Route]
    clock: Clock
    every: timedelta = EVERY
    _next_at: dict[str, datetime] = field(default_factory=dict)

    def step(self, site: str) -> None:
        """Read one page of the site's history, if its time has come."""
        now = self.clock.now()
        if now < self._next_at.get(site, now) or not self._mine(site):
            return
        try:
            with background():
                more = self.read_page(site)
        except RemoteError as error:
            log.warning("history.failed", site=site, error=str(error))
            self._next_at[site] = now + AGAIN
            return
        if not more:
            self._next_at[site] = now + self.every

    def read_all(self, site: str) -> None:
        """Read a site's history to its present end, whatever the time. Raises RemoteError."""
        while self._mine(site) and self.read_page(site):
            pass

    def read_page(self, site: str) -> bool:
        """Read the next page and keep what it tells of cases of ours, with the place reached, in one transaction. Groups
        with news are due. Whether there is another page. Raises RemoteError."""
        with self.ledger.begin() as transaction:
            cursor = transaction.readings.cursor(site, HISTORY)
        begin = min(route.begin_at for route in self._mine(site))
        page = self.connections.to(site).history(cursor, begin=begin)
        offset = self.connections.offset(site)
        with self.ledger.begin() as transaction:
            groups = transaction.facts.known({fact.ref for fact in page.facts})
            kept = [fact for fact in page.facts if fact.ref in groups]
            news = transaction.facts.add(kept, offset=offset)
            for group in sorted({groups[ref] for ref in news}):
                transaction.hands.want(group, group.partition(":")[0])
            transaction.readings.set_cursor(site, HISTORY, page.cursor, settled_through=page.settled_through)
        return page.more

    def complete(self, refs: list[TicketRef]) -> None:
        """Read the whole past of tickets that became cases of ours only now, once each. Raises RemoteError."""
        with self.ledger.begin() as transaction:
            lacking = [ref for ref in refs if not transaction.facts.is_whole(ref)]
        for ref in lacking:
            past = self._past(ref)
            with self.ledger.begin() as transaction:
                transaction.facts.add(past, offset=self.connections.offset(ref.site))
                transaction.facts.whole(ref)

    def _past(self, ref: TicketRef) -> tuple[Fact, ...]:
        try:
            return self.connections.to(ref.site).past(ref)
        except MissingError:
            # What is gone tells nothing more; what was known of it stays.
            return ()

    def _mine(self, site: str) -> list[Route]:
        return [
            route
            for route in self.routes.values()
            if site in (route.helpdesk.site, route.tracker.site) and route.contract is not None
        ]
