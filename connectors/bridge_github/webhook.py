"""GitHub's webhook deliveries: which ticket one is about, and whether it is genuine."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

from bridge.connect.webhook import WebhookScheme, header
from bridge.errors import SkippableError
from bridge.model.feed import Hint
from bridge.model.ticket import TicketRef
from bridge_github.reading import moment

_TELLS_VERSION = frozenset(
    {"opened", "edited", "closed", "reopened", "labeled", "unlabeled", "milestoned", "demilestoned"}
    | {"assigned", "unassigned", "locked", "unlocked"}
)
"""Actions of `issues` whose payload shows the issue as the action left it. Of a deletion, a transfer or a changed comment
the stamp says nothing, so such a hint always asks for a reading."""


def parse(site: str, repositories: Iterable[str], headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
    """The hint in an `issues` or `issue_comment` delivery about a configured repository. Raises SkippableError."""
    event = header(headers, "x-github-event")
    if event not in ("issues", "issue_comment"):
        raise SkippableError(f"A GitHub delivery of the event {event or 'unknown'!r} names no issue.")
    try:
        payload: dict[str, Any] = json.loads(body)
        issue, told = payload["issue"], payload["repository"]["full_name"]
        number, action = int(issue["number"]), str(payload.get("action", ""))
        shows = action in _TELLS_VERSION if event == "issues" else action == "created"
        version_at = moment(issue["updated_at"]) if shows else None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise SkippableError("A GitHub delivery could not be read.") from None
    if "pull_request" in issue:
        raise SkippableError("A GitHub delivery is about a pull request.")
    for repository in repositories:
        if repository.lower() == told.lower():
            return (Hint(TicketRef(site, f"{repository}#{number}"), version_at),)
    raise SkippableError(f"A GitHub delivery is about {told}, which no route uses.")


def is_genuine(secret: bytes, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether `X-Hub-Signature-256` (`sha256=` and a hex HMAC over the raw body) was made with this secret."""
    said = header(headers, "x-hub-signature-256")
    made = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(made.encode(), said.encode("utf-8", "replace"))


def _delivery_id(headers: Mapping[str, str]) -> str:
    return header(headers, "x-github-delivery")


SCHEME = WebhookScheme(is_genuine=is_genuine, delivery_id=_delivery_id)
"""Signed without a time; a redelivery bears the id of the first."""
