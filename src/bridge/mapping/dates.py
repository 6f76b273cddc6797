"""The lens for a day: a date, or a moment of which the day counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bridge.errors import Place
from bridge.mapping.lens import settled
from bridge.model.ticket import UNREADABLE, Presence, Reading


@dataclass(frozen=True, slots=True)
class DateLens:
    """A canonical day, as `2026-03-02`. What is no date is unreadable: nothing is written over it."""

    field: str
    native: str
    place: Place
    writable: bool = True

    @property
    def natives(self) -> tuple[str, ...]:
        """The one native field."""
        return (self.native,)

    def read(self, fields: Mapping[str, Reading]) -> Reading:
        """The day; of a moment, its day in the offset it is told in."""
        reading = fields.get(self.native, UNREADABLE)
        if reading.presence is not Presence.VALUE:
            return reading
        day = _day(reading.value)
        return UNREADABLE if day is None else Reading(Presence.VALUE, day)

    def write(self, value: Any, current: Mapping[str, Reading]) -> dict[str, Any]:
        """The day to set; {} over what is no date."""
        now = self.read(settled(self.natives, current))
        wanted = _day(value)
        return {} if not now.readable or now.value == wanted else {self.native: wanted}

    def form(self, value: Any) -> dict[str, Any]:
        """The day for a new ticket."""
        wanted = _day(value)
        return {} if wanted is None else {self.native: wanted}

    def fold(self, value: Any) -> Any:
        """The day itself."""
        return _day(value)

    def touches(self, native: str, members: frozenset[str]) -> bool:
        """Whether it is this field."""
        return native == self.native


def _day(value: Any) -> str | None:
    text = str(value or "").strip()
    try:
        day = date.fromisoformat(text) if len(text) <= len("2026-03-02") else datetime.fromisoformat(text).date()
    except ValueError:
        return None
    return day.isoformat()
