"""An account's rate limits: requests a minute, updates a minute and a ticket, exports a minute."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.site import Refusal
from bridge.sandbox.world import World

_TICKET = re.compile(r"/api/v2/tickets/(\d+)(\.json)?$")
GENEROUS = 100_000


class Limits:
    """Sliding windows of sandbox time. They are not part of the saved state: a restart forgives."""

    def __init__(self, settings: Mapping[str, Any], world: World) -> None:
        self.settings = settings
        self._world = world
        self._seen: dict[str, deque[float]] = {}

    def count(self, request: Request, actor: Mapping[str, Any]) -> dict[str, str]:
        """Count one request and tell its headers. Raises Refusal(429) with Retry-After."""
        allowed = int(self.settings.get("rate_per_minute", GENEROUS))
        left, resets = self._take("account", allowed, 60)
        headers = {
            "X-Rate-Limit": str(allowed),
            "X-Rate-Limit-Remaining": str(left),
            "ratelimit-limit": str(allowed),
            "ratelimit-remaining": str(left),
            "ratelimit-reset": str(resets),
        }
        ticket = _TICKET.match(request.path)
        if ticket and request.method == "PUT":
            self._narrow("update_per_minute", "update", 60, headers)
            whose = f"update {actor['id']} {ticket[1]}"
            self._narrow("ticket_updates_per_10_minutes", whose, 600, headers)
        if "/incremental/" in request.path:
            self._narrow("incremental_per_minute", "incremental", 60, headers)
        return headers

    def _narrow(self, setting: str, window: str, seconds: int, headers: dict[str, str]) -> None:
        if allowed := int(self.settings.get(setting, 0)):
            left, resets = self._take(window, allowed, seconds)
            name = (
                "zendesk-ratelimit-tickets-update" if "update" in setting else "zendesk-ratelimit-incremental-exports"
            )
            headers[name] = f"total={allowed}; remaining={left}; resets={resets}"

    def _take(self, window: str, allowed: int, seconds: int) -> tuple[int, int]:
        now = self._world.now().timestamp()
        seen = self._seen.setdefault(window, deque())
        while seen and seen[0] <= now - seconds:
            seen.popleft()
        resets = max(1, int(seen[0] + seconds - now) + 1) if seen else seconds
        if len(seen) >= allowed:
            raise Refusal(
                429,
                {"error": "APIRateLimitExceeded", "description": "Rate limit exceeded. Please retry later."},
                {"Retry-After": str(resets), "X-Rate-Limit": str(allowed), "X-Rate-Limit-Remaining": "0"},
            )
        seen.append(now)
        return allowed - len(seen), resets
