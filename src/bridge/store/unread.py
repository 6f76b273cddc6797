"""Tickets that could not be read though their site answers: each is tried again alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, tuple_, update

from bridge.model.ticket import TicketRef
from bridge.store.schema import unread

FIRST_S = 15.0
LONGEST_S = 900.0
"""Between two tries of one ticket: 15 s, doubled each time, at most 15 minutes."""
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Stubborn:
    """A ticket that does not let itself be read: since when, how often it was tried, and why not."""

    ref: TicketRef
    why: str
    tries: int
    since_at: datetime


class UnreadTickets:
    """What could not be read, within one transaction."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def add(self, ref: TicketRef, why: str) -> None:
        """It could not be read (once more)."""
        where = (unread.c.site == ref.site, unread.c.id == ref.id)
        tries = self._connection.execute(select(unread.c.tries).where(*where)).scalar_one_or_none()
        again_at = self._now + timedelta(seconds=min(FIRST_S * 2.0 ** min(tries or 0, 10), LONGEST_S))
        if tries is None:
            self._connection.execute(
                unread.insert().values(
                    site=ref.site, id=ref.id, why=why, tries=1, since_at=self._now, again_at=again_at
                )
            )
        else:
            self._connection.execute(update(unread).where(*where).values(why=why, tries=tries + 1, again_at=again_at))

    def clear(self, refs: Iterable[TicketRef]) -> None:
        """These were read, or are known to be gone."""
        wanted = [(ref.site, ref.id) for ref in refs]
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            self._connection.execute(delete(unread).where(tuple_(unread.c.site, unread.c.id).in_(chunk)))

    def due(self, site: str, *, limit: int) -> list[TicketRef]:
        """Those of a site whose time to be tried again has come."""
        rows = self._connection.execute(
            select(unread.c.id)
            .where(unread.c.site == site, unread.c.again_at <= self._now)
            .order_by(unread.c.again_at)
            .limit(limit)
        )
        return [TicketRef(site, ident) for ident in rows.scalars()]

    def next_at(self) -> datetime | None:
        """When the next one is to be tried again; None if there is none."""
        next_at: datetime | None = self._connection.execute(select(func.min(unread.c.again_at))).scalar_one()
        return next_at

    def all(self) -> list[Stubborn]:
        """Every one, the longest unread first."""
        rows = self._connection.execute(select(unread).order_by(unread.c.since_at))
        return [Stubborn(TicketRef(row.site, row.id), row.why, row.tries, row.since_at) for row in rows]
