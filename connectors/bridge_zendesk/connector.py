"""The Zendesk connector: one site, spoken to by one thread, in canonical words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from bridge.connect.bucket import Rate
from bridge.connect.files import FileStream
from bridge.connect.hooks import HookWish, Kept
from bridge.connect.limiter import Limits
from bridge.connect.patience import parse_http_date
from bridge.connect.port import Capabilities, Feed, Gone, SiteSettings
from bridge.connect.webhook import WebhookScheme
from bridge.connect.wire import Wire
from bridge.errors import MissingError, PermanentError, SkippableError
from bridge.model.document import Document
from bridge.model.feed import ChangePage, Fact, FactPage, Hint
from bridge.model.marker import Marker
from bridge.model.operation import (
    CommentDraft,
    Finding,
    Hiding,
    OperationKind,
    Probe,
    TicketChange,
    TicketDraft,
    Upload,
    Uploaded,
    Written,
)
from bridge.model.signpost import Signpost
from bridge.model.ticket import Attachment, Snapshot, TicketRef
from bridge.model.words import Visibility
from bridge.text.html import read_html, write_html
from bridge_zendesk.attachments import Files
from bridge_zendesk.client import PAGE, Client, Json
from bridge_zendesk.config import ZendeskLogin
from bridge_zendesk.fields import Fields
from bridge_zendesk.finding import Finder
from bridge_zendesk.hiding import Hider
from bridge_zendesk.history import Historian
from bridge_zendesk.hooks import keep_webhook
from bridge_zendesk.names import Names
from bridge_zendesk.reading import Reader
from bridge_zendesk.shared import Shared
from bridge_zendesk.text import MOST_BYTES, MOST_SUBJECT
from bridge_zendesk.threads import RECENT, read_threads
from bridge_zendesk.webhook import SCHEME, read_hints
from bridge_zendesk.writing import Writer

TICKETS = "tickets"
INCLUDE = "users,groups,organizations,comment_count"
_PER_PAGE = 1000
LAG = timedelta(seconds=60)
"""What the incremental exports leave out of the present.
https://developer.zendesk.com/documentation/ticketing/managing-tickets/using-the-incremental-export-api"""


