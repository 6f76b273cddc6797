"""Pins: holidays and zones of a contract's calendars, written down beside it, so that other data moves no deadline unseen.

`acme.yaml` has its pins in `acme.pins.json`: a file for version control, written by `bridge contract pin` alone.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from bridge.errors import Place
from bridge.mapping.source import Problems
from bridge.sla.contract import HolidaySource

MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Pin:
    """The holidays of one calendar as they were when it was pinned. `asks` is what the contract asked for, `years` the first
    and last year that was asked, `data` where they came from."""

    asks: str
    years: tuple[int, int]
    days: frozenset[date]
    data: str


@dataclass(frozen=True, slots=True)
class ZonePin:
    """A time zone as it was when it was pinned: the very file of the zone data, and which release it was of."""

    tzdata: str
    data: bytes

    def zone(self, name: str) -> tzinfo:
        """The zone. Raises ValueError for bytes that are none."""
        return ZoneInfo.from_file(BytesIO(self.data), key=name)


@dataclass(frozen=True, slots=True)
class Pins:
    """What is pinned of one contract: holidays by calendar, zones by name."""

    calendars: Mapping[str, Pin] = field(default_factory=dict)
    zones: Mapping[str, ZonePin] = field(default_factory=dict)


def pins_path(contract: Path) -> Path:
    """Where the pins of the contract at this path are."""
    return contract.with_suffix(".pins.json")


def asks_of(source: HolidaySource) -> str:
    """What of a calendar's `holidays:` can change by itself: the country and the file, not the dates written out."""
    return "/".join(part or "" for part in (source.country, source.subdivision, source.file))


def read_pins(path: Path, problems: Problems) -> Pins:
    """The pins; none, without a problem, if there is no such file."""
    if not path.is_file():
        return Pins()
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("too large")
        plain = json.loads(path.read_text(encoding="utf-8"))
        return Pins(
            {str(name): _pin(one) for name, one in plain["calendars"].items()},
            {str(name): _zone_pin(one) for name, one in plain["zones"].items()},
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        problems.add("these pins cannot be read", Place(path.name, 1), "write them anew with `bridge contract pin`")
        return Pins()


def write_pins(path: Path, pins: Pins) -> None:
    """Write the pins, a day a line, in order: what changes is what a comparison of the files shows."""
    calendars = {
        name: {"asks": pin.asks, "data": pin.data, "years": pin.years, "days": [str(day) for day in sorted(pin.days)]}
        for name, pin in sorted(pins.calendars.items())
    }
    zones = {
        name: {"tzdata": pin.tzdata, "data": b64encode(pin.data).decode("ascii")}
        for name, pin in sorted(pins.zones.items())
    }
    path.write_text(json.dumps({"calendars": calendars, "zones": zones}, indent=1) + "\n", encoding="utf-8")


def differences(pinned: Pin, fresh: Pin) -> Iterator[str]:
    """In which days other data differs from what is pinned, within the years that both know."""
    first, last = max(pinned.years[0], fresh.years[0]), min(pinned.years[1], fresh.years[1])
    for sign, days in (("+", fresh.days - pinned.days), ("-", pinned.days - fresh.days)):
        yield from (f"{sign}{day}" for day in sorted(days) if first <= day.year <= last)


def _pin(plain: Mapping[str, object]) -> Pin:
    days, years = plain["days"], plain["years"]
    if not isinstance(days, list) or not isinstance(years, list):
        raise TypeError
    first, last = map(int, years)
    return Pin(str(plain["asks"]), (first, last), frozenset(map(date.fromisoformat, days)), str(plain["data"]))


def _zone_pin(plain: Mapping[str, object]) -> ZonePin:
    pin = ZonePin(str(plain["tzdata"]), b64decode(str(plain["data"]), validate=True))
    pin.zone("pinned")
    return pin
