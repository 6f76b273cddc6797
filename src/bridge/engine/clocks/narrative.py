"""A case told in the words clocks understand: from the histories of both tickets, and from what was told to the customer.

What bridge itself wrote is an echo of somebody's act on the other side, where it is told with whoever did it. What the
vendor says to a customer counts when the customer can read it: a reply by the time of its copy in the helpdesk. Fields are
rewound from what the tickets show now, so that the rules in force decide what a past status meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from bridge.engine.state import GroupState
from bridge.mapping import Lens
from bridge.model.feed import rewind
from bridge.model.ticket import Comment, Person, Reading, Snapshot
from bridge.model.words import SEVERITY, STATE, Audience, HeldBy, Party, Side, State, Visibility
from bridge.sla.facts import CaseEvent, CaseFact
from bridge.sla.metric import Wait
from bridge.store.facts import Told
from bridge.store.links import Fate, Item
from bridge.sync.table import allows

ENDED = (State.RESOLVED, State.CLOSED)
WAITS = {State.WAITING_CUSTOMER: Wait.CUSTOMER, State.ON_HOLD: Wait.THIRD_PARTY}
"""What a case waits for in these states."""
TOLD = {"cause": CaseEvent.CAUSE, "workaround": CaseEvent.WORKAROUND, "delivered": CaseEvent.DELIVERED}
"""What a customer update of this kind is for clocks, beside a message."""
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Moment:
    """What one update of a ticket came to: the fields' values after it, and who made it."""

    side: Side
    at: datetime
    seen_at: datetime
    actor: Person
    event: str
    values: Mapping[str, str | None]
    is_ours: bool
    is_first: bool = False
    is_gone: bool = False


@dataclass(slots=True)
class _Standing:
    """How the case stands on the way through its moments."""

    severity: str | None = None
    state: str | None = None
    is_ours: bool | None = None
    said: dict[Side, dict[str, str | None]] = field(default_factory=dict)


def tell(state: GroupState, told: Mapping[Side, list[Told]]) -> tuple[CaseFact, ...]:
    """The facts of a case, in no promised order. `told` is what is known to have happened to each of its tickets."""
    moments = sorted(
        (moment for side, facts in told.items() for moment in _moments(state, side, facts)),
        key=lambda one: (one.at, one.side is Side.TRACKER),
    )
    return (*_of_moments(state, moments), *_of_messages(state, told), *_of_copies(state), *_of_life(state))


# Fields


def _moments(state: GroupState, side: Side, told: Iterable[Told]) -> Iterator[_Moment]:
    """Every update of a ticket that may have changed what clocks go by, the ticket's making first."""
    snapshot = state.snapshots.get(side)
    if snapshot is None:
        return
    facts = [one for one in told if one.fact.kind in ("field", "created", "deleted")]
    changes = [one.fact for one in facts if one.fact.kind == "field"]
    made_at = snapshot.created_at
    offsets = {one.fact.event_id: one.offset for one in facts}
    first_seen = min((one.seen_at for one in facts), default=snapshot.read_at)
    creator = next((one.fact.actor for one in facts if one.fact.kind == "created"), snapshot.sender)
    # What a site changes in the very update that makes a ticket is how it was made.
    later = [one for one in facts if one.fact.kind != "created" and one.fact.at > made_at]
    yield _Moment(
        side=side,
        at=made_at - next(iter(offsets.values()), timedelta()),
        seen_at=first_seen,
        actor=creator,
        event="made",
        values=_values(state, side, rewind(snapshot.fields, changes, to=made_at)),
        is_ours=creator.ours,
        is_first=True,
    )
    for (at, _who), group in groupby(later, key=lambda one: (one.fact.at, one.fact.actor.id)):
        mine = list(group)
        yield _Moment(
            side=side,
            at=at - mine[0].offset,
            seen_at=mine[0].seen_at,
            actor=mine[0].fact.actor,
            event=mine[0].fact.event_id,
            values=_values(state, side, rewind(snapshot.fields, changes, to=at)),
            is_ours=mine[0].fact.actor.ours,
            is_gone=any(one.fact.kind == "deleted" for one in mine),
        )


