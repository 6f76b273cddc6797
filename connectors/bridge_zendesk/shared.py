"""What all connectors of one Zendesk site know together in a process: people, names, our own account, our marks.

Everything here is learned from answers that came anyway, or read once and only when a name is needed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from threading import RLock
from typing import Any, Generic, TypeVar

from bridge.model.document import Document
from bridge.model.marker import Marker
from bridge.model.ticket import Person
from bridge_zendesk.client import Json

Value = TypeVar("Value")
SYSTEM = Person("-1", name="System", staff=True)
"""Whom Zendesk names as the author of what its triggers and automations do."""
_STAFF = ("agent", "admin")


class Kept(Generic[Value]):
    """The last `most` entries of something, by key. Used under the guard of `Shared`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[str, Value] = OrderedDict()

    def get(self, key: str) -> Value | None:
        """The entry, None if it is not (or no longer) known."""
        if key in self._entries:
            self._entries.move_to_end(key)
        return self._entries.get(key)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def put(self, key: str, value: Value) -> None:
        """Keep an entry, and let the oldest go when there are too many."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)


class Shared:
    """The shared state of one site. Every method is safe from any thread. Loaders run one at a time and outside the
    guard of the rest, so that what is read once is read once and nobody else waits for it."""

    def __init__(self) -> None:
        self._guard = RLock()
        self._loading = RLock()
        self._own_id = ""
        self._people: Kept[Person] = Kept(20_000)
        self._emails: Kept[str] = Kept(20_000)
        self._names: dict[str, dict[str, str]] = {"groups": {}, "organizations": {}}
        self._loaded: dict[str, list[Json]] = {}
        self._descriptions: Kept[Document] = Kept(2_000)
        self._markers: Kept[Marker | None] = Kept(20_000)

    def own_id(self, load: Callable[[], Any]) -> str:
        """The id of the account we use; `load` asks who we are, once."""
        if not self._own_id:
            with self._loading:
                self._own_id = self._own_id or str(load())
        return self._own_id

    def learn(self, page: Mapping[str, Any]) -> None:
        """Take in the people, groups and organizations that came beside other things."""
        with self._guard:
            for user in page.get("users") or ():
                person = read_person(user)
                self._people.put(person.id, person)
                if person.email:
                    self._emails.put(person.email.lower(), person.id)
            for kind in ("groups", "organizations"):
                self._names[kind].update({str(row["id"]): str(row["name"]) for row in page.get(kind) or ()})

    def person(self, ident: Any) -> Person | None:
        """The person with this id, None if never seen."""
        if str(ident) == SYSTEM.id:
            return SYSTEM
        with self._guard:
            return self._people.get(str(ident))

    def person_id(self, email: str) -> str:
        """The id of the person with this address, empty if never seen."""
        with self._guard:
            return self._emails.get(email.strip().lower()) or ""

    def unknown_people(self, idents: Iterable[Any]) -> list[str]:
        """Those of the ids whose people were never seen, each once."""
        wanted = dict.fromkeys(str(ident) for ident in idents if ident is not None)
        return [ident for ident in wanted if self.person(ident) is None]

    def name(self, kind: str, ident: Any) -> str | None:
        """The name of a group or organization, None if never seen."""
        with self._guard:
            return self._names[kind].get(str(ident))

    def loaded(self, kind: str, load: Callable[[], list[Json]]) -> list[Json]:
        """The account's definitions of a kind (`ticket_fields`, `groups`, …), read once a process."""
        with self._loading:
            if kind not in self._loaded:
                rows = load()
                self.learn({kind: rows})
                self._loaded[kind] = rows
            return self._loaded[kind]

    def known(self, kind: str) -> list[Json]:
        """The definitions of a kind if they were read already, else none."""
        return self._loaded.get(kind, [])

    def description(self, ticket: str) -> Document | None:
        """The first comment of a ticket as rich text, if it was read in this process."""
        with self._guard:
            return self._descriptions.get(ticket)

    def keep_description(self, ticket: str, body: Document) -> None:
        """Remember the first comment of a ticket, which Zendesk shows in lists as plain text only."""
        with self._guard:
            self._descriptions.put(ticket, body)

    def marker(self, slot: str, load: Callable[[], Marker | None] | None = None) -> Marker | None:
        """The marker in a slot (`ticket 7`, `comment 9`); `load` reads it, once a process, where given."""
        with self._guard:
            if load is None or slot in self._markers:
                return self._markers.get(slot)
        found = load()
        with self._guard:
            self._markers.put(slot, found)
        return found

    def keep_marker(self, slot: str, marker: Marker) -> None:
        """Remember a marker that we wrote or read."""
        with self._guard:
            self._markers.put(slot, marker)


def read_person(user: Mapping[str, Any]) -> Person:
    """A user as Zendesk shows them to an agent."""
    return Person(
        id=str(user["id"]),
        name=user.get("name") or "",
        email=user.get("email") or "",
        staff=user.get("role") in _STAFF,
        suspended=bool(user.get("suspended")),
    )
