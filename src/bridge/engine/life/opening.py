"""An issue that begins a case: the customer's ticket is made for it, once, and the case goes on like any other.

Like every create it is journaled first, bears a marker, and is found before it is sent again. Nothing is made while a
person can still take it back: it waits as long as an update to the customer does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bridge.engine.letters import is_outdated
from bridge.engine.state import GroupState
from bridge.engine.texts.opening import Lacking, opening_of, opens_not
from bridge.engine.texts.threads import Signer
from bridge.engine.values.fields import pairs_of
from bridge.model.marker import Marker
from bridge.model.operation import UNSENT, Operation, OperationKind, OperationState
from bridge.model.ticket import Snapshot
from bridge.model.words import DESCRIPTION, SUMMARY, Direction, Side
from bridge.sync.table import allows


@dataclass(slots=True)
class OpeningPlan:
    """The create of a ticket, if one is due; unsent ones that must not be sent any more; `need`: the issue is to be read
    first; `why` nothing is made."""

    operations: list[Operation] = field(default_factory=list)
    cancelled: list[Operation] = field(default_factory=list)
    need: bool = False
    why: str = ""


def plan_opening(state: GroupState, *, blocked: str, sign: Signer) -> OpeningPlan:
    """Decide about the ticket of an issue that has none."""
    issue, route = state.snapshots[Side.TRACKER], state.route
    creates = [one for one in state.operations if one.kind is OperationKind.CREATE]
    why = blocked or state.taken or opens_not(route, issue)
    if not why and issue.thread is None:
        return OpeningPlan(need=True, why="its comments were not read yet")
    said = Lacking(why) if why else opening_of(route, issue)
    if isinstance(said, Lacking):
        # Where none is wanted any more, a letter about it is answered. A brake answers nothing.
        over = UNSENT if blocked else UNSENT | {OperationState.DEAD}
        return OpeningPlan(cancelled=[one for one in creates if one.state in over], why=said.why)
    marker = sign(Marker(route.name, str(issue.ref), "create", generation=state.generation))
    known = next((one for one in creates if one.key == marker.mac), None)
    payload = {**said, "fields": _fields(state)}
    if not payload["past_until"]:
        # A field does not tell since when it says so: what stood there when it was first seen is past.
        payload["past_until"] = known.payload["past_until"] if known else _newest(issue)
    if any(not _is_open(state, one, payload) for one in creates):
        return OpeningPlan(why="an earlier create is not settled, or a person decided against a ticket")
    due_at = known.due_at if known else state.now + route.undo if route.undo else None
    made = Operation(
        key=marker.mac,
        group=state.hand.group,
        kind=OperationKind.CREATE,
        side=Side.HELPDESK,
        payload=payload,
        sources={name: reading.value for name, reading in issue.fields.items() if reading.readable},
        item=str(payload["item"]),
        marker=marker,
        reason=str(route.tracker.opening.place) if route.tracker.opening else "",
        due_at=due_at,
    )
    # The time to take it back counts from when it was first seen. Words for a customer rest on a fresh reading.
    return OpeningPlan([made], need=not state.is_fresh(Side.TRACKER) and (due_at is None or due_at <= state.now))


def _newest(issue: Snapshot) -> str:
    """When the newest comment of an issue was written, by the site's own clock; "" if there is none."""
    comments = issue.thread.comments if issue.thread else ()
    newest = max((one.created_at for one in comments), default=None)
    return newest.isoformat() if newest else ""


def _is_open(state: GroupState, one: Operation, payload: dict[str, Any]) -> bool:
    """Whether a ticket may be made though one was planned before: it was never sent, or was refused and would say
    something else now, or be made by other rules."""
    if one.state in (OperationState.DEAD, OperationState.DISCARDED):
        differs = any(one.payload.get(name) != value for name, value in payload.items())
        return differs or (one.state is OperationState.DEAD and is_outdated(one, state.route))
    return one.state in UNSENT


def _fields(state: GroupState) -> dict[str, Any]:
    """What the ticket is told of the issue's fields: those that may flow there, and what the route itself sets."""
    route, issue = state.route, state.snapshots[Side.TRACKER]
    values: dict[str, Any] = {}
    for pair in pairs_of(state):
        flows = allows(pair.policy.direction, Side.HELPDESK) or pair.policy.direction is Direction.CASE
        value = pair.read(Side.TRACKER, issue.fields)
        if flows and pair.name not in (SUMMARY, DESCRIPTION) and value is not None and value.canonical is not None:
            values[pair.name] = value.canonical
    fields = route.helpdesk.mapping.new_fields(values)
    for name, wanted in (route.tracker.opening.fields if route.tracker.opening else {}).items():
        known = fields.get(name)
        if isinstance(known, list) and isinstance(wanted, list):
            fields[name] = list(dict.fromkeys([*known, *wanted]))
        else:
            fields[name] = wanted
    return fields
