"""Report figures: what became of promises, counted. Every figure names the contract and the data it was judged by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bridge.model.words import Party
from bridge.sla.clock import CaseClocks, Clock, ClockState


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one cycle, as far as everything is known. `month` is that of its end, "" while it runs; `overrun` is
    business time beyond the target; `pauses` is how long it stood still by the wall, by reason."""

    case: str
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
    judged_by: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Figures:
    """The outcomes of one contract, severity, metric and month. `breached` includes those that still run (`running_over`):
    a rate that left them out would grow better by leaving cases open. What was cancelled in time counts in no rate."""

    terms: str
    severity: str
    metric: str
    month: str
    met: int
    breached: int
    running: int
    running_over: int
    cancelled: int
    provisional: int
    consumed: timedelta
    overrun: timedelta
    pauses: dict[str, timedelta]
    judged_by: frozenset[tuple[str, str, str]]

    @property
    def rate(self) -> float | None:
        """The share of promises that were kept, among those settled or exceeded; None without any."""
        judged = self.met + self.breached
        return self.met / judged if judged else None


MET, BREACHED, RUNNING, RUNNING_OVER, CANCELLED = "met", "breached", "running", "running_over", "cancelled"


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
        judged_by=(clock.terms, clock.calendar_version, clock.tzdata),
    )


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


def figures(found: Iterable[Outcome]) -> list[Figures]:
    """Outcomes counted by contract, severity, metric and month of their end (what still runs under month "")."""
    groups: dict[tuple[str, str, str, str], list[Outcome]] = {}
    for one in found:
        groups.setdefault((one.judged_by[0], one.severity, one.metric, one.month), []).append(one)
    return [_counted(key, members) for key, members in sorted(groups.items())]


def out_of_support(cases: Iterable[tuple[str, CaseClocks]]) -> list[str]:
    """The cases to which nothing was promised, because no contract held when they came. Reported apart."""
    return [case for case, folded in cases if folded.out_of_support]


def _result(clock: Clock, over: bool) -> str:
    if clock.is_open:
        return RUNNING_OVER if over else RUNNING
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
    return Figures(
        terms=terms,
        severity=severity,
        metric=metric,
        month=month,
        met=results.count(MET),
        breached=results.count(BREACHED) + results.count(RUNNING_OVER),
        running=results.count(RUNNING),
        running_over=results.count(RUNNING_OVER),
        cancelled=results.count(CANCELLED),
        provisional=sum(one.provisional for one in members),
        consumed=sum((one.consumed for one in members), timedelta()),
        overrun=sum((one.overrun for one in members), timedelta()),
        pauses=pauses,
        judged_by=frozenset(one.judged_by for one in members),
    )
