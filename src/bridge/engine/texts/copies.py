"""The copies of a group as the ledger remembers them and as the other side shows them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from bridge.engine.state import GroupState
from bridge.model.operation import UNSENT, Operation, OperationKind, OperationState
from bridge.model.ticket import Comment
from bridge.model.words import Side
from bridge.store.links import Fate, Item

_VERSION = re.compile(r"(?P<item>.+)~(?P<number>\d+)\.(?P<hash>[0-9a-f]{12})")
_DOUBT = (OperationState.SENDING, OperationState.UNKNOWN)


def version_of(source_id: str) -> tuple[str, int, str]:
    """A row's item, the number of its version (0: the item itself) and the beginning of that version's hash."""
    match = _VERSION.fullmatch(source_id)
    return (match["item"], int(match["number"]), match["hash"]) if match else (source_id, 0, "")


@dataclass(slots=True)
class Told:
    """What was told of one item: `base` are the parts first written, `versions` the later texts that stand or stood,
    `unsent` a later text still on its way. Only rows whose copy was written are in `base` and `versions`."""

    item: str
    base: list[Item] = field(default_factory=list)
    versions: list[Item] = field(default_factory=list)
    unsent: list[Operation] = field(default_factory=list)
    unsent_rows: list[Item] = field(default_factory=list)
    number: int = 0
    is_under_way: bool = False

    @property
    def rows(self) -> list[Item]:
        """Every copy that stands."""
        return [row for row in (*self.base, *self.versions) if row.fate is Fate.SENT]

    @property
    def newest(self) -> list[Item]:
        """The rows of the words told last."""
        last = max((version_of(row.source_id)[1] for row in self.versions), default=0)
        return [row for row in (*self.base, *self.versions) if version_of(row.source_id)[1] == last]

    @property
    def hash(self) -> str:
        """The digest of the words told last; "" where a copy was only found by its marker."""
        return self.newest[0].source_hash

    @property
    def visibility(self) -> str:
        """Who could read the source then, "" where nobody wrote that down."""
        return self.newest[0].visibility or ""

    @property
    def stands(self) -> bool:
        """Whether any copy was not taken back."""
        return bool(self.rows)

    @property
    def comment(self) -> bool:
        """Whether it comes from a comment, which can be deleted: only those were ever seen with a visibility. What
        bridge says by itself (of files, or of a ticket that joined) has none."""
        return bool(self.visibility) and (":" not in self.item or ":comment:" in self.item)

    def part(self, number: int) -> Item | None:
        """The row of one part as first written."""
        return next((row for row in self.base if row.part == number), None)


class Copies:
    """What was told, and where it stands."""

    def __init__(self, state: GroupState) -> None:
        self._state = state
        self._shown: dict[Side, dict[str, Comment]] = {}
        self._complete: dict[Side, bool] = {}
        for side, snapshot in state.snapshots.items():
            if snapshot.thread is not None:
                self._shown[side] = {comment.id: comment for comment in snapshot.thread.comments}
                self._complete[side] = snapshot.thread.complete

    def find(self, side: Side, ident: str) -> tuple[bool, Comment | None]:
        """Whether it is known if a comment stands on a side, and the comment."""
        comment = self._shown.get(side, {}).get(ident)
        return comment is not None or self._complete.get(side, False), comment

    def told(self, side: Side) -> dict[str, Told]:
        """What was told of each item of a side, whether it stands or was taken back."""
        found: dict[str, Told] = {}
        operations = self._operations(side.other)
        for (where, _item, _part), row in sorted(self._state.items.items(), key=lambda pair: pair[0][1:]):
            if where is not side or row.fate not in (Fate.SENT, Fate.WITHDRAWN):
                continue
            item, number, digest = version_of(row.source_id)
            told = found.setdefault(item, Told(item))
            self._sort_in(told, row, number, digest, operations[row.source_id, row.part])
        for told in found.values():
            told.base.sort(key=lambda row: row.part)
        return {item: told for item, told in found.items() if told.base and told.base[0].part == 1}

    def _sort_in(self, told: Told, row: Item, number: int, digest: str, operations: Iterable[Operation]) -> None:
        listed = list(operations)
        told.is_under_way |= any(one.state in _DOUBT for one in listed)
        unsent = [one for one in listed if one.kind is OperationKind.COMMENT and one.state in UNSENT]
        if unsent and not row.target_id:
            if number:
                told.unsent.extend(unsent)
                told.unsent_rows.append(row)
            else:
                told.is_under_way = True
            return
        told.number = max(told.number, number)
        if not row.target_id:
            # A later text that was taken back before it was sent counts as told: it is not to be told again.
            told.versions.extend([row] if number and row.fate is Fate.WITHDRAWN else [])
            return
        if number and not row.source_hash:
            # Found by its marker, whose name tells the words.
            row = replace(row, source_hash=digest)
        (told.versions if number else told.base).append(row)

    def _operations(self, target: Side) -> dict[tuple[str, int], list[Operation]]:
        listed: dict[tuple[str, int], list[Operation]] = defaultdict(list)
        for one in self._state.operations:
            if one.side is target and one.item and one.kind in (OperationKind.COMMENT, OperationKind.EDIT):
                listed[one.item, one.marker.part if one.marker else 1].append(one)
        return listed
