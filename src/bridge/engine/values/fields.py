"""What a group's fields need: native readings translated, the truth table asked, its answers collected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bridge.engine.letters import is_outdated
from bridge.engine.route import Route
from bridge.engine.state import GroupState, LastChange
from bridge.engine.texts.compose import without_footer
from bridge.mapping import Lens
from bridge.model.brake import BrakeKind
from bridge.model.document import to_plain
from bridge.model.operation import Operation, OperationState
from bridge.model.policy import FieldPolicy
from bridge.model.ticket import Life, Reading
from bridge.model.words import (
    DESCRIPTION,
    STATE,
    SUMMARY,
    WORDLESS_FIELDS,
    Direction,
    Mode,
    OnConflict,
    Side,
    Visibility,
)
from bridge.store.links import BaseMove
from bridge.sync.reduce import DONE
from bridge.sync.table import Action, Decision, FieldCase, Pending, SideView, Standing, Value, decide
from bridge.text.quoted import own_words
from bridge.text.thanks import is_thanks

Natives = Mapping[str, Reading]
RESTORES = "restores"
"""In the payload of an update that puts back what a write of ours took the place of: the source's values which that write
was planned from."""


@dataclass(frozen=True, slots=True)
class FieldWrite:
    """A canonical value to be written to one side. `sources` are the native readings it was planned from."""

    name: str
    target: Side
    value: Any
    sources: Natives
    lost: bool = False
    members: Mapping[str, Natives] | None = None
    """Only for several tickets on one issue: the native values of those whose own people changed them, by link."""
    told: tuple[str, ...] = ()
    """The links whose tickets read then as the issue does."""


@dataclass(slots=True)
class FieldsPlan:
    """The answers for all fields of a group. `bases` are pairs (or single sides) to move at once."""

    writes: list[FieldWrite] = field(default_factory=list)
    bases: list[tuple[Side, str, Natives]] = field(default_factory=list)
    cancelled: list[Operation] = field(default_factory=list)
    confirmed: list[Operation] = field(default_factory=list)
    voided: list[Operation] = field(default_factory=list)
    conflicts: list[tuple[str, Any, Any]] = field(default_factory=list)
    agreed: list[str] = field(default_factory=list)
    unread: set[Side] = field(default_factory=set)
    untimed: set[str] = field(default_factory=set)
    """Fields that wait for one thing only: when people changed them, which a ticket's past has to tell."""
    decisions: dict[str, Decision] = field(default_factory=dict)
    thanked: str = ""
    """The id of the customer's comment that only thanks, and so reopens nothing at the tracker."""
    restored: list[Operation] = field(default_factory=list)
    """Values to be put back that a write of ours took the place of though they count."""
    again: list[Operation] = field(default_factory=list)
    lost: list[Operation] = field(default_factory=list)
    """What was to be put back and, by the rules, stays overwritten: as the update that overwrote it."""
    moves: list[BaseMove] = field(default_factory=list)
    """Bases to move at once, of any link of the group."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One canonical field with both lenses."""

    name: str
    policy: FieldPolicy
    lenses: Mapping[Side, Lens]

    def read(self, side: Side, natives: Natives | None) -> Value | None:
        """A side's native readings as a value, None when unreadable or unread."""
        if natives is None:
            return None
        reading = self.lenses[side].read(natives)
        if not reading.readable:
            return None
        return Value(reading.value, self.normal(reading.value))

    def normal(self, value: Any) -> Any:
        """What the poorer side can hold of a canonical value."""
        for side in (Side.HELPDESK, Side.TRACKER):
            value = None if value is None else self.lenses[side].fold(value)
        return value

    def natives(self, side: Side, readings: Natives) -> dict[str, Reading]:
        """Those of the side's readings that this field rests on."""
        return {name: readings[name] for name in self.lenses[side].natives if name in readings}


def pairs_of(state: GroupState) -> list[Pair]:
    """The fields both sides of the group's route map. What a ticket says that an issue began is no copy of that issue:
    its first message never is, and its title only where the rules take that from the issue's own."""
    apart = _apart(state.route) if state.source_side is Side.TRACKER or _is_opened(state) else ()
    return [pair for pair in pairs_between(state.route) if pair.name not in apart]


def _is_opened(state: GroupState) -> bool:
    return state.link is not None and state.link.created == Side.HELPDESK