def _values(state: GroupState, side: Side, fields: Mapping[str, Reading]) -> dict[str, str | None]:
    """Severity and state as a side's rules read them, and whether the ticket is the vendor's."""
    lenses: Mapping[str, Lens] = state.route.end(side).mapping.lenses
    found = {name: _plain(lenses[name], fields) for name in (SEVERITY, STATE) if name in lenses}
    if side is Side.HELPDESK:
        end = state.route.helpdesk
        found["ours"] = "yes" if end.mapping.matches(end.open_when, fields) else None
    return found


def _plain(lens: Lens, fields: Mapping[str, Reading]) -> str | None:
    value = lens.read(fields).value
    return str(value) if value is not None else None


def _of_moments(state: GroupState, moments: Iterable[_Moment]) -> Iterator[CaseFact]:
    standing = _Standing()
    for moment in moments:
        before = standing.said.get(moment.side)
        standing.said[moment.side] = dict(moment.values)
        if moment.side is Side.HELPDESK and moment.is_first:
            yield _fact(state, moment, CaseEvent.OPENED)
        if moment.is_gone:
            yield _fact(state, moment, CaseEvent.DELETED)
        if moment.side is Side.HELPDESK:
            yield from _handed(state, moment, standing)
        if (moment.side is Side.TRACKER and moment.is_first) or (moment.is_ours and before is not None):
            # What bridge wrote stands for what somebody did on the other side.
            continue
        changed = {name for name, value in moment.values.items() if before is None or before.get(name) != value}
        if moment.side is Side.TRACKER:
            changed = {name for name in changed if _is_theirs_to_say(state, name)}
        if SEVERITY in changed:
            yield from _severity(state, moment, standing)
        if STATE in changed:
            yield from _state(state, moment, standing)


def _is_theirs_to_say(state: GroupState, name: str) -> bool:
    """Whether what the tracker says of a field counts for the case: not where only the customer has a word on it, nor
    where an agreement has to move it."""
    policy = state.route.policies.get(name)
    return policy is not None and allows(policy.direction, Side.HELPDESK)


def _handed(state: GroupState, moment: _Moment, standing: _Standing) -> Iterator[CaseFact]:
    is_ours = moment.values.get("ours") is not None
    if is_ours is not standing.is_ours and (is_ours or standing.is_ours):
        yield _fact(state, moment, CaseEvent.HANDED_OVER if is_ours else CaseEvent.HANDED_BACK)
    standing.is_ours = is_ours


def _severity(state: GroupState, moment: _Moment, standing: _Standing) -> Iterator[CaseFact]:
    value = moment.values[SEVERITY]
    if value != standing.severity:
        standing.severity = value
        yield _fact(state, moment, CaseEvent.SEVERITY, value or "")


def _state(state: GroupState, moment: _Moment, standing: _Standing) -> Iterator[CaseFact]:
    before, now = standing.state, moment.values[STATE]
    standing.state = now
    waits, waited = _waits(now), _waits(before)
    if waits != waited:
        yield _fact(state, moment, CaseEvent.WAITING, str(waits) if waits else "", of_case=True)
    if now in ENDED and before not in ENDED:
        yield _fact(state, moment, CaseEvent.RESOLVED)
    elif before in ENDED and now not in ENDED:
        yield _fact(state, moment, CaseEvent.REOPENED)


def _waits(value: str | None) -> Wait | None:
    return WAITS.get(State(value)) if value in set(State) else None


def _fact(state: GroupState, moment: _Moment, kind: CaseEvent, value: str = "", *, of_case: bool = False) -> CaseFact:
    """`of_case`: both sides speak of one thing, so the later word of either counts."""
    site = state.route.end(moment.side).site
    return CaseFact(
        kind=kind,
        occurred_at=moment.at,
        observed_at=moment.seen_at,
        source=state.route.name if of_case else site,
        id=f"{site} {moment.event} {kind}",
        seq=number_of(moment.event),
        group=_update(site, moment.at, moment.actor),
        value=value,
        party=party_of(state, moment.side, moment.actor),
        human=not moment.is_ours,
    )


def _update(site: str, at: datetime, actor: Person) -> str:
    """What one person did at one instant is one update: a site tells of its comment and of its fields apart."""
    return f"{site} {at.isoformat()} {actor.id}"


def number_of(event_id: str) -> int:
    """How a site numbered an event: upwards, whatever it calls it."""
    found = re.search(r"\d+", event_id)
    return int(found[0]) if found else 0


