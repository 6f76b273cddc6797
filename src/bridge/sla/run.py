"""One cycle of one promise while it is folded: it runs, stands still, changes its target, ends.

The one mutable thing of this room, and it never leaves a fold: `clock()` gives the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bridge.errors import HorizonError
from bridge.model.words import Party, Severity
from bridge.sla.clock import Clock, ClockState, Crossing, Fire, Kind, Pause, Segment, severity_name
from bridge.sla.contract import Step
from bridge.sla.instants import DAY_S
from bridge.sla.length import Length
from bridge.sla.metric import Event, Metric, Wait
from bridge.sla.terms import Promise, Terms
from bridge.sla.threshold import BREACH
from bridge.sla.timetable import Limit

SEVERITY_CHANGE = "severity_change"
TERMS_CHANGE = "terms_change"
BEYOND_HORIZON = "beyond_horizon"


@dataclass(slots=True)
class Run:
    """A cycle under way. `pieces` are what it ran before anything was promised (no severity was known yet)."""

    name: str
    metric: Metric
    cycle: int
    owner: Party
    started_at: datetime
    terms: Terms
    started_by: str = ""
    severity: Severity | None = None
    promise: Promise | None = None
    target: timedelta | None = None
    warnings: tuple[tuple[str, timedelta], ...] = ()
    waits_for: tuple[Wait, ...] = ()
    consumed: timedelta = timedelta()
    state: ClockState = ClockState.RUNNING
    reason: str = ""
    anchor_at: datetime = field(init=False)
    ended_at: datetime | None = None
    first_stopped_at: datetime | None = None
    ended_with: Event | None = None
    stopped_by: frozenset[str] = frozenset()
    breached_at: datetime | None = None
    breach_reason: str = ""
    reached_at: datetime | None = None
    repeats_from: timedelta | None = None
    crossed: dict[Fire, Crossing] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    extra: list[Length] = field(default_factory=list)
    pieces: list[tuple[datetime, datetime]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.anchor_at = self.started_at

    @property
    def is_open(self) -> bool:
        """Whether it was neither stopped nor cancelled."""
        return self.state in (ClockState.RUNNING, ClockState.PAUSED)

    def promise_again(self, terms: Terms, severity: Severity | None, at: datetime, reason: str) -> None:
        """Measure by these terms and this severity from now on: what was used up is carried along."""
        if not self.is_open:
            return
        self._count(at)
        carried = terms.contract.severity_change == "carry" or reason != SEVERITY_CHANGE or self.promise is None
        self.terms, self.severity = terms, severity
        self.promise = terms.promise(severity, self.name)
        self.waits_for = terms.contract.pauses_of(self.name)
        self._aim(at)
        if self.promise is None:
            return
        self._count_pieces()
        if not carried:
            self.consumed = timedelta()
        self._cross_at(at, reason)

    def extend(self, more: Length, at: datetime) -> None:
        """Give it more time, agreed on at that moment: a breach that was before stays one."""
        if self.is_open:
            self._count(at)
            self.extra.append(more)
            self.flags.add("extended")
            self._aim(at)

    def stand_still(self, reason: str, at: datetime) -> None:
        """Pause for a reason, change the reason, or (for none) go on."""
        if not self.is_open or reason == (self.reason if self.state is ClockState.PAUSED else ""):
            return
        self._count(at)
        self._end_pause(at)
        if reason:
            self.pauses.append(Pause(reason, at))
        self.state = ClockState.PAUSED if reason else ClockState.RUNNING
        self.reason, self.anchor_at = reason, at

    def stop(self, at: datetime, event: Event, by: frozenset[str]) -> None:
        """What it waited for was done, by the facts with the ids `by`."""
        self._end(ClockState.STOPPED, at)
        self.ended_with, self.stopped_by = event, by
        self.first_stopped_at = self.first_stopped_at or at

    def cancel(self, reason: str, at: datetime) -> None:
        """It is over without that."""
        self._end(ClockState.CANCELLED, at)
        self.reason = reason

    def resume(self, at: datetime) -> None:
        """Go on after an end, with what was used up; the time since then does not count."""
        self.state, self.reason = ClockState.RUNNING, ""
        self.ended_at, self.ended_with, self.anchor_at = None, None, at

    def _aim(self, at: datetime) -> None:
        """Set the target and its warnings by what holds now."""
        if self.promise is None:
            self.target, self.warnings = None, ()
            return
        day_s = self.promise.course.at(at).day_s
        more = (extra.in_days_of(day_s or DAY_S) for extra in self.extra)
        self.target = sum(more, self.promise.amount(at))
        self.warnings = tuple(self._find_warnings(self.target, day_s))
        if self.breached_at is None:
            self.reached_at = None

    def begin_earlier(self, started_at: datetime, at: datetime, reason: str) -> None:
        """Count from an earlier start as well."""
        if self.is_open and started_at < self.started_at:
            self._count(at)
            if self.promise is None:
                self.pieces.append((started_at, self.started_at))
            else:
                self._use(started_at, self.started_at)
            self.started_at = started_at
            self._cross_at(at, reason)

    def clock(self) -> Clock:
        """The result, as of the last fact."""
        running = self.state is ClockState.RUNNING
        armed = tuple(self._ahead()) if running else ()
        due_at, breach_at = self._due()
        table = self.promise.course.at(self.anchor_at) if self.promise is not None else None
        return Clock(
            metric=self.name,
            cycle=self.cycle,
            owner=self.owner,
            severity=severity_name(self.severity),
            state=self.state,
            reason=self.reason,
            started_at=self.started_at,
            ended_at=self.ended_at,
            first_stopped_at=self.first_stopped_at,
            target=self.target,
            consumed=self.consumed,
            anchor_at=self.anchor_at,
            due_at=due_at,
            breach_at=breach_at,
            breached_at=self.breached_at,
            breach_reason=self.breach_reason,
            crossed=tuple(self.crossed.values()),
            armed=armed,
            repeat_from=self.repeats_from or self.target,
            repeat_every=self._repeat_every() if running else None,
            segments=tuple(self.segments),
            pauses=tuple(self.pauses),
            flags=frozenset(self.flags),
            promise=self.promise,
            terms=self.terms.name,
            terms_version=self.terms.contract.version,
            calendar_version=table.digest if table else "",
            tzdata=table.version.tzdata if table else "",
        )

    def _due(self) -> tuple[datetime | None, datetime | None]:
        """Both limits: where they were passed, will be, or (for one that was stopped) would have been."""
        if self.breached_at is not None:
            return self.reached_at, self.breached_at
        if self.target is None or self.state in (ClockState.PAUSED, ClockState.CANCELLED):
            return None, None
        left = max(self.target - self.consumed, timedelta())
        due_at, breach_at = (self._at(self.anchor_at, left, limit) for limit in (Limit.LEFT, Limit.RIGHT))
        return self.reached_at or due_at, breach_at

    def _end(self, state: ClockState, at: datetime) -> None:
        self._count(at)
        self._end_pause(at)
        self.state, self.reason, self.ended_at, self.anchor_at = state, "", at, at

    def _end_pause(self, at: datetime) -> None:
        if self.pauses and self.pauses[-1].until_at is None:
            self.pauses[-1] = Pause(self.pauses[-1].reason, self.pauses[-1].from_at, at)

    def _count(self, at: datetime) -> None:
        """Count what ran since the anchor, and move the anchor here."""
        if self.state is ClockState.RUNNING and at > self.anchor_at:
            if self.promise is None:
                self.pieces.append((self.anchor_at, at))
            else:
                before = self.consumed
                self._use(self.anchor_at, at)
                self._cross_since(self.anchor_at, before)
        self.anchor_at = max(at, self.anchor_at)

    def _use(self, start: datetime, end: datetime) -> None:
        if self.promise is None:
            return
        for from_at, until_at, table in self.promise.course.pieces(start, end):
            used, severity = table.between(from_at, until_at), severity_name(self.severity)
            self.segments.append(Segment(from_at, until_at, severity, table.digest, table.version.tzdata, used))
            self.consumed += used

    def _count_pieces(self) -> None:
        """What ran before a severity was known counts by the first promise; between two promises nothing does."""
        if not self.segments:
            for start, end in self.pieces:
                self._use(start, end)
        self.pieces.clear()

    def _cross_since(self, start: datetime, before: timedelta) -> None:
        """Note what was crossed while running since `start`, when `before` was used up."""
        for name, need in self.warnings:
            fire = self._fire(Kind.WARN, name)
            if before <= need <= self.consumed and fire not in self.crossed:
                self._cross(fire, self._at(start, need - before, Limit.LEFT))
        if self.target is None or self.breached_at is not None or self.consumed < self.target:
            return
        if self.reached_at is None and before <= self.target:
            self.reached_at = self._at(start, self.target - before, Limit.LEFT)
        # Used up is not yet exceeded.
        if self.consumed > self.target:
            self.repeats_from = self.target
            self._breach(self._at(start, self.target - before, Limit.RIGHT), "")

    def _cross(self, fire: Fire, at: datetime | None, reason: str = "") -> None:
        if at is not None:
            self.crossed.setdefault(fire, Crossing(at, fire, reason))

    def _breach(self, at: datetime | None, reason: str) -> None:
        if at is not None:
            self.breached_at, self.breach_reason = at, reason
            self._cross(self._fire(Kind.BREACH, BREACH), at, reason)

    def _cross_at(self, at: datetime, reason: str) -> None:
        """Note what a change has crossed at once, at the instant of the change and not before it."""
        for name, need in self.warnings:
            if timedelta() < need <= self.consumed:
                self._cross(self._fire(Kind.WARN, name), at, reason)
        if self.target is not None and self.consumed > self.target and self.breached_at is None:
            self.repeats_from, self.reached_at = self.consumed, at
            self._breach(at, reason)

    def _ahead(self) -> list[Crossing]:
        """What lies ahead, in order, if nothing happens."""
        if self.target is None:
            return []
        fires = [(self._fire(Kind.WARN, name), need, Limit.LEFT) for name, need in self.warnings]
        if self.breached_at is None:
            fires.append((self._fire(Kind.BREACH, BREACH), self.target, Limit.RIGHT))
        found = []
        for fire, need, limit in fires:
            if fire not in self.crossed and need >= self.consumed:
                at = self._at(self.anchor_at, need - self.consumed, limit)
                found += [Crossing(at, fire)] if at is not None else []
        return sorted(found, key=lambda crossing: (crossing.at, crossing.fire.kind is not Kind.WARN, crossing.fire))

    def _at(self, start: datetime, amount: timedelta, limit: Limit) -> datetime | None:
        if self.promise is None:
            return None
        try:
            return self.promise.course.add(start, amount, limit)
        except HorizonError:
            # A contract is proved not to promise such a thing; if it does all the same, other clocks must not suffer.
            self.flags.add(BEYOND_HORIZON)
            return None

    def _find_warnings(self, target: timedelta, day_s: int | None) -> Iterator[tuple[str, timedelta]]:
        """The warnings of this promise, each with the business time at which it comes."""
        duty = self.terms.contract.customer_clocks.get(self.name)  # type: ignore[call-overload]
        points = duty.remind if duty is not None else [step.at for step in self._steps() if not step.at.is_breach]
        for point in dict.fromkeys(points):
            need = point.amount(target, day_s)
            if need is not None:
                yield str(point), need

    def _steps(self) -> list[Step]:
        if self.owner is not Party.VENDOR:
            return []
        return [
            step
            for step in self.terms.contract.escalation
            if (not step.metrics or self.name in step.metrics)
            and (not step.severities or self.severity in step.severities)
        ]

    def _repeat_every(self) -> timedelta | None:
        """How much more is used up each time before a breach is told again."""
        every = [step.repeat for step in self._steps() if step.at.is_breach and step.repeat]
        if not every or self.promise is None:
            return None
        return every[0].in_days_of(self.promise.course.at(self.anchor_at).day_s)

    def _fire(self, kind: Kind, label: str) -> Fire:
        severity = severity_name(self.severity) if kind is Kind.WARN else ""
        return Fire(self.name, self.cycle, kind, label, severity)