def _apart(route: Route) -> tuple[str, ...]:
    opening, lens = route.tracker.opening, route.tracker.mapping.lenses.get(SUMMARY)
    if opening is not None and opening.title is not None and lens is not None and opening.title.field in lens.natives:
        return (DESCRIPTION,)
    return (DESCRIPTION, SUMMARY)


def pairs_between(route: Route) -> list[Pair]:
    """The fields both sides of a route map."""
    found = []
    for name, policy in route.policies.items():
        lenses = {side: route.end(side).mapping.lenses.get(name) for side in Side}
        if all(lens is not None for lens in lenses.values()):
            found.append(Pair(name, policy, {side: lens for side, lens in lenses.items() if lens is not None}))
    return found


def have_met(state: GroupState) -> bool:
    """Whether the sides agreed once about every field that is not for a case alone to move."""
    return all(
        pair.name in state.bases[side]
        for pair in pairs_of(state)
        if pair.policy.direction is not Direction.CASE
        for side in Side
    )


def plan_fields(state: GroupState, *, blocked: str) -> FieldsPlan:
    """Ask the truth table about every field of a linked group."""
    plan = FieldsPlan()
    for pair in pairs_of(state):
        _plan_field(state, pair, plan, blocked or state.braked(BrakeKind.OSCILLATION, field=pair.name))
    return plan


def _plan_field(state: GroupState, pair: Pair, plan: FieldsPlan, blocked: str) -> None:
    back = next((one for one in state.of_field(pair.name) if RESTORES in one.payload), None)
    if back is not None and _plan_back(state, pair, plan, back, blocked):
        return
    case, last = _case(state, pair, blocked)
    case = _first_look(state, pair, case, plan)
    decision = decide(case)
    if state.moments is None and decision.row == 8:
        plan.untimed.add(pair.name)
        return
    if decision.action is Action.CONFIRM and last is not None and decision.target is not None:
        plan.confirmed.append(last)
        readings = state.snapshots[decision.target].fields
        moved = {
            decision.target: pair.natives(decision.target, readings),
            decision.target.other: _readings(last.sources),
        }
        plan.bases.extend((side, pair.name, natives) for side, natives in moved.items())
        case = _settled(case, pair, moved)
        decision = decide(case)
    elif decision.action is Action.VOID and last is not None:
        plan.voided.append(last)
        case = replace(case, pending=None)
        decision = decide(case)
    elif last is not None and case.pending is not None and is_overtaken(case.pending, decision):
        plan.voided.append(last)
    if state.moments is None and decision.row in (20, 21) and pair.policy.on_conflict is OnConflict.NEWEST:
        plan.untimed.add(pair.name)
        return
    plan.decisions[pair.name] = decision
    apply(state, pair, decision, plan)


def _plan_back(state: GroupState, pair: Pair, plan: FieldsPlan, back: Operation, blocked: str) -> bool:
    """A value that somebody set between our reading and our write: what the table says of it as if it stood there still.
    False once nothing hangs on it any more."""
    snapshot = state.snapshots.get(back.side)
    now = pair.read(back.side, snapshot.fields if snapshot else None)
    written, stood = (pair.read(back.side, _readings(natives)) for natives in _both(back))
    if back.state is OperationState.DEAD:
        return False
    standing = pending_of(state, pair, back).standing
    if standing is Standing.UNKNOWN or now is None or written is None or stood is None or blocked:
        return True
    if now.normal != written.normal:
        is_done = standing is Standing.SETTLED and now.normal == stood.normal
        (plan.confirmed if is_done else plan.voided).append(back)
        return False
    if standing is Standing.SETTLED:
        plan.again.append(back)
        return True
    case = _case(state, pair, blocked)[0]
    view = replace(case.view(back.side), now=stood)
    case = replace(case, tracker=view) if back.side is Side.TRACKER else replace(case, helpdesk=view)
    decision = decide(case)
    if state.moments is None and decision.row in (20, 21) and pair.policy.on_conflict is OnConflict.NEWEST:
        plan.untimed.add(pair.name)
        return True
    plan.decisions[pair.name] = decision
    if decision.action is not Action.WRITE or decision.target is not back.side:
        plan.restored.append(back)
        return True
    plan.cancelled.append(back)
    fields, prior = back.payload["prior"], back.payload["fields"]
    plan.lost.append(replace(back, payload={"fields": fields, "prior": prior}, reason=f"lost {pair.name}"))
    plan.bases.append((back.side, pair.name, pair.natives(back.side, state.snapshots[back.side].fields)))
    plan.bases.append((back.side.other, pair.name, _readings(back.payload[RESTORES])))
    return True


