"""Sending: journal before the wire, one request at a time, and every answer written down with what it means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import structlog
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exception

from bridge.connect.port import Connector
from bridge.engine.connections import Connections
from bridge.engine.guards.publicity import Publicity
from bridge.engine.guards.recheck import Refusal, look_again
from bridge.engine.keys import Keys
from bridge.engine.letters import describe
from bridge.engine.patience import FIRST_S, KEEPS_ORDER, SPOT_S, SPOT_TRIES, Next, Trial, Verdict, judge, spot_wait_s
from bridge.engine.route import Route
from bridge.engine.sending.confirm import confirm, leave_as_it_is
from bridge.engine.sending.race import ROOM, told_by
from bridge.engine.texts.files import Carried, Carrier, Errand
from bridge.engine.texts.notes import is_note
from bridge.engine.texts.shown_files import with_files
from bridge.errors import RemoteError, TemporaryError
from bridge.model.document import digest
from bridge.model.marker import Marker
from bridge.model.operation import (
    CommentDraft,
    Hiding,
    Operation,
    OperationKind,
    OperationState,
    TicketChange,
    TicketDraft,
    Written,
)
from bridge.model.ports import Clock
from bridge.model.ticket import Person, Reading, Snapshot, TicketRef, Version
from bridge.model.words import PEOPLE_FIELDS, Audience, Side, Visibility
from bridge.store.hands import Hand
from bridge.store.ledger import Ledger

LEASE_S = 300.0
"""How long a hand holds its group without being renewed: longer than any one request may take."""
WRITTEN = "written"
"""The tag of a version that no feed row bears, so that the next row is looked at."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """Where operations of one group go on one side. `ref` is None before the issue exists."""

    hand: Hand
    route: Route
    side: Side
    source: TicketRef
    ref: TicketRef | None
    key: str
    snapshot: Snapshot | None
    other: TicketRef | None = None
    """The ticket on the other side."""


UNASKED_S = 30.0
"""How soon a site is asked again who can read there, when it would not say."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a delivery ended: whether everything was confirmed, when to look again, and whether to read first.

    `news`: something was given up or overwritten, of which people are told at the next look. `stops`: the site takes
    nothing for now.
    """

    done: bool
    due_at: datetime | None = None
    reread: bool = False
    news: bool = False
    stops: bool = False

    def and_then(self, later: Outcome) -> Outcome:
        """Both together."""
        due = [each.due_at for each in (self, later) if each.due_at is not None]
        return Outcome(
            done=self.done and later.done,
            due_at=min(due, default=None),
            reread=self.reread or later.reread,
            news=self.news or later.news,
            stops=self.stops or later.stops,
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sends the operations of groups that are in hand."""

    ledger: Ledger
    connections: Connections
    keys: Keys
    clock: Clock
    carrier: Carrier
    publicity: Publicity

    def send(self, target: Target, operations: list[Operation]) -> Outcome:
        """Send one side's operations in order. What fails holds only what depends on it, unless the failure says that
        the site takes nothing for now."""
        site = target.route.end(target.side).site
        connector = self.connections.to(site)
        if (unfit := self._unfit(target)) is not None:
            return unfit
        sent = Outcome(done=True)
        is_held = False
        for request in self._requests(operations, together=connector.capabilities.fields_with_comment):
            if is_held and any(is_mirror(one) for one in request):
                continue
            outcome = self._send_one(target, connector, request)
            sent = sent.and_then(outcome)
            if outcome.stops or outcome.reread:
                return sent
            # Comments keep their order while an earlier one only waits.
            is_held = is_held or (not outcome.done and any(map(self._holds, request)))
        return sent

    def _holds(self, one: Operation) -> bool:
        """Whether comments written after this one wait for it."""
        return is_mirror(one) and not is_late(one, self.clock.now())

    def _requests(self, operations: list[Operation], *, together: bool) -> Iterable[list[Operation]]:
        """Operations as requests: first what is taken back; a create alone; all field updates in one, with the first
        comment where that is possible; then each further comment, those last that keep failing; then edits."""
        now = self.clock.now()
        creates = [one for one in operations if one.kind is OperationKind.CREATE]
        updates = [one for one in operations if one.kind is OperationKind.UPDATE]
        comments = [one for one in operations if one.kind is OperationKind.COMMENT]
        comments.sort(key=lambda one: (one.attempts > 0 and is_late(one, now), one.order))
        changes = sorted((one for one in operations if one.kind in CHANGES), key=lambda one: one.order)
        yield from ([one] for one in changes if one.kind is OperationKind.HIDE)
        for one in creates:
            yield [one]
        if updates:
            # Fields do not wait for files.
            together = together and not any(one.payload.get("files") for one in comments[:1])
            with_comment, comments = (comments[:1], comments[1:]) if together else ([], comments)
            yield [*updates, *with_comment]
        for one in (*comments, *(one for one in changes if one.kind is OperationKind.EDIT)):
            yield [one]

    def _unfit(self, target: Target) -> Outcome | None:
        """Why nothing may be written at this side at all: anybody might read it there. None if all is well."""
        if target.side is not Side.TRACKER:
            return None
        try:
            if self.publicity.is_private(target.route):
                return None
        except RemoteError as error:
            log.warning("write.postponed", group=target.hand.group, error=str(error))
            wait_s = error.retry_after_s if isinstance(error, TemporaryError) else None
            return Outcome(done=False, due_at=self._in(wait_s or UNASKED_S), stops=True)
        return Outcome(done=False, due_at=self.clock.now(), stops=True)

    def _send_one(self, target: Target, connector: Connector, request: list[Operation]) -> Outcome:
        """One request: its files, the permit, the last look, and at once the request itself."""
        carried = self._carry(target, request)
        if isinstance(carried, Refusal):
            return self._put_off(target, carried)
        try:
            with connector.permit(_kind_of(request), target.ref):
                return self._send_permitted(target, connector, request, carried)
        except TemporaryError as error:
            # No permit in time: nothing was marked as being sent, and another case may use the wait.
            log.info("write.postponed", group=target.hand.group, error=str(error))
            return Outcome(done=False, due_at=self._in(error.retry_after_s or FIRST_S), stops=True)

    def _send_permitted(
        self,
        target: Target,
        connector: Connector,
        request: list[Operation],
        carried: tuple[Carried, ...] | TemporaryError,
    ) -> Outcome:
        request, number, refusal = self._journal(target, request)
        if refusal is not None:
            return self._put_off(target, refusal)
        if not request:
            return Outcome(done=True)
        try:
            if isinstance(carried, TemporaryError):
                raise carried
            written = self._write(target, connector, request, carried)
        except RemoteError as error:
            trial = Trial(max(one.attempts for one in request), len(request), request[0].kind)
            return self._follow(target, connector, request, number, error, judge(error, trial))
        return Outcome(done=True, news=self._confirm(target, connector, request, number, written))

    def _follow(
        self,
        target: Target,
        connector: Connector,
        request: list[Operation],
        number: int,
        error: RemoteError,
        verdict: Verdict,
    ) -> Outcome:
        """Write down what a failure means, and do what follows it."""
        if verdict.next is Next.UNKNOWN:
            # Counted from now, not from the start: reads and short waits may have come before the request itself.
            return self._unknown(target, request, number, error, horizon_at=self._in(verdict.after_s))
        if verdict.next is Next.BURY:
            self._bury(target, request, number, error)
            return Outcome(done=True, news=True)
        due_at = self._in(verdict.after_s) if verdict.next is Next.WAIT else None
        self._back_to_plan(target, request, number, error, due_at=due_at)
        if verdict.next is not Next.DIVIDE:
            return Outcome(done=False, due_at=due_at, reread=verdict.next is Next.REREAD, stops=verdict.stops)
        divided = Outcome(done=True)
        for one in request:
            outcome = self._send_one(target, connector, [one])
            divided = divided.and_then(outcome)
            if outcome.stops or outcome.reread:
                break
        return divided

    def _put_off(self, target: Target, refusal: Refusal) -> Outcome:
        """What was planned does not hold now: read and plan anew, at once or later."""
        log.info("write.refused_at_sending", group=target.hand.group, why=refusal.why)
        if refusal.wait_s is None:
            return Outcome(done=False, reread=True)
        return Outcome(done=False, due_at=self._in(refusal.wait_s))

    def _carry(self, target: Target, request: list[Operation]) -> tuple[Carried, ...] | TemporaryError | Refusal:
        """Carry the files of a request's comment over, before anything is marked: that may take minutes. They are looked
        at like the comment itself before they move, and it once more before it goes. What keeps them back for a while
        is handed on as the reason why the comment waits."""
        comment = next((one for one in request if one.payload.get("files")), None)
        if comment is None or target.ref is None or target.other is None:
            return ()
        with self.ledger.begin(target.hand) as transaction:
            refusal = look_again(transaction, target.hand, target.route, target.side, target.ref, request)
        if refusal is not None:
            return refusal
        errand = Errand(target.hand, target.route, target.side, target.ref, target.other, comment, LEASE_S)
        try:
            return self.carrier.carry(errand)
        except TemporaryError as error:
            return error

    def _journal(self, target: Target, request: list[Operation]) -> tuple[list[Operation], int, Refusal | None]:
        """Mark a request as being sent, in one transaction with the fence and the last look at what it rests on; what
        was cancelled meanwhile drops out."""
        settings = self.connections.settings[target.route.end(target.side).site]
        with self.ledger.begin(target.hand) as transaction:
            transaction.hands.extend(target.hand, lease_s=LEASE_S)
            rows = (transaction.journal.get(one.key) for one in request)
            current = [row for row in rows if row is not None and row.state is OperationState.PLANNED]
            refusal = look_again(transaction, target.hand, target.route, target.side, target.ref, current)
            if refusal is not None:
                return [], 0, refusal
            for one in current:
                if one.kind is OperationKind.CREATE and "after_key" not in one.payload:
                    payload = {**one.payload, "after_key": self.keys.highest(target.route.tracker)}
                    transaction.journal.freeze(one.key, payload)
            if not current:
                return [], 0, None
            # If this process ends now, nobody knows how far the tries got: each has its deadline and its short wait.
            longest_s = SPOT_TRIES * (settings.deadline_s + SPOT_S) + settings.processing_s
            horizon_at = transaction.now + timedelta(seconds=longest_s)
            number = transaction.journal.start_attempt(
                target.hand.group,
                settings.name,
                [one.key for one in current],
                fence=target.hand.fence,
                horizon_at=horizon_at,
            )
        return current, number, None

    def _write(
        self, target: Target, connector: Connector, request: list[Operation], carried: tuple[Carried, ...]
    ) -> Written:
        """Carry a request out. Only certain failures are tried again here, and only after a short wait; words for the
        customer never, because they may be taken back during the wait: they are read and judged anew."""
        with_words = (OperationKind.COMMENT, OperationKind.CREATE)
        tells = target.side is Side.HELPDESK and any(one.kind in with_words for one in request)
        retrying = Retrying(
            retry=retry_if_exception(lambda error: not tells and spot_wait_s(error) is not None),
            wait=wait_exception(lambda error: spot_wait_s(error) or 0.0),
            stop=stop_after_attempt(SPOT_TRIES),
            sleep=self.clock.sleep,
            reraise=True,
        )
        return retrying(self._write_once, target, connector, request, carried)

    @staticmethod
    def _write_once(
        target: Target, connector: Connector, request: list[Operation], carried: tuple[Carried, ...]
    ) -> Written:
        first = request[0]
        if first.kind is OperationKind.CREATE:
            return connector.create(_ticket_draft(target, first))
        assert target.ref is not None
        if first.kind is OperationKind.HIDE:
            return connector.hide_comment(target.ref, first.payload["copy"], Hiding(first.payload["how"]))
        if first.kind is OperationKind.EDIT:
            return connector.edit_comment(
                target.ref, first.payload["copy"], _comment_draft(target, connector, first, carried)
            )
        updates = [one for one in request if one.kind is OperationKind.UPDATE]
        comments = [one for one in request if one.kind is OperationKind.COMMENT]
        if not updates:
            return connector.comment(target.ref, target.key, _comment_draft(target, connector, comments[0], carried))
        return connector.update(
            TicketChange(
                ref=target.ref,
                key=target.key,
                fields={name: value for one in updates for name, value in one.payload["fields"].items()},
                prior={name: value for one in updates for name, value in one.payload["prior"].items()},
                comment=_comment_draft(target, connector, comments[0], carried) if comments else None,
                version=target.snapshot.version if target.snapshot else None,
            )
        )

    def _confirm(
        self, target: Target, connector: Connector, request: list[Operation], number: int, written: Written
    ) -> bool:
        """True if something was overwritten, of which people are told at the next look, or which is judged then."""
        ref = target.source if request[0].kind is OperationKind.CREATE else written.ref
        written = self._with_before(target, connector, request, written)
        with self.ledger.begin(target.hand) as transaction:
            news = [confirm(transaction, target.route, one, written, ref=ref, connector=connector) for one in request]
            transaction.journal.end_attempt(number, "confirmed")
            fields = {
                name: Reading.of((written.fields or {}).get(name, connector.normalise(name, value)))
                for one in request
                if one.kind is OperationKind.UPDATE
                for name, value in one.payload["fields"].items()
            }
            version = written.version
            if version and target.snapshot:
                # A tag of the reply would vouch for more than was laid over our reading (comments made meanwhile).
                plain = not version.tag and not written.comment_id
                version = Version(version.at, target.snapshot.version.tag if plain else WRITTEN)
            transaction.readings.patch(written.ref, fields, version)
        self.keys.saw(written.ref.site, written.key)
        return any(news)

    def _with_before(self, target: Target, connector: Connector, request: list[Operation], written: Written) -> Written:
        """With what the past of the ticket tells of the values that stood there, if the answer does not tell and people
        had room to change any since the reading."""
        fields = {
            name: value
            for one in request
            if one.kind is OperationKind.UPDATE
            for name, value in one.payload["fields"].items()
        }
        seen = target.snapshot
        if not fields or written.before is not None or seen is None or self.clock.now() - seen.read_at <= ROOM:
            return written
        try:
            return replace(written, before=told_by(connector.past(written.ref), fields))
        except RemoteError as error:
            # It is written, and that counts.
            log.info("past.failed", group=target.hand.group, error=str(error))
            return written

    def _unknown(
        self,
        target: Target,
        request: list[Operation],
        number: int,
        error: RemoteError,
        *,
        horizon_at: datetime,
    ) -> Outcome:
        with self.ledger.begin(target.hand) as transaction:
            keys = [one.key for one in request]
            transaction.journal.change(keys, state=OperationState.UNKNOWN, horizon_at=horizon_at, error=str(error))
            transaction.journal.end_attempt(number, "unknown", str(error))
        log.warning("write.unknown", group=target.hand.group, error=str(error))
        return Outcome(done=False, due_at=horizon_at, stops=True)

    def _back_to_plan(
        self,
        target: Target,
        request: list[Operation],
        number: int,
        error: RemoteError,
        *,
        due_at: datetime | None,
    ) -> None:
        """The request certainly had no effect: the operations are unsent again, until `due_at` if that is given."""
        with self.ledger.begin(target.hand) as transaction:
            keys = [one.key for one in request]
            transaction.journal.change(keys, state=OperationState.PLANNED, due_at=due_at, error=str(error))
            transaction.journal.end_attempt(number, "temporary", str(error))
        log.info("write.postponed", group=target.hand.group, error=str(error))

    def _bury(self, target: Target, request: list[Operation], number: int, error: RemoteError) -> None:
        with self.ledger.begin(target.hand) as transaction:
            named = [one for one in request if _names_somebody(one)]
            for one in named:
                leave_as_it_is(transaction, target.route, one, str(error))
            buried = [one for one in request if one not in named]
            for one in buried:
                letter = describe(one, error, route=target.route, key=target.key, snapshot=target.snapshot)
                transaction.journal.bury(one.key, error=str(error), letter=letter)
            transaction.journal.end_attempt(number, "refused", str(error))
            if buried:
                transaction.note("dead_letter", group=target.hand.group, error=str(error), field=error.field)
        log.error("write.refused", group=target.hand.group, error=str(error))

    def _in(self, seconds: float) -> datetime:
        return self.clock.now() + timedelta(seconds=seconds)


