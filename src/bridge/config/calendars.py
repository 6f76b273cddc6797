"""What calendars are made from: zone data, holidays of countries, iCalendar files. Everything is taken down, with versions.

A calendar version holds the dates themselves, and where a contract has pins (`pins`), those it was pinned with: another
release of the holiday data, or another file, is told of and moves nothing until somebody pins it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import holidays
from icalendar import Calendar as Feed

from bridge.config.pins import Pin, Pins, ZonePin, asks_of, differences
from bridge.mapping.source import Item, Problems, did_you_mean
from bridge.sla.calendar import CalendarVersion, always
from bridge.sla.contract import CalendarTerms, HolidaySource
from bridge.sla.timetable import Timetable

MOST_FEED_BYTES = 5_000_000


@cache
def zone_names() -> frozenset[str]:
    """Every zone a contract may name: those with a place in them, and UTC."""
    names = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return frozenset(name for name in names if "/" in name or name == "UTC")


@cache
def zone(name: str) -> tzinfo:
    """A zone's data, from the package whose version calendars record and not from the machine's own files."""
    return zone_at_hand(name).zone(name)


@cache
def always_open() -> Timetable:
    """The timetable of the calendar that every contract has; one for all, for it never changes."""
    return Timetable(always(), zone("UTC"))


def zone_at_hand(name: str) -> ZonePin:
    """The zone as the installed data has it, ready to be pinned."""
    return ZonePin(version("tzdata"), files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes())


@dataclass(frozen=True, slots=True)
class Almanac:
    """Where the holidays of a contract come from: for which `years`, from files in `directory`, and what is pinned."""

    years: range
    directory: Path
    pins: Pins
    problems: Problems

    def zone(self, name: str) -> tuple[tzinfo, str, str]:
        """A zone's data, its release, and a remark on how the data at hand differs from what is pinned."""
        at_hand, pinned = zone_at_hand(name), self.pins.zones.get(name)
        if pinned is None or pinned.data == at_hand.data:
            return zone(name), pinned.tzdata if pinned is not None else at_hand.tzdata, ""
        day = _first_difference(pinned.zone(name), zone(name), self.years)
        changed = (
            f"zone data {at_hand.tzdata} differs from what is pinned ({pinned.tzdata}) from {day} on" if day else ""
        )
        return pinned.zone(name), pinned.tzdata, changed

    def take_down(
        self, name: str, terms: CalendarTerms, item: Item, tzdata: str = ""
    ) -> tuple[CalendarVersion, Pin | None, str]:
        """The version of a calendar with its holidays written into it, what would be pinned now, and a remark on how that
        differs from what is. `item` is the calendar as written; what cannot be read is noted."""
        source = terms.holidays
        if source is None:
            version = terms.version(name, holidays=frozenset(), tzdata=tzdata, holiday_data="")
            return version, None, ""
        fresh = self._fresh(source, item.find(("holidays",)))
        used, remark = self._used(name, source, fresh)
        days = (used.days | set(source.also)) - set(source.except_)
        version = terms.version(name, holidays=days, tzdata=tzdata, holiday_data=used.data)
        return version, fresh if source.country or source.file else None, remark

    def _used(self, name: str, source: HolidaySource, fresh: Pin) -> tuple[Pin, str]:
        pinned = self.pins.calendars.get(name)
        if pinned is None or pinned.asks != fresh.asks:
            return fresh, ""
        first, last = pinned.years
        later = frozenset(day for day in fresh.days if not first <= day.year <= last)
        changed = list(differences(pinned, fresh))
        remark = f"{fresh.data} differs from what is pinned ({pinned.data}): {', '.join(changed)}" if changed else ""
        return replace(pinned, days=pinned.days | later), remark

    def _fresh(self, source: HolidaySource, item: Item) -> Pin:
        days, data = set[date](), []
        if source.country is not None:
            days |= _of_country(source, self.years, item, self.problems)
            data.append(f"holidays {version('holidays')}")
        if source.file is not None:
            path = self.directory / source.file
            found, digest = _of_file(path, self.years, item.find(("file",)), self.problems)
            days |= found
            data.append(f"{source.file} {digest}")
        return Pin(asks_of(source), (self.years[0], self.years[-1]), frozenset(days), ", ".join(data))


