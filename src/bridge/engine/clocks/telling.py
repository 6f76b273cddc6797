"""Planning who is told of what a clock crossed: rows of the outbox, written in the transaction that records the firing.

Level-triggered in its own way: what was last said of a firing is held against what is true. So a firing that is taken back
before anybody heard of it is told to nobody, one that was told is taken back once, to the same people over the same
channels, and one that stands after all is told again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.engine.clocks.bulletin import Bulletin, bulletin, withdrawal
from bridge.engine.state import GroupState
from bridge.model.words import Mode, Side
from bridge.sla.clock import Clock
from bridge.sla.contract import Contract
from bridge.sla.lint import ASSIGNEE
from bridge.sla.roster import Addressee, Roster, steps_of
from bridge.sla.wake import Firing
from bridge.store.clocks import Fired
from bridge.store.ledger import Transaction
from bridge.store.notifications import Notification, Telling

HEARD = (Telling.SENDING, Telling.SENT, Telling.UNKNOWN)
"""What somebody heard, or may have heard."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Plans what people are told. `roster` are the config's people with the channels they have."""

    roster: Roster

    def announce(self, transaction: Transaction, state: GroupState, clock: Clock, firing: Firing, fired: Fired) -> None:
        """Let everybody whom the contract names be told, once over each of their channels."""
        turn = _next_turn(transaction.notifications.of_firing(fired))
        for one in addressees(self.roster, state, clock, firing):
            said = bulletin(state, clock, firing, one)
            for channel in one.member.channels:
                _plan(transaction, fired, turn, (one.member.key, channel), said)

    def withdraw(self, transaction: Transaction, state: GroupState, fired: Fired) -> None:
        """It is not true any more: whoever heard of it is told so, and nobody else hears of it."""
        is_silent = state.route.mode is Mode.OBSERVE
        rows = transaction.notifications.of_firing(fired)
        for one in rows:
            if one.state is Telling.PLANNED and not one.batch:
                transaction.notifications.end(one, Telling.DROPPED, reason="it was taken back before")
        newest = _newest(rows)
        told = [one for one in newest if one.state in HEARD or (one.state is Telling.PLANNED and one.batch)]
        for one in told:
            if one.turn % 2 == 0 and not is_silent:
                _plan(transaction, fired, one.turn + 1, (one.person, one.channel), withdrawal(state, fired))


def addressees(roster: Roster, state: GroupState, clock: Clock, firing: Firing) -> tuple[Addressee, ...]:
    """Whom the contract names for this. In `internal` no word reaches the customer, so none of their people is told."""
    contract = contract_of(state, clock)
    if contract is None:
        return ()
    steps = steps_of(contract, firing.fire, severity=clock.severity)
    only_vendor = state.route.mode is Mode.INTERNAL
    return roster.addressees(contract, steps, assignee=assignee_of(state), without_customer=only_vendor)


def contract_of(state: GroupState, clock: Clock) -> Contract | None:
    """The version of the contract that a clock runs by."""
    timeline = state.route.contract
    terms = timeline.for_new_case(clock.started_at) if timeline is not None else None
    return terms.contract if terms is not None else None


def assignee_of(state: GroupState) -> str | None:
    """The key of the person the issue is assigned to, as the tracker's mapping reads it; None if it maps nobody."""
    lens, issue = state.route.tracker.mapping.lenses.get(ASSIGNEE), state.snapshots.get(Side.TRACKER)
    value = lens.read(issue.fields).value if lens is not None and issue is not None else None
    return str(value) if value is not None else None


def _plan(transaction: Transaction, fired: Fired, turn: int, to: tuple[str, str], said: Bulletin) -> None:
    person, channel = to
    one = Notification.of(
        fired, turn=turn, person=person, channel=channel, title=said.title, body=said.body, at=transaction.now
    )
    transaction.notifications.plan(one)


def _newest(rows: Iterable[Notification]) -> list[Notification]:
    """The last turn of each person and channel that was not dropped."""
    found: dict[tuple[str, str], Notification] = {}
    for one in rows:
        if one.state is not Telling.DROPPED:
            found[one.person, one.channel] = one
    return list(found.values())


def _next_turn(rows: Iterable[Notification]) -> int:
    """The next even number: odd turns take back."""
    last = max((one.turn for one in rows), default=-2)
    return last + 2 - last % 2
