"""The agent's ticket endpoints: create, read, update, list, delete, restore, spam, tags."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.site import Refusal, Reply
from bridge.sandbox.zendesk.account import api, invalid, not_found, read_ids
from bridge.sandbox.zendesk.pages import cut_page
from bridge.sandbox.zendesk.record import show_ticket
from bridge.sandbox.zendesk.state import Json
from bridge.sandbox.zendesk.threads import Threads
from bridge.sandbox.zendesk.values import read_tags

IDEMPOTENT_S = 2 * 3600
"""How long an idempotency key is honoured.
https://developer.zendesk.com/api-reference/ticketing/introduction/#idempotency"""


class Tickets(Threads):
    """Handlers below `/api/v2/tickets` that concern the ticket itself."""

    def show(self, ticket: Json) -> Json:
        """A ticket as an agent gets it."""
        return show_ticket(ticket, self.custom_fields(), self.url)

    def sideload(self, request: Request, tickets: list[Json]) -> Json:
        """What `?include=` asks for beside these stored tickets."""
        asked = {part.strip() for part in request.args.get("include", "").split(",")}
        out: Json = {}
        if "users" in asked:
            keys = ("requester_id", "submitter_id", "assignee_id")
            idents = [ticket[key] for ticket in tickets for key in keys]
            idents += [ident for ticket in tickets for ident in ticket["collaborator_ids"] + ticket["follower_ids"]]
            out["users"] = self.many("users", idents)
        if "groups" in asked:
            out["groups"] = self.many("groups", (ticket["group_id"] for ticket in tickets))
        if "organizations" in asked:
            out["organizations"] = self.many("organizations", (ticket["organization_id"] for ticket in tickets))
        return out

    def shown(self, request: Request, tickets: list[Json]) -> list[Json]:
        """Tickets as shown, with the comment count where the query asks for it."""
        counted = "comment_count" in request.args.get("include", "").split(",")
        out = []
        for ticket in tickets:
            shown = self.show(ticket)
            if counted:
                shown["comment_count"] = len(self.data["comments"].get(str(ticket["id"]), ()))
            out.append(shown)
        return out

    @api("POST", "/tickets")
    def post_ticket(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        asked = self.read_body(request, "ticket")
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return self._created(asked, actor)
        if not 1 <= len(key) <= 255:
            raise Refusal(
                400, {"error": "InvalidIdempotencyKey", "description": "Idempotency-Key: 1 to 255 characters"}
            )
        digest = hashlib.sha256(request.get_data()).hexdigest()
        now = self.world.now().timestamp()
        kept = self.data["idempotency"].get(key)
        if kept and kept["until"] > now:
            if kept["digest"] != digest:
                raise Refusal(
                    400,
                    {
                        "error": "IdempotentRequestError",
                        "description": "The request parameters do not match those of the earlier request with this key",
                    },
                )
            return Reply(201, json.loads(kept["body"]), {"x-idempotency-lookup": "hit"})
        reply = self._created(asked, actor)
        self.data["idempotency"][key] = {"digest": digest, "until": now + IDEMPOTENT_S, "body": json.dumps(reply.body)}
        reply.headers["x-idempotency-lookup"] = "miss"
        return reply

    def _created(self, asked: Json, actor: Json) -> Reply:
        audit = self.create(asked, actor)
        ticket = self.ticket(audit["ticket_id"])
        body = {"ticket": self.show(ticket), "audit": self.show_audit(audit)}
        return Reply(201, body, {"Location": f"{self.url}/api/v2/tickets/{ticket['id']}.json"})

    @api("GET", "/tickets/<int:ticket_id>")
    def get_ticket(self, request: Request, actor: Json, ticket_id: int) -> Any:
        self.need_staff(actor)
        ticket = self.ticket(ticket_id)
        return {"ticket": self.shown(request, [ticket])[0], **self.sideload(request, [ticket])}

    @api("PUT", "/tickets/<int:ticket_id>")
    def put_ticket(self, request: Request, actor: Json, ticket_id: int) -> Any:
        self.need_staff(actor)
        ticket = self.ticket(ticket_id)
        audit = self.write(ticket, self.read_body(request, "ticket"), actor)
        return {"ticket": self.show(ticket), "audit": self.show_audit(audit)}

    @api("GET", "/tickets")
    def list_tickets(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        wanted = request.args.get("external_id")
        found = [
            ticket
            for ticket in self.data["tickets"].values()
            if ticket["status"] != "deleted" and (wanted is None or ticket["external_id"] == wanted)
        ]
        page = cut_page(request, found, "tickets", self.url)
        tickets = page["tickets"]
        return {**page, "tickets": self.shown(request, tickets), **self.sideload(request, tickets)}

    @api("GET", "/tickets/show_many")
    def show_many(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        known = (self.data["tickets"].get(ident) for ident in read_ids(request))
        tickets = [ticket for ticket in known if ticket and ticket["status"] != "deleted"]
        return {
            "tickets": self.shown(request, tickets),
            "next_page": None,
            "previous_page": None,
            "count": len(tickets),
            **self.sideload(request, tickets),
        }

    @api("DELETE", "/tickets/<int:ticket_id>")
    def delete_ticket(self, request: Request, actor: Json, ticket_id: int) -> Any:
        self.need_staff(actor)
        ticket = self.ticket(ticket_id)
        self._move(ticket, "deleted", actor)
        return Reply(204)

    @api("PUT", "/tickets/<int:ticket_id>/mark_as_spam")
    def spam(self, request: Request, actor: Json, ticket_id: int) -> Any:
        """The requester is suspended and the ticket deleted."""
        self.need_staff(actor)
        ticket = self.ticket(ticket_id)
        requester = self.record("users", ticket["requester_id"])
        if requester["role"] != "end-user":
            raise invalid(base="Requester: agents cannot be suspended")
        requester["suspended"] = True
        self._move(ticket, "deleted", actor)
        return Reply(200)

    @api("GET", "/deleted_tickets")
    def list_deleted(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        gone = [
            {
                "id": ticket["id"],
                "subject": ticket["subject"],
                "description": ticket["description"],
                "actor": {"id": actor["id"], "name": actor["name"]},
                "deleted_at": ticket["updated_at"],
                "previous_state": ticket["_before"],
            }
            for ticket in self.data["tickets"].values()
            if ticket["status"] == "deleted"
        ]
        return cut_page(request, gone, "deleted_tickets", self.url)

    @api("PUT", "/deleted_tickets/<int:ticket_id>/restore")
    def restore(self, request: Request, actor: Json, ticket_id: int) -> Any:
        self.need_staff(actor)
        ticket = self.data["tickets"].get(str(ticket_id))
        if ticket is None or ticket["status"] != "deleted":
            raise not_found()
        self._move(ticket, ticket.pop("_before"), actor)
        return Reply(200)

    def _move(self, ticket: Json, status: str, actor: Json) -> None:
        """Delete or restore: only the status changes, and it says so in an audit."""
        old = ticket["status"]
        if status == "deleted":
            ticket["_before"] = old
        ticket["status"] = status
        self.note_event(ticket, actor, type="Change", field_name="status", value=status, previous_value=old)

    @api("GET", "/tickets/<int:ticket_id>/tags")
    def get_tags(self, request: Request, actor: Json, ticket_id: int) -> Any:
        self.need_staff(actor)
        return {"tags": self.ticket(ticket_id)["tags"]}

    @api("POST", "/tickets/<int:ticket_id>/tags")
    def set_tags(self, request: Request, actor: Json, ticket_id: int) -> Any:
        return Reply(201, self._retag(request, actor, ticket_id, "tags"))

    @api("PUT", "/tickets/<int:ticket_id>/tags")
    def add_tags(self, request: Request, actor: Json, ticket_id: int) -> Any:
        return self._retag(request, actor, ticket_id, "additional_tags")

    @api("DELETE", "/tickets/<int:ticket_id>/tags")
    def drop_tags(self, request: Request, actor: Json, ticket_id: int) -> Any:
        return self._retag(request, actor, ticket_id, "remove_tags")

    def _retag(self, request: Request, actor: Json, ticket_id: int, key: str) -> Json:
        self.need_staff(actor)
        ticket = self.ticket(ticket_id)
        asked = request.get_json()
        guard = {name: asked[name] for name in ("safe_update", "updated_stamp") if name in asked}
        if "updated_stamp" in guard:
            guard["safe_update"] = True
        self.write(ticket, {key: read_tags(asked.get("tags")), **guard}, actor)
        return {"tags": ticket["tags"]}