def _both(back: Operation) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The native values that our write left there, and those that it took the place of."""
    prior = back.payload["prior"]
    return prior, {**prior, **back.payload["fields"]}


def is_overtaken(pending: Pending, decision: Decision) -> bool:
    """Row 7: its outcome is settled and another write of ours stands there, so this one is over, whatever follows."""
    return pending.standing is Standing.SETTLED and 9 <= decision.row < 22


def _first_look(state: GroupState, pair: Pair, case: FieldCase, plan: FieldsPlan) -> FieldCase:
    """The first reading of a ticket bridge made: what it shows of a field the create did not carry is its base, and the
    other side's base stands since the create."""
    side = case.created
    snapshot = state.snapshots.get(side) if side else None
    if side is None or snapshot is None or blocked_or_gone(case):
        return case
    made = case.view(side)
    if made.base is not None or made.now is None or case.view(side.other).base is None:
        return case
    plan.bases.append((side, pair.name, pair.natives(side, snapshot.fields)))
    based = replace(made, base=made.now)
    return replace(case, tracker=based) if side is Side.TRACKER else replace(case, helpdesk=based)


def blocked_or_gone(case: FieldCase) -> bool:
    """Whether the field rests anyway."""
    return bool(case.blocked) or case.gone is not None


def _settled(case: FieldCase, pair: Pair, moved: Mapping[Side, Natives]) -> FieldCase:
    views = {
        side: replace(case.view(side), base=pair.read(side, natives) or case.view(side).now)
        for side, natives in moved.items()
    }
    return replace(case, pending=None, helpdesk=views[Side.HELPDESK], tracker=views[Side.TRACKER])


def apply(state: GroupState, pair: Pair, decision: Decision, plan: FieldsPlan) -> None:
    """Write the table's answer about one field of one ticket into the plan."""
    if decision.cancel:
        plan.cancelled.extend(_unsent(state, pair.name))
    if decision.action in (Action.ADOPT, Action.NOTHING):
        plan.cancelled.extend(_answered_letters(state, pair.name, decision))
    if decision.row == 11:
        _refresh(state, pair, plan)
    if decision.action is Action.WAIT:
        plan.unread.update(side for side in Side if state.snapshots.get(side) is None)
    elif decision.action is Action.ADOPT:
        _adopt(state, pair, plan)
    elif decision.action is Action.KEEP and decision.target is not None:
        side = decision.target
        plan.bases.append((side, pair.name, pair.natives(side, state.snapshots[side].fields)))
    elif decision.action is Action.CONFLICT:
        helpdesk, tracker = (_canonical(pair.read(side, state.snapshots[side].fields)) for side in Side)
        plan.conflicts.append((pair.name, helpdesk, tracker))
    elif decision.action is Action.WRITE and decision.target is not None:
        _write(state, pair, decision, plan)


def _refresh(state: GroupState, pair: Pair, plan: FieldsPlan) -> None:
    """Nothing changed, though it may be said in other native words now: those are what the agreement rests on from
    here, or a later change of the rules would take the difference for somebody's edit."""
    for side in Side:
        natives = pair.natives(side, state.snapshots[side].fields)
        if dict(state.bases[side].get(pair.name, {})) != natives:
            plan.bases.append((side, pair.name, natives))


def _adopt(state: GroupState, pair: Pair, plan: FieldsPlan) -> None:
    for side in Side:
        plan.bases.append((side, pair.name, pair.natives(side, state.snapshots[side].fields)))
    plan.agreed.append(pair.name)


def _write(state: GroupState, pair: Pair, decision: Decision, plan: FieldsPlan) -> None:
    target = decision.target
    assert target is not None
    source = state.snapshots[target.other].fields
    value = pair.read(target.other, source)
    if pair.name == STATE and target is Side.TRACKER and (thanks := _reopened_by_thanks(state, pair)):
        plan.thanked = thanks
        return
    if target is Side.HELPDESK and state.route.mode is Mode.INTERNAL and pair.name not in WORDLESS_FIELDS:
        return
    if not pair.lenses[target].writable or state.snapshots[target].life is not Life.ALIVE:
        _adopt(state, pair, plan)
        return
    wanted = value.canonical if value else None
    if pair.name == DESCRIPTION and target is Side.HELPDESK and wanted is not None:
        wanted = without_footer(wanted)
    if not pair.lenses[target].write(wanted, state.snapshots[target].fields):
        _adopt(state, pair, plan)
        return
    plan.agreed.append(pair.name)
    plan.writes.append(FieldWrite(pair.name, target, wanted, pair.natives(target.other, source), decision.lost))


