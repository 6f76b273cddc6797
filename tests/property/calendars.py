"""Random calendars, and a judge that knows nothing of sums and searches: it walks through the minutes one by one."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from bridge.sla.calendar import CalendarVersion, Span

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

WINDOWS = {
    "UTC": (date(2026, 2, 16),),
    "Europe/Berlin": (date(2026, 3, 20), date(2026, 10, 16)),
    "Europe/Dublin": (date(2026, 3, 20), date(2026, 10, 16)),
    "Europe/London": (date(2026, 10, 16),),
    "America/New_York": (date(2026, 3, 1), date(2026, 10, 24)),
    "America/Los_Angeles": (date(2014, 2, 28), date(2014, 10, 24)),
    "America/Sao_Paulo": (date(2015, 10, 9), date(2016, 2, 12)),
    "America/St_Johns": (date(2005, 3, 25), date(2005, 10, 21)),
    "America/Havana": (date(2026, 10, 23),),
    "America/Santiago": (date(2026, 3, 27), date(2026, 8, 28)),
    "Australia/Lord_Howe": (date(2026, 3, 27), date(2026, 9, 25)),
    "Australia/Sydney": (date(2026, 9, 25),),
    "Pacific/Apia": (date(2011, 12, 20), date(2011, 9, 16)),
    "Pacific/Fakaofo": (date(2011, 12, 20),),
    "Africa/Casablanca": (date(2026, 2, 7), date(2026, 3, 14)),
    "Africa/Cairo": (date(2026, 4, 14), date(2026, 10, 20)),
    "Asia/Beirut": (date(2026, 3, 20), date(2026, 10, 16)),
    "Asia/Kathmandu": (date(2026, 2, 23),),
    "Asia/Tehran": (date(2021, 3, 12), date(2021, 9, 12)),
    "Antarctica/Troll": (date(2026, 3, 20), date(2026, 10, 16)),
}
"""Zones, and the first days of three weeks in which their clocks change (or do not)."""

DAYS = 21


def any_calendar(random: Random, zone: str, first: date) -> CalendarVersion:
    """A calendar with one to four intervals on most weekdays, and holidays, own dates and breaks in the three weeks."""
    week = [() if random.random() < 0.25 else _spans(random) for _ in range(7)]
    days = [first + DAY * number for number in range(DAYS)]
    return CalendarVersion(
        name="random",
        timezone=zone,
        weekly=tuple(week),
        holidays=frozenset(random.sample(days, random.randint(0, 3))),
        dates={day: random.choice([(), _spans(random)]) for day in random.sample(days, random.randint(0, 3))},
        breaks={day: _spans(random) for day in random.sample(days, random.randint(0, 4))},
    )


def _spans(random: Random) -> tuple[Span, ...]:
    """One to four intervals; their ends often fall into the hours in which clocks change, or on midnight."""
    choices = [0, 30, 60, 90, 105, 120, 135, 150, 165, 180, 210, 540, 720, 1020, 1380, 1410, 1425, 1440]
    found = []
    for _ in range(random.randint(1, 4)):
        start, end = sorted(random.choice(choices) if random.random() < 0.7 else random.randint(0, 1440) for _ in "ab")
        if start < end:
            found.append(Span(start * 60, end * 60))
    return tuple(found)


class Minutes:
    """The minutes of a zone around three weeks, walked through once: what every minute's wall clock shows."""

    def __init__(self, zone: str, first: date) -> None:
        self.zone = zone
        self.begins_at = datetime(first.year, first.month, first.day, tzinfo=UTC) - 3 * DAY
        place = ZoneInfo(zone)
        self.walls = [
            (self.begins_at + MINUTE * number).astimezone(place).replace(tzinfo=None)
            for number in range((DAYS + 6) * 1440)
        ]
        self.first_seen: dict[datetime, int] = {}
        for number, wall in enumerate(self.walls):
            self.first_seen.setdefault(wall, number)
        # Where the wall clock jumps ahead: the first time it shows again, and by how much more than a minute it went.
        self.jumps = [
            (after, after - before - MINUTE)
            for before, after in zip(self.walls, self.walls[1:], strict=False)
            if after - before > MINUTE
        ]

    def minute_of(self, wall: datetime) -> int:
        """The first minute at which the wall clock shows this; if it never does, the same after the jump."""
        if wall in self.first_seen:
            return self.first_seen[wall]
        for shows_again, missing in self.jumps:
            if shows_again - missing <= wall < shows_again:
                return self.first_seen[wall + missing]
        raise KeyError(wall)

    def open_minutes(self, version: CalendarVersion, first: date) -> bytearray:
        """One byte a minute: 1 where the calendar counts it."""
        marks = bytearray(len(self.walls))
        days = [first + DAY * number for number in range(-1, DAYS + 1)]
        for value, spans_of in ((b"\1", version.spans_of), (b"\0", lambda day: version.breaks.get(day, ()))):
            for midnight in map(self._midnight, days):
                if any(midnight <= self.walls[m] < midnight + DAY for m in self._near(midnight)):
                    for span in spans_of(midnight.date()):
                        self._mark(marks, midnight, span, value)
        return marks

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time())

    def _near(self, midnight: datetime) -> range:
        start = int((midnight - self.begins_at.replace(tzinfo=None)) / MINUTE)
        return range(max(start - 1600, 0), min(start + 1600, len(self.walls)), 10)

    def _mark(self, marks: bytearray, midnight: datetime, span: Span, value: bytes) -> None:
        start = self.minute_of(midnight + timedelta(seconds=span.start_s))
        end = self.minute_of(midnight + timedelta(seconds=span.end_s))
        if start < end:
            marks[start:end] = value * (end - start)


class Walker:
    """Business time counted on the fingers."""

    def __init__(self, minutes: Minutes, marks: bytearray) -> None:
        self.begins_at = minutes.begins_at
        self.marks = marks
        self.open = [number for number, mark in enumerate(marks) if mark]

    def between(self, start: int, end: int) -> int:
        """Open minutes from one minute to another."""
        return sum(self.marks[start:end])

    def add(self, start: int, amount: int) -> tuple[int, int] | None:
        """The first and the last minute before which `amount` open minutes have passed; None beyond the three weeks."""
        here, left = start, amount
        while left:
            if here >= len(self.marks):
                return None
            left -= self.marks[here]
            here += 1
        following = bisect_right(self.open, here - 1)
        if following >= len(self.open):
            return None
        return here, self.open[following]
