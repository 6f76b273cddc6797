"""What may be told of a source now, and in which words: comments and the updates that commands ask for, alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from jinja2.sandbox import SandboxedEnvironment

from bridge.casework.wording import Update, word_update
from bridge.engine.state import GroupState
from bridge.engine.texts.copies import Told
from bridge.engine.texts.shown_files import without_files
from bridge.engine.texts.threads import Signer, Splitter, judge
from bridge.engine.texts.updates import commanded
from bridge.model import document as rich
from bridge.model.document import Document
from bridge.model.marker import Marker
from bridge.model.ticket import Comment
from bridge.model.words import Audience, Side, Visibility
from bridge.store.links import Fate

Shown = Callable[[str, Document], Document]
"""What a site shows of a comment after a text was written."""


@dataclass(frozen=True, slots=True)
class Says:
    """Words that may be told, whole and cut to what the other side holds, to whom, and by which rule."""

    whole: Document
    parts: tuple[Document, ...]
    audience: Audience
    visibility: Visibility
    reason: str
    comment: str = ""
    """The digest of the whole comment, where it commands for several tickets."""
    waits: bool = False
    """A lead has to release it first."""


@dataclass(frozen=True, slots=True)
class Source:
    """One thing said at a side that was told to the other, as it reads now.

    `kind` is that of its copies' marker; `position` its place in the thread; `says` None if nothing of it may be told,
    for the reason `why`; `muted`: the route's mode keeps words from the customer.
    """

    item: str
    kind: str
    hash: str
    visibility: str
    position: int
    created_at: datetime
    was_edited: bool
    redacted: bool
    says: Says | None
    why: str = ""
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Telling:
    """Words the sources of a group for the other side."""

    state: GroupState
    sign: Signer
    cut: Splitter
    show: Shown
    templates: SandboxedEnvironment

    def split(self, side: Side, whole: Document) -> tuple[Document, ...]:
        """Parts that fit on a side."""
        return self.cut(self.state.route.end(side).site, whole)

    def shown(self, side: Side, body: Document) -> Document:
        """What a side shows of a text after it was written there."""
        return self.show(self.state.route.end(side).site, body)

    def marker(self, side: Side, kind: str, item: str, part: int) -> Marker:
        """The signed marker of a copy of an item of `side`."""
        generation = self.state.link.generation if self.state.link else 0
        return self.sign(Marker(self.state.route.name, str(self.state.ref(side)), kind, item, part, generation))

    def is_from_here(self, side: Side, told: Told) -> bool:
        """Whether an item was told of the ticket that now stands on a side, and not of one that had its place before."""
        state, row = self.state, told.base[0]
        first, is_command, _rest = told.item.partition(":comment:")
        kind = f"update:{first}" if is_command else "comment"
        generations = range((state.link.generation if state.link else 0) + 1)
        made = (Marker(state.route.name, str(state.ref(side)), kind, told.item, 1, one) for one in generations)
        return any(self.sign(one).mac == row.operation_key for one in made)

    def as_edit(self, says: Says, copies: list[Comment | None]) -> Document:
        """The words as a comment of their own, which says whose place they take."""
        first = next((copy for copy in copies if copy is not None), None)
        said = f"{first.created_at:%Y-%m-%d %H:%M} UTC" if first is not None else ""
        facts = {"said": said}
        return word_update(
            Update("edited", says.whole, facts), templates=self.templates, language=self.state.route.language
        )

    def sources(self, side: Side, told: Mapping[str, Told]) -> Iterator[Source]:
        """Every told item of a side whose comment is still there."""
        snapshot = self.state.snapshots.get(side)
        comments = snapshot.thread.comments if snapshot and snapshot.thread else ()
        for position, comment in enumerate(comments):
            if comment.id in told:
                yield self._comment(side, comment, position)
        if side is Side.TRACKER:
            yield from self._commands(comments, told)

    def _comment(self, side: Side, comment: Comment, position: int) -> Source:
        verdict = judge(self.state, side, comment)
        says = None
        if verdict.fate is not Fate.SKIPPED and verdict.visibility is not None and comment.body.children:
            whole = without_files(verdict.whole, comment.attachments)
            says = Says(whole, self.split(side.other, whole), verdict.audience, verdict.visibility, verdict.reason)
        return Source(
            item=comment.id,
            kind="comment",
            hash=rich.digest(comment.body),
            visibility=comment.visibility.value,
            position=position,
            created_at=comment.created_at,
            was_edited=comment.edited_at is not None or comment.redacted,
            redacted=comment.redacted,
            says=says,
            why="no rule lets the other side read its source as it is now",
            muted=verdict.is_unnamed or (verdict.fate is Fate.WITHHELD and verdict.visibility is not None),
        )

    def _commands(self, comments: tuple[Comment, ...], told: Mapping[str, Told]) -> Iterator[Source]:
        standing = commanded(self.state, self.templates)
        for position, comment in enumerate(comments):
            for item in [one for one in told if one.endswith(f":comment:{comment.id}")]:
                found = standing.get(item)
                says, is_edited = None, comment.edited_at is not None or comment.redacted
                if found is not None and found.visibility is not None:
                    body = without_files(found.body, comment.attachments)
                    parts = self.split(Side.HELPDESK, body)
                    says = Says(body, parts, found.audience, found.visibility, found.reason, found.comment, found.waits)
                yield Source(
                    item=item,
                    kind=f"update:{item.partition(':')[0]}",
                    # A command that only the rules no longer know was not taken away by anybody.
                    hash=found.hash if found else rich.digest(comment.body) if is_edited else told[item].hash,
                    visibility=comment.visibility.value,
                    position=position,
                    created_at=comment.created_at,
                    was_edited=is_edited,
                    redacted=comment.redacted,
                    says=says,
                    why="its command was taken away",
                    muted=found.muted if found else False,
                )
