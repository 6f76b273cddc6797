"""Reading the fields of a ticket write: what each may hold, and what Zendesk says when it may not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bridge.sandbox.site import Refusal
from bridge.sandbox.zendesk.account import STAFF, Account, invalid
from bridge.sandbox.zendesk.state import PRIORITIES, STATUSES, TYPES, Json

_REFERENCES = {
    "group_id": ("groups", "Group"),
    "organization_id": ("organizations", "Organization"),
    "brand_id": ("brands", "Brand"),
    "ticket_form_id": ("ticket_forms", "Ticket form"),
}
_FREE = ("external_id", "due_at", "problem_id", "recipient")


def read_tags(value: Any) -> list[str]:
    """Tags as kept: split at white space and commas, lower case, each once, sorted."""
    parts = value if isinstance(value, list) else [value or ""]
    words = (word.lower() for part in parts for word in re.split(r"[\s,]+", str(part)))
    return sorted({word for word in words if word})


def same_instant(left: str, right: str) -> bool:
    """Whether two stamps name the same second, whichever way the zone is written."""

    def plain(stamp: str) -> str:
        return re.sub(r"(\.\d+)?(Z|\+00:?00)$", "", stamp.strip())

    return plain(left) == plain(right)


class Values(Account):
    """What a write asks for, checked, as new values of the ticket record."""

    def wanted(self, ticket: Json, change: Mapping[str, Any], actor: Json) -> Json:
        """The record's keys that the change names, with their new values. Raises Refusal(422)."""
        wanted: Json = {}
        if "subject" in change:
            wanted["subject"] = str(change["subject"] or "").strip() or None
        for key, label, allowed in (("priority", "Priority", PRIORITIES), ("type", "Type", TYPES)):
            if key in change:
                wanted[key] = _choice(key, label, change[key], allowed)
        wanted |= {key: change[key] for key in _FREE if key in change}
        for key, (kind, label) in _REFERENCES.items():
            if key in change:
                wanted[key] = self._reference(key, kind, label, change[key])
        wanted |= self._status(ticket, change)
        wanted |= self._people(change, actor)
        wanted |= self._tags(ticket, change)
        self._custom(ticket, change, wanted)
        return wanted

    def _status(self, ticket: Json, change: Mapping[str, Any]) -> Json:
        wanted: Json = {}
        if change.get("custom_status_id") is not None:
            status = self.data["custom_statuses"].get(str(change["custom_status_id"]))
            if status is None:
                raise invalid(custom_status_id="Custom status is invalid")
            wanted = {"custom_status_id": status["id"], "status": status["status_category"]}
        elif change.get("status") is not None:
            status = str(change["status"]).lower()
            if status not in STATUSES:
                raise invalid(status=f"Status: {change['status']} is not a valid status")
            wanted["status"] = status
        old = ticket["status"]
        if wanted.get("status") == "new" and ticket["_seq"] and old != "new":
            raise invalid(status="Status: cannot be set back to New")
        return wanted

    def _reference(self, key: str, kind: str, label: str, value: Any) -> int | None:
        if value in (None, ""):
            return None
        if str(value) not in self.data[kind]:
            raise invalid(**{key: f"{label}: is invalid"})
        return int(value)

    def _people(self, change: Mapping[str, Any], actor: Json) -> Json:
        wanted: Json = {}
        if change.get("assignee_email"):
            found = self.user_by_email(change["assignee_email"])
            wanted["assignee_id"] = self._assignee(found["id"] if found else 0)
        if "assignee_id" in change:
            wanted["assignee_id"] = self._assignee(change["assignee_id"])
        if change.get("requester_id") is not None:
            requester = self.data["users"].get(str(change["requester_id"]))
            wanted["requester_id"] = self._may_request(requester)
        elif isinstance(change.get("requester"), Mapping):
            wanted["requester_id"] = self._may_request(self.find_or_make_user(change["requester"], "Requester"))
        for key in ("follower_ids", "collaborator_ids"):
            if key in change:
                wanted[key] = [int(ident) for ident in change[key] or () if str(ident) in self.data["users"]]
        if "email_ccs" in change:
            people = [self.find_or_make_user(entry, "CC") for entry in change["email_ccs"] or ()]
            wanted["email_cc_ids"] = [user["id"] for user in people]
        elif "email_cc_ids" in change:
            wanted["email_cc_ids"] = [int(ident) for ident in change["email_cc_ids"] or ()]
        if "email_cc_ids" in wanted:
            wanted["collaborator_ids"] = wanted["email_cc_ids"]
        return wanted

    def _assignee(self, value: Any) -> int | None:
        if value in (None, ""):
            return None
        user = self.data["users"].get(str(value))
        if user is None or user["role"] not in STAFF:
            raise invalid(assignee_id="Assignee: is invalid")
        if user["suspended"]:
            raise invalid(assignee_id=f"Assignee: {user['name']} is suspended.")
        return int(user["id"])

    def _may_request(self, user: Json | None) -> int:
        if user is None:
            raise invalid(requester="Requester: is invalid")
        if user["suspended"]:
            raise invalid(requester=f"Requester: {user['name']} is suspended.")
        return int(user["id"])

    def find_or_make_user(self, asked: Mapping[str, Any], label: str) -> Json:
        """The user named by `user_id`, `user_email` or `email`; a new end user if there is none.

        Raises Refusal(422) for a new user without a name or a usable address.
        """
        if asked.get("user_id"):
            return self.record("users", asked["user_id"])
        email = str(asked.get("email") or asked.get("user_email") or "")
        found = self.user_by_email(email)
        if found:
            return found
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
            raise invalid(requester=f"{label}: Email: {email} is not properly formatted")
        name = str(asked.get("name") or asked.get("user_name") or "").strip()
        if not name and label == "Requester":
            raise invalid(requester=f"{label}: Name: is too short (minimum one character)")
        return self.add_user(name or email.partition("@")[0], email)

    def _tags(self, ticket: Json, change: Mapping[str, Any]) -> Json:
        if not {"tags", "additional_tags", "remove_tags"} & change.keys():
            return {}
        tags: set[str] = set(read_tags(change["tags"]) if "tags" in change else ticket["tags"])
        tags |= set(read_tags(change.get("additional_tags")))
        tags -= set(read_tags(change.get("remove_tags")))
        return {"tags": sorted(tags)}

    def _custom(self, ticket: Json, change: Mapping[str, Any], wanted: Json) -> None:
        """Custom values and tags follow each other: a dropdown's value is one of the ticket's tags."""
        entries = change.get("custom_fields", change.get("fields"))
        old = ticket["_custom"]
        custom = dict(old)
        pairs = entries.items() if isinstance(entries, Mapping) else _pairs(entries or ())
        asked = {str(ident): value for ident, value in pairs}
        fields = {str(field["id"]): field for field in self.custom_fields()}
        for ident, value in asked.items():
            if ident in fields:
                custom[ident] = _custom_value(fields[ident], value)
        current: list[str] = wanted["tags"] if "tags" in wanted else ticket["tags"]
        tags = set(current)
        for ident, field in fields.items():
            if field["type"] not in ("tagger", "multiselect"):
                continue
            if ident in asked:
                tags -= set(_listed(old.get(ident)))
                tags |= set(_listed(custom.get(ident)))
            elif "tags" in wanted:
                options = [row["value"] for row in field["custom_field_options"] if row["value"] in tags]
                custom[ident] = options if field["type"] == "multiselect" else (options[0] if options else None)
        if custom != old:
            wanted["_custom"] = custom
        if sorted(tags) != ticket["tags"]:
            wanted["tags"] = sorted(tags)


