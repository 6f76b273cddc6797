"""What comes in: hints, pages of changes, and facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.model.ticket import Person, Reading, Snapshot, TicketRef


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
    and unique within a site; `at` is the vendor's time. `member`: the field is a list, and `old` (taken out) or `new`
    (put in) is one member of it.
    """

    ref: TicketRef
    event_id: str
    at: datetime
    actor: Person
    kind: str
    field: str = ""
    old: Any = None
    new: Any = None
    member: bool = False


@dataclass(frozen=True, slots=True)
class FactPage:
    """One page of a site's history, with the same cursor rules as `ChangePage`."""

    cursor: str
    facts: tuple[Fact, ...] = ()
    more: bool = False
    settled_through: datetime | None = None


def rewind(fields: Mapping[str, Reading], facts: Iterable[Fact], *, to: datetime) -> dict[str, Reading]:
    """What fields showed at an earlier moment: what happened after `to` is taken back, newest first.

    A field whose values are kept in
    another shape than its history tells them (rich text, versions) is given back as it stands.
    """
    past = dict(fields)
    for fact in sorted(facts, key=lambda one: one.at, reverse=True):
        if fact.at > to and fact.kind == "field" and fact.field in past:
            past[fact.field] = _before(past[fact.field], fact)
    return past


def _before(now: Reading, fact: Fact) -> Reading:
    if not now.readable or not (_is_simple(now.value) and _is_simple(fact.old) and _is_simple(fact.new)):
        return now
    if fact.member:
        members = set(now.value or ()) - {fact.new} | ({fact.old} - {None})
        return Reading.of(sorted(members))
    return Reading.of(fact.old)


def _is_simple(value: Any) -> bool:
    return (
        value is None
        or isinstance(value, (str, int, float))
        or (isinstance(value, list) and all(isinstance(one, str) for one in value))
    )
