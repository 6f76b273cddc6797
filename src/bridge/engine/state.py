"""What is known of one group, read from the ledger in one go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.engine.route import Route
from bridge.model.brake import Brake, BrakeKind
from bridge.model.operation import UNSENT, Operation, OperationKind, OperationState
from bridge.model.ticket import Snapshot, TicketRef
from bridge.model.words import Side
from bridge.store.embargoes import Embargo
from bridge.store.hands import Hand
from bridge.store.ledger import Transaction
from bridge.store.links import Bases, Item, Link
from bridge.store.notices import Notice

FRESH = timedelta(seconds=30)
"""How old a reading may be that a write rests on."""


def group_of(route: str, ref: TicketRef) -> str:
    """The name of the group that a helpdesk ticket starts: it keeps this name for ever."""
    return f"{route}:{ref}"


def source_of(group: str) -> TicketRef:
    """The helpdesk ticket a group was started by."""
    return TicketRef.parse(group.partition(":")[2])


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

    def braked(self, kind: BrakeKind | None = None, *, field: str = "") -> str:
        """Why a brake stops this case: one of its whole route if no kind is named, else one of that kind."""
        for brake in self.brakes:
            if (not brake.group) if kind is None else (brake.kind is kind and brake.field == field):
                return str(brake)
        return ""

    @property
    def helpdesk_ref(self) -> TicketRef:
        """The helpdesk's ticket."""
        return self.link.helpdesk if self.link else source_of(self.hand.group)

    def ref(self, side: Side) -> TicketRef | None:
        """The ticket on one side, None before it exists."""
        return self.helpdesk_ref if side is Side.HELPDESK else (self.link.tracker if self.link else None)

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
    refs = {Side.HELPDESK: link.helpdesk if link else source_of(hand.group)}
    if link:
        refs[Side.TRACKER] = link.tracker
    snapshots = {side: transaction.readings.get(ref) for side, ref in refs.items()}
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
    )
