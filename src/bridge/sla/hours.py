"""Hours as contracts write them: `mon-fri: ["09:00-12:00", "13:00-18:00"]`, `sat: "22:00-06:00"`, `daily: "00:00-24:00"`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from bridge.sla.calendar import WEEKDAYS, Span
from bridge.sla.instants import DAY_S
from bridge.sla.intervals import merge

PIECE = re.compile(r"([01][0-9]|2[0-3]|24):([0-5][0-9])-([01][0-9]|2[0-3]|24):([0-5][0-9])")
CLOSED = "closed"
Spans = tuple[Span, ...]


def parse_pieces(value: Any) -> tuple[tuple[int, int], ...]:
    """Pairs of seconds since midnight; an end at or before its start lies on the next day, and is given beyond 86400.

    `value` is `closed`, one piece, or a list of pieces. Raises ValueError with a sentence.
    """
    if value == CLOSED:
        return ()
    pieces = []
    for text in [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else [None]:
        match = PIECE.fullmatch(text.replace(" ", "")) if isinstance(text, str) else None
        start, end = _seconds(match) if match else (DAY_S, DAY_S)
        if start >= DAY_S or end > DAY_S or start == end:
            raise ValueError('must be hours such as "09:00-18:00" (or a list of them), or `closed`')
        pieces.append((start, end if end > start else end + DAY_S))
    return tuple(pieces)


def parse_date_pieces(value: Any) -> Spans:
    """The hours of one date. Raises ValueError for a piece that goes on after midnight."""
    pieces = parse_pieces(value)
    if any(end > DAY_S for _, end in pieces):
        raise ValueError("speak of one date: let them end at 24:00, and give the next date its own")
    return tuple(Span(*piece) for piece in merge(pieces))


def parse_week(value: Any) -> tuple[Spans, ...]:
    """Seven entries, Monday first, of a mapping such as `{mon-fri: "09:00-18:00"}`. Raises ValueError with a sentence.

    What goes on after midnight belongs to the next weekday: Friday's 22:00-06:00 has six of its hours on Saturday.
    """
    if not isinstance(value, Mapping):
        raise ValueError('must say hours by weekday, such as {mon-fri: ["09:00-18:00"]}')
    days: list[list[tuple[int, int]]] = [[] for _ in WEEKDAYS]
    said: dict[int, str] = {}
    for key, pieces in value.items():
        for day in _weekdays(str(key)):
            if day in said:
                raise ValueError(f"speaks of {WEEKDAYS[day]} twice: in `{said[day]}` and in `{key}`")
            said[day] = str(key)
            for start, end in parse_pieces(pieces):
                days[day].append((start, min(end, DAY_S)))
                days[(day + 1) % 7].append((0, max(end - DAY_S, 0)))
    return tuple(tuple(Span(*piece) for piece in merge(day)) for day in days)


def parse_day_key(key: str) -> date | str:
    """A date (`2026-12-24`) or a day of every year (`12-24`). Raises ValueError with a sentence."""
    try:
        if re.fullmatch(r"\d\d-\d\d", key):
            date.fromisoformat(f"2028-{key}")  # a leap year: 02-29 is a day of it
            return key
        return date.fromisoformat(key)
    except ValueError:
        raise ValueError("must name a date such as 2026-12-24, or a day of every year such as 12-24") from None


def show_spans(spans: Spans) -> str:
    """How people read them: `09:00-12:00, 13:00-18:00`; `closed` for none."""
    return ", ".join(f"{_clock(span.start_s)}-{_clock(span.end_s)}" for span in spans) or CLOSED


def show_week(weekly: tuple[Spans, ...]) -> str:
    """Equal neighbours together: `mon-fri 09:00-18:00; sat 10:00-14:00`."""
    parts: list[tuple[int, int, Spans]] = []
    for day, spans in enumerate(weekly):
        if parts and parts[-1][2] == spans:
            parts[-1] = (parts[-1][0], day, spans)
        else:
            parts.append((day, day, spans))
    named = [(_days(first, last), spans) for first, last, spans in parts if spans]
    return "; ".join(f"{days} {show_spans(spans)}" for days, spans in named) or CLOSED


def _days(first: int, last: int) -> str:
    return WEEKDAYS[first] if first == last else f"{WEEKDAYS[first]}-{WEEKDAYS[last]}"


def _seconds(match: re.Match[str]) -> tuple[int, int]:
    hour, minute, end_hour, end_minute = map(int, match.groups())
    return hour * 3600 + minute * 60, end_hour * 3600 + end_minute * 60


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second % 3600 // 60:02}"


def _weekdays(key: str) -> list[int]:
    if key == "daily":
        return list(range(7))
    found: list[int] = []
    for part in key.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in WEEKDAYS or (last and last not in WEEKDAYS):
            raise ValueError(f"speaks of `{key}`, which is no weekday: write `mon`, `mon-fri`, `sat, sun` or `daily`")
        start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        found += [day % 7 for day in range(start, end + 1 if end >= start else end + 8)]
    return found
