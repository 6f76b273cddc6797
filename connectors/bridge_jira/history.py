"""Facts: what happened to the site's issues, read from their changelogs and comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bridge.errors import MissingError
from bridge.model.feed import Fact, FactPage
from bridge.model.ticket import TicketRef
from bridge_jira.client import BATCH, JiraClient, Json
from bridge_jira.feeds import Window
from bridge_jira.fields import Catalogue
from bridge_jira.text import read_time, tidy_labels

_FIELDS = ["created", "updated", "creator", "comment"]
_ITEM_NAMES = {"Fix Version": "fixVersions", "Version": "versions", "Security": "security", "Key": "key"}
"""How Data Center names fields in its changelog where that is not their id."""


def read_history(client: JiraClient, window: Window, site: str, cursor: str | None, *, begin: datetime) -> FactPage:
    """The next page: the past events of up to 100 issues that changed. An issue that changes again is told again; event
    ids tell which facts are known. Two requests, one when nothing changed."""
    sweep = window.read(cursor, begin=begin, most=BATCH)
    facts: list[Fact] = []
    names = [row.id for row in sweep.rows]
    if names:
        for raw in client.read_issues(names, fields=_FIELDS, history=True):
            facts.extend(fact for fact in _facts(client, site, raw) if fact.at >= begin)
    facts.sort(key=lambda fact: fact.at)
    return FactPage(sweep.cursor, tuple(facts), sweep.more, sweep.settled_through)


def read_past(client: JiraClient, ref: TicketRef) -> tuple[Fact, ...]:
    """The past events of one issue, oldest first. Raises MissingError when it is not there."""
    raw = client.read_issue(ref.id, fields=_FIELDS, history=True)
    if raw is None:
        raise MissingError(f"{ref} is not there", site=client.site, status=404)
    return tuple(sorted(_facts(client, ref.site, raw), key=lambda fact: fact.at))


def read_changes(client: JiraClient, raw: Json | None) -> list[Fact]:
    """The changes in the log that an answer brought with its issue, oldest first; [] if it brought none. Asks nothing,
    so that it can fail a write no more."""
    if not isinstance(raw, dict) or "id" not in raw:
        return []
    ref, entries = TicketRef(client.site, str(raw["id"])), (raw.get("changelog") or {}).get("histories") or ()
    return sorted((fact for entry in entries for fact in _changes(client, ref, entry)), key=lambda fact: fact.at)


def _changes(client: JiraClient, ref: TicketRef, entry: Json) -> Iterator[Fact]:
    author, at = client.person(entry.get("author")), read_time(entry["created"])
    for place, item in enumerate(entry.get("items") or ()):
        name, old, new = _item(client.catalogue(), item)
        yield Fact(ref, f"change:{entry['id']}:{place}", at, author, "field", name, old, new)


def _facts(client: JiraClient, site: str, raw: Json) -> Iterator[Fact]:
    ref, fields = TicketRef(site, str(raw["id"])), raw["fields"]
    creator = client.person(fields.get("creator"))
    yield Fact(ref, f"created:{ref.id}", read_time(fields["created"]), creator, "created")
    for entry in _entries(client, raw):
        yield from _changes(client, ref, entry)
    for comment in _comments(client, raw):
        author, at = client.person(comment.get("author")), read_time(comment["created"])
        yield Fact(ref, f"comment:{comment['id']}", at, author, "comment", new=str(comment["id"]))


def _entries(client: JiraClient, raw: Json) -> list[Json]:
    log = raw.get("changelog") or {}
    entries: list[Json] = list(log.get("histories") or ())
    if client.cloud and int(log.get("total", len(entries))) > len(entries):
        return list(_all_entries(client, str(raw["id"])))
    return entries


def _all_entries(client: JiraClient, issue: str) -> Iterator[Json]:
    start = 0
    while True:
        params = {"startAt": start, "maxResults": 100}
        page = client.read(f"issue/{issue}/changelog", endpoint="issue/changelog", params=params, ticket=issue)
        yield from page["values"]
        start += len(page["values"])
        if not page["values"] or page.get("isLast", start >= page["total"]):
            return


def _comments(client: JiraClient, raw: Json) -> list[Json]:
    field = raw["fields"].get("comment") or {}
    shown: list[Json] = list(field.get("comments") or ())
    return list(client.comments(str(raw["id"]))) if int(field.get("total", len(shown))) > len(shown) else shown


def _item(catalogue: Catalogue, item: Mapping[str, Any]) -> tuple[str, Any, Any]:
    """The native name of the field an entry speaks of, and its words before and after."""
    told = str(item.get("field", ""))
    ident = str(item.get("fieldId") or _ITEM_NAMES.get(told, ""))
    if not ident:
        found = catalogue.find(told)
        ident = found.id if found is not None else told
    old, new = item.get("fromString") or None, item.get("toString") or None
    if ident == "labels":
        return catalogue.spelling(ident), tidy_labels((old or "").split()), tidy_labels((new or "").split())
    return catalogue.spelling(ident), old, new
