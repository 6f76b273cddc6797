"""Webhooks: their API's records, and the signed deliveries that follow a write.

A webhook subscribed to `zen:event-type:…` gets Zendesk's standard events; one with `conditional_ticket_events` is what
an account's own trigger calls, here with `{"ticket_id", "updated_at"}` after every change of a ticket.
Signature: base64(HMAC-SHA256(secret, timestamp + body)), https://developer.zendesk.com/documentation/webhooks/verifying
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from bridge.sandbox.zendesk.state import Json

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.writing import Writer

CONDITIONAL = "conditional_ticket_events"
_EVENTS = {
    "status": "status_changed",
    "priority": "priority_changed",
    "type": "type_changed",
    "subject": "subject_changed",
    "tags": "tags_changed",
    "group_id": "group_assignment_changed",
    "assignee_id": "agent_assignment_changed",
    "organization_id": "organization_changed",
    "requester_id": "requester_changed",
    "brand_id": "brand_changed",
    "ticket_form_id": "form_changed",
    "external_id": "external_id_changed",
}


def announce(site: Writer, ticket: Json, audit: Json) -> None:
    """Deliver what this audit means to every active webhook, after the request was answered."""
    active = [hook for hook in site.data["webhooks"].values() if hook["status"] == "active"]
    if not active:
        return
    detail = _detail(ticket, audit)
    for kind, change in _happened(site, ticket, audit):
        name = f"zen:event-type:ticket.{kind}"
        standard = {
            "account_id": 1,
            "detail": detail,
            "event": change,
            "id": f"{site.world.random.getrandbits(128):032x}",
            "subject": f"zen:ticket:{ticket['id']}",
            "time": audit["created_at"],
            "type": name,
            "zendesk_event_version": "2022-06-20",
        }
        for hook in active:
            if name in hook["subscriptions"]:
                _send(site, hook, standard)
    for hook in active:
        if CONDITIONAL in hook["subscriptions"]:
            _send(site, hook, {"ticket_id": str(ticket["id"]), "updated_at": ticket["updated_at"]})


def _happened(site: Writer, ticket: Json, audit: Json) -> list[tuple[str, Json]]:
    found: list[tuple[str, Json]] = []
    if any(event["type"] == "Create" for event in audit["events"]):
        found.append(("created", {}))
    for event in audit["events"]:
        if event["type"] == "Comment":
            comment = next(c for c in site.data["comments"][str(ticket["id"])] if c["id"] == event["id"])
            said = {
                "id": str(comment["id"]),
                "body": comment["body"],
                "is_public": comment["public"],
                "author": {"id": str(comment["author_id"]), "is_staff": True},
            }
            found.append(("comment_added", {"comment": said}))
        elif event["type"] == "Change":
            change = {"current": event["value"], "previous": event.get("previous_value")}
            name = event["field_name"]
            if name == "status" and event["value"] == "deleted":
                found.append(("soft_deleted", {}))
            elif name in _EVENTS:
                found.append((_EVENTS[name], change))
            elif name.isdigit():
                found.append(("custom_field_changed", {**change, "field": {"id": name}}))
    return found


def _detail(ticket: Json, audit: Json) -> Json:
    def text(value: Any) -> str | None:
        return None if value is None else str(value)

    return {
        "actor_id": str(audit["author_id"]),
        "assignee_id": text(ticket["assignee_id"]),
        "brand_id": text(ticket["brand_id"]),
        "created_at": ticket["created_at"],
        "custom_status": text(ticket["custom_status_id"]),
        "description": ticket["description"],
        "external_id": ticket["external_id"],
        "form_id": text(ticket["ticket_form_id"]),
        "group_id": text(ticket["group_id"]),
        "id": str(ticket["id"]),
        "is_public": ticket["is_public"],
        "organization_id": text(ticket["organization_id"]),
        "priority": (ticket["priority"] or "").upper() or None,
        "requester_id": text(ticket["requester_id"]),
        "status": ticket["status"].upper(),
        "subject": ticket["subject"],
        "submitter_id": text(ticket["submitter_id"]),
        "tags": ticket["tags"],
        "type": (ticket["type"] or "").upper() or None,
        "updated_at": ticket["updated_at"],
        "via": {"channel": ticket["via"]["channel"]},
    }


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature header of a delivery."""
    return base64.b64encode(hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()).decode()


def _send(site: Writer, hook: Json, payload: Json) -> None:
    body = json.dumps(payload).encode()
    timestamp = site.stamp()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Zendesk Webhook",
        "X-Zendesk-Account-Id": "1",
        "X-Zendesk-Webhook-Id": hook["id"],
        "X-Zendesk-Webhook-Invocation-Id": f"{site.world.random.getrandbits(130):026X}",
        "X-Zendesk-Webhook-Signature": sign(hook["_secret"], timestamp, body),
        "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
    }
    site.world.later(0, lambda: site.world.deliver(hook["endpoint"], headers, body))
