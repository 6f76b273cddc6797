"""The plan of one group: operations to journal, bases to move, decisions to remember. Pure but for the templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from jinja2.sandbox import SandboxedEnvironment

from bridge.engine.letters import is_outdated
from bridge.engine.life.late import plan_follow_up
from bridge.engine.life.opening import plan_opening
from bridge.engine.people import reasons
from bridge.engine.route import Route
from bridge.engine.state import GroupState
from bridge.engine.texts.compose import new_issue_body
from bridge.engine.texts.copies import Copies
from bridge.engine.texts.edits import EditsPlan, plan_edits
from bridge.engine.texts.notes import CapabilitiesOf, NotesPlan, Pens, is_note, places, plan_notes
from bridge.engine.texts.retract import plan_retractions
from bridge.engine.texts.telling import Shown, Telling
from bridge.engine.texts.threads import (
    FIRST_FILES,
    Signer,
    Splitter,
    ThreadPlan,
    has_last_words,
    plan_first_files,
    plan_last_words,
    plan_threads,
    promise_first_files,
)
from bridge.engine.texts.updates import plan_updates
from bridge.engine.values.fields import FieldsPlan, FieldWrite, pairs_of, plan_fields
from bridge.engine.values.shared import plan_shared_fields
from bridge.model.brake import BrakeKind
from bridge.model.document import EMPTY, Node, from_plain
from bridge.model.marker import Marker
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.ticket import Life, Reading, Snapshot
from bridge.model.words import DESCRIPTION, STATE, SUMMARY, WORDLESS_FIELDS, Direction, Mode, Side, State
from bridge.store.readings import OUTDATED
from bridge.sync.table import allows


@dataclass(frozen=True, slots=True)
class Tools:
    """What planning needs from outside: the marker's signature, the splitter of long texts, the update templates, what
    each site can do and shows of a text, and when this process opened the ledger (which may be an old copy)."""

    sign: Signer
    split: Splitter
    templates: SandboxedEnvironment
    capabilities: CapabilitiesOf
    show: Shown
    opened_at: datetime


@dataclass(slots=True)
class Plan:
    """What one look at a group asks for. `blocked` is why nothing may be sent, if so, and `denied` where that is a deny
    rule; `need` names the sides that must be read before the plan can be trusted; `why` explains an empty plan."""

    operations: list[Operation] = field(default_factory=list)
    threads: list[ThreadPlan] = field(default_factory=list)
    fields: FieldsPlan = field(default_factory=FieldsPlan)
    notes: NotesPlan = field(default_factory=NotesPlan)
    edits: EditsPlan = field(default_factory=EditsPlan)
    blocked: str = ""
    denied: str = ""
    need: set[Side] = field(default_factory=set)
    why: str = ""

    @property
    def cancelled(self) -> list[Operation]:
        """Unsent operations that must not be sent any more."""
        threads = (one for thread in self.threads for one in thread.cancelled)
        return [*self.fields.cancelled, *threads, *self.notes.cancelled, *self.edits.cancelled]


def make_plan(state: GroupState, tools: Tools) -> Plan:
    """Decide everything about a group from what is known of it now."""
    denied = _denied(state)
    strayed = reasons.rests(state) if state.link is not None else ""
    plan = Plan(blocked=denied or strayed or state.braked(), denied=denied)
    source = state.snapshots.get(state.source_side)
    if source is None:
        plan.need.add(state.source_side)
        return plan
    _plan_case(state, source, plan, tools)
    plan.notes = plan_notes(
        state,
        reasons.standing(state, plan.fields, plan.operations),
        computed=reasons.COMPUTED,
        blocked=plan.blocked,
        places=places(state, tools.capabilities),
        pens=Pens(tools.sign, tools.capabilities, tools.show),
    )
    plan.operations.extend(plan.notes.operations)
    plan.need |= plan.notes.need
    # What this ledger says may be older than a note that stands there already, or than the reason of one it forgot.
    noted = {one.side for one in plan.notes.operations}
    plan.need |= {side for side in plan.notes.unsure | noted if not _is_seen(state, side, since=tools.opened_at)}
    return plan


def _is_seen(state: GroupState, side: Side, *, since: datetime) -> bool:
    """Whether a side was read with its comments since a time; one that does not exist need not be."""
    snapshot = state.snapshots.get(side)
    if snapshot is None or snapshot.life is Life.DELETED:
        return snapshot is not None or state.ref(side) is None
    return snapshot.thread is not None and snapshot.read_at >= since


def _plan_case(state: GroupState, source: Snapshot, plan: Plan, tools: Tools) -> None:
    if state.link is None and state.source_side is Side.TRACKER:
        _plan_ticket(state, plan, tools)
        return
    if state.link is None:
        _plan_link(state, plan, tools)
        return
    if source.life is Life.DELETED:
        plan.why = "the helpdesk's ticket was deleted; the link rests"
        plan.threads = [_set_aside(state)]
        return
    if source.merged_into:
        plan.why = f"the helpdesk's ticket was merged into {source.merged_into}"
        _plan_last_words(state, plan, tools)
        return
    leaving = next((notice for (topic, _id), notice in state.notices.items() if topic == reasons.DUPLICATE), None)
    if leaving is not None and leaving.stands:
        plan.why = "its issue was closed as a duplicate, and the case goes on at the other one"
        return
    plan_of_fields = plan_shared_fields if state.others else plan_fields
    plan.fields = plan_of_fields(state, blocked=plan.blocked)
    plan.operations.extend([*_updates(state, plan.fields.writes), *plan.fields.restored])
    _plan_texts(state, plan, tools)
    plan_follow_up(state, plan.operations, plan.threads, sign=tools.sign)
    _ask_for_readings(state, plan, opened_at=tools.opened_at)


def _plan_last_words(state: GroupState, plan: Plan, tools: Tools) -> None:
    """What was said in a ticket before it was merged still reaches its issue; nothing else crosses any more."""
    last = ThreadPlan()
    if not plan.blocked and has_last_words(state):
        last = plan_last_words(state, sign=tools.sign, split=tools.split)
    told = {one.key for one in last.operations}
    rest = _set_aside(state)
    rows = {(row.side, row.source_id, row.part) for row in last.items}
    rest.cancelled = [one for one in rest.cancelled if one.key not in told]
    rest.forgotten = [row for row in rest.forgotten if (row.side, row.source_id, row.part) not in rows]
    plan.threads = [last, rest]
    plan.operations.extend(last.operations)
    _ask_for_readings(state, plan, opened_at=tools.opened_at)


def _set_aside(state: GroupState) -> ThreadPlan:
    """Nothing more of a ticket that is not there: what is unsent is cancelled, and decided again should it come back.
    What was to be taken back there stays so."""
    kept = OperationKind.HIDE if state.snapshots[Side.HELPDESK].life is Life.DELETED else None
    stopped = [one for one in state.unsent() if not is_note(one) and one.kind is not kept]
    rows = [
        state.items.get((one.side.other, one.marker.item, one.marker.part))
        for one in stopped
        if one.kind is OperationKind.COMMENT and one.marker and one.marker.kind != FIRST_FILES
    ]
    return ThreadPlan(cancelled=stopped, forgotten=[row for row in rows if row is not None and not row.target_id])


def _denied(state: GroupState) -> str:
    for side, snapshot in state.snapshots.items():
        place = state.route.end(side).mapping.denied(snapshot.fields)
        if place is not None:
            return f"denied by {place}"
    return ""


def _plan_texts(state: GroupState, plan: Plan, tools: Tools) -> None:
    held = plan.blocked or state.braked(BrakeKind.MAIL_LOOP)
    threads = plan_threads(state, blocked=plan.blocked, told=held, sign=tools.sign, split=tools.split)
    updates = plan_updates(state, blocked=held, sign=tools.sign, templates=tools.templates)
    files = plan_first_files(state, blocked=plan.blocked, sign=tools.sign)
    plan.threads = [files, threads, updates]
    if state.link is not None:
        _plan_edits(state, plan, tools, held=held)
    plan.operations.extend([*files.operations, *threads.operations, *updates.operations, *plan.edits.operations])


def _plan_edits(state: GroupState, plan: Plan, tools: Tools, *, held: str) -> None:
    telling = Telling(state, tools.sign, tools.split, tools.show, tools.templates)
    copies = Copies(state)
    able = {side: tools.capabilities(state.route.end(side).site) for side in Side}
    plan.edits = plan_edits(state, telling, copies, blocked=plan.blocked, capabilities=able)
    plan.need |= plan.edits.need
    if not plan.blocked:
        # What a brake holds back is taken back before anything that was told: it is due once the brake is released.
        waiting = [_held_texts(state, tools), *plan.threads] if held else plan.threads
        plan_retractions(state, copies, plan.edits, waiting, able[Side.HELPDESK])


def _held_texts(state: GroupState, tools: Tools) -> ThreadPlan:
    """What the customer would be told if no brake held it."""
    threads = plan_threads(state, blocked="", told="", sign=tools.sign, split=tools.split)
    updates = plan_updates(state, blocked="", sign=tools.sign, templates=tools.templates)
    return ThreadPlan([*threads.operations, *updates.operations], [*threads.items, *updates.items])


def _ask_for_readings(state: GroupState, plan: Plan, *, opened_at: datetime) -> None:
    """A write of a field rests on a fresh target; a text on a target read since this process took over, and for the
    customer on a fresh source; a question left open by a lost reply on any reading newer than its horizon."""
    for one in plan.operations:
        if one.kind is OperationKind.UPDATE and not state.is_fresh(one.side):
            plan.need.add(one.side)
        has_words = one.kind is OperationKind.UPDATE and one.field_name not in WORDLESS_FIELDS
        if has_words and one.side is Side.HELPDESK and not state.is_fresh(Side.TRACKER):
            plan.need.add(Side.TRACKER)
        is_due = one.state is OperationState.PLANNED and (one.due_at is None or one.due_at <= state.now)
        if one.kind is OperationKind.COMMENT and one.side is Side.HELPDESK and is_due and _is_overtaken(state, one):
            plan.need.add(Side.TRACKER)
        if one.kind is OperationKind.COMMENT and is_due and not _is_seen(state, one.side, since=opened_at):
            # A ledger put back to an older copy would not know that it stands already.
            plan.need.add(one.side)
    for doubtful in state.in_doubt(OperationKind.UPDATE):
        if doubtful.horizon_at is None or doubtful.horizon_at <= state.now:
            snapshot = state.snapshots.get(doubtful.side)
            if snapshot is None or (doubtful.horizon_at is not None and snapshot.read_at < doubtful.horizon_at):
                plan.need.add(doubtful.side)
    for side in plan.fields.unread:
        if _has_news(state, side.other):
            plan.need.add(side)
    for side, snapshot in state.snapshots.items():
        if (snapshot.thread is None and snapshot.life is not Life.DELETED) or snapshot.read_at == OUTDATED:
            plan.need.add(side)


def _is_overtaken(state: GroupState, one: Operation) -> bool:
    """Whether the issue may say something else by now than when it was read: too long ago, or before an earlier try of
    this text had to wait. What was taken back while a limit lasted must not be published after it."""
    tries = [earlier.sent_at for earlier in state.operations if earlier.key == one.key and earlier.sent_at]
    snapshot = state.snapshots.get(Side.TRACKER)
    return not state.is_fresh(Side.TRACKER) or (snapshot is not None and any(snapshot.read_at < at for at in tries))


def _has_news(state: GroupState, side: Side) -> bool:
    """Whether a side reads differently from its bases, so that the unread other side has to be looked at."""
    snapshot = state.snapshots.get(side)
    if snapshot is None:
        return False
    for pair in pairs_of(state):
        base = state.bases[side].get(pair.name)
        now = pair.read(side, snapshot.fields)
        before = pair.read(side, base)
        if base is not None and now is not None and before is not None and now.canonical != before.canonical:
            return True
    return False


def _plan_link(state: GroupState, plan: Plan, tools: Tools) -> None:
    """A helpdesk ticket without an issue: create one, unless a rule, its age or its state says no."""
    route, source = state.route, state.snapshots[Side.HELPDESK]
    creates = [one for one in state.operations if one.kind is OperationKind.CREATE]
    plan.why = plan.blocked or _unwanted(state)
    if plan.why:
        plan.threads = [ThreadPlan(cancelled=[one for one in creates if one.state is OperationState.PLANNED])]
        return
    payload = _new_issue(state)
    if any(not _is_open_create(one, payload, route) for one in creates):
        unwanted = any(one.state is OperationState.DISCARDED for one in creates)
        plan.why = "a person decided against an issue" if unwanted else "an earlier create is not settled"
        return
    if source.thread is None:
        plan.need.add(Side.HELPDESK)
        return
    marker = tools.sign(Marker(route.name, str(source.ref), "create", generation=state.generation))
    plan.operations.append(
        Operation(
            key=marker.mac,
            group=state.hand.group,
            kind=OperationKind.CREATE,
            side=Side.TRACKER,
            payload=payload,
            sources=_plain(source.fields),
            marker=marker,
            reason=str(route.tracker.mapping.place),
        )
    )
    plan.threads = [ThreadPlan(items=promise_first_files(source))]
    if route.mode is Mode.OBSERVE:
        _plan_texts(state, plan, tools)


def _plan_ticket(state: GroupState, plan: Plan, tools: Tools) -> None:
    """An issue without a ticket: make one, if a rule of the route says so."""
    opening = plan_opening(state, blocked=plan.blocked, sign=tools.sign)
    plan.why = opening.why
    plan.operations.extend(opening.operations)
    plan.fields.cancelled.extend(opening.cancelled)
    if opening.need:
        plan.need.add(Side.TRACKER)


def _is_open_create(one: Operation, payload: Mapping[str, Any], route: Route) -> bool:
    """Whether a create may be planned again: it is unsent, or it was given up and would now say otherwise, or be made
    by other rules."""
    if one.state in (OperationState.DEAD, OperationState.DISCARDED):
        says_otherwise = any(one.payload.get(name) != value for name, value in payload.items())
        return says_otherwise or (one.state is OperationState.DEAD and is_outdated(one, route))
    return one.state is OperationState.PLANNED


def _unwanted(state: GroupState) -> str:
    route, source = state.route, state.snapshots[Side.HELPDESK]
    if source.life is not Life.ALIVE:
        return f"the ticket is {source.life.value}"
    if source.marker is not None:
        return "bridge made it, for a case that is not settled yet"
    if not route.helpdesk.mapping.matches(route.helpdesk.open_when, source.fields):
        return "open_when does not hold"
    if route.begin_link == "new" and source.created_at < route.begin_at and not state.is_asked:
        return "it is older than begin.from"
    lens = route.helpdesk.mapping.lenses.get(STATE)
    stands = lens.read(source.fields).value if lens else None
    if (route.begin_link == "open" or state.is_asked) and stands in (State.RESOLVED, State.CLOSED):
        return f"it was {stands} before it was linked"
    return ""


def _new_issue(state: GroupState) -> dict[str, Any]:
    """The payload of a create: canonical values the tracker may be told, as its native fields."""
    route, source = state.route, state.snapshots[Side.HELPDESK]
    values: dict[str, Any] = {}
    for pair in pairs_of(state):
        carried = allows(pair.policy.direction, Side.TRACKER) or pair.policy.direction is Direction.CASE
        value = pair.read(Side.HELPDESK, source.fields)
        if (
            carried
            and value is not None
            and value.canonical is not None
            and pair.name not in (STATE, SUMMARY, DESCRIPTION)
        ):
            values[pair.name] = value.canonical
    lenses = route.helpdesk.mapping.lenses
    summary = lenses[SUMMARY].read(source.fields).value if SUMMARY in lenses else None
    description = lenses[DESCRIPTION].read(source.fields).value if DESCRIPTION in lenses else None
    body = description if isinstance(description, Node) else from_plain(description or "")
    return {
        "summary": summary or f"Helpdesk ticket {source.key}",
        "body": new_issue_body(body or EMPTY, source, follows=state.former.tracker_key if state.former else ""),
        "fields": route.tracker.mapping.new_fields(values),
        "carried": sorted([*values, *(name for name in (SUMMARY, DESCRIPTION) if name in route.policies)]),
    }


def _updates(state: GroupState, writes: list[FieldWrite]) -> list[Operation]:
    """Field writes as operations, those of one side laid over each other so that shared native lists add up."""
    operations: list[Operation] = []
    for target in Side:
        mine = {write.name: write for write in writes if write.target is target}
        if not mine:
            continue
        current = state.snapshots[target].fields
        changes = state.route.end(target).mapping.write_all({name: one.value for name, one in mine.items()}, current)
        operations.extend(_update(state, mine[name], change, current) for name, change in changes.items())
    return operations


def _update(
    state: GroupState, write: FieldWrite, change: Mapping[str, Any], current: Mapping[str, Reading]
) -> Operation:
    lens = state.route.end(write.target).mapping.lenses[write.name]
    sources = _plain(write.sources)
    if write.name == DESCRIPTION and write.target is Side.TRACKER:
        source = state.members[0].snapshots.get(Side.HELPDESK) or state.snapshots[Side.HELPDESK]
        change = {name: new_issue_body(value, source) for name, value in change.items()}
    prior = _plain({name: current[name] for name in lens.natives if name in current})
    earlier = [one for one in state.of_field(write.name) if one.side is write.target]
    same = next((one for one in earlier if one.state is OperationState.PLANNED and _wants(one, change, sources)), None)
    payload = {"fields": dict(change), "prior": prior, **_shared_payload(write)}
    if same is not None:
        # What a person put in place of the value stands as long as its source does.
        fields = same.payload["fields"] if same.edited else payload["fields"]
        return replace(same, payload={**payload, "fields": dict(fields)})
    return Operation(
        key="",
        group=state.hand.group,
        kind=OperationKind.UPDATE,
        side=write.target,
        payload=payload,
        sources=sources,
        field_name=write.name,
        reason=f"lost {write.name}" if write.lost else "",
    )


def _shared_payload(write: FieldWrite) -> dict[str, Any]:
    """What a write of several tickets' common value settles beside the field itself."""
    if write.members is None:
        return {}
    members = {group: _plain(natives) for group, natives in write.members.items()}
    return {"members": members, "told": list(write.told), "wanted": write.value}


def _wants(one: Operation, change: Mapping[str, Any], sources: Mapping[str, Any]) -> bool:
    is_same = one.edited or dict(one.payload["fields"]) == dict(change)
    return is_same and dict(one.sources) == dict(sources)


def _plain(readings: Mapping[str, Reading]) -> dict[str, Any]:
    return {name: reading.value for name, reading in readings.items() if reading.readable}
