"""Taking up what was there before: all open tickets of a route that have no issue yet, whatever their age.

A person asks for it once, in the ledger. The daemon then reads the helpdesk's feed from the day they named, a page a
step, and asks for every ticket that belongs to the route; the place reached and what it led to are kept in one
transaction, so a process that is killed goes on where it was. Workers take those tickets up only when nothing else is
due, and leave live work its share of every limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from bridge.connect.urgency import background
from bridge.engine.connections import Connections
from bridge.engine.intake.feeds import Intake
from bridge.engine.route import Route
from bridge.engine.state import group_of
from bridge.errors import RemoteError
from bridge.mapping import Lens
from bridge.model.ports import Clock
from bridge.model.ticket import Life, Snapshot
from bridge.model.words import STATE, State
from bridge.store.chores import Chore
from bridge.store.ledger import Ledger, Transaction

BACKFILL = "backfill"
FIRST_DAY = datetime(2000, 1, 1, tzinfo=UTC)
"""Where a backfill begins that names no day: before any helpdesk."""
SAYS_EVERY = timedelta(seconds=15)
AGAIN = timedelta(seconds=30)
"""How soon it goes on after the site could not be read."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill has come. `waiting` of `found` tickets are not taken up yet; more may be found while it `reads`.

    `is_over`: nothing is left to do, or none was ever asked for. `left`: how long it may still take, None if unknown.
    """

    found: int
    waiting: int
    reads: bool
    is_over: bool
    per_minute: float = 0.0
    left: timedelta | None = None
    problem: str = ""

    @property
    def done(self) -> int:
        """How many tickets were taken up."""
        return max(0, self.found - self.waiting)


def ask(transaction: Transaction, route: Route, *, since: datetime | None, who: str) -> bool:
    """Ask for a backfill of a route, from tickets changed since a time (None: all). False if one is under way."""
    chore = transaction.chores.get(route.helpdesk.site, BACKFILL)
    places = dict(chore.place or {})
    if route.name in places:
        return False
    begun_at = transaction.now.isoformat()
    places[route.name] = {"since": (since or FIRST_DAY).isoformat(), "found": 0, "reads": True, "begun_at": begun_at}
    transaction.chores.put(replace(chore, place=places, begun_at=transaction.now))
    transaction.note("backfill_asked", by_person=True, route=route.name, who=who, since=places[route.name]["since"])
    return True


def progress_of(transaction: Transaction, route: Route) -> Progress:
    """How far the route's backfill has come."""
    chore = transaction.chores.get(route.helpdesk.site, BACKFILL)
    place = (chore.place or {}).get(route.name)
    if place is None:
        return Progress(int(chore.result.get(route.name, 0)), 0, reads=False, is_over=True)
    waiting = transaction.hands.count_asked(route.name)
    done = max(0, place["found"] - waiting)
    minutes = (transaction.now - datetime.fromisoformat(place["begun_at"])) / timedelta(minutes=1)
    rate = done / minutes if minutes > 0 else 0.0
    left = timedelta(minutes=round(waiting / rate, 2)) if rate and not place["reads"] else None
    return Progress(
        place["found"], waiting, reads=place["reads"], is_over=False, per_minute=rate, left=left, problem=chore.problem
    )


