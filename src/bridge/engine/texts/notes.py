"""Notes to the vendor's own people: one comment a standing reason, placed only where nobody else reads it.

Level-triggered like everything else: whoever has a reason says in `reasons` that it stands now; what was said of it, and
where, is in the ledger (`Notice`). A reason that stands and is not told of yet becomes a note; one that was told of and
stands no longer is followed by a short "solved". Notes are comments of our own account, so they are never mirrored, and
bear a marker of the kind `note:<topic>`, so that a ledger restored from a backup finds them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from bridge.connect.port import Capabilities
from bridge.engine.state import GroupState
from bridge.engine.texts.threads import Signer, readers_of
from bridge.model.document import Document, doc, node, paragraph, text
from bridge.model.marker import Marker
from bridge.model.operation import UNSENT, Operation, OperationKind, OperationState
from bridge.model.ticket import Life
from bridge.model.words import Audience, HeldBy, Mode, Side, Visibility
from bridge.store.notices import Notice

PREFIX = "note:"
"""How the kind of a note's marker begins; its topic follows."""
_LAST = 2_000_000
"""Behind everything said between people."""

CapabilitiesOf = Callable[[str], Capabilities]
"""What a site can do."""


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
    unsure: set[Side] = field(default_factory=set)
    """Sides that have to be read by this process before these notes can be trusted."""


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
    sign: Signer,
) -> NotesPlan:
    """Decide about every reason, standing or told of. Topics not in `computed` stand by their row in the ledger."""
    plan = NotesPlan()
    if state.route.mode is Mode.OBSERVE:
        return plan
    standing = {one.name: one for one in reasons}
    for name, notice in state.notices.items():
        if name[0] not in computed and notice.stands and notice.text is not None:
            standing.setdefault(name, Reason(*name, notice.text))
    for name in dict.fromkeys([*standing, *state.notices]):
        reason, notice = standing.get(name), state.notices.get(name, Notice(*name))
        settled_elsewhere = reason is None and name[0] not in computed and notice.stands
        if settled_elsewhere or (blocked and not (reason and reason.anyway)):
            continue
        _Writer(state, plan, places, sign).decide(notice, reason)
    return plan


@dataclass(frozen=True, slots=True)
class _Writer:
    """Decides about one notice at a time."""

    state: GroupState
    plan: NotesPlan
    places: tuple[Side, ...]
    sign: Signer

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
            self._say(replace(notice, stands=False), _solved(notice.text), told=False)
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

    def _say_again(self, notice: Notice, reason: Reason | None, last: Operation) -> None:
        """What is unsent says what is true now."""
        words = reason.text if reason else _solved(notice.text)
        self.plan.operations.append(replace(last, payload={**last.payload, "body": words}))
        if reason is not None and reason.text != notice.text:
            self.plan.notices.append(replace(notice, text=reason.text))

    def _say(self, notice: Notice, words: Document, *, told: bool) -> None:
        side = notice.side if notice.comments else next(iter(self.places), None)
        if side is None or side not in self.places:
            return
        state, part = self.state, notice.part + 1
        generation = state.link.generation if state.link else 0
        marker = Marker(
            state.route.name, str(state.helpdesk_ref), f"{PREFIX}{notice.topic}", notice.id, part, generation
        )
        marker = self.sign(marker)
        self.plan.notices.append(replace(notice, told=told, side=side, part=part))
        self.plan.operations.append(
            Operation(
                key=marker.mac,
                group=state.hand.group,
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


def _solved(words: Document | None) -> Document:
    """The short note that follows one whose reason is gone."""
    first = words.children[:1] if words is not None else ()
    return doc(paragraph(node("strong", text("Solved."))), *(node("quote", block) for block in first))


def told_of(notices: Mapping[tuple[str, str], Notice], topics: frozenset[str]) -> bool:
    """Whether any note of these topics says that its reason stands."""
    return any(notice.told and notice.topic in topics for notice in notices.values())
