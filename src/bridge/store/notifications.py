"""Who is told of what crossed, over which channel, and what came of it: one row a firing, turn, person and channel.

A turn is what is said of a firing: 0 that it happened, 1 that it was taken back, 2 that it stands after all, and so on.
Rows hold no address and no secret: a person's key, and the name of a channel of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, update

from bridge.store.clocks import Fired
from bridge.store.schema import notification
from bridge.store.upsert import insert_if_absent

SHOWN = timedelta(days=7)
"""For how long people are shown what was not told."""
_NAME = ("metric", "cycle", "kind", "label", "severity")


class Telling(StrEnum):
    """Where a notification is. PLANNED waits for its time; SENDING is on its way, in somebody's hand until `due_at`; SENT
    was taken; FAILED was given up; UNKNOWN may have arrived, and is not repeated; DROPPED was not needed any more."""

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Notification:
    """One telling. `batch` names the message it went out in, with others or alone, once it did; a message that may have
    arrived keeps it. `tries` counts the failures; `reason` tells the last."""

    id: str
    group: str
    metric: str
    cycle: int
    kind: str
    label: str
    severity: str
    turn: int
    person: str
    channel: str
    title: str
    body: str
    planned_at: datetime
    state: Telling = Telling.PLANNED
    batch: str = ""
    tries: int = 0
    reason: str = ""
    due_at: datetime | None = None
    ended_at: datetime | None = None

    @classmethod
    def of(
        cls, fired: Fired, *, turn: int, person: str, channel: str, title: str, body: str, at: datetime
    ) -> Notification:
        """What is to be sent at once of a firing."""
        name = (fired.group, *(str(getattr(fired, part)) for part in _NAME), str(turn), person, channel)
        return cls(
            id=sha256("\n".join(name).encode()).hexdigest()[:40],
            group=fired.group,
            metric=fired.metric,
            cycle=fired.cycle,
            kind=fired.kind,
            label=fired.label,
            severity=fired.severity,
            turn=turn,
            person=person,
            channel=channel,
            title=title,
            body=body,
            planned_at=at,
            due_at=at,
        )


class Notifications:
    """Notifications, within one transaction."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def plan(self, one: Notification) -> bool:
        """Let somebody be told; False if that was planned before."""
        values = {field: getattr(one, field) for field in Notification.__slots__ if field != "group"}
        return insert_if_absent(self._connection, notification, {**values, "group_id": one.group})

    def of_firing(self, fired: Fired) -> list[Notification]:
        """All that was, or is to be, said of a firing, the first turn first."""
        name = and_(*(notification.c[part] == getattr(fired, part) for part in _NAME))
        query = select(notification).where(notification.c.group_id == fired.group, name)
        return self._found(query.order_by(notification.c.turn, notification.c.person, notification.c.channel))

    def of_group(self, group: str) -> list[Notification]:
        """All of a case, in the order planned."""
        query = select(notification).where(notification.c.group_id == group)
        return self._found(query.order_by(notification.c.planned_at, notification.c.id))

    def troubles(self) -> list[Notification]:
        """Those that were tried in vain and are tried again; and those of the last days that were given up, or of which
        nobody knows whether they arrived."""
        columns = notification.c
        lost = and_(columns.state.in_([Telling.FAILED, Telling.UNKNOWN]), columns.ended_at > self._now - SHOWN)
        waits = and_(columns.state == Telling.PLANNED, columns.tries > 0)
        query = select(notification).where(or_(lost, waits))
        return self._found(query.order_by(columns.planned_at, columns.id))

    def count(self) -> dict[str, int]:
        """How many there are, by state."""
        query = select(notification.c.state, func.count()).group_by(notification.c.state)
        return {str(state): int(number) for state, number in self._connection.execute(query)}

    # Sending

    def next_due(self) -> list[Notification]:
        """What is due first, with whatever else waits for the same person on the same channel; locked until the end of
        this transaction. If it went out before and may have arrived, those that went with it and no others: it is the same
        message again."""
        columns = notification.c
        due = and_(columns.due_at <= self._now, columns.state.in_([Telling.PLANNED, Telling.SENDING]))
        order = (columns.due_at, columns.planned_at, columns.id)
        first = self._found(select(notification).where(due).order_by(*order).limit(1).with_for_update(skip_locked=True))
        if not first:
            return []
        [one] = first
        same = and_(columns.person == one.person, columns.channel == one.channel)
        together = and_(due, same, columns.batch == one.batch, columns.state == one.state)
        query = select(notification).where(together).order_by(columns.planned_at, columns.id)
        return self._found(query.with_for_update(skip_locked=True))

    def take(self, rows: Iterable[Notification], *, batch: str, until: datetime) -> list[Notification]:
        """Mark them as on their way in one message, until then in our hand. Only what `next_due` found just now."""
        return [self.change(one, state=Telling.SENDING, batch=batch, due_at=until) for one in rows]

    def settle(self, rows: Iterable[Notification], **values: Any) -> bool:
        """Write down what came of rows that were taken. False if they are in somebody else's hand by now."""
        found = [self._write(one, values, when=(Telling.SENDING, one.due_at)) for one in rows]
        return all(found)

    def change(self, one: Notification, **values: Any) -> Notification:
        """Keep one with these values."""
        self._write(one, values)
        return replace(one, **values)

    def end(self, one: Notification, state: Telling, *, reason: str = "") -> Notification:
        """It is over."""
        return self.change(one, state=state, reason=reason, due_at=None, ended_at=self._now)

    def free_all(self) -> None:
        """What was on its way is in nobody's hand any more: the process that sent it is gone."""
        mine = notification.c.state == Telling.SENDING
        self._connection.execute(update(notification).where(mine).values(due_at=self._now))

    def _write(
        self, one: Notification, values: dict[str, Any], when: tuple[Telling, datetime | None] | None = None
    ) -> bool:
        where = [notification.c.id == one.id]
        if when is not None:
            where += [notification.c.state == when[0], notification.c.due_at == when[1]]
        return self._connection.execute(update(notification).where(*where).values(values)).rowcount == 1

    def _found(self, query: Any) -> list[Notification]:
        return [_notification(row) for row in self._connection.execute(query)]


def _notification(row: Any) -> Notification:
    values = dict(row._mapping)
    return Notification(group=values.pop("group_id"), state=Telling(values.pop("state")), **values)
