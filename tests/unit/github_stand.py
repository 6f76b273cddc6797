"""What the tests of the GitHub connector share: connectors, issues made straight in the site, refs, the log."""

from __future__ import annotations

import json
from typing import Any

from bridge.model.operation import TicketChange
from bridge.model.ticket import TicketRef
from bridge.sandbox.github import GitHubSite
from bridge.testing.stand import SITE, Stand
from bridge_github.connector import GitHubConnector

REPO = "vendor/platform"
REPOSITORIES = [REPO, "vendor/other", {"full_name": "vendor/secret", "private": True}]
FIELDS = frozenset({"title", "description", "state", "labels", "milestone", "fix_versions"})


def connect(stand: Stand, login: str = "") -> GitHubConnector:
    made = stand.connect({"token": f"sandbox:{login}"} if login else None)
    assert isinstance(made, GitHubConnector)
    return made


def hub(stand: Stand) -> GitHubSite:
    site = stand.sandbox.sites[SITE]
    assert isinstance(site, GitHubSite)
    return site


def fill(stand: Stand, count: int, *, comments: int = 0, pull_request: bool = False, repository: str = REPO) -> None:
    """Issues made by the engineer, straight into the site."""
    site = hub(stand)
    with stand.sandbox.world.lock:
        actor, home = site.data["users"]["engineer"], site.data["repositories"][repository]
        for _ in range(count):
            issue = site.make_issue(home, actor, {"title": "Made", "body": "By hand"}, pull_request=pull_request)
            for item in range(comments):
                site.make_comment(home, issue, actor, f"Remark {item}")


def ref(number: int, repository: str = REPO) -> TicketRef:
    return TicketRef(SITE, f"{repository}#{number}")


def paths(stand: Stand) -> list[str]:
    return [f"{entry['method']} {entry['url'].partition('?')[0]}" for entry in stand.sandbox.log]


def change(number: int, **fields: Any) -> TicketChange:
    return TicketChange(ref(number), "k", fields)


def delivery(
    event: str, *, action: str, number: int, repository: str = REPO, **more: Any
) -> tuple[dict[str, str], bytes]:
    issue = {"number": number, "updated_at": "2026-03-01T10:00:00Z", **more}
    body = {"action": action, "issue": issue, "repository": {"full_name": repository}}
    return {"x-github-event": event}, json.dumps(body).encode()