def _reopened_by_thanks(state: GroupState, pair: Pair) -> str:
    """The comment that reopened the ticket though it only says thanks; "" if it was reopened by anything else."""
    now = {side: _canonical(pair.read(side, state.snapshots[side].fields)) for side in Side}
    thread = state.snapshots[Side.HELPDESK].thread
    if now[Side.TRACKER] not in DONE or now[Side.HELPDESK] in DONE or thread is None:
        return ""
    said = [one for one in thread.comments if not one.author.ours and one.visibility is Visibility.PUBLIC]
    last = said[-1] if said else None
    return last.id if last and not last.author.staff and is_thanks(to_plain(own_words(last.body))) else ""


def _case(state: GroupState, pair: Pair, blocked: str) -> tuple[FieldCase, Operation | None]:
    operations = [one for one in state.of_field(pair.name) if RESTORES not in one.payload]
    return case_of(state, pair, blocked, operations), operations[-1] if operations else None


def case_of(state: GroupState, pair: Pair, blocked: str, operations: list[Operation]) -> FieldCase:
    """What the table has to know about a field of one ticket. `operations` are those of the field that count."""
    views = {side: _view(state, pair, side) for side in Side}
    last = operations[-1] if operations else None
    if last is not None and last.state is OperationState.DEAD:
        # Under other rules, or at a target that shows something else, the site may answer otherwise.
        last = None if is_outdated(last, state.route, state.snapshots.get(last.side)) else last
    link = state.link
    created = Side(link.created) if link and link.created else None
    if pair.name in (SUMMARY, DESCRIPTION):
        # A pair linked by hand keeps its own words on both sides; only what is changed later is carried over.
        created = created or Side.TRACKER
    return FieldCase(
        policy=pair.policy,
        helpdesk=views[Side.HELPDESK],
        tracker=views[Side.TRACKER],
        pending=pending_of(state, pair, last) if last else None,
        conflict=pair.name in state.conflicts,
        blocked=blocked,
        created=created,
        prefer=Side(link.prefer) if link and link.prefer else None,
    )


def _view(state: GroupState, pair: Pair, side: Side) -> SideView:
    snapshot = state.snapshots.get(side)
    base = state.bases[side].get(pair.name)
    last = (state.moments or {}).get((side, pair.name))
    now = pair.read(side, snapshot.fields if snapshot else None)
    return SideView(now, pair.read(side, base), last.by_people_at if last else None)


def pending_of(state: GroupState, pair: Pair, last: Operation) -> Pending:
    """How far a field's last operation has come, in canonical values."""
    target = last.side
    prior = _readings(last.payload["prior"])
    wanted = {**prior, **_readings(last.payload["fields"])}
    source = pair.read(target.other, _readings(last.sources))
    told = (state.moments or {}).get((target, pair.name), LastChange())
    return Pending(
        standing=_standing(state, last),
        target=target,
        wanted=_canonical(pair.read(target, wanted)),
        prior=_canonical(pair.read(target, prior)),
        source=_canonical(source),
        sent=told.sent,
        by_us=told.by_us,
    )


def _standing(state: GroupState, last: Operation) -> Standing:
    if last.state is OperationState.DEAD:
        return Standing.DEAD
    if last.state not in (OperationState.SENDING, OperationState.UNKNOWN):
        return Standing.UNSENT
    seen = state.snapshots.get(last.side)
    settled = last.horizon_at is not None and seen is not None and seen.read_at >= last.horizon_at
    return Standing.SETTLED if settled else Standing.UNKNOWN


def _canonical(value: Value | None) -> Any:
    return value.canonical if value else None


def _readings(natives: Mapping[str, Any]) -> dict[str, Reading]:
    """Native values as kept in a journal (a `Reading` each, or the plain value)."""
    return {name: value if isinstance(value, Reading) else Reading.of(value) for name, value in natives.items()}


def _unsent(state: GroupState, name: str) -> list[Operation]:
    return [one for one in state.of_field(name) if one.state is OperationState.PLANNED]


def _answered_letters(state: GroupState, name: str, decision: Decision) -> list[Operation]:
    """Dead letters that no longer matter, because the sides agree without them."""
    if decision.row not in (11, 12):
        return []
    return [one for one in state.of_field(name) if one.state is OperationState.DEAD]
