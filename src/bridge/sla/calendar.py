"""A calendar: which hours of which local dates count. Immutable; a change of anything is another version.

What holds on a date, the first that says something: its own entry (`dates`), an entry of every year (`yearly`), the
holidays, the weekday. Breaks are taken out of whatever holds. So a date somebody wrote down beats an imported holiday:
half of Christmas Eve is open where `dates` says so, whether or not the holiday data calls it a holiday.

Everything is said of one local date, from its midnight to the next. A night shift is two pieces on two dates, and a
holiday takes what lies on its own date only: of Friday 22:00-06:00, a holiday on Saturday leaves two hours.
"""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

from bridge.sla.instants import DAY_S
from bridge.sla.intervals import merge

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Span(NamedTuple):
    """A piece of one local date, in seconds of its wall clock since midnight; `end_s` is at most 86400 (24:00)."""

    start_s: int
    end_s: int


def _in_order(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    if any(not 0 <= span.start_s < span.end_s <= DAY_S for span in spans):
        raise ValueError("must begin before they end, and lie within one date")
    return tuple(Span(*span) for span in merge(spans))


Spans = Annotated[tuple[Span, ...], AfterValidator(_in_order)]
"""Sorted, apart from each other: overlapping and touching pieces are joined."""

Dates = Annotated[frozenset[date], PlainSerializer(lambda days: sorted(days), when_used="always")]


class CalendarVersion(BaseModel):
    """One state of one calendar, with the versions of the data it was made from.

    `timezone` is an IANA name; `weekly` has seven entries, Monday first; `holidays` are local dates on which no hours
    count; `dates` says what holds on one date, `yearly` on one month and day of every year (`12-24`; `02-29` in leap
    years); `breaks` are taken out of a date. `day_s` is how long this calendar's working day is, for durations in days.
    `tzdata` and `holiday_data` name the data's versions: another version of either is another version of the calendar.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    timezone: str
    weekly: Annotated[tuple[Spans, ...], Field(min_length=7, max_length=7)]
    holidays: Dates = frozenset()
    dates: dict[date, Spans] = {}
    yearly: dict[Annotated[str, Field(pattern=r"^\d\d-\d\d$")], Spans] = {}
    breaks: dict[date, Spans] = {}
    day_s: int | None = None
    tzdata: str = ""
    holiday_data: str = ""

    @property
    def digest(self) -> str:
        """A short hash of all of it, the name under which this version is kept. Independent of the order of writing."""
        plain = self.model_dump(mode="json")
        for key in ("dates", "yearly", "breaks"):
            plain[key] = sorted(plain[key].items())
        return sha256(repr(sorted(plain.items())).encode()).hexdigest()[:16]

    @property
    def is_always(self) -> bool:
        """Whether every hour counts: nothing but elapsed time."""
        whole = (Span(0, DAY_S),)
        return all(spans == whole for spans in self.weekly) and not (
            self.holidays or self.dates or self.yearly or self.breaks
        )

    @property
    def is_finite(self) -> bool:
        """Whether its hours end some day: they stand in single dates only."""
        return not any(self.weekly) and not any(self.yearly.values())

    def spans_of(self, day: date) -> tuple[Span, ...]:
        """What counts of a local date, before its breaks."""
        own = self.dates.get(day)
        if own is not None:
            return own
        yearly = self.yearly.get(f"{day.month:02}-{day.day:02}") if self.yearly else None
        if yearly is not None:
            return yearly
        return () if day in self.holidays else self.weekly[day.weekday()]

    @property
    def working_day_s(self) -> int | None:
        """Seconds of one working day: as stated, or what all its open weekdays have in common; None if they differ."""
        if self.day_s is not None:
            return self.day_s
        lengths = {sum(span.end_s - span.start_s for span in spans) for spans in self.weekly if spans}
        return lengths.pop() if len(lengths) == 1 else None


def always(name: str = "24x7") -> CalendarVersion:
    """The calendar that counts every hour."""
    return CalendarVersion(name=name, timezone="UTC", weekly=((Span(0, DAY_S),),) * 7)
