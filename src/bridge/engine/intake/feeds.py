"""Reading feeds: what changed, whose case it is, and which groups are therefore due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

import structlog

from bridge.connect.port import Connector, Feed
from bridge.connect.urgency import background, live
from bridge.engine.connections import Connections
from bridge.engine.intake.apart import Answer, Unread, read_apart
from bridge.engine.keys import Keys
from bridge.engine.patience import INSISTS
from bridge.engine.people.reasons import STRAYED, UNROUTED, strayed_ticket, unrouted_ticket
from bridge.engine.route import Route, RouteSide
from bridge.engine.sending.confirm import add_opened, opened_link
from bridge.engine.state import claims_of, group_of
from bridge.errors import RemoteError
from bridge.model.feed import ChangePage, Hint
from bridge.model.marker import Marker
from bridge.model.operation import OPEN, UNSENT, OperationKind
from bridge.model.ports import Clock
from bridge.model.ticket import Life, Snapshot, TicketRef
from bridge.model.words import Side
from bridge.store.ledger import Ledger, Transaction
from bridge.store.links import Link
from bridge.store.readings import Known

FETCH_AT_ONCE = 100
"""Tickets a batch read; vendors take no more."""
AGAIN_AT_ONCE = 20
"""Tickets a poll that could not be read before and are tried again, one by one."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Poll:
    """What one poll of a site found. `failed` is the sentence that says why it could not be read."""

    site: str
    due: int = 0
    failed: str = ""


