"""The feed of releases: a release whose tag is an issue's milestone makes that issue worth a look."""

from __future__ import annotations

import json
from typing import Any

from bridge.model.feed import ChangePage, Hint
from bridge_github.client import PAGE, GitHubClient
from bridge_github.reading import Reader
from bridge_github.shared import Shared


class Releases:
    """Reads releases and milestones for one connector."""

    def __init__(self, client: GitHubClient, reader: Reader, shared: Shared) -> None:
        self._client = client
        self._reader = reader
        self._shared = shared

    def read(self, repository: str, cursor: str | None) -> ChangePage:
        """Hints for the issues of newly published releases. The first reading takes all that are there as known."""
        place: dict[str, Any] = json.loads(cursor) if cursor else {}
        path = f"/repos/{repository}/releases"
        answer = self._client.get(path, {"per_page": str(PAGE)}, endpoint="releases", etag=place.get("etag", ""))
        if answer.status == 304:
            self._shared.know_released(repository, frozenset(place["tags"]))
            return ChangePage(json.dumps(place), settled_through=answer.at)
        tags = {row["tag_name"] for row in answer.rows if not row.get("draft")}
        self._shared.know_released(repository, frozenset(tags), etag=answer.etag)
        new = tags - set(place["tags"]) if place else set()
        hints: list[Hint] = []
        for tag in sorted(new):
            hints += self._planned_for(repository, tag)
        # A page holds the newest releases: older tags stay known.
        known = sorted(tags | set(place.get("tags", ())))
        encoded = json.dumps({"etag": answer.etag, "tags": known}, separators=(",", ":"))
        return ChangePage(encoded, hints=tuple(hints), settled_through=answer.at)

    def _planned_for(self, repository: str, title: str) -> list[Hint]:
        number = self.milestone(repository, title)
        if number is None:
            return []
        query = {"state": "all", "milestone": str(number)}
        pages = self._client.pages(f"/repos/{repository}/issues", query, endpoint="issues")
        return [
            Hint(self._reader.ref(repository, row["number"]))
            for answer in pages
            for row in answer.rows
            if "pull_request" not in row
        ]

    def milestone(self, repository: str, title: str) -> int | None:
        """The number of the milestone with this title, None if there is none. Titles are unique in a repository."""
        number = self._shared.milestone(repository, title)
        if number is None:
            pages = self._client.pages(f"/repos/{repository}/milestones", {"state": "all"}, endpoint="milestones")
            numbers = {row["title"]: int(row["number"]) for answer in pages for row in answer.rows}
            self._shared.know_milestones(repository, numbers)
            number = numbers.get(title)
        return number

    def refresh(self, repository: str) -> None:
        """Look which releases are published now: what this process knows may be older than the hint it follows."""
        etag = self._shared.releases_etag(repository)
        path = f"/repos/{repository}/releases"
        answer = self._client.get(path, {"per_page": str(PAGE)}, endpoint="releases", etag=etag)
        if answer.status != 304:
            tags = {row["tag_name"] for row in answer.rows if not row.get("draft")}
            self._shared.know_released(repository, frozenset(tags), etag=answer.etag)
