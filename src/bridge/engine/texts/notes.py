"""Notes to the vendor's own people: one comment a standing reason, placed only where nobody else reads it.

Level-triggered like everything else: whoever has a reason says in `reasons` that it stands now; what was said of it, and
where, is in the ledger (`Notice`). A reason that stands and is not told of yet becomes a note; once it stands no longer
the note is edited and begins with "Solved.", or, where comments cannot be edited, is followed by a short one that says
so. A reason that comes back is told in a new note, which people see. Notes are comments of our own account, so they are
never mirrored, and bear a marker of the kind `note:<topic>`, so that a ledger restored from a backup finds them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256

from bridge.connect.port import Capabilities
from bridge.engine.state import GroupState, source_of
from bridge.engine.texts.copies import Copies
from bridge.engine.texts.threads import Signer, readers_of
from bridge.model.document import Document, digest, doc, node, paragraph, text, to_plain
from bridge.model.marker import Marker
from bridge.model.operation import UNSENT, Operation, OperationKind, OperationState
from bridge.model.ticket import Comment, Life
from bridge.model.words import Audience, HeldBy, Mode, Side, Visibility
from bridge.store.notices import Notice

PREFIX = "note:"
"""How the kind of a note's marker begins; its topic follows."""
_LAST = 2_000_000
"""Behind everything said between people."""

_SOLVED = "Solved."

CapabilitiesOf = Callable[[str], Capabilities]
"""What a site can do."""
Shown = Callable[[str, Document], Document]
"""What a site shows of a comment after a text was written."""


@dataclass(frozen=True, slots=True)
class Pens:
    """What writing notes needs from outside: the marker's signature, what each site can do and shows of a text."""

    sign: Signer
    capabilities: CapabilitiesOf
    show: Shown


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the vendor's people are told something. `topic` and `id` name it for ever within its group, `text` is the
    whole note. `anyway`: it says nothing of the case itself, so it is noted even while nothing of the case may cross."""

    topic: str
    id: str
    text: Document
    anyway: bool = False

    @property
    def name(self) -> tuple[str, str]:
        """Topic and id."""
        return self.topic, self.id


@dataclass(slots=True)
class NotesPlan:
    """Notes to write or to take back before they are sent, and what the ledger has to remember of them."""

    operations: list[Operation] = field(default_factory=list)
    cancelled: list[Operation] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    dropped: list[Notice] = field(default_factory=list)
    confirmed: list[Operation] = field(default_factory=list)
    again: list[Operation] = field(default_factory=list)
    """Edits of unknown outcome that a reading shows to have had their effect, or none."""
    unsure: set[Side] = field(default_factory=set)
    """Sides that have to be read by this process before these notes can be trusted."""
    need: set[Side] = field(default_factory=set)
    """Sides whose reading is too old to settle an edit."""


def is_note(operation: Operation) -> bool:
    """Whether an operation writes a note, and so nothing anybody waits for."""
    return operation.marker is not None and operation.marker.kind.startswith(PREFIX)


def places(state: GroupState, capabilities: CapabilitiesOf) -> tuple[Side, ...]:
    """The sides where a note can be written and only the vendor's own people read it, the best first."""
    return tuple(side for side in (Side.TRACKER, Side.HELPDESK) if _is_place(state, side, capabilities))


def _is_place(state: GroupState, side: Side, capabilities: CapabilitiesOf) -> bool:
    end, snapshot = state.route.end(side), state.snapshots.get(side)
    if end.held_by is not HeldBy.VENDOR or state.ref(side) is None:
        return False
    if snapshot is not None and snapshot.life is not Life.ALIVE:
        return False
    readers = readers_of(Visibility.INTERNAL, side=side, held_by=end.held_by)
    return readers == {Audience.VENDOR} and capabilities(end.site).internal_comments


