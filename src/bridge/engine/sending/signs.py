"""Putting signposts up and taking them away: journaled before the wire, and put again after a lost answer, for that makes
no second one.

This is the last thing done with a case in hand, behind everything people wait for. It never holds anything back, and what
a site refuses of it makes no note.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bridge.connect.port import Connector
from bridge.engine.connections import Connections
from bridge.engine.guards.audience import check_home
from bridge.engine.guards.publicity import Publicity
from bridge.engine.guards.recheck import OTHER_RULES_S
from bridge.engine.letters import describe
from bridge.engine.patience import FIRST_S, Next, Trial, judge
from bridge.engine.people.signposts import SignsPlan, Standing, plan_signs
from bridge.engine.route import Route
from bridge.engine.sending.delivery import LEASE_S, WRITTEN
from bridge.engine.sending.recovery import CLOCKS_APART
from bridge.engine.state import GroupState, load_state
from bridge.errors import RemoteError, TemporaryError
from bridge.model.operation import Operation, OperationKind, OperationState, TicketChange, Written
from bridge.model.ports import Clock
from bridge.model.signpost import Signpost
from bridge.model.ticket import Reading, Version
from bridge.model.words import Mode, Side
from bridge.store.hands import Hand
from bridge.store.ledger import Ledger, Transaction, read_meta
from bridge.store.signposts import Place

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Signs:
    """Brings the signposts of links that are in hand into line."""

    ledger: Ledger
    connections: Connections
    publicity: Publicity
    clock: Clock
    opened_at: datetime
    """When this process took over: what is older may bear signposts that the ledger forgot."""

    def bring(self, hand: Hand, route: Route) -> datetime | None:
        """Put and take what is due for one link. When to look again, if need be. Raises HandLostError."""
        if route.mode is Mode.OBSERVE:
            return None
        with self.ledger.begin(hand) as transaction:
            state = load_state(transaction, hand, route)
            plan = self.plan(transaction, state)
            known = transaction.signposts.of_group(hand.group)
            _record(transaction, state, plan)
        forgotten = {
            place for place, one in plan.operations if place not in known and self._may_stand(state, place, one)
        }
        due_at = plan.due_at
        for place, one in plan.operations:
            if place in forgotten and self._stands(hand, place, one):
                continue
            again_at = self._send(hand, route, place, one)
            due_at = min(due_at, again_at) if due_at and again_at else due_at or again_at
        return due_at

    def plan(self, transaction: Transaction, state: GroupState) -> SignsPlan:
        """What a link's signposts ask for now."""
        group = state.hand.group
        standing = Standing(
            places=transaction.signposts.of_group(group),
            told=transaction.journal.signs(group),
            suspended=transaction.hands.suspension(group),
            able=self.connections.to(state.route.tracker.site).capabilities.signposts,
        )
        return plan_signs(state, standing)

    def _may_stand(self, state: GroupState, place: Place, one: Operation) -> bool:
        """Whether a signpost that the ledger knows nothing of may stand on an issue from before this process."""
        issue = state.snapshots.get(Side.TRACKER)
        is_older = issue is not None and issue.ref == place.ref and issue.created_at < self.opened_at + CLOCKS_APART
        return is_older and not place.is_field and one.kind is OperationKind.SIGN

    def _stands(self, hand: Hand, place: Place, one: Operation) -> bool:
        """Read it once, and write nothing where it reads as wanted. What cannot be read is simply put."""
        try:
            standing = self.connections.to(place.ref.site).signposts(place.ref).get(place.name)
        except RemoteError:
            return False
        if standing != Signpost(place.name, **one.payload["content"]):
            return False
        with self.ledger.begin(hand) as transaction:
            transaction.journal.change([one.key], state=OperationState.CANCELLED)
            transaction.signposts.put(hand.group, place, one.payload["content"])
        return True

    def _send(self, hand: Hand, route: Route, place: Place, one: Operation) -> datetime | None:
        connector = self.connections.to(place.ref.site)
        kind = OperationKind.UPDATE if place.is_field else one.kind
        try:
            if one.side is Side.TRACKER and not self.publicity.is_private(route):
                return None
            with connector.permit(kind, place.ref):
                number, wait_s = self._journal(hand, route, place, one)
                if number is None:
                    return self._in(wait_s) if wait_s else None
                try:
                    written = self._write(connector, hand, place, one)
                except RemoteError as error:
                    return self._follow(hand, route, place, one, number, error)
        except TemporaryError as error:
            return self._in(error.retry_after_s or FIRST_S)
        except RemoteError as error:
            log.warning("sign.postponed", group=hand.group, error=str(error))
            return self._in(OTHER_RULES_S)
        self._confirm(hand, place, one, number, written)
        return None

    def _journal(self, hand: Hand, route: Route, place: Place, one: Operation) -> tuple[int | None, float]:
        """Mark it as being sent, after one more look at whether it still may be. None if it must not, and how long to
        wait before the next look (0: until the case is wanted)."""
        settings = self.connections.settings[place.ref.site]
        with self.ledger.begin(hand) as transaction:
            newest = read_meta(transaction, f"route:{route.name}")
            if newest is not None and newest != route.digest:
                return None, OTHER_RULES_S
            current = transaction.journal.get(one.key)
            if current is None or current.state is not OperationState.PLANNED:
                return None, 0.0
            if one.kind is OperationKind.SIGN:
                check_home(hand, route, one.side, place.ref, transaction.links.get(hand.group), [one])
            elif place not in transaction.signposts.of_group(hand.group):
                return None, 0.0
            transaction.hands.extend(hand, lease_s=LEASE_S)
            # Until the answer is known, anything may stand there.
            transaction.signposts.put(hand.group, place, None)
            horizon_at = transaction.now + timedelta(seconds=settings.deadline_s + settings.processing_s)
            number = transaction.journal.start_attempt(
                hand.group, settings.name, [one.key], fence=hand.fence, horizon_at=horizon_at
            )
        return number, 0.0

    def _write(self, connector: Connector, hand: Hand, place: Place, one: Operation) -> Written | None:
        content = one.payload["content"]
        if place.is_field:
            with self.ledger.begin(hand) as transaction:
                known = transaction.readings.get(place.ref)
            fields = {place.name: content["value"] if content else None}
            prior = {place.name: known.value(place.name)} if known else {}
            return connector.update(TicketChange(place.ref, known.key if known else "", fields, prior))
        if content is None:
            connector.take_signpost(place.ref, place.name)
        else:
            connector.put_signpost(place.ref, Signpost(place.name, **content))
        return None

    def _confirm(self, hand: Hand, place: Place, one: Operation, number: int, written: Written | None) -> None:
        content = one.payload["content"]
        with self.ledger.begin(hand) as transaction:
            transaction.journal.change([one.key], state=OperationState.CONFIRMED, error="")
            transaction.journal.end_attempt(number, "confirmed")
            if content is None:
                transaction.signposts.drop(hand.group, place)
            else:
                transaction.signposts.put(hand.group, place, content)
            if written is not None:
                # The echo of it is no edit of the customer's: it reads as what we know already.
                known, version = transaction.readings.get(place.ref), written.version
                if version is not None and known is not None:
                    version = Version(version.at, WRITTEN if version.tag else known.version.tag)
                value = Reading.of(content["value"] if content else None)
                transaction.readings.patch(place.ref, {place.name: value}, version)

    def _follow(
        self, hand: Hand, route: Route, place: Place, one: Operation, number: int, error: RemoteError
    ) -> datetime | None:
        """Write down what a failure means; when to look again."""
        verdict = judge(error, Trial(one.attempts, 1, one.kind))
        after_at = self._in(verdict.after_s or FIRST_S)
        log.warning("sign.failed", group=hand.group, error=str(error), next=verdict.next.value)
        with self.ledger.begin(hand) as transaction:
            if verdict.next is Next.BURY:
                known = transaction.readings.get(place.ref)
                letter = describe(one, error, route=route, key=known.key if known else "", snapshot=None)
                transaction.journal.bury(one.key, error=str(error), letter=letter)
                transaction.journal.end_attempt(number, "refused", str(error))
                return None
            is_unknown = verdict.next is Next.UNKNOWN
            when = {"horizon_at": self._in(verdict.after_s)} if is_unknown else {"due_at": after_at}
            state = OperationState.UNKNOWN if is_unknown else OperationState.PLANNED
            transaction.journal.change([one.key], state=state, error=str(error), **when)
            transaction.journal.end_attempt(number, "unknown" if is_unknown else "temporary", str(error))
        return after_at

    def _in(self, seconds: float) -> datetime:
        return self.clock.now() + timedelta(seconds=seconds)


def _record(transaction: Transaction, state: GroupState, plan: SignsPlan) -> None:
    group = state.hand.group
    for outcome, keys in plan.settled.items():
        transaction.journal.change(keys, state=outcome)
    for place in plan.gone:
        transaction.signposts.drop(group, place)
    for place, content in plan.known.items():
        transaction.signposts.put(group, place, content)
    standing = transaction.signposts.of_group(group)
    for place, one in plan.operations:
        transaction.journal.add(one)
        if place not in standing:
            # It is known from before the first request, so that whatever becomes of it can be taken away again.
            transaction.signposts.put(group, place, None)