def _names_somebody(one: Operation) -> bool:
    """Whether an update only says who it is."""
    return one.kind is OperationKind.UPDATE and one.field_name in PEOPLE_FIELDS


def _kind_of(request: list[Operation]) -> OperationKind:
    """The kind of write a request begins with."""
    return min((one.kind for one in request), key=[*OperationKind].index)


CHANGES = (OperationKind.EDIT, OperationKind.HIDE)
"""What is done to a comment that stands."""


def is_mirror(one: Operation) -> bool:
    """Whether an operation copies what people said: such comments keep their order."""
    return one.kind is OperationKind.COMMENT and not is_note(one)


def is_late(one: Operation, now: datetime) -> bool:
    """Whether an operation has waited so long that nothing is held back for it any more."""
    return one.planned_at is not None and now - one.planned_at > KEEPS_ORDER


def _ticket_draft(target: Target, operation: Operation) -> TicketDraft:
    payload = operation.payload
    return TicketDraft(
        scope=target.route.end(target.side).scope,
        summary=payload["summary"],
        body=payload["body"],
        fields=payload["fields"],
        marker=_marker(operation),
        idempotency_key=_idempotency_key(operation),
        behalf_of=Person("", email=payload["requester"]) if "requester" in payload else None,
        follows=payload.get("follows", ""),
        visibility=Visibility(payload.get("visibility", Visibility.PUBLIC)),
    )


def _idempotency_key(operation: Operation) -> str:
    """A site that knows such keys refuses other words under the same one. What goes to a customer says at every try what
    may be said then; an issue's first words stay as they were."""
    if operation.side is Side.TRACKER:
        return operation.key
    return sha256(f"{operation.key}\n{digest(operation.payload['body'])}".encode()).hexdigest()[:40]


def _comment_draft(
    target: Target, connector: Connector, operation: Operation, carried: tuple[Carried, ...]
) -> CommentDraft:
    payload: Any = operation.payload
    body = payload["body"]
    if carried:
        route = target.route
        shown = with_files(body, carried, may_open=route.helpdesk.held_by is route.tracker.held_by)
        # A text that is full already goes without the lines; the files stand beside it all the same.
        fits = connector.measure(shown) <= connector.capabilities.text_limit
        body = shown if fits else with_files(body, [one for one in carried if one.copy], may_open=False)
    return CommentDraft(
        body=body,
        attachments=tuple(one.copy for one in carried if one.copy is not None),
        visibility=Visibility(payload["visibility"]),
        audience=Audience(payload["audience"]),
        marker=_marker(operation),
    )


def _marker(operation: Operation) -> Marker:
    assert operation.marker is not None
    return operation.marker
