"""How the mirroring of a case stands, in the few words that its issue shows beside the link to the helpdesk's ticket.

Told is what lasts: what is delivered in a moment changes nothing here, so that the words change seldom. A brake of a whole
route is told of where operators look, not on every issue.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bridge.engine.people.reasons import rests
from bridge.engine.state import GroupState
from bridge.engine.texts.notes import is_note
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.ticket import Life
from bridge.model.words import Side

AGREED = "in agreement"
LATE = timedelta(seconds=45)
"""How long something may be on its way before it is told that it waits: a minute at most, with the time until a look."""
SIGNS = (OperationKind.SIGN, OperationKind.UNSIGN)
"""What puts signposts and takes them away, and is itself not told of on one."""


def mirroring(state: GroupState, suspended: str) -> str:
    """How the case stands. `suspended` is why its link is set aside, or ""."""
    why = _rests(state, suspended)
    if why:
        return f"rests: {why}"
    return "; ".join([*_stopped(state), *_refused(state), *_waits(state)]) or AGREED


def _rests(state: GroupState, suspended: str) -> str:
    source = state.snapshots.get(Side.HELPDESK)
    if state.embargo is not None:
        return "under embargo"
    if source is not None and source.life is Life.DELETED:
        return "the helpdesk's ticket was deleted"
    if suspended:
        return suspended
    if source is not None and source.merged_into:
        return f"the helpdesk's ticket was merged into #{source.merged_into}"
    return rests(state)


def _stopped(state: GroupState) -> Iterator[str]:
    """Brakes of this case alone."""
    for brake in state.brakes:
        if brake.group:
            yield f"stopped: {brake.field or 'texts to the customer'} until somebody releases the brake"


def _refused(state: GroupState) -> Iterator[str]:
    dead = [one for one in state.operations if one.state is OperationState.DEAD and _counts(one)]
    fields = sorted({one.field_name for one in dead if one.kind is OperationKind.UPDATE})
    texts = sum(1 for one in dead if one.kind is not OperationKind.UPDATE)
    if texts:
        yield f"{texts} {'text' if texts == 1 else 'texts'} could not be delivered: see the note"
    if fields:
        yield f"{', '.join(fields)} could not be written: see the note"


def _waits(state: GroupState) -> Iterator[str]:
    if state.conflicts:
        yield f"waits: both sides changed {', '.join(sorted(state.conflicts))}"
    held = sum(1 for one in state.operations if one.state is OperationState.HELD)
    if held:
        yield f"waits: {held} {'text' if held == 1 else 'texts'} for a lead's release"
    late = [one.planned_at for one in state.operations if _is_late(state, one) and one.planned_at is not None]
    if late:
        yield f"waits: something has been on its way since {min(late):%Y-%m-%d %H:%M} UTC, and is tried again"


def _is_late(state: GroupState, one: Operation) -> bool:
    """Whether it was tried, is not known to have arrived, and is older than a moment."""
    tried = one.attempts > 0 or one.state is OperationState.UNKNOWN
    is_open = one.state in (OperationState.PLANNED, OperationState.SENDING, OperationState.UNKNOWN)
    return tried and is_open and _counts(one) and one.planned_at is not None and state.now - one.planned_at > LATE


def _counts(one: Operation) -> bool:
    return one.kind not in SIGNS and not is_note(one)
