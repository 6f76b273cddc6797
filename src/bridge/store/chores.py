"""What bridge looks after at a site from time to time, and what came of it: its webhook, the wide sweep."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bridge.store.schema import chore
from bridge.store.upsert import put_row


@dataclass(frozen=True, slots=True)
class Chore:
    """One duty at one site. `place` is how far it has come, None when it is not under way; `begun_at` when it last began
    and `ended_at` when it last came to its end; `result` what it found then; `problem` why it could not go on."""

    site: str
    kind: str
    place: Any = None
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    result: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


class Chores:
    """Duties, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, site: str, kind: str) -> Chore:
        """One duty; an empty one if it was never begun."""
        where = (chore.c.site == site, chore.c.kind == kind)
        row = self._connection.execute(select(chore).where(*where)).one_or_none()
        return Chore(site, kind) if row is None else Chore(**row._mapping)

    def put(self, one: Chore) -> None:
        """Keep how a duty stands."""
        values = {
            "place": one.place,
            "begun_at": one.begun_at,
            "ended_at": one.ended_at,
            "result": one.result,
            "problem": one.problem,
        }
        put_row(self._connection, chore, {"site": one.site, "kind": one.kind}, values)

    def all(self) -> list[Chore]:
        """Every duty ever begun, by site and kind."""
        rows = self._connection.execute(select(chore).order_by(chore.c.site, chore.c.kind))
        return [Chore(**row._mapping) for row in rows]
