"""Native field names and values: between a mapping's spelling and Jira's JSON.

A mapping names system fields by id (`summary`, `labels`, `security_level`) or as people see them (`Fix versions`), custom
ones as people see them (`Severity`) or by id (`customfield_10010`). Which is which comes from `GET /field`, read once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.errors import PermanentError
from bridge.model.document import Node, from_plain
from bridge.model.ticket import UNREADABLE, Reading
from bridge_jira.text import read_text, tidy_labels, write_text

_ALIASES = {
    "security_level": "security",
    "security level": "security",
    "fix versions": "fixVersions",
    "fix version/s": "fixVersions",
    "fixversions": "fixVersions",
    "affects versions": "versions",
    "affects version/s": "versions",
    "affected versions": "versions",
    "issue type": "issuetype",
    "type": "issuetype",
    "due date": "duedate",
}
_PLAIN_NAMES = {"fixVersions": "Fix versions", "versions": "Affects versions", "security": "security_level"}
_BY_TYPE = {
    "option": "option",
    "user": "user",
    "priority": "named",
    "resolution": "named",
    "status": "named",
    "issuetype": "named",
    "securitylevel": "named",
    "project": "project",
    "number": "plain",
    "date": "plain",
    "datetime": "plain",
}
_BY_ITEM = {"version": "versions", "option": "options", "user": "users", "component": "names"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of the site: its id, the name people see, and the shape of its values."""

    id: str
    name: str
    shape: str


class Catalogue:
    """The site's fields. `spelled` are the native names that mappings use, to name fields back in their words."""

    def __init__(self, fields: Iterable[Mapping[str, Any]], spelled: Iterable[str]) -> None:
        self._by_id: dict[str, Entry] = {}
        self._by_name: dict[str, list[Entry]] = {}
        for field in fields:
            entry = Entry(str(field["id"]), str(field.get("name", field["id"])), _shape(field))
            self._by_id[entry.id] = entry
            self._by_name.setdefault(entry.name.lower(), []).append(entry)
        self._spelling: dict[str, str] = {}
        for name in sorted(spelled):
            found = self.find(name)
            if found is not None:
                self._spelling.setdefault(found.id, name)

    def find(self, name: str) -> Entry | None:
        """The field a native name means; None when there is none, or several custom fields of that name."""
        lower = name.lower()
        direct = self._by_id.get(name) or self._by_id.get(lower) or self._by_id.get(_ALIASES.get(lower, ""))
        if direct is not None:
            return direct
        named = self._by_name.get(lower, [])
        return named[0] if len(named) == 1 else None

    def require(self, name: str, site: str) -> Entry:
        """The field a native name means. Raises PermanentError naming it."""
        found = self.find(name)
        if found is not None:
            return found
        several = [entry.id for entry in self._by_name.get(name.lower(), [])]
        why = f"has several fields of that name: write one of {', '.join(several)}" if several else "has no such field"
        raise PermanentError(f"{site}: cannot write {name}: the site {why}.", site=site, field=name)

    def spelling(self, ident: str) -> str:
        """A field's native name as the mapping spells it; where none does: the id of a system field, else its name."""
        known = self._by_id.get(ident)
        custom = known is not None and ident.startswith("customfield_")
        return self._spelling.get(ident) or _PLAIN_NAMES.get(ident) or (known.name if known and custom else ident)


def _shape(field: Mapping[str, Any]) -> str:
    schema = field.get("schema") or {}
    kind, custom = str(schema.get("type", "")), str(schema.get("custom", ""))
    if kind == "array":
        return _BY_ITEM.get(str(schema.get("items", "")), "labels" if schema.get("system") == "labels" else "plain")
    if kind == "string" and (custom.endswith(":textarea") or schema.get("system") in ("description", "environment")):
        return "text"
    return _BY_TYPE.get(kind, "plain")


def read_value(entry: Entry | None, fields: Mapping[str, Any]) -> Reading:
    """One field of an issue's JSON as a reading; what the issue does not show is unreadable."""
    if entry is None or entry.id not in fields:
        return UNREADABLE
    raw = fields[entry.id]
    if raw is None:
        return Reading.of(None)
    if entry.shape == "text":
        document = read_text(raw)
        return Reading.of(document if document.children else None)
    return Reading.of(_native(entry, raw))


def _native(entry: Entry, raw: Any) -> Any:
    shape = entry.shape
    if shape == "labels":
        return tidy_labels(raw)
    if shape == "versions":
        return [{"name": one["name"], "released": bool(one.get("released"))} for one in raw]
    if shape in ("options", "names"):
        return [one.get("value", one.get("name")) for one in raw]
    if shape == "users":
        return [user_name(one) for one in raw]
    if not isinstance(raw, Mapping):
        return raw
    if shape == "user":
        return user_name(raw)
    return raw.get("key") if shape == "project" else raw.get("value", raw.get("name"))


def user_name(raw: Mapping[str, Any]) -> str:
    """How a mapping knows a user: the mail address where Jira shows it, else the account's id."""
    return str(raw.get("emailAddress") or raw.get("accountId") or raw.get("name") or "")


def write_value(entry: Entry, value: Any, *, cloud: bool, account: Callable[[str], str]) -> Any:
    """A native value as Jira's JSON. `account(name)` finds the id of a user given by mail address or id."""
    shape = entry.shape
    if shape in ("labels", "versions", "options", "names", "users"):
        return _write_list(shape, value or (), cloud=cloud, account=account)
    if value is None or value == "":
        return None
    if isinstance(value, Node):
        return write_text(value, cloud=cloud)
    if shape == "text" and isinstance(value, str):
        return write_text(from_plain(value), cloud=cloud)
    if shape == "option":
        return {"value": str(value)}
    if shape == "named":
        return {"name": str(value)}
    if shape == "project":
        return {"key": str(value)}
    if shape == "user":
        return {"accountId" if cloud else "name": account(str(value))}
    return value


def _write_list(shape: str, values: Iterable[Any], *, cloud: bool, account: Callable[[str], str]) -> list[Any]:
    if shape == "labels":
        return tidy_labels(values)
    if shape == "options":
        return [{"value": str(one)} for one in values]
    if shape == "users":
        return [{"accountId" if cloud else "name": account(str(one))} for one in values]
    return [{"name": str(one["name"] if isinstance(one, Mapping) else one)} for one in values]
