"""Winding a case's clocks: its facts are folded anew whenever somebody looks at it, the result is kept, and whatever was
crossed since is acted on once, late or not.

A fold has no present in it, so looking twice, after a crash, or on another machine comes to the same; the name of what was
done is written in the transaction that decides it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bridge.engine.clocks.narrative import tell
from bridge.engine.clocks.telling import Teller
from bridge.engine.clocks.words import promise_note
from bridge.engine.connections import Connections
from bridge.engine.intake.past import Chronicle
from bridge.engine.state import GroupState
from bridge.errors import RemoteError
from bridge.model.ticket import TicketRef
from bridge.model.words import Mode, Side
from bridge.sla.clock import CaseClocks, Clock, ClockState, Fire, Kind
from bridge.sla.fold import fold
from bridge.sla.wake import Firing, next_wake, next_wake_of, restate
from bridge.store.clocks import ClockRow, Fired
from bridge.store.facts import Told
from bridge.store.ledger import Ledger, Transaction

PROMISE = "promise"
"""The topic of the notes about promises."""
SOON = timedelta(seconds=15)
"""When to look again at what waits for a site to be read."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Winder:
    """Folds the clocks of cases whose route has a contract, and acts on what they cross."""

    ledger: Ledger
    connections: Connections
    chronicle: Chronicle
    teller: Teller

    def wind(self, state: GroupState) -> datetime | None:
        """Fold the clocks of a case and do what is due. When to look again, None for never."""
        timeline = state.route.contract
        if timeline is None or not _is_case(state):
            return None
        refs = [ref for side in Side if (ref := state.ref(side)) is not None and side in state.snapshots]
        try:
            self.chronicle.complete(refs)
        except RemoteError as error:
            log.warning("past.failed", group=state.hand.group, error=str(error))
            return state.now + SOON
        settled_at = self._settled_at(refs)
        with self.ledger.begin(state.hand) as transaction:
            told = {side: _told(transaction, state, side) for side in Side}
            folded = fold(tell(state, told), timeline, facts_upto=transaction.now)
            return self._keep(transaction, state, folded, settled_at=settled_at)

    def _settled_at(self, refs: Iterable[TicketRef]) -> datetime | None:
        """Up to which moment, by our clock, every site that may hold the end of a clock was read; None before that."""
        found: list[datetime] = []
        with self.ledger.begin() as transaction:
            for site in {ref.site for ref in refs}:
                settled = transaction.facts.settled_through(site)
                if settled is None:
                    return None
                found.append(settled - self.connections.offset(site))
        return min(found, default=None)

    def _keep(
        self, transaction: Transaction, state: GroupState, folded: CaseClocks, *, settled_at: datetime | None
    ) -> datetime | None:
        group, now = state.hand.group, transaction.now
        settled_at = settled_at or datetime.min.replace(tzinfo=now.tzinfo)
        known = {_fire(one): one for one in transaction.clocks.fired(group)}
        standing = {fire for fire, one in known.items() if one.retracted_at is None}
        provisional = {fire for fire in standing if known[fire].provisional}
        change = restate(standing, folded, as_of=now, settled_at=settled_at, provisional=provisional)
        for fire in change.retracted:
            self._retract(transaction, state, known[fire])
        for fire in change.confirmed:
            transaction.clocks.confirm(known[fire])
        for firing in change.newly_due:
            self._act(transaction, state, folded, firing, known)
        _solve(transaction, state, folded)
        fired = {_fire(one) for one in transaction.clocks.fired(group) if one.retracted_at is None}
        transaction.clocks.put(group, [_row(state, clock, fired) for clock in folded.clocks])
        wake = next_wake(folded, fired)
        return None if wake is None else max(wake[0], now + SOON)

    def _act(
        self,
        transaction: Transaction,
        state: GroupState,
        folded: CaseClocks,
        firing: Firing,
        known: Mapping[Fire, Fired],
    ) -> None:
        """Do once what is due. What was crossed before this route's clocks counted is written down, and told to nobody."""
        group, fire = state.hand.group, firing.fire
        clock = next(one for one in folded.clocks if (one.metric, one.cycle) == (fire.metric, fire.cycle))
        if fire in known:
            transaction.clocks.stand_again(known[fire])
            if not known[fire].quiet and state.route.mode is not Mode.OBSERVE:
                self._tell(transaction, state, clock, firing, known[fire])
            return
        since = state.route.clocks_from
        quiet = (since is not None and firing.at < since) or state.route.mode is Mode.OBSERVE
        quiet = quiet or (fire.kind is Kind.REPEAT and _is_acknowledged(fire, known))
        one = Fired(
            group=group,
            metric=fire.metric,
            cycle=fire.cycle,
            kind=str(fire.kind),
            label=fire.label,
            severity=fire.severity,
            at=firing.at,
            fired_at=transaction.now,
            late=firing.late_by,
            quiet=quiet,
            provisional=firing.provisional,
        )
        if not transaction.clocks.fire(one) or quiet:
            return
        transaction.note("promise", group=group, metric=fire.metric, crossed=str(fire.kind), label=fire.label)
        self._tell(transaction, state, clock, firing, one)
        speak = log.error if fire.kind is Kind.BREACH else log.warning
        speak("promise.crossed", group=group, metric=fire.metric, crossed=str(fire.kind), label=fire.label)

    def _tell(self, transaction: Transaction, state: GroupState, clock: Clock, firing: Firing, fired: Fired) -> None:
        """Let a note say it, and people be told."""
        group = state.hand.group
        transaction.notices.record(group, PROMISE, name_of(fired), promise_note(state, clock, firing))
        transaction.hands.want(group, state.route.name)
        self.teller.announce(transaction, state, clock, firing, fired)

    def _retract(self, transaction: Transaction, state: GroupState, one: Fired) -> None:
        """Later facts made it untrue: it stays on record as such, and its note is solved."""
        transaction.clocks.retract(one)
        self.teller.withdraw(transaction, state, one)
        transaction.note("promise_retracted", group=one.group, metric=one.metric, crossed=one.kind, label=one.label)
        transaction.notices.solve(one.group, PROMISE, name_of(one))
        transaction.hands.want(one.group, state.route.name)
        log.warning("promise.retracted", group=one.group, metric=one.metric, crossed=one.kind, label=one.label)


