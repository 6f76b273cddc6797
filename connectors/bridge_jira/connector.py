"""The connector of one Jira site, and the kind that makes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from bridge.connect.bucket import Rate
from bridge.connect.files import FileStream
from bridge.connect.hooks import HookWish, Kept
from bridge.connect.limiter import Limits
from bridge.connect.port import Capabilities, Feed, Gone, SiteSettings
from bridge.connect.webhook import WebhookScheme
from bridge.connect.wire import Wire
from bridge.errors import ConfigurationError
from bridge.model.document import Document, Node
from bridge.model.feed import ChangePage, Fact, FactPage, Hint
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
from bridge_jira.attachments import Files
from bridge_jira.client import BATCH, JiraClient
from bridge_jira.config import JiraLogin
from bridge_jira.erasing import Eraser
from bridge_jira.feeds import Window, read_releases
from bridge_jira.history import read_history, read_past
from bridge_jira.hooks import keep_webhook
from bridge_jira.memory import SiteMemory
from bridge_jira.seek import Seeker
from bridge_jira.signposts import Signposts
from bridge_jira.snapshots import Reader
from bridge_jira.text import SUMMARY_LIMIT, TEXT_LIMIT, read_text, tidy_labels, tidy_summary, write_text
from bridge_jira.webhook import CLOUD, DATA_CENTER, read_hints
from bridge_jira.writing import Writer

ISSUES = "issues"
_VERSIONS = "versions:"
_VERSIONS_EVERY_S = 60.0
_KEY = re.compile(r"[A-Z][A-Z0-9_]*-[0-9]+")


class JiraConnector:
    """One Jira site, spoken to by one thread."""

    def __init__(self, settings: SiteSettings, wire: Wire, memory: SiteMemory) -> None:
        login = settings.login
        if not isinstance(login, JiraLogin):
            raise ConfigurationError(f"site {settings.name} has a login that is not Jira's.")
        self._settings = settings
        self._projects = sorted({scope["project"] for scope in settings.scopes if scope.get("project")})
        self._client = JiraClient(settings.name, settings.url, login, wire, memory, settings.native_fields)
        self._files = Files(settings, self._client)
        self._reader = Reader(
            self._client,
            self._files,
            site=settings.name,
            url=settings.url,
            spelled=settings.native_fields,
            marker_key=settings.marker_key,
        )
        self._writer = Writer(self._client, self._reader, site=settings.name)
        self._signposts = Signposts(self._client)
        self._eraser = Eraser(self._client, settings.name, settings.marker_key)
        self._seeker = Seeker(self._client, self._reader, settings)
        self._window = Window(self._client, projects=self._projects, lag_s=settings.index_lag_s)

    @property
    def capabilities(self) -> Capabilities:
        """Comments may be kept internal on service desks and edited; fields and comments go in requests of their own."""
        return Capabilities(
            internal_comments=True,
            edits_comments=True,
            attachments=True,
            signposts=True,
            hides_comments=frozenset({Hiding.REMOVE}),
            fetch_many=BATCH,
            text_limit=TEXT_LIMIT,
            summary_limit=SUMMARY_LIMIT,
        )

    def feeds(self) -> tuple[Feed, ...]:
        """Changed issues of all projects in one stream, and the releases of each project."""
        if not self._projects:
            return ()
        releases = [Feed(_VERSIONS + project, _VERSIONS_EVERY_S) for project in self._projects]
        return (Feed(ISSUES), *releases)

    def changes(self, feed: str, cursor: str | None, *, begin: datetime) -> ChangePage:
        """The next page of a feed, as hints: one request when nothing changed."""
        site = self._settings.name
        if feed.startswith(_VERSIONS):
            return read_releases(self._client, site, feed.removeprefix(_VERSIONS), cursor)
        sweep = self._window.read(cursor, begin=begin)
        hints = tuple(Hint(TicketRef(site, row.id), row.updated_at) for row in sweep.rows)
        return ChangePage(sweep.cursor, hints=hints, more=sweep.more, settled_through=sweep.settled_through)

    def history(self, cursor: str | None, *, begin: datetime) -> FactPage:
        """The next page of past events since `begin`."""
        if not self._projects:
            return FactPage(cursor or "")
        return read_history(self._client, self._window, self._settings.name, cursor, begin=begin)

    def past(self, ref: TicketRef) -> tuple[Fact, ...]:
        """The past events of one issue."""
        return read_past(self._client, ref)

    def fetch(self, refs: Iterable[TicketRef], *, threads: bool) -> Mapping[TicketRef, Snapshot | Gone]:
        """Issues as they are now: one request for a hundred, unless one has more comments than come with it."""
        return self._reader.fetch(refs, threads=threads)

    def locate(self, name: str, scope: Mapping[str, str]) -> TicketRef | None:
        """An issue by its key (a former one too); a bare number is one of the scope's project."""
        key = f"{scope.get('project', '')}-{name}" if name.isdecimal() else name.upper()
        if not _KEY.fullmatch(key):
            return None
        found = self._client.read(
            f"issue/{key}", endpoint="issue", params={"fields": "project"}, ticket=key, accept=(404,)
        )
        return TicketRef(self._settings.name, str(found["id"])) if found and "id" in found else None

    def permit(self, kind: OperationKind, ref: TicketRef | None) -> AbstractContextManager[None]:
        """Creates, comments and signposts are POSTs, an update begins with a PUT of the issue."""
        limiter = self._client.wire.limiter
        if kind is OperationKind.CREATE or ref is None:
            return limiter.permit(method="POST", endpoint="issue")
        if kind is OperationKind.UPDATE:
            return limiter.permit(method="PUT", endpoint="issue", ticket=ref.id)
        if kind in (OperationKind.SIGN, OperationKind.UNSIGN):
            verb = "POST" if kind is OperationKind.SIGN else "DELETE"
            return limiter.permit(method=verb, endpoint="remotelink", ticket=ref.id)
        verbs = {OperationKind.EDIT: "PUT", OperationKind.HIDE: "DELETE"}
        return limiter.permit(method=verbs.get(kind, "POST"), endpoint="comment", ticket=ref.id)

    def create(self, draft: TicketDraft) -> Written:
        """Make an issue; exactly one request, after the site's fields were read once."""
        return self._writer.create(draft)

    def update(self, change: TicketChange) -> Written:
        """Change fields by one edit, and the status by transitions."""
        return self._writer.update(change)

    def comment(self, ref: TicketRef, key: str, draft: CommentDraft) -> Written:
        """Write a comment; exactly one request."""
        return self._writer.comment(ref, draft)

    def open_file(self, file: Attachment) -> AbstractContextManager[FileStream]:
        """See `attachments.Files`."""
        return self._files.open(file)

    def file_limit(self) -> int:
        """See `attachments.Files`."""
        return self._files.limit()

    def own_files(self, ref: TicketRef) -> Mapping[str, Uploaded]:
        """See `attachments.Files`."""
        return self._files.own(ref)

    def upload(self, ref: TicketRef, file: Upload) -> Uploaded:
        """See `attachments.Files`."""
        return self._files.upload(ref, file)

    def edit_comment(self, ref: TicketRef, comment_id: str, draft: CommentDraft) -> Written:
        """Rewrite a comment; exactly one request."""
        return self._writer.edit_comment(ref, comment_id, draft)

    def hide_comment(self, ref: TicketRef, comment_id: str, how: Hiding) -> Written:
        """Delete a comment; exactly one request."""
        return self._writer.hide_comment(ref, comment_id, how)

    def signposts(self, ref: TicketRef) -> Mapping[str, Signpost]:
        """See `signposts.Signposts`."""
        return self._signposts.read(ref)

    def put_signpost(self, ref: TicketRef, signpost: Signpost) -> None:
        """See `signposts.Signposts`."""
        self._signposts.put(ref, signpost)

    def take_signpost(self, ref: TicketRef, name: str) -> None:
        """See `signposts.Signposts`."""
        self._signposts.take(ref, name)

    def erase(self, ref: TicketRef, sources: frozenset[str]) -> tuple[str, ...]:
        """The label and the property of the issue, and the properties of comments."""
        return self._eraser.erase(ref, sources)

    def find(self, probe: Probe) -> Finding:
        """Whether a create or comment took effect."""
        if probe.kind is OperationKind.COMMENT and probe.ref is not None:
            return self._seeker.find_comment(probe.ref, probe)
        return self._seeker.find_issue(probe)

    def normalise(self, field: str, value: Any) -> Any:
        """What Jira will show after this was written."""
        if isinstance(value, Node):
            shown = read_text(write_text(value, cloud=self._client.cloud))
            return shown if shown.children else None
        name = field.lower()
        if name == "labels":
            return tidy_labels(value or ())
        if isinstance(value, str):
            return (tidy_summary(value) if name == "summary" else value.strip()) or None
        return value

    def shown(self, body: Document) -> Document:
        """The ADF or wiki text written, read again."""
        return read_text(write_text(body, cloud=self._client.cloud))

    def measure(self, body: Document) -> int:
        """Characters of what is sent: the whole ADF on Cloud, which is at least what Jira counts, or wiki text."""
        written = write_text(body, cloud=self._client.cloud)
        return len(written if isinstance(written, str) else json.dumps(written, ensure_ascii=False))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
        """The hint in a delivery."""
        return read_hints(self._settings.name, body)

    def keep_webhook(self, wish: HookWish) -> Kept:
        """See `hooks.keep_webhook`."""
        return keep_webhook(self._client, self._projects, wish)

    def is_public(self, scope: Mapping[str, str]) -> bool:
        """Never: Jira asks readers for a login."""
        return False

    def close(self) -> None:
        """Let connections go."""
        self._files.close()
        self._client.close()


