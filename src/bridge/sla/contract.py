"""A contract as its YAML says it: frozen, and no key that is not known. `bridge.config.contract` loads and checks files.

What it means is elsewhere: hours in `hours`, lengths in `length`, what ends a promise in `metric`, which version is in force
when in `terms`, and whether it makes sense in `lint`.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, model_validator

from bridge.model.words import Severity
from bridge.sla.calendar import CalendarVersion, Span
from bridge.sla.hours import parse_date_pieces, parse_day_key, parse_week
from bridge.sla.length import Length, WrittenLength
from bridge.sla.metric import BUILT_IN, CUSTOMERS, Metric, Wait
from bridge.sla.threshold import At, parse_at

ALWAYS = "24x7"
"""The calendar every contract has: every hour counts."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
WrittenAt = Annotated[At, BeforeValidator(parse_at)]


class HolidaySource(_Part):
    """Where holidays come from: a `country` (ISO code) and its `subdivision`, an iCalendar `file` beside the contract, or
    dates that are `also` holidays. `except` are dates that are none after all."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    subdivision: str | None = None
    file: str | None = None
    also: tuple[date, ...] = ()
    except_: Annotated[tuple[date, ...], Field(alias="except")] = ()

    @model_validator(mode="after")
    def _names_a_country(self) -> Self:
        if self.subdivision and not self.country:
            raise ValueError("names a `subdivision` without its `country`")
        return self


class CalendarTerms(_Part):
    """A calendar as written. `dates` has hours for a date or a day of every year, and beats holidays and weekdays; `breaks`
    are taken out of a date; `day` is the length of a `d` where working days differ."""

    timezone: str
    weekly: Annotated[tuple[tuple[Span, ...], ...], BeforeValidator(parse_week)]
    holidays: HolidaySource | None = None
    dates: dict[str, Annotated[tuple[Span, ...], BeforeValidator(parse_date_pieces)]] = {}
    breaks: dict[date, Annotated[tuple[Span, ...], BeforeValidator(parse_date_pieces)]] = {}
    day: WrittenLength | None = None

    @model_validator(mode="after")
    def _days_are_days(self) -> Self:
        for key in self.dates:
            try:
                parse_day_key(key)
            except ValueError as error:
                raise ValueError(f"has `{key}` among its `dates`, which {error}") from None
        if self.day is not None and (self.day.days or not self.day):
            raise ValueError("has a `day` that is not given in hours, such as `8h`")
        return self

    def version(self, name: str, *, holidays: frozenset[date], tzdata: str, holiday_data: str) -> CalendarVersion:
        """The version of this calendar with these holidays, made from data of these versions."""
        days = {parse_day_key(key): spans for key, spans in self.dates.items()}
        return CalendarVersion(
            name=name,
            timezone=self.timezone,
            weekly=self.weekly,
            holidays=holidays,
            dates={day: spans for day, spans in days.items() if isinstance(day, date)},
            yearly={day: spans for day, spans in days.items() if isinstance(day, str)},
            breaks=self.breaks,
            day_s=self.day.seconds if self.day else None,
            tzdata=tzdata,
            holiday_data=holiday_data,
        )


class Target(_Part):
    """One promise: how long, and where it counts if not in the severity's calendar. Written `4h` for short."""

    target: WrittenLength
    calendar: str | None = None


def _target(value: Any) -> Any:
    return {"target": value} if isinstance(value, str) else value


class SeverityTerms(BaseModel):
    """What one severity means and is promised. Every other key is a metric and its target."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Annotated[Target, BeforeValidator(_target)]]

    means: str = ""
    calendar: str = ALWAYS

    @property
    def targets(self) -> dict[str, Target]:
        """Its promises by metric, in the order written."""
        return dict(self.__pydantic_extra__ or {})


class CustomerTerms(_Part):
    """A duty of the customer: in their hours, and never the vendor's breach."""

    target: WrittenLength
    calendar: str = ALWAYS
    remind: tuple[WrittenAt, ...] = ()
    if_silent: Literal["escalate", "close", "accept", "wait"] = "wait"
    not_needed: tuple[Severity, ...] = ()


