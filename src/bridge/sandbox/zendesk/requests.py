"""The end user's own API: their requests, seen from their side, and their public words on them."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.site import Reply
from bridge.sandbox.zendesk.account import api, not_found
from bridge.sandbox.zendesk.pages import cut_page
from bridge.sandbox.zendesk.record import VIA_WEB, show_request
from bridge.sandbox.zendesk.state import Json
from bridge.sandbox.zendesk.threads import Threads

_CREATE_KEYS = ("subject", "priority", "type", "custom_fields", "ticket_form_id", "recipient", "due_at", "email_ccs")


class Requests(Threads):
    """Handlers below `/api/v2/requests`. Only the requester's and the CC'd people's own tickets exist here."""

    def _mine(self, actor: Json, ticket: Json) -> bool:
        return actor["id"] == ticket["requester_id"] or actor["id"] in ticket["email_cc_ids"]

    def _request(self, actor: Json, ident: int) -> Json:
        ticket = self.ticket(ident)
        if not self._mine(actor, ticket) or not ticket["is_public"]:
            raise not_found()
        return ticket

    def _show(self, ticket: Json) -> Json:
        return show_request(ticket, self.custom_fields(), self.url)

    @api("POST", "/requests")
    def post_request(self, request: Request, actor: Json) -> Any:
        asked = self.read_body(request, "request")
        change = {key: asked[key] for key in _CREATE_KEYS if key in asked}
        comment = dict(asked.get("comment") or {})
        comment["public"] = True
        change |= {"comment": comment, "requester_id": actor["id"]}
        if "via_followup_source_id" in asked:
            self._request(actor, asked["via_followup_source_id"])
            change["via_followup_source_id"] = asked["via_followup_source_id"]
        audit = self.create(change, actor, VIA_WEB)
        return Reply(201, {"request": self._show(self.ticket(audit["ticket_id"]))})

    @api("GET", "/requests")
    def list_requests(self, request: Request, actor: Json) -> Any:
        tickets = self.data["tickets"].values()
        mine = [t for t in tickets if t["status"] != "deleted" and t["is_public"] and self._mine(actor, t)]
        return cut_page(request, [self._show(ticket) for ticket in mine], "requests", self.url)

    @api("GET", "/requests/<int:request_id>")
    def get_request(self, request: Request, actor: Json, request_id: int) -> Any:
        return {"request": self._show(self._request(actor, request_id))}

    @api("PUT", "/requests/<int:request_id>")
    def put_request(self, request: Request, actor: Json, request_id: int) -> Any:
        ticket = self._request(actor, request_id)
        asked = self.read_body(request, "request")
        change: Json = {}
        if isinstance(asked.get("comment"), dict):
            change["comment"] = {**asked["comment"], "public": True}
        if asked.get("solved") in (True, "true") and ticket["assignee_id"]:
            change["status"] = "solved"
        self.write(ticket, change, actor, via=VIA_WEB)
        return {"request": self._show(ticket)}

    @api("GET", "/requests/<int:request_id>/comments")
    def list_request_comments(self, request: Request, actor: Json, request_id: int) -> Any:
        ticket = self._request(actor, request_id)
        public = [comment for comment in self.comments(ticket["id"]) if comment["public"]]
        return self.comment_page(request, public)
