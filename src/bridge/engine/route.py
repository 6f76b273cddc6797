"""A route as the engine uses it: everything resolved, nothing left to look up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bridge.mapping import Condition, Opening, SideMapping
from bridge.model.brake import BrakeLimits
from bridge.model.policy import FieldPolicy, SharedPolicy
from bridge.model.ticket import Person
from bridge.model.words import FollowUp, HeldBy, Mode, Side
from bridge.sla.terms import Timeline

NEVER = datetime.max.replace(tzinfo=UTC)

RolesOf = Callable[[str, Person], frozenset[str]]
"""The names of the config's people that a person of a site stands for."""


@dataclass(frozen=True, slots=True)
class RouteSide:
    """One end: which site, which part of it (`scope`), its rules, and when a ticket there belongs to the route: at the
    tracker only where `opening` says how the customer's ticket is made then."""

    side: Side
    site: str
    connector: str
    held_by: HeldBy
    scope: Mapping[str, str]
    mapping: SideMapping
    open_when: Condition | None = None
    opening: Opening | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One customer's configured pair. `digest` changes when its rules do. `begin_link`: which tickets found at the
    start are linked: `open`, `all` or `new` ones. `undo` is how long a customer update waits before it is sent.
    `opens_at`: issues made before never begin a case."""

    name: str
    mode: Mode
    helpdesk: RouteSide
    tracker: RouteSide
    policies: Mapping[str, FieldPolicy]
    roles_of: RolesOf
    begin_link: str
    begin_at: datetime
    undo: timedelta
    language: str
    digest: str
    opens_at: datetime = NEVER
    brakes: BrakeLimits = field(default_factory=BrakeLimits)
    allow_public: bool = False
    shared: SharedPolicy = field(default_factory=SharedPolicy)
    follow_up: FollowUp = FollowUp.REOPEN
    link_back: bool = True
    """Whether issues bear a link to their tickets, where the tracker has such links."""
    issue_key_field: str = ""
    issue_url_field: str = ""
    """The helpdesk's fields that show the issue's key and where it is; "" for none."""
    contract: Timeline | None = None
    """Its contract through all versions, None if nothing is promised."""
    clocks_from: datetime | None = None
    """What was crossed before this is told to nobody: when the ledger first knew the route."""

    def end(self, side: Side) -> RouteSide:
        """One end of the route."""
        return self.helpdesk if side is Side.HELPDESK else self.tracker

    @property
    def ends(self) -> tuple[RouteSide, RouteSide]:
        """Both ends, the helpdesk's first."""
        return self.helpdesk, self.tracker

    def end_at(self, site: str) -> RouteSide:
        """The end that stands at `site`."""
        return self.helpdesk if self.helpdesk.site == site else self.tracker
