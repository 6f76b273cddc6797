"""Finding out what became of creates and comments whose outcome is unknown, before anything else is sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bridge.engine.connections import Connections
from bridge.engine.keys import Keys
from bridge.engine.sending.confirm import confirm
from bridge.engine.state import GroupState, source_of
from bridge.engine.texts.notes import PREFIX, is_note, is_solved
from bridge.errors import RemoteError, TemporaryError
from bridge.model.marker import Marker
from bridge.model.operation import CannotTell, Found, Operation, OperationKind, OperationState, Probe
from bridge.model.ticket import Comment
from bridge.model.words import Side
from bridge.store.ledger import Ledger, Transaction

CLOCKS_APART = timedelta(minutes=1)
"""How far a site's clock and ours may be apart when a ticket is taken for older than this process."""
AGAIN_S = 5.0
"""How long to wait before asking again when the question itself failed."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """Settles creates and comments in doubt by the marker they would have left."""

    ledger: Ledger
    connections: Connections
    keys: Keys
    opened_at: datetime | None = None
    """When this process took over; None where nothing can bear a marker of ours yet, because its key was made just now."""
    doubted: set[str] = field(default_factory=set)
    """What this process has looked for already though the ledger takes it for unsent."""

    def settle(self, state: GroupState) -> datetime | None:
        """Settle what can be settled now. When to come back if something is still in doubt, else None."""
        waits = [
            self._settle_one(state, one)
            for kind in (OperationKind.CREATE, OperationKind.COMMENT)
            for one in state.in_doubt(kind)
        ]
        later = [wait for wait in waits if wait is not None]
        return min(later) if later else None

    def _settle_one(self, state: GroupState, one: Operation) -> datetime | None:
        if one.horizon_at is not None and one.horizon_at > state.now:
            return one.horizon_at
        end = state.route.end(one.side)
        connector = self.connections.to(end.site)
        assert one.marker is not None
        probe = Probe(
            kind=one.kind,
            marker=one.marker,
            ref=None if one.kind is OperationKind.CREATE else state.ref(one.side),
            scope=end.scope,
            after_key=str(one.payload.get("after_key", "")) if one.sent_at else self.keys.at_opening(end),
            sent_at=one.sent_at,
            until=self.opened_at,
        )
        try:
            finding = connector.find(probe)
        except TemporaryError as error:
            return _later(state.now, error.retry_after_s or AGAIN_S)
        except RemoteError as error:
            with self.ledger.begin(state.hand) as transaction:
                transaction.journal.change([one.key], state=OperationState.UNKNOWN, error=str(error))
            return _later(state.now, AGAIN_S * 12)
        if isinstance(finding, CannotTell):
            return finding.until if finding.until > state.now else _later(state.now, AGAIN_S)
        with self.ledger.begin(state.hand) as transaction:
            if isinstance(finding, Found):
                ref = state.source_ref if one.kind is OperationKind.CREATE else finding.written.ref
                # What it shows now is no answer to what was sent: people may have been faster.
                written = replace(finding.written, fields=None)
                if one.kind is OperationKind.COMMENT and one.sent_at is None and not is_note(one):
                    # This ledger never sent it: with which words it stands, nobody wrote down.
                    _take_up(transaction, state, one.side, one.marker, written.comment_id)
                else:
                    confirm(transaction, state.route, one, written, ref=ref, connector=connector)
                self.keys.saw(end.site, finding.written.key)
            else:
                transaction.journal.change([one.key], state=OperationState.PLANNED)
        return None

    def doubt(self, state: GroupState, operations: list[Operation]) -> bool:
        """Put in doubt what may stand already, because the ledger was lost or is an old copy: issues of tickets that are
        older than this process, and comments where the other side holds comments of our own account that the ledger
        does not know. Each is looked for before it is sent. True if any was put in doubt."""
        strange = {side for side in Side if _has_unknown_own_comment(state, side)}
        fresh = [
            one
            for one in operations
            if one.state is OperationState.PLANNED
            and not self._is_looked_for(one)
            # Whatever changes something that stands is settled by reading it, and bears no marker to be found by.
            and one.kind in (OperationKind.CREATE, OperationKind.COMMENT)
            and (self._is_old(state) if one.kind is OperationKind.CREATE else one.side in strange)
        ]
        if fresh:
            with self.ledger.begin(state.hand) as transaction:
                keys = [one.key for one in fresh]
                # Whatever was sent under these keys before, this ledger does not know what stands there now.
                transaction.journal.change(keys, state=OperationState.UNKNOWN, horizon_at=transaction.now, sent_at=None)
            self.doubted.update(keys)
        return bool(fresh)

    def _is_looked_for(self, one: Operation) -> bool:
        """Whether this process knows already that an unsent operation does not stand: it looked, or sent it in vain."""
        is_tried = one.sent_at is not None and self.opened_at is not None and one.sent_at >= self.opened_at
        return is_tried or one.key in self.doubted

    def _is_old(self, state: GroupState) -> bool:
        """Whether an earlier process may have made this group's issue, or its ticket, already."""
        source = state.snapshots.get(state.source_side)
        return self.opened_at is not None and source is not None and source.created_at < self.opened_at + CLOCKS_APART

    def adopt(self, state: GroupState) -> bool:
        """Take up what bears our marker and is not known to stand: comments of ours on the other side that the ledger
        forgot, or still takes for unsent, as an old copy of it does. True if anything was adopted.
        """
        adopted = False
        for side in Side:
            snapshot = state.snapshots.get(side)
            comments = snapshot.thread.comments if snapshot and snapshot.thread else ()
            for comment in comments:
                marker = comment.marker
                if not comment.author.ours or marker is None or not _is_from(state, side, marker):
                    continue
                if marker.kind.startswith(PREFIX):
                    adopted |= self._adopt_note(state, side, marker, comment)
                    continue
                known = state.items.get((side.other, marker.item, marker.part))
                if known is not None and known.target_id:
                    continue
                with self.ledger.begin(state.hand) as transaction:
                    _take_up(transaction, state, side, marker, comment.id)
                adopted = True
        return adopted

    def _adopt_note(self, state: GroupState, side: Side, marker: Marker, comment: Comment) -> bool:
        """Take up a note of ours that the ledger forgot, so that it is neither written again nor mirrored."""
        topic = marker.kind.removeprefix(PREFIX)
        known = state.notices.get((topic, marker.item))
        if known is not None and comment.id in known.comments:
            return False
        with self.ledger.begin(state.hand) as transaction:
            transaction.notices.posted(
                state.hand.group,
                topic,
                marker.item,
                side=side,
                part=marker.part,
                comment=comment.id,
                told=not is_solved(comment.body),
            )
            # A row of the journal may still hold it for unsent: it stands.
            transaction.journal.settle(marker.mac, remote_id=comment.id)
        return True


def _take_up(transaction: Transaction, state: GroupState, side: Side, marker: Marker, comment: str) -> None:
    """Record a copy on `side` as standing, whatever it says: its words are compared with its source's later."""
    transaction.links.adopt_item(state.hand.group, side.other, marker, comment)
    transaction.journal.settle(marker.mac, remote_id=comment)
    transaction.files.settle(marker.mac)


def _is_from(state: GroupState, side: Side, marker: Marker) -> bool:
    """Whether a copy at the tracker is of this ticket: an issue of several bears copies of them all."""
    return side is Side.HELPDESK or marker.source in (str(state.source_ref), str(source_of(state.hand.group)))


def _has_unknown_own_comment(state: GroupState, side: Side) -> bool:
    """Whether a side shows a comment by our own account that no item accounts for and no marker explains."""
    snapshot = state.snapshots.get(side)
    sharing = state.members if side is Side.TRACKER else (state,)
    known = {item.target_id for one in sharing for item in one.items.values() if item.side is side.other}
    known |= {comment for one in sharing for notice in one.notices.values() for comment in notice.comments}
    return any(
        comment.author.ours and comment.marker is None and comment.id not in known
        for comment in (snapshot.thread.comments if snapshot and snapshot.thread else ())
    )


def _later(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)
