"""Who decides over a field of a route: the result of a route's `owner`, `on_conflict`, `tie` and `drift` lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as make
from types import MappingProxyType

from bridge.model.words import (
    LABELS,
    PRIORITY,
    SEVERITY,
    STATE,
    Direction,
    Drift,
    OnConflict,
    Priority,
    Reduce,
    Severity,
)


@dataclass(frozen=True, slots=True)
class FieldPolicy:
    """How one canonical field of one route is merged.

    `on_conflict` matters for two-way fields; `tie` decides where `newest` cannot and is itself never `newest`; `drift`
    matters for one-way fields. `allowed_from` holds the helpdesk's canonical values over which a change that comes
    from the tracker may be written; None means any. It keeps a tracker from reopening what the customer solved.
    """

    field: str
    direction: Direction
    on_conflict: OnConflict = OnConflict.NEWEST
    tie: OnConflict = OnConflict.HELPDESK
    drift: Drift = Drift.KEEP
    allowed_from: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if self.tie is OnConflict.NEWEST:
            raise ValueError("tie decides where newest cannot, so it is helpdesk, tracker or hold")


@dataclass(frozen=True, slots=True)
class SharedPolicy:
    """What holds when several tickets share an issue. `reduce` says per canonical field how the tickets' values become
    the issue's; two-way fields in `fan_out` are written back to all of them. `reply_all`: one reply may go to all."""

    reduce: Mapping[str, Reduce] = make(default_factory=lambda: MappingProxyType({}))
    fan_out: frozenset[str] = frozenset()
    reply_all: bool = False


RANKS: Mapping[str, tuple[str, ...]] = MappingProxyType({SEVERITY: tuple(Severity), PRIORITY: tuple(Priority)})
"""The fields whose values have an order, highest first."""


def wrong_rule(rule: Reduce, name: str) -> str | None:
    """Why a field cannot be reduced by a rule, None if it can."""
    if name == STATE:
        return "a shared state follows whoever reopens or waits, and is done when all are"
    if rule in (Reduce.HIGHEST, Reduce.LOWEST) and name not in RANKS:
        return f"only {' and '.join(RANKS)} have an order"
    if rule is Reduce.UNION and name != LABELS:
        return "only labels can be put together"
    return None
