"""Deliveries from Zendesk: their signature, and the tickets they hint at."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bridge.connect.webhook import WebhookScheme, header
from bridge.errors import SkippableError
from bridge.model.feed import Hint
from bridge.model.ticket import TicketRef
from bridge_zendesk.client import read_time

SIGNATURE = "x-zendesk-webhook-signature"
TIMESTAMP = "x-zendesk-webhook-signature-timestamp"
DELIVERY_ID = "x-zendesk-webhook-invocation-id"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
_IDENT = re.compile(r"[0-9]{1,20}")


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the delivery was signed with this webhook's secret: base64(HMAC-SHA256(secret, timestamp + raw body)).

    Source: https://developer.zendesk.com/documentation/webhooks/verifying/
    """
    return _is_signed(secret.encode(), headers, body)


def _is_signed(secret: bytes, headers: Mapping[str, str], body: bytes) -> bool:
    # Time and body are signed as one string: without a time of its own shape, the border between them could be moved.
    stamped = _stamp(headers) is not None
    signed = header(headers, TIMESTAMP).encode("utf-8", "replace") + body
    wanted = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest())
    return hmac.compare_digest(wanted, header(headers, SIGNATURE).encode("utf-8", "replace")) and stamped


def _delivery_id(headers: Mapping[str, str]) -> str:
    return header(headers, DELIVERY_ID)


def _stamp(headers: Mapping[str, str]) -> datetime | None:
    said = header(headers, TIMESTAMP)
    if not _TIME.fullmatch(said):
        return None
    try:
        return datetime.fromisoformat(said).astimezone(UTC)
    except ValueError:
        return None


SCHEME = WebhookScheme(is_genuine=_is_signed, delivery_id=_delivery_id, sent_at=_stamp, makes_secret=True)
"""Signed with its time; the invocation's id is the same when it is sent again."""


def read_hints(site: str, body: bytes) -> tuple[Hint, ...]:
    """The hints in a standard event (`detail.id`) or in what an account's trigger sends us (`ticket_id`).

    Raises SkippableError when it names no ticket.
    """
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SkippableError(f"{site}: a webhook delivery is not JSON") from error
    if not isinstance(payload, dict):
        raise SkippableError(f"{site}: a webhook delivery is not a JSON object")
    detail = payload.get("detail")
    if str(payload.get("type", "")).startswith("zen:event-type:ticket.") and isinstance(detail, dict):
        return (_hint(site, detail.get("id"), detail.get("updated_at")),)
    return (_hint(site, payload.get("ticket_id"), payload.get("updated_at")),)


def _hint(site: str, ident: Any, stamp: Any) -> Hint:
    text = str(ident)
    if isinstance(ident, bool) or not _IDENT.fullmatch(text):
        raise SkippableError(f"{site}: a webhook delivery names no ticket")
    try:
        version_at = read_time(str(stamp)) if stamp else None
    except (ValueError, OverflowError):
        version_at = None
    return Hint(TicketRef(site, text), version_at)
