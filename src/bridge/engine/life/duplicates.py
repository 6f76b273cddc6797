"""An issue that was closed as a duplicate of another: its tickets go on at the one that stays open. Changes of the ledger
only; neither issue is closed, and no ticket.

Two steps, so that both issues say what became of the case: first the one that is left is told, and nothing else crosses;
then its tickets move. Where the other issue is not one that their route leads to, only a note says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bridge.engine.life.joining import check_reach, relink
from bridge.engine.people import reasons
from bridge.engine.people.reasons import DUPLICATE, DUPLICATE_ELSEWHERE, DUPLICATE_HERE
from bridge.engine.route import Route
from bridge.engine.state import GroupState
from bridge.engine.texts.notes import is_note
from bridge.engine.texts.updates import updates_before
from bridge.errors import LinkError
from bridge.model.operation import OPEN
from bridge.model.ticket import Life, Snapshot, TicketRef
from bridge.model.words import Mode, Side
from bridge.store.ledger import Transaction
from bridge.store.links import Link

_LONGEST_CHAIN = 20


def duplicate_of(state: GroupState) -> TicketRef | None:
    """The issue of which this case's is a closed duplicate, None if it is none."""
    issue = state.snapshots.get(Side.TRACKER)
    if issue is None or state.link is None or not issue.duplicate_of or state.route.mode is Mode.OBSERVE:
        return None
    return TicketRef(issue.ref.site, issue.duplicate_of)


def unread(transaction: Transaction, state: GroupState) -> list[TicketRef]:
    """Issues on the way to the one that stays which were never read, so that nothing can be decided yet."""
    first = duplicate_of(state)
    if first is None or any(topic == DUPLICATE_ELSEWHERE for topic, _id in state.notices):
        return []
    last, known = _end_of(transaction, first)
    return [last] if known is None else []


def follow(transaction: Transaction, routes: Mapping[str, Route], state: GroupState, *, can_note: bool) -> bool:
    """Let a case go on at the issue that its own is a duplicate of. True if it moved.

    `can_note`: the issue that is left takes notes, and is told first.
    """
    first, link = duplicate_of(state), state.link
    if first is None or link is None:
        for topic, ident in state.notices:
            if topic in (DUPLICATE, DUPLICATE_ELSEWHERE) and state.notices[topic, ident].stands:
                transaction.notices.solve(state.hand.group, topic, ident)
        return False
    last, survivor = _end_of(transaction, first)
    issue = state.snapshots[Side.TRACKER]
    if survivor is None or last == issue.ref or not _may_move(transaction, routes, link, survivor):
        words = reasons.duplicate_elsewhere(issue, survivor.key if survivor and last != issue.ref else "")
        if (DUPLICATE_ELSEWHERE, issue.ref.id) not in state.notices:
            transaction.notices.record(link.group, DUPLICATE_ELSEWHERE, issue.ref.id, words)
            transaction.note("duplicate_elsewhere", group=link.group, issue=link.tracker_key, of=str(last))
        return False
    if can_note and not _is_told(state, last):
        if (DUPLICATE, last.id) not in state.notices:
            words = reasons.duplicate_goes(issue, survivor.key)
            transaction.notices.record(link.group, DUPLICATE, last.id, words)
        return False
    try:
        _move(transaction, routes, link, issue, survivor)
    except LinkError:
        # A create in doubt, say: it is tried again at the next look.
        return False
    return True


def _is_told(state: GroupState, survivor: TicketRef) -> bool:
    """Whether the note on the issue that is left stands there, or will never do."""
    notice = state.notices.get((DUPLICATE, survivor.id))
    mine = [one for one in state.operations if is_note(one) and one.marker and one.marker.item == survivor.id]
    return notice is not None and notice.told is True and not any(one.state in OPEN for one in mine)


def _end_of(transaction: Transaction, ref: TicketRef) -> tuple[TicketRef, Snapshot | None]:
    """The issue at the end of a chain of duplicates, and its reading. One that leads back to itself ends where it
    began."""
    seen: set[TicketRef] = set()
    for _step in range(_LONGEST_CHAIN):
        snapshot = transaction.readings.get(ref)
        if snapshot is None or not snapshot.duplicate_of or ref in seen:
            return ref, None if ref in seen else snapshot
        seen.add(ref)
        ref = TicketRef(ref.site, snapshot.duplicate_of)
    return ref, None


def _may_move(transaction: Transaction, routes: Mapping[str, Route], link: Link, survivor: Snapshot) -> bool:
    if survivor.life is not Life.ALIVE:
        return False
    try:
        check_reach(transaction, routes, link, replace(link, tracker=survivor.ref, tracker_key=survivor.key))
    except LinkError:
        return False
    return True


def _move(
    transaction: Transaction, routes: Mapping[str, Route], link: Link, issue: Snapshot, survivor: Snapshot
) -> None:
    comments = survivor.thread.comments if survivor.thread else ()
    past_until = max((one.created_at for one in comments), default=None)
    member = replace(
        link,
        tracker=survivor.ref,
        tracker_key=survivor.key,
        created="",
        prefer=Side.TRACKER.value,
        past_until=past_until,
        linked_at=None,
    )
    relink(transaction, routes, member, why=f"{issue.key} was closed as a duplicate of {survivor.key}")
    for item in updates_before(routes[link.route], survivor):
        transaction.links.put_item(link.group, item)
    for topic in (DUPLICATE, DUPLICATE_ELSEWHERE):
        transaction.notices.drop(link.group, topic, survivor.ref.id)
    transaction.notices.record(link.group, DUPLICATE_HERE, issue.ref.id, reasons.duplicate_came(issue))
    transaction.readings.assign(survivor.ref, link.group)
    transaction.hands.disturb(link.group)
