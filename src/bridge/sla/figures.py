"""Report figures: what became of promises, counted. Every figure names the contract and the data it was judged by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from bridge.model.words import Party
from bridge.sla.clock import CaseClocks, Clock, ClockState

PERCENTILES = (50, 90, 95)
"""Which percentiles of the time used up are told."""


class Judge(NamedTuple):
    """What a number was judged by: the contract's version, the digest of the calendar's version, the zone data."""

    terms: str
    calendar: str
    tzdata: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one cycle, as far as everything is known. `month` is that of its end, "" while it runs; `overrun` is
    business time beyond the target; `pauses` is how long it stood still by the wall, by reason. `terms` is the contract it
    stands under; it was judged by more than one calendar if its severity or the calendar changed while it ran."""

    case: str
    terms: str
    metric: str
    cycle: int
    severity: str
    result: str
    month: str
    consumed: timedelta
    target: timedelta | None
    due_at: datetime | None
    overrun: timedelta
    pauses: dict[str, timedelta]
    provisional: bool
    flags: frozenset[str]
    judged_by: frozenset[Judge]


@dataclass(frozen=True, slots=True)
class Figures:
    """The outcomes of one contract, severity, metric and month. `breached` includes those that still run (`running_over`):
    a rate that left them out would grow better by leaving cases open. What was cancelled in time counts in no rate.
    `running` and `paused` are those that may still be kept. `percentiles` are of the time used up by what was met or
    breached, so of what still runs too, if it is over: empty if there is none."""

    terms: str
    severity: str
    metric: str
    month: str
    met: int
    breached: int
    running: int
    running_over: int
    paused: int
    cancelled: int
    provisional: int
    consumed: timedelta
    percentiles: Mapping[int, timedelta]
    overrun: timedelta
    pauses: dict[str, timedelta]
    judged_by: frozenset[Judge]

    @property
    def rate(self) -> float | None:
        """The share of promises that were kept, among those settled or exceeded; None without any."""
        judged = self.met + self.breached
        return self.met / judged if judged else None


MET, BREACHED, RUNNING, RUNNING_OVER = "met", "breached", "running", "running_over"
PAUSED, CANCELLED = "paused", "cancelled"
JUDGED = (MET, BREACHED, RUNNING_OVER)


def outcome(case: str, clock: Clock, *, as_of: datetime, settled_at: datetime, zone: tzinfo) -> Outcome:
    """What became of a clock by `as_of`, its sources being read until `settled_at`; months are those of `zone`."""
    over = clock.is_over(as_of)
    consumed = clock.consumed
    if clock.state is ClockState.RUNNING and clock.promise is not None and as_of > clock.anchor_at:
        consumed += clock.promise.course.between(clock.anchor_at, as_of)
    pauses: dict[str, timedelta] = {}
    for pause in clock.pauses:
        stood = max((pause.until_at or max(as_of, pause.from_at)) - pause.from_at, timedelta())
        pauses[pause.reason] = pauses.get(pause.reason, timedelta()) + stood
    return Outcome(
        case=case,
        terms=clock.terms,
        metric=clock.metric,
        cycle=clock.cycle,
        severity=clock.severity,
        result=_result(clock, over),
        month=f"{clock.ended_at.astimezone(zone):%Y-%m}" if clock.ended_at is not None else "",
        consumed=consumed,
        target=clock.target,
        due_at=clock.due_at,
        overrun=max(consumed - clock.target, timedelta()) if over and clock.target is not None else timedelta(),
        pauses=pauses,
        provisional=over and not clock.is_over(settled_at),
        flags=clock.flags,
        judged_by=_judges(clock),
    )


def _judges(clock: Clock) -> frozenset[Judge]:
    measured = {Judge(clock.terms, segment.calendar, segment.tzdata) for segment in clock.segments}
    now = Judge(clock.terms, clock.calendar_version, clock.tzdata)
    return frozenset({*measured, now} if clock.is_open or not measured else measured)


def outcomes(
    cases: Iterable[tuple[str, CaseClocks]], *, as_of: datetime, settled_at: datetime, zone: tzinfo
) -> list[Outcome]:
    """The outcomes of the vendor's promises in these cases; what nothing was promised of is left out."""
    return [
        outcome(case, clock, as_of=as_of, settled_at=settled_at, zone=zone)
        for case, folded in cases
        for clock in folded.clocks
        if clock.owner is Party.VENDOR and clock.target is not None
    ]


def figures(found: Iterable[Outcome], *, month: str = "") -> list[Figures]:
    """Outcomes counted by contract, severity, metric and month of their end (what still runs under month ""). With a
    `month`: of that one alone, what still runs counted with it."""
    groups: dict[tuple[str, str, str, str], list[Outcome]] = {}
    for one in found:
        if not month or one.month in (month, ""):
            groups.setdefault((one.terms, one.severity, one.metric, month or one.month), []).append(one)
    return [_counted(key, members) for key, members in sorted(groups.items())]


def percentile(amounts: Iterable[timedelta], share: int) -> timedelta | None:
    """The least of these amounts that `share` percent of them do not exceed (nearest rank): always one that occurred, also
    among few. None of none."""
    ordered = sorted(amounts)
    rank = max(-(-len(ordered) * share // 100), 1)
    return ordered[rank - 1] if ordered else None


def out_of_support(cases: Iterable[tuple[str, CaseClocks]]) -> list[str]:
    """The cases to which nothing was promised, because no contract held when they came. Reported apart."""
    return [case for case, folded in cases if folded.out_of_support]


def _result(clock: Clock, over: bool) -> str:
    if clock.is_open:
        waits = PAUSED if clock.state is ClockState.PAUSED else RUNNING
        return RUNNING_OVER if over else waits
    if over:
        return BREACHED
    return MET if clock.state is ClockState.STOPPED else CANCELLED


def _counted(key: tuple[str, str, str, str], members: list[Outcome]) -> Figures:
    results = [one.result for one in members]
    pauses: dict[str, timedelta] = {}
    for one in members:
        for reason, stood in one.pauses.items():
            pauses[reason] = pauses.get(reason, timedelta()) + stood
    terms, severity, metric, month = key
    used = [one.consumed for one in members if one.result in JUDGED]
    return Figures(
        terms=terms,
        severity=severity,
        metric=metric,
        month=month,
        met=results.count(MET),
        breached=results.count(BREACHED) + results.count(RUNNING_OVER),
        running=results.count(RUNNING),
        running_over=results.count(RUNNING_OVER),
        paused=results.count(PAUSED),
        cancelled=results.count(CANCELLED),
        provisional=sum(one.provisional for one in members),
        consumed=sum((one.consumed for one in members), timedelta()),
        percentiles={share: found for share in PERCENTILES if (found := percentile(used, share)) is not None},
        overrun=sum((one.overrun for one in members), timedelta()),
        pauses=pauses,
        judged_by=frozenset(judge for one in members for judge in one.judged_by),
    )
