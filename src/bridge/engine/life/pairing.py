"""Linking by hand: a person says that two tickets which both are there already are the same case, or are not.

Both are read first, so that a wrong name is answered at once. What is written is a change of the ledger, in one
transaction and beside a running daemon, which from then on mirrors the pair as any other: what was said before goes over
in its order, with its authors and times, but the customer is not told of what is past.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bridge.engine.connections import Connections
from bridge.engine.life.joining import is_in_scope, leave, relink
from bridge.engine.route import Route, RouteSide
from bridge.engine.state import OLDER, group_of
from bridge.engine.texts.updates import updates_before
from bridge.errors import ConfigurationError, LinkError
from bridge.model import document as rich
from bridge.model.operation import OPEN, UNSENT, OperationKind, OperationState
from bridge.model.ticket import Life, Snapshot
from bridge.model.words import Side
from bridge.store.ledger import Ledger, Transaction
from bridge.store.links import Fate, Item, Link


@dataclass(frozen=True, slots=True)
class Wish:
    """How a pair shall meet: the side that is believed where they differ (None: people decide field by field), and
    whether the customer is told what was said for them at the issue before."""

    prefer: Side | None = None
    tells_past: bool = False


@dataclass(frozen=True, slots=True)
class Pairing:
    """Links, parts and relinks tickets for a person, who is named in the audit trail."""

    ledger: Ledger
    connections: Connections
    routes: Mapping[str, Route]
    who: str

    def link(self, route_name: str, ticket: str, issue: str, wish: Wish) -> tuple[Link, list[Link]]:
        """Link a ticket that has no issue; the link, and those that share its issue.

        Raises ConfigurationError for an unknown route, LinkError where the two cannot be linked.
        """
        route = self.routes.get(route_name)
        if route is None:
            raise ConfigurationError(f"There is no route {route_name}; the config has {', '.join(self.routes)}.")
        helpdesk = self._read(route.helpdesk, ticket)
        tracker = self._read(route.tracker, issue)
        with self.ledger.begin() as transaction:
            known = transaction.links.find([helpdesk.ref]).get(helpdesk.ref)
            if known is not None:
                raise LinkError(
                    f"{_ticket(helpdesk)} is linked with {known.tracker_key} already; `bridge relink` moves it elsewhere."
                )
            return self._write(transaction, route, group_of(route.name, helpdesk.ref), (helpdesk, tracker), wish)

    def relink(self, ticket: str, issue: str, wish: Wish) -> tuple[Link, list[Link]]:
        """Link a ticket with another issue than the one it has; the link, and those that share its issue.

        Raises LinkError where that cannot be done.
        """
        with self.ledger.begin() as transaction:
            known = find_link(transaction, ticket)
        route = self.routes.get(known.route)
        if route is None:
            raise LinkError(f"{known.helpdesk} is of route {known.route}, which the config does not have.")
        helpdesk = self._read(route.helpdesk, known.helpdesk.id)
        tracker = self._read(route.tracker, issue)
        if tracker.ref == known.tracker:
            raise LinkError(f"{_ticket(helpdesk)} is linked with {tracker.key} already.")
        with self.ledger.begin() as transaction:
            return self._write(transaction, route, known.group, (helpdesk, tracker), wish)

    def unlink(self, ticket: str) -> Link:
        """Take a ticket off its issue. Both stay as they are, what is not sent yet is cancelled, and the ticket has no
        issue until somebody links it again. The link that was.

        Raises LinkError if there is none, or the name fits several.
        """
        with self.ledger.begin() as transaction:
            known = find_link(transaction, ticket)
            leave(transaction, known.group, why=f"by hand, by {self.who}", by_person=True)
            transaction.hands.disturb(known.group)
            return known

    def _read(self, end: RouteSide, name: str) -> Snapshot:
        connector = self.connections.to(end.site)
        ref = connector.locate(name.removeprefix(f"{end.site}/"), end.scope)
        found = connector.fetch([ref], threads=True)[ref] if ref is not None else None
        if not isinstance(found, Snapshot):
            raise LinkError(f"There is no ticket {name} at {end.site}, or bridge's account cannot see it.")
        if not is_in_scope(found.scope, end.scope):
            where = ", ".join(f"{key} {value}" for key, value in end.scope.items())
            raise LinkError(f"{found.key} at {end.site} is outside what the route leads to ({where}).")
        if found.life is not Life.ALIVE:
            raise LinkError(f"{found.key} at {end.site} is {found.life}, so nothing can be written to it.")
        return found

    def _said_to_others(
        self, transaction: Transaction, route: Route, group: str, issue: Snapshot, updates: list[Item]
    ) -> list[Item]:
        """Of an issue's past, what is none of this ticket's: all that was judged for another ticket it had before. A
        release of a version is for everybody."""
        comments = issue.thread.comments if issue.thread else ()
        past = {one.id: Item(Side.TRACKER, one.id, 1, Fate.SKIPPED, rich.digest(one.body)) for one in comments}
        past |= {one.source_id: one for one in updates if ":version:" not in one.source_id}
        found = transaction.links.decided_elsewhere(group, Side.TRACKER, past)
        theirs = {
            item.source_id
            for other, item in found
            if (known := self.routes.get(other.partition(":")[0])) is not None
            and known.tracker.site == route.tracker.site
            and _is_of(transaction, item, issue)
        }
        return [
            replace(item, reason=f"{OLDER}: it was another ticket's") for name, item in past.items() if name in theirs
        ]

    def _write(
        self, transaction: Transaction, route: Route, group: str, pair: tuple[Snapshot, Snapshot], wish: Wish
    ) -> tuple[Link, list[Link]]:
        helpdesk, tracker = pair
        _stop_opening(transaction, route, tracker, group)
        # The group's row first, then tickets: workers lock them in this order too.
        transaction.hands.want(group, route.name)
        for snapshot in pair:
            transaction.readings.put(snapshot, group)
        member = Link(
            group,
            route.name,
            helpdesk.ref,
            tracker.ref,
            tracker.key,
            prefer=wish.prefer.value if wish.prefer else "",
            past_until=None if wish.tells_past else _past_until(tracker),
        )
        sharing = [one for one in transaction.links.sharing(tracker.ref) if one.group != group]
        linked = relink(transaction, self.routes, member, why=f"by hand, by {self.who}", by_person=True)
        _begin_anew(transaction, group)
        past = list(updates_before(route, tracker))
        for item in self._said_to_others(transaction, route, group, tracker, past) if wish.tells_past else past:
            transaction.links.put_item(group, item)
        transaction.hands.disturb(group)
        return linked, sharing


def _stop_opening(transaction: Transaction, route: Route, issue: Snapshot, group: str) -> None:
    """No ticket is made for an issue that a person links. Raises LinkError if one is being made this moment."""
    opening = group_of(route.name, issue.ref)
    if opening == group:
        return
    transaction.hands.disturb(opening)
    creates = [one for one in transaction.journal.of_group(opening) if one.kind is OperationKind.CREATE]
    if any(one.state in OPEN - UNSENT for one in creates):
        raise LinkError(f"Whether a ticket was made for {issue.key} is not known yet; try again in a few minutes.")


def _is_of(transaction: Transaction, item: Item, issue: Snapshot) -> bool:
    """Whether what was told was told of this issue. A comment is of no other; a field may say the same in several."""
    told = transaction.journal.get(item.operation_key) if ":field:" in item.source_id else None
    return told is None or told.marker is None or told.marker.source == str(issue.ref)


def find_link(transaction: Transaction, ticket: str) -> Link:
    """The link of a ticket as people name it: `4711`, `#4711` or `SITE/4711`. Raises LinkError if none or several fit."""
    site, _, ident = ticket.rpartition("/")
    ident = ident.removeprefix("#")
    found = [link for link in transaction.links.all() if link.helpdesk.id == ident and site in ("", link.helpdesk.site)]
    if not found:
        raise LinkError(f"No ticket {ticket} is linked; name it as its helpdesk does, or as SITE/NUMBER.")
    if len(found) > 1:
        raise LinkError(f"{ticket} may be any of {', '.join(str(link.helpdesk) for link in found)}; name the site too.")
    return found[0]


def _begin_anew(transaction: Transaction, group: str) -> None:
    """Nothing of the ticket has been told to this issue: whatever was decided for a former one counts no more."""
    doubtful = [
        one.key
        for one in transaction.journal.of_group(group)
        if one.kind is OperationKind.COMMENT and one.side is Side.TRACKER
    ]
    transaction.journal.change(doubtful, state=OperationState.VOID, error="the issue was exchanged")
    for item in transaction.links.items(group).values():
        if item.side is Side.HELPDESK:
            transaction.links.drop_item(group, item)


def _past_until(issue: Snapshot) -> datetime:
    """When the newest comment that is there already was written, by the site's own clock."""
    comments = issue.thread.comments if issue.thread else ()
    return max((one.created_at for one in comments), default=issue.created_at)


def _ticket(snapshot: Snapshot) -> str:
    return f"{snapshot.ref.site}/{snapshot.ref.id}"
