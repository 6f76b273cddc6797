"""What a fold comes to: clocks, one for each cycle of each promise, with all that a person or a ledger asks of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bridge.model.words import Party, Severity
from bridge.sla.facts import CaseFact
from bridge.sla.terms import Promise


class ClockState(StrEnum):
    """RUNNING counts; PAUSED waits for a reason; STOPPED was ended by the act it waited for; CANCELLED by something else."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class Kind(StrEnum):
    """What is crossed: a warning, the target itself, or a repetition after it."""

    WARN = "warn"
    BREACH = "breach"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True, order=True)
class Fire:
    """The name of something that happens once to a cycle: the unique key of whatever is done about it. Warnings are told
    apart by severity, a breach is not: there is one a cycle."""

    metric: str
    cycle: int
    kind: Kind
    label: str
    severity: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Crossing:
    """When something was, or will be, crossed. `reason` is empty for the passing of time, else the change that did it:
    then `at` is the instant of that change."""

    at: datetime
    fire: Fire
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """A time a clock stood still, and for what; `until_at` is None while it does."""

    reason: str
    from_at: datetime
    until_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A time a clock ran, and by which calendar version and zone data; `used` is what it counted."""

    from_at: datetime
    until_at: datetime
    severity: str
    calendar: str
    tzdata: str
    used: timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """One cycle of one promise.

    `consumed` is what was used up until `anchor_at` (the start of the running segment, or when it stood still). `due_at`
    is the LEFT limit, what people are shown, and `breach_at` the RIGHT limit, after which more than the target is used up;
    both None while it stands still, or for never. `breached_at` is the true instant it was breached at, as far as its
    facts reach: a running clock is also breached once all sources were read past its `breach_at`. `crossed` has happened,
    `armed` will, unless a fact comes; once it is breached, that is told again every `repeat_every` used up beyond
    `repeat_from`. `first_stopped_at` tells from `ended_at` where a case was reopened.
    """

    metric: str
    cycle: int
    owner: Party
    severity: str
    state: ClockState
    reason: str
    started_at: datetime
    ended_at: datetime | None
    first_stopped_at: datetime | None
    target: timedelta | None
    consumed: timedelta
    anchor_at: datetime
    due_at: datetime | None
    breach_at: datetime | None
    breached_at: datetime | None
    breach_reason: str
    crossed: tuple[Crossing, ...]
    armed: tuple[Crossing, ...]
    repeat_from: timedelta | None
    repeat_every: timedelta | None
    segments: tuple[Segment, ...]
    pauses: tuple[Pause, ...]
    flags: frozenset[str]
    promise: Promise | None
    terms: str
    terms_version: int
    calendar_version: str
    tzdata: str

    @property
    def is_open(self) -> bool:
        """Whether something may still come of it."""
        return self.state in (ClockState.RUNNING, ClockState.PAUSED)

    @property
    def met(self) -> bool | None:
        """Whether the promise was kept; None while that is not settled, and for one that was cancelled in time."""
        if self.breached_at is not None:
            return False
        return True if self.state is ClockState.STOPPED else None

    @property
    def left(self) -> timedelta | None:
        """What is left of the target at `anchor_at`; negative when it is exceeded."""
        return None if self.target is None else self.target - self.consumed

    def is_over(self, settled_at: datetime) -> bool:
        """Whether it is breached, everything being known up to `settled_at`."""
        running = self.state is ClockState.RUNNING and self.breach_at is not None and self.breach_at < settled_at
        return self.breached_at is not None or running


@dataclass(frozen=True, slots=True)
class CaseClocks:
    """All clocks of a case. `out_of_support` says that it came while no contract held, so that nothing is promised;
    `set_aside` are facts that claim to lie ahead; `facts_upto` is how far its facts were known; `next_boundary_at` when the
    contract changes next, at which it wants folding again."""

    clocks: tuple[Clock, ...]
    flags: frozenset[str]
    out_of_support: bool
    set_aside: tuple[CaseFact, ...]
    facts_upto: datetime
    next_boundary_at: datetime | None

    def of(self, metric: str) -> tuple[Clock, ...]:
        """The cycles of one metric, in order."""
        return tuple(clock for clock in self.clocks if clock.metric == metric)

    def last(self, metric: str) -> Clock:
        """The newest cycle of a metric. Raises KeyError if it never began."""
        found = self.of(metric)
        if not found:
            raise KeyError(metric)
        return found[-1]


def severity_name(severity: Severity | None) -> str:
    """As it stands in rows and reports."""
    return str(severity) if severity is not None else ""
