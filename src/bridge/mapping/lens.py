"""Lenses for text, labels and plain custom fields: how one canonical field is read from a side and written to it.

Every lens keeps two laws. GetPut: writing what was read changes nothing. PutGet: after a write, reading gives the value
back, reduced to what the side can hold (`fold`). The lens for closed vocabularies is in `table`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Protocol

from bridge.errors import Place
from bridge.mapping.condition import members
from bridge.model.document import EMPTY, Document, Node, from_plain
from bridge.model.ticket import EMPTY_READING, UNREADABLE, Presence, Reading


class Lens(Protocol):
    """One canonical field of one side."""

    @property
    def field(self) -> str:
        """The canonical field."""

    @property
    def natives(self) -> tuple[str, ...]:
        """The native fields it reads and writes."""

    @property
    def writable(self) -> bool:
        """Whether the side takes writes of it at all (Zendesk's description stands for ever)."""

    @property
    def place(self) -> Place:
        """Where its block stands."""

    def read(self, fields: Mapping[str, Reading]) -> Reading:
        """The canonical value: str for vocabularies and summary, `Document` for the description, sorted tuple of str
        for labels; empty when there is none; unreadable if a native field it needs is, or was not asked for, or holds
        a value no rule speaks of."""

    def write(self, value: Any, current: Mapping[str, Reading]) -> dict[str, Any]:
        """The native fields to change, and their new values, for the side to read as `value` (None empties it); {} if
        it does already. A native field absent from `current` counts as empty; raises ValueError for an unreadable one.
        """

    def form(self, value: Any) -> dict[str, Any]:
        """Everything to set on a new ticket, even what an empty one would read as anyway."""

    def fold(self, value: Any) -> Any:
        """What this side can hold of `value`: what it reads as after it was written to an empty ticket."""

    def touches(self, native: str, members: frozenset[str]) -> bool:
        """Whether a change of this native field can be one of the canonical field. `members` are those put into a list
        or taken out of it, empty where the field is no list."""


def settled(natives: Iterable[str], current: Mapping[str, Reading]) -> dict[str, Reading]:
    """The readings of these fields, absent ones as empty. Raises ValueError if one is unreadable."""
    readings = {name: current.get(name, EMPTY_READING) for name in natives}
    hidden = [name for name, reading in readings.items() if not reading.readable]
    if hidden:
        raise ValueError(f"nothing can be written over the unreadable field {hidden[0]!r}")
    return readings


def after(current: Mapping[str, Reading], written: Mapping[str, Any]) -> dict[str, Reading]:
    """The readings a side will show once `written` took effect."""
    return {**current, **{name: Reading.of(value) for name, value in written.items()}}


def normal_form(helpdesk: Lens, tracker: Lens, value: Any) -> Any:
    """A canonical value reduced to what both sides can hold. Two values are lens-equal when their normal forms are
    equal; the checker proves that a value and its mirror image always are."""
    return tracker.fold(helpdesk.fold(value))


@dataclass(frozen=True, slots=True)
class _OneField:
    """What lenses on a single native field share."""

    field: str
    native: str
    place: Place
    writable: bool = True

    @property
    def natives(self) -> tuple[str, ...]:
        return (self.native,)

    def read(self, fields: Mapping[str, Reading]) -> Reading:
        reading = fields.get(self.native, UNREADABLE)
        if reading.presence is not Presence.VALUE:
            return reading
        return _as_reading(self._canonical(reading.value))

    def write(self, value: Any, current: Mapping[str, Reading]) -> dict[str, Any]:
        now = self.read(settled(self.natives, current)).value
        wanted = self._canonical(value)
        return {} if now == _as_reading(wanted).value else {self.native: self._native(wanted)}

    def form(self, value: Any) -> dict[str, Any]:
        return self.write(value, {})

    def fold(self, value: Any) -> Any:
        return _as_reading(self._canonical(value)).value

    def touches(self, native: str, members: frozenset[str]) -> bool:
        return native == self.native

    def _canonical(self, value: Any) -> Any:
        raise NotImplementedError

    def _native(self, value: Any) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class LineLens(_OneField):
    """A one-line text, such as a summary: white space runs count as one blank, as vendors' forms fold them too."""

    def _canonical(self, value: Any) -> str:
        return " ".join(str(value).split()) if value is not None else ""

    def _native(self, value: Any) -> Any:
        return value


@dataclass(frozen=True, slots=True)
class DocumentLens(_OneField):
    """Rich text: a `Document` as the connector read it; plain text is taken as such."""

    def _canonical(self, value: Any) -> Document:
        if value is None:
            return EMPTY
        return value if isinstance(value, Node) else from_plain(str(value))

    def _native(self, value: Any) -> Any:
        return value


@dataclass(frozen=True, slots=True)
class ListLens(_OneField):
    """A custom field that holds a set of names, such as affected versions."""

    def _canonical(self, value: Any) -> tuple[str, ...]:
        return tuple(sorted({str(member) for member in members(value)}))

    def _native(self, value: Any) -> Any:
        return list(value)


@dataclass(frozen=True, slots=True)
class LabelsLens:
    """Labels that travel: those matching `only` and not `without`, and never one that a table names.

    All other labels, on either side, are left as they are. `as_tags` spells them as tags are spelled: lower case, blanks
    as underscores.
    """

    field: str
    native: str
    place: Place
    only: tuple[str, ...]
    without: tuple[str, ...] = ()
    taken: frozenset[str] = frozenset()
    as_tags: bool = False
    writable: bool = True

    @property
    def natives(self) -> tuple[str, ...]:
        """The one native list of labels."""
        return (self.native,)

    def travels(self, label: str) -> bool:
        """Whether a label is mirrored. Compared without regard to case."""
        folded = label.casefold()
        if folded in self.taken or any(fnmatchcase(folded, glob.casefold()) for glob in self.without):
            return False
        return any(fnmatchcase(folded, glob.casefold()) for glob in self.only)

    def read(self, fields: Mapping[str, Reading]) -> Reading:
        """The travelling labels, sorted."""
        reading = fields.get(self.native, UNREADABLE)
        if not reading.readable:
            return UNREADABLE
        return _as_reading(self._canonical(reading.value))

    def write(self, value: Any, current: Mapping[str, Reading]) -> dict[str, Any]:
        """The whole new list: labels that do not travel stay, in their order; then the wanted ones."""
        present = [str(label) for label in members(settled(self.natives, current)[self.native].value)]
        wanted = self._canonical(value)
        if self._canonical(present) == wanted:
            return {}
        kept = [label for label in present if not self.travels(label) or self._spell(label) in wanted]
        spelled = {self._spell(label) for label in kept}
        return {self.native: kept + [label for label in wanted if label not in spelled]}

    def form(self, value: Any) -> dict[str, Any]:
        """The travelling labels for a new ticket."""
        return self.write(value, {})

    def fold(self, value: Any) -> Any:
        """The labels this side would take, in its spelling."""
        return _as_reading(self._canonical(value)).value

    def touches(self, native: str, members: frozenset[str]) -> bool:
        """Whether one of the labels travels."""
        return native == self.native and any(self.travels(label) for label in members)

    def _canonical(self, value: Any) -> tuple[str, ...]:
        return tuple(sorted({self._spell(str(label)) for label in members(value) if self.travels(str(label))}))

    def _spell(self, label: str) -> str:
        return "_".join(label.lower().split()) if self.as_tags else label


def _as_reading(value: Any) -> Reading:
    return EMPTY_READING if value in ("", (), EMPTY) else Reading(Presence.VALUE, value)
