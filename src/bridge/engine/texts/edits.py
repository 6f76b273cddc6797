"""What becomes of copies after their source was rewritten, hidden or taken away.

Level-triggered: a copy's row says which words it told (`source_hash`) and to whom the source was visible then; what the
source says now is compared with that. Where the product can, the copy is edited; where it cannot, a new comment says the
newest text (a *version* of the item, `ID~N.HASH`, so that a note found by its marker tells which words it brought).
Nothing here publishes what was never told: an item that was skipped or withheld is not ours to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256

from bridge.connect.port import Capabilities
from bridge.engine.state import GroupState
from bridge.engine.texts.copies import Copies, Told
from bridge.engine.texts.notes import is_note
from bridge.engine.texts.shown_files import with_lines_of
from bridge.engine.texts.telling import Source, Telling
from bridge.model import document as rich
from bridge.model.document import Document
from bridge.model.operation import UNSENT, Hiding, Operation, OperationKind, OperationState
from bridge.model.ticket import Comment
from bridge.model.words import HeldBy, Side, Visibility
from bridge.store.links import Fate, Item

VERSION = "edit"
"""The kind of the marker of a comment that brings a later text of one that stands."""
MOST_AT_ONCE = 5
"""More sources than this that vanish in one look were hardly deleted by people: nothing is taken back then."""
_BEHIND = 900_000
"""Later texts are told after what was said meanwhile, and before customer updates."""


@dataclass(slots=True)
class EditsPlan:
    """Operations to journal or take back, rows to keep or forget, and what in doubt is settled by the reading.

    `taken_back` are items whose copies are hidden now, each with why; `foreign` are copies that somebody else changed;
    `restored` are those that read as ours again; `vanished` is how many sources were missing when that was too many.
    """

    operations: list[Operation] = field(default_factory=list)
    cancelled: list[Operation] = field(default_factory=list)
    confirmed: list[Operation] = field(default_factory=list)
    again: list[Operation] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    forgotten: list[Item] = field(default_factory=list)
    taken_back: list[tuple[Item, str]] = field(default_factory=list)
    foreign: list[Item] = field(default_factory=list)
    restored: list[Item] = field(default_factory=list)
    vanished: int = 0
    need: set[Side] = field(default_factory=set)
    retractions: list[tuple[str, bool]] = field(default_factory=list)
    """Commands that took something back: the comment's id, and whether anything was there to be taken."""

    @property
    def is_news(self) -> bool:
        """Whether another look is wanted at once."""
        told = (self.confirmed, self.again, self.taken_back, self.foreign, self.restored, self.retractions)
        return any(told)


def plan_edits(
    state: GroupState, telling: Telling, copies: Copies, *, blocked: str, capabilities: Mapping[Side, Capabilities]
) -> EditsPlan:
    """Decide about every copy that stands. While `blocked` no words are told, but what was taken back stays taken back."""
    plan = EditsPlan()
    _settle(state, copies, plan)
    if not blocked:
        for side in Side:
            planner = _Planner(state, side, telling, copies, plan, capabilities[side.other])
            planner.run()
    kept = {one.key for one in (*plan.operations, *plan.confirmed, *plan.again, *plan.cancelled)}
    for one in state.unsent():
        is_version = one.kind is OperationKind.COMMENT and one.marker is not None and one.marker.kind == VERSION
        if ((one.kind is OperationKind.EDIT and not is_note(one)) or is_version) and one.key not in kept:
            plan.cancelled.append(one)
            if is_version and one.marker and (key := (one.side.other, one.item, one.marker.part)) in state.items:
                plan.forgotten.append(state.items[key])
    return plan


def _settle(state: GroupState, copies: Copies, plan: EditsPlan) -> None:
    """Judge edits and hidings by the thread as it stands: done, to be sent (again), or not to be known yet."""
    for one in state.operations:
        if one.kind not in (OperationKind.EDIT, OperationKind.HIDE) or one.state is OperationState.DEAD or is_note(one):
            continue
        if one.sent_at is None:
            plan.operations.extend([one] if one.kind is OperationKind.HIDE else [])
            continue
        is_unsent = one.state in UNSENT
        seen = state.snapshots.get(one.side)
        since = one.sent_at if is_unsent else (one.horizon_at or one.sent_at)
        if since > state.now:
            continue
        if seen is None or seen.thread is None or seen.read_at < since:
            plan.need.add(one.side)
        elif _is_done(one, copies):
            plan.confirmed.append(one)
        elif not is_unsent:
            plan.again.append(one)
        elif one.kind is OperationKind.HIDE:
            plan.operations.append(one)


