"""What comes in: hints, pages of changes, and facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.model.ticket import Person, Snapshot, TicketRef


@dataclass(frozen=True, slots=True)
class Hint:
    """A ticket may have changed. A name, never authority. `version_at` is the site's stamp if the hint told one: a
    hint not newer than what is already known asks for nothing."""

    ref: TicketRef
    version_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """One page of a feed.

    `snapshots` are full readings (their `thread` may be None); `hints` are names only. `cursor` is the opaque place
    reached, to be stored with the page in one transaction. `more` says that another page is ready now.
    `settled_through` is the site's time up to which this feed has now been read, None if the page cannot tell.
    """

    cursor: str
    snapshots: tuple[Snapshot, ...] = ()
    hints: tuple[Hint, ...] = ()
    more: bool = False
    settled_through: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One past event read from a vendor's history: who changed what from which value to which, when.

    `kind` is `created`, `field`, `comment` or `deleted`; `field` names the native field; `event_id` is the vendor's own
    and unique within a site; `at` is the vendor's time.
    """

    ref: TicketRef
    event_id: str
    at: datetime
    actor: Person
    kind: str
    field: str = ""
    old: Any = None
    new: Any = None


@dataclass(frozen=True, slots=True)
class FactPage:
    """One page of a site's history, with the same cursor rules as `ChangePage`."""

    cursor: str
    facts: tuple[Fact, ...] = ()
    more: bool = False
    settled_through: datetime | None = None
