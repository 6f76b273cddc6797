"""The wide sweep: from time to time everything is compared, beyond cursors and hints, in case all of them missed something.

At each site every feed is read anew from its beginning, which shows tickets and issues that nobody told of; then every
linked ticket is read by its id, a hundred a request, and each pair is planned for. What is not as it should be makes its
group due; the sweep itself writes nothing. A divergence that a person accepted is what both bases say, so it plans
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import structlog

from bridge.connect.port import Gone
from bridge.connect.urgency import background
from bridge.engine.connections import Connections
from bridge.engine.intake.feeds import FETCH_AT_ONCE, Intake
from bridge.engine.plan import Plan, Tools, make_plan
from bridge.engine.route import Route
from bridge.engine.state import GroupState, load_members
from bridge.errors import RemoteError
from bridge.model.feed import Hint
from bridge.model.operation import OperationKind
from bridge.model.ports import Clock
from bridge.model.ticket import Snapshot, TicketRef
from bridge.model.words import Mode, Side
from bridge.store.chores import Chore
from bridge.store.hands import Hand
from bridge.store.ledger import Ledger, Transaction
from bridge.store.links import Link

SWEEP = "sweep"
EPOCH_DAY = date(1970, 1, 1)
AGAIN = timedelta(minutes=5)
"""How soon a sweep goes on after the site could not be read."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Times:
    """When a sweep begins: at `at` (UTC), and every `every` from then on. `pace` is the pause between two requests, so
    that a sweep takes little of a site's limits; live work goes first."""

    every: timedelta = timedelta(days=1)
    at: time = time(2, 0)
    pace: timedelta = timedelta(seconds=15)

    def last_before(self, now: datetime) -> datetime:
        """The newest time at which a sweep should have begun."""
        anchor = datetime.combine(EPOCH_DAY, self.at, UTC)
        return anchor + (now - anchor) // self.every * self.every


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Sweeps each site, one page a step, and goes on where it stopped after a restart."""

    ledger: Ledger
    connections: Connections
    intake: Intake
    routes: Mapping[str, Route]
    tools: Tools
    clock: Clock
    times: Times = Times()
    _next_at: dict[str, datetime] = field(default_factory=dict)

    def step(self, site: str) -> None:
        """Sweep one page if a sweep is due or under way, and the last one was long enough ago."""
        now = self.clock.now()
        if now < self._next_at.get(site, now):
            return
        self._next_at[site] = now + min(AGAIN, self.times.every / 10)
        chore = self._due(site, now)
        if chore is not None and self._advance(chore):
            self._next_at[site] = now + self.times.pace

    def _due(self, site: str, now: datetime) -> Chore | None:
        with self.ledger.begin() as transaction:
            chore = transaction.chores.get(site, SWEEP)
            if chore.place is not None:
                return chore
            if chore.begun_at is None:
                # The feeds have only just been read from their beginning: the first sweep comes at its usual time.
                transaction.chores.put(replace(chore, begun_at=now))
                return None
        return self.begin(site) if chore.begun_at < self.times.last_before(now) else None

    def begin(self, site: str) -> Chore:
        """Begin a sweep now."""
        with self.ledger.begin() as transaction:
            before = transaction.chores.get(site, SWEEP)
            place = {"feeds": self._feeds(site), "cursor": None, "after": "", "found": _nothing()}
            chore = replace(before, place=place, begun_at=self.clock.now(), problem="")
            transaction.chores.put(chore)
        log.info("sweep.begun", site=site)
        return chore

    def _feeds(self, site: str) -> list[str]:
        # Feeds of other things (releases) lead to tickets that the main feeds show too.
        return [feed.name for feed in self.connections.to(site).feeds() if feed.every_s == 0]

    def _advance(self, chore: Chore) -> bool:
        """Do the next page. False if the site could not be read.

        A pair over which a defect of ours stumbles is passed over: the place reached is kept whatever happens.
        """
        place: dict[str, Any] = {**chore.place, "found": dict(chore.place["found"])}
        problem, is_over = "", False
        try:
            with background():
                is_over = not self._look_back(chore.site, place) and not self._compare(chore.site, place)
        except RemoteError as error:
            log.warning("sweep.waits", site=chore.site, error=str(error))
            problem = f"The sweep of {chore.site} waits: {error}"
        finally:
            self._put(self._after(chore, place, problem, is_over=is_over))
        return not problem

    def _after(self, chore: Chore, place: dict[str, Any], problem: str, *, is_over: bool) -> Chore:
        if not is_over:
            return replace(chore, place=place, problem=problem)
        log.info("sweep.ended", site=chore.site, **place["found"])
        return replace(chore, place=None, ended_at=self.clock.now(), result=place["found"], problem="")

    def _put(self, chore: Chore) -> None:
        with self.ledger.begin() as transaction:
            transaction.chores.put(chore)

    def _look_back(self, site: str, place: dict[str, Any]) -> bool:
        """Read a page of the next feed from its beginning. False if there is none left."""
        if not place["feeds"]:
            return False
        page, missed = self.intake.look_back(site, place["feeds"][0], place["cursor"])
        place["found"]["looked"] += len(page.snapshots) + len(page.hints)
        place["found"]["missed"] += missed
        if page.more:
            place["cursor"] = page.cursor
        else:
            place["feeds"], place["cursor"] = place["feeds"][1:], None
        return True

    def _compare(self, site: str, place: dict[str, Any]) -> bool:
        """Compare the next hundred links that have an end here. False if there is none left."""
        with self.ledger.begin() as transaction:
            links = transaction.links.page(site, place["after"], FETCH_AT_ONCE)
        if not links:
            return False
        refs = [ref for link in links for side in Side if (ref := link.ref(side)).site == site]
        answers = self.connections.to(site).fetch(refs, threads=False)
        missed, found = self._follow(site, answers), place["found"]
        found["looked"] += len(refs)
        found["missed"] += missed
        for link in links:
            place["after"] = link.group
            # One transaction a pair: planning takes time, and others want to write.
            with self.ledger.begin() as transaction:
                what = self._judge(transaction, link, answers)
            if what:
                found[what] += 1
        return True

    def _follow(self, site: str, answers: Mapping[TicketRef, Snapshot | Gone]) -> int:
        """Read whole what is newer than the ledger knows."""
        with self.ledger.begin() as transaction:
            known = transaction.readings.known(answers)
        news = [
            Hint(ref)
            for ref, answer in answers.items()
            if isinstance(answer, Snapshot) and (ref not in known or answer.version.at > known[ref].version.at)
        ]
        for hint in news:
            log.warning("sweep.missed", ticket=str(hint.ref))
        return self.intake.hint(site, tuple(news)) if news else 0

    def _judge(self, transaction: Transaction, link: Link, answers: Mapping[TicketRef, Snapshot | Gone]) -> str:
        """Make a group due that is `gone` at an end, or `drifted`: its sides do not agree, and nothing is on its way."""
        route = self.routes.get(link.route)
        if route is None:
            return ""
        gone = any(isinstance(answers.get(link.ref(side)), Gone) for side in Side)
        if not gone and (route.mode is Mode.OBSERVE or not self._differs(transaction, link, route)):
            return ""
        if not transaction.hands.want_resting(link.group):
            return ""
        what = "gone" if gone else "drifted"
        log.warning(f"sweep.{what}", group=link.group)
        return what

    def _differs(self, transaction: Transaction, link: Link, route: Route) -> bool:
        lead = transaction.hands.lead_of(link.group)
        seats = transaction.hands.seats(lead)
        nobody = Hand(link.group, route.name, "sweep", 0, 0, lead if seats else "", seats)
        members = load_members(transaction, nobody, self.routes)
        mine = [one for one in members if one.hand.group == link.group]
        return any(_asks_for_something(state, make_plan(state, self.tools)) for state in mine)


def _asks_for_something(state: GroupState, plan: Plan) -> bool:
    """Whether a side was never read, or the plan holds what is not in the journal already."""
    if len(state.snapshots) < len(Side):
        return True
    journaled = {one.key for one in state.operations}
    fresh = [one for one in plan.operations if one.key not in journaled]
    return bool(fresh or plan.cancelled) and not state.in_doubt(OperationKind.CREATE)


def _nothing() -> dict[str, int]:
    return {"looked": 0, "missed": 0, "drifted": 0, "gone": 0}
