"""A ticket and its comments as Zendesk shows them, as a snapshot in canonical words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bridge.connect.port import SiteSettings
from bridge.errors import SkippableError
from bridge.model.marker import Marker
from bridge.model.ticket import Attachment, Comment, Life, Person, Reading, Snapshot, Thread, TicketRef, Version
from bridge.model.words import Visibility
from bridge.text.automatic import is_automatic_reply
from bridge.text.marker import read_marker, verify
from bridge_zendesk.attachments import read_files
from bridge_zendesk.client import Json, read_time
from bridge_zendesk.fields import DESCRIPTION, MERGED, Fields, related_ticket
from bridge_zendesk.names import Names
from bridge_zendesk.shared import SYSTEM, Shared
from bridge_zendesk.text import is_blackened, read_body

_LIVES = {"deleted": Life.DELETED, "closed": Life.FROZEN}
SLOT = "bridge"
"""The key of our marker in the metadata that a ticket write carries into its audit."""


class Reader:
    """Turns payloads into snapshots. `creation_marker` finds the marker of a ticket that bears our label."""

    def __init__(
        self,
        settings: SiteSettings,
        shared: Shared,
        names: Names,
        fields: Fields,
        creation_marker: Callable[[TicketRef], Marker | None],
    ) -> None:
        self._settings = settings
        self._shared = shared
        self._names = names
        self._fields = fields
        self._creation_marker = creation_marker

    def snapshot(self, ticket: Json, comments: Sequence[Json] | None = None) -> Snapshot:
        """The snapshot of one ticket; `comments` are all of its comments, oldest first, where they were read.

        Raises SkippableError when the row is not a ticket as we know them.
        """
        try:
            ident = str(ticket["id"])
            ref = TicketRef(self._settings.name, ident)
            count = ticket.get("comment_count")
            readings = self._fields.read(ticket)
            thread: Thread | None = None
            files: tuple[Attachment, ...] = ()
            survivor: str | None = None
            if comments is not None:
                thread = self._thread(ident, comments)
                files = read_files(comments[0], self._settings.url) if comments else ()
                merged = (related_ticket(comment.get("via"), "merge", "to") for comment in comments)
                survivor = next(filter(None, merged), None)
                readings[MERGED] = Reading.of(survivor)
            body = self._shared.description(ident)
            if body is not None:
                readings[DESCRIPTION] = Reading.of(body if body.children else None)
            return Snapshot(
                ref=ref,
                key=f"#{ident}",
                url=f"{self._settings.url.rstrip('/')}/agent/tickets/{ident}",
                version=Version(read_time(ticket["updated_at"]), "" if count is None else str(count)),
                read_at=datetime.now(UTC),
                created_at=read_time(ticket["created_at"]),
                fields=readings,
                thread=thread,
                sender=self._names.person(ticket["requester_id"]),
                marker=self._marker_of(ref, ticket),
                life=_LIVES.get(ticket["status"], Life.ALIVE),
                merged_into=survivor or "",
                follows=related_ticket(ticket.get("via"), "follow_up", "from") or "",
                attachments=files,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SkippableError(
                f"{self._settings.name}: ticket {ticket.get('id')} cannot be read ({type(error).__name__}: {error})"
            ) from error

    def _marker_of(self, ref: TicketRef, ticket: Mapping[str, Any]) -> Marker | None:
        label = ticket.get("external_id") or ""
        if not label.startswith("bridge-") or str(ticket.get("submitter_id")) != self._names.own_id():
            return None
        found = self._shared.marker(f"ticket {ref.id}", lambda: self._creation_marker(ref))
        return found if found and found.label == label else None

    def _thread(self, ticket: str, comments: Sequence[Json]) -> Thread:
        if comments:
            self._shared.keep_description(ticket, read_body(comments[0]))
        return Thread(tuple(self.comment(comment) for comment in comments[1:]))

    def comment(self, comment: Json) -> Comment:
        """One comment as listed, or as an export writes it out."""
        ident = str(comment["id"])
        author = self._names.person(comment["author_id"])
        via = comment.get("via")
        channel = str(via.get("channel") or "") if isinstance(via, Mapping) else str(via or "").lower()
        body = read_body(comment)
        marker = None
        if author.ours:
            marker = self.read_slot(comment.get("metadata")) or self._shared.marker(f"comment {ident}")
        return Comment(
            id=ident,
            created_at=read_time(comment["created_at"]),
            author=author,
            body=body,
            visibility=Visibility.PUBLIC if comment["public"] else Visibility.INTERNAL,
            attachments=read_files(comment, self._settings.url),
            marker=marker,
            channel=channel,
            auto=_is_automatic(comment, author, channel) or (channel == "email" and is_automatic_reply(body)),
            redacted=is_blackened(comment),
        )

    def read_slot(self, metadata: Any) -> Marker | None:
        """Our genuine marker in the metadata of an audit or comment, if one stands there."""
        custom = metadata.get("custom") if isinstance(metadata, Mapping) else None
        text = custom.get(SLOT) if isinstance(custom, Mapping) else None
        marker = read_marker(text) if isinstance(text, str) else None
        return marker if marker and verify(self._settings.marker_key, marker) else None


def _is_automatic(comment: Mapping[str, Any], author: Person, channel: str) -> bool:
    """Written by a trigger, an automation, or a mail program: Zendesk tells the last by the reason why it would have
    suspended the mail."""
    metadata = comment.get("metadata")
    suspended = isinstance(metadata, Mapping) and metadata.get("suspension_type_id") is not None
    return author.id == SYSTEM.id or channel == "rule" or suspended
