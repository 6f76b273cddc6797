"""What the vendor's own people should know about a group now: letters nobody delivered, questions nobody answered.

Each function here gives the reasons of one topic from the group's state and the plan just made for it. To tell of
something new, add a topic: to `standing` if the state shows it, or by `transaction.notices.record` when it happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bridge.engine.guards.embargo import embargo_words
from bridge.engine.route import Route
from bridge.engine.state import UNROUTED as UNROUTED
from bridge.engine.state import GroupState
from bridge.engine.texts.addressee import COMMAND_ITEM, FIELD_ITEM, SEVERAL, UNADDRESSED
from bridge.engine.texts.notes import Reason, is_note
from bridge.engine.texts.opening import Lacking, is_opening, opening_of, opens_not
from bridge.engine.values.fields import FieldsPlan, pairs_of
from bridge.model.document import EMPTY, Document, Node, digest, doc, from_plain, node, paragraph, text, to_plain
from bridge.model.operation import OPEN, Operation, OperationKind, OperationState
from bridge.model.ticket import Comment, Life, Snapshot, TicketRef
from bridge.model.words import Side

DEAD_LETTER = "dead_letter"
CONFLICT = "conflict"
LOST_VALUE = "lost_value"
BRAKE = "brake"
EMBARGO = "embargo"
NO_ADDRESSEE = "unaddressed"
GONE = "gone"
MERGED = "merged"
DUPLICATE = "duplicate"
DUPLICATE_HERE = "duplicate_here"
DUPLICATE_ELSEWHERE = "duplicate_elsewhere"
THANKS = "thanks"
STRAYED = "strayed"
MOVED = "moved"
UNOPENED = "unopened"
COMPUTED = frozenset({DEAD_LETTER, UNOPENED, CONFLICT, NO_ADDRESSEE, GONE, MOVED, THANKS, BRAKE, EMBARGO})
"""Topics whose reasons are worked out anew at every look; the others stand by their row in the ledger."""
_LONGEST = 500
"""Characters of a value that a note shows: enough to recognise it, and the audit trail keeps it whole."""


def standing(state: GroupState, fields: FieldsPlan, planned: Iterable[Operation]) -> list[Reason]:
    """Every reason that stands once the plan is recorded. `planned` are the operations about to be journaled."""
    return [
        *_letters(state, fields, list(planned)),
        *_conflicts(state, fields),
        *_brakes(state),
        *_embargo(state),
        *_unopened(state),
        *_unaddressed(state),
        *_unaddressed_fields(state),
        *_life(state, fields),
    ]


def _brakes(state: GroupState) -> Iterator[Reason]:
    """Brakes of this case alone: one of the whole route is told of where operators look, not in every ticket."""
    for brake in state.brakes:
        if brake.group:
            what = brake.field or "what the customer is told"
            words = doc(
                paragraph(node("strong", text(f"bridge stopped mirroring {what} in this case."))),
                paragraph(text(f"{brake.why}.")),
                paragraph(text("It goes on once somebody releases the brake with `bridge brakes release`.")),
            )
            yield Reason(BRAKE, f"{brake.kind.value}.{brake.field}".rstrip("."), words)


def _embargo(state: GroupState) -> Iterator[Reason]:
    """That the case is frozen, and what had left: so it is told even though nothing of the case may cross."""
    if state.embargo is not None:
        yield Reason(EMBARGO, "since", embargo_words(state.embargo), anyway=True)


def _unopened(state: GroupState) -> Iterator[Reason]:
    """That an issue gets no ticket before somebody mends what its ticket would say."""
    issue = state.snapshots.get(Side.TRACKER)
    if state.link is not None or issue is None or state.taken or opens_not(state.route, issue):
        return
    lacking = opening_of(state.route, issue)
    if isinstance(lacking, Lacking) and lacking.is_told:
        head = f"bridge makes no ticket at {state.route.helpdesk.site} for this issue yet: {lacking.why}."
        yield Reason(UNOPENED, issue.ref.id, _words(head, "It is made once that is mended."))


def letter_id(operation: Operation) -> str:
    """What a dead letter is about: the field on its side, the issue to be made, or the one comment."""
    if operation.kind is OperationKind.UPDATE:
        return f"{operation.side.value}.{operation.field_name}"
    return operation.kind.value if operation.kind is OperationKind.CREATE else operation.key


def _letters(state: GroupState, fields: FieldsPlan, planned: list[Operation]) -> Iterator[Reason]:
    answered = {one.key for one in fields.cancelled}
    dead = [one for one in state.operations if one.state is OperationState.DEAD and _is_awaited(one)]
    found = {letter_id(one): _letter(state, one) for one in dead if one.key not in answered}
    yield from (Reason(DEAD_LETTER, ident, words) for ident, words in found.items())
    # While another try is under way the note stands as it is: it is solved when that one succeeded.
    trying = {letter_id(one) for one in [*state.operations, *planned] if one.state in OPEN and one.key not in answered}
    for (topic, ident), notice in state.notices.items():
        if topic == DEAD_LETTER and ident in trying - found.keys() and notice.told:
            yield Reason(topic, ident, notice.text or EMPTY)


def _is_awaited(one: Operation) -> bool:
    """Whether anybody waits for it: not so for notes and signposts."""
    return not is_note(one) and one.kind not in (OperationKind.SIGN, OperationKind.UNSIGN)


def _letter(state: GroupState, one: Operation) -> Document:
    return doc(
        paragraph(node("strong", text(_missing(state, one)))),
        *([paragraph(text(wanted))] if (wanted := _wanted(one)) else []),
        paragraph(text(one.error)),
        *([paragraph(text(f"The site names the field {named}."))] if (named := _named(one)) else []),
        paragraph(text("Everything else of this case goes on. Once it is mended: "), _command(one)),
    )


def _named(one: Operation) -> str:
    """The field a site complained of, where that is not the one that was to be written."""
    field = str(one.letter.get("field") or "")
    return field if field and field not in (one.payload.get("fields") or {}) else ""


def _command(one: Operation) -> Node:
    return node("code", text=f"bridge failures retry {one.key[:8]}")


def _missing(state: GroupState, one: Operation) -> str:
    site = state.route.end(one.side).site
    if one.kind is OperationKind.UPDATE:
        return f"bridge could not write {one.field_name} at {site}."
    if one.kind is OperationKind.CREATE:
        what = (
            "an issue"
            if one.side is Side.TRACKER
            else "the customer's ticket"
            if is_opening(one)
            else "a follow-up ticket"
        )
        return f"bridge could not make {what} at {site}."
    snapshot = state.snapshots.get(one.side.other)
    comments = snapshot.thread.comments if snapshot and snapshot.thread else ()
    source = next((comment for comment in comments if comment.id == one.item), None)
    if source is None:
        return f"bridge could not write a text at {site}."
    who = source.author.name or source.author.email or "somebody"
    return f"The comment of {who} of {source.created_at:%Y-%m-%d %H:%M} UTC could not be written at {site}."


def _wanted(one: Operation) -> str:
    fields: Mapping[str, Any] = one.payload.get("fields") or {}
    if one.kind is not OperationKind.UPDATE:
        return ""
    return "Wanted: " + "; ".join(f"{name} = {shown(value)}" for name, value in fields.items())


def _conflicts(state: GroupState, fields: FieldsPlan) -> Iterator[Reason]:
    seen = {name: (helpdesk, tracker) for name, helpdesk, tracker in fields.conflicts}
    for name in sorted((state.conflicts | seen.keys()) - set(fields.agreed)):
        known = state.notices.get((CONFLICT, name))
        if known is not None and known.told and known.text is not None:
            yield Reason(CONFLICT, name, known.text)
            continue
        values = seen.get(name) or _values(state, name)
        yield Reason(CONFLICT, name, _conflict(state.route, name, *values))


def _unaddressed(state: GroupState) -> Iterator[Reason]:
    """Texts on a shared issue that were for a customer and named none. One ticket of the group tells of each."""
    snapshot = state.snapshots.get(Side.TRACKER)
    for comment in snapshot.thread.comments if snapshot and snapshot.thread and state.others else ():
        held = [(one, why) for one in state.members if (why := _why_held(one, comment))]
        if held and held[0][0] is state:
            who = comment.author.name or comment.author.email or "somebody"
            words = (
                f"The comment of {who} of {comment.created_at:%Y-%m-%d %H:%M} UTC reached no customer: {held[0][1]}."
            )
            mend = "Edit it so that the ticket's number follows the command, as in `#reply 1234 …`."
            yield Reason(NO_ADDRESSEE, comment.id, doc(paragraph(node("strong", text(words))), paragraph(text(mend))))


def _unaddressed_fields(state: GroupState) -> Iterator[Reason]:
    """Fields that were filled while several customers share the issue, and so told to none of them. One ticket of the
    group tells of each."""
    issue = state.snapshots.get(Side.TRACKER)
    if issue is None or not state.others:
        return
    held: dict[str, tuple[GroupState, str]] = {}
    for one in state.members:
        for (side, name, _part), item in one.items.items():
            if side is Side.TRACKER and FIELD_ITEM in name and item.reason == f"{UNADDRESSED}{SEVERAL}":
                held.setdefault(name, (one, item.source_hash))
    for name, (teller, says) in held.items():
        kind, _, rest = name.partition(FIELD_ITEM)
        native = rest.rpartition(":")[0]
        if teller is state and _says(issue.value(native), says):
            head = f"What {native} says reached no customer: {SEVERAL}."
            mend = f"Say it in a comment that names the ticket, as in `/{kind} 1234 …`."
            yield Reason(NO_ADDRESSEE, name, _words(head, mend))


def _says(value: Any, says: str) -> bool:
    """Whether a field still has the words that were held."""
    words = to_plain(value) if isinstance(value, Node) else str(value or "")
    return digest(from_plain(words.strip())) == says


def _life(state: GroupState, fields: FieldsPlan) -> Iterator[Reason]:
    """What became of the helpdesk's ticket, as far as people have to know or decide."""
    source = state.snapshots.get(Side.HELPDESK)
    if source is not None and state.link is not None and source.life is Life.DELETED:
        head = f"The helpdesk's ticket {source.key} was deleted at {source.ref.site}."
        tail = "Nothing was closed or deleted here. The case rests, and goes on if the ticket is restored."
        yield Reason(GONE, source.ref.id, _words(head, tail), anyway=True)
    strayed = state.notices.get((STRAYED, state.source_ref.id))
    if strayed is not None and strayed.stands and strayed.text is not None:
        yield Reason(STRAYED, state.source_ref.id, strayed.text, anyway=True)
    issue, why = state.snapshots.get(Side.TRACKER), rests(state)
    if issue is not None and why.startswith("the issue"):
        head = f"{issue.key}: {why}, outside of what route {state.route.name} mirrors. The case rests."
        yield Reason(
            MOVED, issue.ref.id, _words(head, "It goes on when the issue comes back. Nothing was closed."), anyway=True
        )
    if fields.thanked:
        head = f"The customer's thanks reopened {source.key if source else 'the ticket'}; the issue was left as it is."
        tail = "Reopen the issue if there is more to do. It is reopened by itself if the customer writes more."
        yield Reason(THANKS, fields.thanked, _words(head, tail))


