"""A ticket's comments and audits, and what can be done to a comment afterwards."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.site import Refusal, Reply
from bridge.sandbox.zendesk.account import api, invalid, not_found
from bridge.sandbox.zendesk.bodies import redact_marked, redact_text
from bridge.sandbox.zendesk.hooks import announce
from bridge.sandbox.zendesk.pages import cut_page
from bridge.sandbox.zendesk.record import VIA_API
from bridge.sandbox.zendesk.state import Json
from bridge.sandbox.zendesk.writing import Writer


class Threads(Writer):
    """Handlers of comments and audits."""

    def ticket(self, ident: Any) -> Json:
        """A ticket that is not deleted. Raises Refusal(404)."""
        found: Json | None = self.data["tickets"].get(str(ident))
        if found is None or found["status"] == "deleted":
            raise not_found()
        return found

    def comments(self, ident: Any) -> list[Json]:
        """The stored comments of a ticket, oldest first."""
        found: list[Json] = self.data["comments"].get(str(ident), [])
        return found

    def show_audit(self, audit: Json) -> Json:
        """An audit with its comment written out."""
        by_id = {comment["id"]: comment for comment in self.comments(audit["ticket_id"])}
        hidden = ("via", "created_at", "metadata")
        events = []
        for event in audit["events"]:
            if event["type"] == "Comment":
                comment = by_id[event["id"]]
                shown = _without_inline(comment)
                events.append({key: value for key, value in shown.items() if key not in hidden})
            else:
                events.append(event)
        return {**audit, "events": events}

    def note_event(self, ticket: Json, actor: Json, **event: Any) -> Json:
        """An audit of one event that was made outside a ticket write."""
        audit: Json = {
            "id": self.take_id(),
            "ticket_id": ticket["id"],
            "created_at": self.stamp(),
            "author_id": actor["id"],
            "metadata": {"system": {"client": "sandbox"}, "custom": {}},
            "events": [{"id": self.take_id(), **event}],
            "via": VIA_API,
        }
        self.data["audits"].setdefault(str(ticket["id"]), []).append(audit)
        self._touch(ticket, audit["created_at"])
        announce(self, ticket, audit)
        return audit

    @api("GET", "/tickets/<int:ticket_id>/comments")
    def list_comments(self, request: Request, actor: Json, ticket_id: int) -> Any:
        self.need_staff(actor)
        return self.comment_page(request, self.comments(self.ticket(ticket_id)["id"]))

    def comment_page(self, request: Request, comments: list[Json]) -> Json:
        """A page of comments with the authors where asked for."""
        newest_first = request.args.get("sort") == "-created_at" or request.args.get("sort_order") == "desc"
        page = cut_page(request, comments[::-1] if newest_first else comments, "comments", self.url)
        if request.args.get("include_inline_images") != "true":
            page["comments"] = [_without_inline(comment) for comment in page["comments"]]
        if "users" in request.args.get("include", "").split(","):
            page["users"] = self.many("users", (comment["author_id"] for comment in page["comments"]))
        return page

    @api("GET", "/tickets/<int:ticket_id>/comments/count")
    def count_comments(self, request: Request, actor: Json, ticket_id: int) -> Any:
        self.need_staff(actor)
        total = len(self.comments(self.ticket(ticket_id)["id"]))
        return {"count": {"refreshed_at": self.stamp(), "value": total}}

    @api("GET", "/tickets/<int:ticket_id>/audits")
    def list_audits(self, request: Request, actor: Json, ticket_id: int) -> Any:
        self.need_staff(actor)
        audits = self.data["audits"].get(str(self.ticket(ticket_id)["id"]), [])
        newest_first = request.args.get("sort") == "-created_at" or request.args.get("sort_order") == "desc"
        page = cut_page(request, audits[::-1] if newest_first else audits, "audits", self.url)
        page["audits"] = [self.show_audit(audit) for audit in page["audits"]]
        if "users" in request.args.get("include", "").split(","):
            page["users"] = self.many("users", (audit["author_id"] for audit in page["audits"]))
        return page

    @api("GET", "/tickets/<int:ticket_id>/audits/<int:audit_id>")
    def get_audit(self, request: Request, actor: Json, ticket_id: int, audit_id: int) -> Any:
        self.need_staff(actor)
        audits = self.data["audits"].get(str(self.ticket(ticket_id)["id"]), [])
        found = next((audit for audit in audits if audit["id"] == audit_id), None)
        if found is None:
            raise not_found()
        return {"audit": self.show_audit(found)}

    def _comment(self, ticket: Json, ident: int) -> Json:
        found = next((comment for comment in self.comments(ticket["id"]) if comment["id"] == ident), None)
        if found is None:
            raise not_found()
        return found

    @api("PUT", "/tickets/<int:ticket_id>/comments/<int:comment_id>/make_private")
    def make_private(self, request: Request, actor: Json, ticket_id: int, comment_id: int) -> Any:
        self.need_staff(actor)
        ticket = self.ticket(ticket_id)
        comment = self._comment(ticket, comment_id)
        comment["public"] = False
        self.note_event(ticket, actor, type="CommentPrivacyChange", comment_id=comment_id, public=False)
        return Reply(200)

    @api("PUT", "/comment_redactions/<int:comment_id>")
    def redact_marked(self, request: Request, actor: Json, comment_id: int) -> Any:
        """Redaction in the Agent Workspace (setting `agent_workspace`, on unless False)."""
        self.need_staff(actor)
        if not self.settings.get("agent_workspace", True):
            raise Refusal(403, {"error": "Forbidden", "description": "You do not have access to this page"})
        asked = request.get_json() or {}
        ticket = self.ticket(asked.get("ticket_id"))
        comment = self._comment(ticket, comment_id)
        texts = redact_marked(comment["html_body"], str(asked.get("html_body") or ""))
        if texts is None:
            raise invalid(html_body="Html body: does not match the comment")
        comment.update(texts)
        self.note_event(ticket, actor, type="CommentRedactEvent", comment_id=comment_id)
        return {"comment": comment}

    @api("PUT", "/tickets/<int:ticket_id>/comments/<int:comment_id>/redact")
    def redact(self, request: Request, actor: Json, ticket_id: int, comment_id: int) -> Any:
        self.need_staff(actor)
        ticket = self.ticket(ticket_id)
        comment = self._comment(ticket, comment_id)
        words = str((request.get_json() or {}).get("text") or "")
        if not words or words not in comment["plain_body"]:
            raise invalid(text="Text: is not part of the comment")
        texts = {key: comment[key] for key in ("body", "html_body", "plain_body")}
        comment.update(redact_text(texts, words))
        self.note_event(ticket, actor, type="CommentRedactEvent", comment_id=comment_id)
        return {"comment": comment}


def _without_inline(comment: Json) -> Json:
    """A comment with the files beside its text only, as it is shown unless `include_inline_images` is asked for."""
    return {**comment, "attachments": [one for one in comment["attachments"] if not one["inline"]]}
