"""The Connector port: everything bridge asks of a vendor's product, in canonical words.

A connector is the adapter to one vendor's product; one instance speaks for one site and belongs to one thread. It knows
the vendor and nothing of routes, mappings, contracts or the ledger. It reads and writes *native* values under the names
the mapping uses; translating them is not its business.

Terms: a *feed* is a site's incremental change stream, a *cursor* the opaque place reached in it; a *hint* says that a
ticket may have changed; a *snapshot* is a full reading; a *fact* is one past event; a *marker* is the signed key an
operation leaves in what it makes, placed in the slot this vendor has for it.

Every method raises only errors of `bridge.errors`: `TemporaryError` (certainly no effect, may be sent again),
`PermanentError` and its kinds (never will succeed), `UnknownOutcomeError` (writes only: may have taken effect). No method
ever sends a write twice, sleeps through a rate limit, or retries a create: retrying is the caller's decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel

from bridge.connect.files import FileStream
from bridge.connect.hooks import HookWish, Kept
from bridge.connect.limiter import Limits
from bridge.connect.webhook import WebhookScheme
from bridge.connect.wire import Wire
from bridge.model.document import Document
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
from bridge.model.words import HeldBy, Visibility


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a vendor's product can do, as far as the engine plans differently for it.

    `attachments`: files can be put on a ticket and read from it. `signposts`: links to other tickets can stand on one,
    apart from its text and comments.

    `fields_with_comment`: one request takes fields and a comment, atomically. `internal_comments`: comments can be kept
    to the site's staff. `edits_comments`: a comment's text can be changed afterwards. `hides_comments`: how a comment can
    be taken back afterwards. `edits_keep_history`: whoever reads an edited comment can read what it said before, so
    that an edit takes nothing back. `create_many` / `update_many`:
    how many tickets one bulk request takes, 0 if none. `fetch_many`: how many tickets one read takes. `text_limit` and
    `summary_limit` count characters after conversion.
    """

    fields_with_comment: bool = False
    internal_comments: bool = False
    edits_comments: bool = False
    hides_comments: frozenset[Hiding] = frozenset()
    edits_keep_history: bool = False
    create_many: int = 0
    update_many: int = 0
    fetch_many: int = 1
    text_limit: int = 32_000
    summary_limit: int = 255
    attachments: bool = False
    signposts: bool = False


@dataclass(frozen=True, slots=True)
class Feed:
    """One incremental stream of a site. `name` is unique within the site and stable over restarts (the cursor is kept
    under it). `every_s` is how often it wants reading when nobody asks for more: 0 means at every poll."""

    name: str
    every_s: float = 0


@dataclass(frozen=True, slots=True)
class Gone:
    """A ticket that was asked for and did not come back: 404, or left out of a batch. Suspect, not yet gone."""

    ref: TicketRef


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """One site as configured, secrets resolved. `login` is the connector's own settings model, validated.

    `native_fields` are the native field names that any mapping of this site mentions: nothing else need be read.
    `scopes` are the sides of the routes that use this site (`{"project": "ACME", "type": "Bug"}`). `deadline_s` is the
    total time a request may take, `processing_s` how long the site may still carry out what it received without
    answering, `index_lag_s` how far its search may be behind. `attachment_limit` is how many bytes a file may have there,
    None for what the vendor takes. `content_hosts` are hosts of the vendor, besides those the connector knows, where its
    files may be fetched (`*.name` for everything below one).
    """

    name: str
    url: str
    held_by: HeldBy
    login: BaseModel
    native_fields: frozenset[str]
    scopes: tuple[Mapping[str, str], ...]
    marker_key: bytes
    deadline_s: float = 30.0
    processing_s: float = 10.0
    index_lag_s: float = 600.0
    attachment_limit: int | None = None
    content_hosts: frozenset[str] = frozenset()


