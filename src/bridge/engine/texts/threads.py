"""Which comments of a group are due on the other side, to whom, and by which rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from bridge.engine.letters import is_outdated
from bridge.engine.route import Route
from bridge.engine.state import OLDER, GroupState, source_of
from bridge.engine.texts.addressee import OTHERS, UNADDRESSED, addressed
from bridge.engine.texts.compose import LINKED, MOVED, SHARES, first_files_body, fitting, joined_body, mirrored_body
from bridge.engine.texts.shown_files import belonging, parted
from bridge.mapping import CommentFacts
from bridge.model import document as rich
from bridge.model.codec import encode_attachment
from bridge.model.document import Document, Node
from bridge.model.marker import Marker
from bridge.model.operation import UNSENT, Operation, OperationKind, OperationState
from bridge.model.ticket import Comment, Person, Snapshot
from bridge.model.words import DESCRIPTION, SUMMARY, Audience, HeldBy, Mode, Party, Side, Visibility
from bridge.store.links import Fate, Item
from bridge.text.quoted import fold_quoted, own_words

JOINED = "joined"
"""The kind of the comment that tells an issue of a ticket which joined it."""
TICKET_ITEM = "ticket:"
"""How the source item of such a comment begins: no comment, but the ticket itself; its id follows."""
RETRACT = "/retract"
"""The command that takes the last text back; it is spoken to bridge and never crosses."""

LATE = timedelta(minutes=10)
"""A comment that crosses so long after it was written says when that was."""

Signer = Callable[[Marker], Marker]
Splitter = Callable[[str, Document], tuple[Document, ...]]
"""Cuts a text into parts that fit at a site."""


@dataclass(slots=True)
class ThreadPlan:
    """Comments to write, decisions to remember or to forget, and unsent operations that must not be sent any more."""

    operations: list[Operation] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    forgotten: list[Item] = field(default_factory=list)
    cancelled: list[Operation] = field(default_factory=list)


def party_of(route: Route, side: Side, person: Person) -> Party:
    """Who a person of a site acts for. An agent of a customer-held helpdesk is the customer's."""
    if person.ours:
        return Party.BRIDGE
    if route.end(side).held_by is HeldBy.CUSTOMER or (side is Side.HELPDESK and not person.staff):
        return Party.CUSTOMER
    return Party.VENDOR


def facts_of(route: Route, side: Side, comment: Comment) -> CommentFacts:
    """What rules may ask about a comment."""
    return CommentFacts(
        body_first_line=rich.first_line(comment.body),
        plain=rich.to_plain(own_words(comment.body)),
        visibility=comment.visibility,
        author_roles=route.roles_of(route.end(side).site, comment.author),
        author_party=party_of(route, side, comment.author),
        author_email=comment.author.email,
        channel=comment.channel,
        auto=comment.auto,
        whole=rich.to_plain(comment.body),
    )


def visibility_for(audience: Audience, held_by: HeldBy) -> Visibility | None:
    """The flag at a helpdesk held by this party that reaches `audience` and nobody beyond it; None if none does."""
    if audience is Audience.CUSTOMER_USER:
        return Visibility.PUBLIC
    keeper = Audience.CUSTOMER_TEAM if held_by is HeldBy.CUSTOMER else Audience.VENDOR
    return Visibility.INTERNAL if audience is keeper else None


def readers_of(visibility: Visibility, *, side: Side, held_by: HeldBy) -> frozenset[Audience]:
    """Everybody who can read a comment with this flag there."""
    if side is Side.TRACKER and held_by is HeldBy.VENDOR:
        return frozenset({Audience.VENDOR})
    if visibility is Visibility.PUBLIC:
        return frozenset(Audience)
    return frozenset({Audience.CUSTOMER_TEAM if held_by is HeldBy.CUSTOMER else Audience.VENDOR})


def plan_threads(state: GroupState, *, blocked: str, told: str, sign: Signer, split: Splitter) -> ThreadPlan:
    """Decide about every comment that is not decided yet, and again about those not yet sent. `blocked` is why nothing
    may cross, if so, `told` why nothing may be told to the customer."""
    plan = ThreadPlan()
    for side in Side:
        if blocked or (told and side is Side.TRACKER):
            stopped = _unsent_mirrors(state, side.other)
            plan.cancelled.extend(stopped)
            # Decided again once the block is gone: what a person did not take back is not lost.
            plan.forgotten.extend(
                state.items[key]
                for one in stopped
                if one.marker and (key := (side, one.marker.item, one.marker.part)) in state.items
            )
        else:
            _plan_side(state, side, plan, sign, split)
    if not blocked:
        plan.operations.extend(_introduce(state, plan, sign, split))
    return plan


