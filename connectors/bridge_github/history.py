"""Past events of a site for clocks and cases: issue events (newest first) and comments, repository by repository."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.model.feed import Fact, FactPage
from bridge_github.client import PAGE, GitHubClient, Row
from bridge_github.cursor import OVERLAP, Place, read_on
from bridge_github.reading import Reader, comment_digest, moment, stamp


@dataclass(frozen=True, slots=True)
class Backwards:
    """A place in a list that starts with the newest: everything before `until` is known. While a pass is under way
    `page` is the next page and `newest` the newest stamp it met. New events only push rows to later pages: rows may be
    met twice, none is skipped. `etag` stands for the first page."""

    until: str
    page: int = 1
    newest: str = ""
    etag: str = ""


class History:
    """Reads facts for one connector. Two requests a repository when nothing happened."""

    def __init__(self, client: GitHubClient, reader: Reader) -> None:
        self._client = client
        self._reader = reader

    def read(self, repositories: Iterable[str], cursor: str | None, begin: datetime) -> FactPage:
        """One page of each list of each repository."""
        places: dict[str, Any] = json.loads(cursor) if cursor else {}
        facts: list[Fact] = []
        settled: list[datetime | None] = []
        more = False
        for repository in repositories:
            place = places.get(repository, {})
            events = Backwards(**place.get("events", {"until": stamp(begin)}))
            comments = Place.load(place.get("comments", {"since": stamp(begin)}))
            after, rows, events_at = self._events(repository, events)
            # Oldest first, so that facts of one second keep the order they happened in.
            for row in reversed(rows):
                facts += self._reader.event_facts(repository, row)
            step = read_on(
                self._client,
                f"/repos/{repository}/issues/comments",
                comments,
                query={},
                endpoint="repository comments",
                name="id",
                tag=comment_digest,
            )
            for row in step.rows:
                if moment(row["created_at"]) >= begin:
                    facts += self._reader.comment_facts(repository, row)
            settled += [events_at, step.settled_through]
            more = more or after.page > 1 or step.more
            kept = {name: getattr(after, name) for name in Backwards.__slots__}
            places[repository] = {"events": kept, "comments": step.place.dump()}
        facts.sort(key=lambda fact: fact.at)
        known = [at for at in settled if at is not None]
        whole = not more and bool(known) and len(known) == len(settled)
        encoded = json.dumps(places, separators=(",", ":"))
        return FactPage(encoded, tuple(facts), more, min(known) if whole else None)

    def _events(self, repository: str, place: Backwards) -> tuple[Backwards, list[Row], datetime | None]:
        answer = self._client.get(
            f"/repos/{repository}/issues/events",
            {"per_page": str(PAGE), "page": str(place.page)},
            endpoint="events",
            etag=place.etag if place.page == 1 else "",
        )
        settled = answer.at - OVERLAP if answer.at else None
        if answer.status == 304:
            return place, [], settled
        rows = [row for row in answer.rows if row["created_at"] >= place.until]
        etag = answer.etag if place.page == 1 else place.etag
        newest = max([place.newest, *(row["created_at"] for row in rows)])
        if len(rows) == len(answer.rows) and answer.next_query is not None:
            return Backwards(place.until, place.page + 1, newest, etag), rows, None
        until = max(place.until, stamp(moment(newest) - OVERLAP)) if newest else place.until
        return Backwards(until, etag=etag), rows, settled
