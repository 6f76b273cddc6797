"""Putting tickets on one issue, and taking them off it again: changes of the ledger only, each in one transaction.

A group is the tickets whose links share an issue. One of them, the lead, bears the hand of all. What hangs on a link
(its bases, items, operations) stays under the link's own name; only what is known of the issue as such, the base that
reduced fields are compared with, is kept once for all, under the issue's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bridge.engine.route import Route
from bridge.engine.state import OLDER, issue_name
from bridge.engine.texts.updates import updates_before
from bridge.errors import LinkError
from bridge.model import document as rich
from bridge.model.operation import UNSENT, OperationKind, OperationState
from bridge.model.words import Side
from bridge.store.ledger import Transaction
from bridge.store.links import Fate, Item, Link

UNLINKED = "unlinked"
"""How the reason begins for which a ticket rests that was taken off its issue."""


def join(
    transaction: Transaction,
    routes: Mapping[str, Route],
    member: Link,
    issue: Link,
    *,
    why: str,
    by_person: bool = False,
) -> Link:
    """Put a ticket on another ticket's issue; the link it has now.

    `member` says which group, route and helpdesk ticket; what it says of an issue counts only for the audit trail.
    `issue` is any link of the issue. What was on its way to the ticket's former issue is cancelled; comments made there
    before stay there, and what was said at the shared issue before is not for the newcomer.

    Raises LinkError if the newcomer's route does not lead to the issue's site and part of it, or its own create is still
    in doubt.
    """
    known = transaction.links.get(member.group)
    if known is not None and known.tracker == issue.tracker:
        return known
    check_reach(transaction, routes, member, issue)
    _withdraw(transaction, member.group)
    if known is not None:
        _part(transaction, known)
    transaction.hands.want(member.group, member.route)
    lead = transaction.hands.lead_of(issue.group)
    if lead == issue.group:
        _found(transaction, issue)
    joined = Link(
        member.group,
        member.route,
        member.helpdesk,
        issue.tracker,
        issue.tracker_key,
        generation=transaction.hands.raise_generation(member.group) if known else member.generation,
    )
    transaction.links.drop_bases(member.group)
    transaction.links.replace(joined)
    _skip_older_comments(transaction, joined)
    _skip_older_fields(transaction, routes[member.route], joined)
    seats = [seat.group for seat in transaction.hands.seats(lead)] or [lead]
    transaction.hands.wake(member.group)
    transaction.hands.bind([*seats, member.group], lead)
    transaction.note(
        "joined", group=member.group, by_person=by_person, why=why, issue=issue.tracker_key, lead=lead,
        before=known.tracker_key if known else "",
    )  # fmt: skip
    return joined


def leave(transaction: Transaction, group: str, *, why: str, rest: bool = True, by_person: bool = False) -> None:
    """Take a ticket off its issue. With `rest` it then has none until somebody links it again; otherwise it is treated
    as a new one and gets an issue of its own. Neither side is changed.

    Raises LinkError if there is no link.
    """
    link = transaction.links.get(group)
    if link is None:
        raise LinkError(f"The ticket of {group} has no issue, so there is nothing to unlink.")
    _withdraw(transaction, group)
    _part(transaction, link)
    transaction.links.remove(group)
    transaction.links.drop_bases(group)
    transaction.hands.raise_generation(group)
    if rest:
        transaction.hands.suspend(group, f"{UNLINKED}: {why}")
    transaction.note("unlinked", group=group, by_person=by_person, why=why, issue=link.tracker_key)


def relink(
    transaction: Transaction,
    routes: Mapping[str, Route],
    member: Link,
    *,
    why: str,
    prefer_own: bool = False,
    by_person: bool = False,
) -> Link:
    """Link a ticket to the issue that `member` names, whatever it was linked to; joins it if the issue has a ticket.

    The generation is raised, so that nothing written for the former issue is taken for the new one's. Raises LinkError
    as `join` does.
    """
    sharing = [link for link in transaction.links.sharing(member.tracker) if link.group != member.group]
    if sharing:
        return join(transaction, routes, member, sharing[0], why=why, by_person=by_person)
    known = transaction.links.get(member.group)
    if known is not None and known.tracker == member.tracker:
        return known
    check_reach(transaction, routes, member, member)
    _withdraw(transaction, member.group)
    if known is not None:
        _part(transaction, known)
    transaction.hands.want(member.group, member.route)
    generation = transaction.hands.raise_generation(member.group)
    linked = replace(member, created=Side.TRACKER.value if prefer_own else "", generation=generation)
    transaction.links.drop_bases(member.group)
    transaction.links.replace(linked)
    transaction.hands.wake(member.group)
    transaction.note(
        "relinked", group=member.group, by_person=by_person, why=why, issue=member.tracker_key,
        before=known.tracker_key if known else "",
    )  # fmt: skip
    return linked


def check_reach(transaction: Transaction, routes: Mapping[str, Route], member: Link, issue: Link) -> None:
    """Whether the member's route leads to where the issue is: the same site, and the same part of it."""
    route = routes.get(member.route)
    if route is None:
        raise LinkError(f"There is no route {member.route}, so {member.helpdesk} cannot be linked.")
    if route.tracker.site != issue.tracker.site:
        raise LinkError(
            f"{member.helpdesk} cannot share {issue.tracker_key}: its route {route.name} leads to "
            f"{route.tracker.site}, the issue is at {issue.tracker.site}."
        )
    snapshot = transaction.readings.get(issue.tracker)
    if snapshot is not None and not is_in_scope(snapshot.scope, route.tracker.scope):
        raise LinkError(
            f"{member.helpdesk} cannot share {issue.tracker_key}: it is outside what route {route.name} leads to "
            f"({', '.join(f'{name} {value}' for name, value in route.tracker.scope.items())})."
        )


