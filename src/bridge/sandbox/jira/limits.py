"""Jira's limits, off unless the settings ask: bursts per endpoint, and writes per issue.

Numbers and headers after Atlassian's "Rate limiting" page: GET and POST 100, PUT and DELETE 50 a second and endpoint; an
issue takes 20 writes in 2 s and 100 in 30 s.
"""

from __future__ import annotations

import math
import re
from collections import deque
from datetime import UTC, datetime
from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.jira.core import shown_time
from bridge.sandbox.jira.hooks import JiraHooks
from bridge.sandbox.site import Refusal

BURSTS = {"GET": 100, "POST": 100, "PUT": 50, "DELETE": 50}
ISSUE_WRITES = ((20, 2), (100, 30))
_ISSUE = re.compile(r"/rest/api/\d/issue/([^/]+)")


class JiraLimits(JiraHooks):
    """Counts requests. Settings: `burst_limits` (true, or method → requests a second), `issue_write_limits` (true, or a
    list of [writes, seconds])."""

    def limit(self, request: Request, actor: Any) -> dict[str, str]:
        headers = {}
        bursts = self.settings.get("burst_limits")
        if bursts:
            most = (BURSTS if bursts is True else bursts).get(request.method, 100)
            endpoint = re.sub(r"/(?:[A-Z][A-Z0-9]*-)?\d+(?=/|$)", "/*", request.path)
            headers = self._count(f"{request.method} {endpoint}", most, 1, "jira-burst-based")
        windows = self.settings.get("issue_write_limits")
        match = _ISSUE.match(request.path)
        if windows and match and request.method in ("POST", "PUT", "DELETE"):
            ident = self.data["keys"].get(match.group(1).upper(), match.group(1))
            if ident in self.data["issues"]:
                for most, seconds in ISSUE_WRITES if windows is True else windows:
                    headers = self._count(f"issue {ident} {seconds}", most, seconds, "jira-per-issue-on-write")
        return headers

    def _count(self, name: str, most: int, seconds: float, reason: str) -> dict[str, str]:
        windows: dict[str, deque[float]] = self.__dict__.setdefault("_windows", {})
        window = windows.setdefault(name, deque())
        now = self.world.now().timestamp()
        while window and window[0] <= now - seconds:
            window.popleft()
        left = most - len(window) - 1
        oldest = window[0] if window else now
        headers = {
            "X-RateLimit-Limit": str(most),
            "X-RateLimit-Remaining": str(max(left, 0)),
            "X-RateLimit-Reset": datetime.fromtimestamp(oldest + seconds, UTC).strftime("%Y-%m-%dT%H:%MZ"),
        }
        if left < 0:
            wait = max(1, math.ceil(oldest + seconds - now))
            headers |= {"Retry-After": str(wait), "RateLimit-Reason": reason}
            body = {"errorMessages": [f"Rate limit exceeded at {shown_time(self.stamp())}."], "errors": {}}
            raise Refusal(429, body, headers)
        if left < most / 5:
            headers["X-RateLimit-NearLimit"] = "true"
        window.append(now)
        return headers
