"""The site's past events as facts, from the time-based export of ticket events.

A page's end is inclusive, so the next one repeats its last second: facts are told apart by their event ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from bridge.model.feed import Fact
from bridge.model.ticket import Person, TicketRef
from bridge.model.words import Visibility
from bridge_zendesk.client import Json, read_time
from bridge_zendesk.fields import BUILT_IN, NAMES, Fields
from bridge_zendesk.names import Names

COMMENT, FIELD, CREATED, DELETED = "comment", "field", "created", "deleted"
_WRITTEN_OUT = "custom_ticket_fields"


class Historian:
    """Turns a page of ticket events into facts about the wanted fields."""

    def __init__(self, site: str, names: Names, fields: Fields) -> None:
        self._site = site
        self._names = names
        self._fields = fields
        self._custom = bool(fields.wanted - BUILT_IN)

    def facts(self, page: Mapping[str, Any]) -> Iterator[Fact]:
        """The facts of one page, oldest first."""
        events = page.get("ticket_events") or ()
        people = [event["updater_id"] for event in events]
        people += [value for event in events for value in self._people_in(event)]
        self._names.meet(people)
        for event in events:
            yield from self._of_audit(event)

    def past(self, ref: TicketRef, audits: Sequence[Json]) -> Iterator[Fact]:
        """The facts in all audits of one ticket, oldest first."""
        self._names.meet([audit["author_id"] for audit in audits])
        for audit in audits:
            at, actor = read_time(audit["created_at"]), self._names.person(audit["author_id"])
            for event in audit.get("events") or ():
                yield from self._of_event(event, ref, at, actor)

    def before(self, events: Sequence[Json], wanted: Mapping[str, Any]) -> dict[str, Any]:
        """What stood in these native fields before one audit. A trigger may have changed a field again within it: the
        first of its events tells."""
        told: dict[str, Any] = {}
        for event in events:
            key = str(event.get("field_name", ""))
            if event.get("type") == "Change" and "previous_value" in event:
                row = {key: event.get("value")}
                child = {_WRITTEN_OUT: row} if key.isdigit() else row
                for name, old, _new in self._changes(child, event["previous_value"]):
                    if name in wanted:
                        told.setdefault(name, old)
        return told

    def _of_event(self, event: Json, ref: TicketRef, at: datetime, actor: Person) -> Iterator[Fact]:
        kind, key, ident = event.get("type"), str(event.get("field_name", "")), f"event {event['id']}"
        if kind == "Comment":
            flag = Visibility.PUBLIC if event.get("public") else Visibility.INTERNAL
            yield Fact(ref, ident, at, actor, COMMENT, new=flag.value)
        elif kind in ("Create", "Change") and key == "status" and event.get("value") == "deleted":
            yield Fact(ref, ident, at, actor, DELETED)
        elif kind in ("Create", "Change"):
            row = {key: event.get("value")}
            child = {_WRITTEN_OUT: row} if key.isdigit() else row
            for name, before, after in self._changes(child, event.get("previous_value")):
                yield Fact(ref, ident, at, actor, FIELD, name, before, after)

    def _people_in(self, event: Json) -> Iterator[Any]:
        for child in event.get("child_events") or ():
            for key in ("assignee_id", "requester_id"):
                if NAMES[key] in self._fields.wanted and child.get(key):
                    yield from (value for value in (child[key], child.get("previous_value")) if value)

    def _of_audit(self, event: Json) -> Iterator[Fact]:
        ref = TicketRef(self._site, str(event["ticket_id"]))
        at = read_time(event["created_at"])
        actor = self._names.person(event["updater_id"])
        children = event.get("child_events") or ()
        if any(child.get("event_type") == "Create" for child in children):
            yield Fact(ref, f"audit {event['id']}", at, actor, CREATED)
        for child in children:
            yield from self._of_child(child, ref, at, actor)

    def _of_child(self, child: Json, ref: TicketRef, at: datetime, actor: Person) -> Iterator[Fact]:
        ident = f"event {child['id']}"
        kind = child.get("event_type")
        if kind == "Comment":
            public = bool(child.get("comment_public", child.get("public")))
            yield Fact(ref, ident, at, actor, COMMENT, new=(Visibility.PUBLIC if public else Visibility.INTERNAL).value)
        elif kind in ("Create", "Change"):
            if child.get("status") == "deleted":
                yield Fact(ref, ident, at, actor, DELETED)
                return
            old = child.get("previous_value")
            for name, before, after in self._changes(child, old):
                yield Fact(ref, ident, at, actor, FIELD, name, before, after)

    def _changes(self, child: Json, old: Any) -> Iterator[tuple[str, Any, Any]]:
        for key in child.keys() & NAMES.keys():
            if NAMES[key] in self._fields.wanted:
                yield NAMES[key], self._fields.read_key(key, old), self._fields.read_key(key, child[key])
        values = child.get(_WRITTEN_OUT)
        if self._custom and isinstance(values, Mapping):
            for ident, value in values.items():
                title = self._names.title_of(ident)
                field = self._names.known_field(title)
                if field is not None and title in self._fields.wanted:
                    before = old.get(ident) if isinstance(old, Mapping) else old
                    yield title, self._names.shown_value(field, before), self._names.shown_value(field, value)
