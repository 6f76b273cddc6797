"""The simulated Zendesk account as a whole, and the loading of exported tickets into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.sandbox.zendesk.bodies import make_texts
from bridge.sandbox.zendesk.feeds import Feeds
from bridge.sandbox.zendesk.files import Files
from bridge.sandbox.zendesk.jobs import Jobs
from bridge.sandbox.zendesk.people import People
from bridge.sandbox.zendesk.record import VIA_EMAIL, fresh_ticket
from bridge.sandbox.zendesk.requests import Requests
from bridge.sandbox.zendesk.state import Json
from bridge.sandbox.zendesk.webhooks import Webhooks

_AUTO_REPLY = 12
"""Some reason for suspension: what tells an automatic mail is that there is one."""


class ZendeskSite(Feeds, Requests, Jobs, People, Files, Webhooks):
    """One simulated Zendesk account."""

    kind = "zendesk"

    def import_ticket(self, exported: Mapping[str, Any]) -> Json:
        """Load a ticket as the exports show it, with its own times and, if free, its own id.

        `comments` may hold its comments (else the description becomes the first one), `users` the people it names;
        unknown people, groups, brands, forms and custom fields are left out. Returns the stored ticket.
        """
        tickets = self.data["tickets"]
        ident = int(exported.get("id") or 0)
        if not ident or str(ident) in tickets:
            ident = self.take_id("ticket")
        self.data["ids"]["ticket"] = max(self.data["ids"]["ticket"], ident)
        for user in exported.get("users", ()):
            if str(user["id"]) not in self.data["users"] and self.user_by_email(user.get("email") or "") is None:
                made = self.add_user(user["name"], user.get("email"), user.get("role", "end-user"))
                del self.data["users"][str(made["id"])]
                made["id"] = user["id"]
                self.data["users"][str(user["id"])] = made
        ticket = fresh_ticket(ident, exported.get("created_at") or self.stamp())
        ticket |= {key: exported[key] for key in ticket if key in exported and not key.startswith("_")}
        ticket["id"] = ident
        self._drop_unknown(ticket)
        known = {str(field["id"]) for field in self.custom_fields()}
        for entry in exported.get("custom_fields") or ():
            if str(entry["id"]) in known:
                ticket["_custom"][str(entry["id"])] = entry["value"]
        tickets[str(ident)] = ticket
        said = exported.get("comments") or [{"body": ticket["description"], "public": ticket["is_public"]}]
        for number, comment in enumerate(said):
            self._import_comment(ticket, comment, first=number == 0)
        self._regenerate(ticket)
        return ticket

    def receive_mail(
        self, sender: str, body: str, *, subject: str = "", ticket_id: int = 0, auto: bool = False
    ) -> Json | None:
        """A mail to the helpdesk: a comment on `ticket_id`, or a new ticket. `auto` marks an automatic reply.

        A suspended sender's mail becomes no ticket (None), as with the real service.
        """
        person = self.user_by_email(sender) or self.add_user(sender.partition("@")[0], sender)
        if person["suspended"]:
            return None
        if ticket_id:
            ticket = self.ticket(ticket_id)
            self.write(ticket, {"comment": {"body": body}}, person, via=VIA_EMAIL)
        else:
            ticket = self.ticket(
                self.create({"subject": subject, "comment": {"body": body}}, person, VIA_EMAIL)["ticket_id"]
            )
        if auto:
            self.comments(ticket["id"])[-1]["metadata"]["suspension_type_id"] = _AUTO_REPLY
        return ticket

    def _drop_unknown(self, ticket: Json) -> None:
        kinds = {
            "requester_id": "users",
            "submitter_id": "users",
            "assignee_id": "users",
            "group_id": "groups",
            "organization_id": "organizations",
            "brand_id": "brands",
            "ticket_form_id": "ticket_forms",
            "custom_status_id": "custom_statuses",
        }
        for key, kind in kinds.items():
            if str(ticket[key]) not in self.data[kind]:
                ticket[key] = None
        end_users = [user["id"] for user in self.data["users"].values() if user["role"] == "end-user"]
        ticket["requester_id"] = ticket["requester_id"] or end_users[0]
        ticket["submitter_id"] = ticket["submitter_id"] or ticket["requester_id"]
        if ticket["custom_status_id"] is None:
            ticket["custom_status_id"] = self._default_status(ticket["status"], None)

    def _import_comment(self, ticket: Json, comment: Mapping[str, Any], *, first: bool) -> None:
        texts = make_texts(body=comment.get("body") or "(empty)", html_body=comment.get("html_body"))
        created_at = comment.get("created_at") or ticket["created_at"]
        author = comment.get("author_id")
        audit: Json = {
            "id": self.take_id(),
            "ticket_id": ticket["id"],
            "created_at": created_at,
            "author_id": author if str(author) in self.data["users"] else ticket["requester_id"],
            "metadata": {"system": {}, "custom": {}},
            "events": [],
            "via": comment.get("via") or ticket["via"],
        }
        draft = {"texts": texts, "public": comment.get("public", True), "author_id": audit["author_id"], "uploads": []}
        audit["events"].append({"id": self._add_comment(ticket, draft, audit), "type": "Comment"})
        if first:
            for key in ("subject", "status", "priority", "type"):
                event = {"id": self.take_id(), "type": "Create", "field_name": key, "value": ticket[key]}
                audit["events"].append(event)
        self.data["audits"].setdefault(str(ticket["id"]), []).append(audit)
