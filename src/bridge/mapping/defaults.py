"""Who decides over a field when a route does not say, and what a route's own lines make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bridge.mapping.side import SideMapping
from bridge.mapping.source import Problems
from bridge.model.policy import FieldPolicy
from bridge.model.words import (
    ASSIGNEE,
    DESCRIPTION,
    DUE,
    LABELS,
    PRIORITY,
    REPORTER,
    SEVERITY,
    STATE,
    SUMMARY,
    Direction,
    Drift,
    OnConflict,
    State,
)

DIRECTION_OF_OWNER = {
    "helpdesk": Direction.TO_TRACKER,
    "tracker": Direction.TO_HELPDESK,
    "both": Direction.BOTH,
    "case": Direction.CASE,
}

DEFAULT_OWNER: Mapping[str, str] = {
    SUMMARY: "helpdesk",
    DESCRIPTION: "helpdesk",
    SEVERITY: "helpdesk",
    PRIORITY: "tracker",
    STATE: "both",
    LABELS: "helpdesk",
    ASSIGNEE: "tracker",
    REPORTER: "helpdesk",
    DUE: "tracker",
}
"""The customer says what is wrong and how bad; the vendor orders its own work, says who does it and until when; both move
the state."""

STILL_OPEN = frozenset(State) - {State.RESOLVED, State.CLOSED}


@dataclass(frozen=True, slots=True)
class RouteWishes:
    """What a route says about its fields, by canonical field. Whatever is absent has a default."""

    owner: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    on_conflict: Mapping[str, OnConflict] = field(default_factory=lambda: MappingProxyType({}))
    tie: Mapping[str, OnConflict] = field(default_factory=lambda: MappingProxyType({}))
    drift: Mapping[str, Drift] = field(default_factory=lambda: MappingProxyType({}))


def compile_policies(
    helpdesk: SideMapping, tracker: SideMapping, wishes: RouteWishes, problems: Problems
) -> dict[str, FieldPolicy]:
    """The policy of every canonical field that both sides map. Others are not mirrored.

    The route's word stands over a mapping's, a mapping's over the default. Two mappings that disagree are a problem.
    """
    policies = {}
    for name, lens in helpdesk.lenses.items():
        if name not in tracker.lenses:
            continue
        theirs, ours = helpdesk.owners.get(name), tracker.owners.get(name)
        owner = wishes.owner.get(name)
        if owner is None and theirs and ours and theirs != ours:
            problems.add(
                f"`{helpdesk.name}` and `{tracker.name}` disagree about who owns `{name}`",
                lens.place,
                f"say `owner: {{{name}: …}}` in the route",
            )
        owner = owner or ours or theirs or DEFAULT_OWNER.get(name, "helpdesk")
        policies[name] = FieldPolicy(
            name,
            DIRECTION_OF_OWNER[owner],
            on_conflict=wishes.on_conflict.get(name, OnConflict.NEWEST),
            tie=wishes.tie.get(name, OnConflict.HELPDESK),
            drift=wishes.drift.get(name, Drift.KEEP),
            allowed_from=STILL_OPEN if name == STATE else None,
        )
    return policies
