"""What a confirmed write leaves in the ledger: outcome, remote id, link row, both bases and the reading, at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bridge.connect.port import Connector
from bridge.engine.life.joining import join
from bridge.engine.people.reasons import LOST_VALUE, MERGED, goes_on, lost_value
from bridge.engine.route import Route
from bridge.engine.sending.race import confirm_restored, hand_over, overwritten
from bridge.engine.state import issue_name
from bridge.engine.texts.notes import PREFIX, is_note, is_solved
from bridge.engine.texts.opening import is_opening
from bridge.engine.texts.threads import TICKET_ITEM
from bridge.engine.values.fields import RESTORES
from bridge.mapping import Lens
from bridge.model import document as rich
from bridge.model.codec import encode
from bridge.model.operation import Operation, OperationKind, OperationState, Written
from bridge.model.ticket import Reading, TicketRef
from bridge.model.words import DESCRIPTION, SUMMARY, Side
from bridge.store.ledger import Transaction
from bridge.store.links import Fate, Item, Link

Normalise = Callable[[str, Any], Any]


def confirm_create(
    transaction: Transaction,
    route: Route,
    operation: Operation,
    written: Written,
    *,
    source: TicketRef,
    normalise: Normalise,
) -> None:
    """The issue exists: link it, and take what was sent as the agreement."""
    transaction.journal.change([operation.key], state=OperationState.CONFIRMED, remote_id=written.ref.id, error="")
    if transaction.links.get(operation.group) is None:
        transaction.links.add(
            Link(
                operation.group,
                route.name,
                source,
                written.ref,
                written.key,
                created=Side.TRACKER.value,
                generation=operation.marker.generation if operation.marker else 0,
            )
        )
    fields = dict(operation.payload["fields"])
    for name in operation.payload["carried"]:
        _move_created(transaction, route, operation, name=name, fields=fields, normalise=normalise)
    for name in set(route.policies) - set(operation.payload["carried"]):
        # What the create could not carry counts as agreed as it stood then; what changes later is news.
        lens = route.helpdesk.mapping.lenses.get(name)
        if lens is not None:
            natives = _readings_of(lens, operation.sources)
            transaction.links.move_base(operation.group, Side.HELPDESK, name, natives)
        lens = route.tracker.mapping.lenses.get(name)
        if (
            lens is not None
            and written.fields is not None
            and lens.natives
            and set(lens.natives) <= set(written.fields)
        ):
            # The answer shows the issue as it was made; a later reading may show what people did since.
            transaction.links.move_base(operation.group, Side.TRACKER, name, _readings_of(lens, written.fields))
    transaction.note("linked", group=operation.group, tracker=written.key)


def _move_created(
    transaction: Transaction,
    route: Route,
    operation: Operation,
    *,
    name: str,
    fields: Mapping[str, Any],
    normalise: Normalise,
) -> None:
    ends = {side: route.end(side).mapping.lenses[name] for side in Side if name in route.end(side).mapping.lenses}
    if len(ends) < 2:
        return
    native = ends[Side.TRACKER].natives[0]
    sent = dict(fields)
    if name == SUMMARY:
        sent[native] = operation.payload["summary"]
    elif name == DESCRIPTION:
        sent[native] = operation.payload["body"]
    target = {part: Reading.of(normalise(part, sent.get(part))) for part in ends[Side.TRACKER].natives}
    source = _readings_of(ends[Side.HELPDESK], operation.sources)
    transaction.links.move_base(operation.group, Side.HELPDESK, name, source)
    transaction.links.move_base(operation.group, Side.TRACKER, name, target)


def confirm_opening(
    transaction: Transaction,
    route: Route,
    operation: Operation,
    written: Written,
    *,
    source: TicketRef,
    normalise: Normalise,
) -> None:
    """The ticket of an issue exists: link the two. What the issue said when the ticket was planned counts as agreed; the
    ticket's side of that is what was sent, and for all else what it shows when it is read first."""
    transaction.journal.change([operation.key], state=OperationState.CONFIRMED, remote_id=written.ref.id, error="")
    payload, group = operation.payload, operation.group
    if transaction.links.get(group) is None:
        generation = operation.marker.generation if operation.marker else 0
        opened = opened_link(group, route, written.ref, source, payload["issue_key"], generation=generation)
        if payload["past_until"]:
            opened = replace(opened, past_until=datetime.fromisoformat(payload["past_until"]))
        if sharing := transaction.links.sharing(source):
            # Another case moved to the issue while the outcome was open: both share it from now on.
            join(transaction, {route.name: route}, opened, sharing[0], why="its ticket was made at the same time")
            return
        add_opened(transaction, opened)
    fields = {**payload["fields"]}
    for name in route.policies:
        lenses = {side: route.end(side).mapping.lenses.get(name) for side in Side}
        transaction.links.move_base(group, Side.TRACKER, name, _readings_of(lenses[Side.TRACKER], operation.sources))
        lens = lenses[Side.HELPDESK]
        if lens is not None and lens.natives and set(lens.natives) <= set(fields):
            sent = {part: Reading.of(normalise(part, fields[part])) for part in lens.natives}
            transaction.links.move_base(group, Side.HELPDESK, name, sent)


