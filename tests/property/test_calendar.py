"""Business time: a judge that walks minute by minute agrees, and the laws of the arithmetic hold for any calendar."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.property.calendars import DAYS, MINUTE, WINDOWS, Minutes, Walker, any_calendar

from bridge.errors import HorizonError
from bridge.sla.calendar import CalendarVersion, always
from bridge.sla.terms import Course
from bridge.sla.timetable import Limit, Timetable

COMBINATIONS = int(
    os.environ.get("CALENDAR_WALKS", "10000" if os.environ.get("HYPOTHESIS_PROFILE") == "long" else "400")
)
INSTANTS = 10
"""Instants asked for each calendar; `COMBINATIONS` counts calendars times instants."""


@cache
def minutes_of(zone: str, number: int) -> Minutes:
    return Minutes(zone, WINDOWS[zone][number])


@pytest.mark.parametrize("zone", WINDOWS)
def test_every_answer_is_that_of_a_walk_through_the_minutes(zone: str) -> None:
    random = Random(zone)
    for _ in range(max(1, COMBINATIONS // INSTANTS // len(WINDOWS))):
        number = random.randrange(len(WINDOWS[zone]))
        first = WINDOWS[zone][number]
        minutes = minutes_of(zone, number)
        version = any_calendar(random, zone, first)
        compare(Timetable(version, ZoneInfo(zone)), Walker(minutes, minutes.open_minutes(version, first)), random)


def compare(timetable: Timetable, walker: Walker, random: Random) -> None:
    def at(minute: int) -> datetime:
        return walker.begins_at + MINUTE * minute

    for _ in range(INSTANTS):
        start, end = sorted(random.randrange(3 * 1440, (DAYS + 3) * 1440) for _ in "ab")
        about = (timetable.version, at(start))
        assert timetable.is_open(at(start)) == bool(walker.marks[start]), about
        assert timetable.between(at(start), at(end)) == MINUTE * walker.between(start, end), about
        amount = random.choice([0, 1, walker.between(start, end), random.randint(0, 3000)])
        found = walker.add(start, amount)
        if found is not None and found[1] < (DAYS + 3) * 1440:
            limits = (
                timetable.add(at(start), MINUTE * amount, Limit.LEFT),
                timetable.add(at(start), MINUTE * amount, Limit.RIGHT),
            )
            assert limits == (at(found[0]), at(found[1])), (about, amount)


ZONES = st.sampled_from(sorted(WINDOWS))
START = datetime(2026, 1, 1, tzinfo=UTC)
instants = st.integers(0, 86400 * 700).map(lambda seconds: START + timedelta(seconds=seconds))
amounts = st.integers(0, 3600 * 400).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def timetables(draw: st.DrawFn) -> Timetable:
    zone = draw(ZONES)
    version = any_calendar(Random(draw(st.integers(0, 10**9))), zone, START.date())
    assume(any(version.weekly))
    return Timetable(version, ZoneInfo(zone))


def reach(timetable: Timetable, at: datetime, amount: timedelta, limit: Limit) -> datetime:
    reached = timetable.add(at, amount, limit)
    assert reached is not None
    return reached


@given(timetables(), st.tuples(instants, instants, instants))
def test_business_time_adds_up(timetable: Timetable, three: tuple[datetime, datetime, datetime]) -> None:
    a, b, c = sorted(three)
    assert timetable.between(a, b) + timetable.between(b, c) == timetable.between(a, c)
    assert timetable.between(c, a) == timedelta()
    assert timetable.between(a, c) <= c - a


@given(timetables(), instants, amounts)
def test_what_was_added_lies_between(timetable: Timetable, at: datetime, amount: timedelta) -> None:
    for limit in Limit:
        reached = reach(timetable, at, amount, limit)
        assert reached >= at
        assert timetable.between(at, reached) == amount


@given(timetables(), instants, amounts)
def test_the_limits_differ_at_the_end_of_an_interval_only(
    timetable: Timetable, at: datetime, amount: timedelta
) -> None:
    left, right = (reach(timetable, at, amount, limit) for limit in Limit)
    assert left <= right
    assert timetable.is_open(right)
    if left != right:
        assert not timetable.is_open(left)
        assert timetable.between(left, right) == timedelta()
    if amount:
        # One microsecond earlier less was used up, one later more.
        assert timetable.between(at, left - timedelta(microseconds=1)) < amount
    assert timetable.between(at, right + timedelta(microseconds=1)) > amount


@given(timetables(), st.tuples(instants, instants), st.tuples(amounts, amounts), st.sampled_from(list(Limit)))
def test_adding_is_monotone(
    timetable: Timetable, two: tuple[datetime, datetime], some: tuple[timedelta, timedelta], limit: Limit
) -> None:
    (early, late), (less, more) = sorted(two), sorted(some)
    assert reach(timetable, early, less, limit) <= reach(timetable, late, less, limit)
    assert reach(timetable, early, less, limit) <= reach(timetable, early, more, limit)


@given(timetables(), instants, st.tuples(amounts, amounts), st.sampled_from(list(Limit)))
def test_adding_twice_is_adding_the_sum(
    timetable: Timetable, at: datetime, some: tuple[timedelta, timedelta], limit: Limit
) -> None:
    one, other = some
    assume(other or limit is Limit.RIGHT)
    middle = reach(timetable, at, one, limit)
    assert timetable.add(middle, other, limit) == timetable.add(at, one + other, limit)


@given(timetables(), instants, amounts, st.sampled_from(list(Limit)))
def test_looking_back_comes_to_an_instant_from_which_the_amount_leads_here(
    timetable: Timetable, at: datetime, amount: timedelta, limit: Limit
) -> None:
    back = reach(timetable, at, -amount, limit)
    assert timetable.between(back, at) == amount


@given(ZONES, instants, amounts)
def test_24x7_is_elapsed_time(zone: str, at: datetime, amount: timedelta) -> None:
    timetable = Timetable(always().model_copy(update={"timezone": zone}), ZoneInfo(zone))
    assert timetable.add(at, amount) == timetable.add(at, amount, Limit.RIGHT) == at + amount
    assert timetable.between(at, at + amount) == amount


@settings(max_examples=25)
@given(timetables(), st.lists(st.tuples(instants, amounts), min_size=2, max_size=5))
def test_what_was_asked_before_changes_no_answer(timetable: Timetable, asked: list[tuple[datetime, timedelta]]) -> None:
    def answer(of: Timetable, at: datetime, amount: timedelta) -> object:
        try:
            return of.add(at, amount), of.add(at, -amount, Limit.RIGHT)
        except HorizonError as error:
            return str(error)

    for at, amount in asked:
        fresh = Timetable(timetable.version, timetable.zone)
        assert answer(timetable, at, amount * 20) == answer(fresh, at, amount * 20)


@given(timetables())
def test_a_version_survives_being_written_down(timetable: Timetable) -> None:
    version = timetable.version
    again = CalendarVersion.model_validate_json(version.model_dump_json())
    assert again == version
    assert again.digest == version.digest


@given(timetables(), timetables(), instants, st.tuples(instants, amounts), st.sampled_from(list(Limit)))
def test_a_calendar_through_its_versions_keeps_the_same_laws(
    old: Timetable, new: Timetable, since: datetime, asked: tuple[datetime, timedelta], limit: Limit
) -> None:
    course, (at, amount) = Course.of(old, (since, new)), asked
    reached = course.add(at, amount, limit)
    assert reached is not None
    assert course.between(at, reached) == amount
    assert course.between(at, since) + course.between(since, since + timedelta(days=9)) == (
        course.between(at, since + timedelta(days=9)) if at <= since else new.between(since, since + timedelta(days=9))
    )
    if reached < since:
        assert reached == old.add(at, amount, limit)
    if at >= since:
        assert reached == new.add(at, amount, limit)
