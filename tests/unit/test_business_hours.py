"""The arithmetic of calendars against 174 recorded cases of another implementation (tests/vectors/business-hours.json).

The expected values stand as recorded. What stands around them here only puts a case's question to our own functions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bridge.sla.calendar import WEEKDAYS, CalendarVersion, Span
from bridge.sla.instants import from_us, to_us
from bridge.sla.intervals import contains, intersect, subtract
from bridge.sla.table import Table
from bridge.sla.timetable import Limit, Timetable

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "business-hours.json").read_text(encoding="utf-8"))
UNITS = {"second": 1, "minute": 60, "hour": 3600}
DAY = timedelta(days=1)
FAR = timedelta(days=60)


def us(text: str) -> int:
    return to_us(datetime.fromisoformat(text))


def shown(instant: int) -> str:
    return from_us(instant).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str) -> int:
    hours, minutes, rest = [*(int(part) for part in text.split(":")), 0][:3]
    return hours * 3600 + minutes * 60 + rest


def spans(pieces: list[list[str]]) -> tuple[Span, ...]:
    return tuple(Span(seconds(start), seconds(end)) for start, end in pieces)


def on_dates(entries: dict[str, Any]) -> dict[date, tuple[Span, ...]]:
    return {date.fromisoformat(day): spans(pieces) for day, pieces in entries.items()}


def compiled(plain: dict[str, Any]) -> Timetable:
    version = CalendarVersion(
        name="recorded",
        timezone=plain["time_zone"],
        weekly=tuple(spans(plain["hours"].get(day, [])) for day in WEEKDAYS),
        holidays=frozenset(date.fromisoformat(day) for day in plain.get("holidays", [])),
        dates=on_dates(plain.get("shifts", {})),
        breaks=on_dates(plain.get("breaks", {})),
    )
    return Timetable(version, ZoneInfo(version.timezone))


def one_week(zone: str, interval: list[list[Any]], sunday: date) -> Timetable:
    """The timetable of an interval that the record gives in days and hours since a Sunday."""
    (first_day, first), (last_day, last) = interval
    start, end = first_day * 86400 + seconds(first), last_day * 86400 + seconds(last)
    dates = {}
    for number in range(8):
        piece = intersect((start, end), (number * 86400, (number + 1) * 86400))
        if piece is not None:
            dates[sunday + number * DAY] = (Span(piece[0] - number * 86400, piece[1] - number * 86400),)
    return Timetable(CalendarVersion(name="week", timezone=zone, weekly=((),) * 7, dates=dates), ZoneInfo(zone))


def sunday_before(at: int, zone: str) -> date:
    local = from_us(at).astimezone(ZoneInfo(zone)).date()
    return local - DAY * (local.isoweekday() % 7)


def pieces_of(timetable: Timetable, start: datetime, end: datetime) -> list[list[str]]:
    return [[shown(to_us(a)), shown(to_us(b))] for a, b in timetable.intervals(start, end)]


def local_to_utc(zone: str, day: date, second: int) -> str:
    """Where a local time lies: as the opening of the rest of its day, or as the closing of it."""
    if second == 86400:
        return shown(to_us(compiled({"time_zone": zone, "hours": {}}).bounds_of(day)[1]))
    version = CalendarVersion(name="x", timezone=zone, weekly=((),) * 7, dates={day: (Span(second, 86400),)})
    timetable = Timetable(version, ZoneInfo(zone))
    found = timetable.add(datetime(day.year, day.month, day.day, tzinfo=UTC) - DAY, timedelta(), Limit.RIGHT)
    assert found is not None
    return shown(to_us(found))


def after(case: dict[str, Any]) -> Any:
    start = datetime.fromisoformat(case["input"]["origin"])
    return pieces_of(compiled(case["calendar"]), start, start + FAR)[: len(case["expected"])]


def before(case: dict[str, Any]) -> Any:
    end = datetime.fromisoformat(case["input"]["origin"])
    return pieces_of(compiled(case["calendar"]), end - FAR, end)[::-1][: len(case["expected"])]


def add(case: dict[str, Any]) -> Any:
    timetable, asked = compiled(case["calendar"]), case["input"]
    start = datetime.fromisoformat(asked["start"])
    back = case["direction"] == "before"
    if asked["unit"] == "day":
        # The n-th next date that has hours, at the same local time, and from there the next instant that counts.
        local, left = start.astimezone(timetable.zone), asked["amount"]
        while left:
            local += -DAY if back else DAY
            left -= 1 if pieces_of(timetable, *timetable.bounds_of(local.date())) else 0
        start, amount = local, timedelta()
    else:
        amount = timedelta(seconds=asked["amount"] * UNITS[asked["unit"]])
    if not back:
        found = timetable.add(start, amount, Limit.RIGHT)
    elif amount:
        found = timetable.add(start, -amount, Limit.RIGHT)
    else:
        # Nothing, backwards, is the last instant that counted.
        found = start if timetable.is_open(start) else timetable.intervals(start - FAR, start)[-1][1]
    assert found is not None
    return shown(to_us(found))


def in_hours(case: dict[str, Any]) -> Any:
    return compiled(case["calendar"]).is_open(datetime.fromisoformat(case["input"]["at"]))


def local_date(case: dict[str, Any], timetable: Timetable) -> date:
    return datetime.fromisoformat(case["input"]["at"]).astimezone(timetable.zone).date()


def on_holiday(case: dict[str, Any]) -> Any:
    timetable = compiled(case["calendar"])
    return local_date(case, timetable) in timetable.version.holidays


def on_break(case: dict[str, Any]) -> Any:
    """The breaks alone, as if they were the hours."""
    plain = case["calendar"]
    breaks = compiled({"time_zone": plain["time_zone"], "hours": {}, "shifts": plain["breaks"]})
    return breaks.is_open(datetime.fromisoformat(case["input"]["at"]))


def between(case: dict[str, Any]) -> Any:
    start, end = (datetime.fromisoformat(case["input"][key]) for key in ("start", "end"))
    return compiled(case["calendar"]).between(start, end).total_seconds()


def interval_contains(case: dict[str, Any]) -> Any:
    asked = case["input"]
    at = us(asked["at"])
    week = one_week(asked["time_zone"], asked["interval"], sunday_before(at, asked["time_zone"]))
    return week.is_open(from_us(at))


def interval_to_segment(case: dict[str, Any]) -> Any:
    asked = case["input"]
    sunday = date.fromisoformat(asked["week_start"])
    week = one_week(asked["time_zone"], asked["interval"], sunday)
    start = datetime(sunday.year, sunday.month, sunday.day, tzinfo=UTC)
    return pieces_of(week, start - DAY, start + 9 * DAY)[0]


def week_time(case: dict[str, Any]) -> Any:
    asked = case["input"]
    day, clock = asked["week_time"]
    return local_to_utc(asked["time_zone"], date.fromisoformat(asked["week_start"]) + day * DAY, seconds(clock))


def local_time(case: dict[str, Any]) -> Any:
    asked = case["input"]
    return local_to_utc(asked["time_zone"], date.fromisoformat(asked["date"]), seconds(asked["time"]))


def pair(texts: list[str]) -> tuple[int, int]:
    return us(texts[0]), us(texts[1])


def segment_subtract(case: dict[str, Any]) -> Any:
    left = subtract(pair(case["input"]["a"]), [pair(case["input"]["b"])])
    return [[shown(start), shown(end)] for start, end in left]


def segment_intersect(case: dict[str, Any]) -> Any:
    found = intersect(pair(case["input"]["a"]), pair(case["input"]["b"]))
    return [shown(instant) for instant in found or ()]


def segment_contains(case: dict[str, Any]) -> Any:
    return contains(pair(case["input"]["a"]), us(case["input"]["at"]))


def segment_disjoint(case: dict[str, Any]) -> Any:
    """Ours has no word for an interval the wrong way round; one that is not so is left whole by itself."""
    start, end = pair(case["input"]["a"])
    return intersect((start, end + 1), (start, end + 1)) is None


def timeline(case: dict[str, Any], until: int) -> list[list[str]]:
    """The periods up to (or back to) an instant. Forward, one that begins there counts, as an empty one."""
    found = []
    for start, end in map(pair, case["periods"]):
        if case["direction"] == "forward" and start <= until:
            found.append([shown(start), shown(min(end, until))])
        elif case["direction"] == "backward" and end > until:
            found.append([shown(max(start, until)), shown(end)])
    return found


def timeline_until(case: dict[str, Any]) -> Any:
    return timeline(case, us(case["input"]["terminus"]))


def timeline_for(case: dict[str, Any]) -> Any:
    table, amount = Table(map(pair, case["periods"])), case["input"]["seconds"] * 1_000_000
    if amount < 0:
        return []
    if case["direction"] == "forward":
        return timeline(case, table.latest(amount))
    if amount == 0:
        last = shown(table.earliest(table.total))
        return [[last, last]]
    return timeline(case, table.latest(table.total - amount))


def periods_on(case: dict[str, Any]) -> Any:
    timetable = compiled(case["calendar"])
    return pieces_of(timetable, *timetable.bounds_of(date.fromisoformat(case["input"]["date"])))


def holiday_bounds(case: dict[str, Any]) -> tuple[datetime, datetime]:
    timetable = compiled({"time_zone": case["input"]["time_zone"], "hours": {}})
    return timetable.bounds_of(date.fromisoformat(case["input"]["date"]))


def holiday_to_segment(case: dict[str, Any]) -> Any:
    return [shown(to_us(at)) for at in holiday_bounds(case)]


def holiday_contains(case: dict[str, Any]) -> Any:
    start, end = holiday_bounds(case)
    return contains((to_us(start), to_us(end)), us(case["input"]["at"]))


QUESTIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "periods_after": after,
    "periods_before": before,
    "periods_on": periods_on,
    "add": add,
    "between": between,
    "in_hours": in_hours,
    "on_holiday": on_holiday,
    "on_break": on_break,
    "interval_contains": interval_contains,
    "interval_to_segment": interval_to_segment,
    "week_time_to_utc": week_time,
    "local_to_utc": local_time,
    "segment_subtract": segment_subtract,
    "segment_intersect": segment_intersect,
    "segment_contains": segment_contains,
    "segment_disjoint": segment_disjoint,
    "timeline_until": timeline_until,
    "timeline_for": timeline_for,
    "holiday_to_segment": holiday_to_segment,
    "holiday_contains": holiday_contains,
}


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: f"{case['id']}-{case['op']}")
def test_business_hours_agree_with_the_record(case: dict[str, Any]) -> None:
    assert QUESTIONS[case["op"]](case) == case["expected"], case["title"]


def test_the_record_is_whole() -> None:
    assert len(VECTORS["cases"]) == VECTORS["count"] == 174
    assert {case["op"] for case in VECTORS["cases"]} == set(QUESTIONS)
