"""Brakes: guards that stop a field, a case's texts or a route until a person releases them, and when they close."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class BrakeKind(StrEnum):
    """Why something was stopped.

    `oscillation`: one field of one case is written to and fro. `mail_loop`: one case sends its customer too many texts.
    `mass_change`: a route changes too many cases at once. `mass_delete`: too many of its tickets vanish at once.
    `public`: anybody can read its tracker by now.
    """

    OSCILLATION = "oscillation"
    MAIL_LOOP = "mail_loop"
    MASS_CHANGE = "mass_change"
    MASS_DELETE = "mass_delete"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Threshold:
    """How often something may happen within a while; the next time closes the brake."""

    after: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class BrakeLimits:
    """When a route's brakes close. See `BrakeKind` for what each counts."""

    oscillation: Threshold = Threshold(5, timedelta(hours=1))
    mail_loop: Threshold = Threshold(20, timedelta(hours=1))
    mass_change: Threshold = Threshold(200, timedelta(minutes=10))
    mass_delete: Threshold = Threshold(20, timedelta(minutes=10))


@dataclass(frozen=True, slots=True)
class Brake:
    """A brake that stands. `group` is "" where it stops the whole route, `field` names the one field it stops."""

    route: str
    kind: BrakeKind
    why: str
    group: str = ""
    field: str = ""
    set_at: datetime | None = None

    def __str__(self) -> str:
        return f"braked ({self.kind}): {self.why}"
