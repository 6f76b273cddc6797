"""What a site said about a ticket: references, readings, people, comments and the snapshot that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from bridge.model.document import Document
from bridge.model.marker import Marker
from bridge.model.words import Visibility


@dataclass(frozen=True, slots=True, order=True)
class TicketRef:
    """The permanent name of a remote ticket: the site's name in the config and the vendor's permanent id.

    Keys people see (`ACME-7`, `#12`) may change when a ticket moves; this does not.
    """

    site: str
    id: str

    def __str__(self) -> str:
        return f"{self.site}/{self.id}"

    @classmethod
    def parse(cls, value: str) -> TicketRef:
        """The inverse of `str`. Raises ValueError for anything else."""
        site, slash, ident = value.partition("/")
        if not (site and slash and ident):
            raise ValueError(f"not a ticket reference: {value!r}")
        return cls(site, ident)


class Presence(StrEnum):
    """How a field was read."""

    VALUE = "value"
    EMPTY = "empty"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Reading:
    """One field as read: a value, empty, or unreadable (hidden by a screen or permission; never a change).

    `value` is plain JSON (str, int, float, bool, list, dict) or a `Document`; None unless presence is `value`.
    """

    presence: Presence
    value: Any = None

    @property
    def readable(self) -> bool:
        """Whether the site showed this field at all."""
        return self.presence is not Presence.UNREADABLE

    @classmethod
    def of(cls, value: Any) -> Reading:
        """A reading of what the site showed: None, "" and [] are empty."""
        return cls(Presence.EMPTY) if value is None or value in ("", []) else cls(Presence.VALUE, value)


UNREADABLE = Reading(Presence.UNREADABLE)
EMPTY_READING = Reading(Presence.EMPTY)


@dataclass(frozen=True, slots=True)
class Version:
    """How new a reading is. `at` is the site's own last-change time; `tag` tells apart readings with one stamp
    (a comment count, an ETag); equal versions promise equal content only when both are equal."""

    at: datetime
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a site. `staff`: may see internal notes there. `ours`: the account bridge itself uses."""

    id: str
    name: str = ""
    email: str = ""
    staff: bool = False
    ours: bool = False
    suspended: bool = False


NOBODY = Person("")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file at a site. `size` in bytes, 0 if not told. `url` is where the site says it is. `inline`: shown inside the
    text, as the image node with the same `url`. `malware`: found harmful, so it never travels. `ours`: bridge's own
    account put it there."""

    id: str
    name: str
    url: str
    size: int = 0
    media_type: str = ""
    inline: bool = False
    malware: bool = False
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment as read. `marker` is set when the comment bears one of bridge's markers in the vendor's slot for it.

    `key` of its author's site is permanent; `edited_at` is None when never edited; `channel` is the vendor's word for
    how it came in (`web`, `email`, `api`), empty if unknown; `auto` says that a machine wrote it (auto-reply);
    `redacted` that some of its words were taken out for ever, which then stand in no earlier version either.
    """

    id: str
    created_at: datetime
    author: Person
    body: Document
    visibility: Visibility
    edited_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    marker: Marker | None = None
    channel: str = ""
    auto: bool = False
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    """The comments of a ticket in the order they were written, without the description.

    `complete` is False when only some were read (new or changed ones): absence then says nothing.
    """

    comments: tuple[Comment, ...] = ()
    complete: bool = True


class Life(StrEnum):
    """Whether a ticket can still be worked with. `frozen`: it stands, and no longer takes writes."""

    ALIVE = "alive"
    FROZEN = "frozen"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A ticket as one site showed it at `read_at` (bridge's clock, UTC). `attachments` are the files of its first
    message, known once comments were read.

    `key` and `url` are for people. `fields` maps native field names, spelled as the mapping spells them, to readings; a
    name that is absent was not asked for. `thread` is None when comments were not read. `marker` is the marker of the
    operation that created the ticket, where bridge created it. `sender` is whoever the ticket is from.
    """

    ref: TicketRef
    key: str
    url: str
    version: Version
    read_at: datetime
    created_at: datetime
    fields: Mapping[str, Reading]
    thread: Thread | None = None
    sender: Person = NOBODY
    marker: Marker | None = None
    life: Life = Life.ALIVE
    merged_into: str = ""
    """The id of the ticket of the same site that this one was merged into."""
    duplicate_of: str | None = ""
    """The id of the ticket of the same site that this one was closed as a duplicate of, "" if of none; None where only
    the comments tell, and they were not read."""
    follows: str = ""
    """The id of the closed ticket of the same site that this one follows up."""
    scope: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Which part of the site it stands in, in the words of a route's side (`project`, `repository`); may be empty."""
    attachments: tuple[Attachment, ...] = ()

    def value(self, name: str) -> Any:
        """The value of a native field, None when empty, unreadable or not asked for."""
        reading = self.fields.get(name)
        return reading.value if reading else None
