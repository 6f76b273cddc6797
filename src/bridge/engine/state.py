"""What is known of one group, read from the ledger in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from bridge.engine.route import Route
from bridge.model.brake import Brake, BrakeKind
from bridge.model.operation import UNSENT, Operation, OperationKind, OperationState
from bridge.model.ticket import Reading, Snapshot, TicketRef
from bridge.model.words import Side
from bridge.store.embargoes import Embargo
from bridge.store.hands import Hand
from bridge.store.ledger import Transaction
from bridge.store.links import Bases, Item, Link
from bridge.store.notices import Notice

FRESH = timedelta(seconds=30)
"""How old a reading may be that a write rests on."""


_LONGEST_CHAIN = 20
"""Tickets merged into each other one after the other that are followed."""
OLDER = "older than the link"
"""How the reason begins for which a comment of an issue is not for a ticket that joined it later."""


UNROUTED = "unrouted"
"""The topic of the notice that several routes claim a ticket."""


def group_of(route: str, ref: TicketRef) -> str:
    """The name of the group that a ticket starts, a helpdesk's or a tracker's: it keeps this name for ever."""
    return f"{route}:{ref}"


def update_key(group: str, side: Side, field_name: str, number: int) -> str:
    """The key of the `number`-th update of a field on one side of a group."""
    return sha256(f"{group}\n{side.value}\n{field_name}\n{number}".encode()).hexdigest()[:40]


def source_of(group: str) -> TicketRef:
    """The ticket a group was started by."""
    return TicketRef.parse(group.partition(":")[2])


def started_at(group: str, route: Route) -> Side:
    """The side of its route on which a group was started."""
    return Side.TRACKER if source_of(group).site == route.tracker.site else Side.HELPDESK


def ends_of(group: str, route: Route, link: Link | None) -> dict[Side, TicketRef]:
    """The tickets of a group by side: before it is linked, only the one it was started by."""
    if link is None:
        return {started_at(group, route): source_of(group)}
    return {side: link.ref(side) for side in Side}


def claims_of(ref: TicketRef) -> str:
    """The place of the notice that several routes claim a ticket."""
    return f"{UNROUTED} {ref}"


@dataclass(frozen=True, slots=True)
class LastChange:
    """What a ticket's own past tells of one field on one side: when people last changed it (bridge's clock; None if the
    past does not tell), whether our own account made the very last change, and the values we ever sent there."""

    by_people_at: datetime | None = None
    by_us: bool = False
    sent: frozenset[Any] = frozenset()


@dataclass(frozen=True, slots=True)
class GroupState:
    """One group as the ledger knows it at `now`."""

    hand: Hand
    route: Route
    now: datetime
    link: Link | None
    snapshots: dict[Side, Snapshot]
    bases: Bases
    operations: list[Operation]
    items: dict[tuple[Side, str, int], Item]
    conflicts: frozenset[str]
    notices: dict[tuple[str, str], Notice]
    brakes: tuple[Brake, ...] = ()
    embargo: Embargo | None = None
    moments: Mapping[tuple[Side, str], LastChange] | None = None
    """The last changes by side and field; None while nothing has hung on them."""

    def braked(self, kind: BrakeKind | None = None, *, field: str = "") -> str:
        """Why a brake stops this case: one of its whole route if no kind is named, else one of that kind."""
        for brake in self.brakes:
            if (not brake.group) if kind is None else (brake.kind is kind and brake.field == field):
                return str(brake)
        return ""

    generation: int = 0
    is_asked: bool = False
    """Whether a person asked for a ticket without an issue to be taken up, whatever its age."""
    taken: str = ""
    """Why an issue without a ticket belongs to another case, or to none, whatever its rules say."""
    former: Link | None = None
    """The link of the closed ticket that a ticket without an issue follows up."""
    own: Mapping[str, Mapping[str, Reading]] = field(default_factory=dict)
    """Per field, what the helpdesk's own people had set last; only for a ticket that shares its issue."""
    issue_base: Mapping[str, Mapping[str, Reading]] = field(default_factory=dict)
    """Per reduced field, what the shared issue showed when its tickets last agreed."""
    others: tuple[GroupState, ...] = ()
    """The other tickets on the same issue."""

    @property
    def members(self) -> tuple[GroupState, ...]:
        """All tickets on this issue, in the order of the group: the lead's first."""
        places = {seat.group: number for number, seat in enumerate(self.hand.seats)}
        return tuple(sorted((self, *self.others), key=lambda one: places.get(one.hand.group, 0)))

    @property
    def rests(self) -> bool:
        """Whether this ticket's link is set aside while others of its group go on."""
        return any(seat.suspended for seat in self.hand.seats if seat.group == self.hand.group)

    @property
    def source_side(self) -> Side:
        """The side of `source_ref`."""
        return Side.HELPDESK if self.link else started_at(self.hand.group, self.route)

    @property
    def source_ref(self) -> TicketRef:
        """The helpdesk's ticket; while there is no link, the ticket that started the group, which may be an issue."""
        return self.link.helpdesk if self.link else source_of(self.hand.group)

    def ref(self, side: Side) -> TicketRef | None:
        """The ticket on one side, None before it exists."""
        return ends_of(self.hand.group, self.route, self.link).get(side)

    def is_fresh(self, side: Side) -> bool:
        """Whether the side's reading may carry a write."""
        snapshot = self.snapshots.get(side)
        return snapshot is not None and self.now - snapshot.read_at <= FRESH

    def of_field(self, name: str) -> list[Operation]:
        """The field's operations that are not over."""
        return [one for one in self.operations if one.kind is OperationKind.UPDATE and one.field_name == name]

    def in_doubt(self, kind: OperationKind) -> list[Operation]:
        """Operations of a kind that were sent and have no known outcome."""
        states = (OperationState.SENDING, OperationState.UNKNOWN)
        return [one for one in self.operations if one.kind is kind and one.state in states]

    @property
    def is_in_doubt(self) -> bool:
        """Whether any operation was sent and has no known outcome."""
        return any(self.in_doubt(kind) for kind in OperationKind)

    def unsent(self) -> list[Operation]:
        """Operations not yet sent."""
        return [one for one in self.operations if one.state in UNSENT]