def _is_done(one: Operation, copies: Copies) -> bool:
    known, copy = copies.find(one.side, str(one.payload["copy"]))
    if not known:
        return False
    if one.kind is OperationKind.EDIT:
        return copy is not None and rich.digest(copy.body) == one.payload["target_hash"]
    if copy is None or not copy.body.children:
        return True
    return one.payload["how"] == Hiding.INTERNAL and copy.visibility is not Visibility.PUBLIC


@dataclass(slots=True)
class _Planner:
    """Decides about the sources of one side."""

    state: GroupState
    side: Side
    telling: Telling
    copies: Copies
    plan: EditsPlan
    able: Capabilities
    gone: list[Told] = field(default_factory=list)

    def run(self) -> None:
        """Every source that was told, in the order its thread shows; then those that are not there any more."""
        told = self.copies.told(self.side)
        for source in self.telling.sources(self.side, told):
            self._decide(source, told.pop(source.item))
        snapshot = self.state.snapshots.get(self.side)
        if snapshot is not None and snapshot.thread is not None and snapshot.thread.complete:
            # What was said in a former ticket or issue (before a merge, a follow-up, a relink) was never said here.
            gone = [
                one for one in told.values() if one.stands and one.comment and self.telling.is_from_here(self.side, one)
            ]
            if len(gone) > MOST_AT_ONCE:
                self.plan.vanished = len(gone)
                return
            for one in gone:
                self._take_back(one, "its source was deleted", only_from_customer=False)

    def _decide(self, source: Source, told: Told) -> None:
        if told.is_under_way:
            return
        self._look_for_foreign_edits(told)
        if not told.hash and not self._adopt(source, told):
            return
        # Of a copy found by its marker it is known by now that it tells other words.
        is_new = not told.hash or (not source.hash.startswith(told.hash) and self._is_edited(source))
        was_hidden = bool(told.visibility) and told.visibility != source.visibility
        if not (is_new or was_hidden):
            self._drop_versions(told)
            self._refresh(source, told)
        elif source.says is None and not source.muted:
            self._drop_versions(told)
            if told.stands:
                self._take_back(told, source.why, only_from_customer=not source.redacted, now=source)
            else:
                self._refresh(source, told)
        elif source.muted:
            self._drop_versions(told)
            self._refresh(source, told)
        elif self._is_seen(told):
            self._tell(source, told)

    def _is_seen(self, told: Told) -> bool:
        """Whether the other side was read since its copies were written: before that it does not show them."""
        seen = self.state.snapshots.get(self.side.other)
        written_at = [row.decided_at for row in told.rows if row.decided_at is not None]
        if seen is not None and seen.thread is not None and all(seen.read_at > at for at in written_at):
            return True
        self.plan.need.add(self.side.other)
        return False

    def _is_edited(self, source: Source) -> bool:
        """Whether other words mean an edit: not if nobody edited, and only our way of reading them has changed."""
        return source.was_edited or self.state.now - source.created_at < timedelta(hours=1)

    def _adopt(self, source: Source, told: Told) -> bool:
        """A copy found by its marker tells words nobody wrote down. True if they are not those of the source."""
        parts = told.base
        bodies = [copy.body if copy else None for copy in self._found(parts)]
        if bodies and all(body is not None and not body.children for body in bodies):
            # It was taken back before the ledger was lost.
            self.plan.items.extend(self._row(item, source, fate=Fate.WITHDRAWN) for item in parts)
            return False
        wanted = [self.telling.shown(self.side.other, part) for part in source.says.parts] if source.says else []
        if wanted and wanted != bodies and source.was_edited and None not in bodies:
            return True
        self.plan.items.extend(self._row(item, source) for item in parts)
        return False

    def _found(self, items: Iterable[Item]) -> list[Comment | None]:
        return [self.copies.find(self.side.other, item.target_id)[1] for item in items]

    def _row(self, item: Item, source: Source, *, fate: Fate | None = None) -> Item:
        return replace(
            item, fate=fate or item.fate, source_hash=source.hash, visibility=source.visibility, foreign_hash=None
        )

    def _refresh(self, source: Source, told: Told) -> None:
        for item in told.newest:
            if (item.source_hash, item.visibility) != (source.hash, source.visibility):
                self.plan.items.append(self._row(item, source))

    def _drop_versions(self, told: Told) -> None:
        """A later text that nobody was told yet, and that is not said any more."""
        self.plan.cancelled.extend(told.unsent)
        self.plan.forgotten.extend(told.unsent_rows)

    def _tell(self, source: Source, told: Told) -> None:
        """Bring the newest words to whoever may read them now."""
        says = source.says
        assert says is not None
        stands = [copy for copy in self._found(told.rows) if copy is not None and copy.body.children]
        if not told.stands or not stands:
            self._version(source, told, as_edit=False)
            return
        public = any(copy.visibility is Visibility.PUBLIC for copy in stands)
        if self.side is Side.TRACKER and public and says.visibility is not Visibility.PUBLIC:
            self._hide(told, (Hiding.INTERNAL,))
            if told.hash != source.hash:
                self._version(source, told, as_edit=True)
        elif self.side is Side.TRACKER and not public and says.visibility is Visibility.PUBLIC:
            self._version(source, told, as_edit=False)
        elif source.redacted and (self.able.edits_keep_history or not self.able.edits_comments):
            self._take_back(told, "words were redacted in its source", only_from_customer=False)
            self._version(source, told, as_edit=False)
        elif self.able.edits_comments and not told.versions and not self._is_refused(source, told):
            self._edit(source, told)
        elif told.hash != source.hash:
            self._version(source, told, as_edit=True)
        else:
            self._refresh(source, told)

    def _is_refused(self, source: Source, told: Told) -> bool:
        keys = {edit_key(self.state, item, source.hash) for item in told.base}
        return any(one.key in keys and one.state is OperationState.DEAD for one in self.state.operations)

    def _edit(self, source: Source, told: Told) -> None:
        """Edit part by part; parts too many are taken away, parts too few are written as such."""
        says = source.says
        assert says is not None
        for number, body in enumerate(says.parts, start=1):
            item = told.part(number)
            if item is None:
                self._write(source, told.item, "comment", number, body, order=source.position * 100 + number)
                continue
            copy = self.copies.find(self.side.other, item.target_id)[1]
            body = with_lines_of(copy.body, body) if copy is not None else body
            shown = rich.digest(self.telling.shown(self.side.other, body))
            if shown == item.target_hash:
                self.plan.items.append(self._row(item, source))
                continue
            self.plan.operations.append(self._edit_operation(source, item, body, shown))
        for item in told.base[len(says.parts) :]:
            self._hide_rows([item], (Hiding.REMOVE,))

    def _edit_operation(self, source: Source, item: Item, body: Document, shown: str) -> Operation:
        says = source.says
        assert says is not None
        marker = self.telling.marker(self.side, source.kind, item.source_id, item.part)
        return Operation(
            key=edit_key(self.state, item, source.hash),
            group=self.state.hand.group,
            kind=OperationKind.EDIT,
            side=self.side.other,
            payload={
                "body": body,
                "visibility": says.visibility.value,
                "audience": says.audience.value,
                "copy": item.target_id,
                "source_hash": source.hash,
                "source_visibility": source.visibility,
                "target_hash": shown,
            },
            item=item.source_id,
            marker=marker,
            reason=says.reason,
            order=source.position * 100 + item.part,
        )

    def _version(self, source: Source, told: Told, *, as_edit: bool) -> None:
        """A new comment with the newest words. While it is unsent, still newer words take its place."""
        says = source.says
        assert says is not None
        name = f"{told.item}~{told.number + 1}.{source.hash[:12]}"
        same = [one for one in told.unsent if one.item == name]
        self.plan.cancelled.extend(one for one in told.unsent if one.item != name)
        self.plan.forgotten.extend(row for row in told.unsent_rows if row.source_id != name)
        whole = self.telling.as_edit(says, self._found(told.base)) if as_edit else says.whole
        waits = as_edit and self.side is Side.TRACKER and self.state.route.undo
        due_at = same[0].due_at if same else (self.state.now + self.state.route.undo if waits else None)
        for number, body in enumerate(self.telling.split(self.side.other, whole), start=1):
            made = self._write(source, name, VERSION, number, body, order=_BEHIND + source.position)
            held = says.waits and all(one.state is not OperationState.PLANNED for one in same)
            state = OperationState.HELD if held else OperationState.PLANNED
            self.plan.operations[-1] = replace(made, due_at=due_at, state=state)

    def _write(self, source: Source, name: str, kind: str, part: int, body: Document, *, order: int) -> Operation:
        says = source.says
        assert says is not None
        marker = self.telling.marker(self.side, kind, name, part)
        self.plan.items.append(
            Item(
                self.side,
                name,
                part,
                Fate.SENT,
                source.hash,
                marker.mac,
                reason=says.reason,
                visibility=source.visibility,
            )
        )
        made = Operation(
            key=marker.mac,
            group=self.state.hand.group,
            kind=OperationKind.COMMENT,
            side=self.side.other,
            payload={
                "body": body,
                "visibility": says.visibility.value,
                "audience": says.audience.value,
                **({"comment": says.comment} if says.comment else {}),
            },
            item=name,
            marker=marker,
            reason=says.reason,
            order=order,
        )
        self.plan.operations.append(made)
        return made

    def _take_back(self, told: Told, why: str, *, only_from_customer: bool, now: Source | None = None) -> None:
        """Hide every copy of an item, as far as the product lets us."""
        self._drop_versions(told)
        held_by = self.state.route.end(self.side.other).held_by
        enough = only_from_customer and held_by is HeldBy.VENDOR and self.side is Side.TRACKER
        self._hide(told, (Hiding.INTERNAL,) if enough else tuple(Hiding))
        rows = [self._row(item, now) if now else item for item in told.rows]
        self.plan.items.extend(replace(item, fate=Fate.WITHDRAWN) for item in rows)
        self.plan.taken_back.append((told.base[0], why))

    def _hide(self, told: Told, wanted: tuple[Hiding, ...]) -> None:
        self._hide_rows(told.rows, wanted)

    def _hide_rows(self, items: Iterable[Item], wanted: tuple[Hiding, ...]) -> None:
        for item in items:
            copy = self.copies.find(self.side.other, item.target_id)[1]
            for how in wanted:
                is_public = copy is None or copy.visibility is Visibility.PUBLIC
                if how in self.able.hides_comments and (how is Hiding.REMOVE or is_public):
                    self.plan.operations.append(hide_operation(self.state, self.side.other, item, how))

    def _look_for_foreign_edits(self, told: Told) -> None:
        """Copies are read-only: one that somebody else changed is flagged once, and never sent back."""
        seen = self.state.snapshots.get(self.side.other)
        if seen is None or seen.thread is None:
            return
        for item in told.rows:
            if item.decided_at is not None and seen.read_at <= item.decided_at:
                continue
            copy = self.copies.find(self.side.other, item.target_id)[1]
            shown = rich.digest(copy.body) if copy is not None else "gone"
            if shown == item.target_hash:
                if item.foreign_hash:
                    self.plan.restored.append(item)
            elif copy is not None and (not item.target_hash or not (copy.edited_at or copy.redacted)):
                # Nobody edited it: the site shows our words in its own way.
                self.plan.items.append(replace(item, target_hash=shown, foreign_hash=None))
            elif shown != item.foreign_hash and (copy is not None or seen.thread.complete):
                self.plan.foreign.append(replace(item, foreign_hash=shown))


def edit_key(state: GroupState, item: Item, source_hash: str) -> str:
    """The key of the edit that brings a copy from its present version to these words."""
    names = (state.hand.group, "edit", item.side.value, item.source_id, str(item.part), str(item.version), source_hash)
    return sha256("\n".join(names).encode()).hexdigest()[:40]


def hide_operation(state: GroupState, target: Side, item: Item, how: Hiding) -> Operation:
    """Take a copy back. It carries no words, so it is due at once, before anything else."""
    names = (state.hand.group, "hide", target.value, item.target_id, how.value)
    return Operation(
        key=sha256("\n".join(names).encode()).hexdigest()[:40],
        group=state.hand.group,
        kind=OperationKind.HIDE,
        side=target,
        payload={"copy": item.target_id, "how": how.value},
        item=item.source_id,
        reason="taken back",
        order=list(Hiding).index(how),
    )
