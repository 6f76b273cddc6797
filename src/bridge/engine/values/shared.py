"""Fields of several tickets on one issue: what they want of it together goes up, what the issue shows goes down to each.

The issue's own base (kept under its name) is what the reduced value is compared over; each ticket's pair of bases tells
how far the issue's changes have come to that ticket. So one ticket's refused write holds up no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bridge.engine.state import GroupState, issue_name
from bridge.engine.values.fields import FieldsPlan, FieldWrite, Natives, Pair, apply, case_of, pairs_of, pending_of
from bridge.model.brake import BrakeKind
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.ticket import Life, Reading
from bridge.model.words import STATE, WORDLESS_FIELDS, Direction, Mode, Side
from bridge.store.links import BaseMove
from bridge.sync.reduce import Voice, default_rule, reduce, stand
from bridge.sync.table import Action, Decision, FieldCase, SideView, Value, decide

_UP = (Direction.TO_TRACKER, Direction.BOTH)


def plan_shared_fields(state: GroupState, *, blocked: str) -> FieldsPlan:
    """Ask the truth table about every field of one of several tickets on an issue."""
    plan = FieldsPlan()
    for pair in pairs_of(state):
        stopped = blocked or state.braked(BrakeKind.OSCILLATION, field=pair.name)
        shared = _Shared(state, pair, stopped, state.members)
        if pair.policy.direction in _UP:
            shared.plan_up(plan)
        if shared.goes_down:
            shared.plan_down(plan)
    return plan


def speaks(state: GroupState) -> bool:
    """Whether a ticket has a say in what the shared issue shows, and is told of it."""
    is_denied = any(
        state.route.end(side).mapping.denied(snapshot.fields) is not None for side, snapshot in state.snapshots.items()
    )
    return not state.rests and state.route.mode is not Mode.OBSERVE and not is_denied


@dataclass(frozen=True, slots=True)
class _Shared:
    """One field of one of the tickets."""

    state: GroupState
    pair: Pair
    blocked: str
    members: tuple[GroupState, ...]

    @property
    def name(self) -> str:
        return self.pair.name

    @property
    def fans_out(self) -> bool:
        """Whether the issue's value is written to the tickets: the state always is, others where the route says so."""
        declared = self.name == STATE or self.name in self.state.route.shared.fan_out
        return declared and self.pair.policy.direction is Direction.BOTH and self.may_reach_all

    @property
    def may_reach_all(self) -> bool:
        """Whether nothing that was written for one customer reaches another: words stay with the customers of one
        route."""
        return self.name in WORDLESS_FIELDS or len({one.route.name for one in self.members}) == 1

    @property
    def goes_down(self) -> bool:
        """Whether what the issue shows is written to this ticket."""
        if self.pair.policy.direction in _UP:
            return self.fans_out
        is_one_customers = len({one.route.name for one in self.members}) == 1
        declared = self.name == STATE or self.name in self.state.route.shared.fan_out
        return is_one_customers or (declared and self.may_reach_all)

    @property
    def speaker(self) -> GroupState | None:
        """The ticket under whose name the group writes this field: one whose write is in doubt, else the first."""
        speaking = [one for one in self.members if speaks(one)]
        doubtful = [one for one in self.members if _in_doubt(self._sent_up(one))]
        return next(iter([*doubtful, *speaking]), None)

    def _sent_up(self, state: GroupState) -> list[Operation]:
        return [one for one in state.of_field(self.name) if one.side is Side.TRACKER]

    def plan_up(self, plan: FieldsPlan) -> None:
        """What all want together, written once, under the speaker's name."""
        if self.speaker is not self.state:
            plan.cancelled.extend(one for one in self._sent_up(self.state) if one.state is OperationState.PLANNED)
            return
        sent = self._sent_up(self.state)
        case = self._up_case(sent)
        decision = decide(case)
        if decision.action is Action.CONFIRM and sent:
            plan.confirmed.append(sent[-1])
            plan.moves.extend(self._settled_moves(sent[-1]))
            decision = decide(self._after_confirm(case, sent[-1]))
        elif decision.action is Action.VOID and sent:
            plan.voided.append(sent[-1])
            decision = decide(replace(case, pending=None))
        plan.decisions[self.name] = decision
        self._apply_up(plan, decision)

    def _settled_moves(self, last: Operation) -> list[BaseMove]:
        members = {group: _readings(natives) for group, natives in last.payload.get("members", {}).items()}
        return self._agreed(members, last.payload.get("told", ()))

    def _after_confirm(self, case: FieldCase, last: Operation) -> FieldCase:
        """The case once its write is confirmed: the issue stands as written, and what the tickets say now is compared
        with what they said then."""
        said = self._value(last) or case.helpdesk.now
        calm = replace(case.tracker, base=case.tracker.now)
        return replace(case, pending=None, helpdesk=replace(case.helpdesk, base=said), tracker=calm)

    def _up_case(self, sent: list[Operation]) -> FieldCase:
        policy = self.pair.policy if self.fans_out else replace(self.pair.policy, direction=Direction.TO_TRACKER)
        tracker = self._tracker_view()
        before, now = self._wanted(tracker)
        pending = pending_of(self.state, self.pair, sent[-1]) if sent else None
        if pending is not None:
            said = self._value(sent[-1])
            pending = replace(pending, source=said.canonical if said else pending.source)
        return FieldCase(
            # A value of the issue is carried to each ticket by itself, so `allowed_from` is asked there.
            policy=replace(policy, allowed_from=None),
            helpdesk=SideView(now, before),
            tracker=tracker,
            pending=pending,
            conflict=self.name in self.state.conflicts,
            blocked=self.blocked,
            created=Side.TRACKER,
        )

    def _tracker_view(self) -> SideView:
        snapshot = self.state.snapshots.get(Side.TRACKER)
        return SideView(
            self.pair.read(Side.TRACKER, snapshot.fields if snapshot else None),
            self.pair.read(Side.TRACKER, self.state.issue_base.get(self.name)),
        )

    def _wanted(self, tracker: SideView) -> tuple[Value | None, Value | None]:
        """What the tickets wanted together at their last agreement, and what they want now."""
        voices = [self._voice(one) for one in self.members]
        if self.name == STATE:
            moved = stand(voices)
            at_rest = tracker.base or tracker.now
            return at_rest, moved or at_rest
        return reduce(self._rule, self.name, voices)

    @property
    def _rule(self) -> Any:
        return self.state.route.shared.reduce.get(self.name) or default_rule(self.name)

    def _voice(self, member: GroupState) -> Voice:
        pair = self._pair_of(member)
        if pair is None:
            return Voice(None)
        snapshot = member.snapshots.get(Side.HELPDESK)
        is_heard = snapshot is not None and snapshot.life is not Life.DELETED and speaks(member)
        return Voice(
            now=pair.read(Side.HELPDESK, snapshot.fields) if snapshot and is_heard else None,
            base=pair.read(Side.HELPDESK, member.bases[Side.HELPDESK].get(self.name)),
            own=pair.read(Side.HELPDESK, member.own.get(self.name)),
            leads=member is self.members[0],
        )

    def _pair_of(self, member: GroupState) -> Pair | None:
        return next((pair for pair in pairs_of(member) if pair.name == self.name), None)

    def _value(self, last: Operation) -> Value | None:
        """What the tickets wanted together when a write was planned."""
        if "wanted" not in last.payload:
            return None
        wanted = last.payload["wanted"]
        wanted = tuple(wanted) if isinstance(wanted, list) else wanted
        return Value(wanted, self.pair.normal(wanted))

    def _tracker_natives(self) -> Natives:
        return self.pair.natives(Side.TRACKER, self.state.snapshots[Side.TRACKER].fields)

    def _changed(self) -> dict[str, Natives]:
        """The native values of those tickets whose own people changed theirs, and of newcomers, by link."""
        changed: dict[str, Natives] = {}
        for member in self.members:
            pair, voice = self._pair_of(member), self._voice(member)
            if pair is not None and voice.now is not None and (voice.changed or voice.base is None):
                changed[member.hand.group] = pair.natives(Side.HELPDESK, member.snapshots[Side.HELPDESK].fields)
        return changed

    def _told(self, shown: Value | None) -> list[str]:
        """The links whose tickets read as the issue does, once it shows this."""
        voices = ((member.hand.group, self._voice(member).now) for member in self.members)
        return [group for group, now in voices if now is not None and shown is not None and now.normal == shown.normal]

    def _agreed(self, members: Mapping[str, Natives], told: Iterable[str]) -> list[BaseMove]:
        """The bases to move once the issue stands as its tickets want it: the issue's own, what each ticket's people
        said, and that of a ticket which need not be told."""
        issue, tracker = self.state.ref(Side.TRACKER), self._tracker_natives()
        assert issue is not None
        return [
            BaseMove(issue_name(issue), Side.TRACKER, self.name, tracker),
            *(BaseMove(group, Side.HELPDESK, self.name, natives) for group, natives in members.items()),
            *(BaseMove(group, Side.TRACKER, self.name, tracker) for group in told),
        ]

    def _apply_up(self, plan: FieldsPlan, decision: Decision) -> None:
        if decision.cancel:
            plan.cancelled.extend(one for one in self._sent_up(self.state) if one.state is OperationState.PLANNED)
        if decision.action is Action.WRITE and decision.target is Side.TRACKER:
            self._write_up(plan, lost=decision.lost)
        elif decision.action is Action.ADOPT:
            self._adopt_up(plan)
        elif decision.action in (Action.KEEP, Action.WRITE):
            # The issue was moved there: each ticket is told by itself.
            plan.moves.extend(self._agreed({}, ()))
        elif decision.action is Action.CONFLICT:
            wanted, shown = self._wanted(self._tracker_view())[1], self._tracker_view().now
            plan.conflicts.append((self.name, wanted and wanted.canonical, shown and shown.canonical))

    def _adopt_up(self, plan: FieldsPlan) -> None:
        plan.moves.extend(self._agreed(self._changed(), self._told(self._tracker_view().now)))
        plan.agreed.append(self.name)

    def _write_up(self, plan: FieldsPlan, *, lost: bool) -> None:
        snapshot = self.state.snapshots[Side.TRACKER]
        wanted = self._wanted(self._tracker_view())[1]
        value = wanted.canonical if wanted else None
        lens = self.pair.lenses[Side.TRACKER]
        if not lens.writable or snapshot.life is not Life.ALIVE or not lens.write(value, snapshot.fields):
            self._adopt_up(plan)
            return
        plan.agreed.append(self.name)
        changed, told = self._changed(), tuple(self._told(wanted))
        plan.writes.append(FieldWrite(self.name, Side.TRACKER, value, {}, lost=lost, members=changed, told=told))

    def plan_down(self, plan: FieldsPlan) -> None:
        """What the issue shows, written to this ticket, unless the tickets are just changing it."""
        sent = [one for one in self.state.of_field(self.name) if one.side is Side.HELPDESK]
        if self.pair.policy.direction in _UP and self._is_going_up():
            plan.cancelled.extend(one for one in sent if one.state is OperationState.PLANNED)
            return
        case = replace(case_of(self.state, self.pair, self.blocked, sent), prefer=Side.TRACKER)
        decision = decide(case)
        if decision.action is Action.CONFIRM and sent:
            plan.confirmed.append(sent[-1])
            prior, tracker = _readings(sent[-1].payload["prior"]), _readings(sent[-1].sources)
            natives = self.pair.natives(Side.HELPDESK, self.state.snapshots[Side.HELPDESK].fields)
            group = self.state.hand.group
            plan.moves.append(BaseMove(group, Side.HELPDESK, self.name, natives, over=prior))
            plan.moves.append(BaseMove(group, Side.TRACKER, self.name, tracker))
            return
        if decision.action is Action.VOID and sent:
            plan.voided.append(sent[-1])
            decision = decide(replace(case, pending=None))
        self._apply_down(plan, case, decision)

    def _is_going_up(self) -> bool:
        speaker = self.speaker
        if speaker is None:
            return False
        mine = _Shared(speaker, self._pair_of(speaker) or self.pair, "", self.members)
        decision = decide(mine._up_case(mine._sent_up(speaker)))
        is_write = decision.action is Action.WRITE and decision.target is Side.TRACKER
        return is_write or decision.action in (Action.WAIT, Action.CONFLICT, Action.CONFIRM, Action.VOID)

    def _apply_down(self, plan: FieldsPlan, case: FieldCase, decision: Decision) -> None:
        plan.decisions.setdefault(self.name, decision)
        snapshot = self.state.snapshots.get(Side.HELPDESK)
        if decision.action is Action.WRITE and decision.target is Side.TRACKER and snapshot is not None:
            # This ticket's change does not move the issue (others still stand elsewhere): taken note of, left as it is.
            natives = self.pair.natives(Side.HELPDESK, snapshot.fields)
            plan.moves.append(BaseMove(self.state.hand.group, Side.HELPDESK, self.name, natives))
            return
        if decision.action is Action.ADOPT and snapshot is not None:
            self._adopt_down(plan, case)
            return
        allowed = case.policy.allowed_from
        now = case.helpdesk.now
        if decision.row == 10 and allowed is not None and now is not None and now.canonical not in allowed:
            self._adopt_down(plan, case)
            return
        apply(self.state, self.pair, decision, plan)

    def _adopt_down(self, plan: FieldsPlan, case: FieldCase) -> None:
        """Both stand as they read. A value that we had written stays ours."""
        group, is_own = self.state.hand.group, case.helpdesk.changed or case.helpdesk.base is None
        for side in Side:
            natives = self.pair.natives(side, self.state.snapshots[side].fields)
            over = None if is_own or side is Side.TRACKER else self.state.own.get(self.name, natives)
            plan.moves.append(BaseMove(group, side, self.name, natives, over=over))
        plan.agreed.append(self.name)


def _in_doubt(operations: list[Operation]) -> bool:
    states = (OperationState.SENDING, OperationState.UNKNOWN)
    return any(one.kind is OperationKind.UPDATE and one.state in states for one in operations)


def _readings(natives: Mapping[str, Any]) -> dict[str, Reading]:
    return {name: value if isinstance(value, Reading) else Reading.of(value) for name, value in natives.items()}
