"""What the vendor's own people should know about a group now: letters nobody delivered, questions nobody answered.

Each function here gives the reasons of one topic from the group's state and the plan just made for it. To tell of
something new, add a topic: to `standing` if the state shows it, or by `transaction.notices.record` when it happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bridge.engine.embargo import embargo_words
from bridge.engine.fields import FieldsPlan, pairs_of
from bridge.engine.notes import Reason, is_note
from bridge.engine.route import Route
from bridge.engine.state import GroupState
from bridge.model.document import EMPTY, Document, Node, doc, node, paragraph, text, to_plain
from bridge.model.operation import OPEN, Operation, OperationKind, OperationState
from bridge.model.words import Side

DEAD_LETTER = "dead_letter"
CONFLICT = "conflict"
LOST_VALUE = "lost_value"
BRAKE = "brake"
EMBARGO = "embargo"
COMPUTED = frozenset({DEAD_LETTER, CONFLICT, BRAKE, EMBARGO})
"""Topics whose reasons are worked out anew at every look; the others stand by their row in the ledger."""
_LONGEST = 500
"""Characters of a value that a note shows: enough to recognise it, and the audit trail keeps it whole."""


def standing(state: GroupState, fields: FieldsPlan, planned: Iterable[Operation]) -> list[Reason]:
    """Every reason that stands once the plan is recorded. `planned` are the operations about to be journaled."""
    return [
        *_letters(state, fields, list(planned)),
        *_conflicts(state, fields),
        *_brakes(state),
        *_embargo(state),
    ]


def _brakes(state: GroupState) -> Iterator[Reason]:
    """Brakes of this case alone: one of the whole route is told of where operators look, not in every ticket."""
    for brake in state.brakes:
        if brake.group:
            what = brake.field or "what the customer is told"
            words = doc(
                paragraph(node("strong", text(f"bridge stopped mirroring {what} in this case."))),
                paragraph(text(f"{brake.why}.")),
                paragraph(text("It goes on once somebody releases the brake with `bridge brakes release`.")),
            )
            yield Reason(BRAKE, f"{brake.kind.value}.{brake.field}".rstrip("."), words)


def _embargo(state: GroupState) -> Iterator[Reason]:
    """That the case is frozen, and what had left: so it is told even though nothing of the case may cross."""
    if state.embargo is not None:
        yield Reason(EMBARGO, "since", embargo_words(state.embargo), anyway=True)


def letter_id(operation: Operation) -> str:
    """What a dead letter is about: the field on its side, the issue to be made, or the one comment."""
    if operation.kind is OperationKind.UPDATE:
        return f"{operation.side.value}.{operation.field_name}"
    return operation.kind.value if operation.kind is OperationKind.CREATE else operation.key


def _letters(state: GroupState, fields: FieldsPlan, planned: list[Operation]) -> Iterator[Reason]:
    answered = {one.key for one in fields.cancelled}
    dead = [one for one in state.operations if one.state is OperationState.DEAD and not is_note(one)]
    found = {letter_id(one): _letter(state, one) for one in dead if one.key not in answered}
    yield from (Reason(DEAD_LETTER, ident, words) for ident, words in found.items())
    # While another try is under way the note stands as it is: it is solved when that one succeeded.
    trying = {letter_id(one) for one in [*state.operations, *planned] if one.state in OPEN and one.key not in answered}
    for (topic, ident), notice in state.notices.items():
        if topic == DEAD_LETTER and ident in trying - found.keys() and notice.told:
            yield Reason(topic, ident, notice.text or EMPTY)


def _letter(state: GroupState, one: Operation) -> Document:
    return doc(
        paragraph(node("strong", text(_missing(state, one)))),
        *([paragraph(text(wanted))] if (wanted := _wanted(one)) else []),
        paragraph(text(one.error)),
        paragraph(text("Everything else of this case goes on.")),
    )


def _missing(state: GroupState, one: Operation) -> str:
    site = state.route.end(one.side).site
    if one.kind is OperationKind.UPDATE:
        return f"bridge could not write {one.field_name} at {site}."
    if one.kind is OperationKind.CREATE:
        return f"bridge could not make an issue at {site}."
    snapshot = state.snapshots.get(one.side.other)
    comments = snapshot.thread.comments if snapshot and snapshot.thread else ()
    source = next((comment for comment in comments if comment.id == one.item), None)
    if source is None:
        return f"bridge could not write a text at {site}."
    who = source.author.name or source.author.email or "somebody"
    return f"The comment of {who} of {source.created_at:%Y-%m-%d %H:%M} UTC could not be written at {site}."


def _wanted(one: Operation) -> str:
    fields: Mapping[str, Any] = one.payload.get("fields") or {}
    if one.kind is not OperationKind.UPDATE:
        return ""
    return "Wanted: " + "; ".join(f"{name} = {shown(value)}" for name, value in fields.items())


def _conflicts(state: GroupState, fields: FieldsPlan) -> Iterator[Reason]:
    seen = {name: (helpdesk, tracker) for name, helpdesk, tracker in fields.conflicts}
    for name in sorted((state.conflicts | seen.keys()) - set(fields.agreed)):
        known = state.notices.get((CONFLICT, name))
        if known is not None and known.told and known.text is not None:
            yield Reason(CONFLICT, name, known.text)
            continue
        values = seen.get(name) or _values(state, name)
        yield Reason(CONFLICT, name, _conflict(state.route, name, *values))


def _values(state: GroupState, name: str) -> tuple[Any, Any]:
    pair = next((pair for pair in pairs_of(state) if pair.name == name), None)
    shown = []
    for side in Side:
        snapshot = state.snapshots.get(side)
        value = pair.read(side, snapshot.fields) if pair and snapshot else None
        shown.append(value.canonical if value else None)
    return shown[0], shown[1]


def _conflict(route: Route, name: str, helpdesk: Any, tracker: Any) -> Document:
    return doc(
        paragraph(node("strong", text(f"Both sides changed {name}, and no rule says whose value stands."))),
        paragraph(text(f"{route.helpdesk.site}: {shown(helpdesk)}")),
        paragraph(text(f"{route.tracker.site}: {shown(tracker)}")),
        paragraph(text("bridge writes neither until somebody makes them equal.")),
    )


def lost_value(route: Route, one: Operation) -> Document:
    """What is said of a value that an update overwrote though somebody had changed it (rows 19 and 20)."""
    site, other = route.end(one.side).site, route.end(one.side.other).site
    prior = one.payload.get("prior") or {}
    lines = [
        paragraph(text(f"{name}: {shown(prior.get(name))} became {shown(value)}"))
        for name, value in one.payload["fields"].items()
    ]
    head = f"{one.field_name} was changed at {site}, and overwritten with what stands at {other}."
    return doc(paragraph(node("strong", text(head))), *lines)


def shown(value: Any) -> str:
    """A native or canonical value for people, cut to what a note can hold."""
    if isinstance(value, Node):
        words = to_plain(value)
    elif isinstance(value, list | tuple):
        words = ", ".join(str(part) for part in value)
    else:
        words = "nothing" if value is None or value == "" else str(value)
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