def opened_link(
    group: str, route: Route, ticket: TicketRef, issue: TicketRef, issue_key: str, *, generation: int
) -> Link:
    """The link of a ticket that bridge made for an issue."""
    created = Side.HELPDESK.value
    return Link(group, route.name, ticket, issue, issue_key, created=created, generation=generation)


def add_opened(transaction: Transaction, link: Link) -> None:
    """Record such a link, and that the issue need not be told of its ticket's first message."""
    transaction.links.add(link)
    item = f"{TICKET_ITEM}{link.helpdesk.id}"
    transaction.links.put_item(link.group, Item(Side.HELPDESK, item, 1, Fate.SENT, "", reason="made by bridge itself"))
    transaction.note("linked", group=link.group, tracker=link.tracker_key, ticket=str(link.helpdesk))


def confirm_follow_up(transaction: Transaction, operation: Operation, written: Written) -> None:
    """A ticket follows the closed one, and carries the text that came too late for it: the case goes on there."""
    journal, links, group = transaction.journal, transaction.links, operation.group
    journal.change([operation.key], state=OperationState.CONFIRMED, remote_id=written.ref.id, error="")
    link, carried = links.get(group), journal.get(operation.payload["carries"])
    item = f"{TICKET_ITEM}{written.ref.id}"
    if carried is not None:
        confirm_comment(transaction, carried, item, reads="")
    links.put_item(group, Item(Side.HELPDESK, item, 1, Fate.SENT, "", operation.key, reason="made by bridge itself"))
    if link is not None and link.helpdesk != written.ref:
        words = goes_on(f"#{link.helpdesk.id}", written.ref, "was closed, so the answer went out as")
        transaction.notices.record(group, MERGED, written.ref.id, words)
        links.replace(replace(link, helpdesk=written.ref))
    for name in (SUMMARY, DESCRIPTION):
        links.drop_base(group, name)
    transaction.note("followed_up", group=group, ticket=str(written.ref))


def confirm_update(
    transaction: Transaction,
    route: Route,
    operation: Operation,
    written: Written,
    *,
    ref: TicketRef,
    normalise: Normalise,
) -> bool:
    """The field stands as sent: source := what it was planned from, target := what was read back. Unless it took the
    place of what somebody set meanwhile: see `race`. True if people have to be told, or the table asked once more."""
    if RESTORES in operation.payload:
        confirm_restored(transaction, route, operation)
        return True
    stood = overwritten(transaction, route, operation, written.before)
    if stood and len(transaction.hands.seats(transaction.hands.lead_of(operation.group))) < 2:
        hand_over(transaction, route, operation, stood)
        return True
    if stood:
        # Several tickets have a say here, and what they want together stands.
        lost = {**operation.payload, "prior": {**operation.payload["prior"], **stood}}
        operation = replace(operation, payload=lost, reason=f"lost {operation.field_name}")
    name, target = operation.field_name, operation.side
    lenses = {side: route.end(side).mapping.lenses.get(name) for side in Side}
    now = {**operation.payload["prior"], **_read_back(operation, written, normalise)}
    if "members" in operation.payload:
        _move_shared(transaction, operation, _readings_of(lenses[Side.TRACKER], now), ref=ref)
        lenses = {}
    for side, lens in lenses.items():
        if lens is not None:
            natives = now if side is target else operation.sources
            is_ours = side is target is Side.HELPDESK
            over = _readings_of(lens, operation.payload["prior"]) if is_ours else None
            transaction.links.move_base(operation.group, side, name, _readings_of(lens, natives), over=over)
    transaction.journal.change([operation.key], state=OperationState.CONFIRMED, remote_id=ref.id, error="")
    transaction.links.clear_conflict(operation.group, name)
    remember_loss(transaction, route, operation)
    return operation.reason.startswith("lost ")


def leave_as_it_is(transaction: Transaction, route: Route, operation: Operation, error: str) -> None:
    """A person was refused: nobody of that account is known there, or may be named. The two sides may differ until the
    source names somebody else; nobody is told of it but the audit trail, for it would be told at every change."""
    name, target = operation.field_name, operation.side
    for side, natives in ((target, operation.payload["prior"]), (target.other, operation.sources)):
        lens = route.end(side).mapping.lenses.get(name)
        if lens is not None:
            transaction.links.move_base(operation.group, side, name, _readings_of(lens, natives))
    transaction.journal.change([operation.key], state=OperationState.DISCARDED, error=error)
    transaction.note("not_named", group=operation.group, field=name, side=target.value, error=error)


def remember_loss(transaction: Transaction, route: Route, operation: Operation) -> None:
    """A confirmed update that overwrote somebody's edit: what was lost is kept, and the vendor's people are told."""
    if operation.kind is not OperationKind.UPDATE or not operation.reason.startswith("lost "):
        return
    transaction.note(
        "overwrote",
        group=operation.group,
        field=operation.field_name,
        side=operation.side.value,
        lost=encode(operation.payload["prior"]),
        written=encode(operation.payload["fields"]),
    )
    transaction.notices.record(operation.group, LOST_VALUE, operation.key, lost_value(route, operation))


