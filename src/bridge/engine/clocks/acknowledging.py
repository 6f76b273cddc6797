"""A person says that they know of what was crossed in a case: written down, shown on the issue, and not told again."""

from __future__ import annotations

from bridge.engine.clocks.winding import PROMISE, name_of
from bridge.model.document import doc, paragraph, text
from bridge.sla.clock import Kind
from bridge.store.clocks import Fired
from bridge.store.ledger import Transaction
from bridge.store.notifications import Telling

ACKNOWLEDGED = "acknowledged"
"""How the id of the note of an acknowledgement ends; it begins as that of the newest thing that was acknowledged."""


def acknowledge(transaction: Transaction, group: str, *, who: str) -> list[Fired]:
    """Acknowledge all that stands of a case, was told, and nobody acknowledged yet: which that is. Repetitions that are
    not on their way yet are told to nobody."""
    found = [
        one
        for one in transaction.clocks.fired(group)
        if one.retracted_at is None and one.acked_at is None and not one.quiet
    ]
    if not found:
        return []
    for one in found:
        transaction.clocks.acknowledge(one, who=who)
        if one.kind == Kind.REPEAT:
            _spare(transaction, one)
    names = [f"{one.metric} {one.label}" for one in found]
    transaction.note("promise_acknowledged", group=group, by_person=True, who=who, promises=names)
    words = doc(paragraph(text(f"Acknowledged by {who}, {transaction.now:%Y-%m-%d %H:%M} UTC.")))
    transaction.notices.record(group, PROMISE, f"{name_of(found[-1])}.{ACKNOWLEDGED}", words)
    transaction.hands.want(group, group.partition(":")[0])
    return found


def _spare(transaction: Transaction, repeat: Fired) -> None:
    for row in transaction.notifications.of_firing(repeat):
        if row.state is Telling.PLANNED and not row.batch:
            transaction.notifications.end(row, Telling.DROPPED, reason="it was acknowledged before")
