"""What comes too late for a closed ticket: it goes out as a new one that follows it, and the case goes on there.

The first text that is due makes the ticket and stands in it; the others wait, and are sent there as ever. Like every
create it is journaled first, bears a marker, and is found before it is sent again.
"""

from __future__ import annotations

from typing import Any

from bridge.engine.state import GroupState
from bridge.engine.texts.notes import is_note
from bridge.engine.texts.threads import Signer, ThreadPlan
from bridge.engine.values.fields import pairs_of
from bridge.model.marker import Marker
from bridge.model.operation import UNSENT, Operation, OperationKind, OperationState
from bridge.model.ticket import Life
from bridge.model.words import DESCRIPTION, LABELS, STATE, SUMMARY, Mode, Side

FOLLOW_UP = "follow_up"
"""The kind of the marker of such a ticket."""


def plan_follow_up(state: GroupState, operations: list[Operation], threads: list[ThreadPlan], *, sign: Signer) -> None:
    """Add the creation of a follow-up to `operations`, if the ticket is closed and a text for it is due."""
    link, source = state.link, state.snapshots.get(Side.HELPDESK)
    if link is None or source is None:
        return
    creates = [one for one in state.operations if one.kind is OperationKind.CREATE and one.side is Side.HELPDESK]
    mine = [one for one in creates if one.marker is not None and one.marker.kind == FOLLOW_UP]
    if source.life is not Life.FROZEN or state.route.mode is not Mode.LIVE:
        # The customer was faster, say: the texts go to the ticket with which they followed the closed one.
        threads.append(ThreadPlan(cancelled=[one for one in mine if one.state in UNSENT]))
        return
    due = [one for one in operations if _is_due(state, one)]
    carried = min(due, key=lambda one: one.order, default=None)
    made = _follow_up(state, carried, sign) if carried else None
    stale = [one for one in mine if one.state in UNSENT and (made is None or one.key != made.key)]
    threads.append(ThreadPlan(cancelled=stale))
    over = (OperationState.DEAD, OperationState.DISCARDED)
    is_over = made is not None and any(one.key == made.key and one.state in over for one in mine)
    if made is not None and not is_over and not state.in_doubt(OperationKind.CREATE):
        operations.append(made)


def _fields(state: GroupState) -> dict[str, Any]:
    """The new ticket stands where the case stands: a late answer to what is done reopens nothing by itself."""
    values: dict[str, Any] = {}
    for pair in pairs_of(state):
        if pair.name in (SUMMARY, DESCRIPTION, LABELS):
            continue
        # Tags come from the closed ticket by themselves.
        side = Side.TRACKER if pair.name == STATE else Side.HELPDESK
        snapshot = state.snapshots.get(side)
        value = pair.read(side, snapshot.fields) if snapshot else None
        if value is not None and value.canonical is not None:
            values[pair.name] = value.canonical
    return state.route.helpdesk.mapping.new_fields(values)


def waits_for_follow_up(one: Operation) -> bool:
    """Whether an operation is a text that a closed ticket cannot take and a follow-up can. One with files is not
    carried, for they go up with a comment: it is tried as ever, and its refusal is seen."""
    is_text = one.kind is OperationKind.COMMENT and one.side is Side.HELPDESK and not is_note(one)
    return is_text and not one.payload.get("files")


def _is_due(state: GroupState, one: Operation) -> bool:
    return (
        waits_for_follow_up(one)
        and one.state is OperationState.PLANNED
        and (one.due_at is None or one.due_at <= state.now)
    )


def _follow_up(state: GroupState, carried: Operation, sign: Signer) -> Operation:
    link, source = state.link, state.snapshots[Side.HELPDESK]
    assert link is not None
    lens = state.route.helpdesk.mapping.lenses.get(SUMMARY)
    summary = lens.read(source.fields).value if lens else None
    part = carried.marker.part if carried.marker else 1
    marker = sign(Marker(state.route.name, str(link.tracker), FOLLOW_UP, carried.item, part, link.generation))
    return Operation(
        key=marker.mac,
        group=state.hand.group,
        kind=OperationKind.CREATE,
        side=Side.HELPDESK,
        payload={
            "summary": summary or f"About {source.key}",
            "body": carried.payload["body"],
            "visibility": carried.payload["visibility"],
            "audience": carried.payload["audience"],
            "fields": _fields(state),
            "follows": source.ref.id,
            "carries": carried.key,
        },
        item=carried.item,
        marker=marker,
        reason=carried.reason,
    )
