"""What a site's headers say about its limits: read once, whatever the vendor calls them.

Understood: `Retry-After`; `[X-]RateLimit-Remaining/-Reset` and `X-Rate-Limit-Remaining`, with a reset given in
seconds, as an epoch or as an ISO time; headers whose value reads `total=100; remaining=99; resets=41`, which speak of
the endpoint alone; `X-RateLimit-Resource`, where anything but `core` is an endpoint's own; and `RateLimit-Reason`, which
names what was exceeded (per issue, burst of an endpoint, quota of the site).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bridge.connect.patience import parse_http_date, retry_after_s

UNSAID_PAUSE_S = 5.0
"""How long to rest after a limit that does not say: doubled each time it repeats, as vendors advise."""
LONGEST_UNSAID_PAUSE_S = 30.0
_EPOCH_FROM = 1_000_000_000
_NAMED = re.compile(r"total=\d+;\s*remaining=(?P<remaining>\d+);\s*resets=(?P<resets>\d+)")


class Scope(StrEnum):
    """What a limit is on, from the widest to the narrowest."""

    SITE = "site"
    ENDPOINT = "endpoint"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit: `remaining` until `resets_s` from now (None: not said)."""

    scope: Scope
    remaining: int
    resets_s: float | None = None


def read_allowances(headers: Mapping[str, str], *, now: datetime) -> list[Allowance]:
    """The allowances in lower-case `headers`, at most one a scope. `now` serves where the answer has no `date`."""
    found = []
    for value in headers.values():
        named = _NAMED.search(value)
        if named:
            found.append(Allowance(Scope.ENDPOINT, int(named["remaining"]), float(named["resets"])))
            break
    general = _general(headers, now)
    if general is not None and not (found and general.scope is Scope.ENDPOINT):
        found.append(general)
    return found


def read_pause(headers: Mapping[str, str], *, status: int, refusals: int) -> tuple[float, str] | None:
    """How long to send nothing and the vendor's reason, None when the answer asks for no pause.

    `headers` in lower case; `refusals` counts the pauses in a row so far that gave no time.
    """
    asked_s = retry_after_s({"Retry-After": headers.get("retry-after", ""), "Date": headers.get("date", "")})
    reason = headers.get("ratelimit-reason", "")
    if status == 429 or (status == 403 and reason):
        unsaid_s = min(UNSAID_PAUSE_S * 2**refusals, LONGEST_UNSAID_PAUSE_S)
        return (unsaid_s if asked_s is None else asked_s), reason
    if asked_s is not None and status in (403, 503):
        return asked_s, reason
    return None


def scope_of(headers: Mapping[str, str], *, reason: str, of_ticket: bool) -> Scope:
    """What a refusal was about. `of_ticket`: the request wrote to one ticket.

    Without a reason, a site that still shows something left of its own limit must mean a narrower one.
    """
    if "per-issue" in reason:
        return Scope.TICKET if of_ticket else Scope.ENDPOINT
    if "burst" in reason:
        return Scope.ENDPOINT
    if reason:
        return Scope.SITE
    if any(int(named["remaining"]) == 0 for named in map(_NAMED.search, headers.values()) if named):
        return Scope.ENDPOINT
    remaining = _number(headers, "x-rate-limit-remaining", "x-ratelimit-remaining", "ratelimit-remaining")
    if remaining:
        return Scope.TICKET if of_ticket else Scope.ENDPOINT
    return Scope.SITE


def _general(headers: Mapping[str, str], now: datetime) -> Allowance | None:
    remaining = _number(headers, "x-rate-limit-remaining", "x-ratelimit-remaining", "ratelimit-remaining")
    if remaining is None:
        return None
    resource, reason = headers.get("x-ratelimit-resource", "core"), headers.get("ratelimit-reason", "quota")
    if "per-issue" in reason:
        # Its counters are the ticket's; the pause it asks for is what stops the ticket.
        return None
    scope = Scope.ENDPOINT if resource != "core" or "burst" in reason else Scope.SITE
    return Allowance(scope, remaining, _resets_s(headers, now))


def _resets_s(headers: Mapping[str, str], now: datetime) -> float | None:
    value = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset") or ""
    at = parse_http_date(headers.get("date", "")) or now
    try:
        number = float(value)
    except ValueError:
        try:
            return max(0.0, (datetime.fromisoformat(value) - at).total_seconds())
        except (ValueError, TypeError):
            return None
    return max(0.0, number - at.timestamp()) if number >= _EPOCH_FROM else number


def _number(headers: Mapping[str, str], *names: str) -> int | None:
    for name in names:
        value = headers.get(name, "")
        if value.isdigit():
            return int(value)
    return None