def party_of(state: GroupState, side: Side, actor: Person) -> Party:
    """Who acted: an agent of a helpdesk that the customer holds is the customer's."""
    if actor.ours:
        return Party.BRIDGE
    if state.route.end(side).held_by is HeldBy.VENDOR:
        return Party.VENDOR if side is Side.TRACKER or actor.staff else Party.CUSTOMER
    return Party.CUSTOMER


# Messages


def _of_messages(state: GroupState, told: Mapping[Side, list[Told]]) -> Iterator[CaseFact]:
    """What people wrote in the helpdesk themselves."""
    snapshot = state.snapshots.get(Side.HELPDESK)
    comments = snapshot.thread.comments if snapshot is not None and snapshot.thread is not None else ()
    facts = {one.fact.event_id: one for one in told.get(Side.HELPDESK, ()) if one.fact.kind == "comment"}
    for comment in comments:
        if comment.author.ours:
            continue
        first = facts.get(f"event {comment.id}")
        yield _message(state, comment, first, seen_at=snapshot.read_at if snapshot else comment.created_at)


def _message(state: GroupState, comment: Comment, first: Told | None, *, seen_at: datetime) -> CaseFact:
    """Who could read it when it was written counts: what is hidden later was read."""
    site, offset = state.route.helpdesk.site, first.offset if first else timedelta()
    was = first.fact.new if first is not None else comment.visibility.value
    at = comment.created_at - offset
    return CaseFact(
        kind=CaseEvent.MESSAGE,
        occurred_at=at,
        observed_at=first.seen_at if first is not None else max(seen_at, at),
        source=site,
        id=f"{site} comment {comment.id}",
        seq=number_of(comment.id),
        group=_update(site, at, comment.author),
        party=party_of(state, Side.HELPDESK, comment.author),
        human=not comment.auto,
        audience=_audience(state, was),
    )


def _audience(state: GroupState, visibility: object) -> Audience:
    if visibility == Visibility.PUBLIC.value:
        return Audience.CUSTOMER_USER
    return Audience.CUSTOMER_TEAM if state.route.helpdesk.held_by is HeldBy.CUSTOMER else Audience.VENDOR


def _of_copies(state: GroupState) -> Iterator[CaseFact]:
    """What the vendor's people said and the customer was told: each by the time of its copy in the helpdesk."""
    snapshot = state.snapshots.get(Side.HELPDESK)
    if snapshot is None or snapshot.thread is None:
        return
    shown = {comment.id: comment for comment in snapshot.thread.comments}
    for (side, source, part), item in state.items.items():
        copy = shown.get(item.target_id)
        if side is Side.TRACKER and part == 1 and item.fate in (Fate.SENT, Fate.WITHDRAWN) and copy is not None:
            yield from _copy(state, source, item, copy, snapshot)


def _copy(state: GroupState, source: str, item: Item, copy: Comment, snapshot: Snapshot) -> Iterator[CaseFact]:
    site, kind = state.route.helpdesk.site, TOLD.get(source.partition(":")[0])
    author = _author(state, source)
    message = CaseFact(
        kind=CaseEvent.MESSAGE,
        occurred_at=copy.created_at,
        observed_at=max(item.decided_at or snapshot.read_at, copy.created_at),
        source=site,
        id=f"{site} copy {copy.id}",
        seq=number_of(copy.id),
        group=f"{site} copy {copy.id}",
        party=Party.VENDOR,
        human=author is None or not author.auto,
        audience=_audience(state, copy.visibility.value),
    )
    yield message
    if kind is not None:
        yield replace(message, kind=kind, id=f"{site} copy {copy.id} {kind}", human=True)


def _author(state: GroupState, source: str) -> Comment | None:
    """The comment at the tracker that was told, None for a filled field or a released version."""
    snapshot = state.snapshots.get(Side.TRACKER)
    ident = source.partition("~")[0].rpartition(":")[2]
    comments = snapshot.thread.comments if snapshot is not None and snapshot.thread is not None else ()
    return next((one for one in comments if one.id == ident), None)


# The ticket as a whole


def _of_life(state: GroupState) -> Iterator[CaseFact]:
    snapshot = state.snapshots.get(Side.HELPDESK)
    if snapshot is None or not snapshot.merged_into:
        return
    site, at = snapshot.ref.site, snapshot.version.at
    yield CaseFact(
        kind=CaseEvent.MERGED_INTO,
        occurred_at=at,
        observed_at=max(snapshot.read_at, at),
        source=site,
        id=f"{site} merged",
        value=snapshot.merged_into,
    )
