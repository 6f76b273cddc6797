"""Links that were taken apart and whose traces are being taken away: what has begun goes on after any interruption."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from bridge.model.ticket import TicketRef
from bridge.store.links import Link
from bridge.store.schema import cleaning
from bridge.store.upsert import put_row


@dataclass(frozen=True, slots=True)
class Cleaning:
    """One link that was, and what remains of bridge at its tickets: a sentence for each thing that cannot be taken away.
    `tickets` are all that ever were of the case, the two it had last among them. `is_over`: nothing more will be tried."""

    group: str
    route: str
    helpdesk: TicketRef
    tracker: TicketRef
    key: str
    tickets: tuple[TicketRef, ...]
    remains: tuple[str, ...] = ()
    is_over: bool = False


class Cleanings:
    """Cleanings, within one transaction."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def begin(self, link: Link, tickets: Iterable[TicketRef]) -> Cleaning:
        """Remember a link that is about to go, and every ticket its case ever had."""
        kept = {
            "route": link.route,
            "helpdesk": str(link.helpdesk),
            "tracker": str(link.tracker),
            "key": link.tracker_key,
            "tickets": [str(ref) for ref in tickets],
        }
        values = {"link": kept, "remains": [], "begun_at": self._now, "ended_at": None}
        put_row(self._connection, cleaning, {"group_id": link.group}, values)
        return _cleaning(link.group, kept, (), is_over=False)

    def end(self, group: str, remains: Iterable[str]) -> None:
        """Everything that can be taken away is."""
        self._connection.execute(
            update(cleaning).where(cleaning.c.group_id == group).values(remains=list(remains), ended_at=self._now)
        )

    def begun(self) -> list[Cleaning]:
        """Those that are not over, the oldest first."""
        rows = self._connection.execute(
            select(cleaning).where(cleaning.c.ended_at.is_(None)).order_by(cleaning.c.begun_at, cleaning.c.group_id)
        )
        return [_cleaning(row.group_id, row.link, row.remains, is_over=False) for row in rows]


def _cleaning(group: str, kept: Mapping[str, Any], remains: Iterable[str], *, is_over: bool) -> Cleaning:
    helpdesk, tracker = TicketRef.parse(kept["helpdesk"]), TicketRef.parse(kept["tracker"])
    tickets = tuple(TicketRef.parse(ref) for ref in kept["tickets"])
    return Cleaning(group, kept["route"], helpdesk, tracker, kept["key"], tickets, tuple(remains), is_over)