class Connector(Protocol):
    """One site, spoken to by one thread."""

    @property
    def capabilities(self) -> Capabilities:
        """What this site can do. Costs no request."""

    def feeds(self) -> tuple[Feed, ...]:
        """The streams that together show every change in the configured scopes. Costs no request."""

    def changes(self, feed: str, cursor: str | None, *, begin: datetime) -> ChangePage:
        """The next page of a feed. `cursor` None starts at `begin`. One request when nothing changed.

        The page holds everything since the cursor, perhaps some of it again (overlap); never less.
        """

    def history(self, cursor: str | None, *, begin: datetime) -> FactPage:
        """The next page of the site's past events, for clocks and cases."""

    def past(self, ref: TicketRef) -> tuple[Fact, ...]:
        """Everything that ever happened to one ticket, oldest first: what `history` tells of it, from its own records,
        which lag behind nothing. Raises MissingError when it is not there."""

    def fetch(self, refs: Iterable[TicketRef], *, threads: bool) -> Mapping[TicketRef, Snapshot | Gone]:
        """Read tickets as they are now, in as few requests as the vendor allows, with all comments when `threads`.

        Answers for every ref asked. Raises SkippableError when one of them has a shape that cannot be read: the caller
        asks again for fewer.
        """

    def locate(self, name: str, scope: Mapping[str, str]) -> TicketRef | None:
        """The permanent name of the ticket that people call `name` (`4711`, `#12`, `ACME-7`) in the part of the site
        that `scope` names; None if no ticket can be called so, or none is. At most one request."""

    def permit(self, kind: OperationKind, ref: TicketRef | None) -> AbstractContextManager[None]:
        """Take the limiter's permit for the request that a write of this kind begins with, and hold it for the block.

        `ref` is the ticket written to, None for a create. The write itself, made inside the block on the same thread,
        stands on it. Sends nothing. Raises TemporaryError with `retry_after_s` when none comes within 1 s.
        """

    def create(self, draft: TicketDraft) -> Written:
        """Make a ticket that bears the draft's marker. Sends exactly one creating request."""

    def update(self, change: TicketChange) -> Written:
        """Change fields of a ticket, with the comment in the same request where `fields_with_comment`.

        Raises PermanentError with `field` set when the vendor names the field it refuses.
        """

    def comment(self, ref: TicketRef, key: str, draft: CommentDraft) -> Written:
        """Write a comment that bears the draft's marker. Sends exactly one writing request."""

    def open_file(self, file: Attachment) -> AbstractContextManager[FileStream]:
        """Read a file of this site as a stream: from the site itself with its login, or from one of the vendor's listed
        content hosts without. Raises TemporaryError, MissingError, RefusedError; PermanentError for any other host."""

    def file_limit(self) -> int:
        """How many bytes a file may have here, 0 if none can be put here. Asks the site once a process at most."""

    def own_files(self, ref: TicketRef) -> Mapping[str, Uploaded]:
        """The files bridge's account put on a ticket, by name, where they stand by themselves. Empty where a file only
        comes with its comment."""

    def upload(self, ref: TicketRef, file: Upload) -> Uploaded:
        """Send a file, in one request that streams. The answer's `token` says that it stands nowhere before a comment
        names it; what no comment names is forgotten by the site, so that such an upload may be made again.

        Raises PermanentError, with status 413, when it is too large.
        """

    def edit_comment(self, ref: TicketRef, comment_id: str, draft: CommentDraft) -> Written:
        """Give one of our own comments another text; who may read it and its marker stay. Exactly one writing request.

        Sending the same again changes nothing more. A lost answer is settled by reading the comment, whose body then is
        `shown(draft.body)`. Raises PermanentError before anything is sent where comments cannot be edited, MissingError
        when the comment is not there.
        """

    def hide_comment(self, ref: TicketRef, comment_id: str, how: Hiding) -> Written:
        """Take one of our own comments back. Exactly one writing request; sending the same again changes nothing more.

        A lost answer is settled by reading the thread. Raises PermanentError before anything is sent where
        `hides_comments` lacks `how`, MissingError when the comment is not there.
        """

    def signposts(self, ref: TicketRef) -> Mapping[str, Signpost]:
        """The signposts of bridge that stand on a ticket, by name, in at most one request; none where the product has
        none. Raises MissingError when the ticket is not there."""

    def put_signpost(self, ref: TicketRef, signpost: Signpost) -> None:
        """Let a signpost stand on a ticket as given, in place of the one of its name if there is one. Exactly one writing
        request; sending the same again changes nothing more.

        Raises PermanentError before anything is sent where `signposts` is not among the capabilities.
        """

    def take_signpost(self, ref: TicketRef, name: str) -> None:
        """Take a signpost away. At most one writing request; one that does not stand there is no error, and no more is a
        ticket that is gone. Nothing is sent where the product has none."""

    def erase(self, ref: TicketRef, sources: frozenset[str]) -> tuple[str, ...]:
        """Take the markers out of a ticket that our own account made and out of its comments, those whose source is among
        `sources`; words stay as they are. As many requests as there are markers; each takes away what still stands, so
        an interrupted call may be made again. What cannot be taken away, a sentence each with the reason.

        Raises MissingError when the ticket is not there.
        """

    def find(self, probe: Probe) -> Finding:
        """Whether a create or comment of unknown outcome took effect, judged by its marker and our own account."""

    def normalise(self, field: str, value: Any) -> Any:
        """What the site will show after `value` was written to this native field (trimmed, folded). Pure."""

    def shown(self, body: Document) -> Document:
        """What a comment reads as after `body` was written. Pure; `shown(shown(body))` is `shown(body)`."""

    def measure(self, body: Document) -> int:
        """How much of `capabilities.text_limit` a body takes once it is written in this site's own markup. Pure."""

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
        """The hints in a delivery whose signature was verified already. Raises SkippableError if it has none."""

    def keep_webhook(self, wish: HookWish) -> Kept:
        """See to it that the site has exactly one webhook of ours (where webhooks belong to a repository: one in each),
        and that one as wished; what had to be done. Webhooks of others are not touched; a second call changes nothing.

        Raises RefusedError or MissingError where the account lacks the right.
        """

    def is_public(self, scope: Mapping[str, str]) -> bool:
        """Whether anybody, without a login, can read what is written in this part of the site. At most one request; none
        where the product does not publish tickets by a setting that can be read."""

    def close(self) -> None:
        """Let connections go. The connector is not used afterwards."""


class ConnectorKind(Protocol):
    """What a connector package registers under the entry-point group `bridge.connectors`."""

    name: str
    login: type[BaseModel]

    def scope_keys(self) -> Mapping[str, bool]:
        """The keys a route's side may carry for this connector (`project`, `type`), and whether each is required."""

    def can_be_public(self) -> bool:
        """Whether such a site may publish tickets to everybody, so that a connector has to be asked."""

    def writable(self, visibility: Visibility) -> bool:
        """Whether comments of this visibility can be written at this product at all."""

    def limits(self) -> Limits:
        """The rates the vendor documents, kept from the start; what a site answers overrides them."""

    def door(self, settings: SiteSettings) -> WebhookScheme:
        """How this vendor's webhook deliveries to such a site are recognised as genuine."""

    def shared(self, settings: SiteSettings) -> Any:
        """State that all connectors of one site share in a process (metadata caches); thread-safe. No I/O here."""

    def connect(self, settings: SiteSettings, wire: Wire, shared: Any) -> Connector:
        """A connector for the calling thread. Sends nothing yet."""
