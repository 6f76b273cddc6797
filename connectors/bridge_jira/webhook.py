"""What a Jira webhook names. Its content is never believed: it says where to look, and since when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bridge.errors import SkippableError
from bridge.model.feed import Hint
from bridge.model.ticket import TicketRef
from bridge_jira.text import read_time


def read_hints(site: str, body: bytes) -> tuple[Hint, ...]:
    """The hint in a delivery. Raises SkippableError when it names no issue (versions, users, an empty body)."""
    try:
        payload = json.loads(body)
    except ValueError as error:
        raise SkippableError(f"{site}: a webhook brought no JSON.") from error
    issue = payload.get("issue") if isinstance(payload, dict) else None
    ident = str(issue.get("id") or "") if isinstance(issue, dict) else ""
    if not isinstance(issue, dict) or not ident:
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
    except SkippableError:
        return None
