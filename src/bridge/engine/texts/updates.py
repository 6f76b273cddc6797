"""Which customer updates a tracker's issue gives rise to: filled fields, commands, released versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from jinja2.sandbox import SandboxedEnvironment

from bridge.casework.wording import Update, word_update
from bridge.engine.route import Route
from bridge.engine.state import OLDER, GroupState
from bridge.engine.texts.addressee import COMMAND_ITEM, FIELD_ITEM, OTHERS, SEVERAL, UNADDRESSED, addressed
from bridge.engine.texts.shown_files import belonging
from bridge.engine.texts.threads import Signer, ThreadPlan, visibility_for, was_for_others
from bridge.mapping import Command, FieldFilled, Released, UpdateRule
from bridge.model import document as rich
from bridge.model.codec import encode_attachment
from bridge.model.document import Document, Node, from_plain
from bridge.model.marker import Marker
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.ticket import Attachment, Comment, Snapshot
from bridge.model.words import Audience, Mode, Side, Visibility
from bridge.store.links import Fate, Item
from bridge.text.quoted import fold_quoted

RELEASE_COMMAND = "/release"
Aim = Callable[[Comment, Document], Document | None]
"""What a command says to one ticket of those that share the issue, None if it is for others."""


@dataclass(frozen=True, slots=True)
class _Trigger:
    """One thing that happened at the tracker: `item` names it for ever, `hash` what it says."""

    item: str
    body: Document
    version: str
    hash: str
    position: int = 1_000_000_000
    """Where in the thread it stands; what is no comment counts as last."""
    comment: str = ""
    """The hash of the whole comment that commanded it."""
    files: tuple[Attachment, ...] = ()
    edited_at: datetime | None = None
    """When it was last rewritten, None if it never was."""


def plan_updates(state: GroupState, *, blocked: str, sign: Signer, templates: SandboxedEnvironment) -> ThreadPlan:
    """Decide about every update not yet decided, release those a lead released, cancel those taken back in time."""
    plan = ThreadPlan()
    snapshot = state.snapshots.get(Side.TRACKER)
    unsent = {
        one.item: one
        for one in state.unsent()
        if one.kind is OperationKind.COMMENT and one.marker and one.marker.kind.startswith("update:")
    }
    if blocked:
        plan.cancelled.extend(unsent.values())
        plan.forgotten.extend(state.items[key] for item in unsent if (key := (Side.TRACKER, item, 1)) in state.items)
        return plan
    if snapshot is None or state.link is None:
        return plan
    releases = _Releases(state, snapshot)
    still: dict[str, tuple[UpdateRule, _Trigger]] = {}
    for each in state.route.tracker.mapping.updates:
        for trigger in _triggers(snapshot, each, partial(_aim, state, plan)):
            if _is_for_several(state, trigger):
                _hold(state, trigger, plan)
                continue
            still[trigger.item] = (each, trigger)
            if (Side.TRACKER, trigger.item, 1) not in state.items and not _is_said(state, plan, each.kind, trigger):
                held = bool(each.release_by) and not releases.given(each, trigger, after=trigger.position)
                _plan_one(state, each, trigger, held=held, plan=plan, sign=sign, templates=templates)
    for item, one in unsent.items():
        if item in still and _may_go(state.route, still[item][0]):
            plan.operations.append(_again(state, one, *still[item], releases=releases, plan=plan, templates=templates))
        elif item in still or (snapshot.thread is not None and snapshot.thread.complete):
            plan.cancelled.append(one)
            plan.forgotten.append(state.items[Side.TRACKER, item, 1])
    plan.items.extend(releases.used())
    return plan


@dataclass(frozen=True, slots=True)
class Commanded:
    """An update as its command words it now. `visibility` None: nobody may be told. `waits`: a lead has to release it;
    `comment`: the digest of the whole command, where it is one for several tickets."""

    hash: str
    body: Document
    audience: Audience
    visibility: Visibility | None
    reason: str
    comment: str
    waits: bool
    muted: bool


def commanded(state: GroupState, templates: SandboxedEnvironment) -> dict[str, Commanded]:
    """Every update that a comment of the tracker commands now, by item, whether it was told already or not."""
    snapshot = state.snapshots.get(Side.TRACKER)
    if snapshot is None or state.link is None:
        return {}
    releases = _Releases(state, snapshot)
    found = {}
    for rule in state.route.tracker.mapping.updates:
        for command in (one for one in rule.triggers if isinstance(one, Command)):
            for trigger in _commanded(snapshot, rule, command, partial(_aim, state, ThreadPlan())):
                flag = _flag(state.route, rule)
                found[trigger.item] = Commanded(
                    hash=trigger.hash,
                    body=_payload(state, rule, trigger, templates)["body"] if flag else rich.EMPTY,
                    audience=rule.audience,
                    visibility=flag,
                    reason=str(rule.place),
                    comment=trigger.comment if state.others else "",
                    waits=bool(rule.release_by) and not releases.given(rule, trigger, after=trigger.position),
                    muted=state.route.mode is Mode.INTERNAL,
                )
    return found


def _again(
    state: GroupState,
    one: Operation,
    rule: UpdateRule,
    trigger: _Trigger,
    *,
    releases: _Releases,
    plan: ThreadPlan,
    templates: SandboxedEnvironment,
) -> Operation:
    """An unsent update as rules and words stand now. One that was rewritten waits its time once more."""
    released = one.state is OperationState.HELD and releases.given(rule, trigger, after=-1)
    known = state.items[Side.TRACKER, trigger.item, 1]
    due_at = one.due_at
    if known.source_hash != trigger.hash:
        plan.items.append(replace(known, source_hash=trigger.hash))
        due_at = state.now + state.route.undo if state.route.undo else None
    return replace(
        one,
        payload=_payload(state, rule, trigger, templates),
        state=OperationState.PLANNED if released else one.state,
        due_at=due_at,
    )


def _payload(state: GroupState, rule: UpdateRule, trigger: _Trigger, templates: SandboxedEnvironment) -> dict[str, Any]:
    visibility = _flag(state.route, rule)
    assert visibility is not None
    body = word_update(
        Update(rule.kind, trigger.body, _facts(state, trigger)), templates=templates, language=state.route.language
    )
    files = [encode_attachment(file) for file in belonging(trigger.files, body)]
    payload = {"body": body, "visibility": visibility.value, "audience": rule.audience.value, "files": files}
    # What a command says to one of several tickets depends on all of them: at the last look its whole comment counts.
    return payload | ({"comment": trigger.comment} if state.others else {})


def updates_before(route: Route, snapshot: Snapshot) -> Iterator[Item]:
    """Of an issue that is about to be linked: everything the customer is not told any more, because it is past."""
    for rule in route.tracker.mapping.updates:
        for trigger in _triggers(snapshot, rule, lambda _comment, body: body):
            yield Item(Side.TRACKER, trigger.item, 1, Fate.SKIPPED, trigger.hash, reason=OLDER)


def update_stands(route: Route, source: Snapshot, one: Operation, *, says: str) -> str:
    """Why a journaled update must not be sent any more, "" if it may: what gave rise to it is there with the words it
    was decided by (`says`), and the rules as they are now release it to the very same readers."""
    triggers = (
        (rule, trigger)
        for rule in route.tracker.mapping.updates
        if one.item.startswith(f"{rule.kind}:")
        for trigger in _triggers(source, rule, lambda _comment, body: body)
        if trigger.item == one.item
    )
    rule, trigger = next(triggers, (None, None))
    if rule is None or trigger is None:
        return "what it tells of is not there any more"
    whole = one.payload.get("comment")
    if trigger.hash != says if whole is None else trigger.comment != whole:
        return "what it tells of was rewritten"
    flag = _flag(route, rule)
    same = flag is not None and flag.value == one.payload["visibility"] and rule.audience == one.payload["audience"]
    return "" if same and _may_go(route, rule) else "no rule lets it reach its readers any more"


def _may_go(route: Route, rule: UpdateRule) -> bool:
    """Whether the route, as it stands now, lets an update of this rule reach the customer."""
    return route.mode is not Mode.INTERNAL and _flag(route, rule) is not None


def _flag(route: Route, rule: UpdateRule) -> Visibility | None:
    return visibility_for(rule.audience, route.helpdesk.held_by)


class _Releases:
    """The `/release` comments that have not been acted upon. Each counts once: what is held later needs another."""

    def __init__(self, state: GroupState, snapshot: Snapshot) -> None:
        self._state = state
        comments = snapshot.thread.comments if snapshot.thread else ()
        self._new = [
            (position, comment)
            for position, comment in enumerate(comments)
            if rich.first_line(comment.body).casefold().split()[:1] == [RELEASE_COMMAND]
            and not comment.author.ours
            and comment.visibility is not Visibility.RESTRICTED
            and (Side.TRACKER, f"release:{comment.id}", 1) not in state.items
        ]

    def given(self, rule: UpdateRule, trigger: _Trigger, *, after: int) -> bool:
        """Whether somebody with the rule's role released this kind (or everything) behind position `after`, and since
        it was rewritten: nobody releases words that were not there yet."""
        roles_of, site = self._state.route.roles_of, self._state.route.tracker.site
        return any(
            position > after
            and (trigger.edited_at is None or comment.created_at > trigger.edited_at)
            and rich.first_line(comment.body).casefold().split()[1:2] in ([], [rule.kind])
            and rule.release_by in roles_of(site, comment.author)
            for position, comment in self._new
        )

    def used(self) -> Iterator[Item]:
        """What to remember, so that each release counts once."""
        for _position, comment in self._new:
            yield Item(Side.TRACKER, f"release:{comment.id}", 1, Fate.SKIPPED, rich.digest(comment.body))


def _is_said(state: GroupState, plan: ThreadPlan, kind: str, trigger: _Trigger) -> bool:
    """Whether an update of this kind with these words stands already (a field and a command often say the same)."""
    known = [*state.items.values(), *plan.items]
    return any(
        item.source_id.startswith(f"{kind}:") and item.source_hash == trigger.hash and item.fate is Fate.SENT
        for item in known
    )


def _triggers(snapshot: Snapshot, rule: UpdateRule, aim: Aim) -> Iterator[_Trigger]:
    for trigger in rule.triggers:
        if isinstance(trigger, FieldFilled):
            yield from _filled(snapshot, rule, trigger)
        elif isinstance(trigger, Command):
            yield from _commanded(snapshot, rule, trigger, aim)
        else:
            yield from _versions(snapshot, rule, trigger)


def _filled(snapshot: Snapshot, rule: UpdateRule, trigger: FieldFilled) -> Iterator[_Trigger]:
    value = snapshot.value(trigger.native)
    if value is None:
        return
    body = value if isinstance(value, Node) else from_plain(str(value))
    words = rich.to_plain(body).strip()
    if words:
        says = rich.digest(from_plain(words))
        yield _Trigger(f"{rule.kind}{FIELD_ITEM}{trigger.native}:{says[:12]}", body, "", says)


def _commanded(snapshot: Snapshot, rule: UpdateRule, trigger: Command, aim: Aim) -> Iterator[_Trigger]:
    for position, comment in enumerate(snapshot.thread.comments if snapshot.thread else ()):
        words = rich.first_line(comment.body).split()
        if (
            comment.visibility is Visibility.RESTRICTED
            or comment.author.ours
            or not comment.author.staff
            or not words
            or words[0].casefold() != trigger.word.casefold()
        ):
            continue
        body = aim(comment, rich.without_prefix(fold_quoted(comment.body), words[0]))
        if body is None:
            continue
        version = ""
        named = rich.first_line(body).split()
        if rule.kind == "delivered" and named:
            version = named[0]
            body = rich.without_prefix(body, version)
        says = version or rich.digest(from_plain(rich.to_plain(body).strip()))
        whole = rich.digest(comment.body)
        yield _Trigger(
            f"{rule.kind}:comment:{comment.id}",
            body,
            version,
            says,
            position,
            whole,
            files=comment.attachments,
            edited_at=comment.edited_at,
        )


def _aim(state: GroupState, plan: ThreadPlan, comment: Comment, body: Document) -> Document | None:
    """What a command says to this ticket, None if it is for others. On an issue of several customers it has to name
    them, as a reply does; for tickets of one customer it is for all of them unless it names some."""
    held, digest = state.items.get((Side.TRACKER, f"{COMMAND_ITEM}{comment.id}", 1)), rich.digest(comment.body)
    if not state.others:
        was_held = held is not None and held.source_hash == digest
        mine = not (
            was_held or was_for_others(state, f"{COMMAND_ITEM}{comment.id}") or was_for_others(state, comment.id)
        )
        return body if mine else None
    known = state.items.get((Side.TRACKER, comment.id, 1))
    if known is not None and known.reason.startswith(OLDER) and known.source_hash == digest:
        return None
    whom = addressed(state, body)
    if whom.groups:
        if state.hand.group in whom.groups:
            return whom.body
        item = Item(Side.TRACKER, f"{COMMAND_ITEM}{comment.id}", 1, Fate.SKIPPED, digest, reason=OTHERS)
        if held is None or (held.source_hash, held.reason) != (digest, OTHERS):
            plan.items.append(item)
        return None
    if len({one.route.name for one in state.members}) == 1:
        return body
    item = Item(Side.TRACKER, f"{COMMAND_ITEM}{comment.id}", 1, Fate.SKIPPED, digest, reason=UNADDRESSED + whom.problem)
    if state.items.get((item.side, item.source_id, 1)) != item:
        plan.items.append(item)
    return None


def _is_for_several(state: GroupState, trigger: _Trigger) -> bool:
    """Whether it is what a field of the issue says while several customers share it: a field names no addressee, and
    what it says may be of one of them only. A text that was sent already stays."""
    if FIELD_ITEM not in trigger.item or len({one.route.name for one in state.members}) == 1:
        return False
    known = state.items.get((Side.TRACKER, trigger.item, 1))
    return known is None or not known.target_id


def _hold(state: GroupState, trigger: _Trigger, plan: ThreadPlan) -> None:
    item = Item(Side.TRACKER, trigger.item, 1, Fate.SKIPPED, trigger.hash, reason=f"{UNADDRESSED}{SEVERAL}")
    if state.items.get((item.side, item.source_id, 1)) is None:
        plan.items.append(item)


def _versions(snapshot: Snapshot, rule: UpdateRule, trigger: Released) -> Iterator[_Trigger]:
    for version in snapshot.value(trigger.native) or ():
        if isinstance(version, dict) and version.get("released") and version.get("name"):
            name = str(version["name"])
            yield _Trigger(f"{rule.kind}:version:{name}"[:200], rich.EMPTY, name, name)


def _plan_one(
    state: GroupState,
    rule: UpdateRule,
    trigger: _Trigger,
    *,
    held: bool,
    plan: ThreadPlan,
    sign: Signer,
    templates: SandboxedEnvironment,
) -> None:
    route, link = state.route, state.link
    assert link is not None
    if not _may_go(state.route, rule):
        plan.items.append(Item(Side.TRACKER, trigger.item, 1, Fate.WITHHELD, trigger.hash, reason=str(rule.place)))
        return
    kind = f"update:{rule.kind}"
    marker = sign(Marker(route.name, str(link.tracker), kind, trigger.item, 1, link.generation))
    plan.items.append(Item(Side.TRACKER, trigger.item, 1, Fate.SENT, trigger.hash, marker.mac, reason=str(rule.place)))
    plan.operations.append(
        Operation(
            key=marker.mac,
            group=state.hand.group,
            kind=OperationKind.COMMENT,
            side=Side.HELPDESK,
            payload=_payload(state, rule, trigger, templates),
            item=trigger.item,
            marker=marker,
            state=OperationState.HELD if held else OperationState.PLANNED,
            reason=str(rule.place),
            order=1_000_000,
            due_at=state.now + route.undo if route.undo else None,
        )
    )


def _facts(state: GroupState, trigger: _Trigger) -> dict[str, str]:
    helpdesk = state.snapshots.get(Side.HELPDESK)
    return {
        "customer": helpdesk.sender.name if helpdesk else "",
        "key": helpdesk.key if helpdesk else state.source_ref.id,
        "version": trigger.version,
    }
