"""Remote links: what leads from an issue to the helpdesk's ticket. Jira tells nobody of them by mail.

Source: developer.atlassian.com, Jira Cloud platform, "Issue remote links", and Jira Server, "Remote issue links": a link
whose `globalId` stands on the issue already is replaced, and each write leaves an entry in the issue's history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.model.signpost import Signpost
from bridge.model.ticket import TicketRef
from bridge_jira.client import JiraClient, Json

OURS = "bridge:"
"""How the global id of every link of ours begins."""
_SHOWN = 255
"""Characters of a title or summary that Jira keeps."""


class Signposts:
    """The remote links that bridge keeps on issues."""

    def __init__(self, client: JiraClient) -> None:
        self._client = client

    def read(self, ref: TicketRef) -> Mapping[str, Signpost]:
        """Those of bridge on an issue, by name. One request."""
        found: list[Json] = self._client.read(f"issue/{ref.id}/remotelink", endpoint="remotelink", ticket=ref.id)
        ours = (one for one in found if str(one.get("globalId") or "").startswith(OURS))
        return {one.name: one for one in map(_signpost, ours)}

    def put(self, ref: TicketRef, signpost: Signpost) -> None:
        """One POST, which replaces the link of the same global id."""
        body = {
            "globalId": OURS + signpost.name,
            "application": {"type": "bridge", "name": "bridge"},
            "relationship": signpost.relation,
            "object": {
                "url": signpost.url,
                "title": signpost.title[:_SHOWN],
                "summary": signpost.summary[:_SHOWN],
                "status": {"resolved": signpost.resolved},
            },
        }
        path = f"issue/{ref.id}/remotelink"
        self._client.send("POST", path, endpoint="remotelink", body=body, ticket=ref.id, writes=True)

    def take(self, ref: TicketRef, name: str) -> None:
        """One DELETE by the global id. A link or issue that is not there (404) is as good as taken away."""
        path, params = f"issue/{ref.id}/remotelink", {"globalId": OURS + name}
        self._client.send(
            "DELETE", path, endpoint="remotelink", params=params, ticket=ref.id, writes=True, accept=(404,)
        )


def _signpost(raw: Mapping[str, Any]) -> Signpost:
    shown: Mapping[str, Any] = raw.get("object") or {}
    return Signpost(
        str(raw["globalId"]).removeprefix(OURS),
        title=str(shown.get("title") or ""),
        url=str(shown.get("url") or ""),
        summary=str(shown.get("summary") or ""),
        relation=str(raw.get("relationship") or ""),
        resolved=bool((shown.get("status") or {}).get("resolved")),
    )
