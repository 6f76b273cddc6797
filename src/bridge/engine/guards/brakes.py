"""When brakes close: counted in the transaction that would mark a request as being sent, so that the one too many is
never sent. What was done before a person released a brake does not count towards it again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog

from bridge.engine.route import Route
from bridge.engine.texts.notes import is_note
from bridge.engine.texts.opening import is_opening
from bridge.model.brake import Brake, BrakeKind, Threshold
from bridge.model.operation import Operation, OperationKind
from bridge.model.words import Side
from bridge.store.ledger import Transaction

log = structlog.get_logger(__name__)


def close(transaction: Transaction, brake: Brake) -> Brake:
    """Close a brake, and say so in the log and the audit trail."""
    transaction.brakes.put(brake)
    if brake.group:
        # Looked at once more, because the vendor's people are told of it.
        transaction.hands.want(brake.group, brake.route)
    transaction.note(
        "brake_closed", group=brake.group, route=brake.route, kind=brake.kind.value, field=brake.field, why=brake.why
    )
    log.error(
        "brake.closed", route=brake.route, kind=brake.kind.value, group=brake.group, field=brake.field, why=brake.why
    )
    return brake


def stops(brake: Brake, operation: Operation) -> bool:
    """Whether a standing brake of this case or route is about this operation. Notes pass: they tell of brakes."""
    if is_note(operation):
        return False
    if brake.kind is BrakeKind.OSCILLATION:
        return operation.kind is OperationKind.UPDATE and operation.field_name == brake.field
    if brake.kind is BrakeKind.MAIL_LOOP:
        return operation.kind is OperationKind.COMMENT and operation.side is Side.HELPDESK
    return True


def check_brakes(transaction: Transaction, route: Route, group: str, operations: Iterable[Operation]) -> Brake | None:
    """The brake that keeps these operations from being sent now: one that stands, or one they close. None: go on."""
    about = [one for one in operations if not is_note(one)]
    for standing in transaction.brakes.standing(route.name, group):
        if any(stops(standing, one) for one in about):
            return standing
    for one in about:
        if one.kind is OperationKind.UPDATE and (brake := _oscillation(transaction, route, one)):
            return brake
        if (
            one.kind is OperationKind.COMMENT
            and one.side is Side.HELPDESK
            and (brake := _loop(transaction, route, one))
        ):
            return brake
        if brake := _mass(transaction, route, one):
            return brake
    return None


def _since(transaction: Transaction, limit: Threshold, cleared_until: datetime | None) -> datetime:
    start = transaction.now - limit.within
    return max(start, cleared_until) if cleared_until else start


def _oscillation(transaction: Transaction, route: Route, one: Operation) -> Brake | None:
    """The very same value sent to the very same side again and again: somebody or something keeps putting it back."""
    limit = route.brakes.oscillation
    cleared = transaction.brakes.clear_until(route.name, BrakeKind.OSCILLATION, one.group, one.field_name)
    since = _since(transaction, limit, cleared)
    sent = transaction.journal.sent_values(one.group, one.side, one.field_name, since=since)
    wanted = dict(one.payload["fields"])
    times = sum(1 for payload in sent if dict(payload["fields"]) == wanted)
    if times < limit.after:
        return None
    site, other = route.end(one.side).site, route.end(one.side.other).site
    why = (
        f"{one.field_name} was set to the same value at {site} {times} times and put back there each time, while "
        f"{other} wants it so; whoever puts it back has to stop, or the field needs another owner"
    )
    return close(transaction, Brake(route.name, BrakeKind.OSCILLATION, why, one.group, one.field_name))


def _loop(transaction: Transaction, route: Route, one: Operation) -> Brake | None:
    """Too many texts to one customer in one case: two machines may be answering each other."""
    limit = route.brakes.mail_loop
    cleared = transaction.brakes.clear_until(route.name, BrakeKind.MAIL_LOOP, one.group)
    times = transaction.journal.count_texts(one.group, Side.HELPDESK, since=_since(transaction, limit, cleared))
    if times < limit.after:
        return None
    why = f"{times} texts went to the customer in this case within {limit.within}; two machines may answer each other"
    return close(transaction, Brake(route.name, BrakeKind.MAIL_LOOP, why, one.group))


def _mass(transaction: Transaction, route: Route, one: Operation) -> Brake | None:
    subject = _subject(one)
    limit = route.brakes.mass_change
    if not subject:
        return None
    cleared = transaction.brakes.clear_until(route.name, BrakeKind.MASS_CHANGE)
    linked_at = transaction.brakes.linked_at(one.group)
    is_new = linked_at is None or transaction.now - linked_at <= limit.within
    if (cleared and transaction.now < cleared) or (is_new and one.kind is not OperationKind.CREATE):
        # A person looked at what is coming, or the case is new: a backlog that is taken up is no mass change. Tickets
        # that are made in a customer's helpdesk always are: each of them may be mailed to somebody.
        return None
    times = transaction.brakes.count(
        route.name, BrakeKind.MASS_CHANGE, subject, since=_since(transaction, limit, cleared)
    )
    if times <= limit.after:
        return None
    why = f"more than {limit.after} cases were to be changed within {limit.within}"
    return close(transaction, Brake(route.name, BrakeKind.MASS_CHANGE, why))


def _subject(one: Operation) -> str:
    """What counts once: a case, or what many cases have in common (a version released for all of them), or nothing."""
    if one.kind in (OperationKind.UPDATE, OperationKind.HIDE) or is_opening(one):
        return one.group
    if one.kind is OperationKind.COMMENT and one.side is Side.HELPDESK:
        _kind, _, cause = one.item.partition(":")
        return cause if cause.startswith("version:") else one.group
    return ""


def count_gone(transaction: Transaction, route: Route, group: str) -> Brake | None:
    """A ticket of this case is gone: the brake that closes when too many are at once, None if this one is believed."""
    limit = route.brakes.mass_delete
    standing = transaction.brakes.standing(route.name, "")
    if known := next((brake for brake in standing if brake.kind is BrakeKind.MASS_DELETE), None):
        return known
    cleared = transaction.brakes.clear_until(route.name, BrakeKind.MASS_DELETE)
    if cleared and transaction.now < cleared:
        return None
    times = transaction.brakes.count(
        route.name, BrakeKind.MASS_DELETE, group, since=_since(transaction, limit, cleared)
    )
    if times <= limit.after:
        return None
    why = (
        f"more than {limit.after} tickets vanished within {limit.within}; a project may have been moved, or bridge's "
        "account may have lost the right to see it"
    )
    return close(transaction, Brake(route.name, BrakeKind.MASS_DELETE, why))
