"""A ticket takes another one's place: it was merged into it, or it follows a closed one. Changes of the ledger only.

The case keeps its name, its issue and everything decided about it; only which helpdesk ticket it is about changes. So
what the customer says in the survivor reaches the issue that was there first, and nothing is made or closed for it.
"""

from __future__ import annotations

from dataclasses import replace

from bridge.engine.life.joining import leave
from bridge.engine.people import reasons
from bridge.engine.state import GroupState, group_of
from bridge.model.operation import UNSENT, OperationKind, OperationState
from bridge.model.ticket import Life, Snapshot, TicketRef
from bridge.model.words import DESCRIPTION, SUMMARY, FollowUp, Mode, Side
from bridge.store.ledger import Transaction
from bridge.store.links import Link

ELSEWHERE = "its case is "
"""How the reason begins for which a ticket has no case of its own; the case's name follows."""


def succeed(transaction: Transaction, state: GroupState, *, waits: bool) -> bool:
    """Follow a merge or a follow-up that the newest reading shows. True if it changed what this group is about.

    `waits`: a merged ticket still has words for its issue, which are told first, for the survivor does not say them.
    """
    source = state.snapshots.get(Side.HELPDESK)
    if source is None or state.route.mode is Mode.OBSERVE:
        return False
    if state.link is not None and source.merged_into:
        return _merge(transaction, state, state.link, source, waits=waits)
    if state.link is None and state.former is not None and source.life is Life.ALIVE:
        return _follow_up(transaction, state, state.former, source)
    return False


def _merge(transaction: Transaction, state: GroupState, link: Link, source: Snapshot, *, waits: bool) -> bool:
    survivor = TicketRef(source.ref.site, source.merged_into)
    if survivor == link.helpdesk or waits:
        return False
    own = transaction.links.find([survivor]).get(survivor)
    if own is None:
        return _move(transaction, link, source.key, survivor, why="was merged into")
    survivor, own = _last_of(transaction, survivor, own)
    if own.tracker == link.tracker:
        leave(transaction, link.group, why=f"{source.key} was merged into #{survivor.id}")
        return True
    known = transaction.notices.of_group(link.group)
    if (reasons.MERGED, survivor.id) not in known:
        # Both issues stand: each says which one goes on. Nothing is closed for it.
        words = reasons.merged_away(source, survivor, own.tracker_key)
        transaction.notices.record(link.group, reasons.MERGED, survivor.id, words)
        words = reasons.merged_here(source, link.tracker_key)
        transaction.notices.record(own.group, reasons.MERGED, source.ref.id, words)
        # Tickets that were merged into this one before lead on, too: their issues name the last one as well.
        earlier = [TicketRef(source.ref.site, ident) for topic, ident in known if topic == reasons.MERGED]
        for one in {each.group: each for each in (link, own, *transaction.links.find(earlier).values())}.values():
            transaction.hands.want(one.group, one.route)
        transaction.note("duplicate", group=link.group, of=own.group, issue=link.tracker_key, survivor=own.tracker_key)
        return True
    return False


def _last_of(transaction: Transaction, survivor: TicketRef, own: Link) -> tuple[TicketRef, Link]:
    """Where a chain of merges ends, among tickets that have an issue of their own."""
    seen = {survivor}
    while (reading := transaction.readings.get(survivor)) is not None and reading.merged_into:
        further = TicketRef(survivor.site, reading.merged_into)
        link = transaction.links.find([further]).get(further)
        if link is None or further in seen:
            break
        seen.add(further)
        survivor, own = further, link
    return survivor, own


def _follow_up(transaction: Transaction, state: GroupState, former: Link, source: Snapshot) -> bool:
    """Let the closed ticket's case go on in the new one, where the route wants that and its issue is still there."""
    if former.helpdesk == source.ref:
        return False
    rests = dict(transaction.hands.suspensions()).get(former.group)
    if state.route.follow_up is not FollowUp.REOPEN or former.route != state.route.name or rests:
        return False
    if source.marker is not None and transaction.journal.get(source.marker.mac) is not None:
        # Its creation stands in the journal with its outcome open: recovery links it.
        return False
    return _move(transaction, former, f"#{source.follows}", source.ref, why="was closed and is followed by")


def _move(transaction: Transaction, link: Link, former: str, to: TicketRef, *, why: str) -> bool:
    """Let a case be about another helpdesk ticket. False if that ticket's own issue is being made this moment."""
    group = group_of(link.route, to)
    mine = [one for one in transaction.journal.of_group(group) if one.kind is OperationKind.CREATE]
    if any(one.state not in UNSENT | {OperationState.DEAD} for one in mine):
        return False
    transaction.journal.change([one.key for one in mine], state=OperationState.CANCELLED)
    transaction.links.replace(replace(link, helpdesk=to))
    for field in (SUMMARY, DESCRIPTION):
        # The issue keeps its own words; the rest of what the new ticket says is news to it.
        transaction.links.drop_base(link.group, field)
    transaction.readings.assign(to, link.group)
    if group != link.group:
        transaction.hands.suspend(group, f"{ELSEWHERE}{link.group}")
    transaction.notices.record(link.group, reasons.MERGED, to.id, reasons.goes_on(former, to, why))
    transaction.hands.wake(link.group)
    transaction.hands.disturb(link.group)
    transaction.note("succeeded", group=link.group, former=former, ticket=str(to), why=why)
    return True
