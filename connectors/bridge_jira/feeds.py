"""The change streams of a Jira site.

Jira's search is behind its database by seconds to minutes, and its absolute dates are minutes in the account's own zone.
So each poll asks relatively (`updated >= -Nm`) with an overlap, and the cursor remembers what the overlap already showed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bridge.errors import PermanentError
from bridge.model.feed import ChangePage, Hint
from bridge.model.ticket import TicketRef
from bridge_jira.client import LIGHT_PAGE, JiraClient
from bridge_jira.text import read_time

OVERLAP = timedelta(minutes=10)
"""The least overlap of two polls; a site whose index may lag more gets that much, up to a day."""
_LONGEST_OVERLAP = timedelta(days=1)
_STEP_BACK = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the stream: an issue, and its last change as the index knows it."""

    id: str
    updated_at: datetime

    @property
    def stamp(self) -> int:
        """The last change in milliseconds since 1970."""
        return round(self.updated_at.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Place:
    """A cursor. `at`: the site's time of the last complete round; `seen`: issue id → last change, as far as the next
    overlap can show it again. The others are set inside a round of several pages: its query, the next page, its start."""

    at: float
    seen: dict[str, int] = field(default_factory=dict)
    jql: str = ""
    token: str = ""
    start: int = 0
    began: float = 0.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one request of a round brought: rows not seen before, and the cursor after them."""

    rows: tuple[Row, ...]
    cursor: str
    more: bool
    settled_through: datetime | None


class Window:
    """The overlapped window over everything that changed in some projects."""

    def __init__(self, client: JiraClient, *, projects: Iterable[str], lag_s: float) -> None:
        self._client = client
        self._projects = sorted(set(projects))
        self._lag = timedelta(seconds=lag_s)
        self._overlap = min(max(OVERLAP, self._lag), _LONGEST_OVERLAP)

    def read(self, cursor: str | None, *, begin: datetime, most: int = LIGHT_PAGE) -> Sweep:
        """The next page: one request. At most `most` rows are given out; the rest of a page is asked for again."""
        place = Place(begin.timestamp()) if cursor is None else Place(**json.loads(cursor))
        overlap = timedelta(minutes=1) if cursor is None else self._overlap
        if place.jql:
            try:
                return self._page(place, most)
            except PermanentError as error:
                # A page token may have expired since; the round begins anew.
                if error.status != 400:
                    raise
                place = replace(place, jql="", token="", start=0)
        opened = self._opened(place, overlap)
        sweep = self._page(opened, most)
        again = self._opened(place, overlap)
        if _minutes(again.jql) > _minutes(opened.jql) + 1:
            # The answer's Date shows that the site's clock was further on than we thought when we asked.
            return self._page(again, most)
        return sweep

    def _opened(self, place: Place, overlap: timedelta) -> Place:
        """The first page of a round, asked for as of now."""
        now = self._client.site_now()
        since = datetime.fromtimestamp(place.at, UTC) - overlap
        minutes = max(1, math.ceil((now - since).total_seconds() / 60))
        listed = ", ".join(f'"{key}"' for key in self._projects)
        jql = f"project in ({listed}) AND updated >= -{minutes}m ORDER BY updated ASC"
        return replace(place, jql=jql, token="", start=0, began=0.0)

    def _page(self, place: Place, most: int) -> Sweep:
        sent_at = datetime.now(UTC)
        issues, token, start = self._client.search_page(
            place.jql, fields=["updated"], size=LIGHT_PAGE, token=place.token, start=place.start
        )
        rows = [Row(str(one["id"]), read_time(one["fields"]["updated"])) for one in issues]
        fresh = [row for row in rows if place.seen.get(row.id, -1) < row.stamp]
        given = fresh[:most]
        seen = place.seen | {row.id: row.stamp for row in given}
        # In the site's time, which the answer has just told: a round covers what happened before it was asked for.
        began = place.began or (sent_at + self._client.memory.ahead).timestamp()
        if len(given) < len(fresh):
            return Sweep(tuple(given), _written(replace(place, seen=seen, began=began)), True, None)
        kept = self._recent(seen, began)
        if token or start:
            # Rows move while pages are read by number, so the next page begins a little earlier.
            back = max(start - _STEP_BACK, 0) if start else 0
            step = replace(place, seen=kept, token=token, start=back, began=began)
            return Sweep(tuple(given), _written(step), True, None)
        settled = datetime.fromtimestamp(began, UTC) - self._lag
        return Sweep(tuple(given), _written(Place(began, kept)), False, settled)

    def _recent(self, seen: dict[str, int], began: float) -> dict[str, int]:
        """What the next overlap can show again, with two minutes to spare for rounding."""
        bound = (began - self._overlap.total_seconds() - 120) * 1000
        return {ident: stamp for ident, stamp in seen.items() if stamp >= bound}


def read_releases(client: JiraClient, site: str, project: str, cursor: str | None) -> ChangePage:
    """Versions of a project released since the cursor: hints for the issues they fix. Releasing one changes no issue, so
    no other feed shows it. The first reading takes what is released as known."""
    with client.call(endpoint="project/versions"):
        versions = [version.raw for version in client.jira.project_versions(project)]
    released = sorted(str(one["id"]) for one in versions if one.get("released"))
    reached = json.dumps({"released": released})
    known = set(json.loads(cursor)["released"]) if cursor else set(released)
    new = [ident for ident in released if ident not in known]
    if not new:
        return ChangePage(reached)
    jql = f'project = "{project}" AND fixVersion in ({", ".join(new)}) ORDER BY id ASC'
    found = client.search(jql, fields=["updated"], size=LIGHT_PAGE)
    return ChangePage(reached, hints=tuple(Hint(TicketRef(site, str(one["id"]))) for one in found))


def _written(place: Place) -> str:
    return json.dumps({name: value for name, value in asdict(place).items() if value}, separators=(",", ":"))


def _minutes(jql: str) -> int:
    return int(jql.rpartition(">= -")[2].partition("m")[0])
