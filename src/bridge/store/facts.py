"""What happened to tickets, as their sites' own histories tell it. Facts are added and never changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, tuple_, update

from bridge.model.codec import decode, encode
from bridge.model.feed import Fact
from bridge.model.ticket import Person, TicketRef
from bridge.store.schema import fact, feed, ticket
from bridge.store.upsert import insert_if_absent

HISTORY = "history"
"""The name under which the place reached in a site's history is kept, among its feeds."""
CHUNK = 400
"""Refs a query: below every database's limit on bound values."""


@dataclass(frozen=True, slots=True)
class Told:
    """A fact as the ledger keeps it: when it was first read, and the site's clock less ours at that moment."""

    fact: Fact
    seen_at: datetime
    offset: timedelta


class Facts:
    """Past events of tickets, within one transaction."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def add(self, facts: Iterable[Fact], *, offset: timedelta) -> set[TicketRef]:
        """Keep facts; one that is known already, by its site's own id, is left as it is. The tickets with news.

        `offset` is the site's clock less ours, as measured when the facts were read.
        """
        news: set[TicketRef] = set()
        for one in facts:
            row = {
                "site": one.ref.site,
                "event": one.event_id,
                "ticket": one.ref.id,
                "at": one.at,
                "actor": _person(one.actor),
                "kind": one.kind,
                "field": one.field,
                "old": encode(one.old),
                "new": encode(one.new),
                "member": one.member,
                "seen_at": self._now,
                "offset_us": offset // timedelta(microseconds=1),
            }
            if insert_if_absent(self._connection, fact, row):
                news.add(one.ref)
        return news

    def of(self, ref: TicketRef) -> list[Told]:
        """Everything known to have happened to a ticket, by the site's time and, within an instant, by its own ids."""
        where = (fact.c.site == ref.site, fact.c.ticket == ref.id)
        told = [_told(row) for row in self._connection.execute(select(fact).where(*where))]
        return sorted(told, key=lambda one: (one.fact.at, order_of(one.fact.event_id)))

    def is_whole(self, ref: TicketRef) -> bool:
        """Whether everything that happened to a ticket before it was known here was read once."""
        where = (ticket.c.site == ref.site, ticket.c.id == ref.id)
        found = self._connection.execute(select(ticket.c.past_at).where(*where)).scalar_one_or_none()
        return found is not None

    def whole(self, ref: TicketRef) -> None:
        """The whole past of a ticket was read now."""
        where = (ticket.c.site == ref.site, ticket.c.id == ref.id)
        self._connection.execute(update(ticket).where(*where).values(past_at=self._now))

    def known(self, refs: Iterable[TicketRef]) -> dict[TicketRef, str]:
        """Those of these tickets that belong to a group, with its name: only their past is kept."""
        wanted = [(ref.site, ref.id) for ref in refs]
        found: dict[TicketRef, str] = {}
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            query = select(ticket.c.site, ticket.c.id, ticket.c.group_id).where(
                tuple_(ticket.c.site, ticket.c.id).in_(chunk), ticket.c.group_id != ""
            )
            found |= {TicketRef(row.site, row.id): row.group_id for row in self._connection.execute(query)}
        return found

    def settled_through(self, site: str) -> datetime | None:
        """The site's time up to which its history was read, None before it ever was."""
        where = (feed.c.site == site, feed.c.name == HISTORY)
        found: datetime | None = self._connection.execute(
            select(feed.c.settled_through).where(*where)
        ).scalar_one_or_none()
        return found

    def count(self) -> int:
        """How many facts are kept."""
        return int(self._connection.execute(select(func.count()).select_from(fact)).scalar_one())


def order_of(event_id: str) -> tuple[tuple[int, str], ...]:
    """Vendors number events upwards: `event 9` comes before `event 10`."""
    parts: list[tuple[int, str]] = []
    digits = ""
    for sign in f"{event_id}\0":
        if sign.isascii() and sign.isdigit():
            digits += sign
            continue
        if digits:
            parts.append((int(digits), ""))
            digits = ""
        parts.append((-1, sign))
    return tuple(parts)


def _person(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "staff": person.staff,
        "ours": person.ours,
        "suspended": person.suspended,
    }


def _told(row: Any) -> Told:
    one = Fact(
        ref=TicketRef(row.site, row.ticket),
        event_id=row.event,
        at=row.at,
        actor=Person(**row.actor),
        kind=row.kind,
        field=row.field,
        old=decode(row.old),
        new=decode(row.new),
        member=row.member,
    )
    return Told(one, row.seen_at, timedelta(microseconds=row.offset_us))