def _introduce(state: GroupState, plan: ThreadPlan, sign: Signer, split: Splitter) -> Iterator[Operation]:
    """What a ticket that joined an issue says, told there once as a comment with the files of its first message: the
    issue was made of another one."""
    link, source = state.link, state.snapshots.get(Side.HELPDESK)
    if link is None or source is None:
        return
    item = f"{TICKET_ITEM}{source.ref.id}"
    unsent = {one.key for one in state.unsent() if one.item == item}
    is_told = (Side.HELPDESK, item, 1) in state.items and not unsent
    has_moved = link.helpdesk != source_of(link.group)
    has_joined = bool(state.others) and not link.created and state.hand.group != state.hand.lead
    is_by_hand = not state.others and not link.created
    if is_told or not (has_moved or has_joined or is_by_hand):
        return
    lenses = state.route.helpdesk.mapping.lenses
    says = {name: lenses[name].read(source.fields).value for name in (SUMMARY, DESCRIPTION) if name in lenses}
    description = says.get(DESCRIPTION)
    description = description if isinstance(description, Node) else rich.from_plain(str(description or ""))
    why = MOVED if has_moved else SHARES if has_joined else LINKED
    whole = joined_body(why, str(says.get(SUMMARY) or ""), description, source=source, whose=state.route.name)
    parts = split(state.route.tracker.site, whole)
    files = parted(source.attachments, parts)
    for part, text in enumerate(parts, start=1):
        marker = sign(Marker(state.route.name, str(source.ref), JOINED, item, part, link.generation))
        plan.items.append(Item(Side.HELPDESK, item, part, Fate.SENT, rich.digest(whole), marker.mac))
        yield Operation(
            key=marker.mac,
            group=state.hand.group,
            kind=OperationKind.COMMENT,
            side=Side.TRACKER,
            payload={
                "body": text,
                "visibility": Visibility.PUBLIC.value,
                "audience": Audience.VENDOR.value,
                "files": [encode_attachment(file) for file in files[part - 1]],
            },
            item=item,
            marker=marker,
            reason="it joined the issue",
            order=part - 100,
        )


def has_last_words(state: GroupState) -> bool:
    """Whether a ticket that was merged says something its issue has not been told, and will be."""
    source = state.snapshots.get(Side.HELPDESK)
    if source is None or source.thread is None or not source.merged_into:
        return False
    copies = [one for one in state.operations if one.kind is OperationKind.COMMENT and one.side is Side.TRACKER]
    open_ = {one.item for one in copies if one.state is not OperationState.DEAD}
    people = [comment.id for comment in source.thread.comments if not comment.author.ours]
    return any(one in open_ or (Side.HELPDESK, one, 1) not in state.items for one in people)


def plan_last_words(state: GroupState, *, sign: Signer, split: Splitter) -> ThreadPlan:
    """Copies of what was said in the helpdesk's ticket, and nothing else."""
    plan = ThreadPlan()
    _plan_side(state, Side.HELPDESK, plan, sign, split)
    return plan


def _unsent_mirrors(state: GroupState, target: Side) -> list[Operation]:
    return [
        one
        for one in state.operations
        if one.kind is OperationKind.COMMENT and one.side is target and _is_mirror(one) and _is_unsent(one, state)
    ]


def _is_unsent(one: Operation, state: GroupState) -> bool:
    """Whether a copy is still to be decided about: not sent, or given up under other rules."""
    return one.state in UNSENT or (one.state is OperationState.DEAD and is_outdated(one, state.route))


def _is_mirror(operation: Operation) -> bool:
    return operation.marker is not None and operation.marker.kind == "comment"


def _plan_side(state: GroupState, side: Side, plan: ThreadPlan, sign: Signer, split: Splitter) -> None:
    snapshot = state.snapshots.get(side)
    if snapshot is None or snapshot.thread is None:
        return
    unsent: dict[str, list[Operation]] = defaultdict(list)
    for one in _unsent_mirrors(state, side.other):
        unsent[one.item].append(one)
    seen = set()
    for order, comment in enumerate(snapshot.thread.comments):
        seen.add(comment.id)
        if comment.author.ours or not _is_open(state, side, comment, unsent):
            continue
        made = list(_mirror(state, side, comment, order=order, plan=plan, sign=sign, split=split))
        plan.operations.extend(made)
        keys = {one.key for one in made}
        plan.cancelled.extend(one for one in unsent.get(comment.id, ()) if one.key not in keys)
    if snapshot.thread.complete:
        plan.cancelled.extend(one for ident, parts in unsent.items() if ident not in seen for one in parts)


