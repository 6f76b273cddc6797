"""Who decides over a field of a route: the result of a route's `owner`, `on_conflict`, `tie` and `drift` lines."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.model.words import Direction, Drift, OnConflict


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
