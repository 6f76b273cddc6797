"""A calendar compiled to UTC: how much business time lies between two instants, and when an amount of it is used up.

Every deadline has two limits. A target of eight hours, begun at 09:00 of a day that closes at 17:00, is used up at 17:00
(the LEFT limit, what people call the deadline) and exceeded only after the next opening (the RIGHT limit, the last instant
at which no more than eight hours are used up). Anywhere but at a closing time both are the same instant.

Local times become UTC while compiling, and nothing after that knows of zones. A time in the gap of a clock change moves
forward by the gap; one that occurs twice is taken the first time, both as opening and as closing. A date that a zone
skipped has no hours. Amounts are true elapsed time: a night shift in which clocks go forward is an hour shorter.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from threading import Lock

from bridge.errors import HorizonError
from bridge.sla.calendar import CalendarVersion, Span
from bridge.sla.instants import DAY_S, MICROSECOND, SECOND_US, from_us, to_us
from bridge.sla.intervals import Interval, intersect, subtract
from bridge.sla.table import Table

MOST_YEARS = 5
"""How far ahead (or back) an amount is looked for."""

SURELY_WITHIN = MOST_YEARS * 365 * DAY_S * SECOND_US
"""Microseconds that are within `MOST_YEARS` whatever the year."""

FIRST_YEAR, LAST_YEAR = 2000, 2250
"""The years a timetable speaks of. Before them zones skipped dates and hours together, which nobody reckons with now."""

ORDINAL_1970 = date(1970, 1, 1).toordinal()


class Limit(StrEnum):
    """Which end of the closed time after a used-up interval is meant."""

    LEFT = "left"
    RIGHT = "right"


class Timetable:
    """The compiled form of one calendar version in one zone. Years are compiled when first asked for.

    `zone` is the time zone's data, of the version that `version.tzdata` names. `digest` and `day_s` (of a working day) are
    those of the version. Threads may share a timetable.
    """

    def __init__(self, version: CalendarVersion, zone: tzinfo) -> None:
        self.version = version
        self.zone = zone
        self.digest = version.digest
        self.day_s = version.working_day_s
        self._years: dict[int, list[Interval]] = {}
        self._state: tuple[int, int, int, int, Table] | None = None
        self._growing = Lock()

    def between(self, start_at: datetime, end_at: datetime) -> timedelta:
        """Business time from one instant to another; zero if they are the wrong way round."""
        start, end = to_us(start_at), to_us(end_at)
        if end <= start:
            return timedelta()
        table = self._covering(start, end)
        return timedelta(microseconds=table.busy(end) - table.busy(start))

    def add(self, at: datetime, amount: timedelta, limit: Limit = Limit.LEFT) -> datetime | None:
        """The instant at which `amount` of business time since `at` is used up; None for never.

        LEFT is the first such instant (`at` itself for no amount), RIGHT the last one: after it, more is used up. A
        negative amount looks back. Raises HorizonError if it takes more than `MOST_YEARS` years.
        """
        us = amount // MICROSECOND
        if us == 0 and limit is Limit.LEFT:
            return at.astimezone(UTC)
        found = self._add(to_us(at), us, limit)
        return None if found is None else from_us(found)

    def is_open(self, at: datetime) -> bool:
        """Whether the instant counts."""
        us = to_us(at)
        table = self._covering(us, us)
        return table.busy(us + 1) > table.busy(us)

    def intervals(self, start_at: datetime, end_at: datetime) -> list[tuple[datetime, datetime]]:
        """The business time between two instants as half-open intervals, sorted, apart from each other."""
        start, end = to_us(start_at), to_us(end_at)
        return [(from_us(a), from_us(b)) for a, b in self._covering(start, end).within(start, end)]

    def bounds_of(self, day: date) -> tuple[datetime, datetime]:
        """When a local date begins and ends; the same instant twice for one the zone skipped."""
        start, end = self._bounds(day)
        return from_us(start), from_us(end)

    def _add(self, start: int, amount: int, limit: Limit) -> int | None:
        state = self._state
        if state is not None and amount >= 0 and state[2] <= start < state[3]:
            table = state[4]
            wanted = table.busy(start) + amount
            if wanted < table.total:
                found = table.earliest(wanted) if limit is Limit.LEFT and wanted else table.latest(wanted)
                if found - start < SURELY_WITHIN:
                    return found
        return self._search(start, amount, limit)

    def _search(self, start: int, amount: int, limit: Limit) -> int | None:
        """The same where years may be missing, or may be too many."""
        forward = amount >= 0
        first, last = self._horizon(from_us(start).year)
        edge = _new_year(last + 1) if forward else _new_year(first)
        # The right limit ahead, and the left one back, need something beyond the amount.
        beyond = 1 if (limit is Limit.RIGHT) == forward else 0
        low = high = from_us(start).year
        while True:
            table = self._table(low, high)
            wanted = table.busy(start) + amount
            if (wanted + beyond <= table.total) if forward else (wanted - beyond >= 0):
                found = table.earliest(wanted) if limit is Limit.LEFT else table.latest(wanted)
                if (found <= edge) if forward else (found >= edge):
                    return found
                break
            if (high >= last) if forward else (low <= first):
                break
            low, high = (low, high + 1) if forward else (low - 1, high)
        left = abs(table.busy(edge) - table.busy(start))
        if left and not self.version.is_finite:
            raise self._too_far(amount)
        return None

    def _horizon(self, year: int) -> tuple[int, int]:
        """The years that are looked through for an amount that begins in `year`."""
        first, last = year - MOST_YEARS, year + MOST_YEARS
        if self.version.is_finite:
            years = [day.year for day, spans in self.version.dates.items() if spans]
            first, last = min([first, *years]), max([last, *years])
        return first, last

    def _too_far(self, amount: int) -> HorizonError:
        hours = abs(amount) / SECOND_US / 3600
        return HorizonError(
            f"{hours:g} hours of the calendar `{self.version.name}` take more than {MOST_YEARS} years; shorten the target, "
            "or give the calendar more hours"
        )

    def _covering(self, start: int, end: int) -> Table:
        """A table in which both instants lie."""
        state = self._state
        if state is not None and state[2] <= start and end < state[3]:
            return state[4]
        return self._table(from_us(start).year, from_us(end).year)

    def _table(self, low: int, high: int) -> Table:
        """A table of at least these years, and one on either side, so that no local date of theirs is missing."""
        state = self._state
        if state is not None and state[0] <= low and high <= state[1]:
            return state[4]
        with self._growing:
            state = self._state
            if state is not None:
                low, high = min(low, state[0]), max(high, state[1])
            if low < FIRST_YEAR or high > LAST_YEAR:
                raise HorizonError(f"business time is known for the years {FIRST_YEAR} to {LAST_YEAR} only")
            pieces = [piece for year in range(low - 1, high + 2) for piece in self._year(year)]
            edges = (_new_year(low), _new_year(high + 1))
            table = Table(pieces)
            self._state = (low, high, *edges, table)
            return table

    def _year(self, year: int) -> list[Interval]:
        if year not in self._years and self.version.is_always:
            self._years[year] = [(self._utc(date(year, 1, 1), 0), self._utc(date(year + 1, 1, 1), 0))]
        elif year not in self._years:
            days = range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())
            self._years[year] = [piece for number in days for piece in self._day(date.fromordinal(number))]
        return self._years[year]

    def _day(self, day: date) -> list[Interval]:
        spans = self.version.spans_of(day)
        if not spans:
            return []
        bounds = self._bounds(day)
        midnight = (day.toordinal() - ORDINAL_1970) * DAY_S * SECOND_US
        # No zone changes its clocks and changes them back within a day, so equal ends have one offset between them.
        offset = midnight - bounds[0] if bounds[1] - bounds[0] == DAY_S * SECOND_US else None
        breaks = [self._utc_span(day, span, offset) for span in self.version.breaks.get(day, ())]
        pieces: list[Interval] = []
        for span in spans:
            piece = intersect(self._utc_span(day, span, offset), bounds)
            if piece is not None:
                pieces += subtract(piece, breaks) if breaks else (piece,)
        return pieces

    def _bounds(self, day: date) -> Interval:
        return self._utc(day, 0), self._utc(day, DAY_S)

    def _utc_span(self, day: date, span: Span, offset: int | None) -> Interval:
        if offset is None:
            return self._utc(day, span.start_s), self._utc(day, span.end_s)
        midnight = (day.toordinal() - ORDINAL_1970) * DAY_S * SECOND_US - offset
        return midnight + span.start_s * SECOND_US, midnight + span.end_s * SECOND_US

    def _utc(self, day: date, second: int) -> int:
        # fold=0 is the first of two equal local times, and in a gap the offset before it: forward by the gap (PEP 495).
        local = datetime(day.year, day.month, day.day, tzinfo=self.zone) + timedelta(seconds=second)
        offset = local.utcoffset() or timedelta()
        seconds = (day.toordinal() - ORDINAL_1970) * DAY_S + second
        return seconds * SECOND_US - offset // MICROSECOND


def _new_year(year: int) -> int:
    return to_us(datetime(year, 1, 1, tzinfo=UTC))
