"""The ticket record: what a fresh one holds, and how it is shown in an answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bridge.sandbox.zendesk.state import Json

VIA_API: Json = {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}}
VIA_WEB: Json = {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}}
VIA_EMAIL: Json = {"channel": "email", "source": {"from": {}, "to": {}, "rel": None}}


def fresh_ticket(ident: int, now: str, **more: Any) -> Json:
    """A ticket before its first write. Keys with an underscore are never shown: `_custom` (values of custom fields by
    id), `_seq` and `_generated` (the place and second of its last change in the exports)."""
    return {
        "id": ident,
        "external_id": None,
        "via": VIA_API,
        "created_at": now,
        "updated_at": now,
        "type": None,
        "subject": None,
        "description": "",
        "priority": None,
        "status": "new",
        "recipient": None,
        "requester_id": None,
        "submitter_id": None,
        "assignee_id": None,
        "organization_id": None,
        "group_id": None,
        "collaborator_ids": [],
        "follower_ids": [],
        "email_cc_ids": [],
        "forum_topic_id": None,
        "problem_id": None,
        "has_incidents": False,
        "is_public": True,
        "due_at": None,
        "tags": [],
        "custom_status_id": None,
        "satisfaction_rating": None,
        "sharing_agreement_ids": [],
        "followup_ids": [],
        "ticket_form_id": None,
        "brand_id": None,
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": False,
        "_custom": {},
        "_seq": 0,
        "_generated": 0,
        **more,
    }


def show_ticket(ticket: Json, fields: Iterable[Json], base: str) -> Json:
    """A ticket as an agent gets it; `fields` are the account's custom ticket fields, `base` the site's address."""
    shown = {key: value for key, value in ticket.items() if not key.startswith("_")}
    values = [
        {"id": field["id"], "value": ticket["_custom"].get(str(field["id"]), _nothing(field))} for field in fields
    ]
    return {
        "url": f"{base}/api/v2/tickets/{ticket['id']}.json",
        **shown,
        "raw_subject": ticket["subject"],
        "custom_fields": values,
        "fields": values,
    }


def _nothing(field: Json) -> Any:
    return False if field["type"] == "checkbox" else None


REQUEST_KEYS = (
    *("id", "status", "priority", "type", "subject", "description", "organization_id", "via", "custom_status_id"),
    *("requester_id", "collaborator_ids", "email_cc_ids", "is_public", "due_at", "created_at", "updated_at"),
    *("recipient", "assignee_id", "ticket_form_id", "group_id"),
)


def show_request(ticket: Json, fields: Iterable[Json], base: str) -> Json:
    """A ticket as its end user gets it: new and on-hold are shown as open."""
    shown = show_ticket(ticket, fields, base)
    status = "open" if shown["status"] in ("new", "hold") else shown["status"]
    kept = {key: shown[key] for key in REQUEST_KEYS}
    return {
        "url": f"{base}/api/v2/requests/{ticket['id']}.json",
        **kept,
        "status": status,
        "custom_fields": shown["custom_fields"],
        "fields": shown["custom_fields"],
        "solved": status in ("solved", "closed"),
        "can_be_solved_by_me": status not in ("solved", "closed") and shown["assignee_id"] is not None,
        "followup_source_id": None,
    }
