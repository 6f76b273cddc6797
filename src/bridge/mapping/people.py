"""The lens for a person: an account of the side against the person of the config's `people:` that it is.

Somebody nobody mapped reads as unreadable: nothing is written over them, and nothing of them reaches the other side. One
who has no account on a side cannot be written there, and the side stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.errors import Place
from bridge.mapping.condition import members
from bridge.mapping.lens import settled
from bridge.model.ticket import EMPTY_READING, UNREADABLE, Presence, Reading

People = Mapping[str, tuple[str, ...]]
"""By the key of a person: the names they have at a site (account, e-mail address), the one to be written first."""


@dataclass(frozen=True, slots=True)
class PersonLens:
    """A canonical field whose values are keys of `people`. `is_list`: the native field holds several accounts; one of
    them is mirrored, and those nobody mapped stay beside it."""

    field: str
    native: str
    place: Place
    people: People
    is_list: bool = False
    writable: bool = True

    @property
    def natives(self) -> tuple[str, ...]:
        """The one native field."""
        return (self.native,)

    def read(self, fields: Mapping[str, Reading]) -> Reading:
        """The key of the person; empty if nobody is named, unreadable if nobody mapped is."""
        reading = fields.get(self.native, UNREADABLE)
        if reading.presence is not Presence.VALUE:
            return reading
        found = [key for name in members(reading.value) if (key := self._key(name)) is not None]
        return Reading(Presence.VALUE, found[0]) if found else UNREADABLE

    def write(self, value: Any, current: Mapping[str, Reading]) -> dict[str, Any]:
        """The account to name; {} over somebody nobody mapped, and for a person without an account here."""
        present = settled(self.natives, current)
        now = self.read(present)
        names = self.people.get(str(value)) if value is not None else None
        if not now.readable or now.value == value or (value is not None and not names):
            return {}
        account = names[0] if names else None
        if not self.is_list:
            return {self.native: account}
        others = [str(name) for name in members(present[self.native].value) if self._key(name) is None]
        return {self.native: [*others, *([account] if account else [])]}

    def form(self, value: Any) -> dict[str, Any]:
        """The account for a new ticket."""
        return self.write(value, {self.native: EMPTY_READING})

    def fold(self, value: Any) -> Any:
        """The person, if they have an account here."""
        return value if value in self.people else None

    def touches(self, native: str, members: frozenset[str]) -> bool:
        """Whether it is this field, and somebody mapped is among those put in or taken out."""
        return native == self.native and (not members or any(self._key(name) is not None for name in members))

    def _key(self, name: Any) -> str | None:
        folded = str(name).casefold()
        for key, names in self.people.items():
            if folded in (each.casefold() for each in names):
                return key
        return None