def strayed_ticket(source: Snapshot, route: str, claimed_by: str) -> Document:
    """What an issue is told whose ticket is another route's by now."""
    head = f"Ticket {source.key} belongs to route {claimed_by} now, and no longer to {route}. This case rests."
    return _words(head, f"It goes on when the ticket is {route}'s again; or link it anew. Nothing was closed.")


def unrouted_ticket(source: Snapshot, claimed_by: str) -> Document:
    """Why a ticket is not mirrored though it might be."""
    return doc(paragraph(text(f"{source.ref} is claimed by the routes {claimed_by}, so none mirrors it.")))


def rests(state: GroupState) -> str:
    """Why nothing of a case may cross because of where its tickets are now, "" if it may."""
    strayed = state.notices.get((STRAYED, state.source_ref.id))
    if strayed is not None and strayed.stands:
        return "the ticket is another route's now"
    issue = state.snapshots.get(Side.TRACKER)
    scope = state.route.tracker.scope
    outside = [
        f"{name} {issue.scope[name]}" for name in scope if issue and issue.scope.get(name, scope[name]) != scope[name]
    ]
    return f"the issue was moved to {', '.join(outside)}" if outside else ""


def merged_away(source: Snapshot, survivor: TicketRef, issue: str) -> Document:
    """What the issue of a merged ticket is told when the survivor has an issue of its own."""
    head = f"Ticket {source.key} was merged into #{survivor.id}, which has an issue of its own: {issue}."
    return _words(head, f"This one is a duplicate of {issue}: what the customer says goes there. It was not closed.")


