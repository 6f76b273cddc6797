"""What another contract would make of the cases there are: which due times move, what would be broken, and what would not.
Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.engine.clocks.account import Account, account_of
from bridge.engine.clocks.report import ticket_of, title_of
from bridge.engine.route import Route
from bridge.model.words import Party
from bridge.sla.clock import CaseClocks, Clock, Fire, Kind
from bridge.sla.fold import fold
from bridge.sla.terms import Timeline
from bridge.sla.wake import compare
from bridge.store.ledger import Transaction

NOTHING = Timeline(())
"""What a route without a contract promises."""


@dataclass(frozen=True, slots=True)
class Change:
    """One cycle of one promise under both contracts; a side is None where nothing is promised. `breaks`, `mends`: by
    `as_of` it is broken under the other one only, or no more."""

    ticket: str
    title: str
    metric: str
    cycle: int
    before: Clock | None
    after: Clock | None
    breaks: bool
    mends: bool
    as_of: datetime

    @property
    def was_over(self) -> bool:
        """Whether it is broken as things are, also if it runs on."""
        return self.before is not None and self.before.is_over(self.as_of)

    @property
    def is_over(self) -> bool:
        """Whether it is broken under the other contract, also if it runs on."""
        return self.after is not None and self.after.is_over(self.as_of)

    @property
    def moved_by(self) -> timedelta | None:
        """How much later it is due, by the wall; negative for earlier; None if it is not due at all on either side."""
        before, after = (clock.due_at if clock is not None else None for clock in (self.before, self.after))
        return after - before if before is not None and after is not None else None

    @property
    def left_by(self) -> timedelta | None:
        """How much more time is left to one that stands still, in business time; None unless it does under both."""
        if self.before is None or self.after is None or not (_stands(self.before) and _stands(self.after)):
            return None
        before, after = self.before.left, self.after.left
        return after - before if before is not None and after is not None else None

    @property
    def clock(self) -> Clock:
        """Whichever there is, the other contract's first."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def matters(self) -> bool:
        """Whether anything is different."""
        is_new = self.before is None or self.after is None
        return bool(is_new or self.breaks or self.mends or self.moved_by or self.left_by or self._due_on_one_side)

    @property
    def _due_on_one_side(self) -> bool:
        if self.before is None or self.after is None:
            return False
        return (self.before.due_at is None) != (self.after.due_at is None)


@dataclass(frozen=True, slots=True)
class Difference:
    """What another contract makes of a route's cases. `cases` were looked at; of these, `lost` would have come while no
    contract held and `gained` no longer."""

    route: str
    customer: str
    cases: int
    changes: tuple[Change, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def moves(self) -> list[timedelta]:
        """By how much due times move, those that do."""
        return [change.moved_by for change in self.changes if change.moved_by]

    @property
    def furthest(self) -> timedelta:
        """The furthest of them, earlier or later; zero without any."""
        return max(self.moves, key=abs, default=timedelta())


def difference_of(transaction: Transaction, routes: Mapping[str, Route], name: str, other: Timeline) -> Difference:
    """Every case of a route, open and past, under the route's contract and under the other one, as of now."""
    changes: list[Change] = []
    gained: list[str] = []
    lost: list[str] = []
    count = 0
    for group in transaction.hands.groups(name):
        account = account_of(transaction, routes, group, instead=other)
        if account is None:
            continue
        before = fold(account.facts, routes[name].contract or NOTHING, facts_upto=transaction.now)
        if not (before.clocks or account.folded.clocks or before.out_of_support or account.folded.out_of_support):
            continue
        count += 1
        changes.extend(_changes(account, before, transaction.now))
        if before.out_of_support is not account.folded.out_of_support:
            (gained if before.out_of_support else lost).append(ticket_of(account.state))
    customer = other.versions[-1].contract.customer
    return Difference(name, customer, count, tuple(changes), tuple(gained), tuple(lost))


def _changes(account: Account, before: CaseClocks, as_of: datetime) -> Iterator[Change]:
    told = compare(before, account.folded, as_of=as_of)
    breaks, mends = _breaches(one.fire for one in told.newly_due), _breaches(told.retracted)
    old, new = _ours(before), _ours(account.folded)
    for metric, cycle in sorted(old.keys() | new.keys()):
        change = Change(
            ticket=ticket_of(account.state),
            title=title_of(account.state),
            metric=metric,
            cycle=cycle,
            before=old.get((metric, cycle)),
            after=new.get((metric, cycle)),
            breaks=(metric, cycle) in breaks,
            mends=(metric, cycle) in mends,
            as_of=as_of,
        )
        if change.matters:
            yield change


def _ours(folded: CaseClocks) -> dict[tuple[str, int], Clock]:
    """The vendor's promises."""
    clocks = (clock for clock in folded.clocks if clock.owner is Party.VENDOR and clock.target is not None)
    return {(clock.metric, clock.cycle): clock for clock in clocks}


def _breaches(fires: Iterable[Fire]) -> set[tuple[str, int]]:
    return {(fire.metric, fire.cycle) for fire in fires if fire.kind is Kind.BREACH}


def _stands(clock: Clock) -> bool:
    return clock.is_open and clock.due_at is None
