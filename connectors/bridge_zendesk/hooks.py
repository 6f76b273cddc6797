"""Our webhook at a Zendesk account: subscribed to ticket events, so that no trigger of the customer's has to be made."""

from __future__ import annotations

from bridge.connect.hooks import HookWish, Kept, Standing, keep_one
from bridge.errors import TemporaryError
from bridge_zendesk.client import Client, Json

EVENTS = (
    *("created", "comment_added", "comment_made_private", "comment_redacted", "attachment_redacted_from_comment"),
    *("status_changed", "custom_status_changed", "priority_changed", "type_changed", "subject_changed"),
    *("description_changed", "tags_changed", "custom_field_changed", "external_id_changed"),
    *("group_assignment_changed", "agent_assignment_changed", "organization_changed", "requester_changed"),
    *("brand_changed", "form_changed", "merged", "soft_deleted", "undeleted", "permanently_deleted"),
)
"""https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/"""
SUBSCRIPTIONS = tuple(f"zen:event-type:ticket.{event}" for event in EVENTS)


def keep_webhook(site: str, client: Client, wish: HookWish) -> Kept:
    """See `bridge.connect.port.Connector.keep_webhook`. Zendesk makes the signing secret itself; it is read.

    https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/
    """
    wanted: Json = {
        "name": wish.name,
        "status": "active",
        "endpoint": wish.address,
        "http_method": "POST",
        "request_format": "json",
        "subscriptions": list(SUBSCRIPTIONS),
    }
    standing = _ours(client, wish, wanted)
    # The secret is Zendesk's own, so there is never one of ours to give anew.
    did = keep_one(
        standing,
        make=lambda: client.post("webhooks", "webhooks", {"webhook": wanted}, {}),
        mend=lambda ident: client.send("PATCH", f"webhooks/{ident}", "webhook", {"webhook": wanted}),
        remove=lambda ident: client.send("DELETE", f"webhooks/{ident}", "webhook"),
    )
    if did:
        standing = _ours(client, wish, wanted)
    if not standing:
        raise TemporaryError(f"{site} does not show the webhook that was just made yet", site=site)
    shown, _ = client.read(f"webhooks/{standing[0].id}/signing_secret", "signing_secret", holds="signing_secret")
    return Kept(str(shown["signing_secret"]["secret"]), did)


def _ours(client: Client, wish: HookWish, wanted: Json) -> list[Standing]:
    return [
        Standing(str(hook["id"]), _is_right(hook, wanted))
        for page in client.pages("webhooks", "webhooks", holds="webhooks")
        for hook in page["webhooks"]
        if wish.is_ours(str(hook.get("name") or ""), str(hook.get("endpoint") or ""))
    ]


def _is_right(hook: Json, wanted: Json) -> bool:
    same = all(hook.get(key) == value for key, value in wanted.items() if key != "subscriptions")
    return same and set(hook.get("subscriptions") or ()) == set(wanted["subscriptions"])
