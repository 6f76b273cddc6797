"""When a case's clocks want attention, what is due, and what a late fact makes untrue.

What happens once to a cycle has a name (`Fire`). Whoever acts keeps the names of what was done; so nothing happens twice,
whatever the present time does, and all that was missed while nobody looked happens once, marked by how late it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.sla.clock import CaseClocks, Clock, ClockState, Crossing, Fire, Kind
from bridge.sla.threshold import BREACH

GRACE = timedelta(minutes=15)
"""How long after its instant a breach is announced, as provisional, while some source was not read past it."""


@dataclass(frozen=True, slots=True)
class Firing:
    """Something to act on. `late_by` is how long ago it was crossed. A `provisional` breach may still be taken back: not
    every source was read past it."""

    fire: Fire
    at: datetime
    late_by: timedelta
    reason: str = ""
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Restatement:
    """What facts that came late change: `retracted` was done and is not true, `newly_due` is true and was not done,
    `confirmed` was provisional and is certain now."""

    retracted: tuple[Fire, ...]
    newly_due: tuple[Firing, ...]
    confirmed: tuple[Fire, ...] = ()


def next_wake(folded: CaseClocks, fired: Collection[Fire] = ()) -> tuple[datetime, str] | None:
    """The next instant at which something happens to the case if no fact comes, and what: `warn`, `breach`, `repeat`, or
    `terms` for a change of the contract. None for never. Stopped and paused clocks wake nobody."""
    found = [wake for clock in folded.clocks if (wake := next_wake_of(clock, fired)) is not None]
    if folded.next_boundary_at is not None and any(clock.is_open for clock in folded.clocks):
        found.append((folded.next_boundary_at, "terms"))
    return min(found, default=None)


def next_wake_of(clock: Clock, fired: Collection[Fire] = ()) -> tuple[datetime, str] | None:
    """As `next_wake`, for one clock."""
    ahead = [crossing for crossing in (*clock.crossed, *clock.armed) if crossing.fire not in fired]
    if not ahead:
        ahead = [crossing for crossing in [_next_repeat(clock, fired)] if crossing is not None]
    first = min(ahead, default=None)
    return None if first is None else (first.at, str(first.fire.kind))


def due(
    folded: CaseClocks,
    *,
    as_of: datetime,
    settled_at: datetime,
    fired: Collection[Fire] = (),
    grace: timedelta = GRACE,
) -> tuple[Firing, ...]:
    """What is to be acted on now, in the order it was crossed.

    `settled_at` is how far every source that may hold the end of a clock was read. A breach waits for that, and is told as
    provisional after `grace`; warnings wait for nothing. Of repetitions that were missed, the newest is told.
    """
    found = []
    for crossing in _crossed(folded, as_of):
        if crossing.fire in fired:
            continue
        certain = crossing.fire.kind is Kind.WARN or settled_at > crossing.at
        if certain or as_of >= crossing.at + grace:
            late_by = max(as_of - crossing.at, timedelta())
            found.append(Firing(crossing.fire, crossing.at, late_by, crossing.reason, not certain))
    return tuple(sorted(found, key=lambda firing: (firing.at, firing.fire.kind is not Kind.WARN, firing.fire)))


def restate(
    fired: Collection[Fire],
    folded: CaseClocks,
    *,
    as_of: datetime,
    settled_at: datetime,
    provisional: Collection[Fire] = (),
) -> Restatement:
    """What was done, held against what is true by the newest fold. `provisional` are those of `fired` that were so."""
    crossings = {crossing.fire: crossing for crossing in _crossed(folded, as_of, all_repeats=True)}
    retracted = tuple(sorted(fire for fire in fired if fire not in crossings))
    certain = tuple(sorted(fire for fire in provisional if fire in crossings and settled_at > crossings[fire].at))
    return Restatement(retracted, due(folded, as_of=as_of, settled_at=settled_at, fired=fired), certain)


def compare(before: CaseClocks, after: CaseClocks, *, as_of: datetime) -> Restatement:
    """What would change if `after` took the place of `before` (another calendar, say): what was crossed by `as_of` in one of
    them only."""
    fired = {crossing.fire for crossing in _crossed(before, as_of, all_repeats=True)}
    return restate(fired, after, as_of=as_of, settled_at=as_of + timedelta(microseconds=1))


def _crossed(folded: CaseClocks, as_of: datetime, *, all_repeats: bool = False) -> Iterator[Crossing]:
    """What was crossed by now; of the repetitions of a breach the newest, or all."""
    for clock in folded.clocks:
        yield from (crossing for crossing in (*clock.crossed, *clock.armed) if crossing.at <= as_of)
        repeats = list(_repeats(clock, as_of))
        yield from repeats if all_repeats else repeats[-1:]


def _repeats(clock: Clock, as_of: datetime) -> Iterator[Crossing]:
    number = 1
    while (crossing := _repeat(clock, number)) is not None and crossing.at <= as_of:
        yield crossing
        number += 1


def _next_repeat(clock: Clock, fired: Collection[Fire]) -> Crossing | None:
    numbers = [int(fire.label.partition("+")[2]) for fire in fired if fire.kind is Kind.REPEAT and _is_of(fire, clock)]
    return _repeat(clock, max(numbers, default=0) + 1)


def _is_of(fire: Fire, clock: Clock) -> bool:
    return (fire.metric, fire.cycle) == (clock.metric, clock.cycle)


def _repeat(clock: Clock, number: int) -> Crossing | None:
    """The n-th time a breach is told again, counted in what is used up beyond it; None if it is not while this runs."""
    if clock.state is not ClockState.RUNNING or clock.promise is None:
        return None
    if not clock.repeat_every or clock.repeat_from is None:
        return None
    need = clock.repeat_from + clock.repeat_every * number
    if need < clock.consumed:
        # It came while the clock ran before it last stood still; nobody needs to be told of it again.
        return Crossing(clock.anchor_at, Fire(clock.metric, clock.cycle, Kind.REPEAT, f"{BREACH}+{number}"))
    at = clock.promise.course.add(clock.anchor_at, need - clock.consumed)
    return None if at is None else Crossing(at, Fire(clock.metric, clock.cycle, Kind.REPEAT, f"{BREACH}+{number}"))
