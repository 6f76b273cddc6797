"""Deliveries from Zendesk: their signature, and the tickets they hint at."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from bridge.errors import SkippableError
from bridge.model.feed import Hint
from bridge.model.ticket import TicketRef
from bridge_zendesk.client import read_time

SIGNATURE = "x-zendesk-webhook-signature"
TIMESTAMP = "x-zendesk-webhook-signature-timestamp"
DELIVERY_ID = "x-zendesk-webhook-invocation-id"


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the delivery was signed with this webhook's secret: base64(HMAC-SHA256(secret, timestamp + raw body)).

    Source: https://developer.zendesk.com/documentation/webhooks/verifying/
    """
    given = {name.lower(): value for name, value in headers.items()}
    signed = given.get(TIMESTAMP, "").encode() + body
    wanted = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest())
    return hmac.compare_digest(wanted, given.get(SIGNATURE, "").encode("utf-8", "replace"))


def read_hints(site: str, body: bytes) -> tuple[Hint, ...]:
    """The hints in a standard event (`detail.id`) or in what an account's trigger sends us (`ticket_id`).

    Raises SkippableError when it names no ticket.
    """
    try:
        payload = json.loads(body)
    except ValueError as error:
        raise SkippableError(f"{site}: a webhook delivery is not JSON") from error
    if not isinstance(payload, dict):
        raise SkippableError(f"{site}: a webhook delivery is not a JSON object")
    detail = payload.get("detail")
    if str(payload.get("type", "")).startswith("zen:event-type:ticket.") and isinstance(detail, dict):
        return (_hint(site, detail.get("id"), detail.get("updated_at")),)
    return (_hint(site, payload.get("ticket_id"), payload.get("updated_at")),)


def _hint(site: str, ident: Any, stamp: Any) -> Hint:
    text = str(ident)
    if isinstance(ident, bool) or not (text.isascii() and text.isdigit()):
        raise SkippableError(f"{site}: a webhook delivery names no ticket")
    try:
        version_at = read_time(str(stamp)) if stamp else None
    except ValueError:
        version_at = None
    return Hint(TicketRef(site, text), version_at)