def merged_here(source: Snapshot, issue: str) -> Document:
    """What the survivor's issue is told of the other one."""
    head = f"Ticket {source.key} was merged into this issue's ticket. Its own issue was {issue}, now a duplicate."
    return _words(head, f"Look there for what was said before. {issue} was not closed.")


def duplicate_goes(issue: Snapshot, survivor: str) -> Document:
    """What an issue is told that was closed as a duplicate, before its ticket leaves it."""
    head = f"{issue.key} was closed as a duplicate of {survivor}, so the customer's ticket goes on there."
    return _words(head, "What the customer says from now on, and what is told to them, goes by that issue.")


def duplicate_came(issue: Snapshot) -> Document:
    """What the issue is told that stays."""
    head = f"{issue.key} was closed as a duplicate of this issue, and its ticket goes on here."
    return _words(head, f"Look at {issue.key} for what was said before. Nothing was closed for it.")


def duplicate_elsewhere(issue: Snapshot, survivor: str) -> Document:
    """What an issue is told whose ticket cannot go on at the one that stays."""
    of = survivor or "an issue that bridge cannot read"
    head = (
        f"{issue.key} was closed as a duplicate of {of}, where its ticket cannot go on: its route does not lead there."
    )
    return _words(head, "The ticket stays with this issue, and was not closed.")


