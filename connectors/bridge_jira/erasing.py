"""Taking bridge's markers out of an issue: its label, its property, and the properties of our comments."""

from __future__ import annotations

from bridge.errors import MissingError
from bridge.model.ticket import TicketRef
from bridge_jira.client import JiraClient, Json
from bridge_jira.snapshots import comment_properties
from bridge_jira.text import PROPERTY, marker_in


class Eraser:
    """Answers `erase`."""

    def __init__(self, client: JiraClient, site: str, key: bytes) -> None:
        self._client = client
        self._site = site
        self._key = key

    def erase(self, ref: TicketRef, sources: frozenset[str]) -> tuple[str, ...]:
        """Nothing of it has to stay in Jira."""
        raw = self._client.read_issue(ref.id, fields=["labels"])
        if raw is None:
            raise MissingError(f"{self._site}: issue {ref.id} is gone", site=self._site, status=404)
        for comment in self._own_comments(ref):
            marker = marker_in(comment_properties(comment).get(PROPERTY), self._key)
            if marker is not None and marker.source in sources:
                self._drop(f"comment/{comment['id']}/properties/{PROPERTY}", ref)
                self._client.memory.keep_marker(str(comment["id"]), None)
        path = f"issue/{ref.id}/properties/{PROPERTY}"
        found = self._client.read(path, endpoint="issue/properties", ticket=ref.id, accept=(404,))
        marker = marker_in((found or {}).get("value"), self._key)
        if marker is None or marker.source not in sources:
            return ()
        if marker.label in (raw["fields"].get("labels") or ()):
            body = {"update": {"labels": [{"remove": marker.label}]}}
            self._client.send("PUT", f"issue/{ref.id}", endpoint="issue", body=body, ticket=ref.id, writes=True)
        # Last, for it alone says whose the label is.
        self._drop(path, ref)
        self._client.memory.keep_marker(f"issue/{ref.id}", None)
        return ()

    def _own_comments(self, ref: TicketRef) -> list[Json]:
        """Our comments with their properties, which Cloud shows only in a list by ids."""
        shown = self._client.comments(ref.id)
        ours = [one for one in shown if self._client.person(one.get("author")).ours]
        return self._client.listed_comments([str(one["id"]) for one in ours]) if self._client.cloud else ours

    def _drop(self, path: str, ref: TicketRef) -> None:
        self._client.send("DELETE", path, endpoint="properties", ticket=ref.id, writes=True, accept=(404,))
