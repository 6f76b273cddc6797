"""Lengths of time as admins write them: `30s`, `2m`, `1h`, `1h 30m`, `7d`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PATTERN = r"^([0-9]{1,9} ?(ms|s|m|h|d) ?)+$"


def parse_duration(value: Any) -> timedelta:
    """A duration. Raises ValueError with a sentence for anything else; a bare number has no unit and is refused."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not re.fullmatch(PATTERN, value.strip()):
        raise ValueError("must be a duration with its unit, such as `30s`, `2m`, `1h` or `7d`")
    parts = re.findall(r"([0-9]+) ?(ms|s|m|h|d)", value)
    return timedelta(seconds=sum(int(number) * UNITS[unit] for number, unit in parts))


def show_duration(value: timedelta) -> str:
    """The shortest way to write it: `2m`, `1h 30m`."""
    left, parts = value.total_seconds(), []
    for unit, size in reversed(UNITS.items()):
        count = int(left // size)
        if count:
            parts.append(f"{count}{unit}")
            left -= count * size
    return " ".join(parts) or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(show_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["30s", "2m", "1h"]}),
]
