"""What stands on tickets so that people find the other one of their case: one row a place, from before it is first written
until it is known to be gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, delete, select

from bridge.model.ticket import TicketRef
from bridge.store.schema import signpost
from bridge.store.upsert import put_row

Content = Mapping[str, Any]
"""What stands at a place, as plain JSON: a signpost's words, or a field's `value`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: on which ticket, and the signpost's name there or the native field's."""

    ref: TicketRef
    name: str
    is_field: bool = False

    @property
    def id(self) -> str:
        """A short name of the place that is its own for ever."""
        kind = "field" if self.is_field else "signpost"
        return sha256(f"{self.ref}\n{kind}\n{self.name}".encode()).hexdigest()[:40]


class Signposts:
    """Places and what stands there, within one transaction."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def of_group(self, group: str) -> dict[Place, Content | None]:
        """What stands where for a link: the content that was confirmed last, None while nothing was yet."""
        rows = self._connection.execute(select(signpost).where(signpost.c.group_id == group).order_by(signpost.c.place))
        return {Place(TicketRef(row.site, row.ticket), row.name, bool(row.is_field)): row.shown for row in rows}

    def put(self, group: str, place: Place, shown: Content | None) -> None:
        """Remember a place and what stands there; None: it may be anything, because something is about to be sent."""
        values = {
            "site": place.ref.site,
            "ticket": place.ref.id,
            "name": place.name,
            "is_field": place.is_field,
            "shown": None if shown is None else dict(shown),
            "at": self._now,
        }
        put_row(self._connection, signpost, {"group_id": group, "place": place.id}, values)

    def drop(self, group: str, place: Place) -> None:
        """Nothing of ours stands there any more."""
        self._connection.execute(delete(signpost).where(signpost.c.group_id == group, signpost.c.place == place.id))
