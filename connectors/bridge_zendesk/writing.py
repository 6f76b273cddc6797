"""Writes to Zendesk: one request each, with our marker in the metadata of the audit they make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from zenpy.lib.api_objects import Ticket
from zenpy.lib.exception import ZenpyException

from bridge.connect.port import SiteSettings
from bridge.errors import PermanentError, RemoteError, UnknownOutcomeError
from bridge.model.operation import CommentDraft, TicketChange, TicketDraft, Written
from bridge.model.ticket import TicketRef, Version
from bridge.model.words import Visibility
from bridge.text.marker import write_marker
from bridge_zendesk.client import Client, Json, read_time, write_time
from bridge_zendesk.fields import DESCRIPTION, NAMES, Fields
from bridge_zendesk.history import Historian
from bridge_zendesk.names import Names
from bridge_zendesk.reading import SLOT
from bridge_zendesk.shared import Shared
from bridge_zendesk.text import fold_subject, write_body

_FIELD_KEY = "custom_fields_"


class Writer:
    """Sends creates, updates and comments. Each method sends at most one writing request."""

    def __init__(
        self,
        settings: SiteSettings,
        client: Client,
        shared: Shared,
        names: Names,
        fields: Fields,
        historian: Historian,
    ) -> None:
        self._settings = settings
        self._site = settings.name
        self._client = client
        self._shared = shared
        self._names = names
        self._fields = fields
        self._historian = historian

    def create(self, draft: TicketDraft) -> Written:
        """POST a ticket whose requester is the person it comes from."""
        ticket: Json = {
            **self._fields.write({name: value for name, value in draft.fields.items() if name != DESCRIPTION}),
            "subject": fold_subject(draft.summary),
            "comment": {
                "html_body": write_body(draft.body, site=self._site),
                "public": draft.visibility is Visibility.PUBLIC,
            },
            "external_id": draft.marker.label,
            "metadata": {SLOT: write_marker(draft.marker)},
        }
        if draft.follows:
            ticket["via_followup_source_id"] = int(draft.follows)
        person = draft.behalf_of
        if person is not None and person.email and "requester_id" not in ticket:
            ticket["requester"] = {"name": person.name or person.email, "email": person.email}
        with self._named_errors():
            answer = self._client.post(
                "tickets.json", "tickets", {"ticket": ticket}, {"Idempotency-Key": draft.idempotency_key}
            )
        made = answer.get("ticket")
        if not isinstance(made, dict):
            raise self._unclear("POST tickets")
        ref = TicketRef(self._site, str(made["id"]))
        self._shared.keep_marker(f"ticket {ref.id}", draft.marker)
        return self.written(ref, made, answer.get("audit"), draft.fields, key=draft.marker.mac)

    def update(self, change: TicketChange) -> Written:
        """PUT fields and, in the same request, the comment. With `version` only if the ticket did not move."""
        values = self._fields.write(change.fields)
        if change.version is not None:
            values |= {"safe_update": True, "updated_stamp": write_time(change.version.at)}
        if change.comment is not None:
            values |= self._comment(change.comment)
        written = self._put(change.ref, values, change.fields, change.key)
        return self._with_marker(written, change.comment)

    def comment(self, ref: TicketRef, key: str, draft: CommentDraft) -> Written:
        """PUT a comment alone."""
        return self._with_marker(self._put(ref, self._comment(draft), {}, key), draft)

    def _comment(self, draft: CommentDraft) -> Json:
        if draft.visibility is Visibility.RESTRICTED:
            raise PermanentError(f"{self._site}: Zendesk has no comments for a group of staff only", site=self._site)
        tokens = [file.token for file in draft.attachments if file.token]
        return {
            "comment": {
                "html_body": write_body(draft.body, site=self._site),
                "public": draft.visibility is Visibility.PUBLIC,
                **({"uploads": tokens} if tokens else {}),
            },
            "metadata": {SLOT: write_marker(draft.marker)},
        }

    def _put(self, ref: TicketRef, values: Json, fields: Mapping[str, Any], key: str) -> Written:
        # Built from its id alone: a ticket that was read would send all of its custom fields again.
        ticket = Ticket(id=int(ref.id))
        for name, value in values.items():
            setattr(ticket, name, value)
        with self._named_errors(), self._client.wire.call(endpoint="ticket", ticket=ref.id, writes=True):
            try:
                result = self._client.zenpy.tickets.update(ticket)
            except ZenpyException as error:
                raise self._unclear(f"PUT ticket of {ref.id}") from error
        if not hasattr(result, "ticket"):
            raise self._unclear(f"PUT ticket of {ref.id}")
        return self.written(ref, result.ticket.to_dict(), result.audit.to_dict(), fields, key=key)

    def written(
        self, ref: TicketRef, ticket: Mapping[str, Any], audit: Any, fields: Mapping[str, Any], *, key: str
    ) -> Written:
        """What an answer shows of a write to these fields."""
        events = audit.get("events") if isinstance(audit, Mapping) else None
        said = next((event["id"] for event in events or () if event.get("type") == "Comment"), "")
        readings = self._fields.read(ticket, fields)
        return Written(
            ref=ref,
            key=key,
            url=f"{self._settings.url.rstrip('/')}/agent/tickets/{ref.id}",
            version=Version(read_time(ticket["updated_at"])),
            comment_id=str(said),
            fields={name: reading.value for name, reading in readings.items() if reading.readable},
            before=self._before(events, fields),
        )

    def _before(self, events: Any, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What the audit of a write says that stood there before. It was written, so nothing that goes wrong here counts."""
        try:
            return None if events is None else self._historian.before(events, fields)
        except RemoteError:
            return None

    def _with_marker(self, written: Written, comment: CommentDraft | None) -> Written:
        if comment is not None and written.comment_id:
            self._shared.keep_marker(f"comment {written.comment_id}", comment.marker)
        return written

    def _unclear(self, what: str) -> UnknownOutcomeError:
        message = f"{self._site} accepted {what} with an answer that cannot be read; it may have taken effect"
        return UnknownOutcomeError(message, horizon_s=0.0, site=self._site)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Let a refusal name the field as the mapping does, not by Zendesk's key or id."""
        try:
            yield
        except PermanentError as error:
            key = error.field.removeprefix(_FIELD_KEY)
            error.field = self._names.title_of(key, load=False) if key.isdigit() else NAMES.get(key, key)
            raise