def load_state(transaction: Transaction, hand: Hand, route: Route) -> GroupState:
    """Read everything about the group of `hand`."""
    link = transaction.links.get(hand.group)
    refs = ends_of(hand.group, route, link)
    snapshots = {side: transaction.readings.get(ref) for side, ref in refs.items()}
    source = snapshots.get(Side.HELPDESK)
    former = None
    if link is None and source is not None and source.follows:
        former = find_case(transaction, route, TicketRef(source.ref.site, source.follows))
    is_shared = link is not None and bool(hand.lead)
    return GroupState(
        hand=hand,
        route=route,
        now=transaction.now,
        link=link,
        snapshots={side: snapshot for side, snapshot in snapshots.items() if snapshot is not None},
        bases=transaction.links.bases(hand.group),
        operations=transaction.journal.of_group(hand.group),
        items=transaction.links.items(hand.group),
        conflicts=transaction.links.conflicts(hand.group),
        notices=transaction.notices.of_group(hand.group),
        brakes=transaction.brakes.standing(route.name, hand.group),
        embargo=transaction.embargoes.get(hand.group),
        generation=link.generation if link else transaction.hands.generation(hand.group),
        is_asked=link is None and transaction.hands.is_asked(hand.group),
        taken="" if Side.HELPDESK in refs else taken_by(transaction, hand.group, refs[Side.TRACKER]),
        former=former,
        own=transaction.links.own_values(hand.group, Side.HELPDESK) if is_shared else {},
        issue_base=transaction.links.bases(issue_name(link.tracker))[Side.TRACKER] if is_shared and link else {},
    )


def taken_by(transaction: Transaction, group: str, issue: TicketRef) -> str:
    """Why an issue may begin no case: it is or was part of one, or several routes claim it; "" if neither."""
    link = transaction.links.find([issue]).get(issue)
    if link is not None:
        return f"it is linked with {link.helpdesk} already"
    if transaction.journal.has_made(group, Side.HELPDESK):
        return "a ticket was made for it before"
    claims = transaction.notices.of_group(claims_of(issue)).values()
    return "more than one route claims it" if any(notice.stands for notice in claims) else ""


def find_case(transaction: Transaction, route: Route, ref: TicketRef) -> Link | None:
    """The link of a case that a ticket belongs to or once belonged to: its own, the one that went on with another
    ticket, or that of the ticket it was merged into."""
    for _step in range(_LONGEST_CHAIN):
        link = transaction.links.find([ref]).get(ref) or transaction.links.get(group_of(route.name, ref))
        snapshot = transaction.readings.get(link.helpdesk if link else ref)
        if snapshot is None or not snapshot.merged_into:
            return link
        ref = TicketRef(ref.site, snapshot.merged_into)
    return None


def load_members(transaction: Transaction, hand: Hand, routes: Mapping[str, Route]) -> list[GroupState]:
    """Read everything about the group of `hand`: a state for each ticket that shares the issue, the lead's first. Those
    of routes the config no longer has are left out."""
    if not hand.seats:
        return [load_state(transaction, hand, routes[hand.route])] if hand.route in routes else []
    hands = [hand.at(seat) for seat in hand.seats if seat.route in routes]
    states = [load_state(transaction, one, routes[one.route]) for one in hands]
    return [replace(one, others=tuple(other for other in states if other is not one)) for one in states]


def issue_name(tracker: TicketRef) -> str:
    """The name under which the base of a shared issue is kept."""
    return f"issue {tracker}"
