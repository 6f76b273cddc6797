"""Contract versions and calendar versions over time: which of them holds when.

A clock is measured piece by piece, each by the calendar version that held then; a later version changes nothing that lies
before it. A contract version holds from the midnight its period begins to the midnight after its last day, in the
contract's own zone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cached_property

from bridge.model.words import Severity
from bridge.sla.contract import ALWAYS, Contract
from bridge.sla.length import Length
from bridge.sla.timetable import Limit, Timetable

FIRST_INSTANT = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Course:
    """A calendar through its versions: `since[i]` is when `timetables[i]` came into force. The first always did before."""

    timetables: tuple[Timetable, ...]
    since: tuple[datetime, ...]

    @classmethod
    def of(cls, first: Timetable, *later: tuple[datetime, Timetable]) -> Course:
        """A calendar that began with `first`, and its later versions, each with the instant it came into force."""
        ordered = sorted(later, key=lambda pair: pair[0])
        return cls((first, *(timetable for _, timetable in ordered)), (FIRST_INSTANT, *(at for at, _ in ordered)))

    def at(self, at: datetime) -> Timetable:
        """The version in force."""
        return self.timetables[bisect_right(self.since, at) - 1]

    def pieces(self, start_at: datetime, end_at: datetime) -> Iterable[tuple[datetime, datetime, Timetable]]:
        """The time between two instants, cut where versions change."""
        for number in range(bisect_right(self.since, start_at) - 1, len(self.since)):
            until = self.since[number + 1] if number + 1 < len(self.since) else end_at
            start, end = max(start_at, self.since[number]), min(end_at, until)
            if start < end:
                yield start, end, self.timetables[number]

    def between(self, start_at: datetime, end_at: datetime) -> timedelta:
        """Business time from one instant to another, each piece by its own version."""
        if len(self.timetables) == 1:
            return self.timetables[0].between(start_at, end_at)
        return sum((table.between(a, b) for a, b, table in self.pieces(start_at, end_at)), timedelta())

    def add(self, at: datetime, amount: timedelta, limit: Limit = Limit.LEFT) -> datetime | None:
        """As of a timetable, through all versions; `amount` is not negative."""
        for number in range(bisect_right(self.since, at) - 1, len(self.since) - 1):
            end = self.since[number + 1]
            busy = self.timetables[number].between(at, end)
            if amount < busy or (amount == busy and limit is Limit.LEFT):
                return self.timetables[number].add(at, amount, limit)
            amount, at = amount - busy, end
        return self.timetables[-1].add(at, amount, limit)


@dataclass(frozen=True, slots=True)
class Promise:
    """One target, ready to be measured."""

    metric: str
    length: Length
    calendar: str
    course: Course

    def amount(self, at: datetime) -> timedelta:
        """The target in business time, by the calendar version in force at `at`."""
        return self.length.in_days_of(self.course.at(at).day_s)


@dataclass(frozen=True)
class Terms:
    """A contract version with its calendars. `digest` names the file it was read from; `zone` is its time zone's data;
    `remarks` are what people should know of how its calendars came about."""

    contract: Contract
    calendars: Mapping[str, Course]
    zone: tzinfo
    digest: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How reports name it: customer and version."""
        return f"{self.contract.customer}, version {self.contract.version}"

    @cached_property
    def from_at(self) -> datetime:
        """When it begins to hold."""
        return _midnight(self.contract.period.from_, self.zone)

    @cached_property
    def until_at(self) -> datetime | None:
        """When it no longer holds, if no other version came before; None if it is renewed or has no end."""
        period = self.contract.period
        last = period.terminated or (None if period.renewal == "yearly" else period.to)
        return None if last is None else _midnight(last + timedelta(days=1), self.zone)

    def promise(self, severity: Severity | None, metric: str) -> Promise | None:
        """What is promised to a severity; None for nothing. Of a customer's duty, what is asked of them."""
        key = (severity, metric)
        if key not in self._promises:
            self._promises[key] = self._promise(severity, metric)
        return self._promises[key]

    @cached_property
    def _promises(self) -> dict[tuple[Severity | None, str], Promise | None]:
        return {}

    def _promise(self, severity: Severity | None, metric: str) -> Promise | None:
        contract = self.contract
        duty = contract.customer_clocks.get(metric)  # type: ignore[call-overload]
        if duty is not None:
            needed = severity not in duty.not_needed
            return Promise(metric, duty.target, duty.calendar, self.calendars[duty.calendar]) if needed else None
        terms = contract.severities.get(severity) if severity is not None else None
        target = terms.targets.get(metric) if terms is not None else None
        if terms is None or target is None:
            return None
        calendar = target.calendar or terms.calendar
        return Promise(metric, target.target, calendar, self.calendars[calendar])

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that some severity has a target for, then the customer's duties."""
        named = [metric for terms in self.contract.severities.values() for metric in terms.targets]
        return tuple(dict.fromkeys((*named, *self.contract.customer_clocks)))


@dataclass(frozen=True)
class Timeline:
    """All versions of a contract, in the order they begin."""

    versions: tuple[Terms, ...]

    @classmethod
    def of(cls, versions: Sequence[Terms]) -> Timeline:
        """Sorted by when they begin."""
        return cls(tuple(sorted(versions, key=lambda terms: terms.from_at)))

    def end_of(self, number: int) -> datetime | None:
        """When the version with this number stops to hold: its own end, or the beginning of the next."""
        ends = [self.versions[number].until_at]
        if number + 1 < len(self.versions):
            ends.append(self.versions[number + 1].from_at)
        return min((end for end in ends if end is not None), default=None)

    def at(self, at: datetime) -> Terms | None:
        """The version in force; None before the first, after the last, and in a gap."""
        for number in reversed(range(len(self.versions))):
            if self.versions[number].from_at <= at:
                end = self.end_of(number)
                return self.versions[number] if end is None or at < end else None
        return None

    def for_new_case(self, at: datetime) -> Terms | None:
        """The version a case that comes at `at` falls under; in a gap, the version before if it covers that.
        A contract that was terminated covers nothing."""
        found = self.at(at)
        if found is not None:
            return found
        earlier = [terms for terms in self.versions if terms.from_at <= at]
        period = earlier[-1].contract.period if earlier else None
        return earlier[-1] if period is not None and period.gaps == "cover" and period.terminated is None else None

    @cached_property
    def boundaries(self) -> tuple[datetime, ...]:
        """Every instant at which another version, or none, begins to hold."""
        ends = [self.end_of(number) for number in range(len(self.versions))]
        return tuple(sorted({*(terms.from_at for terms in self.versions), *(end for end in ends if end is not None)}))


def courses(timetables: Mapping[str, Timetable], always: Timetable) -> dict[str, Course]:
    """Calendars with one version each, and the one that every contract has."""
    return {ALWAYS: Course.of(always)} | {name: Course.of(table) for name, table in timetables.items()}


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
