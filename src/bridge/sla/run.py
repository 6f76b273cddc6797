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
from bridge.sla.metric import Event, Metric
from bridge.sla.terms import Promise, Terms
from bridge.sla.threshold import BREACH, At
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
        if self.promise is None:
            self.target = None
            return
        self.target = self.promise.amount(at)
        if self.breached_at is None:
            self.reached_at = None
        self._count_pieces()
        if not carried:
            self.consumed = timedelta()
        self._cross_at(at, reason)

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
        armed = tuple(self._ahead(self.anchor_at)) if running else ()
        due_at, breach_at = self._due()
        version = self.promise.course.at(self.anchor_at).version if self.promise is not None else None
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
            calendar_version=version.digest if version else "",
            tzdata=version.tzdata if version else "",
        )

    def _due(self) -> tuple[datetime | None, datetime | None]:
        """Both limits: where they were passed, will be, or (for one that was stopped) would have been."""
        if self.breached_at is not None:
            return self.reached_at, self.breached_at
        if self.target is None or self.state in (ClockState.PAUSED, ClockState.CANCELLED):
            return None, None
        left, right = (self._at(self.anchor_at, self.target, limit) for limit in (Limit.LEFT, Limit.RIGHT))
        return self.reached_at or left, right

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
                self._cross_until(self.anchor_at, at)
                self._use(self.anchor_at, at)
        self.anchor_at = max(at, self.anchor_at)

    def _use(self, start: datetime, end: datetime) -> None:
        if self.promise is None:
            return
        for from_at, until_at, table in self.promise.course.pieces(start, end):
            used = table.between(from_at, until_at)
            self.segments.append(Segment(from_at, until_at, severity_name(self.severity), table.version.digest, used))
            self.consumed += used

    def _count_pieces(self) -> None:
        """What ran before a severity was known counts by the first promise; between two promises nothing does."""
        if not self.segments:
            for start, end in self.pieces:
                self._use(start, end)
        self.pieces.clear()

    def _cross_until(self, start: datetime, end: datetime) -> None:
        """Note what is crossed while running from `start` to `end`."""
        if self.reached_at is None and self.target is not None:
            reached_at = self._at(start, self.target, Limit.LEFT)
            self.reached_at = reached_at if reached_at is not None and reached_at <= end else None
        for crossing in self._ahead(start):
            # At its very instant a target is used up and not yet exceeded; a warning has come.
            if crossing.at < end if crossing.fire.kind is Kind.BREACH else crossing.at <= end:
                self._cross(crossing)

    def _cross(self, crossing: Crossing) -> None:
        self.crossed.setdefault(crossing.fire, crossing)
        if crossing.fire.kind is Kind.BREACH and self.breached_at is None and self.target is not None:
            self.breached_at, self.breach_reason = crossing.at, crossing.reason
            self.repeats_from = max(self.target, self.consumed)
            self.reached_at = crossing.at if crossing.reason else self.reached_at

    def _cross_at(self, at: datetime, reason: str) -> None:
        """Note what a change has crossed at once, at the instant of the change and not before it."""
        if self.target is None:
            return
        for name, need in self._warnings():
            if need <= self.consumed and need > timedelta():
                self._cross(Crossing(at, self._fire(Kind.WARN, name), reason))
        if self.consumed > self.target and self.breached_at is None:
            self._cross(Crossing(at, self._fire(Kind.BREACH, BREACH), reason))

    def _ahead(self, start: datetime) -> list[Crossing]:
        """What lies ahead of a run that starts at `start`, in order, if nothing happens."""
        if self.promise is None or self.target is None:
            return []
        found = []
        for name, need in self._warnings():
            at = self._at(start, need, Limit.LEFT) if self._fire(Kind.WARN, name) not in self.crossed else None
            if at is not None:
                found.append(Crossing(at, self._fire(Kind.WARN, name)))
        if self.breached_at is None:
            at = self._at(start, self.target, Limit.RIGHT)
            if at is not None:
                found.append(Crossing(at, self._fire(Kind.BREACH, BREACH)))
        return sorted(found, key=lambda crossing: (crossing.at, crossing.fire.kind is not Kind.WARN, crossing.fire))

    def _at(self, start: datetime, need: timedelta, limit: Limit) -> datetime | None:
        if self.promise is None or need < self.consumed:
            return None
        try:
            return self.promise.course.add(start, need - self.consumed, limit)
        except HorizonError:
            # A contract is proved not to promise such a thing; if it does all the same, other clocks must not suffer.
            self.flags.add(BEYOND_HORIZON)
            return None

    def _warnings(self) -> Iterator[tuple[str, timedelta]]:
        """The warnings of this cycle, each by the business time at which it comes."""
        if self.promise is None or self.target is None:
            return
        day_s = self.promise.course.at(self.anchor_at).version.working_day_s()
        for at in self._warning_points():
            need = at.amount(self.target, day_s)
            if need is not None:
                yield str(at), need

    def _warning_points(self) -> tuple[At, ...]:
        duty = self.terms.contract.customer_clocks.get(self.name)  # type: ignore[call-overload]
        if duty is not None:
            return tuple(duty.remind)
        return tuple(dict.fromkeys(step.at for step in self._steps() if not step.at.is_breach))

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
        return every[0].in_days_of(self.promise.course.at(self.anchor_at).version.working_day_s())

    def _fire(self, kind: Kind, label: str) -> Fire:
        severity = severity_name(self.severity) if kind is Kind.WARN else ""
        return Fire(self.name, self.cycle, kind, label, severity)