class ZendeskConnector:
    """See `bridge.connect.port.Connector`."""

    capabilities = Capabilities(
        fields_with_comment=True,
        internal_comments=True,
        hides_comments=frozenset(Hiding),
        fetch_many=PAGE,
        attachments=True,
        text_limit=MOST_BYTES,
        summary_limit=MOST_SUBJECT,
    )

    def __init__(self, settings: SiteSettings, wire: Wire, shared: Shared) -> None:
        self._site = settings.name
        self._client = Client(settings, wire)
        self._shared = shared
        self._names = Names(settings.name, self._client, shared)
        self._fields = Fields(settings.name, self._names, settings.native_fields)
        self._historian = Historian(settings.name, self._names, self._fields)
        self._writer = Writer(settings, self._client, shared, self._names, self._fields, self._historian)
        self._hider = Hider(settings.name, self._client)
        self._finder = Finder(settings, self._client, self._names, self._writer)
        self._reader = Reader(settings, shared, self._names, self._fields, self._creation_marker)
        self._files = Files(settings, wire, self._client)

    def feeds(self) -> tuple[Feed, ...]:
        """One: the account's tickets."""
        return (Feed(TICKETS),)

    def changes(self, feed: str, cursor: str | None, *, begin: datetime) -> ChangePage:
        """The next page of the tickets' incremental export.

        A row that cannot be read becomes a hint; a page that has not reached the present is settled up to its last row.
        """
        if feed != TICKETS:
            raise ValueError(f"{self._site} has no feed {feed!r}")
        place: dict[str, Any] = json.loads(cursor) if cursor else {"start_time": _earlier(begin)}
        page, headers = self._client.read(
            "incremental/tickets/cursor.json",
            "incremental",
            holds="tickets",
            include=INCLUDE,
            per_page=_PER_PAGE,
            **place,
        )
        self._shared.learn(page)
        snapshots: list[Snapshot] = []
        hints: list[Hint] = []
        for row in page["tickets"]:
            try:
                snapshots.append(self._reader.snapshot(row))
            except SkippableError:
                hints.append(Hint(TicketRef(self._site, str(row.get("id")))))
        reached = page.get("after_cursor")
        more = not page.get("end_of_stream", True)
        # Without rows there is no place yet: the next poll starts where this one did.
        return ChangePage(
            cursor=json.dumps({"cursor": reached} if reached else place),
            snapshots=tuple(snapshots),
            hints=tuple(hints),
            more=more,
            settled_through=_settled(headers, page["tickets"], "generated_timestamp", more=more),
        )

    def history(self, cursor: str | None, *, begin: datetime) -> FactPage:
        """The next page of ticket events as facts; it repeats the last two minutes of what was read before."""
        start = json.loads(cursor)["start_time"] if cursor else _earlier(begin)
        page, headers = self._client.read(
            "incremental/ticket_events.json", "incremental", holds="ticket_events", start_time=start
        )
        events = page["ticket_events"]
        end = page.get("end_time")
        more = bool(events) and not page.get("end_of_stream", len(events) < _PER_PAGE)
        if more and (end is None or end <= start):
            end = start + 1
        elif end and not more:
            # The export refuses a start within its last minute.
            end = min(end, int((_site_time(headers) - RECENT).timestamp()))
        return FactPage(
            cursor=json.dumps({"start_time": max(start, end or 0)}),
            facts=tuple(self._historian.facts(page)),
            more=more,
            settled_through=_settled(headers, events, "timestamp", more=more),
        )

    def past(self, ref: TicketRef) -> tuple[Fact, ...]:
        """The past events of one ticket, from its audits."""
        return tuple(self._historian.past(ref, list(self._finder.audits(ref))))

    def fetch(self, refs: Iterable[TicketRef], *, threads: bool) -> Mapping[TicketRef, Snapshot | Gone]:
        """Read tickets a hundred a request, and their comments as `threads.read_threads` decides."""
        asked = list(dict.fromkeys(refs))
        found: dict[TicketRef, Snapshot | Gone] = {ref: Gone(ref) for ref in asked}
        for start in range(0, len(asked), PAGE):
            tickets, site_now = self._show_many(asked[start : start + PAGE])
            comments: Mapping[int, list[Json]] = {}
            if threads and tickets:
                comments = read_threads(self._client, self._shared, self._names, tickets, site_now=site_now)
            for ticket in tickets:
                # A ticket asked for by name must be answered for: one of a strange shape raises.
                snapshot = self._reader.snapshot(ticket, comments.get(ticket["id"]))
                found[snapshot.ref] = snapshot
        return found

    def _show_many(self, refs: list[TicketRef]) -> tuple[list[Json], datetime]:
        idents = ",".join(ref.id for ref in refs)
        page, headers = self._client.read(
            "tickets/show_many.json", "show_many", holds="tickets", ids=idents, include=INCLUDE
        )
        self._shared.learn(page)
        return page["tickets"], _site_time(headers)

    def locate(self, name: str, scope: Mapping[str, str]) -> TicketRef | None:
        """A ticket's number is its id. Costs no request."""
        number = name.removeprefix("#")
        return TicketRef(self._site, str(int(number))) if number.isascii() and number.isdecimal() else None

    def permit(self, kind: OperationKind, ref: TicketRef | None) -> AbstractContextManager[None]:
        """Creates are a POST of tickets; everything else is a PUT of the ticket."""
        limiter = self._client.wire.limiter
        if kind is OperationKind.CREATE or ref is None:
            return limiter.permit(method="POST", endpoint="tickets")
        return limiter.permit(method="PUT", endpoint="ticket", ticket=ref.id)

    def create(self, draft: TicketDraft) -> Written:
        """See `writing.Writer.create`."""
        return self._writer.create(draft)

    def update(self, change: TicketChange) -> Written:
        """See `writing.Writer.update`."""
        return self._writer.update(change)

    def comment(self, ref: TicketRef, key: str, draft: CommentDraft) -> Written:
        """See `writing.Writer.comment`."""
        return self._writer.comment(ref, key, draft)

    def open_file(self, file: Attachment) -> AbstractContextManager[FileStream]:
        """See `attachments.Files`."""
        return self._files.open(file)

    def file_limit(self) -> int:
        """See `attachments.Files`."""
        return self._files.limit()

    def own_files(self, ref: TicketRef) -> Mapping[str, Uploaded]:
        """None: a file comes with its comment."""
        return {}

    def upload(self, ref: TicketRef, file: Upload) -> Uploaded:
        """See `attachments.Files`."""
        return self._files.upload(file)

    def edit_comment(self, ref: TicketRef, comment_id: str, draft: CommentDraft) -> Written:
        """Refused: what was said in Zendesk stands as it was said."""
        raise PermanentError(f"{self._site}: Zendesk changes no comment once it is written", site=self._site)

    def hide_comment(self, ref: TicketRef, comment_id: str, how: Hiding) -> Written:
        """See `hiding.Hider.hide`."""
        return self._hider.hide(ref, comment_id, how)

    def signposts(self, ref: TicketRef) -> Mapping[str, Signpost]:
        """Zendesk has none."""
        return {}

    def put_signpost(self, ref: TicketRef, signpost: Signpost) -> None:
        """Zendesk has none."""
        raise PermanentError(f"{self._site}: Zendesk has no links apart from texts.", site=self._site)

    def take_signpost(self, ref: TicketRef, name: str) -> None:
        """Zendesk has none, so none stands there."""

    def erase(self, ref: TicketRef, sources: frozenset[str]) -> tuple[str, ...]:
        """The external id of a ticket we made; what stands in the metadata of audits cannot be changed."""
        found = self.fetch([ref], threads=True)[ref]
        if not isinstance(found, Snapshot):
            raise MissingError(f"{ref} is not there", site=self._site, status=404)
        audits = self._finder.own_audits(ref)
        markers = [self._reader.read_slot(audit.get("metadata")) for audit in audits]
        ours = [marker for marker in markers if marker is not None and marker.source in sources]
        if any(marker.label == found.value("external_id") for marker in ours):
            self._writer.update(TicketChange(ref, found.key, {"external_id": None}))
        if not ours:
            return ()
        return (f"{len(ours)} markers in the history of {found.key}: Zendesk lets nobody change its audits",)

    def find(self, probe: Probe) -> Finding:
        """See `finding.Finder`."""
        return self._finder.find(probe)

    def normalise(self, field: str, value: Any) -> Any:
        """See `fields.Fields.normalise`."""
        return self._fields.normalise(field, value)

    def shown(self, body: Document) -> Document:
        """The HTML written, read again."""
        return read_html(write_html(body))

    def measure(self, body: Document) -> int:
        """Bytes of HTML."""
        return len(write_html(body).encode())

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
        """See `webhook.read_hints`."""
        return read_hints(self._site, body)

    def keep_webhook(self, wish: HookWish) -> Kept:
        """See `hooks.keep_webhook`."""
        return keep_webhook(self._site, self._client, wish)

    def is_public(self, scope: Mapping[str, str]) -> bool:
        """Never: Zendesk asks readers for a login."""
        return False

    def close(self) -> None:
        """Let the connections go."""
        self._files.close()
        self._client.close()

    def _creation_marker(self, ref: TicketRef) -> Marker | None:
        """The marker in the audit that created this ticket."""
        for audit in self._finder.own_audits(ref):
            marker = self._reader.read_slot(audit.get("metadata"))
            if marker is not None and marker.kind in ("create", "follow_up"):
                return marker
        return None


