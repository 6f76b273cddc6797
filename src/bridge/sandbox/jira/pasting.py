"""What Jira Cloud's editor writes when somebody pastes a file of the issue: a comment that shows it by its media id."""

from __future__ import annotations

from bridge.sandbox.jira.core import Json
from bridge.sandbox.jira.site import JiraCloudSite


def paste(site: JiraCloudSite, issue: str, attachment: str, *, who: str) -> Json:
    """A comment by the account whose mail address begins with `who`. Takes the world's lock."""
    with site.world.lock:
        shown = {"type": "file", "id": site.data["attachments"][attachment]["media"], "collection": ""}
        media = {"type": "mediaSingle", "content": [{"type": "media", "attrs": shown}]}
        actor = next(one for one, user in site.data["users"].items() if user["emailAddress"].startswith(who))
        return site.write_comment(
            site.find_issue(issue), {"body": {"type": "doc", "version": 1, "content": [media]}}, actor
        )
