"""Comments of tickets: ticket by ticket for a few, from the event export for many.

The rule: for more than three tickets the export is tried, one page for every ten tickets asked, starting when the first
of them was created. A ticket whose comments did not all come that way (the export stops a minute ago, or at our last
page), or one of whose comments was hidden or redacted since, is read by itself. So the attempt costs a tenth at most.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bridge_zendesk.client import Client, Json, read_time
from bridge_zendesk.names import Names
from bridge_zendesk.shared import Shared

FEW = 3
SHOWN = {"include": "users", "include_inline_images": "true"}
"""Pictures in a text are told among its files only when asked for."""
RECENT = timedelta(seconds=120)
"""The exports refuse to start within their last minute; twice that stays clear of its edge."""
_TICKETS_A_PAGE = 10
_ALTERING = re.compile("privacy|redact", re.IGNORECASE)
"""Events after which a comment is no longer what its own event says. Taken wide: missing one would publish a text."""


def read_threads(
    client: Client, shared: Shared, names: Names, tickets: Sequence[Json], *, site_now: datetime
) -> Mapping[int, list[Json]]:
    """All comments of each of these tickets (as listed, with `comment_count`), oldest first, authors learned.

    `site_now` is the site's own present, from its last answer.
    """
    found = _export(client, tickets, site_now) if len(tickets) > FEW else {}
    threads: dict[int, list[Json]] = {}
    for ticket in tickets:
        ident = ticket["id"]
        thread = found.get(ident)
        if thread is None or len(thread) != ticket.get("comment_count"):
            thread = _read_thread(client, shared, ident)
        threads[ident] = sorted(thread, key=lambda comment: (comment["created_at"], comment["id"]))
    authors = (comment["author_id"] for thread in threads.values() for comment in thread)
    names.meet(dict.fromkeys(authors))
    return threads


def _read_thread(client: Client, shared: Shared, ident: int) -> list[Json]:
    comments: list[Json] = []
    path = f"tickets/{ident}/comments.json"
    for page in client.pages(path, "comments", holds="comments", ticket=str(ident), **SHOWN):
        shared.learn(page)
        comments += page["comments"]
    return comments


def _export(client: Client, tickets: Sequence[Json], site_now: datetime) -> dict[int, list[Json]]:
    """The comments that the export shows of these tickets, without the tickets it cannot be trusted for."""
    wanted: dict[int, dict[int, Json]] = {ticket["id"]: {} for ticket in tickets}
    start = int(min(min(read_time(ticket["created_at"]) for ticket in tickets), site_now - RECENT).timestamp())
    for _ in range(max(1, len(tickets) // _TICKETS_A_PAGE)):
        page, _headers = client.read(
            "incremental/ticket_events.json",
            "incremental",
            holds="ticket_events",
            start_time=start,
            include="comment_events",
        )
        for event in page["ticket_events"]:
            _take(event, wanted)
        if page.get("end_of_stream", True) or not page.get("end_time") or page["end_time"] <= start:
            break
        start = page["end_time"]
    return {ident: list(comments.values()) for ident, comments in wanted.items()}


def _take(event: Json, wanted: dict[int, dict[int, Json]]) -> None:
    for child in event.get("child_events") or ():
        comments = wanted.get(event["ticket_id"])
        if comments is None:
            return
        if _ALTERING.search(str(child.get("event_type"))):
            del wanted[event["ticket_id"]]
        elif child.get("event_type") == "Comment" and {"html_body", "author_id", "public"} <= child.keys():
            comments[child["id"]] = {"created_at": event["created_at"], "metadata": event.get("metadata"), **child}