def _is_open(state: GroupState, side: Side, comment: Comment, unsent: Mapping[str, list[Operation]]) -> bool:
    """Whether a comment is undecided, unsent, or was skipped and has been rewritten since."""
    item = state.items.get((side, comment.id, 1))
    if item is None or comment.id in unsent:
        return True
    never_told = item.fate is Fate.SKIPPED or (item.fate is Fate.WITHDRAWN and not item.target_id)
    return never_told and item.source_hash != rich.digest(comment.body)


def _mirror(
    state: GroupState, side: Side, comment: Comment, *, order: int, plan: ThreadPlan, sign: Signer, split: Splitter
) -> Iterator[Operation]:
    route, target = state.route, side.other
    digest, seen = rich.digest(comment.body), comment.visibility.value
    verdict = judge(state, side, comment, is_first=True)
    if verdict.fate is not Fate.SENT or verdict.visibility is None:
        plan.items.append(Item(side, comment.id, 1, verdict.fate, digest, reason=verdict.reason, visibility=seen))
        return
    source = state.snapshots[side]
    parts = split(route.end(target).site, verdict.whole)
    files = parted(belonging(comment.attachments, verdict.body), parts)
    for part, text in enumerate(parts, start=1):
        known = state.items.get((side, comment.id, part))
        if known is not None and known.target_id:
            # It stands, with the words it was written with: a later text of it is an edit.
            continue
        generation = state.link.generation if state.link else 0
        marker = sign(Marker(route.name, str(source.ref), "comment", comment.id, part, generation))
        plan.items.append(
            Item(side, comment.id, part, Fate.SENT, digest, marker.mac, reason=verdict.reason, visibility=seen)
        )
        yield Operation(
            key=marker.mac,
            group=state.hand.group,
            kind=OperationKind.COMMENT,
            side=target,
            payload={
                "body": text,
                "visibility": verdict.visibility.value,
                "audience": verdict.audience.value,
                "files": [encode_attachment(file) for file in files[part - 1]],
            },
            item=comment.id,
            marker=marker,
            state=OperationState.PLANNED,
            reason=verdict.reason,
            order=order * 100 + part,
        )


def _is_past(state: GroupState, comment: Comment) -> bool:
    """Whether a comment was there before a person linked the two tickets."""
    link = state.link
    return link is not None and link.linked_at is not None and not link.created and comment.created_at < link.linked_at


def was_for_others(state: GroupState, item: str) -> bool:
    """Whether a text was for others while the issue was shared, now that it is this ticket's alone: its first words mean
    nothing any more, and it stays theirs however it is rewritten."""
    known = None if state.others else state.items.get((Side.TRACKER, item, 1))
    return known is not None and known.fate is Fate.SKIPPED and known.reason.startswith((OTHERS, OLDER))


def _is_over(state: GroupState, comment: Comment) -> bool:
    """Whether an issue's comment is past, so that the customer is not told of it any more."""
    past_until = state.link.past_until if state.link else None
    return past_until is not None and comment.created_at <= past_until


