"""Which group is due, and whose hand is on it: a lease with a fencing number.

Every link has a row here. The rows of links that share an issue name one of them in `joined`: only that one, the lead,
falls due and is held, and whoever holds it holds them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, false, func, literal, or_, select, update

from bridge.errors import HandLostError
from bridge.store.schema import Instant, work_group
from bridge.store.upsert import insert_if_absent

BACKGROUND = 4
"""Tickets of a backfill that are taken in hand at once: few, so that a worker is soon free again for what comes."""
ASKED = 1
"""A ticket that a backfill found and that was not looked at yet: it waits behind all that is wanted now."""
TAKEN = 2
"""One that was looked at, or is wanted now for another reason."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One link's place in a group of several. `suspended` is why it rests, or ""."""

    group: str
    route: str
    suspended: str = ""


@dataclass(frozen=True, slots=True)
class Hand:
    """A lease on one group. `fence` rises with every claim; `wanted` is how often work was asked for when claimed.

    For links that share an issue, `group` is one of them, `lead` the row that bears the lease of all, and `seats` are
    all of them with this one, the lead first. A link of its own has no lead and no seats.
    """

    group: str
    route: str
    holder: str
    fence: int
    wanted: int
    lead: str = ""
    seats: tuple[Seat, ...] = ()
    is_background: bool = False
    """Whether only a backfill asked for it, so that all else goes first."""
    rests: str = ""
    """Why the link of a group without seats is set aside: nothing of it is worked on but its signposts."""

    @property
    def row(self) -> str:
        """The row that bears the lease."""
        return self.lead or self.group

    def at(self, seat: Seat) -> Hand:
        """The same lease, laid on another link of the group."""
        return replace(self, group=seat.group, route=seat.route)


