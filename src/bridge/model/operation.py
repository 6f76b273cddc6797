"""Intended effects, and what is told to and answered by a connector when one is carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from bridge.model.document import Document
from bridge.model.marker import Marker
from bridge.model.ticket import Person, TicketRef, Version
from bridge.model.words import Audience, Side, Visibility


class OperationKind(StrEnum):
    """What an operation does. One `update` operation carries one canonical field; `edit` and `hide` change a comment
    that an earlier operation wrote; `sign` puts a signpost on a ticket, `unsign` takes it away."""

    CREATE = "create"
    UPDATE = "update"
    COMMENT = "comment"
    EDIT = "edit"
    HIDE = "hide"
    SIGN = "sign"
    UNSIGN = "unsign"


class Hiding(StrEnum):
    """How a comment that stands is taken back. INTERNAL: kept to the site's own staff from now on. REMOVE: nobody can
    read its words there any more; afterwards it is not in the thread, or reads as empty."""

    INTERNAL = "internal"
    REMOVE = "remove"


class OperationState(StrEnum):
    """Where an operation stands in the journal.

    planned → sending → confirmed | unknown | planned (definite temporary failure) | dead;
    planned → cancelled | superseded | held (waits for a person's release); unknown → confirmed | planned | void;
    dead → planned (tried again) | discarded (a person accepts that it will not be).
    """

    PLANNED = "planned"
    HELD = "held"
    SENDING = "sending"
    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    VOID = "void"
    DEAD = "dead"
    DISCARDED = "discarded"


UNSENT = frozenset({OperationState.PLANNED, OperationState.HELD})
OPEN = UNSENT | {OperationState.SENDING, OperationState.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Operation:
    """One intended effect on one side of one group, journaled before anything is sent.

    `key` is the marker's mac for creates and comments (deterministic: planning the same again finds the same row), and
    group, field and version for updates. `payload` is plain JSON, frozen from the first attempt on: `fields` (native
    name → value) and `prior` for updates, `body` (a document as JSON), `visibility` and `audience` for comments.
    `sources` holds the source side's native values the operation was planned from, which become its base on confirm.
    `reason` is the rule that released it (`file:line`), for people and for the check at the moment of sending.
    `letter` is what stood around an operation when it was given up (see `bridge.engine.letters`), empty before. `edited`:
    a person changed the payload, which therefore is not worked out anew while the source stays as it was.
    """

    key: str
    group: str
    kind: OperationKind
    side: Side
    payload: Mapping[str, Any]
    sources: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    field_name: str = ""
    item: str = ""
    marker: Marker | None = None
    state: OperationState = OperationState.PLANNED
    reason: str = ""
    order: int = 0
    attempts: int = 0
    due_at: datetime | None = None
    sent_at: datetime | None = None
    horizon_at: datetime | None = None
    error: str = ""
    remote_id: str = ""
    planned_at: datetime | None = None
    letter: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    edited: bool = False


@dataclass(frozen=True, slots=True)
class TicketDraft:
    """A ticket to be created. `scope` says where (`project`, `type`, `repository`), in the words of the route's side.

    `fields` maps native names to native values. `idempotency_key` is sent where the vendor honours one. `behalf_of` is
    the person it comes from, for vendors that keep a requester; it is otherwise named inside `body`.
    """

    scope: Mapping[str, str]
    summary: str
    body: Document
    fields: Mapping[str, Any]
    marker: Marker
    idempotency_key: str
    behalf_of: Person | None = None
    follows: str = ""
    """The id of the closed ticket of the same site that this one follows up."""
    visibility: Visibility = Visibility.PUBLIC
    """Who can see its first text, where the vendor can tell."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to be put on a ticket, under a name that is safe and its own. `chunks` can be read once; what they raise
    passes through the connector."""

    name: str
    size: int
    media_type: str
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that stands at a site, or waits there for the comment that names its `token`.

    `url` is where people find it there (empty: by name only), `sha256` is set where it was sent just now.
    """

    name: str
    size: int
    id: str = ""
    url: str = ""
    token: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class CommentDraft:
    """A comment to be written. `audience` is whom the rule released it to; `visibility` the flag that follows at
    this site. The connector places the marker in its slot and splits nothing: `body` already fits, and shows files as
    its `attachments` say they are found."""

    body: Document
    visibility: Visibility
    audience: Audience
    marker: Marker
    attachments: tuple[Uploaded, ...] = ()


@dataclass(frozen=True, slots=True)
class TicketChange:
    """One request's worth of change to one ticket: some fields, and where the vendor takes them together, a comment.

    `prior` holds the native values the plan rested on. `version` guards the write where the vendor can (409 when the
    ticket moved). A status that needs a workflow transition is written by the connector as such.
    """

    ref: TicketRef
    key: str
    fields: Mapping[str, Any]
    prior: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    comment: CommentDraft | None = None
    version: Version | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a site answered to a write it accepted.

    `version` and `fields` (read-back native values, only if the reply showed them) are None when the reply does not
    tell. `comment_id` is set when a comment was written. `before` holds the native values that the write took the place
    of, by the site's own record of it; a name is left out where the record does not tell, and it is None where the reply
    brings no such record.
    """

    ref: TicketRef
    key: str = ""
    url: str = ""
    version: Version | None = None
    comment_id: str = ""
    fields: Mapping[str, Any] | None = None
    before: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """What `find` looks for: the marker of a create or comment of unknown outcome.

    `ref` is the ticket for a comment, None for a create; `scope` where a create went; `after_key` the highest key
    known before sending (vendors whose search lags are read past it); `sent_at` when it was sent, None if this ledger
    knows of no sending; `until` the latest moment at which an earlier process, whose ledger was lost, may have sent it.
    """

    kind: OperationKind
    marker: Marker
    ref: TicketRef | None = None
    scope: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    after_key: str = ""
    sent_at: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The effect exists: this is what it made."""

    written: Written


@dataclass(frozen=True, slots=True)
class Absent:
    """The effect is certainly not there as of now. The caller still waits for the write's horizon."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """Not found, which proves nothing before `until`."""

    until: datetime


Finding = Found | Absent | CannotTell