def _is_case(state: GroupState) -> bool:
    """Whether the ticket is, or is about to be, the vendor's: it has an issue, or the route takes it."""
    source = state.snapshots.get(Side.HELPDESK)
    if source is None:
        return False
    end = state.route.helpdesk
    return state.link is not None or end.mapping.matches(end.open_when, source.fields)


def _told(transaction: Transaction, state: GroupState, side: Side) -> list[Told]:
    ref = state.ref(side)
    return transaction.facts.of(ref) if ref is not None else []


def _fire(one: Fired) -> Fire:
    return Fire(one.metric, one.cycle, Kind(one.kind), one.label, one.severity)


def name_of(fired: Fired) -> str:
    """The name of a firing within its case, under which its note stands."""
    return f"{fired.metric}.{fired.cycle}.{fired.kind}.{fired.label}.{fired.severity}"


def _is_acknowledged(repeat: Fire, known: Mapping[Fire, Fired]) -> bool:
    """Whether somebody said that they know of the breach, or of a repetition of it: it is not told again then."""
    return any(
        one.acked_at is not None
        and fire.kind is not Kind.WARN
        and (fire.metric, fire.cycle) == (repeat.metric, repeat.cycle)
        for fire, one in known.items()
    )


def _solve(transaction: Transaction, state: GroupState, folded: CaseClocks) -> None:
    """Notes of clocks that ended are solved: what they warned of did not happen, or is over."""
    over = {f"{one.metric}.{one.cycle}." for one in folded.clocks if not one.is_open}
    for (topic, ident), notice in transaction.notices.of_group(state.hand.group).items():
        if topic == PROMISE and notice.stands and any(ident.startswith(name) for name in over):
            transaction.notices.solve(state.hand.group, PROMISE, ident)
            transaction.hands.want(state.hand.group, state.route.name)


def _row(state: GroupState, clock: Clock, fired: set[Fire]) -> ClockRow:
    wake = next_wake_of(clock, fired) if clock.state is ClockState.RUNNING else None
    # A fold knows of no present: one that runs beyond its target was broken at its limit, once that was acted on.
    is_broken = any(one.kind is Kind.BREACH and (one.metric, one.cycle) == (clock.metric, clock.cycle) for one in fired)
    breached_at = clock.breached_at or (clock.breach_at if is_broken else None)
    return ClockRow(
        group=state.hand.group,
        metric=clock.metric,
        cycle=clock.cycle,
        route=state.route.name,
        owner=str(clock.owner),
        severity=clock.severity,
        state=str(clock.state),
        reason=clock.reason,
        started_at=clock.started_at,
        ended_at=clock.ended_at,
        target=clock.target,
        consumed=clock.consumed,
        anchor_at=clock.anchor_at,
        due_at=clock.due_at,
        breach_at=clock.breach_at,
        breached_at=breached_at,
        wake_at=wake[0] if wake else None,
        terms=clock.terms,
        terms_version=clock.terms_version,
        calendar=clock.promise.calendar if clock.promise else "",
        calendar_version=clock.calendar_version,
        tzdata=clock.tzdata,
    )
