"""One write to a ticket: checked whole, then applied whole, with its audit, its comment and what follows from it."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from bridge.sandbox.site import Refusal
from bridge.sandbox.zendesk.account import STAFF, invalid
from bridge.sandbox.zendesk.bodies import MOST_BYTES, make_texts
from bridge.sandbox.zendesk.hooks import announce
from bridge.sandbox.zendesk.record import VIA_API, fresh_ticket
from bridge.sandbox.zendesk.rules import fire_triggers
from bridge.sandbox.zendesk.state import SYSTEM_AUTHOR, Json
from bridge.sandbox.zendesk.values import Values, same_instant

MOST_COMMENTS = 5000
SYSTEM: Json = {"id": SYSTEM_AUTHOR, "role": "admin", "name": "System", "suspended": False, "organization_id": None}


class Writer(Values):
    """Creates and changes tickets, for every endpoint that does."""

    def create(self, asked: Mapping[str, Any], actor: Json, via: Json = VIA_API) -> Json:
        """A new ticket's audit. Raises Refusal(422)."""
        change = dict(asked)
        if not change.get("comment"):
            change["comment"] = {"body": change.get("description") or ""}
        source = self._followed(change)
        ident = self.data["ids"]["ticket"] + 1
        draft = fresh_ticket(ident, self.stamp(), via=via)
        draft["requester_id"] = draft["submitter_id"] = actor["id"]
        if source:
            self._inherit(draft, source, change)
        brands, forms = self.data["brands"].values(), self.data["ticket_forms"].values()
        draft["brand_id"] = next(brand["id"] for brand in brands if brand["default"])
        draft["ticket_form_id"] = next(form["id"] for form in forms if form["default"])
        audit = self.write(draft, change, actor, via=draft["via"], created=True)
        if source:
            source["followup_ids"] = [*source["followup_ids"], ident]
            self._touch(source, self.stamp())
        return audit

    def write(
        self,
        ticket: Json,
        change: Mapping[str, Any],
        actor: Json,
        *,
        via: Json = VIA_API,
        created: bool = False,
        cascade: bool = True,
    ) -> Json:
        """Change a ticket; the audit of it. With `cascade` the account's triggers fire. Raises Refusal(409, 422)."""
        if not created:
            self._guard(ticket, change)
        comment = self._read_comment(ticket, change, actor)
        if comment is None and created:
            raise invalid(base="Description: cannot be blank")
        wanted = self.wanted(ticket, change, actor)
        self._follow_rules(ticket, wanted, actor, comment, created)
        if created:
            self._finish_draft(ticket, wanted, comment)
        now = self.stamp()
        events = self._apply(ticket, wanted, created)
        audit: Json = {
            "id": self.take_id(),
            "ticket_id": ticket["id"],
            "created_at": now,
            "author_id": comment["author_id"] if comment else actor["id"],
            "metadata": {"system": {"client": "sandbox"}, "custom": dict(change.get("metadata") or {})},
            "events": events,
            "via": via,
        }
        if comment:
            audit["events"].insert(0, {"id": self._add_comment(ticket, comment, audit), "type": "Comment"})
        if not audit["events"]:
            return audit
        self.data["audits"].setdefault(str(ticket["id"]), []).append(audit)
        self._touch(ticket, now)
        announce(self, ticket, audit)
        if cascade:
            fire_triggers(self, ticket, audit, SYSTEM)
        return audit

    def _guard(self, ticket: Json, change: Mapping[str, Any]) -> None:
        if ticket["status"] == "closed":
            raise invalid(status="Status: closed prevents ticket update")
        if change.get("safe_update") in (True, "true"):
            stamp = change.get("updated_stamp")
            if not stamp:
                raise Refusal(400, {"error": "RequiredParameterMissing", "description": "updated_stamp is required"})
            if not same_instant(str(stamp), ticket["updated_at"]):
                raise Refusal(
                    409,
                    {
                        "error": "UpdateConflict",
                        "description": "Safe Update prevented the update due to outdated ticket data. "
                        "Please fetch the latest ticket data and try again.",
                    },
                )

    def _followed(self, change: Json) -> Json | None:
        ident = change.get("via_followup_source_id")
        if ident is None:
            return None
        source = self.data["tickets"].get(str(ident))
        if source is None or source["status"] != "closed":
            raise invalid(base="You can only create follow-ups to closed tickets")
        found: Json = source
        return found

    def _inherit(self, draft: Json, source: Json, change: Json) -> None:
        draft["via"] = {
            "channel": draft["via"]["channel"],
            "source": {
                "from": {"ticket_id": source["id"], "subject": source["subject"], "channel": "api"},
                "to": {},
                "rel": "follow_up",
            },
        }
        draft["_custom"] = dict(source["_custom"])
        draft["tags"] = list(source["tags"])
        change.setdefault("subject", source["subject"])
        if not change.get("requester_id") and not change.get("requester"):
            change["requester_id"] = source["requester_id"]

    def _read_comment(self, ticket: Json, change: Mapping[str, Any], actor: Json) -> Json | None:
        asked = change.get("comment")
        if not isinstance(asked, Mapping):
            asked = {"body": asked} if isinstance(asked, str) else {}
        texts = make_texts(body=asked.get("body"), html_body=asked.get("html_body"))
        uploads = [self._upload(token) for token in asked.get("uploads") or ()]
        if not texts["plain_body"] and not uploads and "<img" not in texts["html_body"]:
            return None
        if len(texts["html_body"].encode()) > MOST_BYTES:
            raise invalid(comment="Comment: is too long (maximum is 65536 bytes)")
        if len(self.data["comments"].get(str(ticket["id"]), ())) >= MOST_COMMENTS:
            raise invalid(comment=f"Comment: Ticket has reached the maximum of {MOST_COMMENTS} comments")
        author = actor
        if asked.get("author_id") is not None and actor["role"] in STAFF:
            found = self.data["users"].get(str(asked["author_id"]))
            if found is None:
                raise invalid(comment="Author: is invalid")
            author = found
        if author["suspended"]:
            raise invalid(comment=f"Author: {author['name']} is suspended.")
        public = asked.get("public", True) not in (False, "false") or actor["role"] not in STAFF
        return {"texts": texts, "public": public, "author_id": author["id"], "uploads": uploads}

    def _upload(self, token: str) -> Json:
        upload: Json | None = self.data["uploads"].get(str(token))
        if upload is None or upload["expires"] <= self.world.now().timestamp():
            raise invalid(base="Upload token is invalid or has expired")
        return upload

    def _follow_rules(self, ticket: Json, wanted: Json, actor: Json, comment: Json | None, created: bool) -> None:
        status = wanted.get("status", ticket["status"])
        if status == "solved" and not wanted.get("assignee_id", ticket["assignee_id"]):
            if actor["role"] not in STAFF or actor["id"] == SYSTEM_AUTHOR:
                raise invalid(base="Assignee: is required when solving a ticket")
            wanted["assignee_id"] = actor["id"]
        assignee = wanted.get("assignee_id")
        if assignee:
            groups = self.data["memberships"].get(str(assignee), [])
            if wanted.get("group_id", ticket["group_id"]) not in groups:
                wanted["group_id"] = self.data["users"][str(assignee)]["default_group_id"]
            if status == "new":
                wanted["status"] = "open"
        speaks = comment and self.data["users"].get(str(comment["author_id"]), SYSTEM)["role"] not in STAFF
        if speaks and not created and "status" not in wanted and ticket["status"] in ("pending", "hold", "solved"):
            wanted["status"] = "open"
        if "status" in wanted and "custom_status_id" not in wanted:
            wanted["custom_status_id"] = self._default_status(wanted["status"], ticket["custom_status_id"])

    def _default_status(self, category: str, current: int | None) -> int | None:
        lasting = "solved" if category == "closed" else category
        for status in self.data["custom_statuses"].values():
            if status["status_category"] == lasting and status["default"]:
                return int(status["id"])
        return current

    def _finish_draft(self, ticket: Json, wanted: Json, comment: Json | None) -> None:
        requester = self.data["users"][str(wanted.get("requester_id", ticket["requester_id"]))]
        if wanted.get("organization_id") is None:
            wanted["organization_id"] = requester["organization_id"]
        wanted.setdefault("status", ticket["status"])
        if "custom_status_id" not in wanted:
            wanted["custom_status_id"] = self._default_status(wanted["status"], None)
        words = comment["texts"]["plain_body"] if comment else ""
        ticket["description"] = words
        if not wanted.get("subject"):
            wanted["subject"] = words[:100].split("\n")[0] or None
        ticket["is_public"] = bool(comment and comment["public"])
        self.take_id("ticket")
        self.data["tickets"][str(ticket["id"])] = ticket

    def _apply(self, ticket: Json, wanted: Json, created: bool) -> list[Json]:
        events: list[Json] = []

        def note(name: str, value: Any, old: Any) -> None:
            event = {"id": self.take_id(), "type": "Create" if created else "Change", "field_name": name}
            event["value"] = _shown(value)
            if not created:
                event["previous_value"] = _shown(old)
            events.append(event)

        for key, value in wanted.items():
            if key == "_custom":
                for ident in sorted(value.keys() | ticket["_custom"].keys()):
                    new, old = value.get(ident), ticket["_custom"].get(ident)
                    if new != old or (created and new is not None):
                        note(ident, new, old)
            elif value != ticket[key] or (created and value not in (None, [])):
                note(key, value, ticket[key])
            ticket[key] = value
        return events

    def _add_comment(self, ticket: Json, draft: Json, audit: Json) -> int:
        ident = self.take_id()
        attachments = []
        for upload in draft["uploads"]:
            upload["expires"] = 0
            attachments += upload["attachments"]
        for one in attachments:
            # A picture that the text shows is not listed among the files unless asked for.
            one["inline"] = html.escape(one["content_url"]) in draft["texts"]["html_body"]
        comment = {
            "id": ident,
            "type": "Comment",
            "author_id": draft["author_id"],
            **draft["texts"],
            "public": draft["public"],
            "attachments": attachments,
            "audit_id": audit["id"],
            "via": audit["via"],
            "created_at": audit["created_at"],
            "metadata": {"system": audit["metadata"]["system"], "custom": {}},
        }
        self.data["comments"].setdefault(str(ticket["id"]), []).append(comment)
        return ident

    def _touch(self, ticket: Json, now: str) -> None:
        """A change that the exports show."""
        ticket["updated_at"] = now
        self._regenerate(ticket)

    def _regenerate(self, ticket: Json) -> None:
        ticket["_seq"] = self.take_id("seq")
        ticket["_generated"] = int(self.world.now().timestamp())


def _shown(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