def goes_on(former: str, ticket: TicketRef, why: str) -> Document:
    """What an issue is told whose ticket was merged into or followed by another one."""
    return _words(f"Ticket {former} {why} #{ticket.id}.", "The case goes on there; replies on either come here.")


def _words(head: str, tail: str) -> Document:
    return doc(paragraph(node("strong", text(head))), paragraph(text(tail)))


def _why_held(member: GroupState, comment: Comment) -> str:
    for name in (comment.id, f"{COMMAND_ITEM}{comment.id}"):
        item = member.items.get((Side.TRACKER, name, 1))
        if item and item.reason.startswith(UNADDRESSED) and item.source_hash == digest(comment.body):
            return item.reason.removeprefix(UNADDRESSED)
    return ""


def _values(state: GroupState, name: str) -> tuple[Any, Any]:
    pair = next((pair for pair in pairs_of(state) if pair.name == name), None)
    shown = []
    for side in Side:
        snapshot = state.snapshots.get(side)
        value = pair.read(side, snapshot.fields) if pair and snapshot else None
        shown.append(value.canonical if value else None)
    return shown[0], shown[1]


def _conflict(route: Route, name: str, helpdesk: Any, tracker: Any) -> Document:
    return doc(
        paragraph(node("strong", text(f"Both sides changed {name}, and no rule says whose value stands."))),
        paragraph(text(f"{route.helpdesk.site}: {shown(helpdesk)}")),
        paragraph(text(f"{route.tracker.site}: {shown(tracker)}")),
        paragraph(text("bridge writes neither until somebody makes them equal.")),
    )


def lost_value(route: Route, one: Operation) -> Document:
    """What is said of a value that an update overwrote though somebody had changed it (rows 19 and 20)."""
    site, other = route.end(one.side).site, route.end(one.side.other).site
    prior = one.payload.get("prior") or {}
    lines = [
        paragraph(text(f"{name}: {shown(prior.get(name))} became {shown(value)}"))
        for name, value in one.payload["fields"].items()
    ]
    head = f"{one.field_name} was changed at {site}, and overwritten with what stands at {other}."
    return doc(paragraph(node("strong", text(head))), *lines)


def put_back(route: Route, one: Operation) -> Document:
    """What is said of a value that somebody set in the moment in which bridge wrote another, and that stands again."""
    site = route.end(one.side).site
    lines = [
        paragraph(text(f"{name}: {shown(value)} stands again instead of {shown(one.payload['prior'].get(name))}"))
        for name, value in one.payload["fields"].items()
    ]
    head = f"{one.field_name} was changed at {site} in the moment in which bridge wrote it, and was put back."
    return doc(paragraph(node("strong", text(head))), *lines)


def shown(value: Any) -> str:
    """A native or canonical value for people, cut to what a note can hold."""
    if isinstance(value, Node):
        words = to_plain(value)
    elif isinstance(value, list | tuple):
        words = ", ".join(str(part) for part in value)
    else:
        words = "nothing" if value is None or value == "" else str(value)
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
