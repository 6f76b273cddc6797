"""Who would read a write, checked on the very operation that is about to be sent. Whatever fails here is a defect of
ours: nothing is sent, the case rests, and it is said aloud."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bridge.engine.route import Route
from bridge.engine.state import ends_of
from bridge.engine.texts.threads import readers_of
from bridge.errors import AudienceError
from bridge.model.marker import Marker
from bridge.model.operation import Operation, OperationKind
from bridge.model.ticket import TicketRef
from bridge.model.words import Audience, HeldBy, Side, Visibility
from bridge.store.hands import Hand
from bridge.store.links import Link

WITHIN: dict[Audience, frozenset[Audience]] = {
    Audience.CUSTOMER_USER: frozenset(Audience),
    Audience.CUSTOMER_TEAM: frozenset({Audience.CUSTOMER_TEAM, Audience.VENDOR}),
    Audience.VENDOR: frozenset({Audience.VENDOR}),
}
"""Who may read a text released to an audience: nobody outside of it."""


def audience_of(payload: Any) -> Audience:
    """Whom a journaled text was released to; an unknown word means the vendor only."""
    try:
        return Audience(payload.get("audience", ""))
    except ValueError:
        return Audience.VENDOR


def check_home(
    hand: Hand, route: Route, side: Side, ref: TicketRef | None, link: Link | None, operations: Iterable[Operation]
) -> None:
    """Make sure the operations go to their own customer's ticket, and comments to none but their audience.

    `ref` is the ticket written to, None for a create; `link` the group's link as the ledger has it now. Raises
    AudienceError.
    """
    end = route.end(side)
    if hand.route != route.name:
        raise _stopped(hand, f"it is a case of route {hand.route} and was to be sent by {route.name}")
    if ref is not None and ref.site != end.site:
        raise _stopped(hand, f"{ref} does not stand at {end.site}, the {side} of route {route.name}")
    own = ends_of(hand.group, route, link)
    if ref is not None and ((link is not None and link.route != route.name) or own.get(side) != ref):
        raise _stopped(hand, f"{ref} is not the {side}'s ticket of this case")
    for one in operations:
        if one.group != hand.group or one.side is not side:
            raise _stopped(hand, f"operation {one.key} belongs to {one.group} on the {one.side}")
        if one.marker is not None:
            _check_marker(hand, route, side, one.marker, own)
        is_for_customer = one.kind is OperationKind.CREATE and side is Side.HELPDESK
        if one.kind in (OperationKind.COMMENT, OperationKind.EDIT) or is_for_customer:
            _check_readers(hand, side, end.held_by, one)


def _check_marker(hand: Hand, route: Route, side: Side, marker: Marker, own: Mapping[Side, TicketRef]) -> None:
    if marker.route != route.name or marker.source not in map(str, own.values()):
        raise _stopped(hand, f"a text from {marker.source} by route {marker.route} was to be sent to {side}")


def _check_readers(hand: Hand, side: Side, held_by: HeldBy, one: Operation) -> None:
    try:
        visibility = Visibility(one.payload["visibility"])
    except (KeyError, ValueError):
        raise _stopped(hand, f"comment {one.key} does not say who can see it") from None
    audience = audience_of(one.payload)
    beyond = readers_of(visibility, side=side, held_by=held_by) - WITHIN[audience]
    if side is Side.HELPDESK and beyond:
        readers = " and ".join(sorted(beyond))
        raise _stopped(hand, f"a comment released to {audience} would be read by {readers}")
    if side is Side.TRACKER and audience is not Audience.VENDOR:
        raise _stopped(hand, f"a comment released to {audience} was to be written where the vendor reads")


def _stopped(hand: Hand, why: str) -> AudienceError:
    return AudienceError(f"{hand.group}: nothing was sent, because {why}.")