def plan_notes(
    state: GroupState,
    reasons: Iterable[Reason],
    *,
    computed: frozenset[str],
    blocked: str,
    places: tuple[Side, ...],
    pens: Pens,
) -> NotesPlan:
    """Decide about every reason, standing or told of. Topics not in `computed` stand by their row in the ledger."""
    plan = NotesPlan()
    if state.route.mode is Mode.OBSERVE:
        return plan
    writer = _Writer(state, plan, places, pens)
    writer.settle()
    standing = {one.name: one for one in reasons}
    for name, notice in state.notices.items():
        if name[0] not in computed and notice.stands and notice.text is not None:
            standing.setdefault(name, Reason(*name, notice.text))
    for name in dict.fromkeys([*standing, *state.notices]):
        reason, notice = standing.get(name), state.notices.get(name, Notice(*name))
        settled_elsewhere = reason is None and name[0] not in computed and notice.stands
        if settled_elsewhere or (blocked and not (reason and reason.anyway)):
            continue
        writer.decide(notice, reason)
    return plan


@dataclass(frozen=True)
class _Writer:
    """Decides about one notice at a time."""

    state: GroupState
    plan: NotesPlan
    places: tuple[Side, ...]
    pens: Pens

    @cached_property
    def copies(self) -> Copies:
        return Copies(self.state)

    def settle(self) -> None:
        """Judge edits of unknown outcome by the thread as it stands."""
        for one in self.state.in_doubt(OperationKind.EDIT):
            since = one.horizon_at or one.sent_at or self.state.now
            if not is_note(one) or since > self.state.now:
                continue
            seen = self.state.snapshots.get(one.side)
            if seen is None or seen.thread is None or seen.read_at < since:
                self.plan.need.add(one.side)
                continue
            comment = self.copies.find(one.side, str(one.payload["copy"]))[1]
            is_done = comment is None or digest(comment.body) == one.payload["target_hash"]
            (self.plan.confirmed if is_done else self.plan.again).append(one)

    def decide(self, notice: Notice, reason: Reason | None) -> None:
        """Bring what is told in line with what stands."""
        last = self._last(notice)
        if last is not None and last.state not in UNSENT:
            return
        stands = reason is not None
        if last is not None and notice.told is stands:
            self._say_again(notice, reason, last)
            return
        if last is not None:
            self.plan.cancelled.append(last)
            notice = replace(notice, part=notice.part - 1, told=(not notice.told) if notice.part > 1 else None)
        if reason is not None and notice.told is not True:
            self._say(replace(notice, text=reason.text, stands=True), reason.text, told=True)
        elif reason is None and notice.told:
            if notice.text is None:
                # Found by its marker: whether its reason is gone is known once both sides were looked at.
                self.plan.unsure.update(Side)
            self._solve(replace(notice, stands=False))
        elif reason is None and (refused := self._refused_edit(notice)) is not None:
            self.plan.cancelled.append(refused)
            self._say(replace(notice, part=notice.part - 1), _follows(notice.text), told=False)
        elif reason is None and notice.told is None:
            self.plan.dropped.append(notice)
        elif last is not None:
            self.plan.notices.append(notice)

    def _last(self, notice: Notice) -> Operation | None:
        """The operation that writes this notice's latest note, while it is neither confirmed nor given up."""
        for one in self.state.operations:
            if is_note(one) and _name(one) == notice.name and one.state is not OperationState.DEAD:
                return one
        return None

    def _refused_edit(self, notice: Notice) -> Operation | None:
        """The edit that was to say that this notice is solved, and that the site would not make."""
        if notice.told is not False or self._is_deleted(notice):
            return None
        for one in self.state.operations:
            is_its = is_note(one) and one.kind is OperationKind.EDIT and _name(one) == notice.name
            if is_its and one.state is OperationState.DEAD and one.marker and one.marker.part == notice.part - 1:
                return one
        return None

    def _is_deleted(self, notice: Notice) -> bool:
        """Whether somebody deleted the note, so that nobody reads of its reason any more."""
        if notice.side is None or not notice.comments:
            return False
        known, note = self.copies.find(notice.side, notice.comments[-1])
        return known and note is None

    def _say_again(self, notice: Notice, reason: Reason | None, last: Operation) -> None:
        """What is unsent says what is true now."""
        if last.kind is OperationKind.EDIT:
            (self.plan.cancelled if self._is_deleted(notice) else self.plan.operations).append(last)
            return
        words = reason.text if reason else _follows(notice.text)
        self.plan.operations.append(replace(last, payload={**last.payload, "body": words}))
        if reason is not None and reason.text != notice.text:
            self.plan.notices.append(replace(notice, text=reason.text))

    def _solve(self, notice: Notice) -> None:
        """Say that a note's reason is gone: in the note itself, where its site can edit comments."""
        side = notice.side
        if side is None or side not in self.places or not notice.comments:
            self._say(notice, _follows(notice.text), told=False)
            return
        if not self.pens.capabilities(self.state.route.end(side).site).edits_comments:
            self._say(notice, _follows(notice.text), told=False)
            return
        note = self.copies.find(side, notice.comments[-1])[1]
        self.plan.notices.append(replace(notice, told=False, part=notice.part + 1))
        if self._is_deleted(notice) or (note is not None and is_solved(note.body)):
            # An older ledger, put back, may take for told what was edited already.
            return
        if note is None:
            self.plan.unsure.add(side)
        self.plan.operations.append(self._edit(notice, side, note))

    def _edit(self, notice: Notice, side: Side, note: Comment | None) -> Operation:
        words = _edited(notice.text or (note.body if note else None))
        # The note keeps the marker it was written with.
        marker = self._marker(notice, note.marker.part if note and note.marker else notice.part)
        shown = self.pens.show(self.state.route.end(side).site, words)
        payload = {
            "body": words,
            "visibility": Visibility.INTERNAL.value,
            "audience": Audience.VENDOR.value,
            "copy": notice.comments[-1],
            "target_hash": digest(shown),
        }
        return Operation(
            key=sha256(f"{marker.mac}\nsolved".encode()).hexdigest()[:40],
            group=self.state.hand.group,
            kind=OperationKind.EDIT,
            side=side,
            payload=payload,
            item=notice.id,
            marker=marker,
            reason=marker.kind,
            order=_LAST,
        )

    def _marker(self, notice: Notice, part: int) -> Marker:
        state = self.state
        generation = state.link.generation if state.link else 0
        kind = f"{PREFIX}{notice.topic}"
        first = source_of(state.hand.group)
        # An issue that began its case is told in the same name before it has a ticket and after.
        source = first if state.link is not None and first == state.link.tracker else state.source_ref
        return self.pens.sign(Marker(state.route.name, str(source), kind, notice.id, part, generation))

    def _say(self, notice: Notice, words: Document, *, told: bool) -> None:
        side = notice.side if notice.comments else next(iter(self.places), None)
        if side is None or side not in self.places:
            return
        part = notice.part + 1
        marker = self._marker(notice, part)
        self.plan.notices.append(replace(notice, told=told, side=side, part=part))
        self.plan.operations.append(
            Operation(
                key=marker.mac,
                group=self.state.hand.group,
                kind=OperationKind.COMMENT,
                side=side,
                payload={
                    "body": words,
                    "visibility": Visibility.INTERNAL.value,
                    "audience": Audience.VENDOR.value,
                },
                item=notice.id,
                marker=marker,
                reason=marker.kind,
                order=_LAST,
            )
        )


def _name(operation: Operation) -> tuple[str, str]:
    assert operation.marker is not None
    return operation.marker.kind.removeprefix(PREFIX), operation.marker.item


def is_solved(note: Document) -> bool:
    """Whether a note of ours, as it stands, says that its reason is gone."""
    return bool(note.children) and to_plain(note.children[0]).strip() == _SOLVED


def _edited(words: Document | None) -> Document:
    """What a note says once its reason is gone: what it said stays to be read."""
    said = words.children if words is not None else ()
    return doc(paragraph(node("strong", text(_SOLVED))), *([node("quote", *said)] if said else []))


def _follows(words: Document | None) -> Document:
    """The short note that follows one whose reason is gone, where that one cannot be edited."""
    first = words.children[:1] if words is not None else ()
    return doc(paragraph(node("strong", text(_SOLVED))), *(node("quote", block) for block in first))


def told_of(notices: Mapping[tuple[str, str], Notice], topics: frozenset[str]) -> bool:
    """Whether any note of these topics says that its reason stands."""
    return any(notice.told and notice.topic in topics for notice in notices.values())
