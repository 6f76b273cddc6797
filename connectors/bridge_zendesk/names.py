"""Names people see against the ids Zendesk keeps: groups, organizations, brands, forms, fields and their options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bridge.errors import PermanentError, RefusedError
from bridge.model.ticket import NOBODY, Person
from bridge_zendesk.client import PAGE, Client, Json
from bridge_zendesk.shared import Shared, read_person

_PLURAL = {
    "group": ("groups", "name"),
    "brand": ("brands", "name"),
    "form": ("ticket_forms", "name"),
    "custom_status": ("custom_statuses", "agent_label"),
}
_OPTIONED = ("tagger", "multiselect")


class Names:
    """One connector's view of the shared names; asks the site for what is missing."""

    def __init__(self, site: str, client: Client, shared: Shared) -> None:
        self._site = site
        self._client = client
        self._shared = shared

    def own_id(self) -> str:
        """The id of the account we use."""

        def load() -> Any:
            with self._client.wire.call(endpoint="users"):
                ident = self._client.zenpy.users.me().id
            if ident is None:
                # Zendesk answers this one question to strangers too, with nobody.
                raise RefusedError(f"{self._site} does not know the account in `login`", site=self._site)
            return ident

        return self._shared.own_id(load)

    def person(self, ident: Any) -> Person:
        """The person with this id as far as seen; `ours` is set for our own account."""
        if ident is None:
            return NOBODY
        found = self._shared.person(ident) or Person(str(ident))
        if found.id != self.own_id():
            return found
        return Person(found.id, found.name, found.email, staff=True, ours=True, suspended=found.suspended)

    def met(self, ident: Any) -> Person:
        """The person with this id, who is asked for once if never seen."""
        if self._shared.unknown_people([ident]):
            self.meet([ident])
        return self.person(ident)

    def meet(self, idents: Iterable[Any]) -> None:
        """Read the people of these ids that were never seen, a hundred a request."""
        wanted = self._shared.unknown_people(idents)
        for start in range(0, len(wanted), PAGE):
            cut = ",".join(wanted[start : start + PAGE])
            self._shared.learn(self._client.read("users/show_many.json", "users", holds="users", ids=cut)[0])

    def person_id(self, email: str, *, field: str) -> int:
        """The id of the person with this address, or of this id. Raises PermanentError naming the field."""
        if email.strip().isdecimal():
            return int(email)
        found = self._shared.person_id(email)
        if not found:
            page, _ = self._client.read("users/search.json", "users", holds="users", query=f'email:"{email.strip()}"')
            self._shared.learn(page)
            people = [read_person(user) for user in page.get("users") or ()]
            found = next((person.id for person in people if person.email.lower() == email.strip().lower()), "")
        if not found:
            raise self._unknown(field, email)
        return int(found)

    def name_of(self, field: str, ident: Any) -> str | None:
        """The name behind an id of a `group`, `organization`, `brand`, `form` or `custom_status`."""
        if ident is None:
            return None
        if field == "organization":
            return self._shared.name("organizations", ident) or self._organization(ident)
        kind, key = _PLURAL[field]
        if field == "group" and (seen := self._shared.name("groups", ident)):
            return seen
        return next((str(row[key]) for row in self._rows(kind) if str(row["id"]) == str(ident)), str(ident))

    def id_of(self, field: str, name: str) -> int:
        """The inverse of `name_of`. Raises PermanentError naming the field."""
        if field == "organization":
            kind = "organizations"
            page, _ = self._client.read("organizations/search.json", kind, holds=kind, name=name)
            self._shared.learn(page)
            rows, key = page.get("organizations") or [], "name"
        else:
            kind, key = _PLURAL[field]
            rows = self._rows(kind)
        found = next((row["id"] for row in rows if str(row[key]) == name), None)
        if found is None:
            raise self._unknown(field, name)
        return int(found)

    def custom_field(self, title: str) -> Json | None:
        """The custom ticket field with this title, None if the account has none."""
        return next((row for row in self._custom_fields() if row["title"] == title), None)

    def known_field(self, title: str) -> Json | None:
        """The same, asking only what was read already."""
        return next((row for row in self._shared.known("ticket_fields") if row["title"] == title), None)

    def title_of(self, ident: Any, *, load: bool = True) -> str:
        """The title of a custom field, its id if unknown. Without `load` only what was read already is asked."""
        rows = self._custom_fields() if load else self._shared.known("ticket_fields")
        return next((str(row["title"]) for row in rows if str(row["id"]) == str(ident)), str(ident))

    def shown_value(self, field: Mapping[str, Any], value: Any) -> Any:
        """A custom field's value as people see it: the names of options, numbers as numbers."""
        if value in (None, "", []):
            return None
        kind = field["type"]
        if kind in _OPTIONED:
            names = {row["value"]: row["name"] for row in field.get("custom_field_options") or ()}
            if isinstance(value, list):
                return [names.get(entry, entry) for entry in value]
            return names.get(value, value)
        if kind in ("integer", "decimal"):
            return _number(value)
        return value if isinstance(value, bool) else str(value)

    def kept_value(self, field: Mapping[str, Any], value: Any) -> Any:
        """The inverse of `shown_value`; an option may be given by its name or its tag. Raises PermanentError."""
        if field["type"] not in _OPTIONED or value in (None, "", []):
            return value
        tags = {row["value"]: row["value"] for row in field.get("custom_field_options") or ()}
        tags |= {row["name"]: row["value"] for row in field.get("custom_field_options") or ()}
        entries = value if isinstance(value, list) else [value]
        unknown = next((entry for entry in entries if entry not in tags), None)
        if unknown is not None:
            raise self._unknown(str(field["title"]), unknown)
        return [tags[entry] for entry in entries] if isinstance(value, list) else tags[value]

    def _rows(self, kind: str) -> list[Json]:
        def load() -> list[Json]:
            return [
                row for page in self._client.pages(f"{kind}.json", kind, holds=kind) for row in page.get(kind) or ()
            ]

        return self._shared.loaded(kind, load)

    def _custom_fields(self) -> list[Json]:
        return [row for row in self._rows("ticket_fields") if row.get("removable", True)]

    def _organization(self, ident: Any) -> str | None:
        kind = "organizations"
        page, _ = self._client.read("organizations/show_many.json", kind, holds=kind, ids=str(ident))
        self._shared.learn(page)
        return self._shared.name("organizations", ident) or str(ident)

    def _unknown(self, field: str, value: Any) -> PermanentError:
        message = f"{self._site}: {field} has no value {value!r} there; check the spelling or add it in Zendesk"
        return PermanentError(message, site=self._site, field=field)


def _number(value: Any) -> Any:
    text = str(value)
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
