"""`/retract`: an engineer takes back the text that was last released to the customer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bridge.connect.port import Capabilities
from bridge.engine.state import GroupState
from bridge.engine.texts.addressee import addressed
from bridge.engine.texts.copies import Copies, Told, version_of
from bridge.engine.texts.edits import EditsPlan, hide_operation
from bridge.engine.texts.notes import is_note
from bridge.engine.texts.threads import RETRACT, ThreadPlan
from bridge.model import document as rich
from bridge.model.operation import Hiding, Operation, OperationKind
from bridge.model.ticket import Comment
from bridge.model.words import Side, Visibility
from bridge.store.links import Fate, Item


def plan_retractions(
    state: GroupState, copies: Copies, plan: EditsPlan, threads: list[ThreadPlan], able: Capabilities
) -> None:
    """Act upon every `/retract` not acted upon: each takes back one text, one that is not sent yet before any other."""
    for position, comment in _commands(state):
        plan.items.append(Item(Side.TRACKER, f"retract:{comment.id}", 1, Fate.SKIPPED, rich.digest(comment.body)))
        whom = addressed(state, rich.without_prefix(comment.body, rich.first_line(comment.body).split()[0]))
        if state.hand.group not in whom.groups:
            # It is for another of the tickets that share this issue, or for none that it names.
            continue
        took = _stop_unsent(state, plan, threads, before=position) or _hide_last(state, copies, plan, able)
        plan.retractions.append((comment.id, took))


def _commands(state: GroupState) -> Iterator[tuple[int, Comment]]:
    snapshot = state.snapshots.get(Side.TRACKER)
    for position, comment in enumerate(snapshot.thread.comments if snapshot and snapshot.thread else ()):
        is_command = rich.first_line(comment.body).casefold().split()[:1] == [RETRACT]
        may = comment.author.staff and not comment.author.ours and comment.visibility is not Visibility.RESTRICTED
        if is_command and may and (Side.TRACKER, f"retract:{comment.id}", 1) not in state.items:
            yield position, comment


def _stop_unsent(state: GroupState, plan: EditsPlan, threads: list[ThreadPlan], *, before: int) -> bool:
    """Keep back the text planned last, of those said before the command."""
    planned = [*plan.operations, *(one for thread in threads for one in thread.operations)]
    texts = [one for one in planned if one.kind is OperationKind.COMMENT and one.side is Side.HELPDESK]
    waiting = [(place, one) for one in texts if not is_note(one) and (place := _place(state, one)) < before]
    if not waiting:
        return False
    item = max(waiting, key=lambda pair: pair[0])[1].item
    _drop(item, state, plan, threads)
    return True


def _place(state: GroupState, one: Operation) -> float:
    """Where in the tracker's thread a text comes from; what comes from a field counts as said before all of it."""
    comment = version_of(one.item)[0].rpartition(":")[2]
    snapshot = state.snapshots[Side.TRACKER]
    idents = [known.id for known in snapshot.thread.comments] if snapshot.thread else []
    return idents.index(comment) if comment in idents else -1.0


def _drop(item: str, state: GroupState, plan: EditsPlan, threads: list[ThreadPlan]) -> None:
    places: list[ThreadPlan | EditsPlan] = [plan, *threads]
    for thread in places:
        stopped = [one for one in thread.operations if one.item == item and one.side is Side.HELPDESK]
        rows = [row for row in thread.items if row.source_id == item and row.side is Side.TRACKER]
        thread.operations[:] = [one for one in thread.operations if one not in stopped]
        thread.items[:] = [row for row in thread.items if row not in rows]
        thread.cancelled.extend(one for one in stopped if any(one.key == known.key for known in state.operations))
        plan.items.extend(replace(row, fate=Fate.WITHDRAWN) for row in rows)
    for row in (row for (side, ident, _part), row in state.items.items() if (side, ident) == (Side.TRACKER, item)):
        if all(row.part != known.part or row.source_id != known.source_id for known in plan.items):
            plan.items.append(replace(row, fate=Fate.WITHDRAWN, foreign_hash=None))


def _hide_last(state: GroupState, copies: Copies, plan: EditsPlan, able: Capabilities) -> bool:
    """Take back the text of ours that stands last in the helpdesk's thread."""
    snapshot = state.snapshots.get(Side.HELPDESK)
    gone = {(row.source_id, row.part) for row in plan.items if row.fate is Fate.WITHDRAWN}
    told = copies.told(Side.TRACKER).values()
    rows = {row.target_id: one for one in told for row in one.rows if (row.source_id, row.part) not in gone}
    for comment in reversed(snapshot.thread.comments if snapshot and snapshot.thread else ()):
        if comment.id in rows and not rows[comment.id].is_under_way:
            _take_back(state, rows[comment.id], comment, plan, able)
            return True
    return False


def _take_back(state: GroupState, told: Told, last: Comment, plan: EditsPlan, able: Capabilities) -> None:
    """All parts of that text, and nothing else that was said of the same item before."""
    number = version_of(next(row.source_id for row in told.rows if row.target_id == last.id))[1]
    for row in [row for row in told.rows if version_of(row.source_id)[1] == number]:
        for how in (how for how in Hiding if how in able.hides_comments):
            if how is Hiding.REMOVE or last.visibility is Visibility.PUBLIC:
                plan.operations.append(hide_operation(state, Side.HELPDESK, row, how))
        plan.items.append(replace(row, fate=Fate.WITHDRAWN, foreign_hash=None))
    plan.taken_back.append((told.base[0], f"an engineer wrote {RETRACT}"))
