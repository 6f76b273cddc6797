"""Brakes that stand, those a person released, and what is counted towards them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from bridge.model.brake import Brake, BrakeKind
from bridge.store.schema import brake, link, meta, pulse
from bridge.store.upsert import put_row


class Brakes:
    """Brakes and pulses, within one transaction."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def standing(self, route: str, group: str) -> tuple[Brake, ...]:
        """The brakes that stop this case or its whole route."""
        mine = or_(brake.c.group_id == "", brake.c.group_id == group)
        return self._find(and_(brake.c.route == route, mine))

    def all(self) -> tuple[Brake, ...]:
        """Every brake that stands."""
        return self._find(brake.c.route != "")

    def _find(self, where: Any) -> tuple[Brake, ...]:
        rows = self._connection.execute(
            select(brake).where(where, brake.c.set_at.is_not(None)).order_by(brake.c.set_at, brake.c.group_id)
        )
        return tuple(
            Brake(row.route, BrakeKind(row.kind), row.why, row.group_id, row.field, row.set_at) for row in rows
        )

    def put(self, closed: Brake) -> None:
        """Close a brake. One that stands keeps its time and gets the new words."""
        values: dict[str, Any] = {"why": closed.why}
        stands = any(_key(one) == _key(closed) for one in self.standing(closed.route, closed.group))
        if not stands:
            values["set_at"] = self._now
        put_row(self._connection, brake, _key(closed), values)

    def release(self, opened: Brake, *, clear_until: datetime) -> None:
        """Open a brake; what happens, or happened, before `clear_until` does not count towards closing it again."""
        values = {"set_at": None, "why": "", "clear_until": clear_until}
        put_row(self._connection, brake, _key(opened), values)

    def clear_until(self, route: str, kind: BrakeKind, group: str = "", field: str = "") -> datetime | None:
        """Until when a person said that nothing counts towards this brake; None if nobody did."""
        key = _key(Brake(route, kind, "", group, field))
        until: datetime | None = self._connection.execute(
            select(brake.c.clear_until).filter_by(**key)
        ).scalar_one_or_none()
        return until

    def count(self, route: str, kind: BrakeKind, subject: str, *, since: datetime) -> int:
        """Note that `subject` (a case, or what many cases have in common) moved now; how many different ones moved
        after `since`. Two workers that count for one route wait for each other, so that neither overlooks the other."""
        self._connection.execute(update(meta).where(meta.c.name == f"route:{route}").values(value=meta.c.value))
        key = {"route": route, "kind": kind.value, "subject": subject}
        put_row(self._connection, pulse, key, {"at": self._now})
        mine = and_(pulse.c.route == route, pulse.c.kind == kind.value)
        self._connection.execute(delete(pulse).where(mine, pulse.c.at <= since))
        return int(self._connection.execute(select(func.count()).select_from(pulse).where(mine)).scalar_one())

    def linked_at(self, group: str) -> datetime | None:
        """When a case was linked, None before it is."""
        when: datetime | None = self._connection.execute(
            select(link.c.linked_at).where(link.c.group_id == group)
        ).scalar_one_or_none()
        return when


def _key(one: Brake) -> dict[str, str]:
    return {"route": one.route, "kind": one.kind.value, "group_id": one.group, "field": one.field}