class ZendeskKind:
    """What is registered under the entry point `zendesk`. See `bridge.connect.port.ConnectorKind`."""

    name = "zendesk"
    login: type[BaseModel] = ZendeskLogin

    def scope_keys(self) -> Mapping[str, bool]:
        """None: which tickets a route takes is said by its `open_when`."""
        return {}

    def can_be_public(self) -> bool:
        """Zendesk asks readers for a login."""
        return False

    def writable(self, visibility: Visibility) -> bool:
        """Public replies and internal notes."""
        return visibility in (Visibility.PUBLIC, Visibility.INTERNAL)

    def limits(self) -> Limits:
        """100 ticket updates a minute and account, 30 in ten minutes a ticket, 10 incremental exports a minute.

        Source: developer.zendesk.com, API reference, rate limits. The account's own rate depends on its plan and is
        told in every answer.
        """
        endpoints = {"PUT ticket": (Rate(100, 60.0),), "GET incremental": (Rate(10, 60.0),)}
        return Limits(endpoints=MappingProxyType(endpoints), ticket=(Rate(30, 600.0),))

    def door(self, settings: SiteSettings) -> WebhookScheme:
        """Each delivery is signed together with its time."""
        return SCHEME

    def shared(self, settings: SiteSettings) -> Shared:
        """People, names and markers learned in this process."""
        return Shared()

    def connect(self, settings: SiteSettings, wire: Wire, shared: Any) -> ZendeskConnector:
        """A connector for the calling thread."""
        return ZendeskConnector(settings, wire, shared)


def _earlier(begin: datetime) -> int:
    """Where an export may start: never within its own last minute."""
    return int(min(begin, datetime.now(UTC) - RECENT).timestamp())


def _site_time(headers: Mapping[str, str]) -> datetime:
    """The site's own present as its answer dates it."""
    return parse_http_date(headers.get("Date", "")) or datetime.now(UTC)


def _settled(headers: Mapping[str, str], rows: list[Json], stamp: str, *, more: bool) -> datetime | None:
    if not more:
        return _site_time(headers) - LAG
    last = rows[-1].get(stamp) if rows else None
    return datetime.fromtimestamp(last, UTC) if last else None
