"""A value that somebody set between our reading and our write, and that the write took the place of.

Most answers tell what stood there before (Zendesk's audit; Jira Cloud's newest changes): that is compared with what the
write expected. Where an answer does not tell, the ticket's past is asked, but only if the reading was so old when the
write was answered that people may have been faster. What was overwritten is not settled by the write then: the table
decides as if it stood there still, and if it wins, it is put back first and goes its way like any other edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from bridge.engine.people.reasons import LOST_VALUE, put_back
from bridge.engine.route import Route
from bridge.engine.state import update_key
from bridge.engine.values.fields import RESTORES, pairs_between
from bridge.model.codec import encode
from bridge.model.feed import Fact
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.ticket import Reading
from bridge.store.ledger import Transaction

ROOM = timedelta(seconds=2)
"""A reading this much older than the answer to a write leaves people room to change something in between."""
_ECHOES = timedelta(minutes=10)
"""For how long a value that we sent ourselves may still arrive."""


def told_by(facts: Iterable[Fact], fields: Mapping[str, Any]) -> dict[str, Any]:
    """What stood in native fields before our write of them, as a ticket's past tells it: of those whose newest change is
    ours, and came to what was written."""
    last = {fact.field: fact for fact in facts if fact.kind == "field" and not fact.member and fact.field in fields}
    return {name: fact.old for name, fact in last.items() if fact.actor.ours and fact.new == fields[name]}


def overwritten(
    transaction: Transaction, route: Route, one: Operation, before: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The native values of an update's target that somebody had set meanwhile; {} if it took the place of what was
    expected, or of a value of our own that came late."""
    pair = next((pair for pair in pairs_between(route) if pair.name == one.field_name), None)
    prior, wanted = one.payload["prior"], one.payload["fields"]
    found = {name: value for name, value in (before or {}).items() if name in wanted and name in prior}
    found = {name: value for name, value in found.items() if _is_plain(value) and _is_plain(prior[name])}
    if pair is None or all(prior[name] == value for name, value in found.items()):
        return {}
    stood, expected, written = (pair.read(one.side, _readings({**prior, **laid})) for laid in (found, {}, wanted))
    if stood is None or expected is None or written is None or stood.normal in (expected.normal, written.normal):
        return {}
    since = transaction.now - _ECHOES
    for payload in transaction.journal.sent_values(one.group, one.side, one.field_name, since=since):
        ours = pair.read(one.side, _readings({**payload["prior"], **payload["fields"]}))
        if ours is not None and ours.normal == stood.normal:
            return {}
    return {name: {**prior, **found}[name] for name in prior}


def hand_over(transaction: Transaction, route: Route, one: Operation, stood: Mapping[str, Any]) -> None:
    """What an update overwrote is written down, and the update settles nothing: an operation that would put the value
    back waits for the table's word on it."""
    journal, name, side = transaction.journal, one.field_name, one.side
    transaction.note(
        "changed_meanwhile", group=one.group, field=name, side=side.value, lost=encode(dict(stood)),
        written=encode(one.payload["fields"]),
    )  # fmt: skip
    journal.change([one.key], state=OperationState.VOID, error="somebody had changed it meanwhile")
    number = journal.count_field(one.group, side, name) + 1
    written = {**one.payload["prior"], **one.payload["fields"]}
    journal.add(
        Operation(
            key=update_key(one.group, side, name, number),
            group=one.group,
            kind=OperationKind.UPDATE,
            side=side,
            payload={
                "fields": dict(stood),
                "prior": {part: written[part] for part in stood},
                RESTORES: dict(one.sources),
            },
            field_name=name,
        )
    )


def confirm_restored(transaction: Transaction, route: Route, one: Operation) -> None:
    """The value stands again: it is an edit like any other from here, so no base moves."""
    transaction.journal.change([one.key], state=OperationState.CONFIRMED, error="")
    transaction.notices.record(one.group, LOST_VALUE, one.key, put_back(route, one))


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _readings(natives: Mapping[str, Any]) -> dict[str, Reading]:
    return {name: Reading.of(value) for name, value in natives.items()}