@dataclass(slots=True)
class Intake:
    """Reads the feeds of sites. One poll of a site at a time."""

    ledger: Ledger
    connections: Connections
    routes: Mapping[str, Route]
    keys: Keys
    clock: Clock
    _locks: dict[str, Lock] = field(default_factory=dict)
    _read_at: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _failed: dict[str, int] = field(default_factory=dict)
    """Polls of a site that failed in a row."""

    def poll(self, site: str, *, every_feed: bool = False, between: Callable[[], object] = lambda: None) -> Poll:
        """Read every feed of a site to its present end. Feeds that ask for less are read when their time has come, or
        with `every_feed` at once. After each page `between` is called, so that a long reading holds up nothing urgent."""
        poll = Poll(site)
        with self._locks.setdefault(site, Lock()):
            connector = self.connections.to(site)
            try:
                for feed in connector.feeds():
                    if every_feed or self._is_due(site, feed):
                        with self._urgency(site, feed):
                            self._read_feed(site, connector, feed, poll, between)
                        self._read_at[site, feed.name] = self.clock.now()
                with background():
                    poll.due += self._try_again(site, connector)
            except RemoteError as error:
                log.warning("poll.failed", site=site, error=str(error))
                poll.failed = str(error)
                self._failed[site] = self._failed.get(site, 0) + 1
            else:
                self._failed.pop(site, None)
        return poll

    def _try_again(self, site: str, connector: Connector) -> int:
        """Read what could not be read before, each ticket alone; how many readings are news."""
        with self.ledger.begin() as transaction:
            due = transaction.unread.due(site, limit=AGAIN_AT_ONCE)
        news = 0
        for ref in due:
            asked_at = self.ledger.now()
            snapshots = self._fetch(connector, [ref])
            with self.ledger.begin() as transaction:
                news += self._take(transaction, snapshots, asked_at=asked_at)
        return news

    def _urgency(self, site: str, feed: Feed) -> AbstractContextManager[None]:
        """A feed read for the first time tells of the past: nobody waits for it as for what happens now."""
        with self.ledger.begin() as transaction:
            is_new = transaction.readings.cursor(site, feed.name) is None
        return background() if is_new else live()

    def _is_due(self, site: str, feed: Feed) -> bool:
        last = self._read_at.get((site, feed.name))
        return last is None or self.clock.now() - last >= timedelta(seconds=feed.every_s)

    def _read_feed(
        self, site: str, connector: Connector, feed: Feed, poll: Poll, between: Callable[[], object]
    ) -> None:
        while True:
            with self.ledger.begin() as transaction:
                cursor = transaction.readings.cursor(site, feed.name)
            asked_at = self.ledger.now()
            page = connector.changes(feed.name, cursor, begin=self._begin_at(site))
            snapshots = self._complete(connector, page)
            with self.ledger.begin() as transaction:
                poll.due += self._take(transaction, snapshots, asked_at=asked_at)
                transaction.readings.set_cursor(site, feed.name, page.cursor, settled_through=page.settled_through)
            if not page.more:
                return
            with live():
                between()

    def _begin_at(self, site: str) -> datetime:
        mine = [route for route in self.routes.values() if site in (route.helpdesk.site, route.tracker.site)]
        return min(route.begin_at for route in mine)

    def hint(self, site: str, hints: tuple[Hint, ...]) -> int:
        """Read the tickets that somebody says have changed, and mark their groups due; how many there are.

        A hint is a name and never authority: what it says of the ticket is not believed, and one older than what is
        known asks for nothing. It moves no cursor, so the feeds still tell everything.
        """
        asked_at = self.ledger.now()
        snapshots = self._complete(self.connections.to(site), ChangePage("", hints=hints), from_feed=False)
        with self.ledger.begin() as transaction:
            return self._take(transaction, snapshots, asked_at=asked_at)

    def look_back(self, site: str, feed: str, place: str | None) -> tuple[ChangePage, int]:
        """One page of a feed read anew from its beginning, beside its cursor; and how many tickets it showed that were
        not known so: their groups are due now."""
        connector = self.connections.to(site)
        asked_at = self.ledger.now()
        page = connector.changes(feed, place, begin=self._begin_at(site))
        snapshots = self._complete(connector, page)
        with self.ledger.begin() as transaction:
            return page, self._take(transaction, snapshots, asked_at=asked_at)

    def _complete(self, connector: Connector, page: ChangePage, *, from_feed: bool = True) -> list[Snapshot]:
        """The page's news as full readings: what is known already drops out, names and bare tickets are read.

        A hint from outside with the very stamp that is known is followed too: stamps of whole seconds hide what else
        happened in that second. A feed comes back to it.
        """
        named = [one.ref for one in page.snapshots] + [hint.ref for hint in page.hints]
        with self.ledger.begin() as transaction:
            known = transaction.readings.known(named)
            links = transaction.links.find(named)
            fresh = [one for one in page.snapshots if not self._is_known(transaction, one, known)]
            unlinked = [one for one in fresh if one.ref not in links and self._may_begin(one.ref.site)]
            self._show_unrouted(transaction, unlinked)
        ready = [one for one in fresh if one.thread is not None or one.life is Life.DELETED]
        concerns = [one for one in fresh if one.thread is None and one.life is not Life.DELETED]
        asked = [one.ref for one in concerns if one.ref in links or self._route_of(one) or one.marker]
        news = [
            hint.ref
            for hint in page.hints
            if hint.version_at is None
            or hint.ref not in known
            or hint.version_at > known[hint.ref].version.at
            or (hint.version_at == known[hint.ref].version.at and not from_feed)
        ]
        strangers = [ref for ref in news if ref not in links and ref not in known and not self._is_helpdesk(ref.site)]
        asked += [ref for ref in news if ref not in set(strangers)] + self._ours(connector, strangers)
        return ready + self._fetch(connector, asked)

    def _is_helpdesk(self, site: str) -> bool:
        return any(route.helpdesk.site == site for route in self.routes.values())

    def _may_begin(self, site: str) -> bool:
        """Whether cases begin at a site."""
        ends = (end for route in self.routes.values() for end in route.ends)
        return any(end.site == site and (end.side is Side.HELPDESK or end.opening is not None) for end in ends)

    def _ours(self, connector: Connector, strangers: list[TicketRef]) -> list[TicketRef]:
        """Those issues nobody knows of that bear our marker, or begin a case by the rules. The others are the tracker's
        own affair: read without their comments, and dropped."""
        read = self._fetch(connector, strangers, threads=False)
        if read and self._may_begin(read[0].ref.site):
            with self.ledger.begin() as transaction:
                self._show_unrouted(transaction, read)
        return [one.ref for one in read if one.marker is not None or self._route_of(one)]

    @staticmethod
    def _is_known(transaction: Transaction, snapshot: Snapshot, known: Mapping[TicketRef, Known]) -> bool:
        """Whether a feed row tells nothing new: older than what is known, or the same version with the same fields."""
        earlier = known.get(snapshot.ref)
        if earlier is None or snapshot.version.at > earlier.version.at:
            return False
        if snapshot.version.at < earlier.version.at:
            return True
        stored = transaction.readings.get(snapshot.ref)
        if stored is None or snapshot.version.tag != earlier.version.tag or stored.life is not snapshot.life:
            return False
        return all(stored.fields.get(name) == reading for name, reading in snapshot.fields.items())

    def _fetch(self, connector: Connector, refs: Iterable[TicketRef], *, threads: bool = True) -> list[Snapshot]:
        wanted = list(dict.fromkeys(refs))
        read: list[Snapshot] = []
        for start in range(0, len(wanted), FETCH_AT_ONCE):
            part = wanted[start : start + FETCH_AT_ONCE]
            insists = self._failed.get(part[0].site, 0) >= INSISTS
            answers = read_apart(connector, part, threads=threads, insists=insists)
            read.extend(answer for answer in answers.values() if isinstance(answer, Snapshot))
            with self.ledger.begin() as transaction:
                keep_unread(transaction, answers)
        return read

    def _take(self, transaction: Transaction, snapshots: list[Snapshot], *, asked_at: datetime) -> int:
        """Keep readings and mark their groups due; how many there are."""
        links = transaction.links.find([one.ref for one in snapshots])
        known = transaction.readings.known([one.ref for one in snapshots])
        mine: list[tuple[str, str, Snapshot]] = []
        for snapshot in snapshots:
            self.keys.saw(snapshot.ref.site, snapshot.key)
            link = links.get(snapshot.ref) or self._adopt(transaction, snapshot)
            route = self.routes.get(link.route) if link else self._route_of(snapshot)
            if link:
                self._look_where_it_is(transaction, link, snapshot)
                mine.append((link.group, link.route, snapshot))
            elif route is not None and not self._is_begun_elsewhere(transaction, route, snapshot, known):
                mine.append((group_of(route.name, snapshot.ref), route.name, snapshot))
            elif snapshot.ref in known:
                group = known[snapshot.ref].group
                mine.append((group, group.partition(":")[0], snapshot))
        # Groups before tickets, in one order: workers lock them so too, and nobody waits for each other in a ring.
        for group, name in sorted({(group, name) for group, name, _snapshot in mine if group}):
            transaction.hands.want(group, name)
            transaction.hands.resume(group)
        kept = [transaction.readings.put(snapshot, group, asked_at=asked_at) for group, _name, snapshot in mine]
        return sum(kept)

    @staticmethod
    def _is_begun_elsewhere(
        transaction: Transaction, route: Route, snapshot: Snapshot, known: Mapping[TicketRef, Known]
    ) -> bool:
        """Whether another route's ticket was made for this issue, or is being made: it gets no second one."""
        group = known[snapshot.ref].group if snapshot.ref in known else ""
        if snapshot.ref.site != route.tracker.site or group in ("", group_of(route.name, snapshot.ref)):
            return False
        creates = (one for one in transaction.journal.of_group(group) if one.kind is OperationKind.CREATE)
        is_in_doubt = any(one.state in OPEN - UNSENT for one in creates)
        return is_in_doubt or transaction.journal.has_made(group, Side.HELPDESK)

    def _look_where_it_is(self, transaction: Transaction, link: Link, snapshot: Snapshot) -> None:
        """What a linked ticket shows of its whereabouts: an issue's new key, a ticket that is another route's now."""
        if snapshot.ref == link.tracker:
            if snapshot.key != link.tracker_key:
                transaction.links.rename(link.tracker, snapshot.key)
                transaction.note("renamed", group=link.group, issue=snapshot.key, before=link.tracker_key)
            return
        claimed = {route.name for route in self.routes_of(snapshot)}
        strayed = transaction.notices.of_group(link.group).get((STRAYED, link.helpdesk.id))
        if claimed and link.route not in claimed:
            names = ", ".join(sorted(claimed))
            if strayed is None or not strayed.stands:
                transaction.note("strayed", group=link.group, routes=sorted(claimed))
                log.warning("ticket.strayed", ticket=str(snapshot.ref), route=link.route, claimed_by=names)
            words = strayed_ticket(snapshot, link.route, names)
            transaction.notices.record(link.group, STRAYED, link.helpdesk.id, words)
        elif strayed is not None and strayed.stands:
            transaction.notices.solve(link.group, STRAYED, link.helpdesk.id)

    def _route_of(self, snapshot: Snapshot) -> Route | None:
        """The route a ticket belongs to by its `open_when`; None if none does, or more than one."""
        matching = self.routes_of(snapshot)
        return matching[0] if len(matching) == 1 else None

    def routes_of(self, snapshot: Snapshot) -> list[Route]:
        """Every route that a helpdesk ticket would belong to, or in which an issue would begin a case."""
        return [route for route in self.routes.values() if any(_claims(end, snapshot) for end in route.ends)]

    def _show_unrouted(self, transaction: Transaction, snapshots: Iterable[Snapshot]) -> None:
        """Remember the tickets that more than one route claims: nobody mirrors them, so people have to see them."""
        for snapshot in snapshots:
            names = sorted(route.name for route in self.routes_of(snapshot))
            place = claims_of(snapshot.ref)
            if len(names) > 1:
                log.warning("ticket.unrouted", ticket=str(snapshot.ref), routes=names)
                words = unrouted_ticket(snapshot, ", ".join(names))
                transaction.notices.record(place, UNROUTED, snapshot.ref.id, words)
            else:
                transaction.notices.drop(place, UNROUTED, snapshot.ref.id)

    def _adopt(self, transaction: Transaction, snapshot: Snapshot) -> Link | None:
        """Link a ticket that bears the marker of one of our creates, though the ledger knows of none."""
        marker = snapshot.marker
        if marker is None or marker.kind != "create" or marker.route not in self.routes:
            return None
        route = self.routes[marker.route]
        source = _source(marker)
        sites = (route.helpdesk.site, route.tracker.site)
        if source is None or transaction.links.find([source]) or {snapshot.ref.site, source.site} != set(sites):
            return None
        group = group_of(route.name, source)
        if marker.generation < transaction.hands.generation(group):
            # The ticket was taken off this issue.
            return None
        if transaction.journal.get(marker.mac) is not None:
            # The create stands in the journal with its outcome still open: recovery links it, with its bases. What is
            # read here already is kept for then.
            transaction.hands.want(group, route.name)
            transaction.readings.put(snapshot, group)
            return None
        link = _adopted(transaction, group, route, snapshot, source, generation=marker.generation)
        transaction.hands.want(group, route.name)
        transaction.hands.raise_generation(group, marker.generation)
        transaction.note("adopted", group=group, tracker=snapshot.key)
        return link


