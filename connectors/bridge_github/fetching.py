"""Reading many tickets as they are now in as few requests as GitHub allows.

GitHub reads one issue a request, or lists of a whole repository. The rule, for issues and for comments alike: when more
than FEW are wanted of one repository, ask for the first page of the list; it says how many pages there are; go on
while that is fewer requests than reading what is still wanted one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from bridge.connect.port import Gone
from bridge.errors import MissingError
from bridge.model.ticket import Snapshot, TicketRef
from bridge_github.client import Answer, GitHubClient, Row
from bridge_github.reading import Reader, moment, repository_of, spot_of, stamp
from bridge_github.releases import Releases
from bridge_github.shared import Shared, Spot

FEW = 3
_MISSING = (404, 410)


class Fetching:
    """Reads tickets for one connector."""

    def __init__(self, client: GitHubClient, reader: Reader, releases: Releases, shared: Shared) -> None:
        self._releases = releases
        self._client = client
        self._reader = reader
        self._shared = shared

    def fetch(self, refs: Iterable[TicketRef], *, threads: bool) -> dict[TicketRef, Snapshot | Gone]:
        """Every ref's snapshot, or `Gone`."""
        wanted = list(dict.fromkeys(refs))
        found: dict[TicketRef, Snapshot | Gone] = {ref: Gone(ref) for ref in wanted}
        by_repository: dict[str, list[TicketRef]] = {}
        for ref in wanted:
            try:
                by_repository.setdefault(spot_of(ref).repository, []).append(ref)
            except MissingError:
                continue
        rows: dict[TicketRef, tuple[Row, datetime]] = {}
        for repository, members in by_repository.items():
            rows |= self._rows(repository, members, kept=threads)
        for repository in {repository_of(row) for row, _ in rows.values() if self._reader.wants_releases(row)}:
            self._releases.refresh(self._shared.configured_name(repository))
        for ref, (row, read_at) in rows.items():
            found[ref] = self._reader.snapshot(ref, row, read_at=read_at)
        if threads:
            found |= self._with_threads(rows)
        return found

    def row(self, ref: TicketRef) -> Row | None:
        """One issue by itself, followed to where it was moved; None when it is gone, or is a pull request."""
        answer = self._client.get(spot_of(ref).path, endpoint="issue", ticket=ref.id, accept=_MISSING)
        if answer.status in _MISSING or not isinstance(answer.data, dict) or "pull_request" in answer.data:
            return None
        row: Row = answer.data
        return row

    def _rows(self, repository: str, refs: list[TicketRef], *, kept: bool) -> dict[TicketRef, tuple[Row, datetime]]:
        now = datetime.now(UTC)
        found = {}
        for ref in refs:
            taken = self._shared.take_row(ref, now) if kept else None
            if taken is not None:
                found[ref] = taken
        missing = [ref for ref in refs if ref not in found]
        if len(missing) > FEW:
            found |= self._listed(repository, missing)
        for ref in missing:
            if ref not in found:
                row = self.row(ref)
                if row is not None:
                    found[ref] = (row, datetime.now(UTC))
        return found

    def _listed(self, repository: str, refs: list[TicketRef]) -> dict[TicketRef, tuple[Row, datetime]]:
        """What the repository's list shows of these, newest change first, as long as that is worth it."""
        by_number = {spot_of(ref).number: ref for ref in refs}
        known = [self._shared.updated_at(ref) for ref in refs]
        earliest = min((at for at in known if at is not None), default=None)
        query = {"state": "all", "sort": "updated", "direction": "desc"}
        if earliest is not None and None not in known:
            query["since"] = stamp(earliest)
        found: dict[TicketRef, tuple[Row, datetime]] = {}
        pages = self._client.pages(f"/repos/{repository}/issues", query, endpoint="issues")
        for number, answer in enumerate(pages, start=1):
            for row in answer.rows:
                ref = by_number.get(row["number"])
                if ref is not None and "pull_request" not in row:
                    found[ref] = (row, datetime.now(UTC))
            if not _is_worth_it(answer, number, len(by_number) - len(found)):
                break
        return found

    def _with_threads(self, rows: Mapping[TicketRef, tuple[Row, datetime]]) -> dict[TicketRef, Snapshot | Gone]:
        by_repository: dict[str, list[TicketRef]] = {}
        for ref, (row, _) in rows.items():
            if row["comments"]:
                by_repository.setdefault(self._spot(ref).repository, []).append(ref)
        found: dict[TicketRef, Snapshot | Gone] = {}
        for repository, refs in by_repository.items():
            listed = self._listed_comments(repository, [rows[ref][0] for ref in refs]) if len(refs) > FEW else {}
            for ref in refs:
                row, read_at = rows[ref]
                comments = listed.get(row["number"], [])
                if len(comments) != row["comments"]:
                    comments = list(self.comments(ref))
                thread = self._reader.thread(comments)
                found[ref] = self._reader.snapshot(ref, row, read_at=read_at, thread=thread)
        return found

    def _spot(self, ref: TicketRef) -> Spot:
        return self._shared.spot(ref) or spot_of(ref)

    def comments(self, ref: TicketRef, *, since: datetime | None = None) -> Iterator[Row]:
        """The comments of one issue, oldest first."""
        query = {"since": stamp(since)} if since else {}
        for answer in self._client.pages(f"{self._spot(ref).path}/comments", query, endpoint="comments", ticket=ref.id):
            yield from answer.rows

    def _listed_comments(self, repository: str, issues: list[Row]) -> dict[int, list[Row]]:
        """The comments of these issues by number, read from the repository's list; empty when it is not worth it."""
        earliest = min(moment(issue["created_at"]) for issue in issues)
        query = {"sort": "created", "direction": "asc", "since": stamp(earliest)}
        found: dict[int, list[Row]] = {}
        pages = self._client.pages(f"/repos/{repository}/issues/comments", query, endpoint="repository comments")
        for number, answer in enumerate(pages, start=1):
            for row in answer.rows:
                found.setdefault(int(row["issue_url"].rpartition("/")[2]), []).append(row)
            if not _is_worth_it(answer, number, len(issues)):
                # A part of the list says of no issue that it is whole, so nothing of it can be used.
                return found if answer.next_query is None else {}
        return found


def _is_worth_it(answer: Answer, read: int, wanted: int) -> bool:
    """Whether reading on costs fewer requests than `wanted` single ones. Unsaid counts go page by page."""
    if answer.next_query is None or not wanted:
        return False
    left = answer.pages - read if answer.pages is not None else read
    return left < wanted