def _first_difference(one: tzinfo, other: tzinfo, years: range) -> date | None:
    """The first day of these years at whose noon the two zones are not of one mind."""
    noon = datetime(years[0], 1, 1, 12, tzinfo=UTC)
    while noon.year in years:
        if noon.astimezone(one).utcoffset() != noon.astimezone(other).utcoffset():
            return noon.date()
        noon += timedelta(days=1)
    return None


def _of_country(source: HolidaySource, years: range, item: Item, problems: Problems) -> set[date]:
    known: dict[str, list[str]] = holidays.list_supported_countries()
    country, part = source.country or "", source.subdivision
    if country not in known:
        hint = did_you_mean(country, known) or "write its code of two letters, such as DE"
        problems.add(f"there is no holiday data for the country `{country}`", item.find(("country",)).place, hint)
        return set()
    if part is not None and part not in known[country]:
        hint = did_you_mean(part, known[country]) or f"known there: {', '.join(known[country]) or 'none'}"
        message = f"there is no holiday data for `{part}` in `{country}`"
        problems.add(message, item.find(("subdivision",)).place, hint)
        return set()
    return set(holidays.country_holidays(country, subdiv=part, years=years))


def _of_file(path: Path, years: range, item: Item, problems: Problems) -> tuple[set[date], str]:
    """The whole days of a feed, and a short hash of the file."""
    try:
        if path.stat().st_size > MOST_FEED_BYTES:
            problems.add(f"the file `{item.value}` is larger than {MOST_FEED_BYTES // 1_000_000} MB", item.place)
            return set(), ""
        data = path.read_bytes()
        feed = Feed.from_ical(data.decode("utf-8-sig"))
        found = {day for event in feed.walk("VEVENT") for day in _days_of(event, years)}
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        problems.add(f"the file `{item.value}` cannot be read: {reason}", item.place)
        return set(), ""
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError) as error:
        # The reader of feeds raises any of these for a property that is not what it should be.
        reason = str(error).splitlines()[0][:200] if isinstance(error, ValueError) and str(error) else "it is damaged"
        problems.add(f"the file `{item.value}` is no calendar: {reason}", item.place)
        return set(), ""
    return found, sha256(data).hexdigest()[:12]


def _days_of(event: Any, years: range) -> Iterator[date]:
    """The days an event takes up: whole days only, and none of an event that was called off."""
    begins = event.get("DTSTART")
    if begins is None or isinstance(begins.dt, datetime) or str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    first = begins.dt
    ends = event["DTEND"].dt if "DTEND" in event else None
    last = ends - timedelta(days=1) if ends is not None and not isinstance(ends, datetime) else first
    length = max((last - first).days, 0) + 1
    left_out = {each.dt for each in _excluded(event)}
    for start in _starts(event, first, years):
        for number in range(length):
            day = start + timedelta(days=number)
            if start not in left_out and day.year in years:
                yield day


def _excluded(event: Any) -> list[Any]:
    dates = event.get("EXDATE", [])
    return [each for group in (dates if isinstance(dates, list) else [dates]) for each in group.dts]


def _starts(event: Any, first: date, years: range) -> Iterator[date]:
    rule = event.get("RRULE")
    if rule is None:
        yield first
        return
    if [str(each).upper() for each in rule.get("FREQ", [])] != ["YEARLY"] or set(rule) - {"FREQ", "COUNT", "UNTIL"}:
        raise ValueError(f"the event of {first} repeats in a way other than every year on its day; write out its dates")
    until = rule["UNTIL"][0] if "UNTIL" in rule else date(years[-1], 12, 31)
    until = until.date() if isinstance(until, datetime) else until
    left = rule["COUNT"][0] if "COUNT" in rule else len(years) + abs(first.year - years[-1]) + 1
    for year in range(first.year, years[-1] + 1):
        day = _same_day(first, year)
        if day is None:
            continue
        if day > until or left <= 0:
            return
        left -= 1
        yield day


def _same_day(day: date, year: int) -> date | None:
    try:
        return day.replace(year=year)
    except ValueError:
        return None
