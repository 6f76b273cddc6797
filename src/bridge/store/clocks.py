"""The clocks of cases as last folded, and what was done when they ran: each thing once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, func, select, update

from bridge.store.schema import clock, firing
from bridge.store.upsert import insert_if_absent

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One cycle of one promise of a case, as it was folded last. Lengths count business time of its calendar."""

    group: str
    metric: str
    cycle: int
    route: str
    owner: str
    severity: str
    state: str
    reason: str
    started_at: datetime
    ended_at: datetime | None
    target: timedelta | None
    consumed: timedelta
    anchor_at: datetime
    due_at: datetime | None
    breach_at: datetime | None
    breached_at: datetime | None
    wake_at: datetime | None
    terms: str
    terms_version: int
    calendar: str
    calendar_version: str
    tzdata: str

    @property
    def is_open(self) -> bool:
        """Whether something may still come of it."""
        return self.state in ("running", "paused")


@dataclass(frozen=True, slots=True)
class Fired:
    """Something that happened once to a cycle, under its own name. `at` is the true instant, `fired_at` when it was acted
    on; `quiet`: it was over before anybody was to be told; `provisional`: some source had not been read past it;
    `retracted_at`: later facts made it untrue; `acked_at`: `acked_by` said that they know of it."""

    group: str
    metric: str
    cycle: int
    kind: str
    label: str
    severity: str
    at: datetime
    fired_at: datetime
    late: timedelta = timedelta()
    quiet: bool = False
    provisional: bool = False
    retracted_at: datetime | None = None
    acked_at: datetime | None = None
    acked_by: str | None = None


class Clocks:
    """Clocks and firings, within one transaction."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def of(self, group: str) -> list[ClockRow]:
        """The clocks of a case, each metric's cycles in order."""
        query = select(clock).where(clock.c.group_id == group).order_by(clock.c.metric, clock.c.cycle)
        return [_row(row) for row in self._connection.execute(query)]

    def put(self, group: str, rows: Iterable[ClockRow]) -> bool:
        """Let these be the clocks of a case; whether that changed any."""
        wanted = {(row.metric, row.cycle): row for row in rows}
        known = {(row.metric, row.cycle): row for row in self.of(group)}
        if wanted == known:
            return False
        for metric, cycle in known.keys() - wanted.keys():
            self._connection.execute(delete(clock).where(_where(clock, group, metric, cycle)))
        for (metric, cycle), row in wanted.items():
            if (metric, cycle) not in known:
                self._connection.execute(clock.insert().values(_values(row)))
            elif known[metric, cycle] != row:
                where = _where(clock, group, metric, cycle)
                self._connection.execute(update(clock).where(where).values(_values(row)))
        return True

    def open(self, *, limit: int | None = None) -> list[ClockRow]:
        """Every clock that runs or stands still, what is due next first, and then what is not due at all."""
        query = select(clock).where(clock.c.ended_at.is_(None)).order_by(clock.c.due_at.is_(None), clock.c.due_at)
        return [_row(row) for row in self._connection.execute(query.limit(limit) if limit else query)]

    def all(self) -> list[ClockRow]:
        """Every clock of every case."""
        query = select(clock).order_by(clock.c.group_id, clock.c.metric, clock.c.cycle)
        return [_row(row) for row in self._connection.execute(query)]

    def next_wake_at(self) -> datetime | None:
        """When the next clock wants attention; None for never."""
        found: datetime | None = self._connection.execute(select(func.min(clock.c.wake_at))).scalar_one()
        return found

    # What was done

    def fire(self, one: Fired) -> bool:
        """Write down that something is acted on; False if it was before, by whomever."""
        row = {
            "group_id": one.group,
            "metric": one.metric,
            "cycle": one.cycle,
            "kind": one.kind,
            "label": one.label,
            "severity": one.severity,
            "at": one.at,
            "fired_at": one.fired_at,
            "late_s": one.late // _SECOND,
            "quiet": one.quiet,
            "provisional": one.provisional,
        }
        return insert_if_absent(self._connection, firing, row)

    def fired(self, group: str) -> list[Fired]:
        """Everything that was acted on in a case, in the order it happened."""
        query = select(firing).where(firing.c.group_id == group).order_by(firing.c.at, firing.c.metric, firing.c.label)
        return [_fired(row) for row in self._connection.execute(query)]

    def retract(self, one: Fired) -> None:
        """Later facts made it untrue: it stays written down as such."""
        self._connection.execute(update(firing).where(_name(one)).values(retracted_at=self._now))

    def stand_again(self, one: Fired) -> None:
        """Still later facts made it true after all."""
        self._connection.execute(update(firing).where(_name(one)).values(retracted_at=None, at=one.at))

    def acknowledge(self, one: Fired, *, who: str) -> None:
        """Somebody knows of it."""
        self._connection.execute(update(firing).where(_name(one)).values(acked_at=self._now, acked_by=who))

    def confirm(self, one: Fired) -> None:
        """Every source was read past it."""
        self._connection.execute(update(firing).where(_name(one)).values(provisional=False))


def _where(table: Any, group: str, metric: str, cycle: int) -> Any:
    return and_(table.c.group_id == group, table.c.metric == metric, table.c.cycle == cycle)


def _name(one: Fired) -> Any:
    named = (firing.c.kind == one.kind, firing.c.label == one.label, firing.c.severity == one.severity)
    return and_(_where(firing, one.group, one.metric, one.cycle), *named)


def _values(row: ClockRow) -> dict[str, Any]:
    return {
        "group_id": row.group,
        "metric": row.metric,
        "cycle": row.cycle,
        "route": row.route,
        "owner": row.owner,
        "severity": row.severity,
        "state": row.state,
        "reason": row.reason,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "target_s": None if row.target is None else row.target // _SECOND,
        "consumed_us": row.consumed // timedelta(microseconds=1),
        "anchor_at": row.anchor_at,
        "due_at": row.due_at,
        "breach_at": row.breach_at,
        "breached_at": row.breached_at,
        "wake_at": row.wake_at,
        "terms": row.terms,
        "terms_version": row.terms_version,
        "calendar": row.calendar,
        "calendar_version": row.calendar_version,
        "tzdata": row.tzdata,
    }


def _row(row: Any) -> ClockRow:
    values = dict(row._mapping)
    group, target, consumed = values.pop("group_id"), values.pop("target_s"), values.pop("consumed_us")
    return ClockRow(
        group=group,
        target=None if target is None else timedelta(seconds=target),
        consumed=timedelta(microseconds=consumed),
        **values,
    )


def _fired(row: Any) -> Fired:
    values = dict(row._mapping)
    group, late_s = values.pop("group_id"), values.pop("late_s")
    quiet, provisional = bool(values.pop("quiet")), bool(values.pop("provisional"))
    return replace(Fired(group=group, late=timedelta(seconds=late_s), **values), quiet=quiet, provisional=provisional)
