"""Writing issues and comments: each create and comment is one request, and never sent twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bridge.errors import PermanentError, TemporaryError, UnknownOutcomeError
from bridge.model.feed import Fact
from bridge.model.operation import CommentDraft, Hiding, TicketChange, TicketDraft, Written
from bridge.model.ticket import TicketRef
from bridge.model.words import Visibility
from bridge_jira.client import JiraClient, Json
from bridge_jira.fields import Entry, write_value
from bridge_jira.history import read_changes
from bridge_jira.snapshots import INTERNAL_PROPERTY, Reader
from bridge_jira.text import is_marker_label, marker_property, tidy_labels, tidy_summary, write_text
from bridge_jira.workflow import Walk, carry_out, leading_to, offered

_BY_WORKFLOW = ("status", "resolution")
"""What only a transition sets; a new issue starts where its workflow says."""


class Writer:
    """Turns drafts and changes into Jira's requests."""

    def __init__(self, client: JiraClient, reader: Reader, *, site: str) -> None:
        self._client = client
        self._reader = reader
        self._site = site

    def create(self, draft: TicketDraft) -> Written:
        """Make an issue. Its status and resolution are left to a later update."""
        fields: Json = {}
        labels: list[str] = []
        for name, value in draft.fields.items():
            entry = self._client.catalogue().require(name, self._site)
            if entry.id == "labels":
                labels = tidy_labels(value or ())
            elif entry.id not in _BY_WORKFLOW and value is not None:
                fields[entry.id] = self._written(entry, value)
        fields |= {
            "project": {"key": draft.scope["project"]},
            "issuetype": {"name": draft.scope["type"]},
            "summary": tidy_summary(draft.summary),
            "labels": [*labels, draft.marker.label],
        }
        if draft.body.children:
            fields["description"] = write_text(draft.body, cloud=self._client.cloud)
        body = {"fields": fields, "properties": [marker_property(draft.marker)]}
        with self._named():
            made = self._client.send("POST", "issue", endpoint="issue", body=body, writes=True)[1]
        ref = TicketRef(self._site, str(made["id"]))
        return Written(ref, key=made["key"], url=self._reader.address(made["key"]))

    def comment(self, ref: TicketRef, draft: CommentDraft) -> Written:
        """Write a comment that bears its marker as a property."""
        body, path = self._comment_body(draft), f"issue/{ref.id}/comment"
        with self._named():
            made = self._client.send("POST", path, endpoint="comment", body=body, ticket=ref.id, writes=True)[1]
        return Written(ref, comment_id=str(made["id"]))

    def edit_comment(self, ref: TicketRef, comment_id: str, draft: CommentDraft) -> Written:
        """Rewrite a comment. Its properties are sent again, so that a service desk's internal one stays internal."""
        body, path = self._comment_body(draft), f"issue/{ref.id}/comment/{comment_id}"
        with self._named():
            self._client.send("PUT", path, endpoint="comment", body=body, ticket=ref.id, writes=True)
        return Written(ref, comment_id=comment_id)

    def hide_comment(self, ref: TicketRef, comment_id: str, how: Hiding) -> Written:
        """Delete a comment; bridge makes none of them internal afterwards."""
        if how is not Hiding.REMOVE:
            raise PermanentError(f"{self._site}: bridge only deletes comments here.", site=self._site)
        path = f"issue/{ref.id}/comment/{comment_id}"
        self._client.send("DELETE", path, endpoint="comment", ticket=ref.id, writes=True)
        return Written(ref, comment_id=comment_id)

    def _comment_body(self, draft: CommentDraft) -> Json:
        properties = [marker_property(draft.marker)]
        if draft.visibility is Visibility.RESTRICTED:
            raise PermanentError(f"{self._site}: bridge writes no comment for a single role or group.", site=self._site)
        if draft.visibility is Visibility.INTERNAL:
            properties.append({"key": INTERNAL_PROPERTY, "value": {"internal": True}})
        return {"body": write_text(draft.body, cloud=self._client.cloud), "properties": properties}

    def update(self, change: TicketChange) -> Written:
        """Change fields in one request, and the status by as many transitions as its workflow needs."""
        catalogue = self._client.catalogue()
        entries = {name: catalogue.require(name, self._site) for name in change.fields}
        values = {
            entry.id: self._written(entry, change.fields[name])
            for name, entry in entries.items()
            if entry.id not in ("labels", "status")
        }
        labels = next((name for name, entry in entries.items() if entry.id == "labels"), None)
        status = next((name for name, entry in entries.items() if entry.id == "status"), None)
        steps = self._label_steps(change, labels) if labels is not None else {}
        sent = _Sent(self._site)
        self._client.myself()  # Asked for before anything is written, for the answer is read with it.
        with self._named(), sent.told():
            if status is None or change.fields[status] is None:
                self._edit(change.ref, values, steps, sent)
            else:
                self._edit_and_move(change.ref, (status, str(change.fields[status])), values, steps, sent)
        written = Written(change.ref, before=sent.before(change.fields))
        return written if change.comment is None else self.comment(change.ref, change.comment)

    def _edit(self, ref: TicketRef, values: Mapping[str, Any], steps: Json, sent: _Sent) -> None:
        body: Json = {}
        fields = {**values, **({"labels": steps["all"]} if "all" in steps else {})}
        if fields:
            body["fields"] = fields
        if steps.get("each"):
            body["update"] = {"labels": steps["each"]}
        if body:
            # Jira Cloud shows the issue and its newest changes in the answer, and so what stood there before.
            params = {"returnIssue": "true", "expand": "changelog"} if self._client.cloud else {}
            shown = self._client.send(
                "PUT", f"issue/{ref.id}", endpoint="issue", body=body, params=params, ticket=ref.id, writes=True
            )[1]
            sent.anything = True
            sent.facts += read_changes(self._client, shown)

    def _edit_and_move(self, ref: TicketRef, status: tuple[str, str], values: Json, steps: Json, sent: _Sent) -> None:
        name, wanted = status
        direct = leading_to(offered(self._client, ref.id), wanted, values)
        screen = (direct or {}).get("fields") or {}
        resolution = {field: value for field, value in values.items() if field == "resolution"}
        rest = {field: value for field, value in values.items() if field not in screen and field != "resolution"}
        self._edit(ref, rest, steps, sent)
        if direct is not None:
            given = {field: value for field, value in values.items() if field in screen and value is not None}
            carry_out(self._client, ref.id, direct, given)
            sent.anything = True
            left = {field: value for field, value in resolution.items() if field not in screen and value is not None}
            self._edit(ref, left, {}, sent)
            return
        current = self._client.read_issue(ref.id, fields=["status", "resolution", "project", "issuetype"])
        if current is None:
            raise PermanentError(f"{self._site}: issue {ref.id} is gone.", site=self._site, field=name)
        if current["fields"]["status"]["name"].lower() == wanted.lower():
            self._edit(ref, _differing(resolution, current), {}, sent)
            return
        walk = Walk(self._client, ref.id, wanted, field=name, moved=sent.note)
        walk.go(current, {field: value for field, value in values.items() if value is not None})

    def _label_steps(self, change: TicketChange, name: str) -> Json:
        """How to set labels without touching the marker's: one by one against what was there, or, where that is not
        known, as the full list with the marker labels the issue bears."""
        wanted = tidy_labels(change.fields[name] or ())
        if name in change.prior:
            before = tidy_labels(change.prior[name] or ())
            gone = [{"remove": label} for label in before if label not in wanted]
            return {"each": gone + [{"add": label} for label in wanted if label not in before]}
        found = self._client.read_issue(change.ref.id, fields=["labels"])
        borne = ((found or {}).get("fields") or {}).get("labels") or ()
        return {"all": [*wanted, *(label for label in borne if is_marker_label(label))]}

    def _written(self, entry: Entry, value: Any) -> Any:
        if entry.id == "summary" and isinstance(value, str):
            return tidy_summary(value)
        return write_value(entry, value, cloud=self._client.cloud, account=self._client.account)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Name a refused field as the mapping spells it, not by Jira's id."""
        try:
            yield
        except PermanentError as error:
            if error.field:
                error.field = self._client.catalogue().spelling(error.field)
            raise


class _Sent:
    """Whether an update of several requests has had an effect yet: then no later failure may say it had none. `facts`
    are the newest changes of the issue, oldest first, as far as the answers show them."""

    def __init__(self, site: str) -> None:
        self._site = site
        self.anything = False
        self.facts: list[Fact] = []

    def note(self) -> None:
        """A request took effect."""
        self.anything = True

    def before(self, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What stood in these fields before: of those whose newest change is ours, and came to what was written."""
        last = {fact.field: fact for fact in self.facts if fact.field in fields}
        told = {name: fact.old for name, fact in last.items() if fact.actor.ours and fact.new == fields[name]}
        return told if self.facts else None

    @contextmanager
    def told(self) -> Iterator[None]:
        try:
            yield
        except TemporaryError as error:
            if not self.anything:
                raise
            raise UnknownOutcomeError(str(error), horizon_s=0.0, site=self._site, status=error.status) from error


def _differing(resolution: Mapping[str, Any], current: Json) -> Json:
    shown = current["fields"].get("resolution") or {}
    return {name: value for name, value in resolution.items() if value and value.get("name") != shown.get("name")}
