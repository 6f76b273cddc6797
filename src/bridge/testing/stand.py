"""Where a connector under test stands: a sandbox site, and connectors to it under several accounts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bridge.connect.port import Connector, ConnectorKind, SiteSettings
from bridge.connect.wire import Wire
from bridge.model.document import Document, doc, paragraph, text
from bridge.model.marker import Marker
from bridge.model.operation import CommentDraft, TicketDraft, Upload
from bridge.model.ticket import Snapshot, TicketRef
from bridge.model.words import Audience, HeldBy, Visibility
from bridge.sandbox.server import Sandbox
from bridge.text.marker import sign

SITE = "site"
PIECE = 1 << 14
KEY = b"a key only the conformance suite has"


class OpenLimiter:
    """A `bridge.model.ports.Limiter` that always permits. `asked` is what for: method, endpoint, ticket."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    def permit(self, *, method: str, endpoint: str, ticket: str = "") -> AbstractContextManager[None]:
        """A permit at once."""
        self.asked.append((method, endpoint, ticket))
        return nullcontext()

    def answered(self, *, method: str, endpoint: str, ticket: str = "", status: int, headers: dict[str, str]) -> None:
        """Nothing to learn."""


def words(*lines: str) -> Document:
    """A document with one paragraph for each line."""
    return doc(*(paragraph(text(line)) for line in lines))


@dataclass(slots=True)
class Stand:
    """One sandbox site and how to speak to it. `lag_s` is how long its feeds may take to show a change."""

    sandbox: Sandbox
    kind: ConnectorKind
    login: Mapping[str, Any]
    scope: Mapping[str, str]
    native_fields: frozenset[str]
    lag_s: float = 0.0
    limiter: OpenLimiter = field(default_factory=OpenLimiter)
    begin: datetime = field(init=False)
    _open: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.begin = self.sandbox.world.now() - timedelta(minutes=5)

    def connect(
        self, login: Mapping[str, Any] | None = None, *, key: bytes = KEY, attachment_limit: int | None = None
    ) -> Connector:
        """A new connector, as a new process would make it; `login` overrides parts of bridge's own."""
        settings = SiteSettings(
            name=SITE,
            url=self.sandbox.urls[SITE],
            held_by=HeldBy.VENDOR,
            login=self.kind.login.model_validate({**self.login, **(login or {})}),
            native_fields=self.native_fields,
            scopes=(self.scope,),
            marker_key=key,
            deadline_s=10.0,
            processing_s=1.0,
            attachment_limit=attachment_limit,
            content_hosts=frozenset({"localhost"}),
        )
        wire = Wire(site=SITE, url=settings.url, limiter=self.limiter, deadline_s=10.0, processing_s=1.0)
        connector = self.kind.connect(settings, wire, self.kind.shared(settings))
        self._open.callback(connector.close)
        return connector

    def close(self) -> None:
        """Close every connector made here."""
        self._open.close()

    def ticket(self, source: str = "7", *, summary: str = "Printer on fire", key: bytes = KEY) -> TicketDraft:
        """A draft whose marker says that it comes from ticket `source` of another site."""
        marker = sign(key, Marker("route", f"desk/{source}", "create"))
        return TicketDraft(
            scope=self.scope,
            summary=summary,
            body=words("Smoke since this morning.", "Literal *stars* and _lines_."),
            fields={},
            marker=marker,
            idempotency_key=f"bridge-{marker.mac}",
        )

    def remark(self, item: str = "1", *, says: str = "We are on it.", key: bytes = KEY) -> CommentDraft:
        """A draft of a public comment whose marker names item `item`."""
        marker = sign(key, Marker("route", "desk/7", "comment", item))
        return CommentDraft(words(says), Visibility.PUBLIC, Audience.CUSTOMER_USER, marker)

    def upload(self, name: str, content: bytes, media_type: str = "text/plain") -> Upload:
        """A file to be sent, in pieces."""
        pieces = (content[start : start + PIECE] for start in range(0, len(content), PIECE))
        return Upload(name, len(content), media_type, pieces)

    def writes(self) -> list[tuple[str, str, int]]:
        """The writing requests the site received since the log was cleared: method, path, status."""
        log = self.sandbox.log
        return [(entry["method"], entry["url"], entry["status"]) for entry in log if entry["writes"]]

    def wait(self, seconds: float = 0.0) -> None:
        """Let the site's time pass: at least as long as its feeds lag."""
        self.sandbox.world.advance(max(seconds, self.lag_s))

    def read(self, connector: Connector, ref: TicketRef) -> Snapshot:
        """The ticket as it is now, with its comments."""
        found = connector.fetch([ref], threads=True)[ref]
        assert isinstance(found, Snapshot), f"{ref} is gone"
        return found

    def drain(self, connector: Connector, cursors: dict[str, str]) -> dict[TicketRef, Snapshot | None]:
        """Read every feed to its end, moving `cursors`: the tickets that were shown, None for a mere hint."""
        shown: dict[TicketRef, Snapshot | None] = {}
        for feed in connector.feeds():
            more = True
            while more:
                page = connector.changes(feed.name, cursors.get(feed.name), begin=self.begin)
                cursors[feed.name] = page.cursor
                shown |= {hint.ref: shown.get(hint.ref) for hint in page.hints}
                shown |= {snapshot.ref: snapshot for snapshot in page.snapshots}
                more = page.more
        return shown
