"""The last look before a request leaves: what was planned a moment ago must still hold, in the transaction that marks
it as being sent. The permit is in hand by then, so nothing waits between this look and the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bridge.engine.guards.audience import check_home
from bridge.engine.guards.brakes import check_brakes
from bridge.engine.route import Route
from bridge.engine.state import FRESH, ends_of, taken_by
from bridge.engine.texts.copies import version_of
from bridge.engine.texts.notes import is_note
from bridge.engine.texts.opening import opening_stands, opens_not
from bridge.engine.texts.threads import FIRST_FILES, JOINED, comment_stands
from bridge.engine.texts.updates import update_stands
from bridge.model.brake import Brake
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.ticket import Life, Snapshot, TicketRef
from bridge.model.words import WORDLESS_FIELDS, Direction, Mode, Side
from bridge.store.hands import Hand
from bridge.store.ledger import Transaction, read_meta
from bridge.sync.table import allows

OTHER_RULES_S = 60.0
"""How long a process whose config is no longer the newest leaves a case to those that know better."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not sent now. `wait_s`: look again after so long; None: read both sides and plan anew at once."""

    why: str
    wait_s: float | None = None
    brake: Brake | None = None


def look_again(
    transaction: Transaction, hand: Hand, route: Route, side: Side, ref: TicketRef | None, operations: list[Operation]
) -> Refusal | None:
    """Whether these operations may leave for `side` now; None if so. The hand was checked by the transaction.

    Raises AudienceError when they would go to the wrong customer or to readers no rule names.
    """
    link = transaction.links.get(hand.group)
    check_home(hand, route, side, ref, link, operations)
    newest = read_meta(transaction, f"route:{route.name}")
    if newest is not None and newest != route.digest:
        return Refusal("a newer config is in force", wait_s=OTHER_RULES_S)
    refs = ends_of(hand.group, route, link)
    readings = {each: transaction.readings.get(known) for each, known in refs.items()}
    snapshots = {each: snapshot for each, snapshot in readings.items() if snapshot is not None}
    # What is taken back carries no words, and the sooner the better.
    told = [one for one in operations if not is_note(one) and one.kind is not OperationKind.HIDE]
    for each, snapshot in snapshots.items() if told else ():
        place = route.end(each).mapping.denied(snapshot.fields)
        if place is not None:
            return Refusal(f"denied by {place}")
    look = _Look(transaction, hand.group, route, transaction.now, snapshots)
    refusal = next((refusal for one in told if (refusal := look.refusal(one)) is not None), None)
    if refusal is None and (brake := check_brakes(transaction, route, hand.group, operations)):
        refusal = Refusal(str(brake), brake=brake)
    return refusal


@dataclass(frozen=True, slots=True)
class _Look:
    """One case as the ledger has it at `now`."""

    transaction: Transaction
    group: str
    route: Route
    now: datetime
    snapshots: Mapping[Side, Snapshot]

    def refusal(self, one: Operation) -> Refusal | None:
        """Why this operation must not leave; None if it may."""
        source = self.snapshots.get(one.side.other)
        if source is None:
            return Refusal("its source was never read")
        if self._has_words(one) and not self._is_new_enough(source, one):
            return Refusal("what it rests on was read too long ago")
        if one.kind is OperationKind.CREATE:
            why = self._create(one, source)
        elif one.kind is OperationKind.UPDATE:
            why = self._update(one, source)
        else:
            why = self._comment(one, source)
        return Refusal(why) if why else None

    def _has_words(self, one: Operation) -> bool:
        """Whether it brings words to the customer."""
        return one.side is Side.HELPDESK and (
            one.kind is not OperationKind.UPDATE or one.field_name not in WORDLESS_FIELDS
        )

    def _is_new_enough(self, source: Snapshot, one: Operation) -> bool:
        """At most 30 s old, and read after the last try of these very words: what was taken back meanwhile is gone."""
        return self.now - source.read_at <= FRESH and (one.sent_at is None or source.read_at >= one.sent_at)

    def _create(self, one: Operation, source: Snapshot) -> str:
        if one.side is Side.TRACKER:
            return self._new_issue(source)
        return self._follow_up(one, source) if "carries" in one.payload else self._opening(one, source)

    def _opening(self, one: Operation, source: Snapshot) -> str:
        """A ticket for an issue says what the rules release of that issue now, to the very same readers."""
        why = taken_by(self.transaction, self.group, source.ref) or opens_not(self.route, source)
        return why or opening_stands(self.route, source, one)

    def _new_issue(self, source: Snapshot) -> str:
        end = self.route.helpdesk
        if source.life is not Life.ALIVE:
            return f"the ticket is {source.life}"
        return "" if end.mapping.matches(end.open_when, source.fields) else "open_when does not hold any more"

    def _follow_up(self, one: Operation, source: Snapshot) -> str:
        """A ticket that follows a closed one carries a text: what is asked of that one is asked of it."""
        carried = self.transaction.journal.get(one.payload["carries"])
        if carried is None or carried.state is not OperationState.PLANNED:
            return "the text it carries is not to be sent any more"
        return self._comment(carried, source)

    def _update(self, one: Operation, source: Snapshot) -> str:
        policy = self.route.policies.get(one.field_name)
        if policy is None or not (allows(policy.direction, one.side) or policy.direction is Direction.CASE):
            return f"no rule lets {one.field_name} reach the {one.side}"
        if self._has_words(one) and self.route.mode is Mode.INTERNAL:
            return "the route lets no words reach the customer"
        known = source.fields
        moved = [name for name, value in one.sources.items() if name in known and known[name].value != value]
        return f"{', '.join(moved)} changed since it was planned" if moved else ""

    def _comment(self, one: Operation, source: Snapshot) -> str:
        marker = one.marker
        if marker is None:
            return "it bears no marker"
        item = self.transaction.links.item(self.group, one.side.other, marker.item, marker.part)
        if item is None:
            return "nothing was decided about it"
        if marker.kind == JOINED:
            return ""
        if marker.kind == FIRST_FILES:
            return "" if source.attachments else "its files are not there any more"
        says = one.payload["source_hash"] if one.kind is OperationKind.EDIT else item.source_hash
        first = version_of(one.item)[0]
        if marker.kind.startswith("update:") or ":comment:" in first:
            return update_stands(self.route, source, replace(one, item=first), says=says)
        return comment_stands(self.route, one.side.other, source, replace(one, item=first), says=says)