@dataclass(frozen=True, slots=True)
class Backfill:
    """Reads for the backfills of all routes. One step of a site at a time."""

    ledger: Ledger
    connections: Connections
    intake: Intake
    routes: Mapping[str, Route]
    clock: Clock
    _next_at: dict[str, datetime] = field(default_factory=dict)

    def step(self, site: str) -> None:
        """Read one page for a backfill under way, or see whether what was found is done."""
        self.advance(site)

    def advance(self, site: str) -> bool:
        """As `step`. True if a page was read, so that the next one can be."""
        now = self.clock.now()
        with self.ledger.begin() as transaction:
            places = transaction.chores.get(site, BACKFILL).place or {}
        for name, place in places.items():
            route = self.routes.get(name)
            if route is None or now < self._next_at.get(name, now):
                continue
            if place["reads"]:
                return self._read(route, place)
            self._watch(route, now)
        return False

    def _read(self, route: Route, place: Mapping[str, Any]) -> bool:
        site = route.helpdesk.site
        connector = self.connections.to(site)
        asked_at = self.ledger.now()
        try:
            with background():
                feeds = place.get("feeds") or [feed.name for feed in connector.feeds() if feed.every_s == 0]
                begin = datetime.fromisoformat(place["since"])
                page = connector.changes(feeds[0], place.get("cursor"), begin=begin)
                named = connector.fetch([hint.ref for hint in page.hints], threads=False) if page.hints else {}
        except RemoteError as error:
            log.warning("backfill.waits", route=route.name, error=str(error))
            self._next_at[route.name] = self.clock.now() + AGAIN
            with self.ledger.begin() as transaction:
                self._keep(transaction, route, place, problem=f"The backfill of {route.name} waits: {error}")
            return False
        snapshots = [*page.snapshots, *(one for one in named.values() if isinstance(one, Snapshot))]
        rest = feeds if page.more else feeds[1:]
        with self.ledger.begin() as transaction:
            found = place["found"] + self._take(transaction, route, snapshots, asked_at=asked_at)
            reached = {"feeds": rest, "cursor": page.cursor if page.more else None, "reads": bool(rest), "found": found}
            self._keep(transaction, route, {**place, **reached})
        log.info("backfill.read", route=route.name, looked=len(snapshots), found=found, more=bool(rest))
        return True

    def _take(self, transaction: Transaction, route: Route, snapshots: list[Snapshot], *, asked_at: datetime) -> int:
        """Ask for the tickets of a page that belong to the route and have no issue; how many there are."""
        links = transaction.links.find([one.ref for one in snapshots])
        mine = [one for one in snapshots if one.ref not in links and self._belongs(route, one)]
        # Groups before tickets, in one order, as everywhere.
        mine.sort(key=lambda one: group_of(route.name, one.ref))
        asked = [one for one in mine if transaction.hands.ask(group_of(route.name, one.ref), route.name)]
        for one in asked:
            transaction.readings.put(one, group_of(route.name, one.ref), asked_at=asked_at)
        return len(asked)

    def _belongs(self, route: Route, snapshot: Snapshot) -> bool:
        end = route.helpdesk
        if snapshot.life is not Life.ALIVE or end.mapping.denied(snapshot.fields) is not None:
            return False
        return self.intake.routes_of(snapshot) == [route] and _is_open(end.mapping.lenses.get(STATE), snapshot)

    def _keep(self, transaction: Transaction, route: Route, place: Mapping[str, Any], *, problem: str = "") -> None:
        chore = transaction.chores.get(route.helpdesk.site, BACKFILL)
        transaction.chores.put(replace(chore, place={**(chore.place or {}), route.name: dict(place)}, problem=problem))

    def _watch(self, route: Route, now: datetime) -> None:
        """Say how far it has come; end it once everything that was found was taken up."""
        with self.ledger.begin() as transaction:
            progress = progress_of(transaction, route)
            if progress.waiting:
                self._say(route, progress, now)
                return
            chore = transaction.chores.get(route.helpdesk.site, BACKFILL)
            transaction.chores.put(_without(chore, route.name, found=progress.found, now=transaction.now))
            transaction.note("backfill_ended", route=route.name, found=progress.found)
        log.info("backfill.ended", route=route.name, found=progress.found)

    def _say(self, route: Route, progress: Progress, now: datetime) -> None:
        key = f"say {route.name}"
        if now < self._next_at.get(key, now):
            return
        self._next_at[key] = now + SAYS_EVERY
        log.info(
            "backfill.progress",
            route=route.name,
            done=progress.done,
            of=progress.found,
            per_minute=round(progress.per_minute, 1),
            left_s=round(progress.left.total_seconds()) if progress.left else None,
        )


def _is_open(lens: Lens | None, snapshot: Snapshot) -> bool:
    return lens is None or lens.read(snapshot.fields).value not in (State.RESOLVED, State.CLOSED)


def _without(chore: Chore, route: str, *, found: int, now: datetime) -> Chore:
    places = {name: place for name, place in (chore.place or {}).items() if name != route}
    return replace(chore, place=places or None, ended_at=now, result={**chore.result, route: found}, problem="")