def comment_stands(route: Route, side: Side, source: Snapshot, one: Operation, *, says: str) -> str:
    """Why a journaled copy of a comment on `side` must not be sent any more, "" if it may: the comment is there with
    the words it was decided by (`says`), and the rules as they are now release them to the very same readers."""
    comments = source.thread.comments if source.thread else ()
    comment = next((each for each in comments if each.id == one.item), None)
    if comment is None:
        return "its comment is not there any more"
    if rich.digest(comment.body) != says:
        return "its comment was rewritten"
    release = route.end(side).mapping.release(facts_of(route, side, comment))
    if release is None or (side is Side.TRACKER and route.mode is Mode.INTERNAL):
        return "no rule releases its comment any more"
    visibility = _visibility(route, side.other, release.audience)
    same = visibility is not None and visibility.value == one.payload["visibility"]
    return "" if same and release.audience.value == one.payload["audience"] else "its readers changed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of a comment as it is now: `body` are its words, `whole` those for the other side, `visibility`
    the flag that reaches its audience there and nobody else (None: none does), `reason` the rule, or why it is for
    nobody here. `is_unnamed`: it may be told, but does not say to which of several tickets."""

    fate: Fate
    reason: str = ""
    audience: Audience = Audience.VENDOR
    visibility: Visibility | None = None
    body: Document = rich.EMPTY
    whole: Document = rich.EMPTY
    is_unnamed: bool = False


def judge(state: GroupState, side: Side, comment: Comment, *, is_first: bool = False) -> Verdict:
    """Judge a comment by rules and mode. One that the mode withholds has its words and flag all the same.

    `is_first`: it was not told before. A later text for the customer names the one it replaces, and no time of its own.
    """
    route, target = state.route, side.other
    release = route.end(side).mapping.release(facts_of(route, side, comment))
    if release is None or (side is Side.TRACKER and rich.first_line(comment.body).casefold().split()[:1] == [RETRACT]):
        return Verdict(Fate.SKIPPED)
    visibility = _visibility(route, target, release.audience)
    is_withheld = visibility is None or (target is Side.HELPDESK and route.mode is Mode.INTERNAL)
    body = fold_quoted(comment.body)
    is_folded = rich.to_plain(body) != rich.to_plain(comment.body)
    if release.strip_prefix:
        body = rich.without_prefix(body, release.strip_prefix)
        if not body.children and not comment.attachments and not is_withheld:
            # A command without words says nothing yet; it is judged again once it is rewritten.
            return Verdict(Fate.SKIPPED)
    if target is Side.HELPDESK and not is_withheld and was_for_others(state, comment.id):
        return Verdict(Fate.SKIPPED, OTHERS)
    if target is Side.HELPDESK and not is_withheld:
        whom = addressed(state, body)
        if state.hand.group not in whom.groups:
            why = f"{UNADDRESSED}{whom.problem}" if whom.problem else OTHERS
            return Verdict(Fate.SKIPPED, why, is_unnamed=bool(whom.problem))
        body = whom.body
        if _is_over(state, comment):
            return Verdict(Fate.SKIPPED, OLDER)
    whose = route.name if state.others else ""
    source = state.snapshots[side]
    is_old = state.now - comment.created_at > LATE or _is_past(state, comment)
    is_late = is_old and (is_first or target is Side.TRACKER)
    whole = mirrored_body(
        comment, fitting(body), source=source, target=target, is_folded=is_folded, is_late=is_late, whose=whose
    )
    fate = Fate.WITHHELD if is_withheld else Fate.SENT
    return Verdict(fate, str(release.place), release.audience, visibility, body, whole)


def _visibility(route: Route, target: Side, audience: Audience) -> Visibility | None:
    if target is Side.TRACKER:
        return Visibility.PUBLIC if audience is Audience.VENDOR else None
    return visibility_for(audience, route.helpdesk.held_by)


FIRST_FILES = "files"
"""The item, and the kind of marker, of the comment that brings the files of a ticket's first message."""


def plan_first_files(state: GroupState, *, blocked: str, sign: Signer) -> ThreadPlan:
    """The files of the first message go up in a comment of their own, before any other, once the issue is there. They
    were promised when the issue was planned (`promise_first_files`); an older link brings none."""
    plan = ThreadPlan()
    item = state.items.get((Side.HELPDESK, FIRST_FILES, 1))
    source = state.snapshots.get(Side.HELPDESK)
    if item is None or item.target_id or source is None or source.thread is None or state.link is None:
        return plan
    standing = [one for one in state.operations if one.marker and one.marker.kind == FIRST_FILES]
    if blocked:
        plan.cancelled.extend(one for one in standing if one.state in UNSENT)
    elif source.attachments and all(one.state in UNSENT for one in standing):
        plan.operations.append(_first_files(state, source, sign))
    return plan


def promise_first_files(source: Snapshot) -> list[Item]:
    """What to remember when an issue is planned: the files of the first message follow it."""
    return [Item(Side.HELPDESK, FIRST_FILES, 1, Fate.SENT, "")] if source.attachments else []


def _first_files(state: GroupState, source: Snapshot, sign: Signer) -> Operation:
    generation = state.link.generation if state.link else 0
    marker = sign(Marker(state.route.name, str(source.ref), FIRST_FILES, FIRST_FILES, 1, generation))
    return Operation(
        key=marker.mac,
        group=state.hand.group,
        kind=OperationKind.COMMENT,
        side=Side.TRACKER,
        payload={
            "body": first_files_body(source),
            "visibility": Visibility.PUBLIC.value,
            "audience": Audience.VENDOR.value,
            "files": [encode_attachment(file) for file in source.attachments],
        },
        item=FIRST_FILES,
        marker=marker,
        reason=str(state.route.tracker.mapping.place),
        order=-1,
    )
