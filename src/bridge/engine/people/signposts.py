"""What ought to stand where so that people find the other ticket of a case, and what has to be done for it. Pure.

Level-triggered: what is wanted follows from the link and from how the case stands now; the ledger remembers what stands
(`store.signposts`). Only a difference makes an operation, so the words are written when they change and not before. A
field that somebody else changed is left as they set it until the issue's key itself changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from bridge.engine.letters import is_outdated
from bridge.engine.people.mirroring import mirroring
from bridge.engine.people.reasons import rests
from bridge.engine.state import GroupState
from bridge.mapping import Lens
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.signpost import LONGEST_NAME
from bridge.model.ticket import Life, TicketRef
from bridge.model.words import STATE, Mode, Side
from bridge.store.signposts import Content, Place
from bridge.sync.reduce import DONE

RELATION = "mirrored with"
_AGAIN = (OperationState.CANCELLED, OperationState.SUPERSEDED, OperationState.VOID, OperationState.CONFIRMED)
"""After these, the same may be wanted again."""


@dataclass(slots=True)
class SignsPlan:
    """`operations` are to be journaled where that is new, and sent, each at its place; `known` holds what was found to
    stand there already, `gone` the places where nothing of ours stands any more."""

    operations: list[tuple[Place, Operation]] = field(default_factory=list)
    settled: dict[OperationState, list[str]] = field(default_factory=dict)
    known: dict[Place, Content] = field(default_factory=dict)
    gone: list[Place] = field(default_factory=list)
    due_at: datetime | None = None

    def settle(self, one: Operation, state: OperationState) -> None:
        """An earlier operation is over."""
        self.settled.setdefault(state, []).append(one.key)

    def wait(self, until: datetime) -> None:
        """Look again then, at the latest."""
        self.due_at = until if self.due_at is None else min(self.due_at, until)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger knows of a link's signposts. `told` is what of every operation at each place ever was; `suspended`
    why the link is set aside; `able` whether the issue's site has signposts at all."""

    places: Mapping[Place, Content | None]
    told: Mapping[str, list[Operation]]
    suspended: str
    able: bool


def name_of(ref: TicketRef) -> str:
    """The name of the signpost that leads to a ticket."""
    return str(ref) if len(str(ref)) <= LONGEST_NAME else sha256(str(ref).encode()).hexdigest()


def plan_signs(state: GroupState, standing: Standing) -> SignsPlan:
    """What has to be done about a link's signposts now. Nothing while a brake stops its whole route."""
    plan = SignsPlan()
    if state.route.mode is Mode.OBSERVE or state.braked():
        return plan
    wanted = dict(_wanted(state, standing))
    for place in dict.fromkeys([*wanted, *standing.places]):
        if _is_out_of_reach(state, standing, place):
            continue
        _decide(state, standing, plan, place, wanted.get(place))
    return plan


def side_of(place: Place) -> Side:
    """The side that a place is on: fields are the helpdesk's, links the tracker's."""
    return Side.HELPDESK if place.is_field else Side.TRACKER


def _wanted(state: GroupState, standing: Standing) -> Iterator[tuple[Place, Content]]:
    link, source, issue = state.link, state.snapshots.get(Side.HELPDESK), state.snapshots.get(Side.TRACKER)
    if link is None or link.route != state.route.name:
        return
    if source is not None and standing.able and state.route.link_back:
        title = f"Helpdesk ticket {source.key} ({state.route.name})"
        shown = {"title": title, "url": source.url, "relation": RELATION, "resolved": _is_done(state)}
        yield Place(link.tracker, name_of(link.helpdesk)), {**shown, "summary": mirroring(state, standing.suspended)}
    if state.route.mode is not Mode.LIVE:
        return
    if state.route.issue_key_field:
        yield Place(link.helpdesk, state.route.issue_key_field, is_field=True), {"value": link.tracker_key}
    if state.route.issue_url_field and issue is not None and issue.url:
        yield Place(link.helpdesk, state.route.issue_url_field, is_field=True), {"value": issue.url}