def keep_unread(transaction: Transaction, answers: Mapping[TicketRef, Answer]) -> None:
    """Remember which tickets could not be read; forget it of those that could."""
    bad = {ref: answer for ref, answer in answers.items() if isinstance(answer, Unread)}
    transaction.unread.clear(ref for ref in answers if ref not in bad)
    for ref, answer in bad.items():
        log.warning("ticket.unread", ticket=str(ref), why=answer.why)
        transaction.unread.add(ref, answer.why)


def _adopted(
    transaction: Transaction, group: str, route: Route, snapshot: Snapshot, source: TicketRef, *, generation: int
) -> Link:
    """Link a ticket of ours with the one it was made for."""
    if snapshot.ref.site == route.tracker.site:
        created = Side.TRACKER.value
        link = Link(group, route.name, source, snapshot.ref, snapshot.key, created=created, generation=generation)
        transaction.links.add(link)
        return link
    issue = transaction.readings.get(source)
    link = opened_link(group, route, snapshot.ref, source, issue.key if issue else source.id, generation=generation)
    link = replace(link, past_until=snapshot.created_at)
    add_opened(transaction, link)
    return link


def _source(marker: Marker) -> TicketRef | None:
    try:
        return TicketRef.parse(marker.source)
    except ValueError:
        return None


def _claims(end: RouteSide, snapshot: Snapshot) -> bool:
    """Whether a ticket belongs to a route by this end of it: at the tracker only where the rules open tickets for issues,
    and never if bridge made it."""
    if end.site != snapshot.ref.site or not _is_in_scope(snapshot, end.scope):
        return False
    may_begin = end.side is Side.HELPDESK or (end.opening is not None and snapshot.marker is None)
    return may_begin and end.mapping.matches(end.open_when, snapshot.fields)


def _is_in_scope(snapshot: Snapshot, scope: Mapping[str, str]) -> bool:
    """Whether a ticket stands in the part of the site the route names; what the snapshot does not tell is not asked."""
    return all(snapshot.scope[name] == wanted for name, wanted in scope.items() if name in snapshot.scope)