class Period(_Part):
    """When the contract holds: local dates, both included, of `timezone`.

    `renewal: yearly` goes on after `to` until another version begins or the last day it was `terminated` for; `notice` is
    how long before `to` that must be said, in days of the almanac. `gaps`: a case that comes when no version holds is
    flagged and gets no clock, or is covered by the version before. `running_cases`: those under way when it ends finish
    under it, or are suspended. `applies_to_open`: running cases of the version before go on under this one.
    """

    from_: Annotated[date, Field(alias="from")]
    to: date | None = None
    timezone: str | None = None
    renewal: Literal["yearly", "none"] = "none"
    notice: WrittenLength | None = None
    terminated: date | None = None
    gaps: Literal["flag", "cover"] = "flag"
    running_cases: Literal["finish", "suspend"] = "finish"
    applies_to_open: StrictBool = False


class Signed(_Part):
    """Who signed it, when, and which document. What is signed is not changed any more: write another version."""

    date: date
    by: Names = ()
    document: str | None = None
    sha256: str | None = None


class SupportLevel(_Part):
    """Who works on a level of support, and where."""

    team: Names
    project: str | None = None
    means: str = ""


class Dispute(_Part):
    """While customer and vendor do not agree on a severity: which one runs, how long until who decides."""

    run: Literal["higher", "lower", "stated"] = "higher"
    decide_within: WrittenLength | None = None
    then: str | None = None


class Step(_Part):
    """Whom to tell when. `repeat` tells them again until the clock stops; `ask_ack` wants an answer within that time, by the
    wall. `metrics` and `severities` narrow it; without them it holds for all."""

    at: WrittenAt
    tell: Names
    ask_ack: WrittenLength | None = None
    repeat: WrittenLength | None = None
    customer: Literal["none", "draft", "send"] = "none"
    metrics: Names = ()
    severities: tuple[Severity, ...] = ()


class Reopening(_Part):
    """A case reopened `within` this time, by the wall, goes on with its old resolution clock; later, a new one begins."""

    within: WrittenLength = Length(days=14)


class Money(_Part):
    """An amount and its currency (ISO code)."""

    amount: Decimal
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Cost(_Part):
    """How work is paid for."""

    model: Literal["none", "retainer", "per_case", "by_hour"] = "none"
    included_hours: Annotated[StrictInt, Field(ge=0)] | None = None
    per: Literal["month", "quarter", "year"] = "month"
    rate: Money | None = None
    overage: Money | None = None
    round_up: WrittenLength | None = None
    warn: tuple[WrittenAt, ...] = ()
    above_estimate: Literal["ask_again", "charge", "absorb"] = "ask_again"


class Language(_Part):
    """In which language customers are written to, and whose local time is written."""

    default: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    timezone: str | None = None


class Approvals(_Part):
    """Whose yes is needed for what."""

    severity: Names = ()
    estimate: Names = ()
    schedule: Names = ()
    confirm: Names = ()


class Contract(_Part):
    """The whole contract with one customer, in one version of it."""

    customer: Annotated[str, Field(min_length=1)]
    version: Annotated[StrictInt, Field(ge=1)] = 1
    signed: Signed | None = None
    period: Period
    calendars: dict[str, CalendarTerms] = {}
    support_levels: dict[str, SupportLevel] = {}
    roles: dict[str, Names] = {}
    starts: Literal["handed_over", "opened"] = "handed_over"
    severities: Annotated[dict[Severity, SeverityTerms], Field(min_length=1)]
    metrics: dict[str, Metric] = {}
    disputed_severity: Dispute = Dispute()
    severity_change: Literal["carry", "restart"] = "carry"
    merged: Literal["keep", "earliest"] = "keep"
    reopened: Reopening = Reopening()
    pauses: dict[str, tuple[Wait, ...]] = {}
    customer_clocks: dict[Literal["authorisation", "confirmation"], CustomerTerms] = {}
    escalation: tuple[Step, ...] = ()
    approve: Approvals = Approvals()
    cost: Cost = Cost()
    language: Language = Language()

    @property
    def timezone(self) -> str:
        """In which zone its dates begin and end: that of the period, else of the first calendar, else UTC."""
        first = next((calendar.timezone for calendar in self.calendars.values()), "UTC")
        return self.period.timezone or first

    def metric(self, name: str) -> Metric | None:
        """What is meant by the name of a metric, its own definition first."""
        return self.metrics.get(name) or BUILT_IN.get(name) or CUSTOMERS.get(name)

    def pauses_of(self, name: str) -> tuple[Wait, ...]:
        """What a metric waits for: as `pauses` says, else as usual."""
        usual = self.metric(name)
        return self.pauses.get(name, usual.pauses if usual else ())
