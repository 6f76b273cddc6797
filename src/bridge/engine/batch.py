"""Bringing due groups into agreement: look, read what is missing in as few requests as possible, plan, write, send."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from bridge.connect.port import Gone
from bridge.connect.urgency import background, live
from bridge.engine.clocks.winding import Winder
from bridge.engine.connections import Connections
from bridge.engine.guards.brakes import count_gone
from bridge.engine.guards.embargo import note_embargo
from bridge.engine.intake.apart import read_apart
from bridge.engine.intake.feeds import keep_unread
from bridge.engine.keys import Keys
from bridge.engine.letters import is_outdated
from bridge.engine.life.duplicates import duplicate_of, follow, unread
from bridge.engine.life.late import waits_for_follow_up
from bridge.engine.life.succession import succeed
from bridge.engine.people.reasons import COMPUTED, DUPLICATE
from bridge.engine.plan import Plan, Tools, make_plan
from bridge.engine.route import Route
from bridge.engine.sending.confirm import remember_loss
from bridge.engine.sending.delivery import Delivery, Outcome, Target, is_late, is_mirror
from bridge.engine.sending.edited import record_edits
from bridge.engine.sending.race import confirm_restored
from bridge.engine.sending.recovery import Recovery
from bridge.engine.sending.signs import Signs
from bridge.engine.state import GroupState, load_members, load_state, update_key
from bridge.engine.texts.notes import places, told_of
from bridge.engine.texts.opening import is_opening
from bridge.engine.texts.threads import has_last_words
from bridge.engine.values.fields import RESTORES, have_met
from bridge.engine.values.moments import Moments
from bridge.engine.values.origin import Origin
from bridge.errors import AudienceError, HandLostError, RefusedError, RemoteError, TemporaryError
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.ports import Clock
from bridge.model.ticket import Life, Snapshot, TicketRef
from bridge.model.words import Mode, Side
from bridge.store.hands import Hand
from bridge.store.ledger import Ledger, Transaction

ROUNDS = 6
"""How often one group is looked at again in one go, because each step shows the next (create, then comments)."""
GRACE = timedelta(seconds=60)
"""How long a ticket that did not come back stays suspect before its link rests."""
RETRY_S = 15.0
POISON = timedelta(minutes=5)
"""How long a group rests that a defect of ours stopped."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Observation:
    """What a route in mode `observe` would have done for one group."""

    route: str
    group: str
    operations: tuple[Operation, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Works on groups that are in this worker's hands."""

    ledger: Ledger
    connections: Connections
    routes: Mapping[str, Route]
    tools: Tools
    delivery: Delivery
    recovery: Recovery
    signs: Signs
    origin: Origin
    keys: Keys
    clock: Clock
    winder: Winder
    observations: dict[str, Observation] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    """Groups whose last look ended in a defect of ours, each with its words."""

    def work(self, hands: list[Hand], *, enough: Callable[[], bool] = lambda: False) -> int:
        """Reconcile every group in hand; each is let go when it is done or has to wait. How many were worked on: when
        `enough` says that others wait, the rest is given back as due as it was."""
        drafts = {hand.row: found for hand in hands if (found := self._draft(hand)) is not None}
        # Groups in hand are all of a backfill, or none is.
        with background() if any(hand.is_background for hand in hands) else live():
            self._read_missing([draft for found in drafts.values() for draft in found])
        todo = [hand for hand in hands if hand.row in drafts]
        for number, hand in enumerate(todo):
            if number and enough():
                self._give_back(todo[number:])
                return number
            # Each group is looked at anew when its turn comes: others were worked on meanwhile, and that takes time.
            with background() if hand.is_background else live():
                self._guarded(hand, partial(self._finish, hand))
        return len(hands)

    def _give_back(self, hands: list[Hand]) -> None:
        with self.ledger.begin() as transaction:
            for hand in hands:
                transaction.hands.give_back(hand)

    def _draft(self, hand: Hand) -> list[tuple[GroupState, Plan]] | None:
        """A first look at every ticket of a group, to see what has to be read; None if there is nothing to do with it."""
        drafts: list[tuple[GroupState, Plan]] = []

        def look() -> None:
            for one, route in self._tickets(hand):
                state = self._load(one, route)
                drafts.append((state, make_plan(state, self.tools)))

        if not self._seats(hand):
            self._release(hand, None)
            return None
        return drafts if self._guarded(hand, look) else None

    def _seats(self, hand: Hand) -> list[tuple[Hand, Route]]:
        """The hand laid on each ticket of its group, with its route: those that rest as well."""
        if not hand.seats:
            return [(hand, self.routes[hand.route])] if hand.route in self.routes else []
        return [(hand.at(seat), self.routes[seat.route]) for seat in hand.seats if seat.route in self.routes]

    def _tickets(self, hand: Hand) -> list[tuple[Hand, Route]]:
        """The hand laid on each ticket of its group that is worked on, with its route."""
        resting = {seat.group for seat in hand.seats if seat.suspended} | ({hand.group} if hand.rests else set())
        return [(one, route) for one, route in self._seats(hand) if one.group not in resting]

    def _guarded(self, hand: Hand, act: Callable[[], None]) -> bool:
        """Work on one group. Whatever goes wrong with it stays with it: it is looked at again later, and people see.
        False if it could not be done."""
        try:
            act()
        except HandLostError:
            log.info("hand.lost", group=hand.group)
        except AudienceError as error:
            log.critical("audience.stopped", group=hand.group, error=str(error))
            self.failures[hand.group] = str(error)
            self._rest(hand, "audience_stopped", str(error))
        except Exception as error:  # the worker's edge: poison is local
            log.exception("group.failed", group=hand.group)
            self.failures[hand.group] = f"{type(error).__name__}: {error}"
            self._release(hand, self.clock.now() + POISON)
        else:
            self.failures.pop(hand.group, None)
            return True
        return False

    def _rest(self, hand: Hand, what: str, why: str) -> None:
        """Write down what stopped a case, and look at it again when somebody had time to act."""
        with self.ledger.begin() as transaction:
            transaction.note(what, group=hand.group, why=why)
            transaction.hands.release(hand, due_at=transaction.now + POISON)

    def _load(self, hand: Hand, route: Route) -> GroupState:
        with self.ledger.begin() as transaction:
            if not hand.seats:
                return load_state(transaction, hand, route)
            members = load_members(transaction, hand, self.routes)
            return next(one for one in members if one.hand.group == hand.group)

    def _finish(self, hand: Hand) -> None:
        """Bring every ticket of a group into agreement, and last its signposts; then let the group go."""
        due_at: datetime | None = None
        # What one ticket moves at a shared issue, the others are told in a second turn.
        for _turn in range(2 if hand.seats else 1):
            due_at = None
            for one, route in self._tickets(hand):
                due_at = _earlier(due_at, self._settle(one, route))
        for one, route in self._tickets(hand):
            if route.contract is not None:
                due_at = _earlier(due_at, self.winder.wind(self._load(one, route)))
        for one, route in self._seats(hand):
            due_at = _earlier(due_at, self.signs.bring(one, route))
        self._release(hand, due_at)

    def _settle(self, hand: Hand, route: Route) -> datetime | None:
        """Look, plan and send until nothing is left to do now for one ticket. When to look again, if need be."""
        for _round in range(ROUNDS):
            state = self._load(hand, route)
            if route.mode is Mode.OBSERVE:
                return self._observe(state)
            outcome = self._step(state)
            if outcome.reread:
                self._read([ref for side in Side if (ref := state.ref(side)) is not None])
            elif outcome.done:
                return outcome.due_at
        return self.clock.now() + timedelta(seconds=RETRY_S)

    def _step(self, state: GroupState) -> Outcome:
        """One look at a group: settle what is in doubt, plan, send. Not `done` if another look is wanted at once."""
        later = self.recovery.settle(state)
        if state.is_in_doubt:
            state = self._load(state.hand, state.route)
        waits = has_last_words(state) and not make_plan(state, self.tools).blocked
        with self.ledger.begin(state.hand) as transaction:
            has_moved = succeed(transaction, state, waits=waits)
        if has_moved:
            # The case is another one's now, or another ticket's: whoever takes it up next sees it whole.
            return Outcome(done=True)
        if self._follow_duplicate(state):
            return Outcome(done=True)
        if duplicate_of(state) is not None:
            state = self._load(state.hand, state.route)
        if self.recovery.adopt(state):
            state = self._load(state.hand, state.route)
        plan = make_plan(state, self.tools)
        if plan.need:
            if not self._read_missing([(state, plan)]):
                return Outcome(done=True, due_at=_earlier(later, self.clock.now() + timedelta(seconds=RETRY_S)))
            state = self._load(state.hand, state.route)
            if self.recovery.adopt(state):
                state = self._load(state.hand, state.route)
            plan = make_plan(state, self.tools)
        try:
            if self.origin.recall(state):
                state = self._load(state.hand, state.route)
                plan = make_plan(state, self.tools)
            state, plan = self._with_moments(state, plan)
        except TemporaryError as error:
            log.warning("past.failed", group=state.hand.group, error=str(error))
            return Outcome(done=True, due_at=_earlier(later, self.clock.now() + timedelta(seconds=RETRY_S)))
        later = _earlier(later, _horizon_at(state, plan))
        outcome = self._carry_out(state, plan)
        return replace(outcome, due_at=_earlier(later, outcome.due_at))

    def _follow_duplicate(self, state: GroupState) -> bool:
        """Let a case whose issue was closed as a duplicate go on at the other one. True if it moved there."""
        if duplicate_of(state) is None and not any(topic.startswith(DUPLICATE) for topic, _id in state.notices):
            return False
        for _step in range(ROUNDS):
            with self.ledger.begin() as transaction:
                wanted = unread(transaction, state)
            if not wanted or not self._read(wanted):
                break
        can_note = Side.TRACKER in places(state, self.tools.capabilities)
        with self.ledger.begin(state.hand) as transaction:
            return follow(transaction, self.routes, state, can_note=can_note)

    def _with_moments(self, state: GroupState, plan: Plan) -> tuple[GroupState, Plan]:
        """The plan made with what the tickets' pasts tell, if any field hangs on that. Raises TemporaryError."""
        if not plan.fields.untimed:
            return state, plan
        told = Moments(self.ledger, self.connections).ask(state, plan.fields.untimed)
        state = replace(state, moments=told)
        return state, make_plan(state, self.tools)

    def _observe(self, state: GroupState) -> datetime | None:
        """Plan, and write nothing. When to look again, if something could not be read."""
        self.recovery.adopt(state)
        state = self._load(state.hand, state.route)
        plan = make_plan(state, self.tools)
        if plan.need:
            if not self._read_missing([(state, plan)]):
                return self.clock.now() + timedelta(seconds=RETRY_S)
            state = self._load(state.hand, state.route)
            plan = make_plan(state, self.tools)
        try:
            state, plan = self._with_moments(state, plan)
        except TemporaryError as error:
            log.warning("past.failed", group=state.hand.group, error=str(error))
            return self.clock.now() + timedelta(seconds=RETRY_S)
        group = state.hand.group
        self.observations[group] = Observation(state.route.name, group, tuple(plan.operations), plan.why)
        return None

    def _carry_out(self, state: GroupState, plan: Plan) -> Outcome:
        """Journal the plan and send what is due. Not `done` after a create: its comments are due next."""
        with self.ledger.begin(state.hand) as transaction:
            journaled = record(transaction, state, plan)
        doubtful = bool(state.in_doubt(OperationKind.CREATE))
        doubted = [one for one in state.in_doubt(OperationKind.COMMENT) if is_mirror(one)]
        if self.recovery.doubt(state, journaled):
            return Outcome(done=False)
        now = self.clock.now()
        sendable = [] if doubtful else [one for one in journaled if one.state is OperationState.PLANNED]
        waiting = [one for one in sendable if one.due_at is not None and one.due_at > now]
        due_at = min((one.due_at for one in waiting if one.due_at is not None), default=None)
        # What people said keeps its order behind what failed for a time or is in doubt, for a while.
        before = [*doubted, *(one for one in waiting if one.attempts and is_mirror(one))]
        ready = [one for one in sendable if one not in waiting and not _is_behind(one, before, now)]
        frozen = {side for side, snapshot in state.snapshots.items() if snapshot.life is Life.FROZEN}
        ready = [one for one in ready if not (waits_for_follow_up(one) and one.side in frozen)]
        again, stopped = (
            bool(plan.fields.confirmed or plan.fields.lost or plan.fields.again or plan.notes.again)
            or plan.edits.is_news,
            False,
        )
        for side in Side:
            mine = [one for one in ready if one.side is side]
            if mine:
                outcome = self.delivery.send(self._target(state, side), mine)
                due_at, again = _earlier(due_at, outcome.due_at), again or outcome.news
                if outcome.reread:
                    return replace(outcome, done=False, due_at=due_at)
                stopped |= outcome.stops
        again = again or any(one.kind is OperationKind.CREATE for one in ready)
        # A case leaves its issue once that was told of it.
        again = again or (bool(ready) and (DUPLICATE in {topic for topic, _id in state.notices}))
        # What was sent may have solved what a note still tells of.
        again = again or (bool(ready) and told_of(state.notices, COMPUTED))
        # A merge is followed once the ticket's last words are told.
        again = again or (has_last_words(state) and not has_last_words(self._load(state.hand, state.route)))
        # A site that takes nothing now is not asked again at once.
        return Outcome(done=not again or (stopped and due_at is not None), due_at=due_at)

    @staticmethod
    def _target(state: GroupState, side: Side) -> Target:
        snapshot = state.snapshots.get(side)
        link_key = state.link.tracker_key if state.link and side is Side.TRACKER else ""
        return Target(
            hand=state.hand,
            route=state.route,
            side=side,
            source=state.source_ref,
            ref=state.ref(side),
            key=snapshot.key if snapshot else link_key,
            snapshot=snapshot,
            other=state.ref(side.other),
        )

    def _read_missing(self, drafts: list[tuple[GroupState, Plan]]) -> bool:
        """Read what the plans need, all groups of a site together. False if something could not be read."""
        refs = [ref for state, plan in drafts for side in plan.need if (ref := state.ref(side)) is not None]
        return self._read(refs)

    def _read(self, refs: list[TicketRef]) -> bool:
        by_site: dict[str, list[TicketRef]] = defaultdict(list)
        for ref in dict.fromkeys(refs):
            by_site[ref.site].append(ref)
        read = [self._read_site(site, wanted) for site, wanted in by_site.items()]
        return all(read)

    def _read_site(self, site: str, refs: list[TicketRef]) -> bool:
        asked_at = self.ledger.now()
        try:
            answers = read_apart(self.connections.to(site), refs, threads=True)
        except (TemporaryError, RefusedError) as error:
            log.warning("read.failed", site=site, error=str(error))
            return False
        except RemoteError as error:
            log.error("read.refused", site=site, error=str(error))
            return False
        with self.ledger.begin() as transaction:
            keep_unread(transaction, answers)
            known = transaction.readings.known(refs)
            links = transaction.links.find(refs)
            for ref, answer in answers.items():
                group = known[ref].group if ref in known else (links[ref].group if ref in links else "")
                if isinstance(answer, Snapshot):
                    transaction.readings.put(answer, group, asked_at=asked_at)
                    transaction.hands.resume(group)
                    self.keys.saw(site, answer.key)
                elif group and isinstance(answer, Gone):
                    self._suspect(transaction, answer, group)
        return all(isinstance(answer, Snapshot) for answer in answers.values())

    def _suspect(self, transaction: Transaction, gone: Gone, group: str) -> None:
        """Not there: suspect at first; after the grace period the link rests, and nothing is deleted or closed. Where
        very many vanish at once that is not believed: the route is braked."""
        if transaction.now - transaction.readings.suspect(gone.ref) >= GRACE:
            route = self.routes.get(group.partition(":")[0])
            if route is not None and count_gone(transaction, route, group) is not None:
                return
            sharing = [link.group for link in transaction.links.sharing(gone.ref)] or [group]
            for one in sharing:
                transaction.hands.suspend(one, f"{gone.ref} is gone")
                transaction.note("suspended", group=one, gone=str(gone.ref))

    def _release(self, hand: Hand, due_at: datetime | None) -> None:
        with self.ledger.begin() as transaction:
            transaction.hands.release(hand, due_at=due_at)


def record(transaction: Transaction, state: GroupState, plan: Plan) -> list[Operation]:
    """Write a plan into the ledger: what is cancelled, confirmed, agreed and planned. The journaled operations."""
    journal, links, group = transaction.journal, transaction.links, state.hand.group
    note_embargo(transaction, state, plan.denied)
    kept = {one.key for one in plan.operations if one.key}
    journal.change([one.key for one in plan.cancelled if one.key not in kept], state=OperationState.CANCELLED)
    journal.change([one.key for one in plan.fields.confirmed], state=OperationState.CONFIRMED)
    for one in plan.fields.confirmed:
        if RESTORES in one.payload:
            confirm_restored(transaction, state.route, one)
        remember_loss(transaction, state.route, one)
    journal.change([one.key for one in plan.fields.voided], state=OperationState.VOID)
    journal.change([one.key for one in plan.fields.again], state=OperationState.PLANNED)
    for one in plan.fields.lost:
        remember_loss(transaction, state.route, one)
    for side, name, natives in plan.fields.bases:
        links.move_base(group, side, name, natives)
    for move in plan.fields.moves:
        links.move_base(move.group, move.side, move.field, move.native, over=move.over)
    for name, helpdesk, tracker in plan.fields.conflicts:
        links.set_conflict(group, name, helpdesk=helpdesk, tracker=tracker)
    for name in state.conflicts.intersection(plan.fields.agreed):
        links.clear_conflict(group, name)
    if state.link is not None and state.link.prefer and have_met(state):
        links.have_met(group)
    journal.change([one.key for one in plan.notes.confirmed], state=OperationState.CONFIRMED, error="")
    journal.change([one.key for one in plan.notes.again], state=OperationState.PLANNED)
    for notice in plan.notes.dropped:
        transaction.notices.drop(group, notice.topic, notice.id)
    for notice in plan.notes.notices:
        transaction.notices.put(group, notice)
    for thread in plan.threads:
        for item in thread.forgotten:
            links.drop_item(group, item)
        for item in thread.items:
            links.put_item(group, item)
    # Last, for what is taken back stays so whatever else was decided about it.
    record_edits(transaction, state, plan.edits)
    return [_record_one(transaction, state, one) for one in plan.operations]


def _record_one(transaction: Transaction, state: GroupState, one: Operation) -> Operation:
    journal = transaction.journal
    if not one.key:
        for earlier in state.of_field(one.field_name):
            if earlier.state in (OperationState.PLANNED, OperationState.DEAD):
                journal.change([earlier.key], state=OperationState.SUPERSEDED)
            if dict(earlier.payload["fields"]) == dict(one.payload["fields"]):
                # The same again: how often it was tried counts on, so that the waits grow.
                one = replace(one, attempts=max(one.attempts, earlier.attempts))
        number = journal.count_field(one.group, one.side, one.field_name) + 1
        one = replace(one, key=update_key(one.group, one.side, one.field_name, number))
        return journal.add(one)
    standing = journal.add(one)
    if standing.state is OperationState.CANCELLED or _is_new_try(one, standing, state.route):
        journal.freeze(one.key, one.payload)
        journal.change([one.key], state=one.state, due_at=one.due_at, error="", attempts=0)
        return replace(standing, payload=one.payload, state=one.state, due_at=one.due_at, attempts=0)
    if standing.state in (OperationState.PLANNED, OperationState.HELD) and standing is not one:
        # What is unsent says what is true now. Only a create that was tried keeps its words: some sites remember them.
        payload = _payload(one, standing)
        journal.freeze(one.key, payload)
        due_at = one.due_at or standing.due_at
        if (one.state, due_at) != (standing.state, standing.due_at):
            journal.change([one.key], state=one.state, due_at=due_at)
        return replace(standing, payload=payload, state=one.state, due_at=due_at)
    return standing


def _payload(one: Operation, standing: Operation) -> Mapping[str, Any]:
    """What an unsent operation says. Rules decide anew who may read what a person put in place of the text."""
    if one.kind is OperationKind.CREATE:
        is_fixed = standing.edited or (standing.attempts and not is_opening(one))
        return standing.payload if is_fixed else one.payload
    if standing.edited and "body" in one.payload:
        return {**one.payload, "body": standing.payload["body"]}
    return one.payload


def _is_new_try(one: Operation, standing: Operation, route: Route) -> bool:
    """What was given up is tried again: a create with what the ticket says now (planned only if that differs), a comment
    under other rules."""
    if one.kind is OperationKind.CREATE:
        return standing.state in (OperationState.DEAD, OperationState.DISCARDED)
    return standing.state is OperationState.DEAD and is_outdated(standing, route)


def _is_behind(one: Operation, before: list[Operation], now: datetime) -> bool:
    """Whether a comment has to wait for one of those `before` it."""
    if not is_mirror(one):
        return False
    return any(
        other.side is one.side and (other.order < one.order or other.state is not OperationState.PLANNED)
        for other in before
        if not is_late(other, now)
    )


def _horizon_at(state: GroupState, plan: Plan) -> datetime | None:
    """When the next update of unknown outcome, other than those this plan settles, can be judged."""
    settled_plans = (plan.fields.confirmed, plan.fields.voided, plan.edits.confirmed, plan.notes.confirmed)
    settled = {one.key for listed in settled_plans for one in listed}
    soon = state.now + timedelta(seconds=RETRY_S)
    kinds = (OperationKind.UPDATE, OperationKind.EDIT, OperationKind.HIDE)
    doubtful = [one for kind in kinds for one in state.in_doubt(kind)]
    later = [one.horizon_at or soon for one in doubtful if one.key not in settled]
    return min((horizon_at if horizon_at > state.now else soon for horizon_at in later), default=None)


def _earlier(left: datetime | None, right: datetime | None) -> datetime | None:
    return min(left, right) if left and right else left or right
