"""Where on the way to a target somebody is told: `50%`, `1h left`, `breach`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bridge.sla.length import Length, parse_length

BREACH = "breach"


@dataclass(frozen=True, slots=True)
class At:
    """A share of the target in percent, or business time left of it, or (neither) the breach. `str()`: as it is written."""

    percent: int | None = None
    left: Length | None = None

    @property
    def is_breach(self) -> bool:
        """Whether the target must be exceeded, not merely come near."""
        return self.percent is None and self.left is None

    def amount(self, target: timedelta, day_s: int | None) -> timedelta | None:
        """The business time used up at which it is reached; None if the target is shorter than what should be left."""
        if self.percent is not None:
            return target * self.percent / 100
        if self.left is None:
            return target
        left = self.left.in_days_of(day_s)
        return target - left if left < target else None

    def __str__(self) -> str:
        if self.percent is not None:
            return f"{self.percent}%"
        return f"{self.left} left" if self.left is not None else BREACH


def parse_at(value: Any) -> At:
    """Raises ValueError with a sentence for anything that is not `50%`, `1h left` or `breach`."""
    if isinstance(value, At):
        return value
    if value == BREACH:
        return At()
    if isinstance(value, str) and (match := re.fullmatch(r"([0-9]{1,3}) ?%", value)) and 0 < int(match[1]) <= 100:
        return At(percent=int(match[1]))
    if isinstance(value, str) and value.endswith(" left"):
        return At(left=parse_length(value.removesuffix(" left")))
    raise ValueError("must be a share such as `80%`, a time left such as `1h left`, or `breach`")
