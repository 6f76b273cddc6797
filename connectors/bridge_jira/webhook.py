"""What a Jira webhook names. Its content is never believed: it says where to look, and since when."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bridge.connect.webhook import WebhookScheme, header
from bridge.errors import SkippableError
from bridge.model.feed import Hint
from bridge.model.ticket import TicketRef
from bridge_jira.text import read_time

_IDENT = re.compile(r"[0-9]{1,20}")


def read_hints(site: str, body: bytes) -> tuple[Hint, ...]:
    """The hint in a delivery. Raises SkippableError when it names no issue (versions, users, an empty body)."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SkippableError(f"{site}: a webhook brought no JSON.") from error
    issue = payload.get("issue") if isinstance(payload, dict) else None
    ident = str(issue.get("id") or "") if isinstance(issue, dict) else ""
    if not isinstance(issue, dict) or not _IDENT.fullmatch(ident):
        event = payload.get("webhookEvent", "") if isinstance(payload, dict) else ""
        raise SkippableError(f"{site}: a webhook names no issue (event {event or 'unknown'!r}).")
    return (Hint(TicketRef(site, ident), _version_at(payload, issue)),)


def _version_at(payload: Mapping[str, Any], issue: Mapping[str, Any]) -> datetime | None:
    # A deletion moves no stamp, and the issue beside a comment may be shown as it was before the comment.
    event = str(payload.get("webhookEvent", ""))
    if event.endswith("_deleted"):
        return None
    stamps = [_stamp(issue.get("fields")), _stamp(payload.get("comment"))]
    told = [stamp for stamp in stamps if stamp is not None]
    return max(told) if told else None


def _stamp(holder: Any) -> datetime | None:
    value = holder.get("updated") if isinstance(holder, Mapping) else None
    if not isinstance(value, str):
        return None
    try:
        return read_time(value)
    except (SkippableError, OverflowError):
        return None


def is_genuine(secret: bytes, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether `X-Hub-Signature` (`sha256=` and a hex HMAC over the raw body) was made with this webhook's secret.

    Source: https://developer.atlassian.com/cloud/jira/platform/webhooks, "Secure admin webhooks". The header names its
    method; the only one that is accepted is the one Jira uses.
    """
    made = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(made.encode(), header(headers, "x-hub-signature").encode("utf-8", "replace"))


def _delivery_id(headers: Mapping[str, str]) -> str:
    return header(headers, "x-atlassian-webhook-identifier")


CLOUD = WebhookScheme(is_genuine=is_genuine, delivery_id=_delivery_id)
"""Signed without a time; the id is the same over retries."""
DATA_CENTER = WebhookScheme(in_path=True)
"""Not signed: the address is the secret."""