class Hands:
    """Leases and due times of groups, within one transaction."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def want(self, group: str, route: str, *, due_at: datetime | None = None) -> None:
        """Ask for the group to be reconciled by `due_at` (now if None), even if somebody works on it this moment."""
        due = due_at or self._now
        first = {"id": group, "route": route, "due_at": due, "wanted": 1, "fence": 0}
        if not self._want_known(group, due) and not insert_if_absent(self._connection, work_group, first):
            self._want_known(group, due)

    def _want_known(self, group: str, due: datetime) -> bool:
        table = work_group
        is_later = or_(table.c.due_at.is_(None), table.c.due_at > due)
        asked = table.alias()
        lead = select(func.nullif(asked.c.joined, "")).where(asked.c.id == group).scalar_subquery()
        done = self._connection.execute(
            update(table)
            .where(table.c.id == func.coalesce(lead, group))
            .values(
                due_at=case((is_later, literal(due, Instant())), else_=table.c.due_at),
                wanted=table.c.wanted + 1,
                backfill=_taken(),
            )
        )
        return done.rowcount > 0

    def want_resting(self, group: str) -> bool:
        """Ask for a group now that waits for nothing; False if it is due some time anyway, or set aside."""
        table = work_group
        done = self._connection.execute(
            update(table)
            .where(table.c.id == self.lead_of(group), table.c.due_at.is_(None), _is_awake())
            .values(due_at=self._now, wanted=table.c.wanted + 1)
        )
        return done.rowcount > 0

    def want_route(self, route: str) -> int:
        """Ask for every group of a route (its rules changed); how many there are."""
        table, mine = work_group, work_group.alias()
        leads = select(mine.c.joined).where(mine.c.route == route, mine.c.joined != "").scalar_subquery()
        done = self._connection.execute(
            update(table)
            .where(or_(and_(table.c.route == route, table.c.joined == ""), table.c.id.in_(leads)))
            .values(due_at=self._now, wanted=table.c.wanted + 1)
        )
        return int(done.rowcount)

    def groups(self, route: str) -> list[str]:
        """Every group that was ever worked on for a route."""
        query = select(work_group.c.id).where(work_group.c.route == route).order_by(work_group.c.id)
        return [row.id for row in self._connection.execute(query)]

    def due_routes(self) -> dict[str, datetime]:
        """The routes with groups that are due and free, and since when the one of each has been that waits longest."""
        table = work_group
        rows = self._connection.execute(
            select(table.c.route, func.min(table.c.due_at)).where(self._is_ready()).group_by(table.c.route)
        )
        return {row[0]: row[1] for row in rows}

    def count_due_by_route(self) -> dict[str, tuple[int, datetime]]:
        """As `due_routes`, each with how many groups wait."""
        table = work_group
        rows = self._connection.execute(
            select(table.c.route, func.count(), func.min(table.c.due_at))
            .where(self._is_ready())
            .group_by(table.c.route)
        )
        return {row[0]: (int(row[1]), row[2]) for row in rows}

    def _is_ready(self) -> ColumnElement[bool]:
        table = work_group
        free = or_(table.c.held_until.is_(None), table.c.held_until <= self._now)
        return and_(table.c.due_at <= self._now, free, _is_awake())

    def claim(self, holder: str, *, lease_s: float, limit: int, route: str | None = None) -> list[Hand]:
        """Take up to `limit` groups (of one route) that are due and free, longest waiting first; if there are none, a few
        of those that a backfill asked for."""
        table = work_group
        mine = self._is_ready() if route is None else and_(table.c.route == route, self._is_ready())
        rows: Sequence[Any] = ()
        for what, most in ((table.c.backfill != ASKED, limit), (table.c.backfill == ASKED, min(limit, BACKGROUND))):
            rows = (
                rows
                or self._connection.execute(
                    select(
                        table.c.id,
                        table.c.route,
                        table.c.fence,
                        table.c.wanted,
                        table.c.joined,
                        table.c.backfill,
                        table.c.suspended,
                    )
                    .where(mine, what)
                    .order_by(table.c.due_at, table.c.id)
                    .limit(most)
                    .with_for_update(skip_locked=True)
                ).all()
            )
        until = self._now + timedelta(seconds=lease_s)
        for row in rows:
            self._connection.execute(
                update(table)
                .where(table.c.id == row.id)
                .values(holder=holder, held_until=until, fence=table.c.fence + 1)
            )
        hands = [
            Hand(row.id, row.route, holder, row.fence + 1, row.wanted, "", (), row.backfill == ASKED, row.suspended)
            for row in rows
        ]
        return [
            replace(hand, lead=hand.group, seats=self.seats(hand.group)) if row.joined else hand
            for hand, row in zip(hands, rows, strict=True)
        ]

    def take(self, group: str, holder: str, *, lease_s: float) -> Hand | None:
        """Take one group in hand, due or not, resting or not; None while another hand is on it."""
        table = work_group
        free = or_(table.c.held_until.is_(None), table.c.held_until <= self._now)
        until = self._now + timedelta(seconds=lease_s)
        done = self._connection.execute(
            update(table)
            .where(table.c.id == self.lead_of(group), free)
            .values(holder=holder, held_until=until, fence=table.c.fence + 1)
        )
        if done.rowcount == 0:
            return None
        row = self._connection.execute(select(table).where(table.c.id == self.lead_of(group))).one()
        hand = Hand(row.id, row.route, holder, row.fence, row.wanted, rests=row.suspended)
        return replace(hand, lead=row.id, seats=self.seats(row.id)) if row.joined else hand

    def seats(self, lead: str) -> tuple[Seat, ...]:
        """The links that share an issue with this lead, the lead first, then by name. () for a link of its own."""
        table = work_group
        rows = self._connection.execute(
            select(table.c.id, table.c.route, table.c.suspended).where(table.c.joined == lead).order_by(table.c.id)
        )
        found = [Seat(row.id, row.route, row.suspended) for row in rows]
        return tuple(sorted(found, key=lambda seat: seat.group != lead))

    def lead_of(self, group: str) -> str:
        """The lead of the group a link belongs to: itself, if it has an issue of its own."""
        joined = self._connection.execute(select(work_group.c.joined).where(work_group.c.id == group)).scalar()
        return str(joined or group)

    def bind(self, groups: Iterable[str], lead: str) -> None:
        """Let these links share one lease from now on, borne by `lead` ("": each has its own). Whoever holds one of
        them loses it, and all are due."""
        for group in groups:
            is_lead = lead in ("", group)
            self._connection.execute(
                update(work_group)
                .where(work_group.c.id == group)
                .values(
                    joined=lead,
                    holder=None,
                    held_until=None,
                    fence=work_group.c.fence + 1,
                    wanted=work_group.c.wanted + 1,
                    due_at=self._now if is_lead else None,
                )
            )

    def generation(self, group: str) -> int:
        """How often the link's issue was exchanged for another."""
        asked = select(work_group.c.generation).where(work_group.c.id == group)
        return int(self._connection.execute(asked).scalar() or 0)

    def raise_generation(self, group: str, to: int | None = None) -> int:
        """Count one exchange more (or up to `to`, known from a marker): keys and markers made from now on differ from
        all before. What it is now."""
        table = work_group
        if to is not None:
            self._connection.execute(
                update(table).where(table.c.id == group, table.c.generation < to).values(generation=to)
            )
            return self.generation(group)
        self._connection.execute(update(table).where(table.c.id == group).values(generation=table.c.generation + 1))
        return self.generation(group)

    def check(self, hand: Hand) -> None:
        """Make sure the hand still holds its group, and keep it so until this transaction ends.

        Raises HandLostError if the lease has run out or another hand was faster.
        """
        table = work_group
        row = self._connection.execute(
            select(table.c.fence, table.c.held_until).where(table.c.id == hand.row).with_for_update()
        ).one_or_none()
        if row is None or row.fence != hand.fence or row.held_until is None or row.held_until <= self._now:
            raise HandLostError(f"Another worker took over {hand.group}; this one leaves it alone.")

    def extend(self, hand: Hand, *, lease_s: float) -> None:
        """Hold on for another `lease_s` seconds from now. The hand must have been checked in this transaction."""
        table = work_group
        self._connection.execute(
            update(table)
            .where(table.c.id == hand.row, table.c.fence == hand.fence)
            .values(held_until=self._now + timedelta(seconds=lease_s))
        )

    def release(self, hand: Hand, *, due_at: datetime | None) -> None:
        """Let the group go until `due_at` (None: until wanted again), unless it was wanted meanwhile: then it is due."""
        table = work_group
        self._connection.execute(
            update(table)
            .where(table.c.id == hand.row, table.c.fence == hand.fence)
            .values(holder=None, held_until=None)
        )
        self._connection.execute(
            update(table)
            .where(table.c.id == hand.row, table.c.fence == hand.fence, table.c.wanted == hand.wanted)
            .values(
                {"due_at": due_at} if due_at is not None else {"due_at": due_at, "backfill": _taken(), "tidy": false()}
            )
        )

    def ask(self, group: str, route: str) -> bool:
        """Ask for a ticket to be taken up whatever its age, when nothing else is to do. False if it waits for that
        already, or rests."""
        table = work_group
        first = {"id": group, "route": route, "due_at": self._now, "wanted": 1, "fence": 0, "backfill": ASKED}
        if insert_if_absent(self._connection, table, first):
            return True
        done = self._connection.execute(
            update(table)
            .where(table.c.id == group, table.c.backfill != ASKED, table.c.suspended == "", table.c.joined == "")
            .values(
                backfill=case((table.c.due_at <= self._now, TAKEN), else_=ASKED),
                due_at=case((table.c.due_at <= self._now, table.c.due_at), else_=literal(self._now, Instant())),
                wanted=table.c.wanted + 1,
            )
        )
        return done.rowcount > 0

    def is_asked(self, group: str) -> bool:
        """Whether a backfill asked for the ticket ever."""
        asked = select(work_group.c.backfill).where(work_group.c.id == group)
        return bool(self._connection.execute(asked).scalar())

    def count_asked(self, route: str) -> int:
        """How many tickets of a route wait that a backfill asked for."""
        table = work_group
        waiting = select(func.count()).where(table.c.route == route, table.c.backfill == ASKED, _is_awake())
        return int(self._connection.execute(waiting).scalar_one())

    def give_back(self, hand: Hand) -> None:
        """Let a group go that was not worked on: it is as due as it was before."""
        table = work_group
        self._connection.execute(
            update(table)
            .where(table.c.id == hand.row, table.c.fence == hand.fence)
            .values(holder=None, held_until=None)
        )

    def resume(self, group: str) -> None:
        """Take a group up again whose ticket has come back, with those that share its issue."""
        table, asked = work_group, work_group.alias()
        lead = select(func.nullif(asked.c.joined, "")).where(asked.c.id == group).scalar_subquery()
        self._connection.execute(
            update(table)
            .where(or_(table.c.id == group, table.c.joined == lead), table.c.suspended.like("%is gone"))
            .values(suspended="")
        )

    def disturb(self, group: str) -> None:
        """Take a group from whoever holds it, and let it be due: what it is about has changed."""
        self._connection.execute(
            update(work_group)
            .where(work_group.c.id == self.lead_of(group))
            .values(
                holder=None,
                held_until=None,
                fence=work_group.c.fence + 1,
                wanted=work_group.c.wanted + 1,
                due_at=self._now,
            )
        )

    def wake(self, group: str) -> None:
        """Take a group up again, whatever it was set aside for."""
        self._connection.execute(update(work_group).where(work_group.c.id == group).values(suspended=""))

    def suspend(self, group: str, why: str) -> None:
        """Set a group aside until a person looks at it. It is due once more, for its signposts to tell."""
        self._connection.execute(update(work_group).where(work_group.c.id == group).values(suspended=why, tidy=True))
        self._want_known(group, self._now)

    def suspension(self, group: str) -> str:
        """Why a group is set aside, "" if it is not."""
        asked = select(work_group.c.suspended).where(work_group.c.id == group)
        return str(self._connection.execute(asked).scalar() or "")

    def next_due_at(self) -> datetime | None:
        """When the next group that nobody holds falls due; None if none waits."""
        table = work_group
        due_at: datetime | None = self._connection.execute(
            select(func.min(table.c.due_at)).where(_is_awake())
        ).scalar_one()
        return due_at

    def free_all(self) -> None:
        """Take every hand off: the process that held them is gone."""
        self._connection.execute(
            update(work_group)
            .where(work_group.c.holder.is_not(None))
            .values(holder=None, held_until=None, fence=work_group.c.fence + 1)
        )

    def count_waiting(self) -> int:
        """How many groups fall due some time."""
        table = work_group
        return int(
            self._connection.execute(
                select(func.count()).select_from(table).where(table.c.due_at.is_not(None), _is_awake())
            ).scalar_one()
        )

    def count_due(self) -> int:
        """How many groups are due now."""
        table = work_group
        return int(
            self._connection.execute(
                select(func.count()).select_from(table).where(table.c.due_at <= self._now, _is_awake())
            ).scalar_one()
        )

    def suspensions(self) -> list[tuple[str, str]]:
        """The groups set aside, each with the reason."""
        rows = self._connection.execute(
            select(work_group.c.id, work_group.c.suspended).where(work_group.c.suspended != "")
        )
        return [(row.id, row.suspended) for row in rows]


def _taken() -> ColumnElement[int]:
    return case((work_group.c.backfill == ASKED, TAKEN), else_=work_group.c.backfill)


def _is_awake() -> ColumnElement[bool]:
    """Whether a row may be worked on. A lead bears the lease of others too, so it is taken even if its own link rests;
    and one that was set aside just now is taken once more, for its signposts."""
    return or_(work_group.c.suspended == "", work_group.c.joined != "", work_group.c.tidy)