def _choice(key: str, label: str, value: Any, allowed: Iterable[str]) -> str | None:
    if value in (None, "", "-"):
        return None
    if str(value).lower() not in allowed:
        raise invalid(**{key: f"{label}: {value} is not included in the list"})
    return str(value).lower()


def _pairs(entries: Iterable[Mapping[str, Any]]) -> list[tuple[Any, Any]]:
    return [(entry["id"], entry.get("value")) for entry in entries if "id" in entry]


def _listed(value: Any) -> list[str]:
    return [] if value in (None, "") else list(value) if isinstance(value, list) else [value]


def _custom_value(field: Json, value: Any) -> Any:
    kind = field["type"]
    if kind == "checkbox":
        return value in (True, "true", 1, "1", "yes")
    if value in (None, "", []):
        return None
    if kind in ("tagger", "multiselect"):
        known = [option["value"] for option in field["custom_field_options"]]
        unknown = [entry for entry in _listed(value) if entry not in known]
        if unknown:
            raise _unfit(field, f"{unknown[0]} is not a valid option")
        return [entry for entry in known if entry in value] if kind == "multiselect" else value
    pattern, words = _PATTERNS.get(kind, ("", ""))
    if pattern and not re.fullmatch(pattern, str(value)):
        raise _unfit(field, f"{value} is not a {words}")
    return str(value)


_PATTERNS = {
    "integer": (r"-?\d+", "number"),
    "decimal": (r"-?\d+(\.\d+)?", "decimal number"),
    "date": (r"\d{4}-\d\d-\d\d", "date"),
}


def _unfit(field: Json, words: str) -> Refusal:
    row = {
        "description": f"{field['title']}: {words}",
        "error": "InvalidValue",
        "ticket_field_id": field["id"],
        "ticket_field_type": field["type"],
    }
    details = {str(field["id"]): [row]}
    return Refusal(422, {"error": "RecordInvalid", "description": "Record validation errors", "details": details})
