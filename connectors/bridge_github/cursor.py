"""Places in GitHub's lists that are sorted by last change: how far bridge has read, and what it has seen there.

`since` asks for what changed at or after a second. After a full page the reading begins again at the last row's second,
never at "page 2": rows that change move to the end, so numbered pages drift and would skip rows. Only when more rows
than a page holds share one second are its pages numbered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bridge_github.client import PAGE, Answer, GitHubClient, Row
from bridge_github.reading import moment, stamp

OVERLAP = timedelta(seconds=60)
"""How long after a change it may still appear in a list for the first time."""
ROOM = 25
"""Up to so many rows the place stays where it is: then an unchanged list is one answer of 304, from the first on."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far one list was read. `seen` holds what was shown from `since` on, each with its stamp, so that overlap shows
    nothing twice; `page` above 1 only while many rows share the second `since`; `etag` stands for the whole list as last
    seen."""

    since: str
    page: int = 1
    etag: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def start(cls, begin: datetime) -> Place:
        """The place before anything was read."""
        return cls(stamp(begin))

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Place:
        """The inverse of `dump`."""
        return cls(data["since"], data.get("page", 1), data.get("etag", ""), data.get("seen", {}))

    def dump(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"since": self.since, "page": self.page, "etag": self.etag, "seen": dict(self.seen)}

    def encode(self) -> str:
        """The place as an opaque cursor."""
        return json.dumps(self.dump(), separators=(",", ":"))

    @classmethod
    def decode(cls, cursor: str) -> Place:
        """The inverse of `encode`."""
        return cls.load(json.loads(cursor))


@dataclass(frozen=True, slots=True)
class Step:
    """One page further. `rows` are those not seen before; `settled_through` is set when the end was reached."""

    place: Place
    rows: tuple[Row, ...] = ()
    more: bool = False
    settled_through: datetime | None = None


def read_on(
    client: GitHubClient,
    path: str,
    place: Place,
    *,
    query: Mapping[str, str],
    endpoint: str,
    name: str,
    tag: Callable[[Row], str],
    revisits: bool = False,
) -> Step:
    """Read the next page of a list sorted by last change, upwards; one request. `name` is the key of a row's id, `tag`
    tells readings of it with the same stamp apart. `revisits`: what changed in this very second is shown once more."""
    asked = {**query, "sort": "updated", "direction": "asc", "since": place.since, "per_page": str(PAGE)}
    if place.page > 1:
        asked["page"] = str(place.page)
    answer = client.get(path, asked, endpoint=endpoint, etag=place.etag)
    settled = answer.at - OVERLAP if answer.at else None
    if answer.status == 304:
        return Step(place, settled_through=settled)
    # The same words under another stamp are news: somebody may have put back what we had overwritten.
    tags = {str(row[name]): f"{row['updated_at']} {tag(row)}" for row in answer.rows}
    fresh = tuple(row for row in answer.rows if place.seen.get(str(row[name])) != tags[str(row[name])])
    if answer.next_query is not None and answer.rows:
        return Step(_after_full_page(place, answer.rows, tags, name), fresh, more=True)
    ended = _at_the_end(place, answer, tags, name)
    return Step(_without_this_second(ended, answer) if revisits else ended, fresh, settled_through=settled)


def _after_full_page(place: Place, rows: list[Row], tags: Mapping[str, str], name: str) -> Place:
    last = rows[-1]["updated_at"]
    if last > place.since:
        kept = {str(row[name]): tags[str(row[name])] for row in rows if row["updated_at"] == last}
        return Place(last, seen=kept)
    return replace(place, page=place.page + 1, etag="", seen={**place.seen, **tags})


def _at_the_end(place: Place, answer: Answer, tags: Mapping[str, str], name: str) -> Place:
    seen = {**(place.seen if place.page > 1 else {}), **tags}
    safe = stamp(answer.at - OVERLAP) if answer.at else place.since
    if (len(answer.rows) > ROOM or place.page > 1) and safe > place.since:
        late = {str(row[name]) for row in answer.rows if moment(row["updated_at"]) >= moment(safe)}
        return Place(safe, seen={key: value for key, value in seen.items() if key in late})
    return Place(place.since, etag=answer.etag if place.page == 1 else "", seen=seen)


def _without_this_second(place: Place, answer: Answer) -> Place:
    """The place as if what changed in the second of the answer had not been seen: within that second it may be
    overwritten by us and put back by somebody, and then neither stamp nor content tells."""
    now = stamp(answer.at) if answer.at else ""
    seen = {key: tag for key, tag in place.seen.items() if not now or tag.partition(" ")[0] < now}
    return place if len(seen) == len(place.seen) else replace(place, etag="", seen=seen)