def is_in_scope(stands_in: Mapping[str, str], scope: Mapping[str, str]) -> bool:
    """Whether a ticket stands in the part of a site that a route names; what the ticket does not tell is not asked."""
    return all(stands_in[name] == wanted for name, wanted in scope.items() if name in stands_in)


def _withdraw(transaction: Transaction, group: str) -> None:
    """Take back what is on its way to the present issue. A comment in doubt is asked for, and sent if need be, at the
    next one."""
    open_ = transaction.journal.of_group(group)
    if any(one.kind is OperationKind.CREATE and one.state not in UNSENT | {OperationState.DEAD} for one in open_):
        raise LinkError(f"Whether an issue was created for {group} is not known yet; try again in a few minutes.")
    unsent = [one.key for one in open_ if one.state in UNSENT or one.kind is OperationKind.CREATE]
    transaction.journal.change(unsent, state=OperationState.CANCELLED)
    doubtful = [one.key for one in open_ if one.kind is OperationKind.UPDATE and one.side is Side.TRACKER]
    transaction.journal.change(
        [key for key in doubtful if key not in unsent], state=OperationState.VOID, error="the issue was exchanged"
    )
    for one in open_:
        if one.kind is OperationKind.COMMENT and one.state in UNSENT and one.marker is not None:
            item = transaction.links.items(group).get((one.side.other, one.marker.item, one.marker.part))
            if item is not None and not item.target_id:
                transaction.links.drop_item(group, item)


def _found(transaction: Transaction, first: Link) -> None:
    """The issue of a single link becomes a shared one: what that link agreed on is the issue's base from now on."""
    name = issue_name(first.tracker)
    transaction.links.drop_bases(name)
    for field, native in transaction.links.bases(first.group)[Side.TRACKER].items():
        transaction.links.move_base(name, Side.TRACKER, field, native)


def _part(transaction: Transaction, link: Link) -> None:
    """Take a link out of its group, if it shares one. The last that stays has an issue of its own again."""
    lead = transaction.hands.lead_of(link.group)
    seats = [seat.group for seat in transaction.hands.seats(lead)]
    if len(seats) < 2:
        return
    transaction.hands.bind([link.group], "")
    staying = [each.group for each in transaction.links.sharing(link.tracker) if each.group in seats]
    staying = [group for group in staying if group != link.group]
    if len(staying) == 1:
        shared = transaction.links.bases(issue_name(link.tracker))[Side.TRACKER]
        for field, native in shared.items():
            transaction.links.move_base(staying[0], Side.TRACKER, field, native)
        transaction.links.drop_bases(issue_name(link.tracker))
        transaction.hands.bind(staying, "")
    elif lead == link.group:
        transaction.hands.bind(staying, staying[0])
        _withdraw_shared(transaction, link.group)


def _withdraw_shared(transaction: Transaction, group: str) -> None:
    """The lead leaves: what the group wants of the issue is planned anew by the next one."""
    for one in transaction.journal.of_group(group):
        if one.side is Side.TRACKER and one.kind is OperationKind.UPDATE and one.state in UNSENT:
            transaction.journal.change([one.key], state=OperationState.CANCELLED)


def _skip_older_fields(transaction: Transaction, route: Route, link: Link) -> None:
    """What stands in a field was written for those who were there. A release of a version is news to everybody, and
    commands are judged with the comments they stand in."""
    snapshot = transaction.readings.get(link.tracker)
    for item in updates_before(route, snapshot) if snapshot is not None else ():
        if ":field:" in item.source_id:
            transaction.links.put_item(link.group, item)


def _skip_older_comments(transaction: Transaction, link: Link) -> None:
    snapshot = transaction.readings.get(link.tracker)
    for comment in snapshot.thread.comments if snapshot and snapshot.thread else ():
        if not comment.author.ours:
            item = Item(
                Side.TRACKER,
                comment.id,
                1,
                Fate.SKIPPED,
                rich.digest(comment.body),
                reason=f"{OLDER}, {link.generation}",
            )
            transaction.links.put_item(link.group, item)
