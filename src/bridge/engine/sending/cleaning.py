"""Taking apart a link for good: nothing of bridge stays at its two tickets but the words of people.

The link goes in one transaction, with a row that says what is left to do; every step after that takes away what still
stands and may be taken again. Copies of what people said stay: a deletion never cascades.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from bridge.engine.connections import Connections
from bridge.engine.life.joining import leave
from bridge.engine.life.pairing import find_link
from bridge.engine.route import Route
from bridge.engine.sending.delivery import LEASE_S
from bridge.engine.sending.signs import Signs
from bridge.engine.state import source_of
from bridge.errors import LinkError, MissingError, RemoteError, TemporaryError, UnknownOutcomeError
from bridge.model.operation import Hiding
from bridge.model.ports import Clock
from bridge.model.ticket import TicketRef
from bridge.model.words import Mode, Side
from bridge.store.cleanings import Cleaning
from bridge.store.hands import Hand
from bridge.store.ledger import Ledger, Transaction
from bridge.store.links import Link

PATIENCE = timedelta(seconds=30)
"""How long a hand is waited for that a running bridge has on the case."""
PAUSE_S = 0.25


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Takes links apart for a person, who is named in the audit trail."""

    ledger: Ledger
    connections: Connections
    routes: Mapping[str, Route]
    signs: Signs
    clock: Clock
    who: str

    def linked(self, ticket: str | None) -> list[str]:
        """The links that `ticket` names (None: all there are). Raises LinkError where one cannot be cleaned."""
        with self.ledger.begin() as transaction:
            found = transaction.links.all() if ticket is None else [find_link(transaction, ticket)]
        for link in found:
            route = self.routes.get(link.route)
            if route is None:
                raise LinkError(f"{link.helpdesk} is of route {link.route}, which the config does not have; add it.")
            if route.mode is Mode.OBSERVE:
                raise LinkError(f"Route {route.name} observes only, so nothing can be taken away for {link.helpdesk}.")
        return [link.group for link in found]

    def begun(self) -> list[Cleaning]:
        """What an interrupted call left undone."""
        with self.ledger.begin() as transaction:
            return [one for one in transaction.cleanings.begun() if one.route in self.routes]

    def part(self, group: str) -> Cleaning | None:
        """Take a ticket off its issue, and remember that its traces have to go. None if it has gone meanwhile."""
        with self.ledger.begin() as transaction:
            link = transaction.links.get(group)
            if link is None:
                return None
            leave(transaction, group, why=f"to be cleaned, by {self.who}", by_person=True)
            transaction.hands.disturb(group)
            return transaction.cleanings.begin(link, _tickets_of(transaction, link, self.routes[link.route]))

    def clean(self, one: Cleaning) -> Cleaning:
        """Take away what stands of it at both sides. Not over where a site did not answer: then it is called again."""
        remains: list[str] = []
        try:
            self._take_signposts(one, remains)
            self._take_notes(one, remains)
            for ref in one.tickets:
                self._attempt(remains, ref, lambda ref=ref: remains.extend(self._erase(one, ref)))  # type: ignore[misc]
        except (TemporaryError, UnknownOutcomeError) as error:
            return replace(one, remains=(*remains, f"{error}: call again"))
        with self.ledger.begin() as transaction:
            transaction.cleanings.end(one.group, remains)
            transaction.note("cleaned", group=one.group, by_person=True, who=self.who, remains=remains)
        return replace(one, remains=tuple(remains), is_over=True)

    def _take_signposts(self, one: Cleaning, remains: list[str]) -> None:
        hand = self._take(one)
        due_at = self.signs.bring(hand, self.routes[one.route])
        with self.ledger.begin(hand) as transaction:
            left = transaction.signposts.of_group(one.group)
            latest = {item: told[-1] for item, told in transaction.journal.signs(one.group).items()}
            transaction.hands.release(hand, due_at=due_at)
        if due_at is not None:
            raise TemporaryError(f"the links between {one.helpdesk} and {one.key} could not be taken away yet")
        for place in left:
            why = latest[place.id].error if place.id in latest else ""
            what = f"the field {place.name}" if place.is_field else "a web link"
            remains.append(f"{what} at {place.ref}: {why or 'a brake stops its route'}")

    def _take(self, one: Cleaning) -> Hand:
        """A hand on the case, beside a running bridge. Raises TemporaryError if none is to be had."""
        give_up_at = self.clock.now() + PATIENCE
        while True:
            with self.ledger.begin() as transaction:
                hand = transaction.hands.take(one.group, f"clean-{uuid.uuid4().hex[:12]}", lease_s=LEASE_S)
            if hand is not None:
                return hand
            if self.clock.now() >= give_up_at:
                raise TemporaryError(f"another worker is busy with {one.group}")
            self.clock.sleep(PAUSE_S)

    def _take_notes(self, one: Cleaning, remains: list[str]) -> None:
        with self.ledger.begin() as transaction:
            notices = list(transaction.notices.of_group(one.group).values())
        for notice in notices:
            ref = one.helpdesk if notice.side is Side.HELPDESK else one.tracker
            connector = self.connections.to(ref.site)
            for comment in notice.comments:
                if Hiding.REMOVE not in connector.capabilities.hides_comments:
                    remains.append(f"a note at {ref}: the site lets nobody take comments away")
                    continue
                self._attempt(
                    remains,
                    ref,
                    lambda ref=ref, comment=comment: connector.hide_comment(ref, comment, Hiding.REMOVE),  # type: ignore[misc] # noqa: B023
                )

    def _erase(self, one: Cleaning, ref: TicketRef) -> tuple[str, ...]:
        return self.connections.to(ref.site).erase(ref, frozenset(map(str, one.tickets)))

    @staticmethod
    def _attempt(remains: list[str], ref: TicketRef, act: Callable[[], object]) -> None:
        """What a site refuses for good is told, and the rest goes on; what is gone needs nothing."""
        try:
            act()
        except MissingError:
            return
        except (TemporaryError, UnknownOutcomeError):
            raise
        except RemoteError as error:
            if error.status == 401:
                raise TemporaryError(str(error)) from error
            remains.append(f"something at {ref}: {error}")


def _tickets_of(transaction: Transaction, link: Link, route: Route) -> list[TicketRef]:
    """Every ticket a case ever had at the two sites of its route: those it was merged from or moved away from too."""
    made = [TicketRef(route.end(side).site, ident) for side, ident in transaction.journal.made(link.group)]
    known = [link.helpdesk, link.tracker, source_of(link.group), *made, *transaction.readings.of_group(link.group)]
    sites = {route.end(side).site for side in Side}
    return [ref for ref in dict.fromkeys(known) if ref.site in sites]
