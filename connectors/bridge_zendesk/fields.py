"""Native fields under the names a mapping uses: read from a ticket, and written into one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bridge.errors import PermanentError
from bridge.model.ticket import UNREADABLE, Reading
from bridge_zendesk.client import Json
from bridge_zendesk.names import Names
from bridge_zendesk.text import fold_subject, fold_tags

DESCRIPTION = "description"
_PLAIN = ("subject", "status", "priority", "type", "external_id")
_PEOPLE = {"requester": "requester_id", "assignee": "assignee_id"}
_NAMED = {
    "group": "group_id",
    "organization": "organization_id",
    "brand": "brand_id",
    "form": "ticket_form_id",
    "custom_status": "custom_status_id",
}
FOLLOWS, MERGED = "follow_up_of", "merged_into"
"""The id of the closed ticket that this one follows; that of the ticket this one was merged into. Read only."""
ALWAYS = frozenset({*_PLAIN, "tags", "group", "organization", "requester", FOLLOWS})
"""What a ticket shows at no cost: it stands in the ticket or is side-loaded with it."""
BUILT_IN = frozenset({*ALWAYS, *_PEOPLE, *_NAMED, DESCRIPTION, MERGED})
"""Every other name is the title of a custom field."""
KEYS = {**{name: name for name in _PLAIN}, "tags": "tags", **_PEOPLE, **_NAMED}
"""The key of each built-in field in a ticket."""


class Fields:
    """Reads and writes native fields. `wanted` are those that a mapping mentions."""

    def __init__(self, site: str, names: Names, wanted: Iterable[str]) -> None:
        self._site = site
        self._names = names
        self.wanted = frozenset(wanted) | ALWAYS

    def read(self, ticket: Mapping[str, Any], wanted: Iterable[str] | None = None) -> dict[str, Reading]:
        """The wanted fields of a ticket, without its description. A field the account does not have, or does not show
        us, reads as unreadable."""
        return {
            name: self._read(ticket, name)
            for name in sorted(self.wanted if wanted is None else wanted)
            if name not in (DESCRIPTION, MERGED)
        }

    def read_key(self, key: str, value: Any) -> Any:
        """The native value behind one key of a ticket (`group_id`), as histories name them."""
        name = NAMES.get(key, key)
        if value in (None, ""):
            return None
        if name in _PEOPLE:
            # Somebody without an address (Zendesk has such) is named by id: there is somebody.
            return self._names.met(value).email.lower() or str(value)
        if name in _NAMED:
            return self._names.name_of(name, value)
        return fold_tags(value) if name == "tags" else value

    def _read(self, ticket: Mapping[str, Any], name: str) -> Reading:
        if name in KEYS:
            key = KEYS[name]
            return Reading.of(self.read_key(key, ticket[key])) if key in ticket else UNREADABLE
        if name == FOLLOWS:
            return Reading.of(related_ticket(ticket.get("via"), "follow_up", "from"))
        field = self._names.custom_field(name)
        if field is None:
            return UNREADABLE
        for entry in ticket.get("custom_fields") or ():
            if entry["id"] == field["id"]:
                return Reading.of(self._names.shown_value(field, entry.get("value")))
        return UNREADABLE

    def write(self, values: Mapping[str, Any]) -> Json:
        """The part of a ticket write that sets these fields. Raises PermanentError naming the field."""
        out: Json = {}
        custom = []
        for name, value in values.items():
            if name in (DESCRIPTION, FOLLOWS, MERGED):
                message = f"{self._site}: {name} of a ticket cannot be changed"
                raise PermanentError(message, site=self._site, field=name)
            if name in KEYS:
                out[KEYS[name]] = self._write(name, value)
                continue
            field = self._names.custom_field(name)
            if field is None:
                message = f"{self._site}: there is no ticket field {name!r}; add it in Zendesk or mend the mapping"
                raise PermanentError(message, site=self._site, field=name)
            custom.append({"id": field["id"], "value": self._names.kept_value(field, value)})
        if custom:
            out["custom_fields"] = custom
        return out

    def _write(self, name: str, value: Any) -> Any:
        if name == "tags":
            return fold_tags(value)
        if value in (None, ""):
            return None
        if name == "subject":
            return fold_subject(str(value))
        if name in _PEOPLE:
            return self._names.person_id(str(value), field=name)
        if name in _NAMED:
            return self._names.id_of(name, str(value))
        return value

    def normalise(self, name: str, value: Any) -> Any:
        """What the site will show for a value written. Asks the site nothing."""
        if name == "subject":
            return fold_subject(str(value or "")) or None
        if name == "tags":
            return fold_tags(value) or None
        if name in _PEOPLE and isinstance(value, str):
            return value.strip().lower() or None
        if name not in BUILT_IN and isinstance(value, str):
            field = self._names.known_field(name)
            return self._names.shown_value(field, value) if field else value.strip() or None
        return None if value in ("", []) else value


def related_ticket(via: Any, relation: str, end: str) -> str | None:
    """The id of the ticket that a `via` names at one `end` (`from`, `to`) of a relation (`follow_up`, `merge`)."""
    source = via.get("source") if isinstance(via, Mapping) else None
    if not isinstance(source, Mapping) or source.get("rel") != relation:
        return None
    ident = (source.get(end) or {}).get("ticket_id")
    return str(ident) if ident else None


NAMES = {key: name for name, key in KEYS.items()}
"""The native name behind each key of a ticket."""