def _is_done(state: GroupState) -> bool:
    """Whether the helpdesk's ticket needs nobody any more."""
    source = state.snapshots[Side.HELPDESK]
    lens: Lens | None = state.route.helpdesk.mapping.lenses.get(STATE)
    value = lens.read(source.fields).value if lens else None
    return source.life is not Life.ALIVE or value in DONE


def _is_out_of_reach(state: GroupState, standing: Standing, place: Place) -> bool:
    """Whether nothing can or may be written there now. What crosses to neither side while a rule denies it is not put up
    anew; what stands already says so on the issue, and stays as it is in the customer's ticket."""
    if standing.suspended == f"{place.ref} is gone":
        return True
    if state.embargo is not None and (place.is_field or place not in standing.places):
        return True
    if not place.is_field:
        return False
    if state.link is not None and state.route.mode is not Mode.LIVE:
        return True
    source = state.snapshots.get(Side.HELPDESK)
    is_here = source is not None and source.ref == place.ref
    return is_here and (source.life is not Life.ALIVE or bool(rests(state)))  # type: ignore[union-attr]


def _decide(state: GroupState, standing: Standing, plan: SignsPlan, place: Place, content: Content | None) -> None:
    told = standing.told.get(place.id, [])
    last = told[-1] if told else None
    shown = standing.places.get(place)
    if last is not None and last.state in (OperationState.SENDING, OperationState.UNKNOWN):
        if last.horizon_at is not None and last.horizon_at > state.now:
            plan.wait(last.horizon_at)
            return
        # Whether it arrived is no matter: what is wanted now is put in its place, once it cannot arrive any more.
        plan.settle(last, OperationState.VOID)
        shown, last = None, replace(last, state=OperationState.VOID)
    if place.is_field and shown is None and content is not None and _reads(state, place) == content["value"]:
        plan.known[place] = shown = content
    if content is None and place.is_field and shown is not None and _is_theirs(state, place, shown):
        plan.gone.append(place)
        return
    is_right = shown == content if content is not None else place not in standing.places
    if is_right:
        if last is not None and last.state in (OperationState.PLANNED, OperationState.DEAD):
            plan.settle(last, OperationState.CANCELLED)
        return
    _write(state, plan, place, content, told, last)


def _write(
    state: GroupState,
    plan: SignsPlan,
    place: Place,
    content: Content | None,
    told: list[Operation],
    last: Operation | None,
) -> None:
    kind = OperationKind.UNSIGN if content is None else OperationKind.SIGN
    payload: dict[str, Any] = {"place": str(place.ref), "name": place.name, "content": content}
    is_same = last is not None and last.kind is kind and last.payload.get("content") == content
    if last is not None and is_same and last.state not in _AGAIN:
        if last.state is OperationState.PLANNED:
            if last.due_at is not None and last.due_at > state.now:
                plan.wait(last.due_at)
            else:
                plan.operations.append((place, last))
            return
        if last.state is OperationState.DISCARDED or not is_outdated(last, state.route):
            return
    if last is not None and last.state in (OperationState.PLANNED, OperationState.DEAD):
        plan.settle(last, OperationState.SUPERSEDED)
    tries = last.attempts if last is not None and is_same and last.state is OperationState.VOID else 0
    operation = Operation(
        key=sha256(f"{state.hand.group}\nsign\n{place.id}\n{len(told) + 1}".encode()).hexdigest()[:40],
        group=state.hand.group,
        kind=kind,
        side=side_of(place),
        payload=payload,
        field_name=place.name if place.is_field else "",
        item=place.id,
        reason="signpost",
        attempts=tries,
    )
    plan.operations.append((place, operation))


def _reads(state: GroupState, place: Place) -> Any:
    """What a field shows, as far as the ticket was read."""
    source = state.snapshots.get(Side.HELPDESK)
    return source.value(place.name) if source is not None and source.ref == place.ref else None


def _is_theirs(state: GroupState, place: Place, shown: Content) -> bool:
    """Whether a field shows something else than what we wrote, which somebody else then did."""
    source = state.snapshots.get(Side.HELPDESK)
    if source is None or source.ref != place.ref or place.name not in source.fields:
        return False
    reading = source.fields[place.name]
    return reading.readable and reading.value != shown["value"]