class JiraKind:
    """Jira, Cloud or Data Center."""

    name = "jira"
    login: type[BaseModel] = JiraLogin

    def scope_keys(self) -> Mapping[str, bool]:
        """A route's side names its project and the type of the issues it makes."""
        return {"project": True, "type": True}

    def can_be_public(self) -> bool:
        """Jira asks readers for a login."""
        return False

    def writable(self, visibility: Visibility) -> bool:
        """Public and internal comments; none for a single role or group."""
        return visibility is not Visibility.RESTRICTED

    def limits(self) -> Limits:
        """On Cloud 100 reads and creates and 50 changes a second and endpoint, 20 writes in 2 s and 100 in 30 s an
        issue. Source: developer.atlassian.com, Jira Cloud platform, rate limiting.
        """
        endpoints = {
            "GET *": (Rate(100, 1.0),),
            "POST *": (Rate(100, 1.0),),
            "PUT *": (Rate(50, 1.0),),
            "DELETE *": (Rate(50, 1.0),),
        }
        return Limits(endpoints=MappingProxyType(endpoints), ticket=(Rate(20, 2.0), Rate(100, 30.0)))

    def door(self, settings: SiteSettings) -> WebhookScheme:
        """Signed on Cloud; Data Center signs nothing. Raises ConfigurationError if the login is not Jira's."""
        if not isinstance(settings.login, JiraLogin):
            raise ConfigurationError(f"site {settings.name} has a login that is not Jira's.")
        return CLOUD if settings.login.cloud else DATA_CENTER

    def shared(self, settings: SiteSettings) -> SiteMemory:
        """What the connectors of one site know together."""
        return SiteMemory()

    def connect(self, settings: SiteSettings, wire: Wire, shared: Any) -> JiraConnector:
        """A connector for the calling thread. Sends nothing yet."""
        return JiraConnector(settings, wire, shared)


KIND = JiraKind()
