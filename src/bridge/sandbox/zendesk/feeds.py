"""The incremental exports: tickets by cursor, and ticket events by time.

Both leave out the last `excluded_s` seconds (really 60, here 0 unless set).
https://developer.zendesk.com/documentation/ticketing/managing-tickets/using-the-incremental-export-api
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Request

from bridge.sandbox.site import Refusal
from bridge.sandbox.zendesk.account import api
from bridge.sandbox.zendesk.pages import decode_cursor, encode_cursor, read_number
from bridge.sandbox.zendesk.state import Json
from bridge.sandbox.zendesk.tickets import Tickets

MOST = 1000


class Feeds(Tickets):
    """Handlers below `/api/v2/incremental`."""

    def _settled(self) -> float:
        return self.world.now().timestamp() - float(self.settings.get("excluded_s", 0))

    def _start(self, request: Request) -> int:
        if not request.args.get("start_time"):
            raise Refusal(400, {"error": "RequiredParameterMissing", "description": "start_time is required"})
        start = read_number(request, "start_time", 0)
        if start > self._settled():
            raise Refusal(
                422,
                {
                    "error": "StartTimeTooRecent",
                    "description": "Too recent start_time. Use a start_time older than 60 seconds",
                },
            )
        return start

    @api("GET", "/incremental/tickets/cursor")
    def ticket_cursor(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        size = read_number(request, "per_page", MOST)
        if not 1 <= size <= MOST:
            raise Refusal(400, {"error": "InvalidValue", "description": "per_page must be 1 to 1000"})
        cursor = request.args.get("cursor")
        # Places are counted, not timed: two changes within one second are still parted.
        after = int(decode_cursor(cursor).split("|")[1]) if cursor else 0
        start = 0 if cursor else self._start(request)
        settled = self._settled()
        keep_deleted = request.args.get("exclude_deleted") != "true"
        ready = [
            ticket
            for ticket in self.data["tickets"].values()
            if ticket["_seq"] > after
            and start <= ticket["_generated"] <= settled
            and (keep_deleted or ticket["status"] != "deleted")
        ]
        ready.sort(key=lambda ticket: ticket["_seq"])
        cut = ready[:size]
        reached = encode_cursor(f"{cut[-1]['_generated']}.0|{cut[-1]['_seq']}|") if cut else cursor
        query = {**request.args.to_dict(), "cursor": reached or ""}
        query.pop("start_time", None)
        shown = self.shown(request, cut)
        for ticket, row in zip(cut, shown, strict=True):
            row["generated_timestamp"] = ticket["_generated"]
        return {
            "tickets": shown,
            "after_url": f"{self.url}{request.path}?{urlencode(query)}" if reached else None,
            "after_cursor": reached,
            "before_url": None,
            "before_cursor": None,
            "end_of_stream": len(cut) == len(ready),
            **self.sideload(request, cut),
        }

    @api("GET", "/incremental/ticket_events")
    def ticket_events(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        start = self._start(request)
        settled = self._settled()
        written_out = "comment_events" in request.args.get("include", "").split(",")
        audits = [audit for thread in self.data["audits"].values() for audit in thread]
        rows = [(epoch(audit["created_at"]), audit["id"], audit) for audit in audits]
        ready = sorted(row for row in rows if start <= row[0] <= settled)
        size = min(read_number(request, "per_page", MOST), MOST)
        cut = ready[:size]
        # A page never ends within a second, or the rest of that second could not be asked for.
        cut += [row for row in ready[size:] if row[0] == cut[-1][0]]
        end = cut[-1][0] if cut else None
        query = {**request.args.to_dict(), "start_time": str(end)}
        return {
            "ticket_events": [self._event(at, audit, written_out) for at, _, audit in cut],
            "next_page": f"{self.url}{request.path}?{urlencode(query)}" if cut else None,
            "count": len(cut),
            "end_of_stream": len(cut) == len(ready),
            "end_time": end,
        }

    def _event(self, at: int, audit: Json, written_out: bool) -> Json:
        shown = self.show_audit(audit)
        children = [self._child(event, audit, written_out) for event in shown["events"]]
        return {
            "id": audit["id"],
            "ticket_id": audit["ticket_id"],
            "timestamp": at,
            "created_at": audit["created_at"],
            "updater_id": audit["author_id"],
            "via": audit["via"]["channel"],
            "system": audit["metadata"]["system"],
            "event_type": "Audit",
            "child_events": children,
        }

    def _child(self, event: Json, audit: Json, written_out: bool) -> Json:
        child: Json = {
            "id": event["id"],
            "via": audit["via"]["channel"],
            "via_reference_id": None,
            "event_type": event["type"],
        }
        if event["type"] == "Comment":
            child |= {"comment_present": True, "comment_public": event["public"]}
            return {**event, "created_at": audit["created_at"], **child} if written_out else child
        if "field_name" not in event:
            return {**event, **child}
        name, value = event["field_name"], event["value"]
        if name.isdigit():
            child["custom_ticket_fields"] = {name: value}
        else:
            child[name] = value
        if "previous_value" in event:
            child["previous_value"] = event["previous_value"]
        if name == "tags":
            old = set(event.get("previous_value") or ())
            child["added_tags"] = sorted(set(value or ()) - old)
            child["removed_tags"] = sorted(old - set(value or ()))
        return child


@lru_cache(maxsize=65_536)
def epoch(stamp: str) -> int:
    """Seconds since 1970 of a stamp as Zendesk writes it."""
    return int(datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp())
