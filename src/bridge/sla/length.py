"""How long a promise is, as contracts write it: `4h`, `2d`, `1d 4h`. A `d` is one day of the calendar it is counted in.

A calendar's day is the business time of one of its working days, by the wall clock: nine hours where every working day is
09:00-18:00, twenty-four in `24x7`. Where the weekdays differ, the calendar says `day: 8h`. So `2d` is an amount of
business time like `18h` is, and not "the same time two days later".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from bridge.sla.instants import DAY_S

UNITS = {"h": 3600, "m": 60, "s": 1}
PATTERN = r"^([0-9]{1,6} ?[dhms] ?){1,8}$"
MOST_DAYS = 10_000


@dataclass(frozen=True, slots=True)
class Length:
    """Working days of some calendar, and seconds beside them. `str()` is how it is written."""

    days: int = 0
    seconds: int = 0

    def in_days_of(self, day_s: int | None) -> timedelta:
        """As business time, where a day has `day_s` seconds. Raises ValueError if it speaks of days and that is None."""
        if self.days and day_s is None:
            raise ValueError("the calendar does not say how long its day is")
        return timedelta(seconds=self.days * (day_s or 0) + self.seconds)

    def elapsed(self) -> timedelta:
        """By the wall, where no calendar is meant: a day has 24 hours."""
        return self.in_days_of(DAY_S)

    def __bool__(self) -> bool:
        return bool(self.days or self.seconds)

    def __str__(self) -> str:
        parts, left = [f"{self.days}d"] if self.days else [], self.seconds
        for unit, size in UNITS.items():
            if left // size:
                parts.append(f"{left // size}{unit}")
                left %= size
        return " ".join(parts) or "0h"


def parse_length(value: Any) -> Length:
    """A length. Raises ValueError with a sentence for anything else; a bare number has no unit and is refused."""
    if isinstance(value, Length):
        return value
    if not isinstance(value, str) or not re.fullmatch(PATTERN, value.strip()):
        raise ValueError("must be a length with its unit, such as `4h`, `30m`, `2d` or `1d 4h`")
    parts = [(int(number), unit) for number, unit in re.findall(r"([0-9]+) ?([dhms])", value)]
    days = sum(number for number, unit in parts if unit == "d")
    if days > MOST_DAYS:
        raise ValueError(f"must not be longer than {MOST_DAYS} days")
    return Length(days, sum(number * UNITS[unit] for number, unit in parts if unit != "d"))


WrittenLength = Annotated[
    Length,
    BeforeValidator(parse_length),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["4h", "30m", "2d"]}),
]