def _move_shared(
    transaction: Transaction, operation: Operation, tracker: Mapping[str, Reading], *, ref: TicketRef
) -> None:
    """The issue stands as its tickets want it: its own base, what each ticket said, and who reads the same already."""
    name, links = operation.field_name, transaction.links
    links.move_base(issue_name(ref), Side.TRACKER, name, tracker)
    for group, natives in operation.payload["members"].items():
        links.move_base(group, Side.HELPDESK, name, {part: Reading.of(value) for part, value in natives.items()})
    for group in operation.payload["told"]:
        links.move_base(group, Side.TRACKER, name, tracker)


def _read_back(operation: Operation, written: Written, normalise: Normalise) -> dict[str, Any]:
    """The operation's own fields as the site shows them now: from its answer, else as it is known to trim them."""
    sent, prior = operation.payload["fields"], operation.payload["prior"]
    shown = written.fields or {}
    return {
        name: _our_part(normalise(name, value), shown[name], prior.get(name))
        if name in shown
        else normalise(name, value)
        for name, value in sent.items()
    }


def _our_part(sent: Any, shown: Any, prior: Any) -> Any:
    """What of an answer is our own write. Sites lay the members of a list over those that stand there: if all we added
    is among them, whatever else differs is other people's doing, and news."""
    wanted, stands = sent or [], shown or []
    if not isinstance(wanted, list) or not isinstance(stands, list):
        return shown
    return sent if all(one in stands for one in wanted if one not in (prior or ())) else shown


def confirm_comment(transaction: Transaction, operation: Operation, comment_id: str, *, reads: str) -> None:
    """The comment stands: remember its id, so that it is known as ours for ever, what it reads as (a digest), and that
    its files stand with it."""
    transaction.files.settle(operation.key)
    transaction.journal.change([operation.key], state=OperationState.CONFIRMED, remote_id=comment_id, error="")
    marker = operation.marker
    if marker is None:
        return
    if is_note(operation):
        topic = marker.kind.removeprefix(PREFIX)
        transaction.notices.posted(
            operation.group,
            topic,
            marker.item,
            side=operation.side,
            part=marker.part,
            comment=comment_id,
            told=not is_solved(operation.payload["body"]),
        )
        return
    source_side = operation.side.other
    known = transaction.links.items(operation.group).get((source_side, marker.item, marker.part))
    transaction.links.put_item(
        operation.group,
        Item(
            source_side,
            marker.item,
            marker.part,
            Fate.SENT,
            known.source_hash if known else "",
            operation.key,
            comment_id,
            known.reason if known else operation.reason,
            target_hash=reads,
        ),
    )


def confirm_edit(transaction: Transaction, operation: Operation) -> None:
    """The copy says what its source says: that is what was told last, and how the copy reads from now on. A note of ours
    is no copy of anything."""
    payload, part = operation.payload, operation.marker.part if operation.marker else 1
    transaction.journal.change([operation.key], state=OperationState.CONFIRMED, error="")
    if is_note(operation):
        return
    item = transaction.links.items(operation.group).get((operation.side.other, operation.item, part))
    if item is not None:
        transaction.links.put_item(
            operation.group,
            replace(
                item,
                source_hash=payload["source_hash"],
                visibility=payload["source_visibility"],
                target_hash=payload["target_hash"],
                foreign_hash="",
                version=(item.version or 0) + 1,
            ),
        )


def confirm_hide(transaction: Transaction, operation: Operation) -> None:
    """The copy is taken back."""
    transaction.journal.change([operation.key], state=OperationState.CONFIRMED, error="")
    transaction.note("hidden", group=operation.group, copy=operation.payload["copy"], how=str(operation.payload["how"]))


def confirm(
    transaction: Transaction,
    route: Route,
    operation: Operation,
    written: Written,
    *,
    ref: TicketRef,
    connector: Connector,
) -> bool:
    """Confirm an operation of any kind. `ref` is the ticket a create was made for, else the one written to. True if
    that asks for another look."""
    normalise = connector.normalise
    if is_opening(operation):
        confirm_opening(transaction, route, operation, written, source=ref, normalise=normalise)
    elif operation.kind is OperationKind.CREATE and operation.side is Side.HELPDESK:
        confirm_follow_up(transaction, operation, written)
    elif operation.kind is OperationKind.CREATE:
        confirm_create(transaction, route, operation, written, source=ref, normalise=normalise)
    elif operation.kind is OperationKind.UPDATE:
        return confirm_update(transaction, route, operation, written, ref=ref, normalise=normalise)
    elif operation.kind is OperationKind.EDIT:
        confirm_edit(transaction, operation)
    elif operation.kind is OperationKind.HIDE:
        confirm_hide(transaction, operation)
    else:
        reads = rich.digest(connector.shown(operation.payload["body"]))
        confirm_comment(transaction, operation, written.comment_id, reads=reads)
    return False


def _readings_of(lens: Lens | None, natives: Mapping[str, Any]) -> dict[str, Reading]:
    if lens is None:
        return {}
    return {name: Reading.of(natives[name]) for name in lens.natives if name in natives}
