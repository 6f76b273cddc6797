"""Each odd case a calendar can meet, one test each: closing times, lunch, holidays, zones whose clocks jump."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from bridge.errors import HorizonError
from bridge.sla.calendar import CalendarVersion, Span, always
from bridge.sla.timetable import Limit, Timetable

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def hours(*pieces: str) -> tuple[Span, ...]:
    def seconds(clock: str) -> int:
        hour, minute = clock.split(":")
        return int(hour) * 3600 + int(minute) * 60

    return tuple(Span(*map(seconds, piece.split("-"))) for piece in pieces)


OFFICE = hours("09:00-17:00")


def calendar(
    zone: str = "Europe/Berlin", week: str = "mon-fri", pieces: tuple[Span, ...] = OFFICE, **more: object
) -> Timetable:
    open_days = {"mon-fri": range(5), "daily": range(7), "never": range(0)}[week]
    weekly = tuple(pieces if day in open_days else () for day in range(7))
    version = CalendarVersion(name="office", timezone=zone, weekly=weekly, **more)  # type: ignore[arg-type]
    return Timetable(version, ZoneInfo(zone))


def local(timetable: Timetable, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timetable.zone)


def shown(timetable: Timetable, at: datetime | None) -> str:
    assert at is not None
    return f"{at.astimezone(timetable.zone):%Y-%m-%d %H:%M}"


def due(timetable: Timetable, start: str, amount: timedelta) -> tuple[str, str]:
    """Both limits, in local time."""
    at = local(timetable, start)
    return shown(timetable, timetable.add(at, amount)), shown(timetable, timetable.add(at, amount, Limit.RIGHT))


def test_01_a_target_used_up_at_closing_is_due_today_and_breached_tomorrow() -> None:
    assert due(calendar(), "2026-01-05 09:00", 8 * HOUR) == ("2026-01-05 17:00", "2026-01-06 09:00")
    assert due(calendar(), "2026-01-09 13:00", 4 * HOUR) == ("2026-01-09 17:00", "2026-01-12 09:00")


@pytest.mark.parametrize(
    ("start", "one_hour_later"),
    [
        ("2026-01-05 07:00", "2026-01-05 10:00"),
        ("2026-01-05 18:00", "2026-01-06 10:00"),
        ("2026-01-05 09:00", "2026-01-05 10:00"),
        ("2026-01-05 17:00", "2026-01-06 10:00"),
        ("2026-01-10 12:00", "2026-01-12 10:00"),
    ],
)
def test_02_before_opening_after_closing_and_at_either(start: str, one_hour_later: str) -> None:
    assert due(calendar(), start, HOUR) == (one_hour_later, one_hour_later)


def test_03_no_amount_is_due_at_once_and_breached_when_the_next_hour_begins() -> None:
    assert due(calendar(), "2026-01-10 12:00", timedelta()) == ("2026-01-10 12:00", "2026-01-12 09:00")
    assert due(calendar(), "2026-01-05 12:00", timedelta()) == ("2026-01-05 12:00", "2026-01-05 12:00")


def test_04_lunch_and_several_intervals_a_day() -> None:
    timetable = calendar(pieces=hours("09:00-12:00", "13:00-15:00", "15:30-18:00"))
    assert due(timetable, "2026-01-05 11:00", HOUR) == ("2026-01-05 12:00", "2026-01-05 13:00")
    assert due(timetable, "2026-01-05 11:00", 4 * HOUR) == ("2026-01-05 16:30", "2026-01-05 16:30")
    day = local(timetable, "2026-01-05 00:00")
    assert timetable.between(day, day + 24 * HOUR) == timedelta(hours=7.5)


def test_05_midnight_belongs_to_both_days_and_2359_leaves_a_minute() -> None:
    whole = calendar(week="daily", pieces=hours("00:00-24:00"))
    assert due(whole, "2026-01-05 23:00", 2 * HOUR) == ("2026-01-06 01:00", "2026-01-06 01:00")
    short = calendar(week="daily", pieces=hours("00:00-23:59"))
    assert due(short, "2026-01-05 23:00", HOUR) == ("2026-01-06 00:01", "2026-01-06 00:01")
    night = calendar(week="daily", pieces=hours("00:00-06:00", "22:00-24:00"))
    assert due(night, "2026-01-05 22:00", 8 * HOUR) == ("2026-01-06 06:00", "2026-01-06 22:00")


@pytest.mark.parametrize(
    ("holidays", "end"),
    [
        ({"2026-01-05"}, "2026-01-06 12:00"),
        ({"2026-01-06"}, "2026-01-07 10:00"),
        ({"2026-01-07"}, "2026-01-06 10:00"),
        ({"2026-01-10", "2026-01-11"}, "2026-01-06 10:00"),
        ({"2026-01-05", "2026-01-06", "2026-01-07"}, "2026-01-08 12:00"),
    ],
    ids=["on the start", "on the end", "after it", "on a weekend", "adjacent"],
)
def test_06_holidays_wherever_they_fall(holidays: set[str], end: str) -> None:
    timetable = calendar(holidays=frozenset(map(date.fromisoformat, holidays)))
    assert due(timetable, "2026-01-05 14:00", timedelta(hours=4 if "12:00" not in end else 3))[0] == end


def test_06_the_29th_of_february_comes_every_four_years() -> None:
    timetable = calendar(yearly={"02-29": ()})
    assert not timetable.is_open(local(timetable, "2028-02-29 10:00"))
    assert timetable.is_open(local(timetable, "2027-03-01 10:00"))


def test_06_half_a_day_every_year() -> None:
    timetable = calendar(yearly={"12-24": hours("09:00-13:00")})
    assert due(timetable, "2026-12-24 12:00", 2 * HOUR) == ("2026-12-25 10:00", "2026-12-25 10:00")
    assert due(timetable, "2029-12-24 12:00", 2 * HOUR) == ("2029-12-25 10:00", "2029-12-25 10:00")


def test_06_an_own_date_beats_a_holiday_and_the_weekday() -> None:
    eve, sunday = date(2026, 12, 24), date(2026, 12, 27)
    timetable = calendar(
        holidays=frozenset({eve}),
        dates={eve: hours("09:00-12:00"), sunday: hours("10:00-11:00"), date(2026, 12, 28): ()},
    )
    assert due(timetable, "2026-12-24 09:00", 3 * HOUR)[0] == "2026-12-24 12:00"
    assert timetable.is_open(local(timetable, "2026-12-27 10:30"))
    assert not timetable.is_open(local(timetable, "2026-12-28 10:30"))


def test_06_an_own_date_beats_its_day_of_every_year() -> None:
    timetable = calendar(yearly={"12-24": ()}, dates={date(2026, 12, 24): hours("09:00-10:00")})
    assert timetable.is_open(local(timetable, "2026-12-24 09:30"))
    assert not timetable.is_open(local(timetable, "2027-12-24 09:30"))


def test_06_a_break_is_taken_out_of_whatever_holds() -> None:
    day = date(2026, 1, 5)
    timetable = calendar(dates={day: hours("08:00-18:00")}, breaks={day: hours("10:00-11:30")})
    assert due(timetable, "2026-01-05 08:00", 3 * HOUR)[0] == "2026-01-05 12:30"


def test_08_overlapping_and_touching_intervals_count_once() -> None:
    timetable = calendar(pieces=hours("09:00-12:00", "11:00-13:00", "13:00-17:00"))
    assert timetable.version.weekly[0] == OFFICE
    assert due(timetable, "2026-01-05 12:00", HOUR) == ("2026-01-05 13:00", "2026-01-05 13:00")


def test_09_a_calendar_without_hours_answers_never() -> None:
    timetable = calendar(week="never")
    at = datetime(2026, 1, 5, tzinfo=UTC)
    assert timetable.add(at, HOUR) is None
    assert timetable.add(at, -HOUR) is None
    assert timetable.add(at, timedelta()) == at
    assert timetable.add(at, timedelta(), Limit.RIGHT) is None
    assert timetable.between(at, at + 1000 * HOUR) == timedelta()


def test_09_a_calendar_whose_every_day_is_a_holiday_answers_never() -> None:
    days = frozenset(date(2020, 1, 1) + timedelta(days=number) for number in range(20 * 366))
    timetable = calendar(holidays=days)
    assert timetable.add(datetime(2026, 1, 5, tzinfo=UTC), HOUR) is None


def test_09_a_calendar_of_single_dates_ends_with_the_last() -> None:
    timetable = calendar(week="never", dates={date(2026, 1, 5): OFFICE, date(2039, 1, 5): OFFICE})
    assert due(timetable, "2026-01-05 16:00", 2 * HOUR)[0] == "2039-01-05 10:00"
    assert due(timetable, "2026-01-05 16:00", HOUR) == ("2026-01-05 17:00", "2039-01-05 09:00")
    assert timetable.add(local(timetable, "2026-01-05 16:00"), 9 * HOUR) == local(timetable, "2039-01-05 17:00")
    assert timetable.add(local(timetable, "2026-01-05 16:00"), 9 * HOUR, Limit.RIGHT) is None
    assert timetable.add(local(timetable, "2026-01-05 16:00"), 10 * HOUR) is None


def test_10_more_than_five_years_is_an_error_that_says_so() -> None:
    timetable = calendar(pieces=hours("09:00-09:01"))
    at = datetime(2026, 1, 5, tzinfo=UTC)
    said = (
        "100 hours of the calendar `office` take more than 5 years; shorten the target, or give the calendar more hours"
    )
    with pytest.raises(HorizonError) as caught:
        timetable.add(at, 100 * HOUR)
    assert str(caught.value) == said
    with pytest.raises(HorizonError):
        timetable.add(at, -100 * HOUR)
    # Also when those years were compiled for another question.
    timetable.between(at, at + timedelta(days=365 * 20))
    assert timetable.between(at, at + timedelta(days=365 * 20)) > 60 * HOUR
    with pytest.raises(HorizonError):
        timetable.add(at, 60 * HOUR)


def test_10_an_instant_of_another_age_is_an_error_that_says_so() -> None:
    with pytest.raises(HorizonError, match="known for the years 2000 to 2250 only"):
        calendar().is_open(datetime(1800, 1, 1, tzinfo=UTC))


def test_11_the_night_in_which_clocks_go_forward_is_an_hour_shorter() -> None:
    night = calendar(week="daily", pieces=hours("00:00-06:00", "22:00-24:00"))
    assert night.between(local(night, "2026-03-28 22:00"), local(night, "2026-03-29 06:00")) == 7 * HOUR
    assert due(night, "2026-03-28 22:00", 8 * HOUR)[0] == "2026-03-29 23:00"


def test_12_the_night_in_which_clocks_go_back_is_an_hour_longer() -> None:
    night = calendar(week="daily", pieces=hours("00:00-06:00", "22:00-24:00"))
    assert night.between(local(night, "2026-10-24 22:00"), local(night, "2026-10-25 06:00")) == 9 * HOUR


def test_13_an_opening_in_the_gap_moves_forward_by_the_gap() -> None:
    timetable = calendar(week="daily", pieces=hours("02:30-05:00"))
    day = local(timetable, "2026-03-29 00:00")
    assert timetable.intervals(day, day + timedelta(days=1)) == [
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2026, 3, 29, 3, 0, tzinfo=UTC))
    ]


def test_13_an_opening_and_a_closing_in_the_ambiguous_hour_are_the_first() -> None:
    opens = calendar(week="daily", pieces=hours("02:30-05:00"))
    assert opens.intervals(local(opens, "2026-10-25 00:00"), local(opens, "2026-10-25 12:00")) == [
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 4, 0, tzinfo=UTC))
    ]
    closes = calendar(week="daily", pieces=hours("01:00-02:30"))
    assert closes.intervals(local(closes, "2026-10-25 00:00"), local(closes, "2026-10-25 12:00")) == [
        (datetime(2026, 10, 24, 23, 0, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    ]


def test_14_daylight_saving_that_is_negative() -> None:
    dublin = calendar("Europe/Dublin", "daily")
    assert dublin.intervals(local(dublin, "2026-01-05 00:00"), local(dublin, "2026-01-06 00:00"))[0][0].hour == 9
    assert dublin.intervals(local(dublin, "2026-07-06 00:00"), local(dublin, "2026-07-07 00:00"))[0][0].hour == 8
    casablanca = calendar("Africa/Casablanca", "daily")
    ramadan = casablanca.intervals(local(casablanca, "2026-03-02 00:00"), local(casablanca, "2026-03-03 00:00"))
    assert ramadan[0][0] == datetime(2026, 3, 2, 9, tzinfo=UTC)
    usual = casablanca.intervals(local(casablanca, "2026-04-06 00:00"), local(casablanca, "2026-04-07 00:00"))
    assert usual[0][0] == datetime(2026, 4, 6, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "eve", "night"),
    [
        ("Australia/Lord_Howe", "2026-10-03", timedelta(hours=7.5)),
        ("Australia/Lord_Howe", "2026-04-04", timedelta(hours=8.5)),
        ("Antarctica/Troll", "2026-03-28", timedelta(hours=6)),
        ("Antarctica/Troll", "2026-10-24", timedelta(hours=10)),
    ],
)
def test_15_clocks_that_change_by_half_an_hour_or_by_two(zone: str, eve: str, night: timedelta) -> None:
    timetable = calendar(zone, "daily", hours("00:00-06:00", "22:00-24:00"))
    at = local(timetable, f"{eve} 22:00")
    assert timetable.between(at, at + timedelta(hours=12)) == night


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("America/Sao_Paulo", "2015-10-18", 23),
        ("America/Sao_Paulo", "2016-02-20", 25),
        ("Asia/Beirut", "2026-03-29", 23),
        ("Africa/Cairo", "2026-04-24", 23),
        ("Africa/Cairo", "2026-10-29", 25),
    ],
)
def test_16_clocks_that_change_at_midnight(zone: str, day: str, length: int) -> None:
    timetable = calendar(zone, "daily", hours("00:00-24:00"))
    start, end = timetable.bounds_of(date.fromisoformat(day))
    assert end - start == length * HOUR
    assert timetable.between(start, end) == length * HOUR
    closed = calendar(zone, "daily", hours("00:00-24:00"), holidays=frozenset({date.fromisoformat(day)}))
    assert closed.between(start - 24 * HOUR, end + 24 * HOUR) == 48 * HOUR


def test_17_a_date_that_a_zone_skipped_has_no_hours() -> None:
    apia = calendar("Pacific/Apia")
    missing = date(2011, 12, 30)
    assert missing.weekday() == 4
    start, end = apia.bounds_of(missing)
    assert start == end
    assert due(apia, "2011-12-29 16:00", 2 * HOUR) == ("2012-01-02 10:00", "2012-01-02 10:00")


def test_18_an_offset_of_five_hours_and_three_quarters() -> None:
    timetable = calendar("Asia/Kathmandu")
    assert timetable.add(datetime(2026, 1, 5, tzinfo=UTC), HOUR) == datetime(2026, 1, 5, 4, 15, tzinfo=UTC)


def test_19_a_holiday_is_a_local_date() -> None:
    timetable = calendar("Pacific/Auckland", "daily", hours("00:00-24:00"), holidays=frozenset({date(2026, 1, 1)}))
    assert not timetable.is_open(datetime(2025, 12, 31, 11, 0, tzinfo=UTC))
    assert timetable.is_open(datetime(2025, 12, 31, 10, 59, tzinfo=UTC))
    assert timetable.is_open(datetime(2026, 1, 1, 11, 0, tzinfo=UTC))


def test_20_other_zone_data_is_another_version_and_moves_what_lies_ahead() -> None:
    office = calendar("UTC").version
    old = Timetable(office.model_copy(update={"tzdata": "2026a"}), timezone(timedelta(hours=1)))
    new = Timetable(office.model_copy(update={"tzdata": "2026b"}), timezone(timedelta(hours=2)))
    assert old.version.digest != new.version.digest
    at = datetime(2026, 1, 5, tzinfo=UTC)
    assert new.add(at, HOUR) == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert old.add(at, HOUR) == datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_a_version_is_named_by_all_that_it_says() -> None:
    one = calendar(dates={date(2026, 1, 5): (), date(2026, 1, 6): OFFICE}).version
    other = calendar(dates={date(2026, 1, 6): OFFICE, date(2026, 1, 5): ()}).version
    assert one.digest == other.digest
    assert len({calendar(holiday_data=data).version.digest for data in ("", "0.108", "0.109")}) == 3


def test_a_span_must_lie_within_its_date() -> None:
    for wrong in (Span(3600, 3600), Span(7200, 3600), Span(0, 90000), Span(-1, 60)):
        with pytest.raises(ValidationError, match="must begin before they end, and lie within one date"):
            calendar(pieces=(wrong,))


def test_a_working_day_is_as_long_as_every_open_weekday_is() -> None:
    assert calendar().version.working_day_s == 8 * 3600
    assert always().working_day_s == 86400
    uneven = calendar().version.model_copy(update={"weekly": (*(OFFICE,) * 4, hours("09:00-12:00"), (), ())})
    assert uneven.working_day_s is None
    assert uneven.model_copy(update={"day_s": 8 * 3600}).working_day_s == 8 * 3600
